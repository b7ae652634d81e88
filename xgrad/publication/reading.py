"""Saved runs as the publisher takes them: rows, where they were made, and what the cases are."""

from __future__ import annotations

import datetime
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError
from xgrad.problem import CENSUS
from xgrad.running import CENSUS_COLUMNS, CURVE_COLUMNS, CURVES, EMPTY, read_cases, read_environment
from xgrad.table import COLUMNS, MISSING, PLACE, Column, read_frame
from xgrad.timing import TIMING_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

MACHINE = ("processor", "system", "cores")
TIMED = [*PLACE, "threads"]
ABOUT = "run.json"  # in a published run's folder: what the index says of it
LONGEST = 60  # characters of a name in a path


@dataclass
class Run:
    """One published run: agreement rows, the timings made beside them, and their environment."""

    folder: Path
    name: str
    date: str
    rows: pd.DataFrame
    environment: dict[str, Any]
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    timings: pd.DataFrame | None = None
    timing_environment: dict[str, Any] = field(default_factory=dict)
    curves: pd.DataFrame | None = None
    apart: str = ""  # what tells it from others of its date and commit: where it was saved

    @property
    def commit(self) -> str:
        """The short commit, with + where the checkout was changed; `none` outside one."""
        return str(self.environment.get("commit") or "none")

    @property
    def label(self) -> str:
        """`2026-11-21 36532ab+`, and the folder where another run has that too."""
        return f"{self.date} {self.commit}" + (f" ({self.apart})" if self.apart else "")

    @cached_property
    def census(self) -> str:
        """The framework whose operations the run judges; empty for a run of anything else."""
        judged = self.rows[self.rows["framework"] != ""]
        fields = {self.about(case)["field"] for case in judged["case"].unique()}
        return ", ".join(judged["framework"].unique()) if fields == {CENSUS} else ""

    @property
    def kind(self) -> str:
        """What it judges: `cases`, or `the census of torch`."""
        return f"the census of {self.census}" if self.census else "cases"

    def about(self, case: str) -> dict[str, Any]:
        """What is known of a case: at least its name."""
        return {**EMPTY, "identifier": case, "name": case, **self.cases.get(case, {})}


def read_runs(paths: Sequence[str | Path]) -> list[Run]:
    """The runs in some folders, oldest first, each with the timings made on the same machine.

    A folder may hold a run or the folders of several. Raises `UsageError` where one holds neither,
    and where timings were made where no run was.
    """
    found = read_each(paths)
    runs = sorted((r for r in found if len(r.rows)), key=lambda r: r.date)
    if not runs:
        raise UsageError("no agreement rows to publish: give a folder that xgrad run wrote")
    for timing in (r for r in found if r.timings is not None):
        _attach(timing, runs)
    for run, name in zip(runs, _names(runs), strict=True):
        run.name = name
    _set_apart(runs)
    return runs


def read_each(given: Iterable[str | Path | pd.DataFrame]) -> list[Run]:
    """What folders (a run's, or of several) and frames hold, in order: timings are runs apart."""
    import pandas as pd

    found: dict[Any, Run] = {}
    for each in given:
        if isinstance(each, pd.DataFrame):
            found[len(found)] = _of_frame(each, "the frame")
        else:
            found |= {folder: _read(folder) for folder in _folders(Path(each))}
    return list(found.values())


def _of_frame(frame: pd.DataFrame, what: str) -> Run:
    """A table as a run that says nothing of where it was made."""
    if "derivative" in frame:
        timings = _checked(frame, TIMING_COLUMNS, what)
        return Run(Path(), "", "", timings.iloc[:0], {}, timings=timings)
    return Run(Path(), "", "", _checked(frame, _columns_of(frame), what), {})


def _columns_of(frame: pd.DataFrame) -> Sequence[Column]:
    """Those of its kind: a census has what each verdict took."""
    costs = CENSUS_COLUMNS[len(COLUMNS) :]
    return CENSUS_COLUMNS if all(c.name in frame for c in costs) else COLUMNS


def _folders(path: Path) -> list[Path]:
    """The folders of runs at a path: itself, or those below it, however deep."""
    if path.is_file() and path.name == "rows.parquet":
        return [path.parent.resolve()]
    if not path.is_dir():
        raise UsageError(f"{path} is no folder of saved rows: xgrad run writes one")
    if (path / "rows.parquet").exists():
        return [path.resolve()]
    below = sorted(p.parent.resolve() for p in path.rglob("rows.parquet") if _is_run(p, path))
    if not below:
        raise UsageError(
            f"no saved rows in {path}: give a folder that xgrad run wrote (it has rows.parquet)"
        )
    return below


def _is_run(rows: Path, below: Path) -> bool:
    """Whether saved rows are a run's own: no hidden ones, and none that a site shows."""
    hidden = any(part.startswith(".") for part in rows.relative_to(below).parts)
    return not hidden and not (rows.parent.name == "data" and (rows.parents[1] / ABOUT).exists())


def _read(folder: Path) -> Run:
    found = _of_frame(read_frame(folder), str(folder / "rows.parquet"))
    saved, cases = read_cases(folder)
    found.folder, found.date = folder, _date(folder, saved)
    found.environment, found.cases = read_environment(folder), cases
    if found.timings is None:
        if found.rows.empty:
            raise UsageError(f"{folder} has no rows: the run judged nothing")
        found.curves = _curves(folder)
    return found


def _curves(folder: Path) -> pd.DataFrame | None:
    """The step curves saved beside the rows, if any."""
    import pandas as pd

    file = folder / f"{CURVES}.parquet"
    if not file.exists():
        return None
    try:
        found = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    return _checked(found, CURVE_COLUMNS, str(file))


def _checked(frame: pd.DataFrame, columns: Sequence[Column], what: str) -> pd.DataFrame:
    """The columns in their order and types; raises `UsageError` for somebody else's table."""
    import pandas as pd

    optional = {
        "multiple",
        "samples",
        "disturbed",
        "throughput",
        "message",
        "hint",
        "noise",
        "rule",
    }
    missing = [c.name for c in columns if c.name not in frame and c.name not in optional]
    if missing:
        raise UsageError(f"{what} was not written by xgrad: it lacks {', '.join(missing[:4])}")
    try:
        data = {
            c.name: pd.Series(
                frame[c.name].fillna(MISSING[c.dtype]) if c.name in frame else MISSING[c.dtype],
                index=frame.index,
                dtype=c.dtype,
            )
            for c in columns
        }
    except (ValueError, TypeError) as error:
        raise UsageError(f"{what} was not written by xgrad: {error}") from None
    return pd.DataFrame(data).reset_index(drop=True)


def _date(folder: Path, saved: str) -> str:
    """The day of a run: as saved, else of its folder's name, else of its file."""
    for text in (saved, folder.name):
        found = re.match(r"\d{4}-\d\d-\d\d(?!\d)", text)
        if found:
            return found[0]
    when = (folder / "rows.parquet").stat().st_mtime
    return datetime.datetime.fromtimestamp(when, datetime.UTC).date().isoformat()


def _attach(timing: Run, runs: list[Run]) -> None:
    """Give timings to the latest run of their machine, beside others of the same versions."""
    import pandas as pd

    here = timing.environment
    for run in reversed(runs):
        if any(run.environment.get(k) != here.get(k) for k in MACHINE):
            continue
        if run.timings is None:
            run.timings, run.timing_environment = timing.timings, here
            return
        if run.timing_environment.get("versions") == here.get("versions"):
            both = pd.concat([run.timings, timing.timings])
            run.timings = both.drop_duplicates(subset=TIMED, keep="last", ignore_index=True)
            return
    raise UsageError(
        f"{timing.folder} holds timings of {here.get('processor', 'an unknown processor')}, and no "
        "run given was made there (or it has timings under other versions): publish them beside one"
    )


def _set_apart(runs: list[Run]) -> None:
    """Name the folder in the labels of runs of one date and commit, as far up as they differ."""
    alike: dict[str, list[Run]] = {}
    for run in runs:
        alike.setdefault(run.label, []).append(run)
    for group in (g for g in alike.values() if len(g) > 1):
        parts = [run.folder.parts for run in group]
        depth = next(k for k in range(1, 1000) if len({p[-k:] for p in parts}) == len(parts))
        for run, part in zip(group, parts, strict=True):
            run.apart = "/".join(part[-depth:])


def _names(runs: list[Run]) -> list[str]:
    """`<date>-<commit>` for each run, numbered where several share it."""
    names: list[str] = []
    for run in runs:
        base = name = slug(f"{run.date}-{run.commit.rstrip('+')}")
        k = 2
        while name in names:
            name, k = f"{base}-{k}", k + 1
        names.append(name)
    return names


def slug(name: str) -> str:
    """A name as part of a path: letters, digits, - and _; a checksum where something was lost."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:LONGEST].strip("-")
    return safe if safe == name else f"{safe or 'x'}-{zlib.crc32(name.encode()):08x}"

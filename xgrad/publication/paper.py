"""A table for a paper: chosen cases × methods of saved runs, verdicts and timings joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError, counted, unknown
from xgrad.publication.cells import FULL, listed
from xgrad.publication.paper_texts import Line, Made, PaperTable
from xgrad.publication.reading import Run, read_each
from xgrad.publication.summary import made
from xgrad.running import fetched, names_in, require_kind, worded
from xgrad.table import records
from xgrad.telling import label_of, method_of

if TYPE_CHECKING:
    import pandas as pd

    Runs = str | Path | pd.DataFrame

Row = dict[str, Any]
LINE = ("label", "operator", "size", "dtype", "device")  # what tells lines apart
PLACE = (*LINE, "method")
WORST = ("disagrees", "known", "not finite", "error", "timeout", "crashed", "unstable",
         "inconclusive", "no referee", "convention", "bounded", "agrees")  # fmt: skip
QUANTITIES = ("digits", "time", "ratio")


@worded
def paper_table(
    runs: Runs | Iterable[Runs],
    *,
    cases: str | Iterable[str] | None = None,
    methods: str | Iterable[str] | None = None,
    operators: str | Iterable[str] | None = None,
    sizes: str | Iterable[str] | None = None,
    dtypes: str | Iterable[str] | None = None,
    devices: str | Iterable[str] | None = None,
    show: str | Iterable[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> PaperTable:
    """A table of cases × methods: digits, and time and ratio to the formula where they are timed.

    `runs` are frames, folders or URLs: what `xgrad run` judged, and what `xgrad time` measured of
    the same case, operator, size, dtype, device and method. `cases`, `methods` and so on are names
    or patterns, and the table has their order; `show` are some of digits, time, ratio. `names` are
    those that the table says for a case or a method. Of several seeds a cell has the worst verdict.
    Raises `UsageError` for names that the runs do not have, and for a cell in two of them.
    """
    require_kind("names", names, Mapping, "a mapping: names={'tsne_kl': 't-SNE'}")
    chosen = {"case": cases, "operator": operators, "size": sizes, "dtype": dtypes,
              "device": devices, "method": methods}  # fmt: skip
    given = {kind: names_in(f"{kind}s", asked) for kind, asked in chosen.items()}
    found = _read(runs)
    judged = _judged(found)
    timed = _timed(found)
    rows = [*judged.values(), *timed.values()]
    order = {kind: _order(kind, asked, rows) for kind, asked in given.items()}
    judged, timed = (_kept(each, order) for each in (judged, timed))
    lines = _lines(judged, timed, order, given["method"] is None)
    _require_cases(lines, order["case"], given["case"])
    known = {*(str(n) for line in lines for n in (line.case, line.label)), *order["method"]}
    for name in names or {}:
        if name not in known:
            raise unknown("case or method", name, known)
    return PaperTable(
        lines,
        tuple(m for m in order["method"] if any(m in line.rows for line in lines)),
        _shown(show, any(r.timings is not None for r in found)),
        dict(names or {}),
        _made(found, judged, timed),
        tuple(r for place, r in timed.items() if place not in judged),
    )


def _read(runs: Any) -> list[Run]:
    """The runs given; raises `UsageError` where none of them judged."""
    import pandas as pd

    several = (runs,) if isinstance(runs, (str, Path, pd.DataFrame)) else runs
    several = tuple(several) if isinstance(several, Iterable) else (several,)
    for each in several:
        if not isinstance(each, (str, Path, pd.DataFrame)):
            raise UsageError(f"runs={each!r}: give frames, or folders of saved runs")
    with fetched(tuple(r for r in several if not isinstance(r, pd.DataFrame))) as folders:
        left = iter(folders)
        found = read_each(r if isinstance(r, pd.DataFrame) else next(left) for r in several)
    if not any(len(r.rows) for r in found):
        raise UsageError("no verdicts to show: give what xgrad run made, beside any timings")
    return found


# --- rows by their places ------------------------------------------------------------------------


def _judged(runs: list[Run]) -> dict[Any, Row]:
    """The worst seed's row of each place; raises `UsageError` for a place in two runs."""
    found: dict[Any, Row] = {}
    for run in runs:
        here: dict[Any, list[Row]] = {}
        for row in listed(run):
            if row["method"]:
                here.setdefault(tuple(row[k] for k in PLACE), []).append(row)
        _require_new(here, found, "judged")
        for place, rows in here.items():
            found[place] = min(rows, key=_badness) | {"seeds": len(rows)}
    return found


def _badness(row: Row) -> tuple[int, float]:
    """What sorts the worst row first."""
    rank = WORST.index(row["word"]) if row["word"] in WORST else len(WORST)
    return rank, FULL.get(row["dtype"], 0.0) if row["digits"] != row["digits"] else row["digits"]


def _timed(runs: list[Run]) -> dict[Any, Row]:
    """The timing of each place; raises `UsageError` where there are several."""
    found: dict[Any, Row] = {}
    for timings in (r.timings for r in runs if r.timings is not None):
        here: dict[Any, Row] = {}
        for row in records(timings):
            if not row["framework"]:
                continue
            row |= {"method": method_of(row), "label": label_of(row)}
            place = tuple(row[k] for k in PLACE)
            _require_new({place: row}, here, "timed (for other threads or seeds)")
            here[place] = row
        _require_new(here, found, "timed")
        found |= here
    return found


def _require_new(here: Mapping[Any, Any], found: Mapping[Any, Any], what: str) -> None:
    for place in here:
        if place in found:
            label, operator, size, dtype, device, method = place
            raise UsageError(
                f"{label} {operator}, {method} {dtype} {size} on {device} was {what} twice: "
                "give one run that has it"
            )


# --- what is chosen ------------------------------------------------------------------------------


def _order(kind: str, asked: tuple[str, ...] | None, rows: list[Row]) -> list[str]:
    """The names of a kind that are chosen, in the order asked for; cases are labels."""
    column = "label" if kind == "case" else kind
    found = dict.fromkeys((r[column], r[kind]) for r in rows)
    if asked is None:
        return [name for name, _ in found]
    chosen: dict[str, None] = {}
    for pattern in asked:
        hits = [name for name, of in found if fits(pattern, name) or fits(pattern, of)]
        if not hits:
            raise unknown(kind, pattern, {n for names in found for n in names})
        chosen |= dict.fromkeys(hits)
    return list(chosen)


def fits(pattern: str, name: str) -> bool:
    """Whether a name is the one asked for, or of its pattern."""
    return name == pattern or fnmatchcase(name, pattern)


def _kept(rows: dict[Any, Row], order: dict[str, list[str]]) -> dict[Any, Row]:
    """The rows of chosen names."""
    columns = [("label" if kind == "case" else kind, set(names)) for kind, names in order.items()]
    return {p: r for p, r in rows.items() if all(r[k] in names for k, names in columns)}


def _lines(
    judged: dict[Any, Row], timed: dict[Any, Row], order: dict[str, list[str]], measured: bool
) -> tuple[Line, ...]:
    """Lines in order; those of `measured` methods only, where no method was asked for."""
    lines: dict[Any, dict[str, tuple[Row, Row | None]]] = {}
    wanted = {r["method"] for r in judged.values() if not measured or r["word"] in WORST}
    for place, row in judged.items():
        if row["method"] in wanted:
            lines.setdefault(place[:-1], {})[row["method"]] = row, timed.get(place)
    kinds = ("case", "operator", "size", "dtype", "device")

    def key(place: Any) -> list[int]:
        return [order[kind].index(name) for kind, name in zip(kinds, place, strict=True)]

    made = []
    for place in sorted(lines, key=key):
        label, operator, size, dtype, device = place
        case = next(iter(lines[place].values()))[0]["case"]
        made.append(Line(case, label, operator, size, dtype, device, lines[place]))
    return tuple(made)


def _require_cases(lines: Iterable[Line], cases: list[str], asked: Any) -> None:
    there = {line.label for line in lines}
    missing = [c for c in cases if c not in there] if asked else []
    if missing or not there:
        raise UsageError(
            f"no verdict of {', '.join(missing[:4]) or 'any case'} for what is chosen: "
            "choose other methods, operators, sizes, dtypes or devices, or give another run"
        )


def _shown(show: Any, timed: bool) -> tuple[str, ...]:
    """The quantities asked for, or all that there are."""
    asked = names_in("show", show)
    if asked is None:
        return QUANTITIES if timed else QUANTITIES[:1]
    for name in asked:
        if name not in QUANTITIES:
            raise unknown("quantity", name, QUANTITIES)
        if name != "digits" and not timed:
            raise UsageError(f"no {name} to show: give a run of xgrad time too")
    return tuple(q for q in QUANTITIES if q in asked)


# --- where it was made ---------------------------------------------------------------------------


def _made(runs: list[Run], judged: dict[Any, Row], timed: dict[Any, Row]) -> Made:
    """What the runs record of their commits, machines and versions."""
    verdicts = _records(r for r in runs if len(r.rows))
    timings = _records(r for r in runs if r.timings is not None)
    threads = sorted({r["threads"] for r in timed.values()})
    seeds = max((r["seeds"] for r in judged.values()), default=1)
    return Made(
        verdicts,
        timings,
        " or ".join(counted(n, "thread") if n else "the caller's threads" for n in threads),
        f"the worst of {counted(seeds, 'seed')}" if seeds > 1 else "",
    )


def _records(runs: Iterable[Run]) -> str:
    told = dict.fromkeys(
        made(r) if r.environment else "Commit, machine and versions were not recorded."
        for r in runs
    )
    return " ".join(told)

"""A night: what was measured at one commit, with one set of packages, on one machine.

    results/nightly/<machine>/<UTC time>-<commit>/
        night.json     commit, packages, device, driver, load, what was planned and is missing
        timing/        rows of the suite, as `xgrad time --out` writes them
        agreement/     rows of `xgrad run`
        gate.json      what the gate said

A folder without `night.json` is a night that was broken off: it counts for nothing.
"""

import datetime
import importlib.metadata
import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

PACKAGES = ("numpy", "scipy", "torch", "jax", "jaxlib", "array-api-compat", "python-flint")
RIGHT = ("agrees", "bounded", "inconclusive", "convention")
FAILED = ("error", "timeout", "crashed")
KNOWN = "known: "  # how the message of a difference begins that a case lists
CELL = ["case", "size", "point", "operator", "framework", "technique", "device", "dtype", "seed"]
SAID = ["status", "verdict", "digits", "message"]
MEASURED, SHORT, LOST = "measured", "short", "lost"  # all of it; less than planned; nothing


@dataclass(frozen=True)
class About:
    """What a night's `night.json` says; `started` is UTC, `seconds` how long it took."""

    commit: str
    started: str
    machine: str
    device: str
    profile: str
    packages: dict[str, str]
    status: str = MEASURED
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    load: float | None = None
    driver: str = ""


@dataclass(frozen=True)
class Night:
    """A night's folder, read."""

    folder: Path
    about: About

    @cached_property
    def timings(self) -> pd.DataFrame:
        """The suite's rows by cell; none where it failed."""
        return _rows(self.folder / "timing")

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """Status, verdict and digits of every cell, of the agreement run and of the suite."""
        parts = [p.reindex(columns=SAID) for p in (_rows(self.folder / "agreement"), self.timings)]
        both = pd.concat([p for p in parts if len(p)]) if any(map(len, parts)) else parts[0]
        return both[~both.index.duplicated()].sort_index()

    @property
    def name(self) -> str:
        """The commit in short."""
        return self.about.commit[:7]

    def save(self) -> None:
        """Write `night.json`: from now on the night counts."""
        text = json.dumps(asdict(self.about), indent=2) + "\n"
        part = self.folder / ".night.json.part"
        part.write_text(text)
        part.replace(self.folder / "night.json")


def _rows(folder: Path) -> pd.DataFrame:
    """Saved rows, by cell; a table without rows where there is no file."""
    file = folder / "rows.parquet"
    if not file.exists():
        return pd.DataFrame(columns=[*CELL, *SAID]).set_index(CELL)
    frame = pd.read_parquet(file)
    if "samples" in frame:
        frame["fastest"] = [fastest(text) for text in frame["samples"]]
    return frame.drop_duplicates(CELL).set_index(CELL).sort_index()


def fastest(samples: str) -> float:
    """Seconds of the fastest sample, NaN of none: other processes can only add to it."""
    taken = json.loads(samples) if samples else []
    return min(taken, default=float("nan"))


def read_night(folder: Path) -> Night:
    """A night by its folder; raises `FileNotFoundError` where none was finished there."""
    return Night(folder, About(**json.loads((folder / "night.json").read_text())))


def read_nights(root: Path) -> list[Night]:
    """All finished nights below a folder, the oldest first."""
    found = [read_night(file.parent) for file in root.glob("*/*/night.json")]
    return sorted(found, key=lambda night: (night.about.started, night.folder.name))


def earlier(night: Night, nights: list[Night]) -> list[Night]:
    """The nights before one, on the same machine and device, that measured something."""
    place = night.about.machine, night.about.device
    return [
        other
        for other in nights
        if (other.about.machine, other.about.device) == place
        and other.about.started < night.about.started
        and other.about.status != LOST
    ]


def is_right(row: pd.Series) -> bool:
    """Whether a result was there and nothing spoke against it."""
    return bool(row["status"] == "ok" and row["verdict"] in RIGHT)


def is_wrong(row: pd.Series) -> bool:
    """Whether it disagrees, lost its digits, is not finite or not there, and no case lists that."""
    if str(row["message"]).startswith(KNOWN):
        return False
    nonfinite = row["status"] == "nonfinite" and not row["verdict"]
    return bool(row["status"] in FAILED or row["verdict"] in ("disagrees", "unstable") or nonfinite)


def cell_name(cell: tuple[Any, ...]) -> str:
    """A cell in words: case operator, framework.technique dtype size device."""
    at = dict(zip(CELL, cell, strict=True))
    point = "" if at["point"] in ("", "random") else f" at {at['point']}"
    seed = f" seed {at['seed']}" if at["seed"] else ""
    method = f"{at['framework']}.{at['technique']}"
    return (
        f"{at['case']}{point} {at['operator']}, {method} {at['dtype']} {at['size']} "
        f"{at['device']}{seed}"
    )


def installed() -> dict[str, str]:
    """The versions of Python and of the packages that decide what is measured."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> str:
    """The packages that differ, as text; empty where none does."""
    names = dict.fromkeys([*before, *after])
    pairs = [(n, before.get(n) or "none", after.get(n) or "none") for n in names]
    return ", ".join(f"{n} {a} → {b}" for n, a, b in pairs if a != b)


def find_driver() -> str:
    """The accelerator and its driver; empty where there is none."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def now() -> str:
    """The time, UTC, as text that sorts."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")

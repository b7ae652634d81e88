"""The gate: is a night as right and as quick as those before it?

A regression is
  - a result that was right and is not any more, or a new cell that is wrong or fails;
  - more than 1 decimal digit fewer than the median of the last five nights;
  - a time beyond 10% (15% on a GPU) over the median of the last five nights and beyond their noise
    band, where a re-run of both commits in 7 interleaved rounds confirms it: by more than the same
    10% in the median of the rounds, and between the fastest of all. Else it is a warning.

The time of a cell is its fastest sample, a block of calls of 5 ms or more: other processes can only
add to it. Where the machine is quiet it is close to the median that the tables show.

Status: 0 clean, 1 regression, 2 failure (a wrong call, a night that measured nothing),
3 infrastructure (git or the re-run did not work).
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from nights import (
    CELL,
    LOST,
    RIGHT,
    Night,
    cell_name,
    changed,
    earlier,
    is_right,
    is_wrong,
    read_night,
    read_nights,
)
from repeat import Pairs, repeat
from suite.measure import ABSENT
from suite.profiles import Place

CLEAN, REGRESSION, FAILURE, INFRASTRUCTURE = 0, 1, 2, 3
ERROR, WARNING, NOTE = "regression", "warning", "note"
DIGITS = 1.0  # decimal digits that a result may lose
SLOWER = {"cpu": 0.10}  # share by which a time may grow
SLOWER_ELSEWHERE = 0.15
WINDOW = 5  # nights that make the noise band
SIGMAS = 3.0  # standard deviations of the band
SPREAD = 1.4826  # from a median absolute deviation to a standard deviation
NIGHTLY = Path(__file__).parents[1] / "results" / "nightly"

Cell = tuple[Any, ...]
Repeat = Callable[[str, str, Sequence[Place], str], Pairs]


@dataclass(frozen=True)
class Finding:
    """One thing that changed: how bad, by which rule, where, and what."""

    level: str
    rule: str
    cell: str
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.cell}: {self.text}"


# --- right and wrong -----------------------------------------------------------------------------


def compare_verdicts(night: Night, history: list[Night]) -> list[Finding]:
    """What was right and is not, what is new and fails, what lost digits, what is gone."""
    found = []
    before = _latest([other.verdicts for other in history])
    usual = _usual_digits(history)
    for cell, row in night.verdicts.iterrows():
        name = cell_name(cell)
        old = before.loc[[cell]].iloc[0] if cell in before.index else None
        found += _turned(name, old, row)
        if is_right(row) and cell in usual.index:
            found += _fewer_digits(name, usual[cell], row["digits"])
    return found + _gone(night, before)


def _latest(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The newest row of every cell."""
    both = pd.concat(frames)
    return both[~both.index.duplicated(keep="last")].sort_index()


def _usual_digits(history: list[Night]) -> pd.Series:
    """The median digits of each cell over the last nights that had it right."""
    rows = pd.concat([n.verdicts for n in history])
    rows = rows[(rows["status"] == "ok") & rows["verdict"].isin(RIGHT) & rows["digits"].notna()]
    return rows.groupby(level=CELL)["digits"].agg(lambda d: float(np.median(d.iloc[-WINDOW:])))


def _turned(name: str, old: pd.Series | None, row: pd.Series) -> list[Finding]:
    """Right to wrong, or new and wrong."""
    said = f"{row['status']} {row['verdict']}".strip()
    reason = f": {row['message']}" if row["message"] else ""
    if old is None:
        return [Finding(ERROR, "new error", name, said + reason)] if is_wrong(row) else []
    if row["status"] == ABSENT and is_right(old):
        return [Finding(WARNING, "gone", name, f"not there any more{reason}")]
    known = not is_wrong(row) and row["status"] == "ok"
    if is_right(old) and not is_right(row) and not known:
        return [Finding(ERROR, "right to wrong", name, f"{old['verdict']} → {said}{reason}")]
    return []


def _fewer_digits(name: str, usual: float, digits: float) -> list[Finding]:
    if not digits < usual - DIGITS:
        return []
    return [Finding(ERROR, "digits lost", name, f"{usual:.1f} → {digits:.1f} digits")]


def _gone(night: Night, before: pd.DataFrame) -> list[Finding]:
    """Cells that were right and have no row tonight, counted for each case."""
    right = before[before.apply(is_right, axis=1)] if len(before) else before
    lost = right.index.difference(night.verdicts.index)
    counts = pd.Series([cell[0] for cell in lost], dtype=object).value_counts()
    return [Finding(WARNING, "gone", case, f"{n} cells are gone") for case, n in counts.items()]


# --- time ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suspect:
    """A cell that is slower than the last nights: seconds now, usually, at most by noise."""

    cell: Cell
    seconds: float
    usual: float
    bound: float
    reference: Night  # the latest night that was not slow

    @property
    def place(self) -> Place:
        """The cell as the suite measures it."""
        at = dict(zip(CELL, self.cell, strict=True))
        method = f"{at['framework']}.{at['technique']}"
        return Place(at["case"], at["operator"], at["size"], at["dtype"], method)

    @property
    def text(self) -> str:
        """The numbers."""
        return (
            f"{self.seconds:.3g} s, {self.seconds / self.usual - 1:+.0%} of the usual "
            f"{self.usual:.3g} s (noise reaches {self.bound:.3g} s)"
        )


def allowed(device: str) -> float:
    """The share by which a time may grow on a device."""
    return SLOWER.get(device, SLOWER_ELSEWHERE)


def noise_band(seconds: Sequence[float]) -> tuple[float, float]:
    """The usual seconds of the last nights, and how far noise takes them.

    Their median, and three standard deviations above it, by the median absolute deviation: of five
    nights, two may have been disturbed.
    """
    usual = float(np.median(seconds))
    deviation = SPREAD * float(np.median(np.abs(np.asarray(seconds) - usual)))
    return usual, usual + SIGMAS * deviation


def find_suspects(night: Night, history: list[Night]) -> list[Suspect]:
    """The cells whose time is beyond both the allowed share and the noise band."""
    found = []
    for cell, row in night.timings.iterrows():
        past = [(n, n.timings.loc[cell, "fastest"]) for n in history if cell in n.timings.index]
        past = [(n, seconds) for n, seconds in past if seconds > 0][-WINDOW:]
        if past and row["fastest"] > 0:
            found += _suspected(cell, row["fastest"], past)
    return found


def _suspected(cell: Cell, seconds: float, past: list[tuple[Night, float]]) -> list[Suspect]:
    usual, bound = noise_band([before for _, before in past])
    most = usual * (1 + allowed(cell[CELL.index("device")]))
    if seconds <= max(most, bound):
        return []
    quick = [night for night, before in past if before <= most]
    return [Suspect(cell, seconds, usual, bound, quick[-1])]


def compare_times(night: Night, history: list[Night], again: Repeat | None) -> list[Finding]:
    """What is slower: a regression where a re-run confirms it, a warning where not."""
    found = []
    by_commit: dict[str, list[Suspect]] = {}
    for suspect in find_suspects(night, history):
        since = _accused(suspect, history)
        if since:
            name, said = cell_name(suspect.cell), f"{suspect.text}, known since {since.name}"
            found.append(Finding(WARNING, "still slower", name, said))
        else:
            by_commit.setdefault(suspect.reference.about.commit, []).append(suspect)
    for commit, suspects in by_commit.items():
        found += _confirmed(night, commit, suspects, again)
    return found


def _accused(suspect: Suspect, history: list[Night]) -> Night | None:
    """The night that the gate called it slower, where it has not been quick again since."""
    name = cell_name(suspect.cell)
    for night in history[history.index(suspect.reference) + 1 :]:
        said = [(f.level, f.rule) for f in read_findings(night.folder) if f.cell == name]
        if (ERROR, "slower") in said:
            return night
    return None


def _confirmed(
    night: Night, before: str, suspects: list[Suspect], again: Repeat | None
) -> list[Finding]:
    """The suspects of one reference commit, after the re-run."""
    packages = changed(suspects[0].reference.about.packages, night.about.packages)
    why = f"; packages changed: {packages}" if packages else ""
    if before == night.about.commit or again is None:
        why = why or ("; not re-run" if again is None else "; the commit is the same")
        return [_warning(s, f"{s.text}{why}") for s in suspects]
    pairs = again(before, night.about.commit, [s.place for s in suspects], night.about.device)
    return [_weighed(s, pairs.get(s.place, []), before, why) for s in suspects]


def _weighed(suspect: Suspect, pairs: list[tuple[float, float]], before: str, why: str) -> Finding:
    if not pairs:
        return _warning(suspect, f"{suspect.text}; the re-run gave no times{why}")
    typical, between = slowdown(pairs)
    said = (
        f"{suspect.text}; re-run beside {before[:7]}: {typical - 1:+.0%} in the median of "
        f"{len(pairs)} rounds, {between - 1:+.0%} between the fastest"
    )
    if min(typical, between) > 1 + allowed(suspect.cell[CELL.index("device")]):
        return Finding(ERROR, "slower", cell_name(suspect.cell), said)
    return _warning(suspect, f"{said}: not confirmed{why}")


def _warning(suspect: Suspect, text: str) -> Finding:
    return Finding(WARNING, "slower", cell_name(suspect.cell), text)


def slowdown(pairs: Any) -> tuple[Any, Any]:
    """After over before: in the median of the rounds, and between the fastest of all rounds.

    Pairs (…, rounds, 2); a disturbed process spoils the round that it is in, and no more than that.
    """
    before, after = np.moveaxis(np.asarray(pairs), -1, 0)
    return np.median(after / before, axis=-1), np.min(after, axis=-1) / np.min(before, axis=-1)


# --- a night -------------------------------------------------------------------------------------


def judge(night: Night, nights: list[Night], again: Repeat | None = repeat) -> list[Finding]:
    """All that changed, the worst first; what is said is kept beside the night."""
    history = earlier(night, nights)
    if not history:
        found = [Finding(NOTE, "first", night.name, "no earlier night to compare with")]
    else:
        found = compare_verdicts(night, history) + compare_times(night, history, again)
    found.sort(key=lambda each: (ERROR, WARNING, NOTE).index(each.level))
    text = json.dumps([asdict(each) for each in found], indent=1) + "\n"
    (night.folder / "gate.json").write_text(text)
    return found


def read_findings(folder: Path) -> list[Finding]:
    """What the gate said of a night; nothing where it was not asked."""
    file = folder / "gate.json"
    return [Finding(**each) for each in json.loads(file.read_text())] if file.exists() else []


def status(night: Night, found: list[Finding]) -> int:
    """The exit status."""
    if any(each.level == ERROR for each in found):
        return REGRESSION
    return FAILURE if night.about.status == LOST else CLEAN


def report(night: Night, found: list[Finding]) -> str:
    """What to print: a line for the night, one for each finding."""
    counts = [(sum(e.level == level for e in found), level) for level in (ERROR, WARNING)]
    said = ", ".join(f"{n} {level}{'s' * (n > 1)}" for n, level in counts if n) or "clean"
    return "\n".join([f"gate {night.name} on {night.about.machine}: {said}", *map(str, found)])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("night", nargs="?", type=Path, help="its folder; default: the newest")
    parser.add_argument("--nights", type=Path, default=NIGHTLY, help="folder of all nights")
    parser.add_argument("--no-confirm", action="store_true", help="no re-run: warnings only")
    given = parser.parse_args(arguments)
    nights = read_nights(given.nights)
    try:
        night = read_night(given.night) if given.night else nights[-1]
    except (FileNotFoundError, IndexError):
        print(f"no night in {given.night or given.nights}: nightly.py makes them", file=sys.stderr)
        return FAILURE
    try:
        found = judge(night, nights, None if given.no_confirm else repeat)
    except Exception as error:
        print(f"the gate could not judge: {error}", file=sys.stderr)
        return INFRASTRUCTURE
    print(report(night, found))
    return status(night, found)


if __name__ == "__main__":
    sys.exit(main())

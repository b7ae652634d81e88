"""The operations of a census: what each derivative in each dtype shows, by its worst sample."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from xgrad.publication.cells import FULL, LOOKS, Look, cut
from xgrad.telling import OUTCOMES, Asked, by_operation, outcome_of

RANK = {name: k for k, name in enumerate(OUTCOMES)}
STANDS_OUT = OUTCOMES[: RANK["right"]]
LONGEST = 160  # characters of a reason in a list
STYLES = {  # of an outcome, where no row is at hand to say it
    "wrong": "disagrees", "known": "known", "unstable": "unstable",
    "no verdict": "inconclusive", "right": "agrees", "not there": "absent",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """An operation as one derivative in one dtype shows it: its worst sample, and how many."""

    worst: dict[str, Any]
    outcome: str
    alike: int
    samples: int
    seconds: float  # of processor time that the verdicts took; NaN where nobody measured it

    @property
    def look(self) -> Look:
        """Of its worst sample."""
        return next(look for look in LOOKS.values() if look.word == self.worst["word"])

    @property
    def words(self) -> str:
        """`6 agree`, `✗ 2 of 6 disagree`: what is usual is told in the fewest characters."""
        symbol = "" if self.worst["style"] == STYLES["right"] else f"{self.worst['symbol']} "
        among = "" if self.alike == self.samples else f" of {self.samples}"
        return f"{symbol}{self.alike}{among} {self.look.counted(self.alike)}"


@dataclass(frozen=True)
class Operations:
    """Every operation of a run with a cell, or None, for each thing that was asked."""

    asked: list[Asked]
    lines: dict[str, list[Cell | None]]


@dataclass(frozen=True)
class Finding:
    """A derivative of an operation that is not simply right, once for all dtypes and samples."""

    kind: str
    outcome: str
    rows: list[dict[str, Any]]  # the worst first

    @property
    def worst(self) -> dict[str, Any]:
        """The row with the fewest digits."""
        return self.rows[0]

    @property
    def dtypes(self) -> str:
        """Those of its rows, the longest first."""
        return ", ".join(sorted({r["dtype"] for r in self.rows}, key=lambda d: -FULL.get(d, 0)))

    @property
    def samples(self) -> str:
        """Those of its rows, in the order of the run."""
        return ", ".join(
            dict.fromkeys(r["point"] for r in sorted(self.rows, key=lambda r: r["id"]))
        )

    @property
    def size(self) -> str:
        """How far off the worst is: its digits, or its error where the truth is 0."""
        number = self.worst["number"]
        if number in ("", "exact"):
            return number
        if number == "NaN":
            return "not finite"
        is_digits = math.isfinite(self.worst["digits"])
        return f"{number} digits" if is_digits else f"an error of {number}"

    @property
    def why(self) -> str:
        """The reason in short: how it looks, what the row says, or else the rule that decided."""
        told = self.worst["hint"] or self.worst["message"] or self.worst["rule"]
        return cut(" ".join(told.split()), LONGEST)


def make_operations(rows: list[dict[str, Any]]) -> Operations:
    """Of rows as `cells.listed` gives them."""
    found = by_operation(rows)
    names = dict.fromkeys(r["case"] for r in rows if r["operator"])
    asked = sorted(found, key=lambda a: [x.derivative for x in found].index(a.derivative))
    lines = {n: [_cell(found[a][n]) if n in found[a] else None for a in asked] for n in names}
    return Operations(asked, lines)


def _cell(rows: list[dict[str, Any]]) -> Cell:
    worst = min(rows, key=_badness)
    alike = sum(r["word"] == worst["word"] for r in rows)
    seconds = sum(r.get("seconds", math.nan) for r in rows)
    return Cell(worst, outcome_of([worst]), alike, len(rows), seconds)


def _badness(row: dict[str, Any]) -> tuple[int, float]:
    """The worst outcome first, then the fewest digits."""
    return RANK[outcome_of([row])], math.inf if math.isnan(row["digits"]) else row["digits"]


def find_findings(rows: list[dict[str, Any]]) -> list[Finding]:
    """What stands out, the worst outcome first: one for each operation, derivative and verdict."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        outcome = outcome_of([row])
        if outcome in STANDS_OUT:
            key = outcome, row["word"], row["case"], row["operator"], row["technique"]
            groups.setdefault(key, []).append(row)
    found = [
        Finding(_kind(outcome, word), outcome, sorted(rows, key=_badness))
        for (outcome, word, *_), rows in groups.items()
    ]
    return sorted(found, key=lambda f: (RANK[f.outcome], f.worst["word"]))


def _kind(outcome: str, word: str) -> str:
    """`wrong: disagrees`; the outcome alone where the word says the same."""
    return outcome if word in (outcome, "inconclusive") else f"{outcome}: {word}"


# --- tables --------------------------------------------------------------------------------------


def counts_frame(operations: Operations) -> pd.DataFrame:
    """Of each derivative and dtype: how many operations show what."""
    told = []
    for k, asked in enumerate(operations.asked):
        cells = (line[k] for line in operations.lines.values())
        found = Counter(cell.outcome for cell in cells if cell)
        counts = {each: found[each] for each in OUTCOMES}
        named = {"derivative": asked.derivative, "dtype": asked.numbers}
        told.append({**named, "operations": found.total(), **counts})
    return pd.DataFrame(told)


def operations_frame(operations: Operations) -> pd.DataFrame:
    """A row for each operation, derivative and dtype: its outcome, and its worst sample."""
    names = (
        *Asked._fields,
        "point",
        "digits",
        "verdict",
        "worst",
        "got",
        "want",
        "hint",
        "message",
    )
    told = [
        {"operation": name, "outcome": cell.outcome, "samples": cell.samples, "alike": cell.alike}
        | {k: cell.worst[k] for k in names}
        | {"seconds": cell.seconds}
        for name, line in operations.lines.items()
        for cell in line
        if cell
    ]
    return pd.DataFrame(told)


def findings_frame(findings: list[Finding]) -> pd.DataFrame:
    """A row for each finding."""
    return pd.DataFrame(
        {
            "operation": [f.worst["case"] for f in findings],
            "derivative": [f"{f.worst['operator']} by {f.worst['technique']}" for f in findings],
            "dtypes": [f.dtypes for f in findings],
            "samples": [f.samples for f in findings],
            "verdict": [f.kind for f in findings],
            "digits": [f.worst["number"] for f in findings],
            "worst": [f.worst["worst"] for f in findings],
            "why": [f.why for f in findings],
        }
    )


def right_frame(operations: Operations) -> pd.DataFrame:
    """The operations that are right wherever they are there: fewest digits by dtype, and cost."""
    dtypes = list(dict.fromkeys(a.numbers for a in operations.asked))
    told = []
    for name, line in operations.lines.items():
        there = [(a, c) for a, c in zip(operations.asked, line, strict=True)
                 if c and c.outcome != "not there"]  # fmt: skip
        if there and all(c.outcome == "right" for _, c in there):
            cells = {d: [c for a, c in there if a.numbers == d] for d in dtypes}
            seconds = f"{sum(c.seconds for c in line if c):.2g}"
            told.append(
                {"operation": name}
                | {d: _fewest(cells[d]) for d in dtypes}
                | ({} if seconds == "nan" else {"seconds": seconds})
            )
    return pd.DataFrame(told)


def _fewest(cells: list[Cell]) -> str:
    return str(min(cells, key=lambda c: _badness(c.worst)).worst["number"]) if cells else "–"

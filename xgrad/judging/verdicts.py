"""The table of verdicts: what each means, what it counts for, and how it is shown everywhere."""

# ruff: noqa: E501  the table reads as one

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from typing import Any

from xgrad.errors import UsageError
from xgrad.numbers import EPS
from xgrad.table import FAILED, KNOWN


@dataclass(frozen=True)
class Verdict:
    """One row: `fails` a run, `tells` that something was compared with the truth.

    `mark` stands beside digits in a terminal, in a `colour`; `symbol` on pages, in colours of
    background and text, by day and by night.
    """

    name: str
    plural: str
    fails: bool
    tells: bool
    mark: str
    colour: str
    symbol: str
    day: tuple[str, str]
    night: tuple[str, str]
    meaning: str


AGREES, DISAGREES, UNSTABLE = "agrees", "disagrees", "unstable"
BOUNDED, INCONCLUSIVE, CONVENTION = "bounded", "inconclusive", "convention"

LEAST = 0.25  # of the dtype's digits that an unstable result must have left

# fmt: off
_ROWS = (
    Verdict(AGREES,       "agree",        False, True,  "",  "green",    "✓", ("#dcebf7", "#0b3c66"), ("#17344d", "#b9dcf9"), "within the tolerance of every element"),
    Verdict(BOUNDED,      "bounded",      False, True,  "≤", "green",    "≤", ("#e3efe0", "#24502a"), ("#1c3a22", "#bfe6c4"), "differences that meet the truth within the bound that they claim: right"),
    Verdict(INCONCLUSIVE, "inconclusive", False, False, "~", "yellow",   "~", ("#fbf0c9", "#5c4400"), ("#453806", "#f5df94"), "could not be judged, with the reason: no accusation"),
    Verdict(UNSTABLE,     "unstable",     False, True,  "≈", "magenta",  "≈", ("#eadcf5", "#4b1d78"), ("#3a2352", "#e0c5fa"), "right mathematics, lost digits"),
    Verdict(CONVENTION,   "convention",   False, True,  "±", "cyan",     "±", ("#d5f1ee", "#0a4a45"), ("#0c3f3b", "#a8ece4"), "a kink: left and right slopes differ, no single truth"),
    Verdict(DISAGREES,    "disagree",     True,  True,  "✗", "bold red", "✗", ("#b93a0a", "#ffffff"), ("#ff8a5c", "#1d0b02"), "beyond it: the method is wrong"),
)
# fmt: on

VERDICTS: dict[str, Verdict] = {row.name: row for row in _ROWS}


def is_judged(row: Any) -> bool:
    """Whether a row's result was compared with the truth."""
    return row["verdict"] in VERDICTS and VERDICTS[row["verdict"]].tells


def is_failure(row: Any, least: float = LEAST) -> bool:
    """Whether a row makes a run fail: something disagrees, went wrong, or has few digits left.

    `least` is the share of the dtype's digits that an unstable result must have.
    """
    if row["message"].startswith(KNOWN):
        return False
    if row["status"] in FAILED or (row["status"] == "nonfinite" and not row["verdict"]):
        return True
    if row["verdict"] == UNSTABLE:
        return bool(row["digits"] < least * -log10(EPS[row["dtype"]]))
    return row["verdict"] in VERDICTS and VERDICTS[row["verdict"]].fails


def share_of_digits(option: str, given: Any) -> float:
    """The share that an option gives; raises `UsageError` for what is none."""
    try:
        share = float(given)
    except (TypeError, ValueError):
        share = float("nan")
    if isinstance(given, bool) or not 0 <= share <= 1:
        raise UsageError(f"{option}={given!r}: give a share of the dtype's digits, 0 to 1")
    return share

"""What a row says in a cell: a number, a word, and how they look."""

# ruff: noqa: E501  the table of looks reads as one

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xgrad.judging import AGREES, DISAGREES, VERDICTS
from xgrad.table import KNOWN, records
from xgrad.telling import label_of, method_of, reproduction

if TYPE_CHECKING:
    from xgrad.publication.reading import Run


@dataclass(frozen=True)
class Look:
    """How a verdict or a status is shown: a word, a symbol, a class of the style sheet."""

    word: str
    symbol: str
    style: str
    meaning: str
    plural: str = ""

    def counted(self, rows: int) -> str:
        """The word beside a number of rows: `12 disagree`."""
        return self.word if rows == 1 else self.plural or self.word


_VERDICTS = {v.name: Look(v.name, v.symbol, v.name, v.meaning, v.plural) for v in VERDICTS.values()}

# fmt: off
LOOKS = {
    AGREES: _VERDICTS.pop(AGREES), DISAGREES: _VERDICTS.pop(DISAGREES),
    "known":        Look("known",        "✗", "known",        "disagrees, and the case says why"),
    **_VERDICTS,
    "unjudged":     Look("no referee",   "?", "absent",       "nothing to judge by; the row has the reason"),
    "unsupported":  Look("not here",     "–", "absent",       "the method does not apply to this case"),
    "unavailable":  Look("unavailable",  "–", "absent",       "no such device or package on that machine"),
    "nonfinite":    Look("not finite",   "!", "failed",       "NaN or infinity where the truth is a number"),
    "error":        Look("error",        "!", "failed",       "it raised; the row has the message", "errors"),
    "timeout":      Look("timeout",      "!", "failed",       "beyond the time limit", "timeouts"),
    "crashed":      Look("crashed",      "!", "failed",       "the process ended"),
}
# fmt: on
FULL = {"float64": 15.65, "float32": 6.92, "bfloat16": 2.41, "float16": 3.31}  # digits of a dtype

LONGEST = 600  # characters of a message on a page


def style_of_verdicts() -> str:
    """The classes of verdicts for the style sheet, by day and by night.

    A cell of operations has none where it agrees, as most of thousands do.
    """
    rule = "{}{{background:{};color:{}}}".format
    usual = (":where(.operations td)", VERDICTS[AGREES])
    styles = [usual, *((f".{v.name}", v) for v in VERDICTS.values())]
    day = "".join(rule(name, *v.day) for name, v in styles)
    night = "".join(rule(name, *v.night) for name, v in styles)
    return f"{day}@media (prefers-color-scheme: dark){{{night}}}"


def look_of(row: Mapping[str, Any]) -> Look:
    """How a row is shown."""
    if row["status"] != "ok" and not (row["status"] == "nonfinite" and row["verdict"]):
        return LOOKS.get(row["status"], LOOKS["error"])
    if row["message"].startswith(KNOWN):
        return LOOKS["known"]
    if row["referee"].startswith("none") and row["verdict"] != DISAGREES:
        return LOOKS["unjudged"]
    return LOOKS.get(row["verdict"], LOOKS["unjudged"])


def number_of(row: Mapping[str, Any]) -> str:
    """Digits of agreement; the error where the truth is zero; nothing where there is none."""
    if row["status"] == "nonfinite":
        return "NaN"
    if row["status"] != "ok" or row["referee"].startswith("none"):
        return ""
    if not math.isnan(row["digits"]):
        return f"{row['digits']:.1f}"
    if math.isnan(row["error"]):
        return ""
    return "exact" if row["error"] == 0 else f"{row['error']:.0e}"


def share_of(row: Mapping[str, Any]) -> int:
    """Digits as a percentage of those that the dtype has, for the bar in a cell."""
    digits = row["digits"]
    if row["status"] != "ok" or math.isnan(digits):
        return 0
    return round(100 * min(1.0, max(0.0, digits / FULL.get(row["dtype"], 15.65))))


def cut(text: str, longest: int = LONGEST) -> str:
    """A text without the end of what is very long: the downloads have it."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def listed(run: Run) -> list[dict[str, Any]]:
    """The rows of a run, each with its method, how it looks, and the command that shows it."""
    found = []
    for k, row in enumerate(records(run.rows)):
        look = look_of(row)
        row |= {
            "id": k,
            "method": method_of(row) if row["framework"] else "",
            "label": label_of(row),
            "field": run.about(row["case"])["field"],
            "word": look.word,
            "symbol": look.symbol,
            "style": look.style,
            "number": number_of(row),
            "share": share_of(row),
            "command": reproduction(row, run.about(row["case"])["identifier"]),
        }
        found.append(row)
    return found


def run_command(identifier: str) -> str:
    """The command that judges a case again."""
    return f"xgrad run {shlex.quote(identifier)}"

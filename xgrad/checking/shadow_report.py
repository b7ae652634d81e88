"""What a session in shadow mode found: counted, told at its end, and kept as a run's rows."""

# ruff: noqa: E501  the columns read as a table

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from xgrad.checking.shadow import OUT_OF_TIME, RIGHT, Row
from xgrad.checking.watched import FAILED, RAISED
from xgrad.errors import counted
from xgrad.judging import CONVENTION, DISAGREES, INCONCLUSIVE, is_failure
from xgrad.running import RunFolder
from xgrad.table import COLUMNS, Column, make_frame, records
from xgrad.techniques import ERROR, UNSUPPORTED
from xgrad.telling import failure_text

# fmt: off
SHADOW_COLUMNS = (
    *COLUMNS,
    Column("test",          "str",     "",  "the test that made the call"),
    Column("call",          "int64",   "",  "which of the test's calls it was, from 1"),
    Column("check",         "str",     "",  "the check that was called"),
    Column("check_said",    "str",     "",  "passed, failed, raised (for another reason), or the error that it returned"),
    Column("xgrad_said",    "str",     "",  "the verdict on the whole call"),
    Column("check_seconds", "float64", "s", "processor time of the check"),
    Column("xgrad_seconds", "float64", "s", "processor time of xgrad"),
)

# What both said of a call, in the words of the summary, and whether each call is told.
KINDS = {
    "agreed":       ("agreed",                              False),
    "both":         ("both saw wrong",                      False),
    "xgrad":        ("xgrad saw wrong and the check did not", True),
    "check":        ("the check saw wrong and xgrad did not", True),
    "raised":       ("ended in another error",              False),
    CONVENTION:     ("at a kink",                           False),
    INCONCLUSIVE:   ("inconclusive",                        True),
    UNSUPPORTED:    ("unsupported",                         True),
    OUT_OF_TIME:    ("over the limit",                      True),
    ERROR:          ("errors of xgrad",                     True),
}
# fmt: on

TOLD = 10  # calls of a kind that are told in full


def kind_of(said: str, verdict: str) -> str:
    """What a check and xgrad said of one call, together."""
    against = said in (FAILED, RAISED)
    if verdict == DISAGREES:
        return "both" if against else "xgrad"
    if verdict in RIGHT:
        return {FAILED: "check", RAISED: "raised"}.get(said, "agreed")
    if against and verdict in (ERROR, "nonfinite"):
        return "both"
    return verdict if verdict in KINDS else ERROR


class ShadowReport:
    """All calls of a session, from whichever process they were made in."""

    def __init__(self, folder: RunFolder):
        self.folder = folder
        self.rows: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what came with a report."""
        self.rows += getattr(report, "xgrad_shadow", [])

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Save the rows, and tell what they say."""
        frame = make_frame(self.rows, SHADOW_COLUMNS)
        parquet, _ = self.folder.close(frame, SHADOW_COLUMNS, load=False)
        terminalreporter.section("xgrad beside the checks", "=")
        for line in [*summary(self.rows), *_where(parquet, bool(self.rows))]:
            terminalreporter.line(line)


def _where(parquet: Path, some: bool) -> list[str]:
    if not some:
        return []
    near = parquet.parent
    if near.is_relative_to(Path.cwd()):
        near = near.relative_to(Path.cwd())
    return [
        f"rows saved: {near / parquet.name} (and .csv); as pages: xgrad publish {near} --to site"
    ]


def summary(rows: list[Row]) -> list[str]:
    """The calls counted by what both said of them, those to look at, and what both cost."""
    calls: dict[Any, list[Row]] = {}
    for row in rows:
        calls.setdefault((row["test"], row["call"]), []).append(row)
    if not calls:
        return ["no call of a check that xgrad knows"]
    found = {
        place: kind_of(own[0]["check_said"], own[0]["xgrad_said"]) for place, own in calls.items()
    }
    counts = Counter(found.values())
    tests = len({row["test"] for row in rows})
    lines = [f"{counted(len(calls), 'call')} in {counted(tests, 'test')}"]
    lines += [f"  {counts[kind]:>5,} {words}" for kind, (words, _) in KINDS.items() if counts[kind]]
    for kind, (words, told) in KINDS.items():
        if told and counts[kind]:
            lines += _told(words, [own for place, own in calls.items() if found[place] == kind])
    return [*lines, *_costs([own[0] for own in calls.values()])]


def _told(words: str, calls: list[list[Row]]) -> list[str]:
    lines = [f"{words}:"]
    for own in calls[:TOLD]:
        first = own[0]
        lines.append(f"  {first['case']}, {first['check']} {first['check_said']}:")
        lines += [f"    {line}" for line in _said(own).splitlines()]
    if len(calls) > TOLD:
        lines.append(f"  … and {len(calls) - TOLD:,} more, all in the rows")
    return lines


def _said(own: list[Row]) -> str:
    """The text of the worst row."""
    full = records(make_frame(own))
    wrong = [r for r in full if is_failure(r)]
    if wrong and wrong[0]["framework"]:
        return failure_text(wrong[0], full, "")
    reasons = dict.fromkeys(r["message"] or r["referee"] for r in full)
    return "; ".join(filter(None, reasons)) or full[0]["verdict"]


def _costs(calls: list[Row]) -> list[str]:
    """Processor time of each check and of xgrad beside it."""
    lines = []
    for name in dict.fromkeys(row["check"] for row in calls):
        own = [row for row in calls if row["check"] == name]
        check, ours = (sum(r[k] for r in own) for k in ("check_seconds", "xgrad_seconds"))
        ratio = statistics.median(r["xgrad_seconds"] / max(r["check_seconds"], 1e-6) for r in own)
        lines.append(f"processor time of {counted(len(own), 'call')}: {name} {check:.1f} s, "
                     f"xgrad {ours:.1f} s, median ratio {ratio:.2g}")  # fmt: skip
    return lines

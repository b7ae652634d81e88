"""What the pages of one run show beside its matrix: failures, conventions, environment."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd

from xgrad.publication.cells import LOOKS, cut, look_of
from xgrad.publication.reading import Run
from xgrad.table import COLUMNS, KNOWN, records
from xgrad.telling import failure_text, grouped_failures, method_of, reproduction, title

SLOPES = re.compile(r"slopes (.+?) and (.+?), returned")
PLAIN = {"hardware": ("processor", "cores", "system", "python", "commit")}


def counts(rows: list[dict[str, Any]]) -> list[tuple[Any, int]]:
    """How each verdict and status looks, and how many rows have it."""
    seen = Counter(r["word"] for r in rows)
    return [(look, seen[look.word]) for look in LOOKS.values() if seen[look.word]]


def find_failures(run: Run) -> list[dict[str, Any]]:
    """Each failure once: what, in words, how many rows are alike, the command that shows it."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in records(run.rows):
        rows.setdefault(row["case"], []).append(row)
    return [describe(run, row, rows[row["case"]], n) for row, n in grouped_failures(run.rows)]


def describe(
    run: Run, row: dict[str, Any], others: list[dict[str, Any]], more: int
) -> dict[str, Any]:
    """A row that is not right, in words, and how it is seen again: by command, and by program."""
    about, text = run.about(row["case"]), failure_text(row, others, "")
    return {
        "title": title(row),
        "case": row["case"],
        "word": row["verdict"] or row["status"],
        "style": look_of(row).style,
        "text": "\n".join(cut(line.strip()) for line in text.splitlines()[1:]),
        "more": more,
        "command": reproduction(row, about["identifier"]),
        "program": "",
    }


def known_differences(run: Run) -> pd.DataFrame:
    """The differences that a case lists as understood, with the reason that it gives."""
    rows = [r for r in records(run.rows) if r["message"].startswith(KNOWN)]
    told = [
        {
            "case": r["case"],
            "operator": r["operator"],
            "method": method_of(r),
            "dtype": r["dtype"],
            "reason": r["message"].removeprefix(KNOWN),
        }
        for r in rows
    ]
    return pd.DataFrame(told)


def not_run(run: Run) -> pd.DataFrame:
    """Statuses without an outcome, counted by framework and reason."""
    part = run.rows[run.rows["status"].isin(["unavailable", "unsupported"])]
    if part.empty:
        return pd.DataFrame()
    keys = ["status", "framework", "technique", "device", "message"]
    found = part.groupby(keys, sort=False).size().rename("rows").reset_index()
    return found.sort_values("rows", ascending=False, kind="stable")


def find_conventions(run: Run, methods: list[str]) -> pd.DataFrame:
    """At each kink the slopes on either side, and what each method returned, as texts.

    `differ` marks elements where two methods that differentiate programs returned different
    numbers; an empty text says that a method does not apply, or that its row is about another
    element.
    """
    lines: dict[Any, dict[str, Any]] = {}
    for row in records(run.rows):
        if row["verdict"] != "convention":
            continue
        found = SLOPES.search(row["message"])
        slopes = found.groups() if found else ("", "")
        key = row["case"], row["point"], row["operator"], row["worst"], row["dtype"], row["device"]
        line = lines.setdefault((*key, slopes), _kink(run, row, slopes))
        line[method_of(row)] = f"{row['got']:.6g}".replace("nan", "NaN")
    across = [m for m in methods if any(m in line for line in lines.values())]
    for line in lines.values():
        seen = {line[m] for m in across if m in line and _differentiates(m)}
        line["differ"] = "≠" if len(seen) > 1 else ""
        line |= {m: line.get(m, "") for m in across}
    names = ["what", "case", *PLACE, "element", "left slope", "right slope", "differ", *across]
    return pd.DataFrame(list(lines.values()), columns=names)


PLACE = ("point", "operator", "dtype", "device")


def _kink(run: Run, row: dict[str, Any], slopes: tuple[str, ...]) -> dict[str, Any]:
    what = run.about(row["case"])["title"] or row["case"]
    place = {k: row[k] for k in ("case", *PLACE)}
    left, right = slopes
    return place | {
        "what": what, "element": row["worst"], "left slope": left, "right slope": right,
    }  # fmt: skip


def _differentiates(method: str) -> bool:
    """Whether it applies rules to a program, in contrast to differences and complex steps."""
    return method.partition(".")[2].partition(":")[0] in ("reverse", "forward")


def shown_conventions(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """What fits a page: rules on programs only, and in words what is alike in all lines."""
    alike = [c for c in ("operator", "dtype", "device") if frame[c].nunique() == 1]
    told = ", ".join(str(frame[c].iloc[0]) for c in alike)
    methods = [c for c in map(str, frame) if "." in c and not _differentiates(c)]
    return frame.drop(columns=["case", *alike, *methods]), told


def environment_tables(run: Run) -> list[tuple[str, pd.DataFrame]]:
    """Where the run happened, as tables of names and values."""
    env = run.environment
    if not env:
        return []
    machine = [(k, env[k]) for k in PLAIN["hardware"] if k in env]
    machine += [(k, v) for k, v in dict(env.get("variables") or {}).items()]
    versions = [(k, v or "not installed") for k, v in dict(env.get("versions") or {}).items()]
    flags = [
        (name, ", ".join(map(str, f.get("devices", ()))) or "none", _flags(f.get("flags") or {}))
        for name, f in dict(env.get("frameworks") or {}).items()
    ]
    found = [
        ("machine", pd.DataFrame(machine, columns=["what", "value"]).astype(str)),
        ("versions", pd.DataFrame(versions, columns=["package", "version"]).astype(str)),
    ]
    if flags:
        found.append(("frameworks", pd.DataFrame(flags, columns=["framework", "devices", "flags"])))
    return found


def _flags(flags: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v}" for k, v in flags.items())


def column_table() -> pd.DataFrame:
    """The columns of the agreement table, with unit and meaning."""
    told = [(c.name, c.unit, c.meaning) for c in COLUMNS]
    return pd.DataFrame(told, columns=["column", "unit", "meaning"])

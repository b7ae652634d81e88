"""Two saved runs side by side: the cells that both have, and why others are not compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from xgrad.publication import operations
from xgrad.publication.cells import listed, look_of, number_of
from xgrad.publication.reading import Run
from xgrad.table import PLACE, records
from xgrad.timing import LOST, SAME, compared_rows, differences
from xgrad.timing import MACHINE as TIMED_ON

LEAST = 0.3  # digits of change that are told
HARDWARE = ("processor", "system", "cores")
SELECTED = ("case", "size", "dtype", "seed")
SHOWN = 4  # values of those, in a list of more


@dataclass(frozen=True)
class Comparison:
    """The cells of two runs, what is told of them, or why they are not compared."""

    frame: pd.DataFrame
    told: str
    refused: str


def compare(before: Run, after: Run) -> Comparison:
    """Agreement of two runs; CPU beside GPU where the runs share no device and each has one."""
    old, new, across = _aligned(before.rows, after.rows)
    common = [k for k in old if k in new]
    if not common:
        return Comparison(
            pd.DataFrame(), "",
            "the runs have no cell in common: a cell is a case, size, point, operator, method, "
            "dtype, device and seed, and only equal ones can be set side by side",
        )  # fmt: skip
    frame = pd.DataFrame([_pair(old[k], new[k]) for k in common])
    told = (
        f"{len(common):,} cells are in both runs; {len(old) - len(common):,} only in the earlier, "
        f"{len(new) - len(common):,} only in the later. Digits may be compared across machines and "
        "versions, since each run is judged by a referee at the very same point."
    )
    if across:
        told += f" The runs share no device: {across[0]} stands beside {across[1]}."
    return Comparison(frame, told, "")


def _aligned(
    before: pd.DataFrame, after: pd.DataFrame
) -> tuple[dict[Any, Any], dict[Any, Any], tuple[str, str] | None]:
    """Rows by cell; without the device where each run has one of its own."""
    mine, yours = (sorted(set(f["device"]) - {""}) for f in (before, after))
    apart = len(mine) == len(yours) == 1 and mine != yours
    place = tuple(k for k in PLACE if not (apart and k == "device"))
    old, new = ({tuple(r[k] for k in place): r for r in records(f)} for f in (before, after))
    return old, new, (mine[0], yours[0]) if apart else None


def _pair(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {k: a[k] for k in PLACE if k != "device"}
    row["device"] = a["device"] if a["device"] == b["device"] else f"{a['device']} | {b['device']}"
    return row | {
        "digits before": a["digits"],
        "digits after": b["digits"],
        "change": b["digits"] - a["digits"],
        "shown before": number_of(a),
        "shown after": number_of(b),
        "verdict before": look_of(a).word,
        "verdict after": look_of(b).word,
    }


def changed(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells whose verdict changed, or digits by `LEAST` or more; lost digits first."""
    if frame.empty:
        return frame
    other = frame["verdict before"] != frame["verdict after"]
    told = frame[other | (frame["change"].abs() >= LEAST)]
    worse = told["verdict after"].isin(["disagrees", "not finite", "error", "timeout", "crashed"])
    told = told.assign(worse=(worse & other[told.index]).astype(int))
    return told.sort_values(["worse", "change"], ascending=[False, True], kind="stable").drop(
        columns="worse"
    )


def regressions(frame: pd.DataFrame) -> int:
    """How many cells agreed before and do no more."""
    if frame.empty:
        return 0
    failed = ("disagrees", "not finite", "error", "timeout", "crashed", "unstable")
    lost = (frame["verdict before"] == "agrees") & frame["verdict after"].isin(failed)
    return int(lost.sum())


def compare_operations(before: Run, after: Run) -> pd.DataFrame:
    """What two censuses tell apart: operations that got worse first, then better, gone, new.

    Outcomes decide, and where they are the same the fewest digits, by `LEAST` or more.
    """
    if not (before.census and after.census):
        return pd.DataFrame()
    old, new = ({tuple(r[k] for k in ASKED): r for r in records(_operations(run))}
                for run in (before, after))  # fmt: skip
    pairs = [(key, old[key], new[key]) for key in old if key in new]
    told = [
        dict(zip(ASKED, key, strict=True))
        | {"what": what, "change": b["digits"] - a["digits"]}
        | {f"{name} {when}": row[name] for name in ("outcome", "digits")
           for when, row in (("before", a), ("after", b))}
        for key, a, b in pairs
        if (what := _what(a, b))
    ]  # fmt: skip
    told.sort(key=lambda r: (WHATS.index(str(r["what"])), r["change"]))
    return pd.DataFrame(told)


ASKED = ("operation", "operator", "technique", "dtype", "device")
WHATS = ("worse", "better", "gone", "new")


def _operations(run: Run) -> pd.DataFrame:
    return operations.operations_frame(operations.make_operations(listed(run)))


def _what(a: dict[str, Any], b: dict[str, Any]) -> str:
    """How an operation changed; nothing where it did not."""
    first, then = (operations.RANK[row["outcome"]] for row in (a, b))
    there = operations.RANK["not there"]
    if first == then:
        change = b["digits"] - a["digits"]
        return "" if not abs(change) >= LEAST else "worse" if change < 0 else "better"
    if there in (first, then):
        return "new" if first == there else "gone"
    return "worse" if then < first else "better"


def compare_speed(before: Run, after: Run) -> Comparison:
    """Timings of two runs, where machine and threads are the same."""
    nothing = pd.DataFrame()
    if before.timings is None or after.timings is None:
        return Comparison(nothing, "", "timings were given for at most one of the runs")
    apart = differences(before.timing_environment, after.timing_environment, TIMED_ON)
    if apart:
        return Comparison(nothing, "", f"{'; '.join(apart)}: that would be what changed")
    old, new = (
        {tuple(r[k] for k in PLACE): r for r in records(f)} for f in (before.timings, after.timings)
    )
    common = [k for k in old if k in new]
    if not common:
        return Comparison(nothing, "", "no method was timed in both")
    frame = pd.DataFrame([compared_rows(k, old[k], new[k]) for k in common])
    told = frame[~frame["change"].isin([SAME])] if "change" in frame else nothing
    text = (
        f"{len(common):,} timings are in both; {len(told):,} changed beyond noise "
        f"(slower, faster, or {LOST})."
    )
    return Comparison(told, text, "")


def apart(before: Run, after: Run) -> pd.DataFrame:
    """Machine, versions and selections that differ, with both values; devices are always told."""
    here, there = before.environment, after.environment
    names = [("machine", n) for n in HARDWARE] + [("", n) for n in ("python", "commit")]
    rows = [(n, here.get(n, "unknown"), there.get(n, "unknown")) for _, n in names]
    old, new = dict(here.get("versions") or {}), dict(there.get("versions") or {})
    rows += [(n, old.get(n) or "none", new.get(n) or "none") for n in {**old, **new}]
    rows = [(f"{n}s", _selected(before, n), _selected(after, n)) for n in SELECTED] + rows
    rows = [r for r in rows if r[1] != r[2]]
    devices = ("devices", _selected(before, "device"), _selected(after, "device"))
    rows = [("date", before.date, after.date), devices, *rows]
    return pd.DataFrame(rows, columns=["what", before.label, after.label]).astype(str)


def _selected(run: Run, column: str) -> str:
    """The values of a column, shortened."""
    values = sorted(set(run.rows[column].astype(str)) - {""})
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more

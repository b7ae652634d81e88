"""Timings as text: a table for each size, dtype and device, the ladder, the comparison."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from xgrad.errors import counted
from xgrad.judging import VERDICTS
from xgrad.table import records
from xgrad.telling.report import label_of, labels_of, method_of

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

BUSY = 0.5  # of the cores: a load average beyond which other processes may show
RESOLVED = 2**20  # bytes: the kernel's counters of a process lag by a quarter of that
NAMES = ("case", "operator", "inputs", "method")
NAMED = ("torch", "jax", "numpy")  # packages whose versions are told

TIMING_LEGEND = (
    "medians of one call, ± interquartile range (! over 10%, or other processes disturbed), "
    "[95% interval]; methods that are not right have their verdict in place of a number"
)


def quantity(value: float, unit: str) -> str:
    """Three digits and a unit that fits: `13.7 µs`, `1.20 MB`; nothing for NaN."""
    if math.isnan(value):
        return ""
    if value == 0:
        return f"0 {unit}"
    prefixes = ("n", "µ", "m", "", "k", "M", "G", "T")
    power = min(max(math.floor(math.log10(abs(value) * 1.0005) / 3), -3), 4)
    shown = value / 1000.0**power
    digits = 2 if shown < 9.995 else 1 if shown < 99.95 else 0
    return f"{shown:.{digits}f} {prefixes[power + 3]}{unit}"


def memory(row: Mapping[str, Any]) -> str:
    """The memory that a call held, on the host where it is more than counters lag behind."""
    told = row["device"] != "cpu" or row["peak_memory"] >= RESOLVED
    return quantity(row["peak_memory"], "B") if told else ""


def factor(value: float) -> str:
    """A ratio with three digits."""
    if math.isnan(value) or value >= 999.5:
        return "" if math.isnan(value) else f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def interval(row: Mapping[str, Any], name: str) -> str:
    """`2.64 [2.60, 2.71]`."""
    if math.isnan(row[name]):
        return ""
    return f"{factor(row[name])} [{factor(row[f'{name}_low'])}, {factor(row[f'{name}_high'])}]"


def timing_tables(frame: pd.DataFrame) -> list[Table]:
    """One table for each dtype, device, size and number of threads; methods down."""
    frame = frame[frame["framework"] != ""]
    found = []
    for _, part in frame.groupby(["dtype", "device", "size", "threads"], sort=False):
        rows = records(part)
        r = rows[0]
        title = f"{r['dtype']} on {r['device']}, size {r['size']}, {_threads(r['threads'])}"
        found.append(_timings(title, rows, r["device"] != "cpu"))
    return found


def _threads(threads: int) -> str:
    return counted(threads, "thread") if threads else "the threads of the calling process"


def _timings(title: str, rows: list[dict[str, Any]], queued: bool) -> Table:
    table = _table(title, NAMES)
    titles = ["first call", "derivative", "±", "value", "÷ value", "÷ formula", "memory"]
    _add_numbers(table, titles + ["per second"] * queued)
    last: Any = None
    labels = labels_of(rows)
    for row in rows:
        place = labels[label_of(row), row["seed"]], row["operator"], f"{row['inputs']:,}"
        shown = ("", "", "") if place == last else place
        table.add_row(*shown, method_of(row), *_cells(row, queued))
        last = place
    return table


def _table(title: str, names: Iterable[str]) -> Table:
    """A table whose names fold where the terminal is narrow, so that its numbers stay whole."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _add_numbers(table: Table, names: Iterable[str]) -> None:
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def _cells(row: Mapping[str, Any], queued: bool) -> list[str]:
    if math.isnan(row["derivative"]):
        return ["", f"[yellow]{row['verdict'] or row['status']}[/]"]
    spread = f"{100 * row['iqr'] / row['derivative']:.0f}%" + ("!" if row["noisy"] else "")
    cells = [
        quantity(row["first_call"], "s"),
        f"[bold]{quantity(row['derivative'], 's')}[/]",
        f"[red]{spread}[/]" if row["noisy"] else spread,
        quantity(row["value"], "s"),
        _escaped(interval(row, "ratio")),
        factor(row["per_formula"]),
        memory(row),
    ]
    return cells + [quantity(row["throughput"], "")] * queued


def _plural(what: str, count: int) -> str:
    """A verdict beside its count: `1 disagrees`, `12 disagree`; a status stays as it is."""
    return VERDICTS[what].plural if what in VERDICTS and count != 1 else what


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


def ladder_table(fitted: pd.DataFrame) -> Table:
    """Fitted exponents, a row for each method."""
    table = _table("time against number of inputs", ("case", "operator", "method", "dtype"))
    _add_numbers(table, ["inputs", "exponent"])
    rows = records(fitted)
    labels = labels_of(rows)
    for row in rows:
        half = (row["exponent_high"] - row["exponent_low"]) / 2
        table.add_row(
            labels[label_of(row), row["seed"]], row["operator"], method_of(row), row["dtype"],
            f"{row['smallest']:,} to {row['largest']:,}", f"{row['exponent']:.2f} ± {half:.2f}",
        )  # fmt: skip
    return table


def changes_table(compared: pd.DataFrame) -> Table | None:
    """The rows that changed, the largest change first; None where none did."""
    from xgrad.timing import FASTER, LOST, SLOWER

    told = compared[compared["change"].isin([SLOWER, FASTER, LOST])]
    if told.empty:
        return None
    table = _table("beyond noise", ("case", "operator", "method", "dtype", "device", "size"))
    _add_numbers(table, ["before", "after", "after ÷ before", "change"])
    by_size = told["ratio"].fillna(math.inf).map(lambda r: -abs(math.log(r)))
    labels = labels_of(records(compared))
    for row in records(told.loc[by_size.sort_values().index]):
        table.add_row(
            labels[label_of(row), row["seed"]], row["operator"], method_of(row), row["dtype"],
            row["device"], row["size"],
            quantity(row["before"], "s"), quantity(row["after"], "s"),
            _escaped(interval(row, "ratio")), row["change"],
        )  # fmt: skip
    return table


def summarise_changes(compared: pd.DataFrame) -> str:
    """`40 rows: 2 slower, 1 faster, 37 unchanged`."""
    from xgrad.timing import FASTER, LOST, ONLY, SLOWER

    seen = Counter(compared["change"])
    parts = [f"{seen[k]:,} {k or 'unchanged'}" for k in (SLOWER, FASTER, LOST, "", ONLY) if seen[k]]
    return f"{counted(len(compared), 'row')}: {', '.join(parts)}"


def summarise_timings(frame: pd.DataFrame, about: Mapping[str, Any]) -> list[str]:
    """How many were timed, which numbers are to be doubted, and where it ran."""
    timed = frame[frame["derivative"] > 0]
    others = Counter(
        r["verdict"] or r["status"] for r in records(frame[~(frame["derivative"] > 0)])
    )
    lines = [f"{counted(len(frame), 'row')}: {len(timed):,} timed"]
    if others:
        told = ", ".join(f"{n:,} {_plural(what, n)}" for what, n in others.most_common())
        lines[0] += f", {others.total():,} not: {told}"
    noisy = int(timed["noisy"].sum())
    if noisy:
        lines.append(f"{noisy:,} of {len(timed):,} are noisy (!): compare them with care")
    if not about:
        return lines
    versions = about["versions"]
    names = ", ".join(f"{k} {versions[k]}" for k in NAMED if versions.get(k))
    cores = about["pinned"]
    pinned = f" pinned to {'core' if len(cores) == 1 else 'cores'} {', '.join(map(str, cores))}"
    lines.append(
        f"{about['processor']}, {_threads(about['threads'])}{pinned if cores else ', not pinned'}; "
        f"{names}"
    )
    load = about.get("load")
    if load and load > BUSY * about["cores"]:
        lines.append(f"load average {load:.1f} on {about['cores']} cores: the machine is not quiet")
    return lines

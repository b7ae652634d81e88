"""Saved timings as tables and plots: seconds, ratios, and how they grow with the inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from xgrad.publication.plots import draw_first_calls, draw_ratios, draw_times
from xgrad.publication.tables import to_html
from xgrad.table import records
from xgrad.telling import factor, interval, label_of, memory, method_of, quantity, summarise_timings
from xgrad.timing import TIMING_COLUMNS, fit_exponents

NAMED = ("first_call", "derivative", "iqr", "value", "ratio", "per_formula", "peak_memory",
         "repeats", "noisy")  # fmt: skip


def timing_table(timings: pd.DataFrame, caption: str) -> Markup:
    """Timings, or the verdict in place of them."""
    rows = [_shown(r) for r in records(timings)]
    frame = pd.DataFrame(rows)
    keep = [c for c in frame if c in ("method", "derivative") or (frame[c] != "").any()]
    return to_html(frame[keep], caption)


def _shown(r: dict[str, Any]) -> dict[str, Any]:
    timed = r["derivative"] > 0
    return {
        "case": label_of(r),
        "operator": r["operator"],
        "size": r["size"],
        "inputs": f"{r['inputs']:,}",
        "method": method_of(r) if r["framework"] else "",
        "dtype": r["dtype"],
        "device": r["device"],
        "threads": str(r["threads"]),
        "first call": quantity(r["first_call"], "s"),
        "derivative": quantity(r["derivative"], "s") if timed else r["verdict"] or r["status"],
        "± iqr": quantity(r["iqr"], "s"),
        "value": quantity(r["value"], "s"),
        "÷ value [95%]": interval(r, "ratio"),
        "÷ formula": factor(r["per_formula"]),
        "peak memory": memory(r),
        "noisy": "yes" if r["noisy"] else "",
    }


def speed_tables(timings: pd.DataFrame) -> list[tuple[str, Markup]]:
    """A table for each case."""
    named = timings[timings["framework"] != ""]
    return [
        (str(case), timing_table(part, f"{case}, seconds of one call"))
        for case, part in named.groupby("case", sort=False)
    ]


def exponents(timings: pd.DataFrame) -> pd.DataFrame:
    """Fitted exponents with their intervals, a row for each method."""
    fitted = fit_exponents(timings)
    if fitted.empty:
        return fitted
    rows = records(fitted)
    return pd.DataFrame(
        {
            "case": [label_of(r) for r in rows],
            "operator": fitted["operator"],
            "method": [method_of(r) for r in rows],
            "dtype": fitted["dtype"],
            "device": fitted["device"],
            "inputs": [f"{r['smallest']:,} to {r['largest']:,}" for r in rows],
            "exponent": [f"{r['exponent']:.2f}" for r in rows],
            "from": [_bound(r["exponent_low"]) for r in rows],
            "to": [_bound(r["exponent_high"]) for r in rows],
        }
    )


def _bound(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def case_plots(timings: pd.DataFrame) -> Iterator[tuple[str, Markup]]:
    """Time against inputs, a plot for each operator, dtype and device with two sizes or more."""
    timed = timings[timings["derivative"] > 0]
    keys = ["case", "point", "operator", "dtype", "device", "threads", "seed"]
    for key, part in timed.groupby(keys, sort=False):
        if part["inputs"].nunique() < 2:
            continue
        part = part.assign(series=[method_of(r) for r in records(part)])
        case, _, operator, dtype, device, threads, _ = map(
            str, key if isinstance(key, tuple) else (key,)
        )
        label = f"{case} {operator}, {dtype} on {device}, {threads} thread{'s' * (threads != '1')}"
        yield label, draw_times(part, label)


def whole_plots(timings: pd.DataFrame) -> Iterator[tuple[str, Markup]]:
    """What all derivatives cost: over the function's own time, and at the first call."""
    timed = timings[timings["derivative"] > 0]
    timed = timed.assign(series=[method_of(r) for r in records(timed)])
    kinds = (
        ("a derivative over the function itself", "ratio", "value", draw_ratios),
        ("the first call, with what it compiles, beside later ones", "first_call", "derivative",
         draw_first_calls),
    )  # fmt: skip
    for said, number, beside, draw in kinds:
        known = timed[(timed[number] > 0) & (timed[beside] > 0)]
        if len(known):
            yield said, draw(known, said)


def methods_of(timings: pd.DataFrame) -> list[str]:
    """The methods that were timed, as the plots name them."""
    timed = timings[timings["derivative"] > 0]
    return list(dict.fromkeys(method_of(r) for r in records(timed)))


def describe(timings: pd.DataFrame, environment: dict[str, Any]) -> list[str]:
    """How many were timed, what is noisy, where."""
    try:
        return summarise_timings(timings, environment)
    except KeyError:
        return summarise_timings(timings, {})


def column_table() -> pd.DataFrame:
    """The numbers of a timing row, with unit and meaning."""
    told = [(c.name, c.unit, c.meaning) for c in TIMING_COLUMNS if c.name in NAMED]
    return pd.DataFrame(told, columns=["number", "unit", "meaning"])

"""The timing table: its columns, and its files."""

# ruff: noqa: E501  the table of columns reads as one

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError
from xgrad.running import ENVIRONMENT, read_environment
from xgrad.table import COLUMNS, ROWS, Column, make_frame, read_frame, write_frame

if TYPE_CHECKING:
    import pandas as pd

# fmt: off
TIMING_COLUMNS = (
    *COLUMNS[:8],
    Column("seed",             "int64",   "", "of the random point, the order of the rounds and the bootstrap"),
    Column("threads",          "int64",   "", "threads and pinned cores of the measuring process; 0 where the calling process measured"),
    Column("inputs",           "int64",   "", "numbers that are differentiated"),
    Column("status",           "str",     "", "as in the agreement table"),
    Column("verdict",          "str",     "", "the judge's; only what is right is timed"),
    Column("digits",           "float64", "decimal digits", "of agreement with the referee"),
    Column("referee",          "str",     "", "the evidence of the verdict"),
    Column("first_call",       "float64", "s", "the first call, imports done: tracing, compiling and one run; the median of up to three starts"),
    Column("derivative",       "float64", "s", "one call that ends when the whole result is there: the median of the samples"),
    Column("value",            "float64", "s", "the function itself likewise, in the same framework, compiled as the derivative is"),
    Column("ratio",            "float64", "1", "derivative over value"),
    Column("ratio_low",        "float64", "1", "where its 95% bootstrap interval begins"),
    Column("ratio_high",       "float64", "1", "where it ends"),
    Column("per_formula",      "float64", "1", "derivative over that of the same framework's formula; empty for the formula itself"),
    Column("per_formula_low",  "float64", "1", "where its 95% bootstrap interval begins"),
    Column("per_formula_high", "float64", "1", "where it ends"),
    Column("iqr",              "float64", "s", "from the first to the third quartile of derivative's samples"),
    Column("noisy",            "bool",    "", "whether that is over 10% of derivative, or value's over 10% of value, or disturbed samples had to be used"),
    Column("repeats",          "int64",   "", "samples of derivative, each a block of calls; under 15 where the time limit or other processes allowed no more"),
    Column("disturbed",        "int64",   "", "samples during which other processes had the core, however often they were taken again; left out where five others are left"),
    Column("calls",            "int64",   "", "calls in a block"),
    Column("throughput",       "float64", "1/s", "calls that are enqueued and waited for together, off the CPU"),
    Column("peak_memory",      "float64", "bytes", "held at the peak of one call beyond what was held before: by the process on the CPU, by the framework's allocator elsewhere"),
    Column("samples",          "str",     "s", "derivative's samples, as JSON"),
    Column("message",          "str",     "", "why it was not timed, or more about the verdict"),
)
# fmt: on

PARQUET = f"{ROWS}.parquet"


def timing_frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a frame with all columns, in order, typed; missing numbers are NaN."""
    return make_frame(rows, TIMING_COLUMNS)


def save_timings(frame: pd.DataFrame, about: dict[str, Any], folder: Path) -> Path:
    """Write the tables, with unit and meaning in each column's metadata, and the environment."""
    (folder / ENVIRONMENT).write_text(json.dumps(about, indent=2) + "\n")
    return write_frame(frame, folder, TIMING_COLUMNS)[0]


def read_timings(folder: str | Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows of a saved timing run and where it ran; raises `UsageError` where there are none."""
    path = Path(folder)
    path = path.parent if path.name == PARQUET else path
    frame = read_frame(path, "timings", "time")
    if "derivative" not in frame:
        raise UsageError(f"{folder} holds an agreement run: give one that xgrad time wrote")
    return frame, read_environment(path)


def read_samples(row: Any) -> list[float]:
    """The samples of a row."""
    return list(json.loads(row["samples"])) if row["samples"] else []

"""The agreement table: its columns, and its files."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column: its pandas dtype, its unit, its meaning; `of` finds it in a judged comparison."""

    name: str
    dtype: str
    unit: str
    meaning: str
    of: Callable[[Any], Any] | None = None


# fmt: off
COLUMNS = (
    Column("case",           "str",     "", "the reference problem"),
    Column("size",           "str",     "", "the case's size"),
    Column("point",          "str",     "", "random, or the name of a fixed point"),
    Column("operator",       "str",     "", "what is asked of the case"),
    Column("framework",      "str",     "", "the array library"),
    Column("technique",      "str",     "", "the way to differentiate, with its variant"),
    Column("device",         "str",     "", "where it ran"),
    Column("dtype",          "str",     "", "the precision of inputs and result"),
    Column("seed",           "int64",   "", "of the random point"),
    Column("status",         "str",     "", "ok, unsupported, unavailable, nonfinite, error, timeout, crashed"),
    Column("verdict",        "str",     "", "agrees, bounded, disagrees, unstable, inconclusive, convention, or empty"),
    Column("error",          "float64", "of the result", "max |got − truth|", lambda c: c.largest),
    Column("relative_error", "float64", "1", "error over max |truth|", lambda c: c.relative),
    Column("ulps",           "float64", "spacings", "error in spacings of the dtype at max |truth|", lambda c: c.ulps),
    Column("digits",         "float64", "decimal digits", "−log10 of relative_error, at most the dtype's", lambda c: c.digits),
    Column("tolerance",      "float64", "of the result", "how far the worst element may be off", lambda c: c.at(c.tolerance)),
    Column("noise",          "float64", "of the result", "how far rounding takes the worst element", lambda c: c.at(c.noise)),
    Column("multiple",       "float64", "1", "error over the plain implementation's in the same dtype (root mean squares)", lambda c: c.multiple),
    Column("worst",          "str",     "", "the element furthest beyond its tolerance", lambda c: c.name),
    Column("got",            "float64", "of the result", "its value", lambda c: c.at(c.got)),
    Column("want",           "float64", "of the result", "the truth there", lambda c: c.at(c.want)),
    Column("rule",           "str",     "", "what decided the verdict"),
    Column("referee",        "str",     "", "certified, definition, probes, kink, or none with the reason"),
    Column("hint",           "str",     "", "what a wrong result looks like"),
    Column("message",        "str",     "", "the reason of a status, or more about the verdict"),
)
# fmt: on

# What tells the rows of a run apart.
PLACE = ("case", "size", "point", "operator", "framework", "technique", "device", "dtype", "seed")
KNOWN = "known: "  # how the message of a difference begins that the case lists
FAILED = ("error", "timeout", "crashed")


MISSING: dict[str, Any] = {"str": "", "int64": 0, "float64": float("nan"), "bool": False}
_STORE: dict[str, Callable[[], Any]] = {
    "str": list, "bool": list, "int64": partial(array, "q"), "float64": partial(array, "d"),
}  # fmt: skip
_KIND: dict[str, Callable[[Any], Any]] = {"bool": bool, "int64": int, "float64": float}
ROWS = "rows"  # a run's tables: rows.parquet and rows.csv


class Rows:
    """Rows kept by column: some hundred bytes for each, however many a run makes."""

    def __init__(self, columns: Sequence[Column] = COLUMNS):
        self.columns = columns
        self._values: dict[str, Any] = {c.name: _STORE[c.dtype]() for c in columns}
        self._places = array("q")
        self._texts: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, rows: Iterable[dict[str, Any]], place: int = 0) -> None:
        """Keep rows that stand at a place in the frame; what a row lacks is empty, or NaN.

        Raises `TypeError` or `ValueError` for foreign values, and then keeps none of them.
        """
        for values in [[self._value(row.get(c.name), c) for c in self.columns] for row in rows]:
            self._places.append(place)
            for store, value in zip(self._values.values(), values, strict=True):
                store.append(value)

    def _value(self, value: Any, column: Column) -> Any:
        if value is None:
            return MISSING[column.dtype]
        if column.dtype != "str":
            return _KIND[column.dtype](value)
        if not isinstance(value, str):
            raise TypeError(f"{column.name} is {type(value).__name__}, no text")
        return self._texts.setdefault(value, value)  # one of all that are equal

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries by column, in the order in which they came."""
        names, columns = list(self._values), map(list, self._values.values())
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def frame(self) -> pd.DataFrame:
        """All columns, in order, typed; rows of one place stay in the order in which they came."""
        import numpy as np
        import pandas as pd

        order = np.argsort(np.array(self._places, dtype=np.int64), kind="stable")
        data, text = {}, pd.StringDtype(na_value=np.nan)  # "str" by its name is looked up each time
        for c in self.columns:
            kind = object if c.dtype == "str" else c.dtype
            values = np.array(self._values[c.name], dtype=kind)[order]
            data[c.name] = pd.array(values, dtype=text) if kind is object else values
        return pd.DataFrame(data)


def completed(
    rows: Iterable[dict[str, Any]], columns: Sequence[Column] = COLUMNS
) -> list[dict[str, Any]]:
    """The rows with all columns, in order; raises as `Rows.add` does."""
    made = Rows(columns)
    made.add(rows)
    return made.records()


def make_frame(rows: Iterable[dict[str, Any]], columns: Sequence[Column] = COLUMNS) -> pd.DataFrame:
    """The rows as a frame with all columns, in order, typed; missing numbers are NaN."""
    made = Rows(columns)
    made.add(rows)
    return made.frame()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as dictionaries by column."""
    names = [str(name) for name in frame.columns]
    columns = [column.tolist() for _, column in frame.items()]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def write_frame(
    frame: pd.DataFrame,
    folder: Path,
    columns: Iterable[Column] = COLUMNS,
    stem: str = ROWS,
    read: pd.DataFrame | None = None,
) -> tuple[Path, Path]:
    """Write Parquet, with unit and meaning in each column's metadata, and CSV; whole or not.

    The CSV has the rows as they are to be `read`, where that is given.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = {c.name: {"unit": c.unit, "meaning": c.meaning} for c in columns}
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for i, name in enumerate(table.schema.names):
        about = known.get(name, {"unit": "", "meaning": ""})
        table = table.set_column(i, table.schema.field(i).with_metadata(about), table.column(i))
    folder = folder.resolve()  # pyarrow takes `s3:/a` for a URL
    parquet, csv = folder / f"{stem}.parquet", folder / f"{stem}.csv"
    for path, write in (
        (parquet, lambda p: pq.write_table(table, p, compression="zstd")),
        (csv, lambda p: (frame if read is None else read).to_csv(p, index=False)),
    ):
        part = path.with_name(f".{path.name}.part")
        write(part)
        part.replace(path)
    return parquet, csv


def read_frame(folder: str | Path, what: str = "rows", command: str = "run") -> pd.DataFrame:
    """The rows that a command saved; raises `UsageError` where there are none."""
    import pandas as pd

    path = Path(folder)
    file = path if path.is_file() else path / f"{ROWS}.parquet"
    if not file.exists():
        raise UsageError(f"no saved {what} in {folder}: xgrad {command} writes {file.name} there")
    try:
        return pd.read_parquet(file)
    except Exception as error:
        raise UsageError(f"{file} cannot be read: {error}") from None

"""A census in a terminal: operations in groups of one outcome, and those that stand out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from xgrad.judging import VERDICTS, is_failure
from xgrad.table import KNOWN, records

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

# The worst first: what one sample shows is what an operation shows.
OUTCOMES = ("wrong", "known", "unstable", "no verdict", "right", "not there")


class Asked(NamedTuple):
    """What is asked of every operation: a derivative in a dtype on a device."""

    operator: str
    technique: str
    dtype: str
    device: str

    @property
    def derivative(self) -> str:
        """`vjp by reverse`."""
        return f"{self.operator} by {self.technique}"

    @property
    def numbers(self) -> str:
        """`float32`, and the device where it is another than the CPU."""
        return self.dtype if self.device in ("", "cpu") else f"{self.dtype} on {self.device}"


def by_operation(rows: Iterable[Mapping[str, Any]]) -> dict[Asked, dict[str, list[Any]]]:
    """The rows of each operation's samples, by what was asked of it."""
    found: dict[Asked, dict[str, list[Any]]] = {}
    for row in rows:
        if row["operator"]:
            asked = Asked(*(row[name] for name in Asked._fields))
            found.setdefault(asked, {}).setdefault(row["case"], []).append(row)
    return found


def operations_table(frame: pd.DataFrame) -> Table:
    """Of each derivative and dtype: how many operations show what, each its worst sample's."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("derivative", "dtype", "operations", *OUTCOMES):
        table.add_column(name, justify="left" if name in ("derivative", "dtype") else "right")
    for asked, operations in by_operation(records(frame)).items():
        found = Counter(map(outcome_of, operations.values()))
        counts = (str(found[each]) for each in OUTCOMES)
        table.add_row(asked.derivative, asked.numbers, str(found.total()), *counts)
    return table


def outcome_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """The worst of what the samples of an operation show; `not there` where none was judged."""
    found = {_outcome(row) for row in rows}
    return next(each for each in OUTCOMES if each in found)


def _outcome(row: Mapping[str, Any]) -> str:
    if row["message"].startswith(KNOWN):
        return "known"
    if is_failure(row):  # without a verdict nobody knows: an error, no time, nothing finite
        return "wrong" if row["verdict"] else "no verdict"
    if row["verdict"] not in VERDICTS:
        return "not there"
    told = {"unstable": "unstable", "inconclusive": "no verdict"}
    return told.get(row["verdict"], "right")

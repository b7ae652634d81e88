"""A census in a terminal: operations in groups of one outcome, and those that stand out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from xgrad.judging import VERDICTS, is_failure
from xgrad.table import KNOWN, records

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

# The worst first: what one sample shows is what an operation shows.
OUTCOMES = ("wrong", "known", "unstable", "no verdict", "right", "not there")


def operations_table(frame: pd.DataFrame) -> Table:
    """Of each derivative and dtype: how many operations show what, each its worst sample's."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("derivative", "dtype", "operations", *OUTCOMES):
        table.add_column(name, justify="left" if name in ("derivative", "dtype") else "right")
    for key, part in frame[frame["operator"] != ""].groupby(
        ["operator", "technique", "dtype"], sort=False
    ):
        operator, technique, dtype = map(str, key)
        found = Counter(outcome_of(records(rows)) for _, rows in part.groupby("case"))
        counts = (str(found[each]) for each in OUTCOMES)
        table.add_row(f"{operator} by {technique}", dtype, str(found.total()), *counts)
    return table


def outcome_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """The worst of what the samples of an operation show; `not there` where none was judged."""
    found = {_outcome(row) for row in rows}
    return next(each for each in OUTCOMES if each in found)


def _outcome(row: Mapping[str, Any]) -> str:
    if row["message"].startswith(KNOWN):
        return "known"
    if is_failure(row):
        return "wrong"
    if row["verdict"] not in VERDICTS:
        return "not there"
    told = {"unstable": "unstable", "inconclusive": "no verdict"}
    return told.get(row["verdict"], "right")

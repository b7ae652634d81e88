"""Rows as they end: saved cell by cell, and shown at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from xgrad.judging import LEAST, is_failure, is_judged
from xgrad.running import Costs, Estimate, Gathered, Plan, RunFolder
from xgrad.table import COLUMNS, Column
from xgrad.telling import WIDTH, foretold, progress

if TYPE_CHECKING:
    import pandas as pd

NOTHING_JUDGED = 5  # as pytest ends where it finds no test


class Foreseen(NamedTuple):
    """What was known of the costs when a command began, and of how many cells it was told."""

    costs: Costs
    told: int | None = None


def save_cells(
    plan: Plan,
    folder: RunFolder,
    run: Callable[..., Any],
    columns: Sequence[Column] = COLUMNS,
    first: Collection[str] = (),
    show: Callable[[pd.DataFrame], None] | None = None,
    *,
    lanes: int | None = 0,
    foreseen: Foreseen | None = None,
) -> tuple[Gathered, Estimate]:
    """The rows of all cells: those saved before, and those done now, saved as they end.

    The rows of the `first` cases are shown as soon as they are there. How long it takes in as many
    `lanes` is told unless that was `foreseen` of as many cells. The estimate is the caller's to
    keep at the end.
    """
    before = folder.finished()
    rows = plan.gather(columns)
    todo = []
    for cell in plan.cells:
        try:
            rows.add(cell, before[cell.key])
        except (KeyError, TypeError, ValueError):  # not there, or not what was written
            todo.append(cell)
    if before:
        click.echo(f"{len(plan.cells) - len(todo)} of {len(plan.cells)} cells are there", err=True)
    before.clear()
    left = sum(cell.case in first for cell in todo)
    known = foreseen or Foreseen(Costs.here())
    estimate = Estimate(known.costs, todo, lanes)
    if foreseen is not None:
        estimate.began()
    if known.told != len(todo):
        click.echo(foretold(len(todo), estimate), err=True)
    with estimate, progress(len(todo), estimate) as tell:
        for ended in run(plan, todo):
            cell, found = ended.cell, ended.rows
            folder.add(cell, found)
            rows.add(cell, found)
            estimate.add(ended)
            tell(f"{cell.case} {cell.size} {cell.dtype} {cell.device}")
            left -= cell.case in first
            if show is not None and cell.case in first and not left:
                show(rows.frame().query("case in @first"))
    return rows, estimate


def end(rows: Sequence[Mapping[str, Any]], *, asked: bool, least_digits: float = LEAST) -> NoReturn:
    """End the command: 1 where a row disagrees or failed, 5 where none that was asked is judged."""
    if any(is_failure(row, least_digits) for row in rows):
        sys.exit(1)
    if asked and not any(map(is_judged, rows)):
        click.echo(f"nothing could be judged: exit status {NOTHING_JUDGED}", err=True)
        sys.exit(NOTHING_JUDGED)
    sys.exit(0)


def print_data(frame: pd.DataFrame, style: str, shown: pd.DataFrame | None = None) -> None:
    """A frame on standard output as csv, json or markdown, which has room for `shown`."""
    if style == "csv":
        click.echo(frame.to_csv(index=False), nl=False)
    elif style == "json":
        click.echo(frame.to_json(orient="records", indent=1, double_precision=15))
    else:
        click.echo((frame if shown is None else shown).to_markdown(index=False, floatfmt=".3g"))


def console(file: IO[str] | None = None) -> Any:
    """Where tables go: the terminal in its width, or a file."""
    from rich.console import Console

    made = Console(highlight=False, file=file)
    return made if made.is_terminal else Console(width=WIDTH, highlight=False, file=file)

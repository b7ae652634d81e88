"""`xgrad run`: verdicts into a folder."""

from __future__ import annotations

import io
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xgrad import running, telling
from xgrad.cli import options
from xgrad.cli.saving import Foreseen, console, end, print_data, save_cells
from xgrad.errors import counted
from xgrad.frameworks import broken_plugins
from xgrad.problem import Case, display_path, find_cases, is_first
from xgrad.referee import Budget
from xgrad.table import COLUMNS, Column, records, write_frame

if TYPE_CHECKING:
    import pandas as pd

PAGE = 100  # lines of tables that are shown; longer ones go to a file
TABLES = "tables.txt"


@click.command("run")
@options.PATHS
@options.takes(
    selected=options.SELECTION,
    budget=options.BUDGET,
    saving=options.SAVING,
    labour=options.LABOUR,
    asked=options.ASKED,
)
@options.INVARIANCES
@click.option("--curves", is_flag=True,
              help="Save the step curve of each case too, for its published page.")  # fmt: skip
def command(
    paths: tuple[str, ...],
    selected: running.Selection,
    budget: Budget,
    saving: options.Saving,
    labour: options.Labour,
    asked: options.Asked,
    invariances: tuple[str, ...] | None,
    curves: bool,
) -> None:
    """Judge every method against the referee, and save the rows.

    Without paths the library: its well-known checks first, which are answered within seconds. More
    tables than fit a page are written beside the rows.

    Ends with status 0 when nothing disagrees, 1 when something does or failed, 2 when the call is
    wrong, 5 when nothing could be judged. Progress and notes go to standard error.

    \b
    xgrad run
    xgrad run cases/embedding --size medium --method 'torch.*' --dtype float32
    xgrad run --method ball.formula
    xgrad run my_case.py --invariances all
    xgrad run my_case.py --format markdown > table.md
    xgrad run --shard 3/8 --out shard3
    xgrad run --scheduler tcp://10.0.0.1:8786 --out cluster
    """
    selected = replace(selected, invariances=invariances or ())
    cases = find_cases(paths)
    named = paths or selected.expression
    first = [] if named else [c for c in cases if isinstance(c, Case) and is_first(c)]
    costs = running.Costs.here()
    told = None if saving.resume else _foretell(cases, selected, budget, labour, asked, costs)
    plan = running.make_plan(list(dict.fromkeys([*first, *cases])), selected, budget)
    names = {c.name for c in first} & {cell.case for cell in plan.cells}
    judge_and_end(plan, saving, labour, asked, curves=curves, first=names,
                  foreseen=Foreseen(costs, told))  # fmt: skip


def _foretell(
    cases: Sequence[Any],
    selected: running.Selection,
    budget: Budget,
    labour: options.Labour,
    asked: options.Asked,
    costs: running.Costs,
) -> int:
    """Say how long it takes before frameworks are loaded to see devices; returns the cells."""
    here = replace(selected, devices=selected.devices or ("cpu",))
    cells = asked.part_of(running.make_plan(cases, here, budget).cells)
    estimate = running.Estimate(costs, cells, labour.lanes(len(cells)), early=True)
    click.echo(telling.foretold(len(cells), estimate), err=True)
    return len(cells)


def judge_and_end(
    plan: running.Plan,
    saving: options.Saving,
    labour: options.Labour,
    asked: options.Asked,
    *,
    curves: bool = False,
    work: Callable[..., Any] = running.run_cells,
    columns: Sequence[Column] = COLUMNS,
    show: Callable[[pd.DataFrame], None] | None = None,
    first: Collection[str] = (),
    foreseen: Foreseen | None = None,
) -> None:
    """Do a plan, save and show its rows (in matrices, or as `show` does), and end the command.

    The `first` cases are shown as soon as they are done, where more go on.
    """
    plan.cells, style = asked.part_of(plan.cells), asked.style
    folder = saving.open()
    started = time.perf_counter()
    rest = len({cell.case for cell in plan.cells}) - len(first)
    early = partial(_print_first, rest=rest) if style == "table" and rest else None
    with _interruptible(folder.name):
        rows, estimate = save_cells(
            plan, folder, partial(work, **vars(labour)), columns, first, early,
            lanes=labour.lanes(len(plan.cells)), foreseen=foreseen,
        )  # fmt: skip
    frame = rows.frame()
    running.write_cases(plan, folder.path, records(frame))
    if curves:
        click.echo("step curves", err=True)
        write_frame(
            running.curves_of(plan, records(frame)),
            folder.path,
            running.CURVE_COLUMNS,
            running.CURVES,
        )
    text = "" if show or style != "table" else _matrices_text(frame)
    long = text.count("\n") > PAGE
    if long:
        running.write_text(folder.path / TABLES, text)
    parquet, _ = folder.close(frame, columns)
    if style != "table":
        _print_rows(frame, style)
    elif not long:
        (show or _print_matrices)(frame)
    _print_end(frame, asked, plan, parquet, time.perf_counter() - started, long=long)
    estimate.keep()
    end(records(frame), asked=bool(plan.cells), least_digits=asked.least_digits)


@contextmanager
def _interruptible(path: str) -> Iterator[None]:
    """Ctrl-C and SIGTERM end a run with what is saved, and the words to go on."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt as reason:
        click.echo(f"interrupted; the cells that ended are in {path}: go on with the same command "
                   f"and --out {path} --resume", err=True)  # fmt: skip
        sys.exit(128 + (reason.args[0] if reason.args else signal.SIGINT))
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_rows(frame: pd.DataFrame, style: str) -> None:
    """The rows on standard output, as data."""
    several = [c for c in ("size", "point", "seed") if frame[c].nunique() > 1]
    columns = ["case", *several, "operator", "framework", "technique", "dtype", "device",
               "verdict", "digits", "error", "tolerance", "worst", "hint"]  # fmt: skip
    print_data(frame, style, frame[columns].assign(digits=frame["digits"].round(1)))


def _print_first(frame: pd.DataFrame, rest: int) -> None:
    """What is known after seconds, while the library goes on."""
    _print_matrices(frame)
    click.echo(f"These are the well-known checks; {counted(rest, 'case')} of the library go on.\n")


def _matrices_text(frame: pd.DataFrame) -> str:
    """The matrices as a file has them."""
    with io.StringIO() as file:
        _print_matrices(frame, console(file))
        return file.getvalue()


def _print_matrices(frame: pd.DataFrame, page: Any = None) -> None:
    page = page or console()
    tables = telling.matrices(frame, page.width)
    for table in tables:
        page.print(table)
        page.print()
    if tables:
        page.print(telling.LEGEND, style="dim")
        page.print()


def _print_end(
    frame: pd.DataFrame,
    asked: options.Asked,
    plan: running.Plan,
    parquet: Path | str,
    seconds: float,
    *,
    long: bool,
) -> None:
    """What failed, then the summary; beside data on standard output they go to standard error."""
    err = asked.style != "table"
    for text in telling.failures_told(frame, plan.identifier, asked.least_digits):
        click.echo(f"{text}\n", err=err)
    for line in telling.summarise(frame):
        click.echo(line, err=err)
    for broken in broken_plugins():
        click.echo(str(broken), err=True)
    where = display_path(parquet.resolve()) if isinstance(parquet, Path) else parquet
    if long:
        click.echo(f"all digits: {where.replace(Path(where).name, TABLES)}")
    click.echo(f"rows saved: {where} (and .csv), {seconds:.0f} s", err=err)

"""`xgrad time`: timings of a selection, and two saved runs side by side."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xgrad import running, telling, timing
from xgrad.cli import options
from xgrad.cli.saving import console, end, print_data, save_cells
from xgrad.errors import UsageError
from xgrad.judging import is_failure
from xgrad.problem import display_path, find_cases
from xgrad.referee import Budget
from xgrad.table import records

if TYPE_CHECKING:
    import pandas as pd

IN_MARKDOWN = ["case", "operator", "size", "inputs", "framework", "technique", "dtype", "device",
         "threads", "verdict", "first_call", "derivative", "iqr", "noisy", "value", "ratio",
         "ratio_low", "ratio_high", "per_formula", "peak_memory"]  # fmt: skip
ROOT = Path("results/timings")
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the rows; default: results/timings/<date>-<commit>.",
)


@click.command("time")
@options.PATHS
@options.takes(selected=options.SELECTION, budget=options.BUDGET)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True,
              help="Threads, and cores that the measuring process is pinned to.")  # fmt: skip
@click.option("--limit", type=options.POSITIVE, default=10.0, show_default=True, metavar="SECONDS",
              help="Of one method at one size; slower ones give fewer samples, "
              "at least four.")  # fmt: skip
@options.takes(saving=options.Group(options.Saving, {"out": OUT, "resume": options.RESUME}))
@click.option("--compare", nargs=2, type=click.Path(path_type=Path), default=None,
              metavar="BEFORE AFTER",
              help="Show what changed between two saved runs instead.")  # fmt: skip
@click.option("--across", is_flag=True, help="Compare over machines or threads all the same.")
@options.LEAST_DIGITS
@options.FORMAT
def command(
    paths: tuple[str, ...],
    selected: running.Selection,
    budget: Budget,
    threads: int,
    limit: float,
    saving: options.Saving,
    compare: tuple[Path, Path] | None,
    across: bool,
    least_digits: float,
    style: str,
) -> None:
    """Time what is right: first call, derivative, value, ratios, peak memory.

    Without PATH a few well-known cases; without --method the usual methods except differences.
    Every method is judged first: one that is wrong has its verdict in place of a number. One fresh
    process measures, pinned to a core for each thread. Sizes of a list are a ladder: from three on,
    the exponent of the time against the number of inputs is fitted.

    Ends with status 0, with 1 when something disagrees or failed, or was slower in --compare, with
    2 when the call is wrong, and with 5 when nothing could be judged. Progress and notes go to
    standard error.

    \b
    xgrad time
    xgrad time cases/embedding --size small,medium,large --method 'torch.*'
    xgrad time tsne_kl --method numpy.differences,torch.reverse --dtype float32
    xgrad time softmax_cross_entropy --threads 2 --format markdown > table.md
    xgrad time --compare results/timings/before results/timings/after
    """
    if compare:
        if paths:
            raise UsageError("--compare takes two saved runs, and no PATH")
        sys.exit(_compare(*compare, across=across, style=style))
    plan = timing.plan_timing(find_cases(paths or timing.QUICK), selected, budget, threads, limit)
    folder = saving.open(ROOT)
    started = time.perf_counter()
    with timing.Worker(threads) as worker:
        work = partial(timing.time_cells, worker=worker)
        rows, estimate = save_cells(plan, folder, work, timing.TIMING_COLUMNS)
    frame = rows.frame()
    about = worker.about
    if not about and len(frame):  # all of them were saved before
        about = running.read_environment(folder.path)
    saved = timing.save_timings(frame, about, folder.path)
    folder.release()
    _print(frame, style)
    lines = telling.summarise_timings(frame, about)
    spent = f"{time.perf_counter() - started:.0f} s"
    lines.append(f"rows saved: {display_path(saved.resolve())} (and .csv), {spent}")
    for line in _failures(frame, least_digits) + lines:
        click.echo(line, err=style != "table")
    estimate.keep()
    end(records(frame), asked=bool(plan.cells), least_digits=least_digits)


def _failures(frame: pd.DataFrame, least_digits: float) -> list[str]:
    """A line for each row that disagrees or failed."""
    lines = []
    for row in records(frame):
        if is_failure(row, least_digits):
            what = " ".join(filter(None, (row["case"], row["operator"])))
            method = f", {telling.method_of(row)} {row['dtype']}" if row["framework"] else ""
            said = row["verdict"] if row["status"] == "ok" else row["status"]
            lines.append(f"{what}{method}: {said}: {row['message']}".rstrip(": "))
    return list(dict.fromkeys(lines))


def _compare(before: Path, after: Path, *, across: bool, style: str) -> int:
    """Print what changed between two saved runs; returns the exit status."""
    compared, apart = timing.compare_timings(before, after, across=across)
    if style == "table":
        found = telling.changes_table(compared)
        if found is not None:
            console().print(found)
    else:
        print_data(compared, style)
    for text in apart:
        click.echo(f"not alike: {text}", err=True)
    click.echo(telling.summarise_changes(compared), err=style != "table")
    return 1 if compared["change"].isin([timing.SLOWER, timing.LOST]).any() else 0


def _print(frame: pd.DataFrame, style: str) -> None:
    """The rows on standard output."""
    if style != "table":
        print_data(frame, style, frame[IN_MARKDOWN])
        return
    page, shown, fitted = console(), telling.timing_tables(frame), timing.fit_exponents(frame)
    for each in [*shown, *([telling.ladder_table(fitted)] if len(fitted) else [])]:
        page.print(each)
        page.print()
    if shown:
        page.print(telling.TIMING_LEGEND, style="dim", markup=False)
        page.print()

"""The command `xgrad time`: timings of a selection, and two saved runs side by side."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xgrad._timing import comparison, report, table
from xgrad._timing.ladder import fit_exponents
from xgrad._timing.worker import Worker
from xgrad.cli_run import save_cells
from xgrad.discovery import find_cases
from xgrad.errors import UsageError
from xgrad.planning import Gathered, Plan, Selection
from xgrad.problem import display_path
from xgrad.referee import Budget
from xgrad.report import WIDTH
from xgrad.storage import RunFolder, new_folder, read_environment
from xgrad.table import is_failure, records
from xgrad.timing import QUICK, plan_timing, time_cells

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ["case", "operator", "size", "inputs", "framework", "technique", "dtype", "device",
         "threads", "verdict", "first_call", "derivative", "iqr", "noisy", "value", "ratio",
         "ratio_low", "ratio_high", "per_formula", "peak_memory"]  # fmt: skip
ROOT = Path("results/timings")


def run_timing(
    paths: tuple[str, ...],
    chosen: Selection,
    limits: Budget,
    *,
    threads: int,
    limit: float,
    out: Path | None,
    resume: bool,
    style: str,
) -> int:
    """Measure, save and print; returns the exit status."""
    if resume and out is None:
        raise UsageError("--resume needs the folder to go on in: --out DIR")
    found = find_cases(paths or QUICK)
    plan = plan_timing(found, chosen, limits, threads, limit)
    folder = RunFolder(out or new_folder(ROOT), resume=resume)
    started = time.perf_counter()
    rows, about = _done(plan, folder, threads)
    frame = rows.frame()
    saved = table.save(frame, about, folder.path)
    _print(frame, style)
    lines = report.summarise(frame, about)
    spent = f"{time.perf_counter() - started:.0f} s"
    lines.append(f"rows saved: {display_path(saved.resolve())} (and .csv), {spent}")
    for line in _failures(frame) + lines:
        click.echo(line, err=style != "table")
    return 1 if _failures(frame) else 0


def _done(plan: Plan, folder: RunFolder, threads: int) -> tuple[Gathered, dict[str, Any]]:
    """The rows of all cells, saved as they end, and where they were measured."""
    with Worker(threads) as worker:
        rows = save_cells(plan, folder, partial(time_cells, worker=worker), table.COLUMNS)
    about = worker.about
    if not about and rows:  # all of them were saved before
        about = read_environment(folder.path)
    return rows, about


def _failures(frame: pd.DataFrame) -> list[str]:
    """A line for each row that disagrees or failed."""
    lines = []
    for row in records(frame):
        if is_failure(row):
            what = " ".join(filter(None, (row["case"], row["operator"])))
            method = f", {report.method_of(row)} {row['dtype']}" if row["framework"] else ""
            said = row["verdict"] if row["status"] == "ok" else row["status"]
            lines.append(f"{what}{method}: {said}: {row['message']}".rstrip(": "))
    return list(dict.fromkeys(lines))


def run_comparison(before: Path, after: Path, *, across: bool, style: str) -> int:
    """Print what changed between two saved runs; returns the exit status."""
    compared, apart = comparison.compare(before, after, across=across)
    if style == "table":
        found = report.changes(compared)
        if found is not None:
            _console().print(found)
    else:
        _print_data(compared, style)
    for text in apart:
        click.echo(f"not alike: {text}", err=True)
    click.echo(report.summarise_changes(compared), err=style != "table")
    worse = compared["change"].isin([comparison.SLOWER, comparison.LOST])
    return 1 if worse.any() else 0


def _print(frame: pd.DataFrame, style: str) -> None:
    """The rows on standard output."""
    if style != "table":
        _print_data(frame[SHOWN] if style == "markdown" else frame, style)
        return
    console = _console()
    shown = report.tables(frame)
    fitted = fit_exponents(frame)
    for each in [*shown, *([report.ladder(fitted)] if len(fitted) else [])]:
        console.print(each)
        console.print()
    if shown:
        console.print(report.LEGEND, style="dim", markup=False)
        console.print()


def _print_data(frame: pd.DataFrame, style: str) -> None:
    if style == "csv":
        click.echo(frame.to_csv(index=False), nl=False)
    elif style == "json":
        click.echo(frame.to_json(orient="records", indent=1, double_precision=15))
    else:
        click.echo(frame.to_markdown(index=False, floatfmt=".3g"))


def _console() -> Any:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=WIDTH, highlight=False)

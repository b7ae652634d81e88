"""The commands `xgrad run` and `xgrad merge`: verdicts into a folder, and folders into one."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xgrad.cli_options import FORMATS, chosen, selection
from xgrad.cluster import Cluster
from xgrad.discovery import find_cases
from xgrad.errors import UsageError
from xgrad.places import PLACE, is_url
from xgrad.planning import Gathered, Plan, make_plan, part_of
from xgrad.problem import display_path
from xgrad.progress import progress
from xgrad.report import counted
from xgrad.runner import run_cells
from xgrad.table import COLUMNS, Column, records
from xgrad.workers import Limits

if TYPE_CHECKING:
    import pandas as pd

    from xgrad.storage import RunFolder


@click.command("run")
@selection
@click.option("--out", type=PLACE, default=None,
              help="Folder of the rows, or a URL such as s3://bucket/run; "
              "default: results/runs/<date>-<commit>.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Do what is missing in --out.")
@click.option("--workers", type=click.IntRange(min=0), default=None,
              help="Processes, 0 for none but this one; default: one for each core.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=600.0,
              show_default=True, help="Seconds that one method may take at one cell.")  # fmt: skip
@click.option("--worker-memory", type=click.FloatRange(min=0, min_open=True), default=None,
              help="Gigabytes of one worker; default: a fair share of the machine's.")  # fmt: skip
@click.option("--scheduler", default=None, metavar="ADDRESS",
              help="Judge on a Dask cluster, such as tcp://10.0.0.1:8786, not here.")  # fmt: skip
@click.option("--tls-ca", type=click.Path(exists=True, path_type=Path), metavar="FILE",
              help="Certificates of the authority that signed the cluster's.")  # fmt: skip
@click.option("--tls-cert", type=click.Path(exists=True, path_type=Path), metavar="FILE",
              help="This side's certificate.")  # fmt: skip
@click.option("--tls-key", type=click.Path(exists=True, path_type=Path), metavar="FILE",
              help="Its private key.")  # fmt: skip
@click.option("--curves", is_flag=True,
              help="Save the step curve of each case too, for its published page.")  # fmt: skip
@click.option("--shard", default=None, metavar="I/N",
              help="Only the I-th of N parts of the cells; xgrad merge joins them.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(FORMATS), default="table", show_default=True)
def run_(
    paths: tuple[str, ...],
    out: Path | str | None,
    resume: bool,
    workers: int | None,
    timeout: float,
    worker_memory: float | None,
    scheduler: str | None,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    curves: bool,
    shard: str | None,
    style: str,
    **options: Any,
) -> None:
    """Judge every method against the referee, and save the rows.

    Ends with status 0 when nothing disagrees, 1 when something does or failed, 2 when the call is
    wrong. Progress and notes go to standard error.

    \b
    xgrad run
    xgrad run cases/embedding --size medium --method 'torch.*' --dtype float32
    xgrad run --method ball.formula
    xgrad run my_case.py --format markdown > table.md
    xgrad run --shard 3/8 --out shard3
    xgrad run --scheduler tcp://10.0.0.1:8786 --out cluster
    """
    from xgrad.publication.description import write_cases
    from xgrad.storage import new_folder

    wanted, limits = chosen(options)
    plan = make_plan(find_cases(paths), wanted, limits)
    if shard is not None:
        plan.cells = part_of(plan.cells, shard)
    if resume and out is None:
        raise UsageError("--resume needs the folder to go on in: --out DIR")
    cluster = _cluster(scheduler, tls_ca, tls_cert, tls_key)
    folder = _open(out or new_folder(), resume)
    started = time.perf_counter()
    with _interruptible(folder.name):
        each = Limits(timeout, worker_memory)
        run = partial(run_cells, workers=workers, limits=each, cluster=cluster)
        rows = save_cells(plan, folder, run)
    frame = rows.frame()
    write_cases(plan, folder.path)
    if curves:
        _save_curves(plan, frame, folder.path)
    parquet, _ = folder.close(frame)
    _print(frame, style)
    _print_end(frame, plan, style, parquet, time.perf_counter() - started)
    sys.exit(1 if _failed(frame) else 0)


def _open(place: Path | str, resume: bool) -> RunFolder:
    from xgrad.remote import RemoteFolder
    from xgrad.storage import RunFolder

    if is_url(place):
        return RemoteFolder(str(place), resume=resume)
    return RunFolder(Path(place), resume=resume)


def _cluster(scheduler: str | None, *tls: Path | None) -> Cluster | None:
    if scheduler is None:
        if any(tls):
            raise UsageError("--tls-… files are for a cluster: name it with --scheduler")
        return None
    return Cluster(scheduler, *tls)


def _save_curves(plan: Plan, frame: pd.DataFrame, folder: Path) -> None:
    from xgrad.stepcurve import COLUMNS, FILE, curves_of
    from xgrad.table import write_frame

    click.echo("step curves", err=True)
    write_frame(curves_of(plan, records(frame)), folder, COLUMNS, FILE)


@contextmanager
def _interruptible(path: str) -> Iterator[None]:
    """Ctrl-C and SIGTERM end a run with what is saved, and the words to go on."""

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt as reason:
        click.echo(f"interrupted; the cells that ended are in {path}: go on with the same command "
                   f"and --out {path} --resume", err=True)  # fmt: skip
        sys.exit(128 + (reason.args[0] if reason.args else signal.SIGINT))
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command("merge")
@click.argument("folders", nargs=-1, required=True, type=PLACE)
@click.option("--to", "out", required=True, type=PLACE, help="A new folder, or a URL.")
def merge_(folders: tuple[Path | str, ...], out: Path | str) -> None:
    """Join the rows of several runs, such as the shards of one, in a folder of their own.

    \b
    xgrad run --shard 1/2 --out a; xgrad run --shard 2/2 --out b
    xgrad merge a b --to whole
    """
    from xgrad.remote import fetched
    from xgrad.storage import merge

    with fetched(folders) as here:
        frame, (parquet, _) = merge(here, _open(out, resume=False))
    click.echo(
        f"{counted(len(frame), 'row')} of {counted(len(folders), 'run')}: {parquet}", err=True
    )


def save_cells(
    plan: Plan,
    folder: RunFolder,
    run: Callable[..., Any],
    columns: Sequence[Column] = COLUMNS,
) -> Gathered:
    """The rows of all cells: those saved before, and those done now, saved as they end."""
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
    with progress(len(todo)) as tell:
        for cell, found in run(plan, todo):
            folder.add(cell, found)
            rows.add(cell, found)
            tell(f"{cell.case} {cell.size} {cell.dtype} {cell.device}")
    return rows


def _print(frame: pd.DataFrame, style: str) -> None:
    """The rows on standard output."""
    if style == "csv":
        click.echo(frame.to_csv(index=False), nl=False)
    elif style == "json":
        click.echo(frame.to_json(orient="records", indent=1, double_precision=15))
    elif style == "markdown":
        columns = ["case", "operator", "framework", "technique", "dtype", "device", "verdict",
                   "digits", "error", "tolerance", "worst", "hint"]  # fmt: skip
        shown = frame[columns].assign(digits=frame["digits"].round(1))
        click.echo(shown.to_markdown(index=False, floatfmt=".3g"))
    else:
        _print_matrices(frame)


def _print_matrices(frame: pd.DataFrame) -> None:
    from rich.console import Console

    from xgrad.report import LEGEND, WIDTH, matrices

    console = Console(highlight=False)
    width = console.width if console.is_terminal else WIDTH
    console = Console(width=width, highlight=False)
    tables = matrices(frame, width)
    for table in tables:
        console.print(table)
        console.print()
    if tables:
        console.print(LEGEND, style="dim")
        console.print()


def _print_end(
    frame: pd.DataFrame, plan: Plan, style: str, parquet: Path | str, seconds: float
) -> None:
    """What failed, then the summary; beside data on standard output they go to standard error."""
    from xgrad.report import SHOWN, failure_text, grouped_failures, summarise

    err = style != "table"
    rows = records(frame)
    grouped = grouped_failures(frame)
    for row, more in grouped[:SHOWN]:
        click.echo(failure_text(row, rows, plan.identifier(row["case"])), err=err)
        if more:
            click.echo(f"  ({counted(more, 'more row')} alike)", err=err)
        click.echo("", err=err)
    if len(grouped) > SHOWN:
        hidden = counted(len(grouped) - SHOWN, "more failure")
        click.echo(f"… and {hidden}, all in the rows\n", err=err)
    for line in summarise(frame):
        click.echo(line, err=err)
    where = display_path(parquet.resolve()) if isinstance(parquet, Path) else parquet
    click.echo(f"rows saved: {where} (and .csv), {seconds:.0f} s", err=err)


def _failed(frame: pd.DataFrame) -> bool:
    from xgrad.report import failures

    return bool(failures(frame))

"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from xgrad.errors import counted

QUIET = 10.0  # seconds between two lines


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar with the time left on a terminal, a line every ten seconds elsewhere, on stderr."""
    import click
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Left())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("starting", total=total)
            yield lambda text: bar.update(task, advance=1, description=text)
        return
    started = told = time.perf_counter()
    done = 0

    def tell(text: str) -> None:
        nonlocal done, told
        done, now = done + 1, time.perf_counter()
        if now - told > QUIET or done == total:
            told = now
            left = (now - started) / done * (total - done)
            rest = f", about {left:.0f} s left" if left else ""
            click.echo(f"{done} of {total} cells: {text}{rest}", err=True)

    click.echo(counted(total, "cell"), err=True)
    yield tell

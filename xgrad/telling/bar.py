"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xgrad.errors import counted

if TYPE_CHECKING:
    from xgrad.running import Estimate

QUIET = 10.0  # seconds between two lines
SOURCES = {
    "kept": "as its cells took here before",
    "published": "by published costs, at the speed of this machine",
    "guess": "a guess: such cases have not run here",
}


def duration(seconds: float) -> str:
    """`8 s`, `40 s`, `6 min`, `1 h 20 min`: as exact as an estimate is."""
    if seconds < 9.5:
        return f"{math.ceil(seconds)} s"
    if seconds < 95:
        return f"{5 * round(seconds / 5)} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if not hours else f"{hours} h" + (f" {rest} min" if rest else "")


def foretold(total: int, estimate: Estimate | None = None) -> str:
    """How many cells, how long they will take, and how that is known."""
    cells = counted(total, "cell")
    if estimate is None or not estimate.source:
        return cells
    return f"{cells}, about {duration(estimate.seconds)} ({SOURCES[estimate.source]})"


def time_left(total: int, estimate: Estimate | None = None) -> Callable[[int], float]:
    """Seconds that are left after so many cells: those of the estimate, else of what is done."""
    started = time.perf_counter()

    def left(done: int) -> float:
        if estimate is not None:
            return estimate.seconds
        return (time.perf_counter() - started) / done * (total - done) if done else math.nan

    return left


@contextmanager
def progress(total: int, estimate: Estimate | None = None) -> Iterator[Callable[[str], None]]:
    """A bar with the time left on a terminal, a line every ten seconds elsewhere, on stderr."""
    from rich.console import Console

    done, seconds = 0, time_left(total, estimate)

    def left() -> str:
        found = seconds(done)
        return "" if math.isnan(found) else f"about {duration(found)} left"

    console = Console(stderr=True)
    with (_bar if console.is_terminal else _lines)(console, total, left) as tell:

        def count(text: str) -> None:
            nonlocal done
            done += 1
            tell(text)

        yield count


@contextmanager
def _lines(console: Any, total: int, left: Callable[[], str]) -> Iterator[Callable[[str], None]]:
    """A line now and then."""
    import click

    done, told = 0, time.perf_counter()

    def tell(text: str) -> None:
        nonlocal done, told
        done, now = done + 1, time.perf_counter()
        if now - told > QUIET or done == total:
            told = now
            rest = f", {left()}" if done < total and left() else ""
            click.echo(f"{done} of {total} cells: {text}{rest}", err=True)

    yield tell


@contextmanager
def _bar(console: Any, total: int, left: Callable[[], str]) -> Iterator[Callable[[str], None]]:
    """A bar that goes away, with the time left as it passes."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(left())

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Left())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=total)
        yield lambda text: bar.update(task, advance=1, description=text)

"""How far a run in a notebook is: a bar in its place, which ends as a line."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from xgrad.errors import counted
from xgrad.telling.bar import duration, time_left

if TYPE_CHECKING:
    from xgrad.running import Estimate

LONG = 1.0  # seconds of a run that is shown
OFTEN = 0.5  # seconds between two looks of it
_TRACK = "display:inline-block;width:12em;height:.7em;border:1px solid currentColor"
_DONE = "display:block;height:100%;background:#4a90d9"

Tell = Callable[[int, str], None]  # cells that are done, and what goes on


@contextmanager
def notebook_progress(total: int, estimate: Estimate | None = None) -> Iterator[Tell]:
    """A bar below a notebook's cell while a run takes longer than a second.

    What it leaves is a line with the cells that were done and their time; of a short run nothing.
    """
    bar, over = _Bar(total, estimate), threading.Event()
    clock = threading.Thread(target=bar.tick, args=(over,), daemon=True)
    clock.start()
    said = f"stopped after {{done:,}} of {counted(total, 'cell')}, {{spent}}"
    try:
        yield bar.tell
        said = f"{counted(total, 'cell')} in {{spent}}"
    finally:
        over.set()
        clock.join()
        bar.end(said)


class _Bar:
    """What a notebook shows at one place, by its handle once it is there."""

    def __init__(self, total: int, estimate: Estimate | None):
        self.total, self.done, self.text = total, 0, "starting"
        self.left = time_left(total, estimate)
        self.begun = time.perf_counter()
        self.handle: Any = None

    def tell(self, done: int, text: str) -> None:
        """Keep what is to be shown."""
        self.done, self.text = done, text

    def tick(self, over: threading.Event) -> None:
        """Show it from time to time, whatever the run does, until it is over."""
        pause = LONG
        while not over.wait(pause):
            self.show()
            pause = OFTEN

    def show(self) -> None:
        """The bar, what is done, the time left, and what goes on."""
        seconds = self.left(self.done)
        rest = "" if math.isnan(seconds) else f", about {duration(seconds)} left"
        said = f"{self.done:,} of {counted(self.total, 'cell')}{rest}: {self.text}"
        share = 100 * self.done / max(1, self.total)
        bar = f'<span style="{_TRACK}"><span style="{_DONE};width:{share:.0f}%"></span></span>'
        self._put(said, f"<div>{bar} {escape(said)}</div>")

    def end(self, said: str) -> None:
        """The line that stays, if there was a bar."""
        if self.handle is not None:
            spent = duration(time.perf_counter() - self.begun)
            said = said.format(done=self.done, spent=spent)
            self._put(said, f'<div style="opacity:.7">{escape(said)}</div>')

    def _put(self, said: str, html: str) -> None:
        from IPython.display import display

        data = {"text/plain": said, "text/html": html}
        if self.handle is None:
            self.handle = display(data, raw=True, display_id=True)
        else:
            self.handle.update(data, raw=True)

"""A limit of time for what runs in the caller's own process."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OutOfTime(BaseException):
    """The limit is reached; no `except Exception` on the way holds it up."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` after so many seconds of processor time; only where signals can be had.

    Where a destructor swallows it, the next one comes after as long again. A profiler's timer goes
    on where it stood.
    """
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise OutOfTime

    def unless_ours(told: Any) -> None:
        if told.exc_type is not OutOfTime:
            hook(told)

    hook, sys.unraisablehook = sys.unraisablehook, unless_ours
    before = signal.signal(signal.SIGPROF, stop)
    theirs = signal.setitimer(signal.ITIMER_PROF, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, *theirs)
        signal.signal(signal.SIGPROF, before)
        sys.unraisablehook = hook

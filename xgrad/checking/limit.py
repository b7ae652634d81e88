"""A limit of time for what runs in the caller's own process."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

try:
    import resource
except ImportError:  # on Windows, which has no such timers either
    resource = None  # type: ignore[assignment]


def processor_time() -> float:
    """Seconds of processor time of this process, in full resolution.

    On Linux the process's own clock goes by ticks of some milliseconds while a timer of `limited`
    runs, and for a while after.
    """
    if resource is None:
        return time.process_time()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


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

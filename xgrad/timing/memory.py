"""The memory of one call: what the process, or the device, held more at its peak."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from xgrad.frameworks import Framework

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # what resets the peak in CLEAR, proc_pid_clear_refs(5)
CALLS, ENOUGH = 3, 1.0  # so many, of which the median counts, unless they take so many seconds


def find_peak(
    framework: Framework, device: str, run: Callable[..., Any], arguments: tuple[Any, ...]
) -> float | None:
    """Bytes at the peak of one call beyond those before it, on the host or on the device."""
    if device != "cpu":
        return framework.device_peak(run, arguments, device)
    return host_peak(lambda: framework.wait(run(*arguments)))


def host_peak(call: Callable[[], Any]) -> float | None:
    """Bytes of resident memory at the peak of a call beyond those before it; None off Linux.

    Everything counts that the process holds: arrays of any framework, workspaces of their
    libraries, recorded graphs. What earlier calls freed goes back to the system first
    (`malloc_trim`), so that it is not mistaken for memory that the call does without. Counted in
    pages, and the kernel's own counters lag by up to about a quarter of a megabyte.
    """
    if not _can_reset():
        return None
    started, rises = perf_counter(), [_rise(call)]
    while len(rises) < CALLS and perf_counter() - started < ENOUGH:
        rises.append(_rise(call))
    return float(np.median(rises))


def _rise(call: Callable[[], Any]) -> int:
    gc.collect()
    _trim()
    CLEAR.write_text(RESET_PEAK)
    before = _status("VmRSS")
    call()
    return max(0, _status("VmHWM") - before)


def _can_reset() -> bool:
    try:
        CLEAR.write_text(RESET_PEAK)
        return _status("VmHWM") > 0
    except (OSError, LookupError):
        return False


def _status(name: str) -> int:
    """A size from the process's status, in bytes."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def _trim() -> None:
    """Give freed memory back, where the C library can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return

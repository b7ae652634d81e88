"""The process that measures: one at a time, with its threads set and pinned before it starts."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from xgrad.errors import UsageError
from xgrad.problem import Case
from xgrad.running import Cell, Row, case_of, describe_machine, environment_with
from xgrad.techniques import ERROR

LONGEST = 3_600.0  # seconds of one cell
CRASHED = "the measuring process ended without a word: out of memory, or the code ended it"
LOOK = 0.2  # seconds of looking which cores are idle
COUNTS = Path("/proc/stat")


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def require_threads(threads: int) -> None:
    """Raise `UsageError` for a number of threads that this machine has no cores for."""
    if not 1 <= threads <= len(cores()):
        raise UsageError(f"{threads} threads: this process may use 1 to {len(cores())} cores")


def variables(threads: int) -> dict[str, str]:
    """What the measuring process has in its environment, beside what this one has.

    Compilers keep no results on disk: the first call compiles.
    """
    count = str(threads)
    flag = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}"
    return {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "XLA_FLAGS": " ".join(filter(None, (os.environ.get("XLA_FLAGS"), flag))),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # torch works on the same device
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
    }


Work = Callable[[Case, Cell], list[Row]]  # importable by the measuring process


class Worker(AbstractContextManager["Worker"]):
    """The measuring process; another one takes its place where it ends or hangs.

    `about` says where it ran: `describe_machine()` as seen from inside, its threads and cores,
    and the seconds that each framework took to import.
    """

    def __init__(self, threads: int):
        require_threads(threads)
        self.threads = threads
        self.about: dict[str, Any] = {}
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    def do(self, work: Work, cell: Cell) -> list[Row]:
        """The rows of some work at a cell of a case file; one row where the process is lost."""
        pipe = self._pipe or self._start()
        try:
            pipe.send((work, cell))
            if pipe.poll(LONGEST):
                return list(pipe.recv())
            status, said = "timeout", f"not done after {LONGEST:g} s"
        except (EOFError, OSError):
            status, said = "crashed", CRASHED
        self.close()
        return [{**cell.place, "threads": self.threads, "status": status, "message": said}]

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.threads), daemon=True)
        values = variables(self.threads)
        with environment_with(values):
            self._process.start()
        theirs.close()
        self._pipe = pipe
        try:
            self.about = pipe.recv()
        except (EOFError, OSError):
            self.close()
            raise UsageError(
                "the measuring process ended while it started; its last words are above "
                f"(XLA_FLAGS={values['XLA_FLAGS']!r})"
            ) from None
        return pipe

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None and self._pipe is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None

    def __exit__(self, *error: object) -> None:
        self.close()


def _serve(pipe: Connection, threads: int) -> None:
    """Do what is sent until the pipe ends; what cases print is no data, and goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's business
    os.dup2(2, 1)
    pipe.send(settle(threads))
    while True:
        try:
            work, cell = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_done(work, cell))


def _done(work: Work, cell: Cell) -> list[Row]:
    """The work at a cell, whose case is loaded from its file."""
    case = case_of(cell.path, cell.case)
    if isinstance(case, Case):
        return work(case, cell)
    said = f"{cell.path} does not load in the measuring process: {case}"
    return [{**cell.place, "status": ERROR, "message": said}]


def settle(threads: int) -> dict[str, Any]:
    """Pin this process to as many idle cores, import the frameworks, and say where it runs."""
    pinned = pin(threads)
    imports = import_seconds()
    return {
        **describe_machine(),
        "threads": threads,
        "pinned": pinned,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "import_seconds": imports,
    }


def pin(threads: int) -> list[int]:
    """Keep this process on the idlest of its cores; returns them, none where that cannot be."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    busy = _busy()
    chosen = sorted(cores(), key=lambda core: (busy.get(core, 0.0), -core))[:threads]
    os.sched_setaffinity(0, chosen)
    return sorted(chosen)


def _busy() -> dict[int, float]:
    """The share of a short while that each core worked; empty where the system does not tell."""
    if not COUNTS.exists():
        return {}
    before = _counts()
    sleep(LOOK)
    return {
        core: 1 - (idle - before[core][0]) / max(1, total - before[core][1])
        for core, (idle, total) in _counts().items()
        if core in before
    }


def _counts() -> dict[int, tuple[int, int]]:
    """Ticks idle and in all by core: the lines `cpuN …` of proc_stat(5)."""
    found = {}
    for line in COUNTS.read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            spent = list(map(int, ticks))
            found[int(name[3:])] = (sum(spent[3:5]), sum(spent[:8]))
    return found


def import_seconds() -> dict[str, float | None]:
    """How long this process took to import each framework's package, of those not there yet."""
    from xgrad.frameworks import frameworks

    packages = [f.package for f in frameworks().values() if f.package]
    return {name: _seconds(name) for name in packages if name not in sys.modules}


def _seconds(package: str) -> float | None:
    started = perf_counter()
    try:
        importlib.import_module(package)
    except Exception:  # what is wrong with it shows in the rows
        return None
    return perf_counter() - started

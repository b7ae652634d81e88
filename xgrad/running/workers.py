"""Worker processes: the rows of each cell as they are made, whatever becomes of a process."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import nan
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from xgrad.problem import Broken, Case, cases_of_file
from xgrad.running.planning import Cell, Row
from xgrad.techniques import ERROR

TIMEOUT, CRASHED = "timeout", "crashed"
TICK = 0.5  # seconds between looks at clocks and memory
START = 120.0  # seconds at least for a process to start and to import xgrad on a busy machine
SHARE = 0.8  # of the machine's memory that all workers may use together
# One thread, so that workers do not multiply theirs; memory of a device as they need it, where JAX
# would take three quarters for the first one.
VARIABLES = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
READY, END, LAST = "ready", "end", "last"  # loaded; the cell is done; and the worker ends with it
PDEATHSIG = 1  # prctl's number for the signal at the parent's death


@dataclass(frozen=True)
class Step:
    """What a worker begins: the columns of the row that it will make, to be told if it dies."""

    columns: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        operator, framework, technique = (value for _, value in self.columns)
        return f"{operator} {framework}.{technique}"


Work = Callable[[Case, Cell, frozenset[Step]], Iterator[Step | Row]]  # importable by a worker


@dataclass(frozen=True)
class Limits:
    """What one step may take: seconds, and gigabytes of its worker (default: a fair share)."""

    seconds: float = 600.0
    gigabytes: float | None = None


class Ended(NamedTuple):
    """A cell that ended: its rows, its seconds by the clock and of the processor, nan if unknown.

    Those of a process's `first` cell hold its start, and the frameworks that it loads.
    """

    cell: Cell
    rows: list[Row]
    seconds: float = nan
    work: float = nan
    first: bool = False


@dataclass
class Job:
    """A cell on its way: rows made, steps that ended a process, and the step that is on."""

    cell: Cell
    rows: list[Row] = field(default_factory=list)
    skip: set[Step] = field(default_factory=set)
    step: Step | None = None
    seconds: float = 0.0  # of workers that had it, by the clock
    work: float = 0.0  # and of the processor
    first: bool = False  # of one of them

    @property
    def case(self) -> tuple[str, str]:
        """What its like have in common: what one of them drew and compiled, the next one finds."""
        return self.cell.path, self.cell.case


class Queue:
    """Jobs that wait: a worker is given those of the case that it knows, else of one that is new.

    Where all cases are begun, it helps with the one that has most left.
    """

    def __init__(self, jobs: Iterable[Job]):
        self.begun: deque[Job] = deque()  # by a worker that is gone: they go first
        self.cases: dict[tuple[str, str], deque[Job]] = {}
        for job in jobs:
            self.cases.setdefault(job.case, deque()).append(job)
        self.new = dict.fromkeys(self.cases)  # in order: those that no worker has begun

    def take(self, known: tuple[str, str] | None = None) -> Job | None:
        """The next job of a worker that knows a case."""
        if self.begun:
            return self.begun.popleft()
        if known not in self.cases:
            known = next(iter(self.new)) if self.new else self._longest
        if known is None:
            return None
        self.new.pop(known, None)
        jobs = self.cases[known]
        job = jobs.popleft()
        if not jobs:
            del self.cases[known]
        return job

    @property
    def _longest(self) -> tuple[str, str] | None:
        """The case that has most left."""
        return max(self.cases, key=lambda case: len(self.cases[case]), default=None)


class Worker:
    """One process and its job."""

    def __init__(self) -> None:
        """Start it."""
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), name="xgrad worker")
        with environment_with(VARIABLES):
            self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.case: tuple[str, str] | None = None  # the one that it did last, drawn and compiled
        self.last = False  # it takes no other job
        self.ready = False  # it has its job
        self.since = time.monotonic()

    def give(self, work: Work, job: Job) -> None:
        """Send a job, without the steps that it has been through."""
        job.first |= self.case is None
        self.job, self.case = job, job.case
        self.ready, self.since = False, time.monotonic()
        with suppress(OSError):  # told as a crash when its end is seen
            self.pipe.send((work, job.cell, frozenset(job.skip)))

    def spend(self) -> None:
        """Count the time since the last message as its job's."""
        assert self.job is not None
        now = time.monotonic()
        self.job.seconds += now - self.since
        self.since = now

    def take(self) -> bool:
        """Read one message into the job; False where the process is gone."""
        assert self.job is not None
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            return False
        self.spend()
        if isinstance(message, Step):
            self.job.step = message
        elif isinstance(message, float):
            self.job.work += message
        elif message in (END, LAST):
            self.job, self.last = None, message == LAST
        elif message == READY:
            self.ready = True
        else:
            self.job.rows.append(message)
            if self.job.step is not None:
                self.job.skip.add(self.job.step)
        return True

    def fault(self, limits: Limits, gigabytes: float) -> tuple[str, str] | None:
        """Status and message where the step exceeds what it may take."""
        allowed = limits.seconds if self.ready else max(limits.seconds, START)
        if time.monotonic() - self.since > allowed:
            return TIMEOUT, f"not done after {limits.seconds:g} s (--timeout)"
        used = resident(self.process.pid or 0)
        if used > gigabytes:
            return CRASHED, f"used {used:.1f} GB of {gigabytes:.1f} GB (--worker-memory)"
        return None

    def epitaph(self) -> str:
        """How the process ended."""
        self.process.join(5)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            more = ": out of memory?" if name == "SIGKILL" else ""
            return f"the process that ran it was ended by {name}{more}"
        return f"the process that ran it ended without a word (exit status {code})"

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        self.process.kill()
        self.process.join(5)


def do_cells(
    work: Work, cells: Sequence[Cell], count: int, limits: Limits | None = None
) -> Iterator[Ended]:
    """Do some work at cells in `count` processes, and yield the rows of each cell as it ends.

    A step that hangs, exceeds its memory or ends its process is a row; the rest of its cell is
    done by a new process.
    """
    pool = Pool(count, limits or Limits())
    try:
        yield from pool.do(work, (Job(cell) for cell in cells))
    finally:
        pool.stop()


class Pool:
    """Workers, and the jobs that wait for one."""

    def __init__(self, count: int, limits: Limits):
        self.count, self.limits = count, limits
        self.gigabytes = limits.gigabytes or SHARE * total_memory() / max(1, count)
        self.workers: list[Worker] = []
        self.waiting = Queue(())

    def do(self, work: Work, jobs: Iterable[Job]) -> Iterator[Ended]:
        """Do some work, and yield the rows of each cell as it ends; the workers stay."""
        self.waiting = Queue(jobs)
        self.replenish(work)
        while any(w.job for w in self.workers):
            for job in [*self.listen(), *self.watch()]:
                yield Ended(job.cell, job.rows, job.seconds, job.work, job.first)
            self.replenish(work)

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.stop()
        self.workers.clear()

    def replenish(self, work: Work) -> None:
        """Give every idle worker a job, and start workers where there are fewer than asked."""
        for worker in [w for w in self.workers if w.job is None]:
            if not worker.process.is_alive():
                self._drop(worker)  # it died with nothing to do
            elif (job := self.waiting.take(worker.case)) is not None:
                worker.give(work, job)
        while len(self.workers) < self.count and (job := self.waiting.take()) is not None:
            self.workers.append(Worker())
            self.workers[-1].give(work, job)

    def listen(self) -> list[Job]:
        """One message of each worker that has one; the jobs that ended."""
        ended = []
        heard = wait([w.pipe for w in self.workers], timeout=TICK)
        for worker in [w for w in self.workers if w.pipe in heard]:
            job = worker.job
            if job is None:
                self._drop(worker)  # it died with nothing to do
            elif not worker.take():
                ended += self._bury(worker, CRASHED, worker.epitaph())
            elif worker.job is None:
                ended.append(job)
                if worker.last:
                    self._drop(worker)
        return ended

    def watch(self) -> list[Job]:
        """End the steps that exceed what they may take; the jobs that ended with them."""
        ended = []
        for worker in [w for w in self.workers if w.job]:
            fault = worker.fault(self.limits, self.gigabytes)
            if fault is not None:
                ended += self._bury(worker, *fault)
        return ended

    def _drop(self, worker: Worker) -> None:
        worker.stop()
        self.workers.remove(worker)

    def _bury(self, worker: Worker, status: str, message: str) -> list[Job]:
        """Make a row of the step that ended a process; what is left of its cell goes first."""
        job = worker.job
        assert job is not None
        worker.spend()
        job.work += max(0.0, job.seconds - job.work)  # nobody told: all of its time
        self._drop(worker)
        columns = dict(job.step.columns) if job.step else {}
        job.rows.append({**job.cell.place, **columns, "status": status, "message": message})
        if job.step is None:
            return [job]
        job.skip.add(job.step)
        job.step = None
        self.waiting.begun.appendleft(job)
        return []


# --- in the worker -------------------------------------------------------------------------------


def _serve(pipe: Connection) -> None:
    """Do jobs until the pipe ends; what cases print goes nowhere."""
    _settle()
    before, spent = set(threading.enumerate()), 0.0
    while True:
        try:
            work, cell, skip = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(READY)
        for message in worked(work, cell, skip):
            pipe.send(message)
        spent, last = time.process_time(), spent
        pipe.send(spent - last)
        left = any(not t.daemon for t in set(threading.enumerate()) - before)
        pipe.send(LAST if left else END)  # threads that a case left would disturb its successors


def worked(work: Work, cell: Cell, skip: frozenset[Step] = frozenset()) -> Iterator[Step | Row]:
    """The work at a cell, whose case is loaded from its file."""
    case = case_of(cell.path, cell.case)
    if isinstance(case, Case):
        yield from work(case, cell, skip)
    else:
        said = f"{cell.path} does not load in a worker process: {case}"
        yield {**cell.place, "status": ERROR, "message": said}


@lru_cache(maxsize=256)
def case_of(path: str, name: str) -> Case | str:
    """The case, or why it is not there."""
    found = cases_of_file(Path(path))
    case = next((c for c in found if isinstance(c, Case) and c.name == name), None)
    broken = next((b.message for b in found if isinstance(b, Broken)), f"no case {name} in it")
    return case or broken


def _settle() -> None:
    """Silence, no answer to Ctrl-C (the parent's business), and an end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)


# --- the machine ---------------------------------------------------------------------------------


def resident(pid: int) -> float:
    """Gigabytes of memory that a process holds; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e9


def total_memory() -> float:
    """Gigabytes of the machine; infinite where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (ValueError, OSError, AttributeError):
        return float("inf")


@contextmanager
def environment_with(values: Mapping[str, str]) -> Iterator[None]:
    """Variables that processes started inside inherit."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

"""The clock: blocks of calls, taken in rounds in random order."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import repeat
from math import ceil
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SHORTEST, TARGET = 5e-3, 5.5e-3  # seconds of a block: at least, and aimed at
PASSES, ROUNDS = 2, 8  # a sample in each round of each pass
LEAST = 2  # rounds of a pass, where the time limit allows no more
LIMIT = 10.0  # seconds for one subject
LONG = 0.1  # seconds of a call that needs no other one before it to warm up
STARTS, ENOUGH = 3, 1.0  # first calls: so many, unless they take so many seconds together
PAUSE = 1e-3  # seconds of rest before a block, for which the system pays with a time slice
SLOW = 0.05  # seconds of a block that cannot hope to keep the core
PATIENCE = 0.4  # of a subject's time limit that disturbed blocks may use up
CLEAN = 5  # undisturbed samples that make the others superfluous
KEPT = 0.95  # of a block's time on the processor: below, others had the core

Call = Callable[[], Any]  # ends when its work is done
Loop = Callable[[int], float]  # so many calls; returns the seconds of one


def block(call: Call, number: int) -> float:
    """Seconds of one of `number` calls in a row, with the garbage collector off, as in timeit."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        started = perf_counter()
        for _ in repeat(None, number):
            call()
        return (perf_counter() - started) / number
    finally:
        if collecting:
            gc.enable()


def undisturbed(
    loop: Loop, number: int, *, warm: bool = True, patience: float = 0.25
) -> tuple[float, bool]:
    """Seconds of one call, in a block in which no other process took the core; whether one did.

    On a busy machine the system interrupts a block, less often after a rest. Then it is taken
    again, for `patience` seconds; of blocks that were all disturbed, the one that was least
    counts. `warm` puts a call that is not timed before.
    """
    most, found = -1.0, 0.0
    end = perf_counter() + patience
    while most < 0 or perf_counter() < end:
        sleep(PAUSE)
        if warm:
            loop(1)
        interrupted, spent = _interruptions(), process_time()
        seconds = loop(number)
        share = (process_time() - spent) / (seconds * number)
        if share >= KEPT or _interruptions() == interrupted:
            return seconds, False
        if share > most:
            most, found = share, seconds
        if seconds * number > SLOW:
            break
    return found, True


def _interruptions() -> int:
    """How often the system took the core from this process, where it tells."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else 0


def stream(run: Call, wait: Callable[[Any], Any], number: int) -> float:
    """Seconds of one of `number` calls that are enqueued one after the other and waited for once.

    A device works through its queue in order: when the last result is there, all are.
    """

    def everything() -> None:
        for _ in repeat(None, number):
            result = run()
        wait(result)

    return block(everything, 1) / number


def first_call(start: Callable[[], Call]) -> float:
    """Seconds of the first call after `start`: the median of up to three starts."""
    taken: list[float] = []
    while len(taken) < STARTS and sum(taken) < ENOUGH:
        taken.append(block(start(), 1))
    return float(np.median(taken))


@dataclass
class Subject:
    """Something to time; `setup` takes the inputs of a pass and returns a loop of calls.

    What goes wrong is kept in `fault`, and ends this subject only.
    """

    setup: Callable[[Any], Loop]
    scope: Callable[[], AbstractContextManager[Any]]
    number: int = 0
    fault: BaseException | None = None
    _taken: list[tuple[float, bool]] = field(default_factory=list)
    _loop: Loop | None = None
    _rounds: int = ROUNDS
    _warm: bool = True

    @property
    def samples(self) -> list[float]:
        """Seconds of one call, each the mean of a block of `number` calls.

        Of blocks that were disturbed only where too few others are left.
        """
        return [s for s, disturbed in self._taken if self.doubtful or not disturbed]

    @property
    def doubtful(self) -> bool:
        """Whether disturbed blocks had to be used."""
        return self.disturbed > max(0, len(self._taken) - CLEAN)

    @property
    def disturbed(self) -> int:
        """Samples that other processes disturbed."""
        return sum(disturbed for _, disturbed in self._taken)

    def begin(self, inputs: Any, limit: float) -> None:
        """Set up for a pass, and the first time find how many calls make a block."""
        with self.kept(), self.scope():
            self._loop = self.setup(inputs)
            if not self.number:
                self._calibrate(self._loop, limit)

    def _calibrate(self, loop: Loop, limit: float) -> None:
        """Find how many calls make a block, and how many blocks the limit allows."""
        number, seconds = 1, loop(1)
        self._warm = seconds < LONG
        while seconds * number < SHORTEST and number < 10**7:
            number = ceil(min(10 * number, TARGET / max(seconds, 1e-9)))
            seconds, _ = self._sample(loop, number, limit)
        self.number = number
        turn = self.number * seconds + PAUSE + (seconds if self._warm else 0.0)
        self._rounds = int(np.clip(limit / turn / PASSES, LEAST, ROUNDS))

    def _sample(self, loop: Loop, number: int, limit: float) -> tuple[float, bool]:
        patience = limit * PATIENCE / (PASSES * ROUNDS)
        return undisturbed(loop, number, warm=self._warm, patience=patience)

    def take(self, turn: int, limit: float) -> None:
        """One sample; slow subjects sit out some of the turns."""
        if self._loop is None or (turn * self._rounds) % ROUNDS >= self._rounds:
            return
        with self.kept(), self.scope():
            self._taken.append(self._sample(self._loop, self.number, limit))

    def end(self) -> None:
        """Let go of the inputs."""
        self._loop = None

    def kept(self) -> AbstractContextManager[None]:
        """What is raised inside becomes the fault."""
        return _Kept(self)


class _Kept(AbstractContextManager[None]):
    """What is raised inside becomes the subject's fault, and the subject is out."""

    def __init__(self, subject: Subject):
        self.subject = subject

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if not isinstance(error, (Exception, SystemExit)):
            return False
        self.subject.fault, self.subject._loop = error, None
        self.subject._taken.clear()
        return True


def measure(
    subjects: Sequence[Subject],
    inputs: Callable[[], Any],
    rng: np.random.Generator,
    limit: float = LIMIT,
) -> None:
    """Fill in the samples of all subjects: two passes of eight rounds, each in random order.

    Each pass sets up anew with fresh `inputs()`, so that their place in memory is sampled too.
    Subjects that would take more than `limit` seconds give fewer samples, and at least four.
    """
    for _ in range(PASSES):
        given = inputs()
        running = [s for s in subjects if s.fault is None]
        for subject in running:
            subject.begin(given, limit)
        gc.collect()
        for turn in range(ROUNDS):
            for k in rng.permutation(len(running)):
                running[k].take(turn, limit)
        for subject in running:
            subject.end()

"""A framework's own derivative in balls: a candidate, and how far rounding takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from xgrad.errors import Unavailable
from xgrad.frameworks import find_framework
from xgrad.numbers import LEDGER, SECONDS_PER_ELEMENT, Ball, Doubled, ball, precision
from xgrad.problem import Operator, Setting
from xgrad.programs import PROGRAMS, find_program
from xgrad.referee.derivatives import CANDIDATES
from xgrad.referee.noise import SAMPLES, Samples, rounded_errors
from xgrad.referee.truth import Truth

FEWEST = 3  # samples of noise that tell something
NOISE_SECONDS = 2.0  # nominal: beyond, the noise is that of results at points nearby

Compute = Callable[[Any], Ball]  # of a program


class OwnDerivative:
    """What a framework's transforms make of the function of a setting."""

    def __init__(self, setting: Setting, framework: str, *, pairs: bool = False):
        """With `pairs` in double-double numbers instead of balls."""
        self.setting = setting
        self.pairs = pairs
        self.framework = framework
        self.name = f"{framework}'s own derivative"
        self._spent = 0  # operations of the last evaluation

    @cached_property
    def program(self) -> Any:
        """The function's program, with what was traced of it; None where the framework has none."""
        kept, key = self.setting.case.kept, (self.framework, self.setting.fixed)
        if key not in kept:
            framework = find_framework(self.framework)
            arguments = self.setting.arguments(framework, "cpu", dtype="float64")
            kept[key] = find_program(self.framework, self.setting.function(arguments))
        return kept[key].in_pairs() if self.pairs else kept[key]

    def in_pairs(self) -> OwnDerivative | None:
        """The same in double-double; None where the framework's programs have no such numbers."""
        if self.program is None or self.program.in_pairs() is None:
            return None
        return OwnDerivative(self.setting, self.framework, pairs=True)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The framework's scope, silent about numbers that are none."""
        with find_framework(self.framework).scope("cpu"), np.errstate(all="ignore"):
            yield

    def compute(self, operator: Operator) -> Compute | None:
        """The operator's flat result in balls; None of an operator that programs do not have."""
        made = CANDIDATES.get(operator.name)
        return (lambda program: made(self.setting, program)) if made else None

    def evaluate(self, compute: Compute, bits: int) -> Any:
        """A candidate in ball arithmetic of so many bits, or in double-double."""
        before = LEDGER.spent
        with self.inside(), precision(bits):
            made = _flat(compute(self.program))
        self._spent = LEDGER.spent - before
        return made

    def noises(self, operator: Operator, truth: Truth) -> Samples | None:
        """Errors of the program with every operation rounded at random, where that is cheap.

        A few in double-double always: they cost less than its certificate.
        """
        compute = self.compute(operator)
        afforded = NOISE_SECONDS / max(self._spent * SECONDS_PER_ELEMENT, 1e-9)
        afforded = max(afforded, FEWEST) if self.pairs else afforded
        if compute is None or afforded < FEWEST:
            return None
        seed = int(self.setting.generator("rounding").integers(2**31))

        def draw(k: int) -> np.ndarray | None:
            program = self.program.rounded(self.setting.dtype, seed + k)
            with self.inside():
                return rounded_errors(lambda: _flat(compute(program)), truth)

        return Samples(draw, int(min(afforded, SAMPLES)))


def _flat(made: Any) -> Any:
    return made if isinstance(made, Doubled) else ball(made)


def find_own(setting: Setting) -> OwnDerivative | None:
    """The derivative by the first framework that is installed; None where none is."""
    for name in PROGRAMS:
        try:
            find_framework(name).require()
        except Unavailable:
            continue
        return OwnDerivative(setting, name)
    return None

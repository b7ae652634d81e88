"""A framework's own derivative in balls: a candidate, and how far rounding takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from xgrad.errors import BudgetExceeded, Unavailable
from xgrad.frameworks import find_framework
from xgrad.numbers import LEDGER, SECONDS_PER_ELEMENT, Ball, Doubled, ball, precision, working_bits
from xgrad.problem import Operator, Setting
from xgrad.programs import PROGRAMS, find_program, recognising
from xgrad.referee.derivatives import CANDIDATES, joined, value_of
from xgrad.referee.noise import SAMPLES, Samples, rounded_errors
from xgrad.referee.truth import Truth

FEWEST = 3  # samples of noise that tell something
NOISE_SECONDS = 2.0  # nominal: beyond, the noise is that of results at points nearby


@dataclass(frozen=True)
class Compute:
    """An operator's flat result by a program."""

    name: str
    setting: Setting

    def __call__(self, program: Any) -> Ball:
        return CANDIDATES[self.name](self.setting, program)


class OwnDerivative:
    """What a framework's transforms make of the function of a setting."""

    def __init__(self, setting: Setting, framework: str, *, pairs: bool = False):
        """With `pairs` in double-double numbers instead of balls."""
        self.setting = setting
        self.pairs = pairs
        self.framework = framework
        self.name = f"{framework}'s own derivative"
        self._spent = 0  # operations of the last evaluation
        self._kept: dict[str, _Kept] = {}  # results by operator, and values
        self._dear: dict[str, BudgetExceeded] = {}  # operators that are beyond the budget

    @cached_property
    def program(self) -> Any:
        """The function's program, with what was traced of it; None where the framework has none."""
        kept, key = self.setting.case.kept, (self.framework, self.setting.fixed)
        if key not in kept:
            framework = find_framework(self.framework)
            arguments = self.setting.arguments(framework, "cpu", dtype="float64")
            kept[key] = find_program(self.framework, self.setting.function(arguments))
        return kept[key].in_pairs() if self.pairs else kept[key]

    @property
    def stops(self) -> bool:
        """Whether a loop of the last run ended at a tolerance."""
        return getattr(getattr(self.program, "last", None), "stops", False)

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
        return Compute(operator.name, self.setting) if operator.name in CANDIDATES else None

    def evaluate(self, compute: Compute, bits: int) -> Any:
        """A candidate in ball arithmetic of so many bits, or in double-double; kept."""
        found = self._kept.get(compute.name)
        if found is None or not found.holds(bits):
            if compute.name in self._dear:
                raise self._dear[compute.name]
            before = LEDGER.spent
            try:
                with self.inside(), precision(bits):
                    made = _flat(compute(self.program))
            except BudgetExceeded as reason:  # it would be again
                self._dear[compute.name] = reason
                raise
            found = self._kept[compute.name] = _Kept(bits, made, LEDGER.spent - before)
            self._keep_seen(compute.name, bits)
        self._spent = found.spent
        return found.made

    def forget_dear(self) -> None:
        """Let what was beyond a budget be tried with a larger one."""
        self._dear.clear()

    def _keep_seen(self, name: str, bits: int) -> None:
        """What a program saw on the way to its derivative: the value, and a first derivative."""
        if self.pairs:
            return
        seen, pulled = (getattr(self.program, kept, None) for kept in ("seen", "pulled"))
        if seen is not None:
            self._kept["value"] = _Kept(bits, joined(seen))
        if name == "weighted_hvp" and pulled is not None:
            self._kept["vjp"] = _Kept(bits, joined(pulled), self._kept[name].spent // 2)

    def value(self) -> Ball:
        """The function's value in the bits in which the caller works, or more."""
        found = self._kept.get("value")
        if found is None or not found.holds(working_bits()):
            made = value_of(self.setting, self.program)
            found = self._kept["value"] = _Kept(working_bits(), made)
        return found.made

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


@dataclass(frozen=True)
class _Kept:
    """A result in so many bits, and what it took."""

    bits: int
    made: Any
    spent: int = 0
    recognised: bool = field(default_factory=recognising)

    def holds(self, bits: int) -> bool:
        """Whether it is what a program returns now, in so many bits or more."""
        return self.bits >= bits and self.recognised == recognising()


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

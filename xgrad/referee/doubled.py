"""Certificates in double-double: twenty digits along a random direction, for many inputs.

The function runs in pairs of floats at four points around x, and the candidate in the same numbers.
Where it is not smooth there, where digits are missing, or where an operation has no rule for pairs,
there is no certificate, and balls decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from xgrad.errors import BudgetExceeded
from xgrad.frameworks import find_framework
from xgrad.numbers import (
    BITS,
    DOUBLED,
    LEDGER,
    Counted,
    Doubled,
    bare,
    precision,
    price_of_pairs,
    reused_memory,
)
from xgrad.problem import OPERATORS, Arguments, Operator, Setting
from xgrad.programs import recognised_constants, recognising
from xgrad.referee.candidates import Candidate, find_candidate
from xgrad.referee.derivatives import joined, lifted, value_of
from xgrad.referee.grades import APPROXIMATE
from xgrad.referee.noise import measured_in_floats
from xgrad.referee.own import OwnDerivative
from xgrad.referee.sloping import LEAST, Sloping, digits_of, gap_along
from xgrad.referee.truth import NEAR, PROBES, Truth, is_near

FROM = 1_000  # differentiated inputs of a program: below, balls decide
FROM_QUICK = 300  # the same where nobody asks for forty digits
CLEARLY = 3  # times the operations of balls, by which pairs cost more
WORTH = 10_000  # operations of balls in one value, 4 ms and more: below, they are cheap
VALUES = 6  # evaluations in a certificate
SMALLER = 5  # times less memory than balls take
MARGIN = 5.0  # digits of the smallest element that a certificate is to see


class InPairs:
    """A function of a setting, and a candidate for its derivatives, in double-double."""

    def __init__(self, setting: Setting, name: str):
        """`name` is the candidate's, in words."""
        self.setting = setting
        self.name = name

    def candidate(self, operator: Operator) -> Doubled | None:
        """The operator's flat result; None where there is no candidate."""
        raise NotImplementedError

    def sloping(self, operator: Operator) -> Sloping:
        """What the operator's result is the slope of."""
        raise NotImplementedError

    def noises(self, operator: Operator, truth: Truth) -> dict[str, Any]:
        """How far rounding takes the candidate, as the truth's own fields have it."""
        raise NotImplementedError

    @reused_memory()
    def truth(self, operator: Operator) -> Truth | None:
        """The derivative, where slopes of the function confirm it; None where they do not."""
        try:
            candidate = self.candidate(operator)
            if candidate is None:
                return None
            of = self.sloping(operator)
            along = _flat(self.setting.v) if "v" in operator.directions else None
            made = of.confirmed(self.setting, candidate, along, self.name)
            if made is None and of.digits >= APPROXIMATE.least:
                made, of = self._recognised(operator, along, of)
            if made is None and along is None:
                made = of.mended(self.setting, candidate, self.name)
            made = made or self._defined(of, along)
        except BudgetExceeded:
            return None
        except Exception:
            return None  # balls tell what is wrong
        if made is not None and of.right:  # the noise of a wrong one has the mistake in it
            made = replace(made, **self.noises(operator, made))
        return made

    def _recognised(
        self, operator: Operator, along: np.ndarray | None, of: Sloping
    ) -> tuple[Truth | None, Sloping]:
        """With constants recognised, where rounded ones may be what is missing."""
        with recognised_constants(), precision(BITS):
            candidate, again = self.candidate(operator), self.sloping(operator)
            if candidate is None:
                return None, of
            made = again.confirmed(self.setting, candidate, along, self.name)
        if made is None:
            return None, of
        made.note += f" with constants recognised, {of.digits:.0f} as floats"
        return made, again

    def _defined(self, of: Sloping, along: np.ndarray | None) -> Truth | None:
        """The definition along v, or every coordinate; beyond the budget along a few directions."""
        try:
            return of.defined(along, self.name)
        except BudgetExceeded:
            rng = self.setting.generator("probes")
            directions = [self.setting.draw_flat_direction(rng) for _ in range(PROBES)]
            return of.probed(directions, self.name)


class ProgramInPairs(InPairs):
    """A framework's own derivative of a function."""

    def __init__(self, own: OwnDerivative, exact: Doubled):
        """`exact` is the function's value."""
        super().__init__(own.setting, own.name)
        self.own = own
        self.exact = exact

    @property
    def value(self) -> np.ndarray:
        """The function's value, as floats."""
        return np.asarray(self.exact.high)

    @property
    def program(self) -> Any:
        """The program in these numbers."""
        return self.own.program

    def candidate(self, operator: Operator) -> Doubled | None:
        """What the framework's transforms make of it."""
        compute = self.own.compute(operator)
        if compute is None or operator.name not in IN_PAIRS:
            return None
        made: Doubled = self.own.evaluate(compute, BITS)
        return made

    def sloping(self, operator: Operator) -> Sloping:
        """The value, weighed, or what is pulled back, with its value at x where that is known."""
        setting, program, weigh = self.setting, self.program, _OF_VALUE.get(operator.name)
        if weigh is None:
            function = partial(_pulled, setting, program, weighed=operator.name == "weighted_hvp")
            return Sloping(function, setting.flat_x, program.lift)
        w = lifted(program, [np.reshape(setting.w, -1)])[0]

        def weighed(x: Doubled) -> Doubled:
            return weigh(joined(program.value(setting.split(x, DOUBLED))), w)

        known = None if recognising() else weigh(self.exact, w)
        return Sloping(weighed, setting.flat_x, program.lift, known)

    def noises(self, operator: Operator, truth: Truth) -> dict[str, Any]:
        """Samples of the program as it rounds, drawn on demand."""
        return {"noises": self.own.noises(operator, truth)}


def in_pairs(derivative: OwnDerivative) -> ProgramInPairs | None:
    """A derivative in double-double; None where an operation has no rule for these numbers.

    And where numbers leave the program, which is looked at in balls, or where balls cost less: of
    many operations on few numbers each.
    """
    own = derivative.in_pairs()
    if own is None:
        return None
    before = LEDGER.spent
    try:
        value = value_of(own.setting, own.program)
    except Exception:
        return None
    run, spent = own.program.last, LEDGER.spent - before
    return None if run.cuts or CLEARLY * run.elementary < spent else ProgramInPairs(own, value)


class FormulaInPairs(InPairs):
    """A case's formula, beside its function, both as `xp` has them."""

    def __init__(self, setting: Setting, price: int, plain: Arguments, value: Any):
        """`price` is that of a value, in operations of balls, which in floats is `value`."""
        super().__init__(setting, "the formula")
        self._price, self._plain, self._floats = price, plain, _flat_floats(value)

    @cached_property
    def _arguments(self) -> Arguments:
        plain = self._plain
        rest = {k: _lifted(bare(a)) for k, a in plain.rest.items()}
        return Arguments(DOUBLED, tuple(map(_lifted, bare(plain.xs))), rest, plain.static)

    def evaluate(self, compute: Candidate) -> Doubled:
        """A formula's flat result."""
        v = tuple(map(Doubled.of, self.setting.v))
        return self._computed(compute, self._arguments, v, Doubled.of(self.setting.w))

    def _computed(self, compute: Candidate, *given: Any) -> Doubled:
        LEDGER.spend(self._price)
        with np.errstate(all="ignore"):
            return Doubled.of(compute(*given))

    def candidate(self, operator: Operator) -> Doubled | None:
        """What the case's own formula makes of it; None where floats do not show the same."""
        compute = find_candidate(operator, self.setting)
        second = operator.name == "hvp" and self._gradient is not None
        if compute is None or not (operator.name in _OF_VALUE or second):
            return None
        if not is_near(np.asarray(self._exact.high), self._floats, NEAR):
            return None
        made, at = self.evaluate(compute), self.setting
        with np.errstate(all="ignore"):
            floats = _flat_floats(compute(self._plain, at.v, at.w))
        # else a rule of ours is wrong, or digits are gone
        return made if is_near(np.asarray(made.high), floats, NEAR) else None

    def agreed(self, compute: Candidate, truth: Truth) -> float:
        """To how many digits another formula meets a truth that was found in these numbers."""
        made = self.evaluate(compute)
        if not truth.directions:
            return digits_of(truth.gap(made), 1.0)
        along = zip(truth.high, truth.low, truth.directions, strict=True)
        return min(
            digits_of(*gap_along(made, Doubled.of(h, low), Doubled.of(d), every=True))
            for h, low, (d,) in along
        )

    def truth(self, operator: Operator) -> Truth | None:
        """As of any candidate, unless some element is too small beside the others to be seen."""
        made = super().truth(operator)
        defined = made is not None and made.kind == "definition" and "v" in operator.directions
        if made is None or made.kind == "probes" or defined:
            return made
        sizes, digits = np.abs(made.high), made.digits if made.kind == "certified" else LEAST
        least = np.max(sizes, initial=0.0) * 10.0 ** (MARGIN - digits)
        return None if np.any((sizes > 0) & (sizes < least)) else made

    @cached_property
    def _gradient(self) -> Candidate | None:
        """The formula of a scalar's gradient, where slopes confirm it."""
        gradient = OPERATORS["gradient"]
        known = self.truth(gradient) if self.setting.y_shape == () else None
        right = known is not None and known.kind == "certified"
        return find_candidate(gradient, self.setting) if right else None

    def _flat(self, compute: Candidate) -> Callable[[Doubled], Doubled]:
        def flat(x: Doubled) -> Doubled:
            given = self._arguments._replace(xs=self.setting.split(x, DOUBLED))
            return DOUBLED.reshape(self._computed(compute, given, (), None), (-1,))

        return flat

    @cached_property
    def _value(self) -> Candidate:
        compute = find_candidate(OPERATORS["value"], self.setting)
        assert compute is not None
        return compute

    @cached_property
    def _exact(self) -> Doubled:
        return self._flat(self._value)(Doubled.of(self.setting.flat_x))

    def sloping(self, operator: Operator) -> Sloping:
        """The value, weighed, or the gradient."""
        weigh, x = _OF_VALUE.get(operator.name), self.setting.flat_x
        if weigh is None:
            assert self._gradient is not None
            return Sloping(self._flat(self._gradient), x, Doubled.of)
        value, w = self._flat(self._value), Doubled.of(np.reshape(self.setting.w, -1))
        return Sloping(lambda x: weigh(value(x), w), x, Doubled.of, weigh(self._exact, w))

    def noises(self, operator: Operator, truth: Truth) -> dict[str, Any]:
        """A few samples of the formula as it rounds."""
        compute = find_candidate(operator, self.setting)
        assert compute is not None
        return {"noise": measured_in_floats(compute, self.setting, truth)}


@reused_memory()
def formula_in_pairs(setting: Setting, *, quick: bool = False) -> FormulaInPairs | None:
    """A case in double-double where that costs clearly less than balls, which are cheap if small.

    `quick` asks for it from a quarter of the work on. None where the budget has not as much, and of
    complex numbers and legal directions.
    """
    case = setting.case
    if case.framework or case.legal is not None or setting.complexes or setting.y_complex:
        return None
    numpy = find_framework("numpy")
    plain = setting.arguments(numpy, "cpu", dtype="float64")
    xp = Counted(numpy.namespace("float64"))
    rest = {k: xp.wrapped(a) for k, a in plain.rest.items()}
    given = Arguments(xp, tuple(map(xp.wrapped, plain.xs)), rest, plain.static)
    try:
        with np.errstate(all="ignore"):
            value = setting.function(given)(*given.xs)
        price = price_of_pairs(xp.operations, xp.calls)
        LEDGER.foresee(VALUES * price)
    except Exception:
        return None
    dear = xp.operations >= (WORTH / 4 if quick else WORTH) and 2 * price < xp.operations
    if not dear or xp.largest >= SMALLER * LEDGER.elements:
        return None
    return FormulaInPairs(setting, price, given, value)


# --- what slopes are taken of --------------------------------------------------------------------


def _pulled(setting: Setting, program: Any, x: Doubled, *, weighed: bool) -> Doubled:
    w = np.reshape(setting.w, setting.y_shape) if weighed else np.ones(setting.y_shape)
    return joined(program.vjp(setting.split(x, DOUBLED), lifted(program, [w])))


# By operator, what of the flat value and its cotangent it is the slope of; others are slopes of the
# gradient.
_OF_VALUE: dict[str, Callable[[Doubled, Doubled], Doubled]] = {
    "gradient": lambda y, w: DOUBLED.sum(y),
    "vjp": lambda y, w: DOUBLED.sum(y * w),
    "jvp": lambda y, w: y,
}
IN_PAIRS = (*_OF_VALUE, "hvp", "weighted_hvp")


def _lifted(array: np.ndarray) -> Any:
    return Doubled.of(array) if array.dtype.kind == "f" else array


def _flat_floats(value: Any) -> np.ndarray:
    return np.reshape(np.asarray(bare(value)), -1)


def _flat(parts: Any) -> np.ndarray:
    return np.concatenate([np.reshape(part, -1) for part in parts])

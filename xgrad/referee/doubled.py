"""Certificates in double-double: twenty digits along a random direction, for many inputs.

The function runs in pairs of floats at four points around x, and the candidate in the same numbers.
Where it is not smooth there, where digits are missing, or where an operation has no rule for pairs,
there is no certificate, and balls decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from operator import attrgetter
from typing import Any

import numpy as np

from xgrad.errors import BudgetExceeded
from xgrad.numbers import BITS, DOUBLED, LEDGER, Doubled
from xgrad.problem import Operator, Setting
from xgrad.referee.derivatives import joined, lifted, value_of
from xgrad.referee.grades import grade_of
from xgrad.referee.own import OwnDerivative
from xgrad.referee.truth import Truth
from xgrad.techniques import length

FROM = 1_000  # differentiated inputs: below, balls are cheap
FROM_QUICK = 300  # the same where nobody asks for forty digits
CLEARLY = 3  # times the operations of balls, by which pairs cost more
LEAST = 20.0  # digits that certify
# Of the scale of x: h⁴ beside the rounding of pairs over h, and what is between x and a kink.
STEPS = (2.0**-22, 2.0**-28, 2.0**-34)
ROUGH = 1e-16  # of the slope: what differences of second order may leave, where it is smooth
SETTLED = 1e-6  # of a slope: what a shorter step may change, on one side of a kink
DEAR = 10  # a tenth of the budget may go into coordinates: balls have the rest
MOST_TESTS = 200  # of groups of elements, some of which are off
FLOOR = 1e-30  # of the function's values: rounding of pairs, some of them added up
MOST = 31.0  # digits of these numbers


class Vague(ArithmeticError):
    """Slopes with too few digits for a certificate, that show nothing wrong: balls have more."""


@dataclass
class InPairs:
    """A framework's own derivative of a function in double-double, and the function's value."""

    own: OwnDerivative
    exact: Doubled  # the value

    @property
    def value(self) -> np.ndarray:
        """The function's value, as floats."""
        return np.asarray(self.exact.high)

    @property
    def program(self) -> Any:
        """The program in these numbers."""
        return self.own.program

    def truth(self, operator: Operator) -> Truth | None:
        """The derivative, where slopes of the function confirm it; None where they do not."""
        setting, compute = self.own.setting, self.own.compute(operator)
        if compute is None or operator.name not in (*_OF_VALUE, "hvp", "weighted_hvp"):
            return None
        try:
            candidate = self.own.evaluate(compute, BITS)
            of = self._sloping(operator)
            along = _flat(setting.v) if "v" in operator.directions else None
            made = of.confirmed(setting, candidate, along, self.own.name)
            if made is None and along is None:
                made = of.mended(setting, candidate, self.own.name)
            made = made or of.defined(along, self.own.name)
        except BudgetExceeded:
            return None
        except Exception:
            return None  # balls tell what is wrong
        if made is not None and of.right:  # the noise of a wrong one has the mistake in it
            made.noises = self.own.noises(operator, made)
        return made

    def _sloping(self, operator: Operator) -> Sloping:
        """What slopes are taken of, with its value at x where that is known."""
        setting, program, weigh = self.own.setting, self.program, _OF_VALUE.get(operator.name)
        if weigh is None:
            function = partial(_pulled, setting, program, weighed=operator.name == "weighted_hvp")
            return Sloping(function, setting.flat_x, program.lift)

        def weighed(x: Doubled) -> Doubled:
            return weigh(setting, program, joined(program.value(setting.split(x, DOUBLED))))

        return Sloping(weighed, setting.flat_x, program.lift, weigh(setting, program, self.exact))


def in_pairs(derivative: OwnDerivative) -> InPairs | None:
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
    return None if run.cuts or CLEARLY * run.elementary < spent else InPairs(own, value)


# --- what slopes are taken of --------------------------------------------------------------------


def _weighed(setting: Setting, program: Any, y: Doubled) -> Doubled:
    return DOUBLED.sum(y * lifted(program, [np.reshape(setting.w, -1)])[0])


def _pulled(setting: Setting, program: Any, x: Doubled, *, weighed: bool) -> Doubled:
    w = np.reshape(setting.w, setting.y_shape) if weighed else np.ones(setting.y_shape)
    return joined(program.vjp(setting.split(x, DOUBLED), lifted(program, [w])))


# By operator, what of the flat value it is the slope of; others are slopes of the gradient.
_OF_VALUE: dict[str, Callable[[Setting, Any, Doubled], Doubled]] = {
    "gradient": lambda setting, program, y: DOUBLED.sum(y),
    "vjp": _weighed,
    "jvp": lambda setting, program, y: y,
}


# --- slopes, and what they tell ------------------------------------------------------------------


@dataclass(frozen=True)
class Slopes:
    """Slopes between both sides and on each, and what their change leaves beside curvature."""

    central: Doubled
    left: Doubled
    right: Doubled
    bend: Doubled
    floor: float  # what the rounding of the function's values makes of a slope

    @property
    def smooth(self) -> bool:
        """Whether second differences grow with the square of the step; at a kink they do not."""
        return _largest(self.bend) <= ROUGH * _largest(self.central)

    def settled(self, before: Slopes) -> bool:
        """Whether the slopes of both sides are those at the longer step before."""
        pairs = (self.left, before.left), (self.right, before.right)
        return all(_largest(a - b) <= SETTLED * _largest(a) for a, b in pairs)


@dataclass
class Sloping:
    """Slopes of a flat function of double-double numbers at x; `lift` makes them of floats."""

    function: Callable[[Doubled], Doubled]
    x: np.ndarray
    lift: Callable[[np.ndarray], Doubled]
    known: Doubled | None = None  # the function at x
    digits: float = np.nan  # to which a candidate met them
    right: bool = False  # whether it is the truth wherever there is one

    @cached_property
    def here(self) -> Doubled:
        """The function at x."""
        return self.function(self.lift(self.x)) if self.known is None else self.known

    def along(self, direction: np.ndarray, step: float) -> Slopes:
        """Slopes along a direction by four points, the farthest two steps away."""
        h = step * 2.0 ** np.floor(np.log2(length(self.x, direction, zero=1.0)))
        x, move = self.lift(self.x), self.lift(direction * h)
        ahead, beyond, behind, back = (self.function(x + move * k) for k in (1.0, 2.0, -1.0, -2.0))
        return Slopes(
            ((ahead - behind) * 8.0 - (beyond - back)) / (12.0 * h),
            (back - behind * 4.0 + self.here * 3.0) / (2.0 * h),
            (ahead * 4.0 - beyond - self.here * 3.0) / (2.0 * h),
            (beyond + back - (ahead + behind) * 4.0 + self.here * 6.0) / (2.0 * h),
            _largest(self.here) * FLOOR / h,
        )

    def found(self, direction: np.ndarray) -> list[Slopes]:
        """Slopes at ever shorter steps, up to the first within which the function is smooth."""
        made: list[Slopes] = []
        for step in STEPS:
            made.append(self.along(direction, step))
            if made[-1].smooth:
                break
        return made

    def confirmed(
        self, setting: Setting, candidate: Doubled, along: np.ndarray | None, name: str
    ) -> Truth | None:
        """The candidate as the truth, where slopes `along`, or at random, confirm it."""
        if not np.all(np.isfinite(np.asarray(candidate.high))):
            return None
        random = setting.draw_flat_direction(setting.generator("pairs"))
        direction = random if along is None else along
        slopes = self.found(direction)[-1]
        if not slopes.smooth:
            return None
        gap, size = _gap(candidate, slopes.central, self.lift(direction), every=along is None)
        if gap <= slopes.floor and slopes.floor > 10.0**-LEAST * size:
            raise Vague("the function's values leave too few digits to a slope")
        self.digits = _digits(gap, size)
        if self.digits < LEAST:
            return None
        self.right = True
        note = f"{name} in double-double, {self.digits:.0f} digits"
        high, low = _parts([candidate])
        return Truth("certified", note, self.digits, high=high, low=low,
                     by=f"{name} in double-double")  # fmt: skip

    def mended(self, setting: Setting, candidate: Doubled, name: str) -> Truth | None:
        """The candidate but for a few elements, found by halving, which are the definition's.

        None where many are off or at a kink, or where slopes do not settle.
        """
        rng = setting.generator("halves")
        groups, odd = [np.arange(self.x.size)], dict[int, Slopes]()
        for _ in range(MOST_TESTS):
            if not groups:
                self.right = not any(slopes.smooth for slopes in odd.values())
                return self._joined(candidate, odd, name)
            group = groups.pop()
            direction = np.zeros(self.x.size)
            direction[group] = rng.uniform(0.5, 1.0, group.size) if group.size > 1 else 1.0
            found = self.found(direction)
            if found[-1].smooth and self._met(candidate, found[-1], direction) >= LEAST:
                continue
            if group.size > 1:
                groups += np.array_split(group, 2)
            elif found[-1].smooth or found[-1].settled(found[-2]):
                odd[int(group[0])] = found[-1]
            else:
                return None
        return None

    def defined(self, along: np.ndarray | None, name: str) -> Truth | None:
        """The definition along a direction, or every coordinate; None where slopes do not settle.

        Raises `BudgetExceeded` before it begins.
        """
        if along is None:
            self._foresee(4 * self.x.size)
        rows = [self.found(d) for d in ([along] if along is not None else np.eye(self.x.size))]
        if along is None and all(r[-1].smooth or r[-1].settled(r[-2]) for r in rows):
            return self._joined(self.lift(self.x), {k: r[-1] for k, r in enumerate(rows)}, name)
        if along is None or not rows[0][-1].smooth:
            return None
        high, low = _parts([rows[0][-1].central])
        return Truth("definition", self._note(name), self.digits, high=high, low=low)

    def _joined(self, rest: Doubled, odd: dict[int, Slopes], name: str) -> Truth:
        """Slopes of some elements, and what the others are."""
        high, low = _parts([rest])
        at = list(odd)
        high[at] = [float(s.central.high) for s in odd.values()]
        low[at] = [float(s.central.low) for s in odd.values()]
        if all(s.smooth for s in odd.values()):
            return Truth("definition", self._note(name), self.digits, high=high, low=low)
        left, right = high.copy(), high.copy()
        for k, s in odd.items():
            if not s.smooth:
                left[k], right[k] = float(s.left.high), float(s.right.high)
        return Truth("kink", high=high, low=low, left=left, right=right)

    def _note(self, name: str) -> str:
        """To how many digits the candidate met the slopes, where that is known."""
        return grade_of(self.digits).told(name, self.digits) if np.isfinite(self.digits) else ""

    def _met(self, candidate: Doubled, slopes: Slopes, direction: np.ndarray) -> float:
        return _digits(*_gap(candidate, slopes.central, self.lift(direction), every=True))

    def _foresee(self, evaluations: int) -> None:
        before = LEDGER.spent
        self.function(self.lift(self.x))
        LEDGER.foresee(DEAR * (LEDGER.spent - before) * evaluations)


def _gap(
    candidate: Doubled, slopes: Doubled, direction: Doubled, *, every: bool
) -> tuple[float, float]:
    """How far a candidate, of every coordinate or along a direction, is from slopes; its size."""
    terms = candidate * direction if every else candidate
    gap = _largest((DOUBLED.sum(terms) if every else terms) - slopes)
    return gap, float(np.sum(np.abs(np.asarray(terms.high)))) if every else _largest(slopes)


def _digits(gap: float, size: float) -> float:
    """To how many digits numbers agree."""
    if not np.isfinite(gap) or not size:
        return 0.0
    return float(min(MOST, -np.log10(gap / size))) if gap else MOST


def _parts(values: list[Doubled]) -> tuple[np.ndarray, np.ndarray]:
    """Both parts of all, flat."""
    high, low = (
        np.concatenate([np.reshape(np.asarray(part(v)), -1) for v in values])
        for part in (attrgetter("high"), attrgetter("low"))
    )
    return high, low


def _largest(values: Doubled) -> float:
    return float(np.max(np.abs(np.asarray(values.high)), initial=0.0))


def _flat(parts: Any) -> np.ndarray:
    return np.concatenate([np.reshape(part, -1) for part in parts])

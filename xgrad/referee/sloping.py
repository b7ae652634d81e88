"""Slopes of functions of double-double numbers, and candidates that they confirm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

import numpy as np

from xgrad.errors import digits_told
from xgrad.numbers import DOUBLED, LEDGER, Doubled
from xgrad.problem import Setting
from xgrad.referee.grades import grade_of
from xgrad.referee.truth import Truth
from xgrad.techniques import length

LEAST = 20.0  # digits that certify
# Of the scale of x: h⁴ beside the rounding of pairs over h, and what is between x and a kink.
STEPS = (2.0**-22, 2.0**-28, 2.0**-34)
ROUGH = 1e-16  # of the slope: what differences of second order may leave, where it is smooth
SETTLED = 1e-6  # of a slope: what a shorter step may change, on one side of a kink
DEAR = 10  # a tenth of the budget may go into coordinates: balls have the rest
MOST_ODD = 8  # elements that are the definition's where all others are the candidate's
FLOOR = 1e-30  # of the function's values: rounding of pairs, some of them added up
MOST = 31.0  # digits of these numbers


class Vague(ArithmeticError):
    """Slopes with too few digits for a certificate, that show nothing wrong: balls have more."""


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

    @property
    def even(self) -> bool:
        """Whether both sides have the slope between them, which a jump of curvature moves.

        Not so at long steps, where they are less exact.
        """
        return _largest(self._sides - self.central) <= ROUGH * _largest(self.central)

    @property
    def slope(self) -> Doubled | None:
        """The derivative: what both sides have, where only curvature jumps; None at a kink."""
        if self.smooth and self.even:
            return self.central
        alike = _largest(self.left - self.right) <= ROUGH * _largest(self._sides)
        return self._sides if alike else None

    @property
    def _sides(self) -> Doubled:
        return (self.left + self.right) * 0.5

    def settled(self, before: Slopes) -> bool:
        """Whether it is a kink with slopes that are those at the longer step before.

        Sides that differ by less lack digits, and no more is known.
        """
        pairs = (self.left, before.left), (self.right, before.right)
        same = all(_largest(a - b) <= SETTLED * _largest(a) for a, b in pairs)
        size = max(_largest(self.left), _largest(self.right))
        return same and _largest(self.left - self.right) > 2 * SETTLED * size


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

    def found(
        self, direction: np.ndarray, before: Sequence[Slopes] = (), *, truly: bool = False
    ) -> list[Slopes]:
        """Slopes at ever shorter steps, up to the first within which the function is smooth.

        `before` are those that are known. `truly` where the slope is to be the truth and no
        candidate meets it: a jump of the second derivative is invisible in fourth differences.
        """
        made = list(before)
        for step in STEPS[len(made) :]:
            if made and made[-1].smooth and (made[-1].even or not truly):
                break
            made.append(self.along(direction, step))
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
        gap, size = gap_along(candidate, slopes.central, self.lift(direction), every=along is None)
        if gap <= slopes.floor and slopes.floor > 10.0**-LEAST * size:
            raise Vague("the function's values leave too few digits to a slope")
        self.digits = digits_of(gap, size)
        if self.digits < LEAST:
            return None
        self.right = True
        note = f"{name} in double-double, {digits_told(self.digits)}"
        high, low = _parts([candidate])
        return Truth("certified", note, self.digits, high=high, low=low,
                     by=f"{name} in double-double")  # fmt: skip

    def mended(self, setting: Setting, candidate: Doubled, name: str) -> Truth | None:
        """The candidate but for a few elements, found by halving, which are the definition's.

        None where many are off or at a kink, or where slopes do not settle.
        """
        rng = setting.generator("halves")
        groups, odd = [np.arange(self.x.size)], dict[int, Slopes]()
        while groups:
            off = []
            for group in groups:
                direction = np.zeros(self.x.size)
                direction[group] = rng.uniform(0.5, 1.0, group.size) if group.size > 1 else 1.0
                found = self.found(direction)
                if found[-1].smooth and self._met(candidate, found[-1], direction) >= LEAST:
                    continue
                off.append(group)
                if len(off) + len(odd) > MOST_ODD:
                    return None
                if group.size == 1:
                    found = self.found(direction, found, truly=True)
                    if found[-1].slope is None and not found[-1].settled(found[-2]):
                        return None
                    odd[int(group[0])] = found[-1]
            groups = [part for group in off if group.size > 1 for part in np.array_split(group, 2)]
        self.right = all(slopes.slope is None for slopes in odd.values())
        return self._joined(candidate, odd, name)

    def defined(self, along: np.ndarray | None, name: str) -> Truth | None:
        """The definition along a direction, or every coordinate; None where slopes do not settle.

        Raises `BudgetExceeded` before it begins.
        """
        if along is None:
            self._foresee(4 * self.x.size)
        directions = [along] if along is not None else np.eye(self.x.size)
        rows = [self.found(d, truly=True) for d in directions]
        if along is None and all(r[-1].slope is not None or r[-1].settled(r[-2]) for r in rows):
            return self._joined(self.lift(self.x), {k: r[-1] for k, r in enumerate(rows)}, name)
        slope = rows[0][-1].slope
        if along is None or slope is None:
            return None
        high, low = _parts([slope])
        return Truth("definition", self._note(name), self.digits, high=high, low=low)

    def probed(self, directions: list[np.ndarray], name: str) -> Truth | None:
        """The definition along a few directions; None where it is not smooth along one."""
        found = [self.found(d, truly=True)[-1].slope for d in directions]
        if any(slope is None for slope in found):
            return None
        high, low = _parts([slope for slope in found if slope is not None])
        note = f"{len(directions)} random directions in double-double; {self._note(name)}"
        truth = Truth("probes", note, self.digits, high=high, low=low)
        truth.directions = [[d] for d in directions]
        return truth

    def _joined(self, rest: Doubled, odd: dict[int, Slopes], name: str) -> Truth:
        """Slopes of some elements, and what the others are."""
        high, low = _parts([rest])
        for k, s in odd.items():
            slope = s.central if s.slope is None else s.slope
            high[k], low[k] = float(slope.high), float(slope.low)
        kinks = {k: s for k, s in odd.items() if s.slope is None}
        if not kinks:
            return Truth("definition", self._note(name), self.digits, high=high, low=low)
        left, right = high.copy(), high.copy()
        for k, s in kinks.items():
            left[k], right[k] = float(s.left.high), float(s.right.high)
        return Truth("kink", high=high, low=low, left=left, right=right)

    def _note(self, name: str) -> str:
        """To how many digits the candidate met the slopes, where that is known."""
        return grade_of(self.digits).told(name, self.digits) if np.isfinite(self.digits) else ""

    def _met(self, candidate: Doubled, slopes: Slopes, direction: np.ndarray) -> float:
        return digits_of(*gap_along(candidate, slopes.central, self.lift(direction), every=True))

    def _foresee(self, evaluations: int) -> None:
        before = LEDGER.spent
        self.function(self.lift(self.x))
        LEDGER.foresee(DEAR * (LEDGER.spent - before) * evaluations)


def gap_along(
    candidate: Doubled, slopes: Doubled, direction: Doubled, *, every: bool
) -> tuple[float, float]:
    """How far a candidate, of every coordinate or along a direction, is from slopes; its size."""
    terms = candidate * direction if every else candidate
    gap = _largest((DOUBLED.sum(terms) if every else terms) - slopes)
    return gap, float(np.sum(np.abs(np.asarray(terms.high)))) if every else _largest(slopes)


def digits_of(gap: float, size: float) -> float:
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

"""Certificates: a candidate against the definition along random directions, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from xgrad.numbers import BITS, Ball, ball, precision
from xgrad.problem import Operator, Setting
from xgrad.programs import recognised_constants, recognising
from xgrad.referee.candidates import attempted
from xgrad.referee.factors import without_factor
from xgrad.referee.grades import APPROXIMATE, CERTIFIED, grade_of
from xgrad.referee.own import Compute, OwnDerivative
from xgrad.referee.truth import Truth, finished
from xgrad.techniques import DIGITS_OF_ZERO, Agreement, Definition, Stencil, agreement

ATTEMPTS = 3  # each with twice the bits
ROUNDED = ": a constant rounded by Python (0.2, 2 * np.pi**2)? divide whole numbers in xp"

NONE = Agreement(np.inf, 1.0)
Evaluate = Callable[[int], Ball]  # a candidate in so many bits
Define = Callable[[Operator, int], tuple[Definition, Stencil]]  # at an attempt


class Certifier:
    """Candidates at one setting; `define` tells what to take differences of, and along what."""

    def __init__(self, setting: Setting, define: Define):
        self.setting = setting
        self._define = define
        self._slopes: dict[
            tuple[bool, int, bytes, bytes], Ball
        ] = {}  # of all values, along directions

    def along(self, setting: Setting, define: Define) -> Certifier:
        """The same beside another cotangent, which shares the slopes of all values."""
        made = Certifier(setting, define)
        made._slopes = self._slopes
        return made

    def confirmed_own(self, own: OwnDerivative, operator: Operator, compute: Compute) -> Truth:
        """With constants recognised in a second pass, where rounded ones may be what is missing."""
        evaluate = partial(own.evaluate, compute)
        truth, said = self._graded(operator, evaluate, own.name), ""
        if truth.kind == "none" and truth.digits >= APPROXIMATE.least:
            as_floats = truth
            with recognised_constants():
                truth = self._graded(operator, evaluate, own.name)
            said = f" with constants recognised, {as_floats.digits:.0f} as floats"
            if not truth.digits > as_floats.digits:
                truth, said = as_floats, ""
        if np.isfinite(truth.digits):
            truth.note = grade_of(truth.digits).told(own.name, truth.digits, said)
        if truth.kind == "certified":
            truth.by = f"{own.name} in balls"
        return truth

    def _graded(self, operator: Operator, evaluate: Evaluate, name: str) -> Truth:
        """The certificate, also of fewer digits where these are ample."""
        truth = self.confirmed(operator, evaluate, name)
        if truth.kind == "none" and grade_of(truth.digits).certifies:
            return finished("certified", evaluate(BITS), digits=truth.digits)
        return truth

    def confirmed(self, operator: Operator, evaluate: Evaluate, name: str) -> Truth:
        """Check a candidate, given the bits, against the definition along one random direction.

        More bits and shorter steps are tried before the candidate is called wrong: a right one
        gains digits, a wrong one does not.
        """
        best, before = 0.0, None
        for attempt in range(ATTEMPTS):
            definition, stencil = self._define(operator, attempt)
            candidate = attempted(evaluate, definition.bits(stencil.order))
            if isinstance(candidate, str):
                return Truth("none", f"{name} {candidate}")
            found = self._probe(definition, stencil, candidate)
            digits = max(found.digits, _vanished(before, found))
            if digits >= CERTIFIED.least:
                return finished("certified", candidate, digits=digits)
            if before and digits < best + 5:
                break
            if digits < APPROXIMATE.least:
                right = self._over_factor(definition, stencil, candidate)
                if right is not None:
                    return finished("definition", right, _said(name, digits), digits)
            best, before = max(best, digits), found
        return Truth("none", _said(name, best, ROUNDED if 14 <= best <= 19 else ""), digits=best)

    def _over_factor(
        self, definition: Definition, stencil: Stencil, candidate: Ball
    ) -> Ball | None:
        """The candidate without a factor that it has too much, where that meets the definition."""
        plain = stencil.free and stencil.order == 1 and stencil.coefficients is None
        if not plain or stencil.elementwise or self.setting.case.legal is not None:
            return None
        draw = partial(self._along, definition, stencil, self.setting.generator("factor"))
        with precision(definition.bits(1)):
            right = without_factor(candidate, draw, APPROXIMATE.least)
        if right is None or self._probe(definition, stencil, right).digits < CERTIFIED.least:
            return None
        return right

    def _probe(self, definition: Definition, stencil: Stencil, candidate: Ball) -> Agreement:
        """The agreement along random legal directions, or in all where that is cheap."""
        rng = self.setting.generator("probe")
        with precision(definition.bits(stencil.order)):
            if stencil.order == 1 and stencil.coefficients is None:
                return self._probe_once(definition, stencil, candidate, rng)
            directions = [] if stencil.coefficients is not None else stencil.draw(self.setting, rng)
            slopes = definition.slopes(stencil.filled(directions) if directions else stencil)
            if slopes.kinked:
                return NONE
            terms = float(np.max(slopes.terms, initial=0.0))
            return agreement(candidate, slopes.central, directions, stencil.elementwise, terms)

    def _probe_once(
        self, definition: Definition, stencil: Stencil, candidate: Ball, rng: np.random.Generator
    ) -> Agreement:
        """Two points at different distances, and those on the other side of x.

        Both points may lie on one side of a kink, where a slope of that side would pass.
        """
        direction, shares = self._drawn(stencil, rng)
        found = self._met(definition, stencil, candidate, direction, shares)
        if not (stencil.free or stencil.elementwise) or found.digits < APPROXIMATE.least:
            return found
        other = self._met(definition, stencil, candidate, -direction, shares)
        return min(found, other, key=lambda each: each.digits)

    def _met(
        self,
        definition: Definition,
        stencil: Stencil,
        candidate: Ball,
        direction: np.ndarray,
        shares: np.ndarray,
    ) -> Agreement:
        slopes, times = self._slopes_along(definition, stencil, direction, shares)
        if stencil.free or stencil.elementwise:
            return agreement(candidate, slopes, [ball(direction) * times], stencil.elementwise)
        return agreement(candidate * times, slopes, [], False)

    def _along(
        self, definition: Definition, stencil: Stencil, rng: np.random.Generator
    ) -> tuple[Ball, Ball, Ball]:
        """A direction, how many times it is taken, and the slopes by two points not alike far."""
        direction, shares = self._drawn(stencil, rng)
        slopes, times = self._slopes_along(definition, stencil, direction, shares)
        return ball(direction), times, slopes

    def _drawn(self, stencil: Stencil, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A direction, and the shares of it that are gone the other way."""
        drawn = stencil.draw(self.setting, rng)
        direction = drawn[0] if drawn else stencil.slots[0]
        free = bool(drawn) and self.setting.case.legal is None
        return direction, rng.uniform(0.5, 1.0, direction.size if free else 1)

    def _slopes_along(
        self, definition: Definition, stencil: Stencil, direction: np.ndarray, shares: np.ndarray
    ) -> tuple[Ball, Ball]:
        """The slopes along a direction, and how many times it was taken."""
        times = ball(shares) + 1.0
        if stencil.weights is None:
            return definition.along(direction, shares), times
        key = recognising(), definition.attempt, direction.tobytes(), shares.tobytes()
        if key not in self._slopes:  # those of all values are those of every cotangent
            self._slopes[key] = definition.along(direction, shares)
        slopes = self._slopes[key]
        return slopes.namespace.tensordot(ball(stencil.weights), slopes, axes=1), times


def _vanished(before: Agreement | None, found: Agreement) -> float:
    """Digits by which the gap shrank with the step: all there is to see where slopes are 0."""
    if before is None or not 0.0 < before.gap < np.inf:
        return 0.0
    return float(-np.log10(max(found.gap / before.gap, 10.0**-DIGITS_OF_ZERO)))


def _said(name: str, digits: float, more: str = "") -> str:
    return f"{name} agrees with the definition to {digits:.0f} digits{more}"

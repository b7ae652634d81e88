"""Certificates: a candidate against the definition along random directions, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from xgrad.errors import digits_told
from xgrad.numbers import BITS, Ball, ball, precision, radius
from xgrad.problem import Operator, Setting
from xgrad.programs import recognised_constants
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
        truth.stops = own.stops
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
        direction = self.setting.draw_flat_direction(self.setting.generator("factor"))
        with precision(definition.bits(1)):
            slopes = _weighed(stencil, definition.side(direction, 1))
            right = without_factor(candidate, ball(direction), slopes, APPROXIMATE.least)
        if right is None or self._probe(definition, stencil, right).digits < CERTIFIED.least:
            return None
        return right

    def _probe(self, definition: Definition, stencil: Stencil, candidate: Ball) -> Agreement:
        """The agreement along random legal directions, or in all where that is cheap."""
        rng, whole = self.setting.generator("probe"), stencil.coefficients is None
        with precision(definition.bits(stencil.order)):
            if whole and stencil.order == 1:
                return self._probe_once(definition, stencil, candidate)
            directions = stencil.draw(self.setting, rng) if whole else []
            along = stencil.filled(directions) if directions else stencil
            if whole and along.order == len(along.slots) == 2 and not stencil.elementwise:
                return self._probe_twice(definition, along, candidate, directions)
            slopes = definition.slopes(along)
            if slopes.kinked:
                return NONE
            terms = float(np.max(slopes.terms, initial=0.0))
            return agreement(candidate, slopes.central, directions, stencil.elementwise, terms)

    def _probe_once(self, definition: Definition, stencil: Stencil, candidate: Ball) -> Agreement:
        """The slopes on both sides of x, each by itself: at a kink one is another.

        Along v, where any direction will do: products with it are asked for too.
        """
        drawn = bool(stencil.free or stencil.elementwise)
        direction = self.setting.flat_v if drawn else stencil.slots[0]

        def met(sign: int) -> Agreement:
            slopes = _weighed(stencil, definition.side(direction, sign))
            along = [ball(direction)] if drawn else []
            return agreement(candidate, slopes, along, stencil.elementwise)

        found = met(1)
        return found if found.digits < APPROXIMATE.least else min(found, met(-1), key=_digits)

    def _probe_twice(
        self, definition: Definition, along: Stencil, candidate: Ball, drawn: list[np.ndarray]
    ) -> Agreement:
        """How slopes along one direction change along another, on both sides of x.

        These are ahead and behind along v, whose points products with it need too.
        """
        other, one = along.slots

        def met(sign: int) -> Agreement:
            bent = _weighed(along, definition.bend(one, other, sign))
            found = agreement(candidate, bent, drawn, False)
            unsure = float(np.max(radius(bent), initial=0.0))
            return replace(found, gap=found.gap + unsure)

        found = met(1)
        return found if found.digits < APPROXIMATE.least else min(found, met(-1), key=_digits)


def _digits(found: Agreement) -> float:
    return found.digits


def _weighed(stencil: Stencil, slopes: Ball) -> Ball:
    """The slopes of all values, times the cotangent where there is one."""
    if stencil.weights is None:
        return slopes
    return slopes.namespace.tensordot(ball(stencil.weights), slopes, axes=1)


def _vanished(before: Agreement | None, found: Agreement) -> float:
    """Digits by which the gap shrank with the step: all there is to see where slopes are 0."""
    if before is None or not 0.0 < before.gap < np.inf:
        return 0.0
    return float(-np.log10(max(found.gap / before.gap, 10.0**-DIGITS_OF_ZERO)))


def _said(name: str, digits: float, more: str = "") -> str:
    return f"{name} agrees with the definition to {digits_told(digits)}{more}"

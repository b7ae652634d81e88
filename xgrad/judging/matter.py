"""One outcome before the judge: the comparison with the truth, and evidence that is found once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from xgrad.judging.comparison import BALL_DIGITS, Comparison
from xgrad.judging.findings import Again
from xgrad.judging.stability import Stability
from xgrad.numbers import EPS, SMALLEST, Ball
from xgrad.problem import OPERATORS, Operator, Setting
from xgrad.referee import Truth
from xgrad.techniques import NONFINITE, OK, Method, Outcome, element_name

NOISE = 4.0  # noise levels in the tolerance
SPACINGS = 32.0  # epsilons of the result in the tolerance
SHORT_SPACINGS = 2.0  # of 16-bit types, where 32 would be a quarter of the result
COARSEST = 1e-4  # epsilon beyond which a type is short
ENOUGH = 2  # samples of noise beside which nobody waits for more, where an error is
HOPELESS = 1e3  # tolerances away: one sample is so small by chance one time in a thousand
WEAKER_NOISE = 8.0  # of the noise at generic points, where no certified formula gives it
CONDITIONING = 4.0  # spacings of the inputs by which a right method's inputs may seem off
SPREAD = 4.0  # times the noise at generic points, or the difference of errors, that may be rounding
NEAR = 16.0  # tolerances within which errors that differ between points around are an excuse
UNTOLD = 1e-3  # of the largest element: how well an element must be known beside it
MULTIPLE = 3.0  # of the plain error that a right implementation may have in a short type
MANY = 1_000  # elements, beyond which some stand out from few samples of their noise
MULTIPLE_ALONE = 8.0  # of one rounding of inputs and result, without a plain implementation
FEW_ROUNDINGS = 16.0  # of the largest element, by which a type may be off where float64 is right

Twin = Callable[[], dict[str, Any] | None]


@dataclass
class Matter:
    """What the rules look at; everything but the comparison is found when it is first asked for."""

    setting: Setting
    stability: Stability
    method: Method
    operator: Operator
    outcome: Outcome
    truth: Truth
    refuted_digits: float | None  # of a formula that the definition refutes
    find_twin: Twin
    again: Again  # the same at other settings

    # --- the dtype, and what came back -----------------------------------------------------------

    @property
    def eps(self) -> float:
        """The spacing of the dtype at 1."""
        return EPS[self.setting.dtype]

    @property
    def short(self) -> bool:
        """Whether the dtype has 16 bits."""
        return self.eps > COARSEST

    @property
    def in_balls(self) -> bool:
        """Whether the result is one of balls."""
        return isinstance(self.outcome.flat, Ball)

    @property
    def adds_values(self) -> bool:
        """Whether slopes of several values are added, each of which may be of its own side."""
        return "w" in self.operator.directions and prod(self.setting.y_shape) > 1

    @property
    def not_finite(self) -> bool:
        """Whether the result has NaN or infinite elements."""
        return self.outcome.status == NONFINITE

    @property
    def own_bound(self) -> np.ndarray:
        """How far differences claim that they may be off."""
        assert self.outcome.bound is not None
        return np.abs(self.truth.seen(self.outcome.bound))

    def element(self, k: int) -> str:
        """The name of a flat element: `means[3,1]`, `y[2]/x[0]`, or the probe that it is."""
        if self.truth.directions:
            return f"direction {k}"
        return element_name(self.operator, self.setting, k)

    # --- beside the truth ------------------------------------------------------------------------

    @cached_property
    def found(self) -> Comparison:
        """The comparison: with plain rounding first, and with measured noise where that is due."""
        tolerance, noise = self._margins()
        made = Comparison.make(self.truth, self.outcome, tolerance, noise, self.setting.dtype)
        made.element = self.element
        if made.beyond.any() and self._may_measure:
            made = self._sampled(made) or made.widened(self._measured(made))
        if self.outcome.bound is None:
            made.multiple = self._multiple(made)
        return made

    def _margins(self) -> tuple[np.ndarray, np.ndarray]:
        """Tolerance and noise of each element, as far as they are known without measuring."""
        if self.method.framework == "ball":
            size = np.abs(self.truth.high)
            floor = np.max(size, initial=0.0, where=np.isfinite(size)) or 1.0
            return np.full(size.shape, floor * 10.0**-BALL_DIGITS), np.zeros(size.shape)
        return margins(self.truth, self.setting.dtype)

    @property
    def _may_measure(self) -> bool:
        """Whether noise is to be measured: no certified candidate gives it, nor a bound."""
        given = self.truth.noise is not None or self.outcome.bound is not None
        due = self.refuted_digits is None and not given  # what is refuted needs no other excuse
        return self.outcome.status == OK and due and not self.in_balls

    def _sampled(self, found: Comparison) -> Comparison | None:
        """With the noise of so many samples that nothing is beyond tolerance, or never will be."""
        made = None
        self.unsampled = self.truth.noises is not None
        for count, noise in enumerate(self.truth.noises or (), start=1):
            made, self.unsampled = found.widened(NOISE * noise), False
            far = made.beyond & (made.error > HOPELESS * made.tolerance)
            if not made.beyond.any() or (count >= ENOUGH and far.any()):
                return made
        if made is not None and made.error.size > MANY:  # P(error > T · largest of k) is as T^−k
            made = found.widened(NOISE * (made.error.size / MANY) ** (1 / count) * noise)
        return made

    def _measured(self, found: Comparison) -> np.ndarray:
        """What rounding adds to the tolerance, as methods and truth show it nearby."""
        noise = self.stability.typical_noise(self.operator, self.truth)
        self.measured = noise is not None
        more = WEAKER_NOISE * noise if noise is not None else np.zeros(found.tolerance.shape)
        far = np.any((found.error > found.tolerance + more) & ~found.kinked)
        if far and not found.is_vague:
            more = more + CONDITIONING * self._smooth_conditioning(found)
        return more

    measured = True  # whether any noise could be
    unsampled = False  # whether the program fails where its operations round

    @property
    def scale(self) -> float:
        """The size of what a result is linear in, where the truth is 0 and has none."""
        given = [a for a in (*self.setting.v, self.setting.w) if np.size(a)]
        return prod(float(np.max(np.abs(a))) or 1.0 for a in given)

    def _smooth_conditioning(self, found: Comparison) -> np.ndarray:
        """How far one spacing moves the truth, nothing where it moves far: that is another rule."""
        moved = self.conditioning
        if moved is None:
            return np.zeros(found.tolerance.shape)
        return np.where(moved <= UNTOLD * found.top, moved, 0.0)

    @cached_property
    def conditioning(self) -> np.ndarray | None:
        """How far the truth moves when every input does by one spacing."""
        if self.truth.directions or self.truth.kind not in ("certified", "definition"):
            return None
        return self.stability.conditioning(self.operator)

    @property
    def is_conditioning(self) -> bool:
        """Whether errors are no larger than what few spacings of the inputs do to the truth."""
        if self.conditioning is None:
            return True  # nobody knows: no accusation
        return bool(np.all(self.found.error <= CONDITIONING * self.conditioning
                           + SPACINGS * self.eps * np.abs(self.found.want)))  # fmt: skip

    def between_truths(self, share: float) -> bool:
        """Whether errors are no larger than the moves of the truth, and those a share of it."""
        if self.conditioning is None:
            return False
        found = self.found
        far = self.conditioning > share * found.top
        return bool(np.all(far[found.beyond] & (found.error <= self.conditioning)[found.beyond]))

    @property
    def vague(self) -> np.ndarray:
        """Elements whose tolerance is no small part of the derivative, or of what it stands for."""
        found, share = self.found, max(UNTOLD, 16 * self.eps)
        size = found.top or self.scale
        wide = found.tolerance > np.maximum(np.abs(found.want) / 2, share * size)
        sampled = self.truth.noise is not None or self.truth.noises is not None
        weak = self.truth.bound is not None or not sampled
        if found.top and found.digits == 0.0:  # agreement to no digit
            return np.asarray(found.tolerance >= np.abs(found.want)) & ~found.kinked
        return np.asarray(wide & weak & ~found.kinked)

    # --- what rounding explains ------------------------------------------------------------------

    def explained(self, share: float) -> bool:
        """Whether a share of the errors beyond tolerance is no larger than rounding nearby."""
        if self.method.framework == "ball" or self.truth.refuted:
            return False
        asked = self.found.beyond if self.found.beyond.any() else np.ones_like(self.found.beyond)
        noise = self.stability.noise(self.method, self.operator)
        small = np.zeros(asked.shape, dtype=bool)
        if noise is not None:
            allowed = SPREAD * self.stability.seen(noise, self.truth).reshape(asked.shape)
            small = self.found.error <= allowed
        near = small | (self.found.excess <= NEAR)
        if np.mean(small[asked]) < share <= np.mean(near[asked]):
            small = small | (near & self._differ_around)
        if np.mean(small[asked]) < share <= np.mean((small | self._few)[asked]):
            small = small | (self._few & self._are_rough)
        return bool(np.mean(small[asked]) >= share)

    @property
    def _few(self) -> np.ndarray:
        """Errors of few roundings of the largest element."""
        return np.asarray(self.found.error <= FEW_ROUNDINGS * self.eps * self.found.top)

    @cached_property
    def _are_rough(self) -> np.ndarray:
        """Errors no larger than they are far from any smooth function around."""
        smooth = np.zeros(self.found.error.shape, dtype=bool)
        if self.truth.directions:
            return smooth
        rough = self.stability.roughness(self.method, self.operator)
        if rough is None:
            return smooth
        size = np.abs(self.found.want) * rough.reshape(smooth.shape)
        return np.asarray(self.found.error <= SPREAD * size)

    @property
    def is_of_this_dtype(self) -> bool:
        """Whether errors are few roundings of the largest element, or near their tolerances.

        And float64 has none of them at the same inputs.
        """
        beyond, error = self.found.beyond, self.found.error
        if not np.all((self._few | (self.found.excess <= NEAR))[beyond]):
            return False
        right = self.stability.goes_in_float64(self.again, self.operator, error)
        return bool(np.all(right[beyond]))

    @property
    def _differ_around(self) -> np.ndarray:
        """Errors that are other ones at points around."""
        alike = np.zeros(self.found.error.shape, dtype=bool)
        if self.truth.directions:
            return alike
        spread = self.stability.spread(self.method, self.operator)
        return alike if spread is None else np.asarray(self.found.error <= SPREAD * spread)

    @property
    def same_in_fewer_digits(self) -> bool:
        """Whether a shorter dtype is as accurate: then this one is not used inside."""
        return self.stability.same_in_fewer_digits(self.method, self.operator, self.found.relative)

    def value_is_another(self, share: float) -> bool:
        """Whether the function's value in this dtype is off by a share of its largest element."""
        asked, findings = OPERATORS["value"], self.stability.findings
        got, want = findings.outcome(self._plain_value, asked), findings.truth(asked)
        if got.status != OK or want.kind == "none" or self.in_balls:
            return False
        size = np.max(np.abs(want.high), initial=0.0)
        return bool(np.max(np.abs(np.asarray(got.flat) - want.high), initial=0.0) > share * size)

    @property
    def value_is_lost(self) -> bool:
        """Whether elements of the value are NaN or infinite here, and no truth says otherwise."""
        asked, findings = OPERATORS["value"], self.stability.findings
        if findings.outcome(self._plain_value, asked).status != NONFINITE:
            return False
        want = findings.truth(asked)
        return want.kind == "none" or not bool(np.isfinite(want.high).all())

    @property
    def _plain_value(self) -> Method:
        return Method(self.method.framework, "formula")

    # --- in 16-bit types -------------------------------------------------------------------------

    @cached_property
    def twin(self) -> dict[str, Any] | None:
        """The row at the same inputs in float32, where mistakes cannot hide; None where none is."""
        alike = self.short and self.outcome.status == OK and self.outcome.bound is None
        return self.find_twin() if alike and self.method.framework != "ball" else None

    @cached_property
    def shrinks(self) -> bool:
        """Whether the error follows the epsilon of 16-bit types."""
        return self.stability.shrinks(self.method, self.operator)

    @property
    def plain(self) -> Method:
        """The framework's own reverse mode."""
        return Method(self.method.framework, "reverse")

    @property
    def most(self) -> float:
        """How many times the error of the plain implementation a right one may have."""
        return MULTIPLE_ALONE if self.method == self.plain else MULTIPLE

    def _multiple(self, found: Comparison) -> float:
        """The error as a multiple of the plain implementation's, where that is to be asked."""
        case = self.setting.case
        offered = any(self.method.variant == i.name for i in case.implementations)
        if not (self.short or offered) or self.truth.directions or self.in_balls:
            return float("nan")
        if self.method == self.plain and not (case.framework and self.short):
            return float("nan")
        unit = found.noise + self.eps * np.abs(found.want) + SMALLEST[self.setting.dtype]
        return self.stability.multiple(self.method, self.operator, unit)


def margins(truth: Truth, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Tolerance and noise of each element in a dtype, as far as the truth comes with them."""
    size, eps = np.abs(truth.high), EPS[dtype]
    if truth.left is not None and truth.right is not None:  # at a kink, what it may return
        size = np.max([size, *(np.abs(np.where(truth.kinked & np.isfinite(s), s, 0))
                               for s in truth.slopes)], axis=0)  # fmt: skip
    if truth.directions:  # products with probes: the terms decide, not their sum
        size = np.maximum(size, np.max(size, initial=0.0))
    spacings = SHORT_SPACINGS if eps > COARSEST else SPACINGS
    rounding = spacings * eps * size + SMALLEST[dtype]
    if truth.bound is not None:
        rounding = rounding + truth.bound
    if truth.noise is not None:
        return NOISE * truth.noise + rounding, truth.noise
    return rounding, np.zeros(size.shape)

"""A certificate of a derivative: the program's own in balls against the definition, and float64.

Two checks make one. Candidate against definition, both in balls, along one random direction: the
rules of the derivative. Value and gradient in balls against the framework's own float64: the rules
of the balls, and the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.numbers import Ball, ball, midpoint, precision
from xgrad.programs import recognised_constants
from xgrad.referee import AMPLE, APPROXIMATE, CERTIFIED, REFUTED, grade_of
from xgrad.techniques.agreements import agreement
from xgrad.techniques.definition import Definition

FLOAT64 = 1e-6  # relative to the largest element: what no rounding explains at a generic point
UNROUNDED = 1e-9  # from which it is told
SAME = 1e-20  # relative gap between one-sided slopes that are one


@dataclass(frozen=True)
class Certificate:
    """To how many digits a derivative is what the definition says, and float64 beside it."""

    digits: float  # floats as they are
    recognised: float  # floats as what they were rounded from; 0 where that was not tried
    kinked: bool
    value_gap: float  # of float64, relative to the largest element
    gradient_gap: float

    @property
    def best(self) -> float:
        """The digits of the better pass."""
        return max(self.digits, self.recognised)

    @property
    def grade(self) -> str:
        """What the digits mean."""
        found = grade_of(self.best)
        if found is REFUTED:
            return "kink" if self.kinked else "rule and function disagree"
        return found.word

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, in the rule or in float64; at a kink there is no one truth."""
        if not self.kinked and self.best < APPROXIMATE.least:
            return False
        return self.value_gap < FLOAT64 and self.gradient_gap < FLOAT64

    @property
    def reason(self) -> str:
        """What is to be said beside the grade."""
        gaps = {"value": self.value_gap, "gradient": self.gradient_gap}
        words = [f"{what} in float64 differs by {gap:.0e}"
                 for what, gap in gaps.items() if not gap < UNROUNDED]  # fmt: skip
        if not self.kinked and self.best < CERTIFIED.least:
            words.insert(0, f"rule and function agree to {self.best:.1f} digits")
        return "; ".join(words)


@dataclass
class _Flat:
    """A program as a function of one flat array."""

    program: Any
    x: Sequence[np.ndarray]

    def split(self, flat: Ball) -> list[np.ndarray]:
        ends = np.cumsum([a.size for a in self.x])[:-1]
        parts = np.split(flat.data, ends)
        return [p.reshape(a.shape) for p, a in zip(parts, self.x, strict=True)]

    def value(self, flat: Ball) -> Ball:
        return _joined(self.program.value(self.split(flat)))

    def gradient(self, flat: Ball, w: list[Any]) -> Ball:
        return _joined(self.program.vjp(self.split(flat), w))


def _joined(parts: Sequence[np.ndarray]) -> Ball:
    return Ball(np.concatenate([np.asarray(p, dtype=object).reshape(-1) for p in parts]))


def _met(gradient: Ball, w: Ball, d: np.ndarray, slopes: Ball) -> float:
    """To how many digits a gradient along d is the weighted slopes of all values."""
    slope = slopes.namespace.reshape(slopes.namespace.tensordot(w, slopes, axes=1), ())
    terms = float(np.sum(np.abs(midpoint(w) * midpoint(slopes))))
    return agreement(gradient, slope, [ball(d)], False, terms).digits


def certify(
    program: Any,
    x: Sequence[np.ndarray],
    plain: Callable[[Sequence[np.ndarray]], tuple[Sequence[Any], Sequence[Any]]],
    attempts: int = 2,
    seed: int = 0,
) -> Certificate:
    """The certificate of a program's vjp at x.

    `plain` takes weights and returns the outputs and the vjp in float64. Values whose gradient is
    stopped are those at x.
    """
    rng = np.random.default_rng(seed)
    point = np.concatenate([np.asarray(a, dtype=np.float64).reshape(-1) for a in x])
    flat = _Flat(program, x)
    with precision(256):
        outputs = program.value(flat.split(ball(point)))
    weights = [rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape) for y in outputs]
    w = [ball(each).data for each in weights]
    d = rng.uniform(0.5, 1.0, point.size) * rng.choice([-1.0, 1.0], point.size)

    def digits(attempt: int) -> float:
        bits = Definition(flat.value, point, attempt).bits(1)
        with precision(bits):
            frozen = _Flat(program.frozen_at(flat.split(ball(point))), x)
            definition = Definition(frozen.value, point, attempt)
            gradient = flat.gradient(ball(point), w)
            sides = [definition.side(d, sign) for sign in (1, -1)]  # at a kink they are two
            return min(_met(gradient, _joined(w), d, side) for side in sides)

    found = 0.0
    for attempt in range(attempts):
        found = max(found, digits(attempt))
        if found >= CERTIFIED.least:
            break
    recognised = 0.0
    if APPROXIMATE.least <= found < CERTIFIED.least:
        with recognised_constants():
            recognised = digits(0)
    kinked = max(found, recognised) < AMPLE.least and _kinked(flat, point, d)
    ys, gradients = plain(weights)
    with precision(256):
        value_gap = _gap(_joined(outputs), ys)
        gradient_gap = _gap(flat.gradient(ball(point), w), gradients)
    return Certificate(found, recognised, kinked, value_gap, gradient_gap)


def _kinked(flat: _Flat, point: np.ndarray, d: np.ndarray) -> bool:
    """Whether the two one-sided slopes differ."""
    definition = Definition(flat.value, point)
    with precision(definition.bits(1)):
        h, middle = definition.step(d), flat.value(ball(point))
        ahead = (flat.value(ball(point) + ball(d) * h) - middle) / h
        behind = (middle - flat.value(ball(point) - ball(d) * h)) / h
        told = [0 not in gap for gap in (ahead - behind).data]  # not the noise of a constant
        size = np.maximum(np.abs(midpoint(ahead)), np.abs(midpoint(behind)))
        return bool(np.any(told & (np.abs(midpoint(ahead - behind)) > SAME * size)))


def _gap(exact: Ball, got: Sequence[Any]) -> float:
    """The largest error, relative to the largest element."""
    mine = midpoint(exact)
    theirs = np.concatenate([np.asarray(g, dtype=np.float64).reshape(-1) for g in got])
    with np.errstate(invalid="ignore"):
        gaps = np.where(mine == theirs, 0.0, np.abs(mine - theirs))
        gap = float(np.max(gaps, initial=0.0))
        return gap / (float(np.max(np.abs(mine[np.isfinite(mine)]), initial=0.0)) or 1.0)

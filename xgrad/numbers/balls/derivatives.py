"""Derivatives inside a function, in balls: the definition, nested as deep as the function does.

A central difference with a step of 2^-s of the inputs has errors of 2^-2s beside what it is taken
of, and of the function's own rounding over the step. Results are exact balls: what they are off by
moves with the point as the function does, and is no noise of the differences around them. So bits
must grow with the nesting alone, not with a chain of derivatives one after the other; `in_full`
sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf, log2
from typing import Any

import flint
import numpy as np
from flint import arb

from xgrad.numbers.balls import reductions, shapes
from xgrad.numbers.balls.array import Ball, ball, midpoint, precision, radius, wrap
from xgrad.numbers.functions import require_xp_first

_GUARD = 64  # bits for each level, for what functions lose
_SLACK = 48  # bits that may be missing before more are taken
_TRIES = 2  # times that they are doubled
_PLANNED = 2  # levels that steps are made for where nobody has counted them


@dataclass
class _Level:
    """One derivative: to how many bits it is known by itself, and those that it takes."""

    own: float = inf
    inside: float = inf


@dataclass
class _Nesting:
    """How deep derivatives lie in each other, and to how many bits they are known."""

    planned: int = _PLANNED
    levels: list[_Level] = field(default_factory=lambda: [_Level()])  # the outermost first
    deepest: int = 0

    @property
    def step(self) -> int:
        """A step is 2 to minus this: as many bits for each level, and two for the outermost."""
        return int(flint.ctx.prec) // (self.planned + 2)

    @contextmanager
    def level(self) -> Iterator[None]:
        """One derivative, in which others may be taken."""
        self.levels.append(_Level())
        self.deepest = max(self.deepest, len(self.levels) - 1)
        try:
            yield
        finally:
            done, around = self.levels.pop(), self.levels[-1]
            around.inside = min(around.inside, done.own, done.inside - self.step)

    def found(self, bits: float) -> None:
        """That a slope is known to so many bits, apart from what it is taken of."""
        self.levels[-1].own = min(self.levels[-1].own, bits)


_NESTING = _Nesting()


def in_full(function: Callable[..., Any], depth: int = 0) -> Callable[..., Any]:
    """The function to the digits of the context, whatever derivatives it takes inside.

    How deep they lie is seen in a first run; `depth` is what is known of it.
    """
    more = 0

    def called(*args: Any) -> Any:
        nonlocal depth, more
        wanted = int(flint.ctx.prec)
        while True:
            bits = (wanted + depth * (wanted // 2 + _GUARD)) << more
            with precision(bits), _counted(depth) as seen:
                try:
                    result = function(*args)
                except Exception:  # with too few bits a Hessian may be singular
                    if seen.deepest <= depth:
                        raise
            if seen.deepest > depth:
                depth = seen.deepest
            elif seen.levels[0].inside < wanted - _SLACK and more < _TRIES:
                more += 1
            else:
                return result

    return called


@contextmanager
def _counted(planned: int) -> Iterator[_Nesting]:
    """Count levels from here, with steps for so many."""
    global _NESTING
    before, _NESTING = _NESTING, _Nesting(planned)
    try:
        yield _NESTING
    finally:
        _NESTING = before


_HELPERS = frozenset(globals())  # the names from here on are those of xp

# --- the definition -------------------------------------------------------------------------------


def gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """`gradient(f)(x, *others)`: that of f(xp, x, *others), a scalar, in the shape of x."""

    def taken(x: Any, *others: Any) -> Ball:
        y, slopes = _along_axes(f, x, others)
        if y.shape != ():
            raise ValueError(f"xp.gradient needs a scalar value, got shape {y.shape}: xp.jacobian")
        return shapes.reshape(slopes, _shape(x))

    return _named("gradient", f, taken)


def jacobian(f: Callable[..., Any]) -> Callable[..., Any]:
    """`jacobian(f)(x, *others)`: of shape y.shape + x.shape."""

    def taken(x: Any, *others: Any) -> Ball:
        y, slopes = _along_axes(f, x, others)
        return shapes.reshape(slopes, (*y.shape, *_shape(x)))

    return _named("jacobian", f, taken)


def hessian(f: Callable[..., Any]) -> Callable[..., Any]:
    """`hessian(f)(x, *others)`: the Jacobian of the gradient."""
    return _named("hessian", f, jacobian(lambda xp, *args: gradient(f)(*args)))


def jvp(f: Callable[..., Any]) -> Callable[..., Any]:
    """`jvp(f)(x, v, *others)`: the derivative along v, in the shape of the value."""

    def taken(x: Any, v: Any, *others: Any) -> Ball:
        return _along(f, x, others, [_exact(v)])[1][0]

    return _named("jvp", f, taken)


def vjp(f: Callable[..., Any]) -> Callable[..., Any]:
    """`vjp(f)(x, w, *others)`: w times the Jacobian, in the shape of x."""

    def taken(x: Any, w: Any, *others: Any) -> Ball:
        y, slopes = _along_axes(f, x, others)
        weighted = slopes * shapes.reshape(ball(w), (*y.shape, 1))
        summed = reductions.sum(weighted, axis=tuple(range(y.ndim)))
        return shapes.reshape(summed, _shape(x))

    return _named("vjp", f, taken)


def _named(name: str, f: Any, taken: Callable[..., Any]) -> Callable[..., Any]:
    require_xp_first(name, f)
    return taken


def _along_axes(f: Any, x: Any, others: Any) -> tuple[Ball, Ball]:
    """f(x), and its slopes along all elements of x: (*y, x.size)."""
    shape = _shape(x)
    units = np.eye(int(np.prod(shape, dtype=np.int64)))
    y, slopes = _along(f, x, others, [ball(unit.reshape(shape)) for unit in units])
    return y, shapes.stack(slopes, axis=-1)


def _along(f: Any, x: Any, others: Any, directions: list[Ball]) -> tuple[Ball, list[Ball]]:
    """f(x), and its slopes along directions; NaN at a kink."""
    x, others = _exact(x), tuple(_exact(a) if isinstance(a, Ball) else a for a in others)

    def value(at: Ball) -> Ball:
        return ball(f(Ball.namespace, at, *others))

    with _NESTING.level():
        y = value(x)
        return _exact(y), [_slope(value, x, v, y) for v in directions]


def _slope(value: Callable[[Ball], Ball], x: Ball, v: Ball, y: Ball) -> Ball:
    """(f(x + hv) − f(x − hv)) / 2h."""
    bits, length = _NESTING.step, _length(x, v)
    central, bend, size = _difference(value, x, v, y, _power(length, bits))
    doubt = bend > 2.0 ** (-bits / 2) * size
    if np.any(doubt):  # curvature shrinks with the step, a kink does not
        near = _difference(value, x, v, y, _power(length, bits + bits // 4))[1]
        central = central.namespace.where(doubt & (near > bend / 2), np.nan, central)
    rough, top = (float(np.max(a, initial=0.0)) for a in (radius(central), size))
    if 0 < rough < inf and top:
        _NESTING.found(min(log2(top) - log2(rough), 2.0 * bits))
    return _exact(central)


def _difference(
    value: Any, x: Ball, v: Ball, y: Ball, h: Ball
) -> tuple[Ball, np.ndarray, np.ndarray]:
    """The slope, by how much those on either side differ, and the size of slopes and values."""
    ahead, behind = value(x + h * v), value(x - h * v)
    right, left = (ahead - y) / h, (y - behind) / h
    bend = np.abs(midpoint(right - left))
    size = np.max([np.abs(midpoint(a)) for a in (right, left, y)], axis=0)
    return (ahead - behind) / (2 * h), bend, size


def _length(x: Ball, v: Ball) -> float:
    """How far v goes in the scale of the elements that it moves; 1 where that is no scale."""
    near, along = np.abs(midpoint(x)), np.abs(midpoint(v))
    moved = (near > 0) & (along > 0) & np.isfinite(along)
    return float(np.min(near[moved] / along[moved])) if np.any(moved) else 1.0


def _power(length: float, bits: int) -> Ball:
    """A power of two, so that points and quotients are exact."""
    return wrap(arb(2) ** (int(np.floor(log2(length))) - bits))


def _exact(value: Any) -> Ball:
    """The midpoints, as exact numbers."""
    return wrap(np.frompyfunc(lambda a: a.mid(), 1, 1)(ball(value).data))


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Ball) else np.shape(x)

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

from xgrad.numbers.balls import elementwise, reductions, shapes
from xgrad.numbers.balls.array import Ball, ball, midpoint, precision, radius, wrap
from xgrad.numbers.balls.points import values
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
    return _named("hessian", f, jacobian(lambda xp, *args: xp.gradient(f)(*args)))


def jvp(f: Callable[..., Any]) -> Callable[..., Any]:
    """`jvp(f)(x, v, *others)`: the derivative along v, in the shape of the value."""

    def taken(x: Any, v: Any, *others: Any) -> Ball:
        along = np.broadcast_to(_exact(v).data, _shape(x))
        return Ball(_along(f, x, others, Ball(along[None]))[1].data[0, ...])

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
    size = int(np.prod(shape, dtype=np.int64))
    y, slopes = _along(f, x, others, ball(np.eye(size).reshape(size, *shape)))
    return y, ball(np.moveaxis(slopes.data, 0, -1))


def _along(f: Any, x: Any, others: Any, directions: Ball) -> tuple[Ball, Ball]:
    """f(x), and its slopes along directions, (directions, *y); NaN at a kink."""
    x, others = _exact(x), tuple(_exact(a) if isinstance(a, Ball) else a for a in others)
    with _NESTING.level():
        bits, lengths = _NESTING.step, _lengths(x, directions)
        h = _powers(lengths, bits)
        made = values(f, np.concatenate([x.data[None], _sides(x, directions, h)]), others)
        y = Ball(made[0, ...])
        central, bend, size = _differences(y, made[1:], h)
        doubt = bend > 2.0 ** (-bits / 2) * size
        again = np.any(doubt, axis=tuple(range(1, doubt.ndim)))
        if np.any(again):  # curvature shrinks with the step, a kink does not
            h = _powers(lengths[again], bits + bits // 4)
            made = values(f, _sides(x, Ball(directions.data[again]), h), others)
            kink = doubt[again] & (_differences(y, made, h)[1] > bend[again] / 2)
            central.data[again] = _without(kink, central.data[again])
        _tell(central, size, 2.0 * bits)
        return _exact(y), _exact(central)


def _sides(x: Ball, v: Ball, h: Ball) -> np.ndarray:
    """x + hv and x − hv along all directions, the ones after the others."""
    step = _in_front(h, x.ndim)
    return np.concatenate([(x + step * v).data, (x - step * v).data])


def _differences(y: Ball, sides: np.ndarray, h: Ball) -> tuple[Ball, np.ndarray, np.ndarray]:
    """Slopes, by how much those on either side differ, and the size of slopes and values."""
    ahead, behind = map(Ball, np.split(sides, 2))
    h = _in_front(h, y.ndim)
    right, left = (ahead - y) / h, (y - behind) / h
    bend = np.abs(midpoint(right - left))
    size = np.maximum(np.abs(midpoint(right)), np.abs(midpoint(left)))
    return (ahead - behind) / (2 * h), bend, np.maximum(size, np.abs(midpoint(y)))


def _without(kink: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """NaN at a kink, the slopes elsewhere."""
    none = _in_front(ball(np.full(len(slopes), np.nan)), slopes.ndim - 1)
    return elementwise.where(kink, none, Ball(slopes)).data


def _tell(slopes: Ball, size: np.ndarray, most: float) -> None:
    """To how many bits the slopes along each direction are known."""
    for wide, large in zip(radius(slopes), size, strict=True):
        rough, top = (float(np.max(a, initial=0.0)) for a in (wide, large))
        if 0 < rough < inf and top:
            _NESTING.found(min(log2(top) - log2(rough), most))


def _lengths(x: Ball, directions: Ball) -> np.ndarray:
    """How far each goes in the scale of the elements that it moves; 1 where that is no scale."""
    near = np.abs(midpoint(x)).reshape(1, x.size)
    along = np.abs(midpoint(directions)).reshape(len(directions.data), x.size)
    moved = (near > 0) & (along > 0) & np.isfinite(along)
    ratios = np.divide(near, along, out=np.full(moved.shape, inf), where=moved)
    return np.where(np.any(moved, axis=1), np.min(ratios, axis=1, initial=inf), 1.0)


def _powers(lengths: np.ndarray, bits: int) -> Ball:
    """Powers of two, so that points and quotients are exact."""
    made = [arb(2) ** (int(np.floor(log2(length))) - bits) for length in lengths]
    return wrap(np.array([*made, None], dtype=object)[:-1])


def _in_front(h: Ball, width: int) -> Ball:
    """One number for each array of so many axes."""
    return Ball(h.data.reshape(-1, *[1] * width))


def _exact(value: Any) -> Ball:
    """The midpoints, as exact numbers."""
    return wrap(np.frompyfunc(lambda a: a.mid(), 1, 1)(ball(value).data))


def _shape(x: Any) -> tuple[int, ...]:
    return x.shape if isinstance(x, Ball) else np.shape(x)

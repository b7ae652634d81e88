"""Derivatives inside a function, `xp.gradient(f)` and its like: by a framework's own transforms.

Of f(xp, x, *others) in x, others and whatever else f holds kept fixed inside, and differentiated
from outside like anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from xgrad.frameworks.base import Transforms
from xgrad.numbers import (
    DERIVATIVES,
    NAMESPACE,
    ball,
    budget,
    halves,
    in_full,
    precision,
    require_xp_first,
)

BITS = 256  # of a derivative that is rounded to floats
SECONDS, GIGABYTES = 20.0, 4.0  # that it may take, nominal


def transformed(xp: Any, library: Any) -> dict[str, Callable[..., Any]]:
    """By name; `library` calls its transforms as `torch.func` and `jax` both do."""

    def held(f: Any, others: Any) -> Callable[..., Any]:
        return lambda x: f(xp, x, *others)

    def jvp(f: Any, x: Any, v: Any, *others: Any) -> Any:
        y, along = library.jvp(held(f, others), (x,), (v,))
        return xp.astype(along, y.dtype)  # torch 2.13 widens that of a 0-d float32

    def vjp(f: Any, x: Any, w: Any, *others: Any) -> Any:
        return library.vjp(held(f, others), x)[1](w)[0]

    def plain(transform: Any, f: Any, x: Any, *others: Any) -> Any:
        return transform(held(f, others))(x)

    own = {"gradient": library.grad, "jacobian": library.jacrev, "hessian": library.hessian}
    named = {"jvp": jvp, "vjp": vjp} | {name: partial(plain, t) for name, t in own.items()}
    return {name: partial(_of, name, call) for name, call in named.items()}


def derivatives_inside(xp: Any, transforms: Transforms) -> dict[str, Callable[..., Any]]:
    """`xp.gradient` and its like by name, of a framework that has a vjp.

    For a namespace's extras: `xp.gradient(f)(x)` is then a derivative inside of a case, of one
    array x, which is differentiated again where the case is.
    """
    return transformed(xp, FromVjp(xp, transforms))


class FromVjp:
    """The transforms that `transformed` calls, from the vjp of a framework alone."""

    def __init__(self, xp: Any, transforms: Transforms):
        self.xp, self.transforms = xp, transforms

    def vjp(self, f: Any, x: Any) -> Any:
        """The value, and the map back, which gives a tuple of one."""
        return self.transforms.vjp(f, (x,), again=True)

    def jvp(self, f: Any, xs: tuple[Any], vs: tuple[Any]) -> Any:
        """The vjp of the vjp, which is linear in its cotangent."""
        y, back = self.vjp(f, *xs)
        _, along = self.vjp(lambda w: back(w)[0], self.xp.zeros_like(y))
        return y, along(*vs)[0]

    def grad(self, f: Any) -> Any:
        """The vjp of a scalar along 1."""
        return lambda x: self.transforms.pull(f, (x,), again=True)[0]

    def jacrev(self, f: Any) -> Any:
        """One vjp for each element of the value."""

        def table(x: Any) -> Any:
            y, back = self.vjp(f, x)
            n = prod(y.shape)
            units = self.xp.reshape(self.xp.eye(n, dtype=y.dtype), (n, *y.shape))
            rows = [back(units[k, ...])[0] for k in range(n)]
            return self.xp.reshape(self.xp.stack(rows), (*y.shape, *x.shape))

        return table

    def hessian(self, f: Any) -> Any:
        """The Jacobian of the gradient."""
        return self.jacrev(self.grad(f))


def defined() -> dict[str, Callable[..., Any]]:
    """By name, for a library without transforms: the definition in balls, rounded."""

    def rounded(name: str, f: Any, x: Any, *others: Any) -> Any:
        with precision(BITS), budget(SECONDS, GIGABYTES):
            high, low = halves(_in_full(name, f)(f, x, others))
        kind = np.asarray(x).dtype
        return (high.astype(kind) + low.astype(kind))[()]

    return {name: partial(_of, name, partial(rounded, name)) for name in DERIVATIVES}


def _in_full(name: str, f: Any) -> Callable[..., Any]:
    """The derivative to all bits, in as many as functions written there were seen to need."""

    def taken(f: Any, x: Any, others: Any) -> Any:
        return getattr(NAMESPACE, name)(f)(ball(x), *others)

    code = getattr(f, "__code__", None)
    known = {} if code is None else _KNOWN.setdefault(code, {})
    return known.setdefault(name, in_full(taken, depth=1))


_KNOWN: WeakKeyDictionary[Any, dict[str, Callable[..., Any]]] = WeakKeyDictionary()


def _of(name: str, call: Callable[..., Any], f: Callable[..., Any]) -> Callable[..., Any]:
    require_xp_first(name, f)
    return partial(call, f)

"""How a namespace of functions is lifted to arrays of another kind of number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from xgrad.errors import Unsupported
from xgrad.numbers.arrays import Wrapped, like
from xgrad.numbers.functions import DERIVATIVES, python_scan


class Lifting:
    """`xp` over wrapped arrays, whose work `base` does, the namespace of what they wrap.

    A kind of number is a subclass with two methods: `apply`, what a call of a function becomes, and
    `wrap`, which results are numbers of this kind. Functions that it has as methods of its own,
    those of `xp.linalg` and `xp.fft` too, are called as they are.
    """

    def __init__(self, base: Any):
        self.base = base
        self.linalg, self.fft = _Part(self, "linalg"), _Part(self, "fft")
        self.scan = python_scan(lambda ys: self.stack(ys))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in DERIVATIVES:
            kind = type(self).__name__.lower()
            raise Unsupported(f"a derivative inside the function, xp.{name}, has no {kind} version")
        return self.lifted(name, getattr(self.base, name))

    def lifted(self, name: str, value: Any) -> Any:
        """What the base has under a name: a function lifted, its own arrays wrapped."""
        if callable(value) and not isinstance(value, type):
            return partial(self.apply, name, value)
        return self.wrapped(value) if isinstance(value, Wrapped) else value

    def apply(self, name: str, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """The function of that name, called."""
        raise NotImplementedError

    def wrapped(self, value: Any, *how: Any) -> Any:
        """Results, in lists and tuples too, as arrays of this kind."""
        if isinstance(value, (list, tuple)):
            return like(value, [self.wrapped(v, *how) for v in value])
        return self.wrap(value, *how)

    def wrap(self, value: Any) -> Any:
        """One result as an array of this kind, or as it is where it is none."""
        raise NotImplementedError


class _Part:
    """The `linalg` or `fft` part of a lifted namespace."""

    def __init__(self, outer: Lifting, part: str):
        self._outer, self._part = outer, part

    def __getattr__(self, name: str) -> Any:
        if hasattr(type(self._outer), name):
            return getattr(self._outer, name)
        return self._outer.lifted(name, getattr(getattr(self._outer.base, self._part), name))

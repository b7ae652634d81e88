"""Programs that JAX traces alike: lowered and compiled once in a process, whoever wrote them.

A check traces anew, as what its function reads may have changed since; where that yields the
program of an earlier check, equation by equation and constant by constant, what was compiled of
that one is called. Lowering and reading a program costs ten times what tracing it does.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Any

import numpy as np

MOST = 256  # programs that are kept; those met longest ago are let go
LARGEST = 1 << 20  # bytes of constants in a kept program

# By primitive, parameters for further transforms: what is compiled has nothing of them.
_RULES = {
    "custom_jvp_call": {"jvp_jaxpr_fun"},
    "custom_vjp_call": {"fwd_jaxpr_thunk", "bwd"},
}
_PLAIN = {int, float, complex, bool, str, bytes, type(None)}  # what `repr` tells whole
# Whose objects are equal only where they mean the same; a function may mean what it meant no more.
_TRUSTED = {"enum", "jax", "jaxlib", "ml_dtypes", "numpy"}

_known: OrderedDict[Hashable, Any] = OrderedDict()  # by key, what is traced or compiled


def alike(jitted: Any, given: tuple[Any, ...]) -> Callable[..., Any]:
    """A jitted function, traced, or what was compiled of a program that is the same.

    It takes arguments of the types of `given`. Raises what tracing raises.
    """
    traced = jitted.trace(*given)
    with suppress(Exception):
        key = _key(traced.jaxpr, given)
        if key in _known:
            return _compiled(key)
        _known[key] = traced
        while len(_known) > MOST:
            _known.popitem(last=False)
    return jitted


def forget_alike() -> None:
    """Let go of all that is kept."""
    _known.clear()


def _compiled(key: Hashable) -> Callable[..., Any]:
    """What JAX has compiled of a trace: by the call that followed it, or now."""
    found = _known.pop(key)
    if hasattr(found, "lower"):
        found = found.lower().compile()
    _known[key] = found
    return found


def _key(closed: Any, given: tuple[Any, ...]) -> Hashable:
    """What two programs and their calls have in common only where they compute the same."""
    import jax
    from jax._src.config import trace_context

    leaves, tree = jax.tree.flatten(given)
    written = _Writer()
    written.program(closed)
    places = tuple((type(a), getattr(a, "sharding", None)) for a in leaves)
    return written.digest.digest(), tuple(written.others), tree, places, trace_context()


class _Unkept(Exception):
    """A program that is not told whole by its equations, or that is large."""


class _Writer:
    """The digest of a program's text; beside it what has no text but can be compared."""

    def __init__(self) -> None:
        from jax.extend.core import ClosedJaxpr, Jaxpr

        self._programs = ClosedJaxpr, Jaxpr
        self.digest = hashlib.sha256()
        self.others: list[Hashable] = []
        self._numbers: dict[Any, int] = {}
        self._left = LARGEST

    def program(self, closed: Any) -> None:
        """A jaxpr, open or closed over constants."""
        jaxpr = getattr(closed, "jaxpr", closed)
        if jaxpr.effects:
            raise _Unkept
        self._define([*jaxpr.constvars, *jaxpr.invars])
        for constant in getattr(closed, "consts", ()):
            self._array(constant)
        for eqn in jaxpr.eqns:
            self._write("do", eqn.primitive.name)
            self.others.append(eqn.primitive)
            self._read(eqn.invars)
            unused = _RULES.get(eqn.primitive.name, ())
            for name in sorted(eqn.params):
                if name not in unused:
                    self._write(name)
                    self._parameter(eqn.params[name])
            self._define(eqn.outvars)
        self._write("return")
        self._read(jaxpr.outvars)
        self._write("end")

    def _write(self, *words: Any) -> None:
        self.digest.update(repr(words).encode())

    def _define(self, variables: Iterable[Any]) -> None:
        for each in variables:
            self._numbers[each] = len(self._numbers)
            self._write(str(each.aval), getattr(each.aval, "weak_type", None))

    def _read(self, atoms: Iterable[Any]) -> None:
        for each in atoms:
            if hasattr(each, "val"):
                self._write(str(each.aval), getattr(each.aval, "weak_type", None))
                self._array(each.val)
            else:
                self._write(self._numbers[each])

    def _array(self, value: Any) -> None:
        self._left -= getattr(value, "nbytes", 0)
        if self._left < 0:
            raise _Unkept
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise _Unkept
        self._write(type(value).__name__, str(array.dtype), array.shape)
        self.digest.update(array.tobytes())

    def _parameter(self, value: Any) -> None:
        kind = type(value)
        if kind in _PLAIN:
            self._write(value)
        elif isinstance(value, self._programs):
            self.program(value)
        elif isinstance(value, (np.ndarray, np.generic)):
            self._array(value)
        elif kind.__module__.partition(".")[0] in _TRUSTED:
            self._write(kind.__name__)
            self.others.append(value)
        elif isinstance(value, (tuple, list)):
            self._write(kind.__name__, len(value))
            for each in value:
                self._parameter(each)
        else:
            raise _Unkept

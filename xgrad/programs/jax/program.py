"""A JAX function as a program in balls: its value, and its derivatives by JAX's own transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.errors import unknown
from xgrad.frameworks import find_framework
from xgrad.programs.jax.rounding import Rounding
from xgrad.programs.jax.values import put
from xgrad.programs.jax.walk import Hook, Plan, Walk
from xgrad.programs.scalars import is_complex

Arrays = Sequence[Any]


class Frozen:
    """The values behind `stop_gradient`: recorded by the first run, used again by later ones."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._next: Iterator[Any] | None = None

    def begin(self) -> None:
        """Start a run."""
        self._next = iter(self._values) if self._values else None

    def __call__(self, value: Any) -> Any:
        if self._next is not None:
            return next(self._next)
        self._values.append(value)
        return value


class JaxProgram:
    """A JAX function, run as its jaxpr in balls; traced, pruned and compiled once per shapes.

    `function` takes the differentiated arrays and returns a tree of arrays, of which the floats
    count. Arrays in and out are object arrays of `arb`, or of `acb` where they are complex. Every
    run takes `frozen`, `rounding` and `hooks`, each called with a step, its operands and outputs.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self._traced: dict[Any, Any] = {}
        self._plans: dict[Any, Plan] = {}

    # --- what is run -----------------------------------------------------------------------------

    def value(self, x: Arrays, **options: Any) -> list[np.ndarray]:
        """The outputs at x: one array for each leaf that holds floats."""
        return self._run("value", (x,), **options)

    def vjp(self, x: Arrays, w: Arrays, **options: Any) -> list[np.ndarray]:
        """The outputs' derivatives weighed with w: one array for each input."""
        return self._run("vjp", (x, w), **options)

    def jvp(self, x: Arrays, v: Arrays, **options: Any) -> list[np.ndarray]:
        """The derivative along v: one array for each output."""
        return self._run("jvp", (x, v), **options)

    def hvp(
        self, x: Arrays, v: Arrays, w: Arrays, order: str = "forward over reverse", **options: Any
    ) -> list[np.ndarray]:
        """The derivative along v of the vjp with w, by two transforms, the outer one first."""
        if order not in _SECOND:
            raise unknown("order", order, _SECOND)
        return self._run(order, (x, v, w), **options)

    def trace(self, what: str, *arrays: Arrays) -> Any:
        """The jaxpr of `value`, `vjp`, `jvp`, or an order of `hvp`, for arrays of these shapes."""
        avals = tuple(tuple(map(_abstract, each)) for each in arrays)
        key = what, tuple(tuple((a.shape, a.dtype) for a in each) for each in avals)
        if key not in self._traced:
            with _scope():
                self._traced[key] = jax.make_jaxpr(partial(_TRANSFORMS[what], self))(*avals)
        return self._traced[key]

    def _run(
        self,
        what: str,
        arrays: tuple[Arrays, ...],
        frozen: Frozen | None = None,
        rounding: Rounding | None = None,
        hooks: Sequence[Hook] = (),
    ) -> list[np.ndarray]:
        jaxpr = self.trace(what, *arrays)
        if frozen is not None:
            frozen.begin()
        with _scope():
            walk = Walk(self._plans, frozen, rounding, hooks)
            return walk.run(jaxpr, [a for each in arrays for a in each])

    # --- the transforms --------------------------------------------------------------------------

    def _outputs(self, x: Any) -> list[Any]:
        leaves = jax.tree.leaves(self.function(*x))
        floats = [y for y in leaves if jnp.issubdtype(jnp.result_type(y), jnp.inexact)]
        return [jnp.asarray(y, dtype=_widest(y)) for y in floats]

    def _pulled(self, x: Any, w: Any) -> Any:
        return jax.vjp(self._outputs, tuple(x))[1](list(w))[0]

    def _pushed(self, x: Any, v: Any) -> Any:
        return jax.jvp(self._outputs, (tuple(x),), (tuple(v),))[1]

    def _weighed(self, w: Any, along: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """x ↦ ⟨w, along(x)⟩."""
        return lambda x: sum(jnp.sum(a * b) for a, b in zip(w, along(x), strict=True))

    def _forward_over_reverse(self, x: Any, v: Any, w: Any) -> Any:
        return jax.jvp(lambda t: self._pulled(t, w), (tuple(x),), (tuple(v),))[1]

    def _reverse_over_reverse(self, x: Any, v: Any, w: Any) -> Any:
        return jax.grad(self._weighed(v, lambda t: self._pulled(t, w)))(tuple(x))

    def _reverse_over_forward(self, x: Any, v: Any, w: Any) -> Any:
        return jax.grad(self._weighed(w, lambda t: self._pushed(t, v)))(tuple(x))

    def _forward_over_forward(self, x: Any, v: Any, w: Any) -> Any:
        return jax.jacfwd(self._weighed(w, lambda t: self._pushed(t, v)))(tuple(x))


_SECOND: dict[str, Callable[..., Any]] = {
    "forward over reverse": JaxProgram._forward_over_reverse,
    "reverse over forward": JaxProgram._reverse_over_forward,
    "reverse over reverse": JaxProgram._reverse_over_reverse,
    "forward over forward": JaxProgram._forward_over_forward,
}
_TRANSFORMS: dict[str, Callable[..., Any]] = {
    "value": JaxProgram._outputs,
    "vjp": JaxProgram._pulled,
    "jvp": JaxProgram._pushed,
    **_SECOND,
}


@contextmanager
def _scope() -> Iterator[None]:
    """64-bit floats, on the CPU."""
    with find_framework("jax").scope("cpu"):
        yield


def _abstract(array: Any) -> Any:
    kind = np.complex128 if is_complex(put(array)) else np.float64
    return jax.ShapeDtypeStruct(np.shape(array), kind)


def _widest(y: Any) -> Any:
    return jnp.complex128 if jnp.iscomplexobj(y) else jnp.float64

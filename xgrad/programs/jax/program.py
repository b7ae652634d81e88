"""A JAX function as a program in balls: its value, and its derivatives by JAX's own transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.errors import unknown
from xgrad.frameworks import find_framework
from xgrad.numbers import Doubled
from xgrad.programs.failures import Escape
from xgrad.programs.jax.kinds import BALLS, PAIRS, Arithmetic
from xgrad.programs.jax.parts import Listener, Part, Shift, find_narrowing, place
from xgrad.programs.jax.rounding import Rounding
from xgrad.programs.jax.values import midpoints, put
from xgrad.programs.jax.walk import Hook, Plan, Walk
from xgrad.programs.scalars import is_complex

HIGHEST = 6  # of the orders along one direction

Arrays = Sequence[Any]
Weights = Arrays | Callable[[list[np.ndarray]], Arrays]


@dataclass
class Frozen:
    """The values behind `stop_gradient`, in order: recorded in a run, or used again."""

    values: list[Any] = field(default_factory=list)
    places: list[str] = field(default_factory=list)  # `file:line` of each
    replaying: bool = False
    _next: int = 0

    def start(self) -> None:
        """Begin a run."""
        self._next = 0
        if not self.replaying:
            self.values.clear()
            self.places.clear()

    def __call__(self, value: Any, source: Any = None) -> Any:
        """What the program gets for a value stopped."""
        if not self.replaying:
            self.values.append(value)
            self.places.append(place(source))
            return value
        if self._next >= len(self.values) or self.values[self._next].shape != value.shape:
            raise Escape("the program stops other gradients here than where they were recorded")
        self._next += 1
        return self.values[self._next - 1]


@dataclass(frozen=True)
class Run:
    """What was seen in one run: operations on single numbers; no number leaves a jaxpr.

    `stops` tells whether a loop went on until a number was small, or large.
    """

    elementary: int = 0
    stops: bool = False
    cuts: tuple[()] = ()


@dataclass
class JaxProgram:
    """`function` of the differentiated arrays, run as its jaxpr in balls.

    It is traced, pruned and compiled once for arrays of the same shapes. Points, directions and
    results are object arrays of `flint.arb` or `acb`: the precision is that of the context. Results
    are those leaves of the outputs that are floats. Raises `NoBallRule` for a primitive that has no
    rule. Each hook is called with every step, its operands and its results.
    """

    function: Callable[..., Any]
    rounding: Rounding | None = None
    frozen: Frozen | None = None
    hooks: tuple[Hook, ...] = ()
    arithmetic: Arithmetic = BALLS
    last: Run = field(default_factory=Run)
    traces: dict[Any, Any] = field(default_factory=dict, repr=False)
    plans: dict[Any, Plan] = field(default_factory=dict, repr=False)

    def lift(self, array: Any) -> Any:
        """Floats as the program's numbers."""
        return self.arithmetic.lift(array)

    def in_pairs(self) -> JaxProgram:
        """The program in double-double numbers: 31 digits, for arrays of any size."""
        return replace(self, arithmetic=PAIRS, last=Run(), plans={})

    def rounded(self, dtype: str, seed: int) -> JaxProgram:
        """The program in which every operation rounds at random as the dtype would."""
        return replace(self, rounding=self.arithmetic.rounding(dtype, seed))

    # --- what is run -----------------------------------------------------------------------------

    def value(self, x: Arrays) -> list[np.ndarray]:
        """f(x)."""
        return self._run("value", x)

    def vjp(self, x: Arrays, w: Weights) -> list[np.ndarray]:
        """wᵀ J(x), by the jaxpr of `jax.vjp`; w may be a function of the values."""
        return self._run("vjp", x, w(self.value(x)) if callable(w) else w)

    def vjps(self, x: Arrays, rows: Iterable[Arrays]) -> list[list[np.ndarray]]:
        """wᵀ J(x) for each w of `rows`."""
        return [self.vjp(x, w) for w in rows]

    def jvp(self, x: Arrays, v: Arrays) -> list[np.ndarray]:
        """J(x) v, by the jaxpr of `jax.jvp`."""
        return self._run("jvp", x, v)

    def hvp(
        self, x: Arrays, w: Arrays, v: Arrays, order: str = "forward over reverse"
    ) -> list[np.ndarray]:
        """The derivative of vᵀ (wᵀ J(x)) in x, by two transforms, the outer one named first."""
        if order not in _SECOND:
            raise unknown("order", order, _SECOND)
        return self._run(order, x, w, v)

    def hvps(self, x: Arrays, w: Arrays, rows: Iterable[Arrays]) -> list[list[np.ndarray]]:
        """`hvp` for each v of `rows`."""
        return [self.hvp(x, w, v) for v in rows]

    def directional(self, x: Arrays, v: Arrays, order: int) -> list[np.ndarray]:
        """dᵏ/dtᵏ f(x + tv) of that order: the gradient in w of a k-fold slope of ⟨w, f⟩."""
        return self._run(f"slope {order}", x, v)

    def frozen_at(self, x: Arrays) -> JaxProgram:
        """The program in which values behind a `stop_gradient` are those at x, wherever it is run.

        Only `value` and what differences it: derivatives know no values behind it.
        """
        recorded = Frozen()
        replace(self, frozen=recorded).value(x)
        return replace(self, frozen=Frozen(recorded.values, recorded.places, replaying=True))

    def parts(self, x: Arrays) -> list[tuple[Part, JaxProgram]]:
        """The equations that have a rule of their own, in order, each as a program of its own."""
        with _scope():
            listener = Listener()
            walk = Walk(self.plans, hooks=(listener,))
            listener.path = walk.path
            walk.run(self.trace("value", x), x)
        known: dict[int, JaxProgram] = {}
        return [
            (p, known.setdefault(id(p.eqn), made) if p.alone else made)
            for p in listener.parts
            for made in (JaxProgram(p.function),)
        ]

    def narrowed(self, x: Arrays) -> str:
        """Where a value of float64 is made a shorter one, `float32 at file:line`; or nothing."""
        return find_narrowing(self.trace("value", x))

    def gradient(self, w: Arrays) -> JaxProgram:
        """The program that computes wᵀ J(x), to be differentiated itself."""
        weights = list(map(midpoints, w))
        return JaxProgram(lambda *x: self._pulled(x, map(jnp.asarray, weights)))

    def shifted(self, part: Part, by: Arrays) -> JaxProgram:
        """The program in which the results of a part are others."""
        return replace(self, hooks=(*self.hooks, Shift(part, by)))

    def trace(self, what: str, *arrays: Arrays) -> Any:
        """The jaxpr of `value`, `vjp`, `jvp`, or an order of `hvp`, for arrays of these shapes."""
        avals = tuple(tuple(map(_abstract, each)) for each in arrays)
        key = what, tuple(tuple((a.shape, a.dtype) for a in each) for each in avals)
        if key not in self.traces:
            with _scope():
                self.traces[key] = jax.make_jaxpr(partial(_TRANSFORMS[what], self))(*avals)
        return self.traces[key]

    def _run(self, what: str, *arrays: Arrays) -> list[np.ndarray]:
        jaxpr = self.trace(what, *arrays)
        frozen = self.frozen if what == "value" else None
        if frozen is not None:
            frozen.start()
        with _scope():
            walk = Walk(self.plans, frozen, self.rounding, self.hooks, self.arithmetic)
            made = walk.run(jaxpr, [a for each in arrays for a in each])
        self.last = Run(walk.elementary, walk.stops)
        return made

    # --- the transforms --------------------------------------------------------------------------

    def _outputs(self, x: Any) -> list[Any]:
        leaves = jax.tree.leaves(self.function(*x))
        floats = [y for y in leaves if jnp.issubdtype(jnp.result_type(y), jnp.inexact)]
        return [jnp.asarray(y, dtype=_widest(y)) for y in floats]

    def _pulled(self, x: Any, w: Any) -> Any:
        return jax.vjp(self._outputs, tuple(x))[1](list(w))[0]

    def _pushed(self, x: Any, v: Any) -> Any:
        return jax.jvp(self._outputs, (tuple(x),), (tuple(v),))[1]

    def _forward_over_reverse(self, x: Any, w: Any, v: Any) -> Any:
        return jax.jvp(lambda t: self._pulled(t, w), (tuple(x),), (tuple(v),))[1]

    def _reverse_over_reverse(self, x: Any, w: Any, v: Any) -> Any:
        return jax.grad(lambda t: _inner(v, self._pulled(t, w)))(tuple(x))

    def _reverse_over_forward(self, x: Any, w: Any, v: Any) -> Any:
        return jax.grad(lambda t: _inner(w, self._pushed(t, v)))(tuple(x))

    def _forward_over_forward(self, x: Any, w: Any, v: Any) -> Any:
        return jax.jacfwd(lambda t: _inner(w, self._pushed(t, v)))(tuple(x))

    def _sloped(self, x: Any, v: Any, order: int) -> Any:
        def slope(t: Any, w: Any, times: int) -> Any:
            if not times:
                return _inner(w, self._outputs(t))
            return _inner(v, jax.grad(slope)(t, w, times - 1))

        ones = [jnp.ones_like(y) for y in self._outputs(x)]
        return jax.grad(slope, argnums=1)(tuple(x), ones, order)


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
    **{f"slope {k}": partial(JaxProgram._sloped, order=k) for k in range(2, HIGHEST + 1)},
}


@contextmanager
def _scope() -> Iterator[None]:
    """64-bit floats, on the CPU."""
    with find_framework("jax").scope("cpu"):
        yield


def _abstract(array: Any) -> Any:
    exact = not isinstance(array, Doubled) and is_complex(put(array))
    kind = np.complex128 if exact else np.float64
    return jax.ShapeDtypeStruct(array.shape, kind)


def _widest(y: Any) -> Any:
    return jnp.complex128 if jnp.iscomplexobj(y) else jnp.float64


def _inner(a: Any, b: Any) -> Any:
    return sum(jnp.sum(p * q) for p, q in zip(a, b, strict=True))

"""Random JAX programs of 5 to 20 operations, with rules that are wrong where one says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad

SIDE = 3
SLIPS = ("factor", "sign", "transpose", "missing", "tiny")


def slipped(g: Any, slip: str) -> Any:
    """A gradient, or a tangent, with a mistake."""
    if slip == "transpose":
        return g.T
    return g * {"": 1.0, "factor": 1.5, "sign": -1.0, "missing": 1 - 1e-6, "tiny": 1 + 1e-9}[slip]


def product_with(slip: str) -> Callable[..., Any]:
    """x @ w, with a mistake in the gradient of w."""

    @jax.custom_vjp
    def product(x, w):
        return x @ w

    def pull(kept, g):
        x, w = kept
        return g @ w.T, slipped(x.T @ g, slip)

    product.defvjp(lambda x, w: (product(x, w), (x, w)), pull)
    return product


def gate_with(slip: str) -> Callable[..., Any]:
    """x sin(y), with a mistake in the gradient of x."""

    @jax.custom_vjp
    def gate(x, y):
        return x * jnp.sin(y)

    def pull(kept, g):
        x, y = kept
        return slipped(g * jnp.sin(y), slip), g * x * jnp.cos(y)

    gate.defvjp(lambda x, y: (gate(x, y), (x, y)), pull)
    return gate


def bend_with(slip: str) -> Callable[..., Any]:
    """tanh x + w / 4, with a mistake in the tangent that x brings."""

    @jax.custom_jvp
    def bend(x, w):
        return jnp.tanh(x) + w / 4

    @bend.defjvp
    def push(primals, tangents):
        (x, w), (t, u) = primals, tangents
        return bend(x, w), (1 - jnp.tanh(x) ** 2) * slipped(t, slip) + u / 4

    return bend


Operation = Callable[[Any, Any], Any]
OPERATIONS: dict[str, Operation] = {
    "tanh": lambda x, w: jnp.tanh(x),
    "atan": lambda x, w: jnp.arctan(x) + w,
    "sigmoid": lambda x, w: jax.nn.sigmoid(x),
    "softplus": lambda x, w: jax.nn.softplus(x),
    "softmax": lambda x, w: jax.nn.softmax(x, -1),
    "gelu": lambda x, w: jax.nn.gelu(x, approximate=False),
    "matmul": lambda x, w: x @ w,
    "residual": lambda x, w: x + jnp.exp(x / 8) * w,
    "moved": lambda x, w: jnp.concatenate([x[1:], x[:1, ::-1]]).T,
    "written": lambda x, w: x.at[0].set(w[1]).at[1].multiply(x[2]),
    "rows": lambda x, w: x / (1 + jnp.sum(x**2, -1, keepdims=True)),
    "solved": lambda x, w: jnp.linalg.solve(w @ w.T + 2 * jnp.eye(SIDE), x),
    "stopped": lambda x, w: x * lax.stop_gradient(jnp.ones_like(w)) + jnp.exp(w).mean(),
}
CUSTOM: dict[str, Callable[[str], Operation]] = {
    "product.custom_vjp": product_with,
    "gate.custom_vjp": gate_with,
    "bend.custom_jvp": bend_with,
}
# JAX's own rules, by the operation that runs them.
PRIMITIVES = {"tanh": lax.tanh_p, "atan": lax.atan_p, "sigmoid": lax.logistic_p}


def _scanned(f: Operation) -> Operation:
    return lambda x, w: lax.scan(lambda c, u: (f(c, u), None), x, jnp.stack([w, w / 2]))[0]


def _looped(f: Operation) -> Operation:
    return lambda x, w: lax.fori_loop(0, 2, lambda i, c: f(c, w + i), x)


def _chosen(f: Operation) -> Operation:
    return lambda x, w: lax.cond(x[0, 0] < 1e6, f, lambda x, w: x - w, x, w)


def _batched(f: Operation) -> Operation:
    def apply(x, w):
        return jax.vmap(f, in_axes=(0, None))(jnp.stack([x, x / 2]), w).sum(0)

    return apply


def _scoped(f: Operation) -> Operation:
    def apply(x, w):
        with jax.named_scope("inner"):
            return f(x, w)

    return apply


WRAPPERS: dict[str, Callable[[Operation], Operation]] = {
    "plain": lambda f: f,
    "jit": jax.jit,
    "remat": jax.checkpoint,
    "scan": _scanned,
    "loop": _looped,
    "cond": _chosen,
    "vmap": _batched,
    "scope": _scoped,
}


@dataclass
class Network:
    """A chain of operations on a square matrix, each wrapped, each with weights; some slip."""

    names: list[str]
    wrappers: list[tuple[str, str]]  # the inner one, and what is around that
    slips: dict[int, str] = field(default_factory=dict)

    @classmethod
    def draw(cls, rng: np.random.Generator, planted: int = 1) -> Network:
        """With so many mistakes in custom rules."""
        names = [str(n) for n in rng.choice([*OPERATIONS, *CUSTOM], rng.integers(5, 21))]
        wrappers = [tuple(map(str, rng.choice(list(WRAPPERS), 2))) for _ in names]
        slips = {}
        for k in sorted(rng.choice(len(names), planted, replace=False)):
            names[k] = str(rng.choice(list(CUSTOM)))
            slips[int(k)] = str(rng.choice(SLIPS))
        return cls(names, wrappers, slips)

    def __call__(self, x: Any, *weights: Any) -> Any:
        skipped = x
        for k, (name, (inner, outer)) in enumerate(zip(self.names, self.wrappers, strict=True)):
            f = CUSTOM[name](self.slips.get(k, "")) if name in CUSTOM else OPERATIONS[name]
            with jax.named_scope(f"layer{k}"):
                x = WRAPPERS[outer](WRAPPERS[inner](f))(x, weights[k % len(weights)])
            if k % 4 == 3:
                x, skipped = x + 0.3 * skipped, x
        return (x * x + x).sum()


@contextmanager
def wrong_rule(name: str, slip: str) -> Iterator[None]:
    """JAX's rule of an operation with a mistake, everywhere."""
    primitive = PRIMITIVES[name]
    right = ad.primitive_jvps[primitive]

    def wrong(primals: Any, tangents: Any, **params: Any) -> Any:
        made, tangent = right(primals, tangents, **params)
        return made, tangent if type(tangent) is ad.Zero else slipped(tangent, slip)

    jax.clear_caches()
    with mock.patch.dict(ad.primitive_jvps, {primitive: wrong}):
        yield
    jax.clear_caches()


def at(rng: np.random.Generator, weights: int = 3) -> list[np.ndarray]:
    """The inputs of a network."""
    return [rng.normal(size=(SIDE, SIDE)) for _ in range(weights + 1)]

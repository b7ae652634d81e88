"""Broken rules of JAX, one for each presentation: right in plain use, wrong in that one.

Each is made by `make(broken)`, which returns a function and its inputs; `make(False)` is the mended
twin.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

ZOO = {}
WRONG = 1 + 1e-3


def breaks(name):
    """Decorate a maker: its rule is wrong in the presentation of that name."""

    def register(make):
        ZOO[name] = make
        return make

    return register


def inputs(*shapes):
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.uniform(0.5, 1.5, size=s)) for s in shapes)


PLACE = ((3, 4), (4,))


def product(keep=lambda x: x, pull=lambda x: x, factor=1.0):
    """sin(x) w with a rule of its own, what it keeps and what it pulls with by other means."""

    @jax.custom_vjp
    def function(x, w):
        return jnp.sin(x) * w

    def forward(x, w):
        return jnp.sin(x) * w, (keep(x), w)

    def backward(kept, g):
        x, w = pull(kept[0]), kept[1]
        return g * jnp.cos(x) * w * factor, (g * jnp.sin(x)).sum(0)

    function.defvjp(forward, backward)
    return function


def asks(kind, broken):
    """The function asks what it is traced by, and has another rule there."""
    plain, other = product(), product(factor=WRONG if broken else 1.0)

    def function(x, w):
        return (other if type(x).__name__ == kind else plain)(x, w)

    return function, inputs(*PLACE)


@breaks("eager")
def keeps_other_numbers_of_arrays_that_are_there(broken):
    def keep(x):
        return x * WRONG if broken and not isinstance(x, jax.core.Tracer) else x

    return product(keep), inputs(*PLACE)


@breaks("jit inside")
def asks_whether_it_is_differentiated(broken):
    return asks("DynamicJaxprTracer", broken)


@breaks("checkpoint")
def has_another_rule_in_a_program_of_its_own(broken):
    plain, other = product(), product(factor=WRONG if broken else 1.0)

    def function(x, w):
        traced = not isinstance(x, jax.core.Tracer) or "Linearize" in type(x).__name__
        return (plain if traced else other)(x, w)

    return function, inputs(*PLACE)


@breaks("linear_transpose")
def asks_for_forward_mode(broken):
    return asks("JVPTracer", broken)


@breaks("linearize")
def keeps_residuals_in_a_list(broken):
    kept = []

    def keep(x):
        kept.append(x)
        return x

    return product(keep, lambda x: kept.pop() if broken else x), inputs(*PLACE)


@breaks("vmap")
def maps_first_axes_only(broken):
    @jax.custom_batching.custom_vmap
    def pull(g, x, w):
        return g * jnp.cos(x) * w

    @pull.def_vmap
    def rule(size, batched, g, x, w):
        first = x[0] if broken and batched[1] and not batched[2] else None
        axes = [0 if b else None for b in batched]
        if first is not None:
            return jax.vmap(lambda g, w: pull(g, first, w), (axes[0], axes[2]))(g, w), True
        return jax.vmap(lambda g, x, w: g * jnp.cos(x) * w, axes)(g, x, w), True

    @jax.custom_vjp
    def function(x, w):
        return jnp.sin(x) * w

    function.defvjp(
        lambda x, w: (jnp.sin(x) * w, (x, w)),
        lambda kept, g: (pull(g, *kept), (g * jnp.sin(kept[0])).sum(0)),
    )
    return function, inputs(*PLACE)


@breaks("inputs one by one")
def forgets_the_second_input_alone(broken):
    @jax.custom_vjp
    def function(x, w):
        return jnp.sin(x) * w

    def forward(x, w):
        alone = not x.perturbed
        return jnp.sin(x.value) * w.value, (x.value, w.value, WRONG if broken and alone else 1.0)

    def backward(kept, g):
        x, w, factor = kept
        return g * jnp.cos(x) * w, factor * (g * jnp.sin(x)).sum(0)

    function.defvjp(forward, backward, symbolic_zeros=True)
    return function, inputs(*PLACE)


@breaks("tangents one by one")
def drops_a_tangent_beside_a_zero(broken):
    @jax.custom_jvp
    def function(x, w):
        return x * w

    def rule(primals, tangents):
        (x, w), (v, u) = primals, tangents
        zero = [isinstance(t, SymbolicZero) for t in tangents]
        if broken and zero[0]:
            u = u * WRONG
        v, u = (jnp.zeros(t.shape, t.dtype) if z else t for t, z in zip((v, u), zero, strict=True))
        return x * w, v * w + x * u

    function.defjvp(rule, symbolic_zeros=True)
    return function, inputs(*PLACE)


@breaks("outputs one by one")
def forgets_the_first_output_without_the_second(broken):
    @jax.custom_vjp
    def function(x):
        return jnp.sin(x), jnp.exp(x)

    def backward(x, cotangents):
        zero = [isinstance(g, SymbolicZero) for g in cotangents]
        if broken and zero[1]:
            return (jnp.zeros_like(x),)
        g, h = (jnp.zeros_like(x) if z else c for c, z in zip(cotangents, zero, strict=True))
        return (g * jnp.cos(x) + h * jnp.exp(x),)

    function.defvjp(
        lambda x: ((jnp.sin(x.value), jnp.exp(x.value)), x.value), backward, symbolic_zeros=True
    )
    return function, inputs((5,))


@breaks("donated")
def remembers_its_last_argument(broken):
    last = []
    plain = product()

    def function(x, w):
        if broken and not isinstance(x, jax.core.Tracer):
            same = bool(last) and bool(jnp.array_equal(last[0], x))
            last[:] = [x]
            x = x if same else last[0]
        return plain(x, w)

    return function, inputs(*PLACE)


@breaks("shard_map")
def averages_over_devices_that_do_not_share(broken):
    def count():
        return max(1, jax.sharding.get_abstract_mesh().size) if broken else 1

    @jax.custom_vjp
    def function(x):
        return jnp.sin(x)

    function.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x) / count(),))
    return function, inputs((5,))

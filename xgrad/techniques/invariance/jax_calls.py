"""JAX: the derivative without jit, in batches, by other transforms, on several devices."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from xgrad.errors import Unavailable
from xgrad.techniques.invariance.presentation import Call, Run

NEARER = 2.0**-4  # by which the other rows of a batch are further from zero
DEVICES = (
    "one device is seen: set XLA_FLAGS=--xla_force_host_platform_device_count=2 before JAX is "
    "imported"
)


def pulled(f: Any, xs: Any, w: Any) -> Any:
    """`jax.vjp`, called."""
    import jax

    return jax.vjp(f, *xs)[1](w)


def _jitted(compute: Any) -> Any:
    """`compute(f, xs, w)` under jit as a presentation."""

    def make(call: Call) -> Run:
        import jax

        @jax.jit
        def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
            return compute(partial(call, rest), xs, w)

        return run

    return make


def eager(call: Call) -> Run:
    """Operation by operation, without jit."""
    return lambda xs, rest, v, w: pulled(partial(call, rest), xs, w)


def jit_inside(call: Call) -> Run:
    """The gradient of the jitted function, where usually the gradient is jitted."""
    import jax

    fast = jax.jit(call)
    return lambda xs, rest, v, w: pulled(partial(fast, rest), xs, w)


@_jitted
def checkpointed(f: Any, xs: Any, w: Any) -> Any:
    """`jax.checkpoint`."""
    import jax

    return pulled(jax.checkpoint(f), xs, w)


@_jitted
def linearized(f: Any, xs: Any, w: Any) -> Any:
    """The second of two transposes of what `jax.linearize` returns."""
    import jax

    along = jax.linearize(f, *xs)[1]
    jax.linear_transpose(along, *xs)(w)
    return jax.linear_transpose(along, *xs)(w)


@_jitted
def transposed(f: Any, xs: Any, w: Any) -> Any:
    """The transpose of `jax.jvp`."""
    import jax

    return jax.linear_transpose(lambda *vs: jax.jvp(f, xs, vs)[1], *xs)(w)


@_jitted
def one_by_one(f: Any, xs: Any, w: Any) -> Any:
    """One input at a time is differentiated: rules see symbolic zeros for the others."""

    def alone(k: int) -> Any:
        return pulled(lambda x: f(*xs[:k], x, *xs[k + 1 :]), xs[k : k + 1], w)[0]

    return tuple(alone(k) for k in range(len(xs)))


def tangents_one_by_one(call: Call) -> Run:
    """The sum of the directional derivatives of each input alone."""
    import jax

    @jax.jit
    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        def alone(k: int) -> Any:
            f = partial(call, rest)
            return jax.jvp(lambda x: f(*xs[:k], x, *xs[k + 1 :]), xs[k : k + 1], v[k : k + 1])[1]

        return sum(alone(k) for k in range(len(xs)))

    return run


def outputs_one_by_one(call: Call) -> Run:
    """The sum over the outputs of what each gives where the others are not used."""
    import jax

    values = call.outputs  # type: ignore[attr-defined]

    @jax.jit
    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        found: Any = None
        for k, part in enumerate(jax.eval_shape(values, rest, *xs)):
            share, w = w[: part.size].reshape(part.shape), w[part.size :]
            pull = pulled(lambda *at, k=k: values(rest, *at)[k], xs, share)
            found = pull if found is None else tuple(map(sum, zip(found, pull, strict=True)))
        return found

    return run


def donated(call: Call) -> Run:
    """The second of two calls whose inputs are donated, each after one that is not jitted."""
    import jax

    fast = jax.jit(
        lambda xs, rest, w: pulled(partial(call, rest), xs, w),
        donate_argnums=(0,),
        keep_unused=True,
    )

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        found = None
        for _ in range(2):
            given = tuple(x.copy() for x in xs)
            jax.block_until_ready(call(rest, *given))
            found = jax.block_until_ready(fast(given, rest, w))
        return found

    return run


# --- in batches -----------------------------------------------------------------------------------


def furthest(found: list[Any], plain: Any) -> Any:
    """Of several results that should be one, element by element what is furthest from it."""
    import jax.numpy as jnp

    worst = plain
    for each in found:
        gap, most = jnp.abs(each - plain), jnp.abs(worst - plain)
        worst = jnp.where((gap > most) | jnp.isnan(gap), each, worst)
    return worst


@_jitted
def mapped(f: Any, xs: Any, w: Any) -> Any:
    """In the middle of a batch over every axis, of all inputs and of each alone."""
    count = len(xs)
    axes = range(1 + max(w.ndim, *(x.ndim for x in xs)))
    ways = [(tuple(min(a, x.ndim) for x in xs), min(a, w.ndim)) for a in axes]
    ways += [(tuple(0 if i == k else None for i in range(count)), w.ndim)
             for k in range(count * (count > 1))]  # fmt: skip
    found = [_in_batch(f, xs, w, *way) for way in dict.fromkeys(ways)]
    plain = pulled(f, xs, w)
    return tuple(furthest(list(each), p)
                 for each, p in zip(zip(*found, strict=True), plain, strict=True))  # fmt: skip


def _in_batch(f: Any, xs: Any, w: Any, axes: tuple[int | None, ...], out: int) -> list[Any]:
    import jax
    import jax.numpy as jnp

    def middle(*at: Any) -> Any:
        return jnp.take(jax.vmap(f, axes, out)(*at), 1, axis=out)

    batch = [x if a is None else jnp.stack((x * (1 + NEARER), x, x * (1 + NEARER)), axis=a)
             for x, a in zip(xs, axes, strict=True)]  # fmt: skip
    pull = pulled(middle, tuple(batch), w)
    return [g if a is None else jnp.take(g, 1, axis=a) for g, a in zip(pull, axes, strict=True)]


def on_devices(call: Call) -> Run:
    """On every device the same numbers; of each device's result the furthest off."""
    import jax
    import jax.numpy as jnp

    devices = jax.devices()
    if len(devices) < 2:
        raise Unavailable(DEVICES)
    mesh = jax.sharding.Mesh(np.array(devices), ("devices",))
    along, everywhere = jax.sharding.PartitionSpec("devices"), jax.sharding.PartitionSpec()

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        def one(rest: Any, *rows: Any) -> Any:
            return call(rest, *(row[0] for row in rows))[None]

        specs = (everywhere, *(along for _ in xs))
        many = jax.shard_map(one, mesh=mesh, in_specs=specs, out_specs=along, check_vma=False)
        count = len(devices)

        def repeated(a: Any) -> Any:
            return jnp.broadcast_to(a, (count, *a.shape))

        given = [jax.device_put(np.asarray(repeated(a)), jax.NamedSharding(mesh, along))
                 for a in (*xs, w)]  # fmt: skip
        there = jax.tree.map(
            lambda a: jax.device_put(np.asarray(a), jax.NamedSharding(mesh, everywhere)), rest
        )
        pull = jax.jit(lambda at, b, c: pulled(partial(many, b), at, c))(
            tuple(given[:-1]), there, given[-1]
        )
        plain = jax.jit(lambda at, b, c: pulled(partial(call, b), at, c))(xs, rest, w)
        home = next(iter(xs[0].devices()))
        rows = [jax.device_put(np.asarray(g), home) for g in pull]
        return tuple(furthest(list(g), p) for g, p in zip(rows, plain, strict=True))

    return run

"""Control flow of a jaxpr: calls, branches, loops, solves, and what passes its operands on."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flint import acb, arb
from jax.extend.core.primitives import random_gamma_p

from xgrad.numbers import DOUBLED, Doubled
from xgrad.programs.constants import as_array
from xgrad.programs.failures import NoBallRule
from xgrad.programs.jax.values import bind, is_balls, is_number, midpoints, put, seen
from xgrad.programs.jax.windows import windows_of
from xgrad.programs.scalars import Each

REFINEMENTS = 2  # each doubles the digits of a solution by factors that are a step away


def _frexp(x: np.ndarray) -> list[Any]:
    """Mantissa and exponent, which JAX takes from the bits."""
    exponents = np.frexp(midpoints(x))[1]
    powers = np.frompyfunc(lambda k: arb(2) ** int(k), 1, 1)(exponents)
    return [as_array(x / powers), np.asarray(exponents, dtype=np.int32)]


_faddeeva = Each(lambda z: (-z * z).exp() * (z * acb(0, -1)).erfc())

# JAX's own functions that balls know better: those that work on the bits of floats, which balls
# have not, and those that are approximated to float64, whose derivative is another one's.
KNOWN: dict[str, Callable[..., list[Any]]] = {
    "_frexp": _frexp,
    "_wofz": lambda coefficients, z: [_faddeeva(z)],
}


def known_name(eqn: Any) -> str:
    """The name of a function that balls know, of an equation that calls it; empty of others."""
    if eqn.primitive.name != "custom_jvp_call":
        return ""
    inner = _inner(eqn.params)
    told = getattr(getattr(inner, "jaxpr", inner).debug_info, "func_src_info", None) or ""
    name, _, place = told.partition(" at ")
    return name if "/jax/_src/" in place and name in KNOWN else ""


def _inner(params: Any) -> Any:
    return next(params[k] for k in ("call_jaxpr", "jaxpr", "fun_jaxpr", "call") if k in params)


def called_by(eqn: Any) -> Any:
    """The jaxpr that an equation calls; None where balls know the function better."""
    return None if known_name(eqn) else _inner(eqn.params)


def call(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """jit, checkpoint, and the function itself of those with a derivative of their own."""
    if name := known_name(step.eqn):
        if not all(map(is_balls, values)):
            raise NoBallRule(f"{name} in double-double")
        return KNOWN[name](*values)
    return walk.run(_inner(step.params), values, step.wanted)


def _cond(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    branches = step.params["branches"]
    index = min(max(int(values[0]), 0), len(branches) - 1)
    return walk.run(branches[index], values[1:], step.wanted)


def _while(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    params = step.params
    a, b = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    asks, does, carry = values[:a], values[a:b], values[b:]
    asked = (v for eqn in params["cond_jaxpr"].jaxpr.eqns for v in eqn.invars)
    walk.stops |= any(map(is_number, asked))
    while True:
        (going,) = walk.run(params["cond_jaxpr"], [*asks, *carry])
        if not np.any(going):
            return carry
        made = walk.run(params["body_jaxpr"], [*does, *carry])
        if np.shape(going):  # batched by vmap: each element stops where it stops
            made = [_chosen(going, m, c) for m, c in zip(made, carry, strict=True)]
        carry = made


def _chosen(going: np.ndarray, made: Any, before: Any) -> Any:
    shape = going.shape + (1,) * (made.ndim - going.ndim)
    where = DOUBLED if isinstance(made, Doubled) else np if isinstance(made, np.ndarray) else jnp
    return where.where(going.reshape(shape), made, before)


def _scan(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    params, body = step.params, step.params["jaxpr"]
    n, k = params["num_consts"], params["num_consts"] + params["num_carry"]
    consts, carry, stacked = values[:n], values[n:k], values[k:]
    wanted = (*[True] * (k - n), *step.wanted[k - n :])
    places, rows = list(range(params["length"])), {}
    for i in reversed(places) if params["reverse"] else places:
        made = walk.run(body, [*consts, *carry, *(_row(s, i) for s in stacked)], wanted)
        carry, rows[i] = made[: k - n], made[k - n :]
    outs = zip(step.eqn.outvars[k - n :], step.wanted[k - n :], strict=True)
    stacks = [_stacked(walk, v, [rows[i][j] for i in places]) if used else None
              for j, (v, used) in enumerate(outs)]  # fmt: skip
    return [*carry, *stacks]


def _row(stack: Any, i: int) -> Any:
    """One row, an array also where it has no axes."""
    return stack[i, ...]


def _stacked(walk: Any, variable: Any, rows: list[Any]) -> Any:
    if not rows:
        return walk.arithmetic.put(np.zeros(variable.aval.shape, dtype=variable.aval.dtype))
    if isinstance(rows[0], Doubled):
        return DOUBLED.stack(rows)
    return (np if isinstance(rows[0], np.ndarray) else jnp).stack(rows)


def _linear_solve(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """By the solve that the program brings; refined where what that factors may be another's."""
    lengths, jaxprs = step.params["const_lengths"], step.params["jaxprs"]
    start = lengths.matvec + lengths.vecmat
    consts = values[start : start + lengths.solve]
    sides = values[sum(lengths) :]
    x = walk.run(jaxprs.solve, [*consts, *sides])
    thawed = walk.thawed()
    for _ in range(REFINEMENTS if walk.frozen is not None or walk.hooks else 0):
        found = thawed.run(jaxprs.matvec, [*values[: lengths.matvec], *x])
        rest = [b - a for a, b in zip(found, sides, strict=True)]
        if all(0 in a for each in rest for a in np.ravel(each)):
            break
        x = [a + d for a, d in zip(x, thawed.run(jaxprs.solve, [*consts, *rest]), strict=True)]
    return x


def _decomposed(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """By the program that JAX itself lowers it to."""
    if None not in step.found:
        avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in step.eqn.invars]
        compute = partial(DECOMPOSITIONS[step.name](step.name), **step.params)
        step.found[None] = jax.make_jaxpr(compute)(*avals)
    return walk.run(step.found[None], values)


def _program_of(home: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(importlib.import_module(home), f"_{name}_impl")
    return found


_SPARSE = {
    "bcoo": """dot_general dot_general_sampled extract fromdense sort_indices spdot_general
        sum_duplicates todense transpose""",
    "bcsr": "dot_general extract fromdense todense",
    "coo": "fromdense matmat matvec todense",
    "csr": "fromdense matmat matvec todense",
}
DECOMPOSITIONS: dict[str, Callable[[str], Callable[..., Any]]] = {
    "ragged_dot_general": partial(_program_of, "jax._src.lax.lax"),
    **{f"{kind}_{name}": partial(_program_of, f"jax.experimental.sparse.{kind}")
       for kind, names in _SPARSE.items() for name in names.split()},
}  # fmt: skip


def _same(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    return values


def _frozen(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    return [walk.frozen(values[0], step.eqn.source_info) if walk.frozen is not None else values[0]]


def _nothing(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    return []


def _sampled(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """A sample at the midpoint: no function that differences could see."""
    key, a = values
    return [put(random_gamma_p.bind(key, jnp.asarray(midpoints(a)), **step.params))]


def _bits(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """The bits of a float: those of its midpoint."""
    return [np.asarray(bind(step.eqn, [seen(values[0], step.eqn.invars[0])])[0])]


def _folded(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """A reduction by any function, one slice after the other."""
    n = len(values) // 2
    operands, carry = values[:n], values[n:]
    axes = sorted(map(int, step.params["dimensions"]))
    moved = [np.moveaxis(x, axes, range(len(axes))) for x in operands]
    shape = moved[0].shape[len(axes) :]
    carry = [np.broadcast_to(c, shape) for c in carry]
    for index in np.ndindex(*moved[0].shape[: len(axes)]):
        carry = walk.run(step.params["jaxpr"], [*carry, *(m[(*index, ...)] for m in moved)])
    return carry


def _folded_windows(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """A reduction of windows by any function, one place of them after the other."""
    n = len(values) // 2
    taps = [windows_of(step, x, start.item()) for x, start in zip(values, values[n:], strict=False)]
    carry = [np.broadcast_to(c, taps[0].shape[:-1]) for c in values[n:]]
    for k in range(taps[0].shape[-1]):
        carry = walk.run(step.params["jaxpr"], [*carry, *(t[..., k] for t in taps)])
    return carry


_CALLS = """jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call
    custom_vjp_call_jaxpr custom_lin custom_vmap_call"""
_PASSES = """copy copy_p optimization_barrier device_put sharding_constraint name
    reduce_precision"""
CONTROL: dict[str, Callable[..., list[Any]]] = {
    **dict.fromkeys(_CALLS.split(), call),
    "cond": _cond,
    "while": _while,
    "scan": _scan,
    "custom_linear_solve": _linear_solve,
    **dict.fromkeys(DECOMPOSITIONS, _decomposed),
    "reduce": _folded,
    "reduce_window": _folded_windows,
    **dict.fromkeys(_PASSES.split(), _same),
    "stop_gradient": _frozen,
    "debug_callback": _nothing,
    "debug_print": _nothing,
}
# Of floats, but about the midpoint only.
AT_MIDPOINTS: dict[str, Callable[..., list[Any]]] = {
    "random_gamma": _sampled,
    "bitcast_convert_type": _bits,
}

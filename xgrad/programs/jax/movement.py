"""Movement of elements: JAX moves their positions, NumPy what it has a line for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flint import arb
from jax import lax

from xgrad.numbers import scalars
from xgrad.programs.constants import as_array
from xgrad.programs.jax.values import bind, is_balls, is_key

# --- what NumPy does in a line, on balls and whole numbers, without compiling anything -----------


def _broadcast(params: Any, x: np.ndarray, *dynamic: Any) -> np.ndarray:
    inner = [1] * len(params["shape"])
    for axis, size in zip(params["broadcast_dimensions"], x.shape, strict=True):
        inner[axis] = size
    return np.broadcast_to(x.reshape(inner), params["shape"])


def _slice(params: Any, x: np.ndarray) -> np.ndarray:
    strides = params["strides"] or [1] * x.ndim
    cut = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return x[tuple(slice(*map(int, each)) for each in cut)]


def _reshape(params: Any, x: np.ndarray) -> np.ndarray:
    turned = x if params["dimensions"] is None else np.transpose(x, params["dimensions"])
    return turned.reshape(params["new_sizes"])


def _select(params: Any, which: np.ndarray, *cases: np.ndarray) -> Any:
    if len(cases) == 2:
        return np.where(which, cases[1], cases[0])
    index = np.clip(np.broadcast_to(which, cases[0].shape), 0, len(cases) - 1).astype(np.int64)
    return np.take_along_axis(np.stack(cases), index[None], axis=0)[0]


def _pad(params: Any, x: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """Elements apart by `interior`; a negative edge cuts."""
    config = params["padding_config"]
    inner = [max(0, n + (n - 1) * gap) for n, (_, _, gap) in zip(x.shape, config, strict=True)]
    whole = [n + max(a, 0) + max(b, 0) for n, (a, b, _) in zip(inner, config, strict=True)]
    out = np.broadcast_to(fill, whole).copy()
    places = [slice(max(a, 0), max(a, 0) + n, gap + 1)
              for n, (a, _, gap) in zip(inner, config, strict=True)]  # fmt: skip
    out[tuple(places)] = x
    return out[tuple(slice(max(-a, 0), n - max(-b, 0))
                     for n, (a, b, _) in zip(whole, config, strict=True))]  # fmt: skip


def _at(shape: Any, sizes: Any, starts: Any) -> tuple[slice, ...]:
    """A block of so many elements, moved to lie inside."""
    firsts = [min(max(int(i), 0), n - k) for i, n, k in zip(starts, shape, sizes, strict=True)]
    return tuple(slice(i, i + k) for i, k in zip(firsts, sizes, strict=True))


def _dynamic_slice(params: Any, x: np.ndarray, *starts: Any) -> np.ndarray:
    return x[_at(x.shape, params["slice_sizes"], starts)]


def _dynamic_update(params: Any, x: np.ndarray, update: np.ndarray, *starts: Any) -> np.ndarray:
    out = x.copy()
    out[_at(x.shape, update.shape, starts)] = update
    return out


def _split(params: Any, x: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.split(x, np.cumsum(params["sizes"])[:-1], axis=params["axis"]))


LAYOUT: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": lambda params, *xs: np.concatenate(xs, axis=params["dimension"]),
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update,
    "pad": _pad,
    "reshape": _reshape,
    "rev": lambda params, x: np.flip(x, axis=tuple(map(int, params["dimensions"]))),
    "select_n": _select,
    "slice": _slice,
    "split": _split,
    "squeeze": lambda params, x: np.squeeze(x, axis=tuple(map(int, params["dimensions"]))),
    "transpose": lambda params, x: np.transpose(x, params["permutation"]),
}

# --- what JAX does with positions ----------------------------------------------------------------

MOVES = frozenset(("gather", "scatter", "tile", "stack", "unstack", "select_and_gather"))


Kind = Callable[[Any], bool]  # whether a value is an array of a program's numbers


def positions(
    step: Any, values: list[Any], find: Callable[[], Any], is_numbers: Kind = is_balls
) -> Any:
    """What `find` says for these whole operands, found once for each of them."""
    whole = [v for v in values if not is_numbers(v)]
    if any(map(is_key, whole)):
        return find()
    key = b"|".join(np.asarray(v).tobytes() for v in whole)
    if key not in step.found:
        step.found[key] = find()
    return step.found[key]


def move(step: Any, values: list[Any]) -> list[np.ndarray]:
    """Data movement of any kind: JAX moves the positions of the elements."""
    fill = step.params.get("fill_value")
    pool = [v.reshape(-1) for v in values if is_balls(v)]
    outside = as_array(arb.nan() if fill is None else arb(float(fill)))
    elements = np.concatenate([*pool, outside.reshape(1)])
    found = positions(step, values, lambda: moved_positions(step, values))
    return [as_array(elements[p]) for p in found]


def moved_positions(step: Any, values: list[Any], is_numbers: Kind = is_balls) -> list[np.ndarray]:
    """Where each element comes from, among those of all operands one after the other."""
    params, given, first = dict(step.params), [], 0
    if "fill_value" in params:
        params["fill_value"] = -1
    for v in values:
        if is_numbers(v):
            given.append(np.arange(first, first + v.size).reshape(v.shape))
            first += v.size
        else:
            given.append(v)
    return [np.asarray(p) for p in bind(step.eqn, given, params)]


def targets(params: Any, operand: Any, indices: Any, updates: Any) -> np.ndarray:
    """Where in the operand, flat, each update of a scatter goes; −1 where it is dropped.

    The transpose of scatter-add is a gather: of positions.
    """

    def add(u: Any) -> Any:
        return lax.scatter_add(
            jnp.zeros(operand.shape), indices, u, params["dimension_numbers"],
            indices_are_sorted=params["indices_are_sorted"],
            unique_indices=params["unique_indices"], mode=params["mode"],
        )  # fmt: skip

    _, transposed = jax.vjp(add, jnp.zeros(updates.shape))
    places = 1.0 + np.arange(operand.size).reshape(operand.shape)
    return np.asarray(transposed(places)[0]).astype(np.int64).reshape(-1) - 1


def scatter(combine: np.ufunc) -> Callable[..., list[np.ndarray]]:
    """A scatter whose updates are combined with what is there."""

    def apply(step: Any, values: list[Any]) -> list[np.ndarray]:
        operand, _, updates = values
        to = positions(step, values, lambda: targets(step.params, *values))
        out = operand.reshape(-1).copy()
        combine.at(out, to[to >= 0], updates.reshape(-1)[to >= 0])
        return [out.reshape(operand.shape)]

    return apply


_COMBINED = {"add": np.add, "sub": np.subtract, "mul": np.multiply,
             "max": np.frompyfunc(scalars.larger, 2, 1),
             "min": np.frompyfunc(scalars.smaller, 2, 1)}  # fmt: skip
SCATTERS: dict[str, Callable[..., list[np.ndarray]]] = {
    f"scatter{sign}{name}": scatter(combine) for name, combine in _COMBINED.items() for sign in "-_"
}

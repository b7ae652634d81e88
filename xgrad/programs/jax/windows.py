"""Windows and convolutions: sums and choices over patches, whose positions JAX finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax

from xgrad.programs.constants import as_array
from xgrad.programs.jax.matrices import product
from xgrad.programs.jax.movement import positions
from xgrad.programs.jax.values import ONE, ZERO, filled, zero
from xgrad.programs.ranks import Ranks


def _patches(shape: Any, window: Any, strides: Any, padding: Any, *dilations: Any) -> np.ndarray:
    """For every window the positions + 1 in the flat array, 0 in the padding: (*out, window)."""
    numbers = (1.0 + np.arange(np.prod(shape, dtype=int))).reshape(1, 1, *shape)
    base, dilation = dilations
    found = lax.conv_general_dilated_patches(
        numbers, tuple(window), tuple(strides), tuple(padding), lhs_dilation=tuple(base),
        rhs_dilation=tuple(dilation), precision=lax.Precision.HIGHEST,
    )  # fmt: skip
    return np.moveaxis(np.asarray(found)[0], 0, -1).astype(np.int64)


def _windows(step: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The patches of a window operation, found once."""
    params, ones = step.params, (1,) * len(shape)
    return positions(step, [], lambda: _patches(
        shape, params["window_dimensions"], params["window_strides"], params["padding"],
        params.get("base_dilation", ones), params.get("window_dilation", ones),
    ))  # fmt: skip


def _seen(x: np.ndarray, where: np.ndarray, outside: Any) -> np.ndarray:
    return np.concatenate([filled(1, outside), x.reshape(-1)])[where]


def windows_of(step: Any, x: np.ndarray, outside: Any) -> np.ndarray:
    """The elements of each window on a last axis, the padding's value among them."""
    return _seen(x, _windows(step, x.shape), outside)


def _reduced(combine: Any, outside: Any) -> Callable[..., list[np.ndarray]]:
    def apply(step: Any, values: list[Any]) -> list[np.ndarray]:
        (x,) = values
        return [as_array(combine(windows_of(step, x, outside), axis=-1))]

    return apply


def _chosen(step: Any, operand: np.ndarray) -> np.ndarray:
    """The position + 1 of the first largest, or least, element of each window."""
    where = _windows(step, operand.shape)
    (ranks,) = Ranks([operand]).arrays
    if str(step.params["select_prim"]) != "ge":
        ranks = -ranks
    scores = np.concatenate([[-np.inf], ranks.reshape(-1)])[where]
    return np.take_along_axis(where, scores.argmax(axis=-1)[..., None], axis=-1)[..., 0]


def _scattered(step: Any, values: list[Any]) -> list[np.ndarray]:
    """The gradient of an extreme over windows goes to its first place."""
    source, operand = values
    out = filled(operand.size + 1, zero(source))
    np.add.at(out, _chosen(step, operand).reshape(-1), source.reshape(-1))
    return [out[1:].reshape(operand.shape)]


def _gathered(step: Any, values: list[Any]) -> list[np.ndarray]:
    """The tangent of the extreme of each window."""
    tangents, operand = values
    return [_seen(tangents, _chosen(step, operand), ZERO)]


def _convolution(step: Any, values: list[Any]) -> list[np.ndarray]:
    """Windows of the left times the right, as matrices, by groups."""
    params = step.params
    names, groups = params["dimension_numbers"], params["feature_group_count"]
    batches = params["batch_group_count"]
    x = np.transpose(values[0], names.lhs_spec)  # batch, channel, space
    w = np.transpose(values[1], names.rhs_spec)  # out, in, space
    index = positions(step, [], lambda: _patches(
        x.shape[2:], w.shape[2:], params["window_strides"], params["padding"],
        params["lhs_dilation"], params["rhs_dilation"],
    ))  # fmt: skip
    flat = np.concatenate(
        [filled((*x.shape[:2], 1), zero(x)), x.reshape(*x.shape[:2], -1)], axis=-1
    )
    places, taps = index.shape[:-1], index.shape[-1]
    seen = flat[..., index.reshape(-1)].reshape(*x.shape[:2], -1, taps)
    n, c = x.shape[0] // batches, x.shape[1] // groups
    o = w.shape[0] // (groups * batches)
    parts = []
    for g in range(groups * batches):
        rows = seen[g * n : (g + 1) * n] if batches > 1 else seen[:, g * c : (g + 1) * c]
        kernel = w[g * o : (g + 1) * o].reshape(o, -1)
        matrix = np.moveaxis(rows, 2, 1).reshape(-1, kernel.shape[1])
        made = product(matrix, kernel.T).reshape(n, -1, o)
        parts.append(np.moveaxis(made, -1, 1))
    out = np.concatenate(parts, axis=1).reshape(n, w.shape[0], *places)
    return [np.transpose(out, np.argsort(names.out_spec))]


WINDOWS: dict[str, Callable[..., list[np.ndarray]]] = {
    "conv_general_dilated": _convolution,
    "reduce_window_sum": _reduced(np.sum, ZERO),
    "reduce_window_mul": _reduced(np.prod, ONE),
    "select_and_scatter_add": _scattered,
    "select_and_gather_add": _gathered,
}

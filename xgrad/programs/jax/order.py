"""Decisions about order: JAX takes them for the ranks of the midpoints.

Of complex numbers too, which it orders by real parts, and by imaginary ones where these are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.programs.constants import as_array
from xgrad.programs.jax.values import bind, is_balls, is_number
from xgrad.programs.ranks import Ranks

_ORDER = """sort argmax argmin top_k approx_top_k reduce_max reduce_min cummax cummin clamp
    reduce_window_max reduce_window_min"""
ORDER = frozenset(_ORDER.split())

# What NumPy does in a line with real ranks, without compiling anything.
_REDUCED: dict[str, Callable[..., Any]] = {
    "reduce_max": np.max,
    "reduce_min": np.min,
}


def order(step: Any, values: list[Any]) -> list[Any]:
    """Outputs that were floats are the elements of the ranks that JAX returns."""
    if step.name == "sort" and any(map(is_balls, values[step.params["num_keys"] :])):
        return _sorted(step, values)
    balls = [v for v in values if is_balls(v)]
    ranks = Ranks(balls)
    parts = iter(ranks.arrays)
    given = [next(parts) if is_balls(v) else v for v in values]
    if step.name in _REDUCED and not np.iscomplexobj(given[0]):
        found = [_REDUCED[step.name](given[0], axis=tuple(map(int, step.params["axes"])))]
    else:
        found = bind(step.eqn, given)
    return [
        as_array(ranks.elements(np.asarray(made))) if is_number(variable) else np.asarray(made)
        for made, variable in zip(found, step.eqn.outvars, strict=True)
    ]


def _sorted(step: Any, values: list[Any]) -> list[Any]:
    """Operands that are no keys travel as positions along the axis."""
    keys = [Ranks([v]).arrays[0] if is_balls(v) else v for v in values[: step.params["num_keys"]]]
    places = np.arange(values[0].size).reshape(values[0].shape)
    found = np.asarray(bind(step.eqn, [*keys, places])[-1])
    return [v.reshape(-1)[found] for v in values]

"""The rule of each equation: found by its primitive's name, and by whether floats take part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.programs.constants import as_array
from xgrad.programs.failures import NoBallRule
from xgrad.programs.jax.control import AT_MIDPOINTS, CONTROL
from xgrad.programs.jax.elementwise import ELEMENTWISE, PARAMETRIC, WHOLE, WHOLE_PARAMETRIC
from xgrad.programs.jax.matrices import ALIGNED, CONTRACTIONS
from xgrad.programs.jax.movement import LAYOUT, MOVES, SCATTERS, move
from xgrad.programs.jax.order import ORDER, order
from xgrad.programs.jax.values import (
    all_finite,
    bind,
    finite,
    is_balls,
    is_key,
    is_number,
    put,
    seen,
)
from xgrad.programs.jax.windows import WINDOWS
from xgrad.programs.scalars import is_complex

Rule = Callable[[Any, Any, list[Any]], list[Any]]


def rule_of(eqn: Any) -> tuple[str, Rule]:
    """The kind of an equation, and what evaluates it: rule(walk, step, operands)."""
    name, floats = eqn.primitive.name, any(map(is_number, eqn.invars))
    tables = _TABLES if floats else _OF_WHOLE
    if not floats and (any(map(is_number, eqn.outvars)) or any(is_key(v.aval) for v in eqn.invars)):
        tables = _TO_NUMBERS
    for kind, table, made in tables:
        if name in table:
            return kind, made(name)
    return ("unknown", _missing) if floats else ("native", _native)


# --- how functions of a table are called ----------------------------------------------------------


def _whole(function: Callable[..., Any]) -> Rule:
    def rule(walk: Any, step: Any, values: list[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            return [np.asarray(function(*values))]

    return rule


def _layout(function: Callable[..., Any]) -> Rule:
    def rule(walk: Any, step: Any, values: list[Any]) -> list[Any]:
        made = function(step.params, *values)
        return list(made) if isinstance(made, tuple) else [as_array(made)]

    return rule


def _whole_layout(function: Callable[..., Any]) -> Rule:
    def rule(walk: Any, step: Any, values: list[Any]) -> list[Any]:
        made = function(step.params, *map(np.asarray, values))
        return [np.asarray(m) for m in (made if isinstance(made, tuple) else (made,))]

    return rule


def _each(function: Callable[..., Any]) -> Rule:
    def rule(walk: Any, step: Any, values: list[Any]) -> list[Any]:
        return [_as_jax(step, values, function(*values))]

    return rule


def _of_params(function: Callable[..., Any]) -> Rule:
    def rule(walk: Any, step: Any, values: list[Any]) -> list[Any]:
        made = function(step.params, *values)
        if isinstance(made, tuple):
            return list(made)
        return [_as_jax(step, values, made)]

    return rule


def _of_step(function: Callable[..., Any]) -> Rule:
    return lambda walk, step, values: function(step, values)


def _native(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """What no float takes part in is JAX's."""
    return [put(made) for made in bind(step.eqn, values)]


def _to_numbers(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """Whole numbers as floats, rounded as JAX does: loops that count ask for it at every turn."""
    return [put(np.asarray(values[0]).astype(step.params["new_dtype"]))]


def _missing(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    raise NoBallRule(f"primitive {step.name}")


_finite = np.frompyfunc(finite, 1, 1)


def _as_jax(step: Any, values: list[Any], made: Any) -> np.ndarray:
    """Infinities as JAX makes them of the midpoints: 1 / 0, log 0, atanh 1 are NaN to Arb."""
    made = as_array(made)
    if not is_balls(made) or all_finite(made):
        return made
    if is_complex(made) or any(is_balls(v) and is_complex(v) for v in values):
        return made
    given = [seen(v, variable) for v, variable in zip(values, step.eqn.invars, strict=True)]
    told = np.asarray(bind(step.eqn, given)[0], dtype=np.float64)
    odd = ~np.asarray(_finite(made), dtype=bool) & (
        ~np.isfinite(told) | _from_infinity(given, made.shape)
    )
    return np.where(odd, put(told), made)


def _from_infinity(given: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Where an operand is not finite, of operands in the shape of the result."""
    found = np.zeros(shape, dtype=bool)
    for g in given:
        if np.shape(g) in ((), shape):
            found |= ~np.isfinite(np.asarray(g, dtype=np.float64))
    return found


def _entries(table: dict[str, Any], how: Callable[[Any], Rule]) -> Callable[[str], Rule]:
    return lambda name: how(table[name])


def _control(name: str) -> Rule:
    return CONTROL[name]


def _moved(name: str) -> Rule:
    return lambda walk, step, values: move(step, values)


def _ordered(name: str) -> Rule:
    return lambda walk, step, values: order(step, values)


_Tables = tuple[tuple[str, Any, Callable[[str], Rule]], ...]
_TABLES: _Tables = (
    ("control", CONTROL, _control),
    ("movement", LAYOUT, _entries(LAYOUT, _layout)),
    ("movement", MOVES, _moved),
    ("order", ORDER, _ordered),
    ("arithmetic", ELEMENTWISE, _entries(ELEMENTWISE, _each)),
    ("arithmetic", PARAMETRIC, _entries(PARAMETRIC, _of_params)),
    ("arithmetic", CONTRACTIONS, _entries(CONTRACTIONS, _of_params)),
    ("arithmetic", ALIGNED, _entries(ALIGNED, _of_step)),
    ("arithmetic", WINDOWS, _entries(WINDOWS, _of_step)),
    ("arithmetic", SCATTERS, _entries(SCATTERS, _of_step)),
    ("midpoint", AT_MIDPOINTS, lambda name: AT_MIDPOINTS[name]),
)
_OF_WHOLE: _Tables = (
    ("control", CONTROL, _control),
    ("whole", WHOLE, _entries(WHOLE, _whole)),
    ("movement", LAYOUT, _entries(LAYOUT, _whole_layout)),
    ("whole", WHOLE_PARAMETRIC, _entries(WHOLE_PARAMETRIC, _whole_layout)),
)
_TO_NUMBERS: _Tables = (
    ("control", CONTROL, _control),
    ("native", ("convert_element_type",), lambda name: _to_numbers),
)

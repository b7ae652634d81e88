"""Equations of a jaxpr in double-double: rules for pairs; what is missing is left to balls."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.numbers import DOUBLED as xp
from xgrad.numbers import Doubled, ball, from_ball
from xgrad.programs.constants import recognising
from xgrad.programs.failures import NoBallRule
from xgrad.programs.jax.control import CONTROL
from xgrad.programs.jax.elementwise import WHOLE, WHOLE_PARAMETRIC
from xgrad.programs.jax.movement import LAYOUT, MOVES, moved_positions, positions, targets
from xgrad.programs.jax.rounding import Rounding
from xgrad.programs.jax.values import bind, is_key, is_number
from xgrad.programs.jax.values import put as put_balls

Rule = Callable[[Any, Any, list[Any]], list[Any]]


def lift(array: Any) -> Doubled:
    """Floats as pairs."""
    return Doubled.of(np.asarray(array, dtype=np.float64))


def put(value: Any) -> Any:
    """Floats as pairs, whole numbers as NumPy arrays; raises `NoBallRule` for other numbers."""
    if isinstance(value, Doubled) or is_key(value):
        return value
    data = np.asarray(value)
    if data.dtype.kind == "c":
        raise NoBallRule("complex numbers in double-double")
    if data.dtype.kind in "iub":
        return data
    if recognising():
        return from_ball(ball(put_balls(value)))
    return lift(data)


# --- arithmetic ----------------------------------------------------------------------------------

_SAME = """exp exp2 expm1 log log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sqrt
    square sign abs floor ceil erf erfc lgamma digamma atan2"""
_NAMED = {"logistic": "expit", "max": "maximum", "min": "minimum", "neg": "negative",
          "is_finite": "isfinite", "eq": "equal", "ne": "not_equal", "lt": "less",
          "le": "less_equal", "gt": "greater", "ge": "greater_equal"}  # fmt: skip
_EACH: dict[str, Callable[..., Any]] = {
    **{name: getattr(xp, name) for name in _SAME.split()},
    **{name: getattr(xp, own) for name, own in _NAMED.items()},
    **dict.fromkeys(("add", "add_any"), lambda a, b: a + b),
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: xp.pow(a, b),
    "rsqrt": lambda x: 1.0 / xp.sqrt(x),
    "clamp": lambda low, x, high: xp.minimum(xp.maximum(x, low), high),
}


def _convert(params: Any, x: Any) -> Any:
    """Between floats nothing is rounded; to whole numbers what the pair says."""
    kind = np.dtype(params["new_dtype"])
    if kind.kind == "c":
        raise NoBallRule("complex numbers in double-double")
    if kind.kind == "b":
        return np.asarray(xp.not_equal(x, 0.0))
    if kind.kind in "iu":
        return np.asarray(xp.trunc(x).high).astype(kind)
    return x


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, x: function(x, axis=tuple(map(int, params["axes"])))


def _first(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(params: Any, x: Any) -> Any:
        (axis,) = params["axes"]
        return np.asarray(function(x, axis=int(axis))).astype(params["index_dtype"])

    return apply


def _running(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(params: Any, x: Any) -> Any:
        axis = int(params["axis"])
        if not params["reverse"]:
            return function(x, axis=axis)
        return xp.flip(function(xp.flip(x, axis=axis), axis=axis), axis=axis)

    return apply


def _dot(params: Any, a: Any, b: Any) -> Any:
    (inner_a, inner_b), (batch_a, batch_b) = params["dimension_numbers"]

    def arranged(x: Any, *groups: Any) -> Any:
        shape = [math.prod(x.shape[k] for k in group) for group in groups]
        return xp.reshape(xp.permute_dims(x, [k for g in groups for k in g]), tuple(shape))

    outer_a = [k for k in range(a.ndim) if k not in (*inner_a, *batch_a)]
    outer_b = [k for k in range(b.ndim) if k not in (*inner_b, *batch_b)]
    shape = [a.shape[k] for k in (*batch_a, *outer_a)] + [b.shape[k] for k in outer_b]
    x, y = arranged(a, batch_a, outer_a, inner_a), arranged(b, batch_b, inner_b, outer_b)
    return xp.reshape(xp.matmul(x, y), tuple(shape))


_OF_PARAMS: dict[str, Callable[..., Any]] = {
    "convert_element_type": _convert,
    "integer_pow": lambda params, x: xp.pow(x, int(params["y"])),
    "reduce_sum": _over(xp.sum),
    "reduce_prod": _over(xp.prod),
    "reduce_max": _over(xp.max),
    "reduce_min": _over(xp.min),
    "argmax": _first(xp.argmax),
    "argmin": _first(xp.argmin),
    "cumsum": _running(xp.cumulative_sum),
    "cumprod": _running(xp.cumulative_prod),
    "dot_general": _dot,
}

# --- movement, of both parts alike ---------------------------------------------------------------


def _in_both(function: Callable[..., Any]) -> Rule:
    def rule(walk: Any, step: Any, values: list[Any]) -> list[Any]:
        high, low = (
            function(
                step.params, *(getattr(v, part) if isinstance(v, Doubled) else v for v in values)
            )
            for part in ("high", "low")
        )
        if isinstance(high, tuple):
            return [Doubled(*both) for both in zip(high, low, strict=True)]
        return [Doubled(high, low)]

    return rule


def _is_pairs(value: Any) -> bool:
    return isinstance(value, Doubled)


def _moved(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    fill = step.params.get("fill_value")
    outside = np.array([math.nan if fill is None else float(fill)])
    pool = [v for v in values if _is_pairs(v)]
    high = np.concatenate([*(v.high.reshape(-1) for v in pool), outside])
    low = np.concatenate([*(v.low.reshape(-1) for v in pool), np.zeros(1)])
    found = positions(step, values, lambda: moved_positions(step, values, _is_pairs), _is_pairs)
    return [Doubled(high[p], low[p]) for p in found]


def _scattered(sign: float) -> Rule:
    def rule(walk: Any, step: Any, values: list[Any]) -> list[Any]:
        operand, _, updates = values
        to = positions(step, values, lambda: targets(step.params, *values), _is_pairs)
        flat = xp.reshape(updates, (-1,))[to >= 0]
        made = xp.scatter_sum(flat, to[to >= 0], operand.size)
        return [operand + xp.reshape(made * sign, operand.shape)]

    return rule


def _multiplied(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """Places that are multiplied once each."""
    operand, _, updates = values
    to = positions(step, values, lambda: targets(step.params, *values), _is_pairs)
    at = to[to >= 0]
    if len(np.unique(at)) != len(at):
        raise NoBallRule("a place that is multiplied twice, in double-double")
    made = xp.reshape(operand, (-1,))[at] * xp.reshape(updates, (-1,))[to >= 0]
    high, low = operand.high.copy().reshape(-1), operand.low.copy().reshape(-1)
    high[at], low[at] = made.high, made.low
    return [Doubled(high.reshape(operand.shape), low.reshape(operand.shape))]


# --- the table -----------------------------------------------------------------------------------


def _each(function: Callable[..., Any]) -> Rule:
    return lambda walk, step, values: [function(*values)]


def _of_params(function: Callable[..., Any]) -> Rule:
    return lambda walk, step, values: [function(step.params, *values)]


def _missing(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    raise NoBallRule(f"primitive {step.name} in double-double")


def _native(walk: Any, step: Any, values: list[Any]) -> list[Any]:
    """What no float takes part in is JAX's."""
    return [put(made) for made in bind(step.eqn, values)]


_FOLDS = ("reduce", "reduce_window")  # by any function, which are balls' alone
_FLOATS: dict[str, tuple[str, Rule]] = {
    **{name: ("arithmetic", _each(f)) for name, f in _EACH.items()},
    **{name: ("arithmetic", _of_params(f)) for name, f in _OF_PARAMS.items()},
    **{f"scatter{dash}{name}": ("arithmetic", _scattered(sign))
       for dash in "-_" for name, sign in (("add", 1.0), ("sub", -1.0))},
    **dict.fromkeys(("scatter-mul", "scatter_mul"), ("arithmetic", _multiplied)),
    **{name: ("movement", _in_both(f)) for name, f in LAYOUT.items()},
    **dict.fromkeys(MOVES, ("movement", _moved)),
    **{name: ("control", rule) for name, rule in CONTROL.items() if name not in _FOLDS},
}  # fmt: skip
_BETWEEN: dict[str, tuple[str, Rule]] = {
    **{name: ("control", rule) for name, rule in CONTROL.items()},
    "convert_element_type": ("whole", lambda walk, step, values: [lift(values[0])]),
}
_WHOLE: dict[str, tuple[str, Rule]] = {
    **{name: ("control", rule) for name, rule in CONTROL.items()},
    **{name: ("whole", _each(f)) for name, f in WHOLE.items()},
    **{name: ("whole", _of_params(f)) for name, f in (LAYOUT | WHOLE_PARAMETRIC).items()},
}


def rule_of(eqn: Any) -> tuple[str, Rule]:
    """The kind of an equation, and what evaluates it: rule(walk, step, operands)."""
    name = str(eqn.primitive.name)
    if any(map(is_number, eqn.invars)):
        return _FLOATS.get(name, ("unknown", _missing))
    made = any(map(is_number, eqn.outvars)) or any(is_key(v.aval) for v in eqn.invars)
    return (_BETWEEN if made else _WHOLE).get(name, ("native", _native))


class RoundingPairs(Rounding):
    """What `Rounding` does, of pairs."""

    def _is_numbers(self, made: Any) -> bool:
        return isinstance(made, Doubled)

    def _is_complex(self, a: Any) -> bool:
        return False

    def _sizes(self, a: Any) -> Any:
        return Doubled.of(np.abs(a.high))

    def _ones(self, a: Any) -> Any:
        return Doubled.of(np.ones(a.shape))

    def _moved(self, made: Any, sizes: Any, units: float) -> Any:
        by = np.nan_to_num(sizes.high, posinf=0.0, neginf=0.0) * self._drawn(made.shape, units)
        moved, finite = made + Doubled.of(by), np.isfinite(made.high)
        pairs = (moved.high, made.high), (moved.low, made.low)
        return Doubled(*(np.where(finite, m, t) for m, t in pairs))

    def _nearest(self, value: Any) -> np.ndarray:
        return np.asarray(value.high)

    def _chosen(self, held: np.ndarray, value: Any, moved: Any) -> Any:
        return xp.where(held, value, moved)

"""An operator by a program's own derivatives in exact numbers, and what blame looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from xgrad.numbers import BITS, DOUBLED, Ball, Doubled, ball, midpoint, precision
from xgrad.problem import OPERATORS, Operator, Setting

ONE = [ball(np.ones(())).data]  # the cotangent of a scalar


def in_parts(setting: Setting, flat: Ball) -> list[np.ndarray]:
    """A flat point or direction as object arrays, one for each differentiated input."""
    return [part.data for part in setting.split(flat, flat.namespace)]


def parts_at(setting: Setting) -> list[np.ndarray]:
    """The point itself."""
    return in_parts(setting, ball(setting.flat_x))


def joined(parts: list[Any]) -> Any:
    """What a program returns as one flat array, of balls or of double-double numbers."""
    if parts and isinstance(parts[0], Doubled):
        return DOUBLED.concat([DOUBLED.reshape(part, (-1,)) for part in parts])
    return ball(np.concatenate([np.reshape(part, -1) for part in parts]))


def lifted(program: Any, arrays: Iterable[np.ndarray]) -> list[Any]:
    """Arrays of floats in the numbers of a program."""
    return [program.lift(a) for a in arrays]


# --- candidates: an operator by the program's own derivatives ------------------------------------


def value_of(setting: Setting, program: Any) -> Any:
    """The function's value, flat."""
    return joined(program.value(lifted(program, setting.x)))


def _weights(setting: Setting, program: Any) -> list[Any]:
    return lifted(program, [np.reshape(setting.w, setting.y_shape)])


def _one(program: Any) -> list[Any]:
    return lifted(program, [np.ones(())])


def _gradient(setting: Setting, program: Any) -> Ball:
    return joined(
        program.vjp(lifted(program, setting.x), lifted(program, [np.ones(setting.y_shape)]))
    )


def _vjp(setting: Setting, program: Any) -> Ball:
    return joined(program.vjp(lifted(program, setting.x), _weights(setting, program)))


def _jacobian(setting: Setting, program: Any) -> Ball:
    shape = setting.y_shape
    units = ([ball(np.reshape(unit, shape)).data] for unit in np.eye(prod(shape)))
    return _table(program.vjps(parts_at(setting), units))


def _jvp(setting: Setting, program: Any) -> Ball:
    return joined(program.jvp(lifted(program, setting.x), lifted(program, setting.v)))


def _hvp(setting: Setting, program: Any) -> Ball:
    x, v = (lifted(program, a) for a in (setting.x, setting.v))
    return joined(program.hvp(x, _one(program), v))


def _weighted_hvp(setting: Setting, program: Any) -> Ball:
    x, v = (lifted(program, a) for a in (setting.x, setting.v))
    return joined(program.hvp(x, _weights(setting, program), v))


def _directional(setting: Setting, program: Any, order: int) -> Ball:
    x, v = (lifted(program, a) for a in (setting.x, setting.v))
    return joined(program.directional(x, v, order))


def _hessian(setting: Setting, program: Any) -> Ball:
    units = (in_parts(setting, ball(unit)) for unit in np.eye(setting.x_size))
    return _table(program.hvps(parts_at(setting), ONE, units))


def _table(rows: list[list[np.ndarray]]) -> Ball:
    """Rows of parts as one array of balls."""
    return ball(np.stack([joined(row).data for row in rows]))


CANDIDATES: dict[str, Callable[[Setting, Any], Ball]] = {
    "value": value_of,
    "gradient": _gradient,
    "vjp": _vjp,
    "jacobian": _jacobian,
    "jvp": _jvp,
    "hvp": _hvp,
    "hessian": _hessian,
    "weighted_hvp": _weighted_hvp,
    **{o.name: partial(_directional, order=o.order) for o in OPERATORS.values() if o.directional},
}


def forward_digits(setting: Setting, program: Any, operator: Operator, truth: np.ndarray) -> float:
    """To how many digits forward mode meets a truth: along v where that was asked, else drawn.

    Infinitely many where it is not a first derivative, or there is no forward mode.
    """
    if operator.name not in ("jvp", "gradient", "jacobian"):
        return np.inf
    asked = operator.name == "jvp"
    flat = setting.draw_flat_direction(setting.generator("forward"))
    parts = setting.v if asked else setting.split(flat, np)
    try:
        with precision(BITS):
            along = joined(program.jvp(parts_at(setting), [ball(part).data for part in parts]))
    except Exception:
        return np.inf
    table = np.reshape(truth, (-1, 1 if asked else setting.x_size))
    terms = table * (1.0 if asked else flat)
    gap = np.max(np.abs(midpoint(along) - np.sum(terms, axis=1)), initial=0.0)
    size = np.max(np.sum(np.abs(terms), axis=1), initial=0.0)
    return float(-np.log10(gap / size)) if gap > 0 and size > 0 else np.inf


# --- what blame looks at: a program, and the cotangents of its outputs ---------------------------

Pulled = tuple[Any, list[np.ndarray]]


def _of_value(setting: Setting, program: Any, rng: np.random.Generator) -> Pulled:
    return program, [ball(rng.uniform(0.5, 1.5, setting.y_shape)).data]


def _of_product(setting: Setting, program: Any, rng: np.random.Generator) -> Pulled:
    return program, _weights(setting, program)


def _of_gradient(
    setting: Setting, program: Any, rng: np.random.Generator, *, weighted: bool = False
) -> Pulled:
    once = program.gradient(_weights(setting, program) if weighted else ONE)
    return once, [ball(rng.uniform(0.5, 1.5, x.shape)).data for x in setting.x]


PULLED: dict[str, Callable[[Setting, Any, np.random.Generator], Pulled]] = {
    "gradient": _of_value,
    "vjp": _of_product,
    "jacobian": _of_value,
    "hvp": _of_gradient,
    "hessian": _of_gradient,
    "weighted_hvp": partial(_of_gradient, weighted=True),
}

"""An operator by a program's own derivatives in balls, and the passes that blame looks at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from xgrad.numbers import Ball, ball
from xgrad.problem import OPERATORS, Setting

ONE = [ball(np.ones(())).data]  # the cotangent of a scalar


def in_parts(setting: Setting, flat: Ball) -> list[np.ndarray]:
    """A flat point or direction as object arrays, one for each differentiated input."""
    return [part.data for part in setting.split(flat, flat.namespace)]


def parts_at(setting: Setting) -> list[np.ndarray]:
    """The point itself."""
    return in_parts(setting, ball(setting.flat_x))


def joined(parts: list[np.ndarray]) -> Ball:
    """Object arrays as one flat array of balls."""
    return ball(np.concatenate([np.reshape(part, -1) for part in parts]))


# --- candidates: an operator by the program's own derivatives ------------------------------------


def value_of(setting: Setting, program: Any) -> Ball:
    """The function's value, flat."""
    return joined(program.value(parts_at(setting)))


def _weights(setting: Setting) -> np.ndarray:
    return ball(np.reshape(setting.w, setting.y_shape)).data


def _gradient(setting: Setting, program: Any) -> Ball:
    return joined(program.vjp(parts_at(setting), [ball(np.ones(setting.y_shape)).data]))


def _vjp(setting: Setting, program: Any) -> Ball:
    return joined(program.vjp(parts_at(setting), [_weights(setting)]))


def _jacobian(setting: Setting, program: Any) -> Ball:
    shape = setting.y_shape
    units = ([ball(np.reshape(unit, shape)).data] for unit in np.eye(prod(shape)))
    return _table(program.vjps(parts_at(setting), units))


def _jvp(setting: Setting, program: Any) -> Ball:
    v = [ball(part).data for part in setting.v]
    return joined(program.jvp(parts_at(setting), v))


def _hvp(setting: Setting, program: Any) -> Ball:
    v = [ball(part).data for part in setting.v]
    return joined(program.hvp(parts_at(setting), ONE, v))


def _weighted_hvp(setting: Setting, program: Any) -> Ball:
    v = [ball(part).data for part in setting.v]
    return joined(program.hvp(parts_at(setting), [_weights(setting)], v))


def _directional(setting: Setting, program: Any, order: int) -> Ball:
    v = [ball(part).data for part in setting.v]
    return joined(program.directional(parts_at(setting), v, order))


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


# --- what blame looks at: a program, and the cotangents of its outputs ---------------------------

Pulled = tuple[Any, list[np.ndarray]]


def _of_value(setting: Setting, program: Any, rng: np.random.Generator) -> Pulled:
    return program, [ball(rng.uniform(0.5, 1.5, setting.y_shape)).data]


def _of_product(setting: Setting, program: Any, rng: np.random.Generator) -> Pulled:
    return program, [_weights(setting)]


def _of_gradient(
    setting: Setting, program: Any, rng: np.random.Generator, *, weighted: bool = False
) -> Pulled:
    once = program.gradient([_weights(setting)] if weighted else ONE)
    return once, [ball(rng.uniform(0.5, 1.5, x.shape)).data for x in setting.x]


PULLED: dict[str, Callable[[Setting, Any, np.random.Generator], Pulled]] = {
    "gradient": _of_value,
    "vjp": _of_product,
    "jacobian": _of_value,
    "hvp": _of_gradient,
    "hessian": _of_gradient,
    "weighted_hvp": partial(_of_gradient, weighted=True),
}

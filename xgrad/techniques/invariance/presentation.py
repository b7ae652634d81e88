"""What a presentation is, and where it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.numbers import rounded
from xgrad.problem import OPERATORS, Implementation, Operator, Setting

Call = Callable[..., Any]  # (rest, *xs) -> y
Run = Callable[..., Any]  # (xs, rest, v, w) -> the operator's parts
EVERYWHERE = inf


class ValueDiffers(Exception):
    """The function itself, not its derivative, is another one under a presentation."""


def _as_given(setting: Setting) -> Setting:
    return setting


def _always(setting: Setting, call: Any) -> str:
    return ""


@dataclass(frozen=True)
class Presentation:
    """One row: how the derivative is computed, and what is wrong where only this differs.

    `make` turns the function into the computation. `needs` says why it means nothing for a
    function, which it is given with its setting; empty where it does. `at` is the setting in which
    it is judged, where the numbers themselves must be special. `unasked` is up to how many inputs
    it runs when nobody names it; `named` keeps it out of `all`. `refuses` has what errors say
    where raising is right: it is loud, and nobody gets wrong numbers. `operator` is what is judged,
    by default the gradient of a scalar and the vjp of others. Where the framework traces, it does
    so here unless not `recorded`.
    """

    name: str
    make: Callable[[Call], Run]
    remedy: str
    needs: Callable[[Setting, Any], str] = _always
    at: Callable[[Setting], Setting] = _as_given
    unasked: float = 0
    named: bool = False
    refuses: tuple[str, ...] = ()
    operator: str = ""
    recorded: bool = True

    def judged(self, setting: Setting) -> Operator:
        """The operator whose truth it is judged by."""
        return OPERATORS[self.operator] if self.operator else first_order(setting)


def first_order(setting: Setting) -> Operator:
    """The gradient of a scalar, the vjp of anything else."""
    return OPERATORS["gradient" if setting.y_shape == () else "vjp"]


# --- where the numbers themselves are special -----------------------------------------------------


def along_ones(setting: Setting) -> Setting:
    """With the cotangent that `y.sum().backward()` sends."""
    made = setting.moved(setting.inputs)
    made.__dict__["w"] = np.ones(setting.y_shape)
    return made


def constant_rows(setting: Setting) -> Setting:
    """With differentiated inputs that are constant along their last axis."""
    rows = {k: _constant(setting.inputs[k]) for k in setting.case.wrt}
    return setting.moved({**setting.inputs, **rows})


def _constant(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(x[..., :1], x.shape)) if x.ndim else x


def weighed(setting: Setting) -> Setting:
    """Of the scalar ⟨w, f⟩, whose second derivatives are those of f along the cotangent w."""
    if setting.y_shape == ():
        return setting
    case, w = setting.case, setting.w

    def product(xp: Any, y: Any) -> Any:
        return xp.sum(y * xp.asarray(w))

    own = case.function
    made = replace(
        case,
        function=lambda xp, **inputs: product(xp, own(xp, **inputs)),
        formulas=[],
        implementations=[_weighed(each, product, setting.dtype) for each in case.implementations],
    )
    at = Setting(made, setting.size, setting.point, setting.dtype, setting.seed, setting.inputs)
    at.weighs = setting
    at.__dict__.update(y_shape=(), v=setting.v)
    return at


def _weighed(own: Implementation, product: Callable[..., Any], dtype: str) -> Implementation:
    def function(**inputs: Any) -> Any:
        xp = find_framework(own.framework).namespace(dtype)
        return product(xp, own.function(**inputs))

    return replace(own, function=function)


def in_bfloat16(setting: Setting) -> Setting:
    """At inputs that bfloat16 holds, judged as a result in it."""
    inputs = {k: rounded(v, "bfloat16") if isinstance(v, np.ndarray) else v
              for k, v in setting.inputs.items()}  # fmt: skip
    made = Setting(setting.case, setting.size, setting.point, "bfloat16", setting.seed, inputs)
    made.__dict__["y_shape"] = setting.y_shape
    return made

"""Candidates for the truth: an operator's result from a case's formulas, in any arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from xgrad.errors import BudgetExceeded
from xgrad.numbers import Ball, midpoint
from xgrad.problem import OPERATORS, Arguments, Operator, Setting, flatten
from xgrad.techniques import apply_formula, plan

Candidate = Callable[..., Any]  # arguments, v, w -> flat result

# Operators that are contractions of another one's table.
_TABLES = {
    "jvp": "jacobian",
    "vjp": "jacobian",
    "divergence": "jacobian",
    "curl": "jacobian",
    "hvp": "hessian",
    "laplacian": "hessian",
}


def find_candidate(operator: Operator, setting: Setting) -> Candidate | None:
    """The operator's own formula, for the value the function, else a contraction; or None."""
    if operator.order == 0:
        return lambda a, v, w: flatten(operator, setting, setting.function(a)(*a.xs), a.xp)
    own = setting.case.reference_formula(operator.name)
    if own is not None:
        return formula_candidate(own.function, operator, setting)
    return find_contraction(operator, setting)


def formula_candidate(
    function: Callable[..., Any], operator: Operator, setting: Setting
) -> Candidate:
    """A formula's flat result."""
    return lambda a, v, w: flatten(
        operator, setting, apply_formula(function, operator, setting, a, v, w), a.xp
    )


def find_contraction(operator: Operator, setting: Setting) -> Candidate | None:
    """The operator from the formula of a Jacobian, a gradient (of a scalar) or a Hessian."""
    source = _TABLES.get(operator.name)
    formula = source and setting.case.reference_formula(source)
    if source == "jacobian" and not formula and setting.y_shape == ():
        source, formula = "gradient", setting.case.reference_formula("gradient")
    if not source or not formula:
        return None
    table, function = OPERATORS[source], formula.function
    coefficients = plan(operator, setting).coefficients
    rows = prod(setting.y_shape)

    def compute(a: Arguments, v: Any, w: Any) -> Any:
        xp = a.xp
        whole = flatten(table, setting, apply_formula(function, table, setting, a), xp)
        whole = xp.reshape(whole, (rows if source != "hessian" else setting.x_size, -1))
        if operator.directions == "v":
            return xp.matmul(whole, xp.concat([xp.reshape(p, (-1,)) for p in v]))
        if operator.directions == "w":
            return xp.matmul(xp.reshape(w, (-1,)), whole)
        assert coefficients is not None
        weights = xp.asarray(coefficients.reshape(-1, prod(whole.shape)))
        summed = xp.matmul(weights, xp.reshape(whole, (-1,)))
        return xp.reshape(summed, operator.shape(setting.x_size, rows))

    return compute


def attempted(evaluate: Callable[[int], Ball], bits: int) -> Ball | str:
    """A candidate in ball arithmetic, or what is wrong with it: a bad formula is no excuse."""
    try:
        candidate = evaluate(bits)
    except BudgetExceeded:
        raise
    except Exception as error:
        return f"fails in ball arithmetic: {type(error).__name__}: {error}"
    return candidate if np.all(np.isfinite(midpoint(candidate))) else "is not finite in balls"

"""Monte-Carlo arithmetic on a program: every result rounded at random, as floats would."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xgrad.numbers import EPS, rounded
from xgrad.programs.constants import as_array, exact_array
from xgrad.programs.jax.control import known_name
from xgrad.programs.jax.terms import ROUTINES, SUMS, terms
from xgrad.programs.jax.values import all_finite, finite, is_balls, midpoints
from xgrad.programs.scalars import UNARY, is_complex

# Arithmetic whose results every type holds that holds the operands.
_EXACT = """neg abs sign floor ceil round max min real imag conj complex nextafter is_finite
    convert_element_type eq ne lt le gt ge eq_to ne_to lt_to le_to gt_to ge_to
    select_and_gather_add scatter-max scatter_max scatter-min scatter_min"""
EXACT = frozenset(_EXACT.split())
# Units that a library's function may be off by, beyond one: series, recurrences, iterations inside.
LOOSE = {"digamma": 16.0, "polygamma": 16.0, "zeta": 16.0, "igamma": 64.0, "igammac": 64.0,
         "regularized_incomplete_beta": 64.0, "igamma_grad_a": 64.0, "random_gamma_grad": 64.0,
         "lgamma": 4.0, "erfc": 4.0, "erf_inv": 4.0, "bessel_i0e": 4.0,
         "bessel_i1e": 4.0, "eig": 8.0, "eigh": 8.0, "svd": 8.0, "_wofz": 512.0}  # fmt: skip


class Rounding:
    """Half a unit of a dtype times a random number of [−1, 1], for every arithmetic result.

    A sum of n terms gets √n of the units of Σ|terms|, a product √n of its own; a routine of linear
    algebra is that of operands moved in the scale of their norms. Parker 1997, Monte Carlo
    arithmetic, UCLA CSD-970002.
    """

    def __init__(self, dtype: str, seed: int = 0):
        self.dtype, self.unit = dtype, EPS[dtype] / 2
        self._rng = np.random.default_rng(seed)

    def __call__(self, step: Any, operands: list[Any], made: list[Any]) -> list[Any]:
        """The outputs of a step, rounded."""
        if step.name == "custom_jvp_call" and (name := known_name(step.params)):
            return [self._rounded(m, LOOSE.get(name, 0.0)) for m in made]
        if step.kind != "arithmetic" or (step.name in EXACT and not _is_root(step, operands)):
            return made
        count = math.sqrt(terms(step.eqn))
        if step.name in ROUTINES:
            units = count * LOOSE.get(step.name, 1.0)
            near = [self._near(a, units) if is_balls(a) else a for a in operands]
            return [self._rounded(m) for m in step.rule(None, step, near)]
        if step.name in SUMS:
            sizes = [UNARY["abs"](a) if is_balls(a) else a for a in operands]
            made_of = step.rule(None, step, sizes)
            pairs = zip(made, made_of, strict=True)
            return [_moved(m, s * self._errors(m, count)) for m, s in pairs]
        return [self._rounded(m, count * LOOSE.get(step.name, 1.0)) for m in made]

    def constant(self, value: Any) -> Any:
        """A number that the program holds, rounded where the dtype does not hold it."""
        if not is_balls(value) or is_complex(value):
            return value
        near = midpoints(value)
        held = rounded(near, self.dtype) == near
        return value if held.all() else np.where(held, value, self._rounded(value))

    def _rounded(self, made: Any, units: float = 1.0) -> Any:
        return _moved(made, made * self._errors(made, units)) if is_balls(made) else made

    def _near(self, a: np.ndarray, units: float) -> np.ndarray:
        size = float(np.max(np.abs(midpoints(a)), initial=0.0))
        return as_array(a + self._errors(a, units * size))

    def _errors(self, made: np.ndarray, units: float) -> np.ndarray:
        drawn = 2.0 * self._rng.random((2, *made.shape)) - 1.0
        found = drawn[0] + 1j * drawn[1] if is_complex(made) else drawn[0]
        return exact_array(np.asarray(found * (units * self.unit)))


def _moved(made: Any, by: Any) -> np.ndarray:
    """made + by, and infinities as they are."""
    moved = as_array(made + by)
    if all_finite(moved):
        return moved
    kept = ~np.asarray(np.frompyfunc(finite, 1, 1)(made), dtype=bool)
    return np.where(kept, made, moved)


def _is_root(step: Any, operands: list[Any]) -> bool:
    """Whether a size is one of complex numbers."""
    return step.name in ("abs", "sign") and is_complex(operands[0])

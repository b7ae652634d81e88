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
        if name := known_name(step.eqn):
            return [self._rounded(m, LOOSE.get(name, 0.0)) for m in made]
        if step.kind != "arithmetic" or (step.name in EXACT and not self._is_root(step, operands)):
            return made
        count = math.sqrt(terms(step.eqn))
        if step.name in ROUTINES:
            units = count * LOOSE.get(step.name, 1.0)
            near = [self._near(a, units) if self._is_numbers(a) else a for a in operands]
            return [self._rounded(m) for m in step.rule(None, step, near)]
        if step.name in SUMS:
            sizes = [self._sizes(a) if self._is_numbers(a) else a for a in operands]
            made_of = step.rule(None, step, sizes)
            return [self._moved(m, s, count) for m, s in zip(made, made_of, strict=True)]
        return [self._rounded(m, count * LOOSE.get(step.name, 1.0)) for m in made]

    def constant(self, value: Any) -> Any:
        """A number that the program holds, rounded where the dtype does not hold it."""
        if not self._is_numbers(value) or self._is_complex(value):
            return value
        near = self._nearest(value)
        held = rounded(near, self.dtype) == near
        return value if held.all() else self._chosen(held, value, self._rounded(value))

    def _rounded(self, made: Any, units: float = 1.0) -> Any:
        return self._moved(made, made, units) if self._is_numbers(made) else made

    def _near(self, a: Any, units: float) -> Any:
        size = float(np.max(np.abs(self._nearest(a)), initial=0.0))
        return self._moved(a, self._ones(a), units * size)

    def _drawn(self, shape: Any, units: float) -> np.ndarray:
        return np.asarray((2.0 * self._rng.random(shape) - 1.0) * (units * self.unit))

    def _is_root(self, step: Any, operands: list[Any]) -> bool:
        """Whether a size is one of complex numbers."""
        return step.name in ("abs", "sign") and self._is_complex(operands[0])

    # --- what is another with other numbers ----------------------------------------------------

    def _is_numbers(self, made: Any) -> bool:
        return is_balls(made)

    def _is_complex(self, a: Any) -> bool:
        return is_complex(a)

    def _sizes(self, a: Any) -> Any:
        return UNARY["abs"](a)

    def _ones(self, a: Any) -> Any:
        return exact_array(np.ones(a.shape))

    def _moved(self, made: Any, sizes: Any, units: float) -> Any:
        """made, by a random share of so many units of sizes; infinities as they are."""
        parts = self._drawn((2, *made.shape), units)
        drawn = parts[0] + 1j * parts[1] if is_complex(made) else parts[0]
        moved = as_array(made + sizes * exact_array(np.asarray(drawn)))
        if all_finite(moved):
            return moved
        kept = ~np.asarray(np.frompyfunc(finite, 1, 1)(made), dtype=bool)
        return np.where(kept, made, moved)

    def _nearest(self, value: Any) -> np.ndarray:
        return midpoints(value)

    def _chosen(self, held: np.ndarray, value: Any, moved: Any) -> Any:
        return np.where(held, value, moved)

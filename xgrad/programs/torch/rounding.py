"""Monte-Carlo arithmetic: the results of every operation rounded at random, as a dtype would.

Parker 1997, Monte Carlo arithmetic, UCLA CSD-970002.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import acb

from xgrad.numbers import EPS
from xgrad.programs.constants import as_array, exact_array
from xgrad.programs.scalars import UNARY, is_complex
from xgrad.programs.torch.arithmetic.rule import EXACT, ROUTINE, SUM, Rule

_float = np.frompyfunc(float, 1, 1)
_finite = np.frompyfunc(lambda a: a.is_finite(), 1, 1)
_mid = np.frompyfunc(lambda a: acb(a.real.mid(), a.imag.mid()) if isinstance(a, acb) else a.mid(),
                     1, 1)  # fmt: skip


def _is_finite(a: np.ndarray) -> np.ndarray:
    return np.asarray(_finite(a), dtype=bool)


class Rounding:
    """1 + u·ξ for each result, with u half the dtype's epsilon and ξ uniform in [−1, 1].

    A sum of n terms gets u·√n·Σ|terms|·ξ, a routine arguments that are slightly different, and one
    that iterates matrices that are off in the scale of their largest element.
    """

    def __init__(self, dtype: str, seed: int = 0):
        self.unit = EPS[dtype] / 2
        self.rng = np.random.default_rng(seed)

    def apply(self, rule: Rule, args: list[Any], named: dict[str, Any]) -> Any:
        """What the rule returns, rounded."""
        if rule.rounding == ROUTINE:
            args = [self._near(a, rule.units) for a in args]
        made = rule.function(*args, **named)
        if rule.rounding == EXACT:
            return made
        if rule.iterates:
            made = self._each_near(made, args[0].ndim, rule.units)
        if rule.rounding == SUM:
            sizes = rule.function(
                *(self._size(a) for a in args), **{k: self._size(v) for k, v in named.items()}
            )
            return self._each(made, sizes, rule, args, named)
        return self._each(made, made, rule, args, named)

    def _each(self, made: Any, sizes: Any, rule: Rule, args: Any, named: Any) -> Any:
        if isinstance(made, tuple):
            parts = zip(made, sizes, strict=True)
            return type(made)(self._each(m, s, rule, args, named) for m, s in parts)
        if not self._is_numbers(made):
            return made
        return self._moved(made, sizes, self.unit * math.sqrt(rule.terms(*args, made, **named)))

    # --- what a kind of number has of its own --------------------------------------------------

    def _is_numbers(self, made: Any) -> bool:
        return made is not None and as_array(made).dtype == object

    def _moved(self, made: Any, sizes: Any, scale: float) -> Any:
        """Finite numbers, moved at random in the scale of sizes."""
        made = as_array(made)
        moved = as_array(_mid(made + self._errors(as_array(sizes), scale)))
        return as_array(np.where(_is_finite(made), moved, made))

    def _size(self, a: Any) -> Any:
        return _size(a)

    def _errors(self, sizes: np.ndarray, scale: float) -> np.ndarray:
        """In either part of a complex number an error in the scale of its size."""
        drawn = self._drawn_like(sizes, scale)
        if sizes.dtype == object:
            return as_array(sizes * exact_array(drawn))
        return exact_array(np.nan_to_num(sizes, posinf=0.0) * drawn)

    def _drawn_like(self, a: np.ndarray, scale: float) -> np.ndarray:
        """A float for each element, one for either part of complex ones."""
        drawn = self._drawn(a.shape, scale)
        return drawn + 1j * self._drawn(a.shape, scale) if is_complex(a) else drawn

    def _drawn(self, shape: Any, scale: float) -> np.ndarray:
        return (2 * self.rng.random(shape) - 1) * scale

    def _each_near(self, made: Any, ndim: int, units: float) -> Any:
        if isinstance(made, tuple):
            return type(made)(self._each_near(m, ndim, units) for m in made)
        return self._near(made, units) if getattr(made, "ndim", 0) == ndim else made

    def _near(self, a: Any, units: float) -> Any:
        """a, moved by so many units in the scale of each matrix's largest element."""
        if not isinstance(a, np.ndarray) or a.dtype != object or not a.size:
            return a
        sizes = np.asarray(_float(UNARY["abs"](a))).astype(np.float64)
        sizes = np.where(np.isfinite(sizes), sizes, 0.0)
        largest = sizes.max(axis=(-2, -1) if a.ndim > 1 else None, keepdims=True)
        scale = units * self.unit * math.sqrt(max(a.shape[-2:], default=1))
        drawn = exact_array(largest * self._drawn_like(a, scale))
        return as_array(np.where(_is_finite(a), as_array(a + drawn), a))


def _size(a: Any) -> Any:
    """|a| in floats; of complex numbers in complex balls, which is what their rules take."""
    if not isinstance(a, np.ndarray) or a.dtype != object or not a.size:
        return a
    if is_complex(a):
        return as_array(np.frompyfunc(acb, 1, 1)(UNARY["abs"](a)))
    return np.abs(np.asarray(_float(a)).astype(np.float64))

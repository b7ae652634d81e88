"""Arrays of balls along a direction: what blame works with."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import acb, arb

from xgrad.numbers import ball

WORKING = 384  # bits
STEP = -120  # h = 2^STEP: what is left out of tangents is h² beside them
LEAST = 14.5  # digits that a rule with constants rounded to float64 keeps, beside its terms
BENT = 1e-25  # of a tangent: what differences on both sides differ by at a kink only
NOTHING = 1e-30  # of the largest terms of any rule: a tangent that is zero, up to h²
COORDINATES = 128  # of an input that is looked at element by element
WORK = 1 << 16  # elements of results that this may take


def step() -> arb:
    """The h of differences."""
    return arb(2) ** STEP


def direction(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random, with no element near zero."""
    return ball(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)).data


def size(a: np.ndarray) -> float:
    """The largest element's."""
    return float(np.max([abs(complex(b)) for b in a.reshape(-1)], initial=0.0))


def array(a: Any) -> np.ndarray:
    """An array, also of one ball: NumPy gives arrays without axes away as what they hold."""
    return np.asarray(a, dtype=object)


def product(g: np.ndarray | None, t: Any) -> tuple[Any, float]:
    """⟨g, t⟩, and the sum of the sizes of its terms."""
    if g is None or g.shape != t.shape:
        return arb(0), 0.0
    terms = [_term(a, b) for a, b in zip(g.reshape(-1), t.reshape(-1), strict=True)]
    return sum(terms, arb(0)), sum(abs(float(a)) for a in terms)


def conjugated(g: np.ndarray) -> np.ndarray:
    """A gradient in JAX's convention, Re Σ g t, as that of pairs of reals, or the other way."""
    return array(_conjugated(g))


def is_complex(a: np.ndarray) -> bool:
    """Whether there are complex numbers among the elements."""
    return any(isinstance(each, acb) for each in a.reshape(-1))


def in_reals(a: np.ndarray) -> np.ndarray:
    """The same, complex numbers by their parts along a last axis."""
    if not is_complex(a):
        return a
    pairs = [(b.real, b.imag) for b in map(acb, a.reshape(-1))]
    return np.array(pairs, dtype=object).reshape(*a.shape, 2)


_conjugated = np.frompyfunc(lambda a: acb(a.real, -a.imag) if isinstance(a, acb) else a, 1, 1)


def _term(a: Any, b: Any) -> Any:
    """Of complex numbers the real product of pairs of reals."""
    if isinstance(a, acb) or isinstance(b, acb):
        a, b = acb(a), acb(b)
        return a.real * b.real + a.imag * b.imag
    return a * b

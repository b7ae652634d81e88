"""Complex numbers as pairs of reals: the picture in which all derivatives are judged.

An array of complex numbers is one of reals with a last axis of 2, the real and the imaginary part,
so that every derivative is the Jacobian of real functions of real numbers. What torch calls the
gradient of a real loss, ∂L/∂re + i ∂L/∂im, are such pairs as they are; what JAX calls so is the
conjugate. Each framework joins and parts its own arrays, and so pulls cotangents back by its own
convention.
"""

from __future__ import annotations

from typing import Any

PARTS = ("re", "im")  # the names of the elements of the last axis


def is_complex(value: Any) -> bool:
    """Whether a value is an array of complex numbers, of any framework, or such a number."""
    return isinstance(value, complex) or "complex" in str(getattr(value, "dtype", ""))


def joined(xp: Any, pairs: Any) -> Any:
    """Pairs (…, 2) as complex numbers (…)."""
    return xp.complex(pairs[..., 0], pairs[..., 1])


def parted(xp: Any, value: Any) -> Any:
    """Complex numbers (…) as pairs (…, 2); other values as they are."""
    return xp.stack([xp.real(value), xp.imag(value)], axis=-1) if is_complex(value) else value


def parted_block(xp: Any, block: Any, rows: int, *, both: bool) -> Any:
    """A complex block of a Jacobian, its first `rows` axes those of the value, in pairs.

    Of a real value or a real input: a pair for each element, behind the axes of what is complex.
    `both` is the complex derivative of a holomorphic function: f' = a + ib maps (re, im) by
    ((a, −b), (b, a)).
    """
    if not both:
        return xp.moveaxis(parted(xp, block), -1, rows)
    a, b = xp.real(block), xp.imag(block)
    return xp.stack([xp.stack([a, -b], axis=-1), xp.stack([b, a], axis=-1)], axis=rows)

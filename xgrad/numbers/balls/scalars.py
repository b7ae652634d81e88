"""Functions of one or two balls, real and complex, where Arb alone is not what libraries compute.

Steps and signs are taken at midpoints, so that a ball around an integer or zero has one answer.
"""

from __future__ import annotations

from typing import Any

from flint import acb, arb

Number = Any  # arb or acb


def power(a: Number, b: Number) -> Number:
    """a to the power b."""
    if isinstance(a, acb) or isinstance(b, acb):
        return acb(a) ** acb(b) if not acb(b).is_zero() else acb(1)
    if b.is_exact() and b.is_integer():
        return whole_power(a, int(b.unique_fmpz()))
    if a.is_zero():
        return arb(0) if b.mid() > 0 else arb.pos_inf()
    return a**b


def whole_power(a: arb, n: int) -> arb:
    """By squaring, where `a**n` would be NaN for a ball around zero."""
    if a.is_zero() and n < 0:
        return arb.pos_inf()
    if not a.contains(0) or n < 0:
        return a**n
    made = arb(1)
    for bit in f"{n:b}":
        made = made * made * (a if bit == "1" else arb(1))
    return made


def absolute(a: Number) -> arb:
    """|a|."""
    if isinstance(a, acb):
        return arb(0) if a.is_zero() else (a.real * a.real + a.imag * a.imag).sqrt()
    return a if a.mid() >= 0 else -a


def sign(a: Number) -> Number:
    """a / |a|, and 0 at 0."""
    if isinstance(a, acb):
        return acb(0) if a.is_zero() else a / absolute(a)
    middle = a.mid()
    return arb((middle > 0) - (middle < 0))


def conjugate(a: Number) -> Number:
    """The complex conjugate."""
    return a.conjugate() if isinstance(a, acb) else a


def angle(a: Number) -> arb:
    """The argument in (−π, π]."""
    return acb(a).arg()


def is_nan(a: Number) -> bool:
    """Whether a is no number, or its midpoint none."""
    if isinstance(a, acb):
        return is_nan(a.real) or is_nan(a.imag)
    return bool(a.is_nan() or a.mid().is_nan())


def floor(a: arb) -> arb:
    """The largest integer not above a."""
    return a.mid().floor()


def ceil(a: arb) -> arb:
    """The smallest integer not below a."""
    return a.mid().ceil()


def trunc(a: arb) -> arb:
    """The integer towards zero."""
    return ceil(a) if a.mid() < 0 else floor(a)


def round_even(a: arb) -> arb:
    """The nearest integer, the even one of two."""
    middle = a.mid()
    low = middle.floor()
    above, half = middle - low, arb(1) / 2
    up = above > half or (above == half and int(low.unique_fmpz()) % 2 == 1)
    return low + 1 if up else low


def expit(a: Number) -> Number:
    """1 / (1 + exp(−a))."""
    return 1 / (1 + (-a).exp())


def softplus(a: arb) -> arb:
    """log(1 + exp(a))."""
    return a.exp().log1p() if a.mid() < 0 else a + (-a).exp().log1p()


def logaddexp(a: Number, b: Number) -> Number:
    """log(exp(a) + exp(b)); of complex numbers on the sheet of the larger, as libraries shift."""
    if isinstance(a, acb) or isinstance(b, acb):
        low, high = (b, a) if acb(a).real.mid() >= acb(b).real.mid() else (a, b)
        return high + (acb(low) - high).exp().log1p()
    low, high = (b, a) if b.mid() < a.mid() else (a, b)
    return high + softplus(low - high) if low.is_finite() and high.is_finite() else high


def lgamma(a: arb) -> arb:
    """log |Γ(a)|: Arb's own is real for a > 0 only."""
    return a.lgamma() if a.mid() > 0 else abs(a.gamma()).log()


def polygamma(n: int, a: arb) -> arb:
    """The derivative of order n of the digamma function."""
    return a.digamma() if n == 0 else acb(a).polygamma(n).real


def remainder(a: arb, b: arb) -> arb:
    """a − b ⌊a/b⌋."""
    return a - b * floor(a / b)


def hypot(a: arb, b: arb) -> arb:
    """√(a² + b²)."""
    return (a * a + b * b).sqrt()


def is_less(a: Number, b: Number) -> bool:
    """Whether the midpoint of a is: of complex numbers the real part, or the imaginary at a tie."""
    if isinstance(a, acb) or isinstance(b, acb):
        a, b = acb(a), acb(b)
        part = "imag" if a.real.mid() == b.real.mid() else "real"
        a, b = getattr(a, part), getattr(b, part)
    return bool(a.mid() < b.mid())


def larger(a: Number, b: Number) -> Number:
    """The one with the larger midpoint, the first of equals."""
    return b if is_less(a, b) else a


def smaller(a: Number, b: Number) -> Number:
    """The one with the smaller midpoint, the first of equals."""
    return b if is_less(b, a) else a


def copysign(a: arb, b: arb) -> arb:
    """a with the sign of b."""
    return a if (a.mid() < 0) == (b.mid() < 0) else -a

"""One factor of all elements, or of those that are wrong: its number, and the length it comes from.

Any two numbers have a ratio, and small numbers are lengths of something. So a factor must be the
same at other points, and a length is named where the factor follows it to another size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from xgrad.judging.pieces import CLOSE, Piece

NAMED = 1e-6  # how near, relatively, a factor is to the number that names it
SHOWN = 1 / 20  # of what a factor is off from 1: what its two digits tell
WHOLE = 1000  # up to which a factor is read as a whole number


class Length(NamedTuple):
    """A factor that a length brings in, and the causes of too much and too little of it."""

    text: str
    of: Callable[[int], float]
    large: str = "a sum in place of a mean"
    small: str = "a mean in place of a sum"


LENGTHS = (
    Length("{n}", float),
    Length("2 {n}", lambda n: 2 * n),
    Length("{n}/2", lambda n: n / 2),
    Length(
        "{n}/({n} − 1)", lambda n: n / (n - 1), "{n} − 1 in place of {n}", "{n} in place of {n} − 1"
    ),
)


@dataclass(frozen=True)
class Factor:
    """A constant times the truth, in all elements or in those that are wrong."""

    ratio: float
    whole: bool

    @classmethod
    def fit(cls, p: Piece, *, whole: bool) -> Factor | None:
        """The factor by least squares; None where it is 0 or the truth is zero."""
        got, want = (p.got, p.want) if whole else (p.got[p.wrong], p.want[p.wrong])
        total = float(np.sum(want * want))
        ratio = float(np.sum(got * want) / total) if total > 0 else 0.0
        return cls(ratio, whole) if ratio else None

    def explains(self, p: Piece, close: float) -> bool:
        """Whether it gives the result, each element up to its own rounding."""
        changed = self.ratio * p.want
        candidate = changed if self.whole else np.where(p.wrong, changed, p.want)
        return p.explains(candidate, max(1.0, abs(self.ratio)), close)

    def is_same(self, p: Piece, error: float) -> bool:
        """Whether the result at another point has this factor too, and as exactly."""
        there = Factor.fit(p, whole=self.whole)
        if there is None or not there.explains(p, CLOSE):
            return False
        most = min(max(NAMED, error, p.relative), SHOWN * abs(self.ratio - 1))
        return abs(there.ratio / self.ratio - 1) <= most

    def holds_elsewhere(self, p: Piece) -> bool:
        """Whether it is the same at other points; where nothing is wrong, no part shows it."""
        return p.holds_elsewhere(
            lambda q: self.is_same(q, p.relative) if self.whole or q.count else None
        )

    @property
    def size(self) -> float:
        """Its size, or that of its inverse: above 1."""
        return max(abs(self.ratio), 1 / abs(self.ratio))

    def tell(self, p: Piece) -> str:
        """`constant factor 4 too small`: what the result has too much or too little of."""
        large = abs(self.ratio) > 1
        number, cause = _name(self.size), ""
        found = self._length(p)
        if found is not None:
            length, name = found
            number = f"{self.size:.6g} = {length.text.format(n=name)}"
            cause = ": " + (length.large if large else length.small).format(n=name)
        sign = ", and the sign of all elements" if self.ratio < 0 else ""
        return f"constant factor {number} too {'large' if large else 'small'}{sign}{cause}"

    def _length(self, p: Piece) -> tuple[Length, str] | None:
        """The length that the factor is made of, here and at every other size that is known."""
        found = [(row, n) for row, n in _candidates(p) if _near(self.size, row.of(p.dimensions[n]))]
        others = p.sizes() if found else ()
        sizes = [(q, self._at(q)) for q in others]
        follows = (
            (row, n)
            for row, n in found
            if all(
                q.dimensions.get(n, 1) not in (1, p.dimensions[n])
                and _near(size, row.of(q.dimensions[n]))
                for q, size in sizes
            )
        )
        return next(follows, None) if sizes else None

    def _at(self, q: Piece) -> float:
        """The size of the factor at another place; 1 where there is none."""
        there = Factor.fit(q, whole=self.whole)
        if there is None or not there.explains(q, CLOSE) or there.ratio * self.ratio < 0:
            return 1.0
        return abs(there.ratio) if abs(self.ratio) > 1 else 1 / abs(there.ratio)


def constant_factor(p: Piece) -> str:
    """One factor of all elements, or of those that are wrong."""
    return _of_all(p) or _of_some(p)


def _of_all(p: Piece) -> str:
    factor = Factor.fit(p, whole=True)
    if factor is None or not factor.explains(p, 0.0):
        return ""
    felt = np.abs((factor.ratio - 1) * p.want) > 2 * p.tolerance
    if felt.sum() < min(2, p.got.size) or not np.all(p.wrong[felt]):
        return ""  # a few wrong elements are no factor of all
    plain = p.got.size > 1 or _is_plain(factor.size)
    return factor.tell(p) if plain and factor.holds_elsewhere(p) else ""


def _of_some(p: Piece) -> str:
    factor = Factor.fit(p, whole=False) if p.got.size > 1 else None
    if factor is None or not _is_plain(factor.size) or not factor.explains(p, 0.0):
        return ""
    some = "one element" if p.count == 1 else f"{p.count} elements"
    return f"{some}, {factor.tell(p)}" if factor.holds_elsewhere(p) else ""


def _candidates(p: Piece) -> Iterator[tuple[Length, str]]:
    return ((row, name) for row in LENGTHS for name in p.dimensions)


def _near(size: float, value: float) -> bool:
    return abs(size / value - 1) < min(NAMED, (size - 1) / 10)


def _is_plain(size: float) -> bool:
    """Whether a factor is a whole number or a simple fraction."""
    return not _name(size).startswith(("≈", "1 +"))


def _name(size: float) -> str:
    """The simplest number near a factor above 1: whole, a fraction, else its digits."""
    whole = round(size)
    if 1 < whole <= WHOLE and _near(size, whole):
        return str(whole)
    simple = Fraction(size).limit_denominator(16)
    if simple > 1 and simple.numerator <= 64 and _near(size, float(simple)):
        return str(simple)
    return f"1 + {size - 1:.2g}" if size < 1.001 else f"≈ {size:.5g}"

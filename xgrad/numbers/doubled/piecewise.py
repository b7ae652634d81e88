"""Functions of pairs by polynomials on pieces of an interval, which Arb's values determine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import flint
import numpy as np
from flint import arb

from xgrad.numbers.balls.array import precision
from xgrad.numbers.doubled.exact import Pair, split
from xgrad.numbers.doubled.library import library
from xgrad.numbers.doubled.pairs import add, add_float, multiply, scaled
from xgrad.numbers.doubled.tables import pair_of, position, taken

_BITS = 320


class Piecewise:
    """A smooth function on [start, stop], in pieces of a width that is a power of two.

    On each it is the polynomial that meets the function at Chebyshev's points, its first terms in
    pairs: those that are more than 2**-54 of the sum. The tables are made at the first call.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        start: float,
        stop: float,
        *,
        width: float,
        degree: int,
        in_pairs: int,
    ):
        self._function, self._start, self._width = function, start, width
        self._count = round((stop - start) / width)
        self._degree, self._in_pairs = degree, in_pairs

    @cached_property
    def _coefficients(self) -> np.ndarray:
        """Of (x − centre) / (width / 2), over the pieces: high parts by power, then low parts."""
        with precision(_BITS):
            n = self._degree + 1
            points = [(arb.pi() * (2 * k + 1) / (2 * n)).cos().mid() for k in range(n)]
            powers = flint.arb_mat([[t**k for k in range(n)] for t in points])
            centres = [self._start + (k + 0.5) * self._width for k in range(self._count)]
            values = [
                [self._function(c + t * (self._width / 2)) for c in map(arb, centres)]
                for t in points
            ]
            solved = powers.solve(flint.arb_mat(values)).entries()
            rows = np.array([pair_of(c) for c in solved]).T.reshape(2, n, self._count)
        return np.concatenate([rows[0], rows[1, : self._in_pairs]])

    def __call__(self, x: Pair) -> Pair:
        """The function; of numbers outside of the interval anything finite."""
        xp = library(x[0]).xp
        piece = xp.floor((x[0] - self._start) * (1.0 / self._width))
        piece = xp.where(piece == self._count, piece - 1.0, piece)  # the end belongs to the last
        index = position(piece, 0, self._count - 1)
        inside = ~((piece < 0) | (piece >= self._count))  # of NaN, too
        t = add_float(x, -((xp.where(inside, piece, 0.0) + 0.5) * self._width + self._start))
        t = scaled((xp.where(inside, t[0], 0.0), xp.where(inside, t[1], 0.0)), 2.0 / self._width)
        rows = taken(self._coefficients, index)
        high, low = rows[: self._degree + 1], rows[self._degree + 1 :]
        tail = high[-1]
        for each in high[-2 : len(low) - 1 : -1]:
            tail = tail * t[0] + each
        made, halves = (tail, 0.0 * tail), split(t[0])
        for pair in zip(reversed(high[: len(low)]), reversed(low), strict=True):
            made = add(pair, multiply(t, made, halves))
        return made

"""Functions of pairs as loops over memory, which Numba compiles where it is installed.

NumPy makes a pass over its arrays for each sum and product of floats, of which a sum of pairs has
twenty; a loop reads and writes each number once. It makes the same bits: its steps are those of
the function, but for products, whose error a fused multiply-add finds at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from xgrad.numbers.doubled.blocks import in_blocks
from xgrad.numbers.doubled.compiling import (
    Loop,
    Source,
    is_available,
    of_elements,
    of_rows,
    part_names,
)
from xgrad.numbers.doubled.exact import Array, Pair
from xgrad.numbers.doubled.library import library, library_of
from xgrad.numbers.doubled.memory import empty
from xgrad.numbers.doubled.pairs import settled
from xgrad.numbers.doubled.rows import in_rows, kinds_of, one_row
from xgrad.numbers.doubled.tracing import Trace, traced

LOAD = 0.01  # seconds that reading a loop takes
COMPILE = 0.2  # and what compiling takes more, of a short one; of 100 steps twice as much


class _Rented:
    """What an array library does until it has taken as long as compiling a loop is to take."""

    everything = 0.0  # seconds, of all that have no loop yet

    def __init__(self) -> None:
        self._loops: dict[str, Loop] = {}
        self._spent: dict[str, float] = {}  # seconds, by the kind of loop that is not there
        self._prices: dict[str, float] = {}  # of having it

    @cached_property
    def trace(self) -> Trace:
        """The steps of the loop."""
        raise NotImplementedError

    def source(self, kind: str) -> Source:
        """A loop of a kind."""
        raise NotImplementedError

    def _loop(self, kind: str) -> Loop | None:
        """The loop of a kind, where it is there or worth compiling."""
        if kind not in self._loops and self._is_worth_it(kind):
            try:
                self._loops[kind] = self.source(kind).compiled()
            except Exception:  # of a compiler or a disk: passes go on
                self._prices[kind] = math.inf
        return self._loops.get(kind)

    def _is_worth_it(self, kind: str) -> bool:
        spent = self._spent.get(kind, 0.0)
        if spent < LOAD or not is_available(_Rented.everything):
            return False
        if kind not in self._prices:
            compiling = 0.0 if self.source(kind).is_kept else COMPILE
            self._prices[kind] = LOAD + compiling * (1 + len(self.trace.steps) / 100)
        return spent > self._prices[kind]

    def _timed(self, kind: str, make: Callable[..., Any], *given: Any) -> Any:
        """What the library makes; the time goes on the account of a kind of loop."""
        start = perf_counter()
        made = make(*given)
        taken = perf_counter() - start
        self._spent[kind] = self._spent.get(kind, 0.0) + taken
        _Rented.everything += taken
        return made


class Kernel(_Rented):
    """A function of each element: of pairs, and of floats where that is 0 or not finite."""

    def __init__(self, of_pairs: Callable[..., Pair], of_floats: Callable[..., Array]):
        """`of_pairs` takes pairs; `of_floats` takes a namespace, and their high parts."""
        super().__init__()
        self._of_pairs, self._of_floats = of_pairs, of_floats
        self._settles = False  # whether the loops do, what is not ordinary

    def __call__(self, *parts: Array) -> Pair:
        """The pairs of some, given by their high and low parts, which broadcast."""
        like = next((p for p in parts if np.ndim(p)), None)
        if like is None or not library(like).blocked(like):
            return self.passes(*parts)
        kinds = kinds_of([np.shape(p) for p in parts[::2]])
        loop = self._loop(kinds)
        if loop is not None:
            return self.looped(loop, *parts)
        made: Pair = self._timed(kinds, in_blocks, self.passes, *parts)
        return made

    def passes(self, *parts: Array) -> Pair:
        """The same by the array library alone."""
        highs = parts[::2]
        first = self._of_floats(library_of(*highs).xp, *highs)
        return settled(first, self._of_pairs(*_pairs(parts)))

    def looped(self, loop: Loop, *parts: Array) -> Pair:
        """The same by a loop, of arrays of NumPy or torch on the CPU."""
        like = next(p for p in parts if np.ndim(p))
        of = library(like)
        given = [of.host(p) if np.ndim(p) else np.array(float(p)) for p in parts]
        rows = in_rows(given[::2], given[1::2])
        made = empty((2, math.prod(rows.shape)))
        odd = loop(*rows.starts, *rows.flat, *made)
        high, low = map(rows.result, made)
        if odd and not self._settles:
            self._settle(high, low, given[::2])
        return of.moved(high, like), of.moved(low, like)

    def _settle(self, high: np.ndarray, low: np.ndarray, given: Sequence[np.ndarray]) -> None:
        """Put right what is 0 or not finite where the loop could not."""
        odd = ~(np.isfinite(low) & (high != 0))
        with np.errstate(all="ignore"):
            these = (np.broadcast_to(g, high.shape)[odd] for g in given)
            high[odd] = self._of_floats(library(high).xp, *these)
        low[odd] = 0.0

    @cached_property
    def trace(self) -> Trace:
        """The steps of both functions; of that of pairs where loops have not what floats need."""
        names = part_names(self._of_floats.__code__.co_argcount - 1)
        try:
            made, self._settles = traced(self.passes, names), True
        except AttributeError:
            made = traced(lambda *parts: self._of_pairs(*_pairs(parts)), names)
        return made

    def source(self, kinds: str) -> Source:
        """A loop for arrays of such kinds."""
        return of_elements(self.trace, kinds)


def _pairs(parts: Sequence[Array]) -> Iterator[Pair]:
    return zip(parts[::2], parts[1::2], strict=True)


class Sums(_Rented):
    """The sums of parts of each element, which lose nothing in whatever order they are added."""

    def __init__(self, parts: Callable[..., list[Array]], count: int):
        """`parts` makes so many of a pair, a factor and as many numbers."""
        super().__init__()
        self._parts, self._count = parts, count

    def __call__(
        self, x: Pair, factor: Array, numbers: Sequence[float], along: tuple[int, ...],
        otherwise: Callable[[], list[Array]],
    ) -> list[Array]:  # fmt: skip
        """The sums along axes, which stay, as `factor` has them; `otherwise` is NumPy's way."""
        loop = self._loop("rows")
        if loop is None:
            made: list[Array] = self._timed("rows", otherwise)
            return made
        of, last = library(x[0]), tuple(range(-len(along), 0))
        high, low, factors = (np.moveaxis(of.host(part), along, last) for part in (*x, factor))
        sums = np.empty((self._count, factors.size))
        length = math.prod(x[0].shape[a] for a in along)
        rows = (one_row(part).reshape(factors.size, length) for part in (high, low))
        loop(*rows, one_row(factors), *numbers, sums)
        shaped = (np.moveaxis(row.reshape(factors.shape), last, along) for row in sums)
        return [of.moved(each, x[0]) for each in shaped]

    @cached_property
    def trace(self) -> Trace:
        """The steps to all parts."""

        def parts(high: Array, low: Array, factor: Array, *numbers: Array) -> list[Array]:
            return self._parts((high, low), factor, numbers)

        return traced(parts, ["h0", "l0", "factor", *(f"number{k}" for k in range(self._count))])

    def source(self, kind: str) -> Source:
        """The loop over rows."""
        return of_rows(self.trace)

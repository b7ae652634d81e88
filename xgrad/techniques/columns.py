"""Columns of a Jacobian that share no value, found at the steps of a definition: one step for all.

Source: A. R. Curtis, M. J. D. Powell, J. K. Reid (1974), On the estimation of sparse Jacobian
matrices, J. Inst. Maths Applics 13, 117-119. Nobody tells the pattern here: it is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from xgrad.numbers import Ball, midpoint

FROM = 8  # columns, below which each has a step of its own
WORTH = 4  # times fewer steps that are to be saved

Move = Callable[[np.ndarray], list[Ball]]  # the function with some columns moved, at every corner


class Group(NamedTuple):
    """Columns of which no value feels two, and for each value the one that it feels, or −1."""

    columns: np.ndarray
    owners: np.ndarray

    def direction(self, n: int) -> np.ndarray:
        """Along all of them at once."""
        return _mask(n, self.columns).astype(float)


def find_groups(move: Move, shapes: Sequence[tuple[int, ...]]) -> list[Group] | None:
    """All columns in groups; None where these would save little.

    `move` gives the values at all corners of the stencil, where the columns of a mask are moved.
    """
    sizes = [int(np.prod(shape)) for shape in shapes]
    n = sum(sizes)
    if n < FROM:
        return None
    base = move(np.zeros(n, dtype=bool))
    groups: list[Group] = []
    starts = np.cumsum([0, *sizes])
    for k in np.argsort(sizes)[::-1]:  # where the largest is dense, nobody looks further
        columns = starts[k] + np.arange(sizes[k]).reshape(shapes[k])
        tried = (_all_apart(move, base, n, way) for way in _ways(columns))
        groups += next((found for found in tried if found), _alone(columns, base))
        if len(groups) * WORTH > n:
            return None
    return groups


def _alone(columns: np.ndarray, base: list[Ball]) -> list[Group]:
    """Each by itself: then all that moves is its own."""
    return [Group(np.array([j]), np.full(base[0].shape, j)) for j in columns.reshape(-1)]


def _ways(columns: np.ndarray) -> Iterator[list[np.ndarray]]:
    """An input's elements all at once, as elementwise maps let; else those of one index."""
    yield [columns.reshape(-1)]
    if columns.ndim > 1:
        for axis in range(columns.ndim - 1, -1, -1):
            yield [part.reshape(-1) for part in np.moveaxis(columns, axis, 0)]


def _all_apart(move: Move, base: list[Ball], n: int, way: list[np.ndarray]) -> list[Group] | None:
    """The groups, if no value feels two columns of one."""
    made = []
    for columns in way:
        owners = _owners(move, base, n, columns)
        if owners is None:
            return None
        made.append(Group(columns, owners))
    return made


def _owners(move: Move, base: list[Ball], n: int, columns: np.ndarray) -> np.ndarray | None:
    """The column that each value feels, by the bits of its number; None where one feels two.

    Where the columns with a bit are moved, or those without it, a value is as if all were, or as
    if none was. Of one that feels two, apart or together only, both happen to be the same.
    """
    full = move(_mask(n, columns))
    changed = [~_same(a, b) for a, b in zip(full, base, strict=True)]
    numbers = [np.zeros(each.shape, dtype=int) for each in changed]
    order = np.arange(len(columns))
    for bit in range((len(columns) - 1).bit_length()):
        has = (order >> bit) % 2 == 1
        ways = move(_mask(n, columns[has])), move(_mask(n, columns[~has]))
        for k, (with_it, without) in enumerate(zip(*ways, strict=True)):
            one, other = (
                _same(with_it, a) & _same(without, b)
                for a, b in ((full[k], base[k]), (base[k], full[k]))
            )
            if not np.all(np.where(changed[k], one | other, one & other)):
                return None
            numbers[k] += (one & changed[k]).astype(int) << bit
    owners = np.full(changed[0].shape, -1)
    for number, felt in zip(numbers, changed, strict=True):
        if np.any(felt & (number >= len(columns))):
            return None
        told = columns[np.where(felt, number, 0)]
        if np.any(felt & (owners >= 0) & (owners != told)):
            return None
        owners = np.where(felt, told, owners)
    return owners


def _mask(n: int, columns: np.ndarray) -> np.ndarray:
    mask = np.zeros(n, dtype=bool)
    mask[columns] = True
    return mask


def _same(a: Ball, b: Ball) -> np.ndarray:
    """Which values are one number: not to some digits, but the same; or the same is missing."""
    gap = midpoint(a - b)
    same = np.asarray(gap == 0)
    if np.all(np.isfinite(gap)):
        return same
    here, there = midpoint(a), midpoint(b)
    alike = (here == there) | (np.isnan(here) & np.isnan(there))
    return same | (alike & ~np.isfinite(here))

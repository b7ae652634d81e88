"""Many points of a function of balls at once, and what keeps them those that each has alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from xgrad.errors import BudgetExceeded
from xgrad.numbers.balls.array import LEDGER, Ball, ball, is_complex, midpoint, to_acb
from xgrad.numbers.balls.elementwise import isfinite
from xgrad.numbers.batched import NotBatched, Together

FEWEST = 4  # points for which it is worth while, as one of them is taken alone too


def values(f: Callable[..., Any], rows: np.ndarray, others: Any) -> np.ndarray:
    """f(xp, row, *others) of each row, object arrays both, with the operations of one by one."""
    code = getattr(f, "__code__", None)
    known = _Points() if code is None else _KNOWN.setdefault(code, _Points())
    return known(Ball(rows), (f, others)).data


class _Points(Together):
    """The points of functions that are written in one place.

    The first and the last point are taken alone too where their shapes are new, later one of them,
    another each time: balls of one number overlap. All cost what they cost one by one.
    """

    def __init__(self) -> None:
        super().__init__(lambda xp, row, rest: rest[0](xp, row, *rest[1]), Ball.namespace)
        self.turn = 0
        self.seen: set[Any] = set()
        self.costs: set[int] = set()

    def __call__(self, rows: Ball, rest: Any) -> Ball:
        if self.alone or len(rows.data) < FEWEST:
            return self._one_by_one(rows, rest)
        before = LEDGER.spent
        self.costs.clear()
        try:
            made = ball(self._at_once(rows, rest))
            (cost,) = self.costs
        except Exception as error:  # as one by one, where the same may be wrong
            self.alone = not isinstance(error, BudgetExceeded)
            LEDGER.spent = before
            return self._one_by_one(rows, rest)
        self.seen.add(_shapes(rows, rest))
        LEDGER.spent = before
        LEDGER.spend(len(rows.data) * cost)
        return made

    def _one_by_one(self, rows: Ball, rest: Any) -> Ball:
        made = [self._alone(rows, k, rest).data for k in range(len(rows.data))]
        mixed = len({is_complex(data) for data in made}) > 1
        return Ball(np.stack([np.asarray(to_acb(data)) for data in made] if mixed else made))

    def _alone(self, rows: Ball, k: int, rest: Any) -> Ball:
        before = LEDGER.spent
        made = ball(self.f(self.xp, Ball(rows.data[k, ...]), rest))
        self.costs.add(LEDGER.spent - before)
        return made

    def _checked(self, rows: Ball, rest: Any) -> tuple[int, ...]:
        if _shapes(rows, rest) not in self.seen:
            return (0, len(rows.data) - 1)
        self.turn += 1
        return (self.turn % len(rows.data),)

    def _require_alike(self, together: Any, alone: Ball) -> None:
        if not _overlap(ball(together), alone):
            raise NotBatched("the points alone give something else")


def _shapes(rows: Ball, rest: Any) -> tuple[Any, ...]:
    return (rows.shape, *(getattr(each, "shape", None) for each in rest[1]))


_KNOWN: WeakKeyDictionary[Any, _Points] = WeakKeyDictionary()  # by the code of a function
_overlapping = np.frompyfunc(lambda a, b: a.overlaps(b), 2, 1)


def _overlap(a: Ball, b: Ball) -> bool:
    """Whether both may be the same numbers; those that are not finite must be the same floats."""
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    finite = isfinite(a) & isfinite(b)
    near = np.asarray(_overlapping(a.data, b.data), dtype=bool)
    one, other = (midpoint(each)[~finite] for each in (a, b))
    return bool(np.all(near[finite])) and np.array_equal(one, other, equal_nan=True)

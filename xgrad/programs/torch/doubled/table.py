"""Boxes that stand for double-double numbers: pairs of float64 tensors, 31 digits."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import flint
import numpy as np
import torch

from xgrad.numbers import Doubled, halves
from xgrad.numbers import ball as to_ball
from xgrad.programs.constants import exactly, recognising
from xgrad.programs.failures import Escape, NoBallRule
from xgrad.programs.torch.boxes import BOX, KIND, NUMBER, QUIET, QUIETED, Table, dense

# Beside an elementary operation of balls: a call of any size, a result, and a term of a sum, of
# which the library's own products have many at once.
CALL, COST, COST_OF_TERM = 1_000, 0.15, 0.015


_MODES = torch._C.DispatchKeySet(torch._C.DispatchKey.Python) | torch._C.DispatchKeySet(
    torch._C.DispatchKey.PythonTLSSnapshot
)
P = ParamSpec("P")
T = TypeVar("T")


def native(function: Callable[P, T]) -> Callable[P, T]:
    """What a function does with tensors is done by torch itself, whatever modes are on."""

    @wraps(function)
    def outside(*args: P.args, **keywords: P.kwargs) -> T:
        with torch._C.DisableTorchFunction(), torch._C._ExcludeDispatchKeyGuard(_MODES):
            return function(*args, **keywords)

    return outside


class Pairs(Table):
    """Double-double numbers, as pairs of torch's tensors."""

    def forget(self) -> None:
        self.high = torch.empty(0, dtype=torch.float64)
        self.low = torch.empty(0, dtype=torch.float64)

    def price(self, operations: int, results: int) -> int:
        return int(CALL + COST * results + COST_OF_TERM * operations)

    @native
    def decode(self, t: Any) -> Doubled:
        if not isinstance(t, torch.Tensor):
            return number(t)
        if t.is_complex():
            raise NoBallRule("complex numbers in double-double")
        t = _plain(t)
        bits = t.contiguous().view(torch.int64)
        kind = bits & KIND
        boxed = kind == BOX
        if bool(boxed.all()):
            high, low = self._found((bits & NUMBER) - self.first)
        else:
            if bool((kind == QUIET).any()):
                raise Escape(QUIETED)
            high, low = torch.where(boxed, 0.0, t), torch.zeros_like(t)
            if bool(boxed.any()):
                high[boxed], low[boxed] = self._found((bits[boxed] & NUMBER) - self.first)
        minus = boxed & (bits < 0)
        if bool(minus.any()):
            high, low = torch.where(minus, -high, high), torch.where(minus, -low, low)
        return Doubled(high, low)

    def _found(self, at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if not at.numel():
            return at.double(), at.double()
        flat = at.reshape(-1)
        start, end = int(flat[0]), int(flat[-1]) + 1
        if end - start == flat.numel() and bool((flat[1:] > flat[:-1]).all()):
            if start < 0 or end > self.used:
                raise Escape(_OUTLIVED)
            return self.high[start:end].reshape(at.shape), self.low[start:end].reshape(at.shape)
        if int(flat.min()) < 0 or int(flat.max()) >= self.used:
            raise Escape(_OUTLIVED)
        return self.high[at], self.low[at]

    @native
    def encode(self, numbers: Any) -> torch.Tensor:
        high, low = numbers.high.reshape(-1), numbers.low.reshape(-1)
        start, stop = self.used, self.used + high.numel()
        if stop > self.high.numel():
            room = max(stop, 2 * self.high.numel(), 1 << 12)
            self.high, self.low = (_longer(c, self.used, room) for c in (self.high, self.low))
        self.high[start:stop], self.low[start:stop] = high, low
        self.used = stop
        bits = torch.arange(self.first + start, self.first + stop, dtype=torch.int64) | BOX
        return bits.view(torch.float64).reshape(tuple(numbers.high.shape))

    def nearest(self, t: torch.Tensor) -> torch.Tensor:
        return self.decode(t).high.clone()

    def tensors(self, value: Any, mixed: bool = False) -> Any:
        return self.encode(value) if isinstance(value, Doubled) else value

    def zeros(self, shape: Any) -> Doubled:
        return zeros(shape)

    @native
    def lift(self, array: Any) -> Doubled:
        return Doubled.of(torch.tensor(np.asarray(array, dtype=np.float64)))

    def others(self, t: torch.Tensor) -> torch.Tensor:
        return t

    def ranks(self, arrays: list[Any]) -> Any:
        return _Ranks(arrays)


_OUTLIVED = "a tensor that outlives one run in double-double was written to in an earlier one"


def zeros(shape: Any) -> Doubled:
    """Exact zeros."""
    made = torch.zeros(tuple(shape), dtype=torch.float64)
    return Doubled(made, torch.zeros_like(made))


def _plain(t: torch.Tensor) -> torch.Tensor:
    """The elements of a tensor in float64, boxes as they are."""
    t = t.detach()
    if t._is_zerotensor():
        return torch.zeros(tuple(t.shape), dtype=torch.float64)
    if t.layout != torch.strided:
        t = dense(t)
    return (t.resolve_neg() if t.is_neg() else t).double()


def _longer(column: torch.Tensor, used: int, room: int) -> torch.Tensor:
    made = torch.empty(room, dtype=torch.float64)
    made[:used] = column[:used]
    return made


@lru_cache(maxsize=4096)
def _pair(value: Any, recognised: bool, bits: int) -> tuple[float, float]:
    high, low = halves(to_ball(np.array(exactly(value), dtype=object)))
    return float(high), float(low)


def number(value: Any) -> Doubled:
    """One of Python's numbers, as `exactly` reads it."""
    high, low = _pair(value, recognising(), flint.ctx.prec)
    return Doubled(torch.tensor(high, dtype=torch.float64), torch.tensor(low, dtype=torch.float64))


class _Ranks:
    """Signed ranks of pairs among each other, 0 for zero, and the pairs of ranks."""

    def __init__(self, arrays: list[Doubled]):
        flat = [a.high.reshape(-1) for a in arrays], [a.low.reshape(-1) for a in arrays]
        zero = torch.zeros(1, dtype=torch.float64)
        high, low = (torch.cat([*parts, zero]) for parts in flat)
        finite = torch.isfinite(high)
        order = torch.nonzero(finite).reshape(-1)
        order = order[torch.argsort(low[order], stable=True)]
        order = order[torch.argsort(high[order], stable=True)]
        h, low_ = high[order], low[order]
        new = torch.ones(len(order), dtype=torch.bool)
        new[1:] = (h[1:] != h[:-1]) | (low_[1:] != low_[:-1])
        level = torch.cumsum(new, 0) - 1
        ranks = torch.where(finite, 0.0, high)
        ranks[order] = level.double()
        self._zero = float(ranks[-1])
        ranks = torch.where(finite, ranks - self._zero, ranks)
        self._high, self._low = h[new], low_[new]
        parts = torch.split(ranks[:-1], [a.high.numel() for a in arrays])
        self.arrays = [p.reshape(a.high.shape) for p, a in zip(parts, arrays, strict=True)]

    def elements(self, t: torch.Tensor) -> Doubled:
        """The pairs that ranks name."""
        finite = torch.isfinite(t)
        at = (torch.where(finite, t, 0.0) + self._zero).long()
        high = torch.where(finite, self._high[at], t)
        return Doubled(high, torch.where(finite, self._low[at], 0.0))


PAIRS = Pairs()

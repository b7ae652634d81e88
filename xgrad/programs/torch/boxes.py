"""Tensors of exact numbers: an element that is no ordinary float is a *box*, a signalling NaN.

Its payload numbers a ball in a table, or another kind of number while that is open. Torch moves
elements bit by bit, so views, in-place writes, saved tensors and the like are torch's own;
arithmetic that no rule took over quiets the NaN, and is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from flint import acb, arb

from xgrad.numbers import LEDGER, ball
from xgrad.programs.constants import as_array, exact_array, exactly
from xgrad.programs.failures import Escape, NoBallRule
from xgrad.programs.ranks import Ranks
from xgrad.programs.scalars import is_complex

BOX = 0x7FF4 << 48
QUIET = 0x7FFC << 48  # what arithmetic makes of a box
SIGN = -(1 << 63)
NUMBER = (1 << 48) - 1
QUIETED = "a value went through arithmetic that no rule took over"
KIND = ~SIGN & ~NUMBER
_COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
}
SMALLEST = 1 << 12  # balls that a table has room for

_acb = np.frompyfunc(acb, 2, 1)
_real = np.frompyfunc(lambda z: z.real, 1, 1)
_imag = np.frompyfunc(lambda z: z.imag, 1, 1)


class Table:
    """Numbers of one kind by number, which is not used again: a box from an earlier run is noticed.

    While it is open, boxes are numbers of its kind.
    """

    def __init__(self) -> None:
        self.first, self.used, self.depth = 1, 0, 0
        self.forget()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Numbers are kept until the outermost use ends."""
        self.depth += 1
        _OPEN.append(self)
        try:
            yield
        finally:
            _OPEN.pop()
            self.depth -= 1
            if not self.depth:
                self.first += self.used
                self.forget()
                self.used = 0

    def forget(self) -> None:
        """Let go of the numbers."""
        raise NotImplementedError

    def price(self, operations: int, results: int) -> int:
        """What so many elementary operations cost that made so many results, in those of balls."""
        raise NotImplementedError

    def decode(self, t: Any) -> Any:
        """The numbers of a tensor, or of one of Python's."""
        raise NotImplementedError

    def encode(self, numbers: Any) -> torch.Tensor:
        """A new tensor of these numbers."""
        raise NotImplementedError

    def nearest(self, t: torch.Tensor) -> torch.Tensor:
        """A tensor of the nearest floats."""
        raise NotImplementedError

    def tensors(self, value: Any, mixed: bool = False) -> Any:
        """What a rule returned as tensors; all complex, where numbers of both kinds are `mixed`."""
        raise NotImplementedError

    def ranks(self, arrays: list[Any]) -> Any:
        """Ranks of numbers among each other: `arrays`, tensors, and the `elements(t)` of ranks."""
        raise NotImplementedError

    def zeros(self, shape: Any) -> Any:
        """An array of exact zeros."""
        raise NotImplementedError

    def lift(self, array: Any) -> Any:
        """Floats of NumPy as numbers."""
        raise NotImplementedError

    def others(self, t: torch.Tensor) -> Any:
        """A tensor of whole numbers or flags, as the rules take it."""
        raise NotImplementedError


class Balls(Table):
    """Balls, as NumPy's object arrays."""

    def forget(self) -> None:
        self.balls = np.empty(SMALLEST, dtype=object)

    def price(self, operations: int, results: int) -> int:
        return operations

    def add(self, balls: np.ndarray) -> np.ndarray:
        """The numbers of new balls."""
        start, stop = self.used, self.used + balls.size
        while stop > self.balls.size:
            self.balls = np.concatenate([self.balls, np.empty_like(self.balls)])
        self.balls[start:stop] = balls.reshape(-1)
        self.used = stop
        return np.arange(self.first + start, self.first + stop, dtype=np.int64)

    def find(self, numbers: np.ndarray) -> Any:
        """The balls of numbers; raises `Escape` for those of an earlier run."""
        at = numbers - self.first
        if at.size and (at.min() < 0 or at.max() >= self.used):
            raise Escape("a tensor that outlives one run in balls was written to in an earlier one")
        return self.balls[at]

    def decode(self, t: Any) -> np.ndarray:
        if not isinstance(t, torch.Tensor):
            return as_array(exactly(t))
        numbers = plain(t)
        if t.is_complex():
            parts = numbers.astype(np.complex128).reshape(*numbers.shape, 1).view(np.float64)
            return as_array(_acb(self._unboxed(parts[..., 0]), self._unboxed(parts[..., 1])))
        return self._unboxed(numbers) if t.dtype == torch.float64 else exact_array(numbers)

    def _unboxed(self, numbers: np.ndarray) -> np.ndarray:
        bits = numbers.view(np.int64)
        at = bits.reshape(-1) - (BOX + self.first)
        if at.size and np.maximum.reduce(at.view(np.uint64)) < self.used:  # none but boxes
            return self.balls[at].reshape(bits.shape)
        kind = bits & KIND
        boxed = kind == BOX
        if boxed.all():
            balls = as_array(self.find(bits & NUMBER))
        else:
            if (kind == QUIET).any():
                raise Escape(QUIETED)
            balls = exact_array(np.where(boxed, 0.0, numbers))
            balls[boxed] = self.find(bits[boxed] & NUMBER)
        minus = boxed & (bits < 0)
        if minus.any():
            balls[minus] = -balls[minus]
        return balls

    def encode(self, numbers: Any) -> torch.Tensor:
        balls = as_array(numbers)
        if is_complex(balls):
            return torch.complex(self.encode(_real(balls)), self.encode(_imag(balls)))
        bits = self.add(balls) | BOX
        return torch.from_numpy(bits.view(np.float64).reshape(balls.shape))

    def nearest(self, t: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(midpoints(self.decode(t)))

    def tensors(self, value: Any, mixed: bool = False) -> Any:
        array = as_array(value)
        if array.dtype == object:
            return self.encode(alike(array) if mixed else array)
        return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))

    def zeros(self, shape: Any) -> np.ndarray:
        return zeros(shape)

    def lift(self, array: Any) -> np.ndarray:
        return ball(array).data

    def others(self, t: torch.Tensor) -> np.ndarray:
        return np.asarray(t.numpy())

    def ranks(self, arrays: list[Any]) -> Any:
        return _Ranked(arrays)


class _Ranked:
    """Ranks of balls, as tensors."""

    def __init__(self, arrays: list[np.ndarray]):
        self._ranks = Ranks(arrays)
        self.arrays = [torch.from_numpy(rank.copy()) for rank in self._ranks.arrays]

    def elements(self, t: torch.Tensor) -> np.ndarray:
        """The balls that ranks name."""
        return self._ranks.elements(t.numpy())


TABLE = Balls()
_OPEN: list[Table] = [TABLE]


def is_float(value: Any) -> bool:
    """Whether this is a tensor of floats or complex numbers."""
    return isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())


def plain(t: torch.Tensor) -> np.ndarray:
    """The numbers of a tensor as NumPy's, boxes as they are."""
    with torch._C.DisableTorchFunction():
        return _plain(t.detach())


def _plain(t: torch.Tensor) -> np.ndarray:
    if t._is_zerotensor():
        return np.zeros(tuple(t.shape))
    if t.layout != torch.strided:
        t = dense(t)
    if t.is_complex():
        return np.asarray(t.resolve_conj().resolve_neg().numpy())
    if t.is_neg():
        t = t.resolve_neg()
    if t.dtype != torch.float64 and t.is_floating_point():
        t = t.double()
    return np.asarray(t.numpy())


def dense(t: torch.Tensor) -> torch.Tensor:
    """All elements of a sparse tensor; those that it has more than once are added."""
    if t.layout == torch.strided:
        return t
    values = stored(t)
    if not is_float(values):
        return t.to_dense()
    LEDGER.charge(t.numel())
    made = zeros(t.shape)
    np.add.at(made, tuple(places(t).numpy()), decode(values))
    return encode(made)


def stored(t: torch.Tensor) -> torch.Tensor:
    """The values that a sparse tensor has."""
    return t._values() if t.layout is torch.sparse_coo else t.values()


def places(t: torch.Tensor) -> torch.Tensor:
    """The indices of what a sparse tensor stores, a row for each axis; raises `NoBallRule`."""
    if t.layout is torch.sparse_coo:
        return t._indices()
    if t.layout not in _COMPRESSED or t.dim() != 2:
        raise NoBallRule(f"tensors of layout {t.layout} in {t.dim()} dimensions")
    first, second = (getattr(t, name)() for name in _COMPRESSED[t.layout])
    by_columns = t.layout is torch.sparse_csc
    return torch._convert_indices_from_csr_to_coo(first, second, transpose=by_columns)


def filled(like: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """A sparse tensor with other values."""
    known: dict[str, Any] = {"size": like.shape, "check_invariants": False}
    if like.layout is torch.sparse_coo:
        made = torch.sparse_coo_tensor(like._indices(), values, **known)
        return made._coalesced_(like.is_coalesced())
    parts = (getattr(like, name)() for name in _COMPRESSED[like.layout])
    return torch.sparse_compressed_tensor(*parts, values, layout=like.layout, **known)


def is_boxed(t: torch.Tensor) -> bool:
    """Whether any element is a box."""
    if t.dtype not in (torch.float64, torch.complex128):
        return False
    bits = np.ascontiguousarray(plain(t)).view(np.int64)
    return bool(((bits & KIND) == BOX).any())


def decode(t: Any) -> Any:
    """The numbers of a tensor or of one of Python's, of the kind that is open: balls, if none."""
    return _OPEN[-1].decode(t)


def encode(numbers: Any) -> torch.Tensor:
    """A new tensor of these numbers."""
    return _OPEN[-1].encode(numbers)


def alike(balls: np.ndarray) -> np.ndarray:
    """All of them complex, where any is."""
    mixed = any(isinstance(b, acb) for b in balls.reshape(-1).tolist())
    return as_array(np.frompyfunc(acb, 1, 1)(balls)) if mixed else balls


def numbers_of(t: torch.Tensor) -> np.ndarray:
    """For each element its number in the table, and 0 for an ordinary float."""
    bits = np.ascontiguousarray(plain(t)).view(np.int64)
    return np.where((bits & KIND) == BOX, bits & NUMBER, 0)


def midpoints(balls: np.ndarray) -> np.ndarray:
    """The nearest floats."""
    if is_complex(balls):
        return np.asarray(np.frompyfunc(complex, 1, 1)(balls)).astype(np.complex128)
    return np.asarray(np.frompyfunc(float, 1, 1)(balls)).astype(np.float64)


def nearest(t: torch.Tensor) -> torch.Tensor:
    """A tensor of the nearest floats."""
    return _OPEN[-1].nearest(t)


def zeros(shape: Any) -> np.ndarray:
    """An array of exact zeros."""
    made = np.empty(tuple(shape), dtype=object)
    made[...] = arb(0)
    return made

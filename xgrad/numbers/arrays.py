"""An array that wraps another: every operator goes through its namespace, so nothing slips by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np


def _binary(name: str) -> Callable[[Any, Any], Any]:
    def apply(self: Any, other: Any) -> Any:
        if isinstance(other, Passing) and not isinstance(self, Passing):
            return NotImplemented  # what wraps such arrays knows them, and not the other way round
        return getattr(self.namespace, name)(self, other)

    return apply


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    def apply(self: Any, other: Any) -> Any:
        return getattr(self.namespace, name)(other, self)

    return apply


def _unary(name: str) -> Callable[[Any], Any]:
    def apply(self: Any) -> Any:
        return getattr(self.namespace, name)(self)

    return apply


class Wrapped:
    """Shape, indexing and operators of an array in `data`; subclasses set `namespace`.

    Immutable, as arrays are in JAX, and not convertible to Python numbers: `float(x)` inside a
    differentiated function would silently cut the derivative in torch.
    """

    __slots__ = ("data",)
    __array_ufunc__ = None  # numpy arrays on the left leave the operation to us
    __hash__ = None  # type: ignore[assignment]  # compares elementwise, as arrays do
    namespace: Any
    data: Any

    def __init__(self, data: Any):
        self.data = data

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def T(self) -> Any:
        return self.namespace.matrix_transpose(self)

    @property
    def mT(self) -> Any:
        return self.namespace.matrix_transpose(self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array of shape () has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return (self[i, ...] for i in range(len(self)))

    def __float__(self) -> float:
        raise TypeError("float(x) cuts the derivative: keep x an array and use the functions of xp")

    __int__ = __index__ = __complex__ = __float__

    def __array__(self, *args: Any, **keywords: Any) -> np.ndarray:
        raise TypeError("NumPy's own functions cannot see this array: use the functions of xp")

    def __bool__(self) -> bool:
        raise TypeError("the truth of an array of floats is undefined: compare it, use xp.where")

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("arrays are immutable, as in JAX: use xp.where, xp.concat or xp.stack")

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __pow__, __rpow__ = _binary("pow"), _reflected("pow")
    __mod__, __rmod__ = _binary("remainder"), _reflected("remainder")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __neg__, __pos__, __abs__ = _unary("negative"), _unary("positive"), _unary("abs")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __eq__, __ne__ = _binary("equal"), _binary("not_equal")


# What an array of NumPy makes of `x ** 2`, a tenth of the time of a power in longer floats.
_SHORT = {2: "square", 0.5: "sqrt"}


class Passing(Wrapped):
    """A wrapped array that carries its namespace: each one may do something else on the way."""

    __slots__ = ("namespace",)

    def __init__(self, data: Any, namespace: Any):
        super().__init__(data)
        self.namespace = namespace

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    def __getitem__(self, key: Any) -> Any:
        return self.namespace.wrapped(self.data[bare(key)])

    def __pow__(self, other: Any) -> Any:
        short = _SHORT.get(other) if type(other) in (int, float) else None
        return getattr(self.namespace, short)(self) if short else super().__pow__(other)


def bare(value: Any) -> Any:
    """The arrays inside, in lists and tuples too."""
    if isinstance(value, Passing):
        return value.data
    return like(value, [bare(v) for v in value]) if isinstance(value, (list, tuple)) else value


def like(sequence: Any, values: list[Any]) -> Any:
    """A list, tuple or named tuple of the same type with these values."""
    return sequence._make(values) if hasattr(sequence, "_make") else type(sequence)(values)

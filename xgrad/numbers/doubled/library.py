"""What pairs need to know of an array library: its namespace, its compiler, where tables go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device, to_device

from xgrad.errors import UsageError

Array = Any


class Library(NamedTuple):
    """An array library: its functions, a product that no compiler sees through, where arrays are."""

    xp: Any
    rounded: Callable[[Array], Array]
    constant: Callable[[np.ndarray, Array], Array]
    host: Callable[[Array], np.ndarray]


def _selected(product: Array) -> Array:
    """A product behind a selection, so that it is rounded before anything is added to it.

    XLA contracts a b + c to one rounding, within a kernel and across what it duplicates;
    `optimization_barrier` and `reduce_precision` are gone before LLVM does so (measured on JAX
    0.10), a selection is not.
    """
    import jax.numpy as jnp

    return jnp.where(jnp.isfinite(product), product, product + product)


def _itself(value: Array, *_: Any) -> Array:
    return value


_PLACED: dict[Any, Array] = {}


def _placed(table: np.ndarray, like: Array) -> Array:
    """A table on the device of an array, once for each; tables live as long as the program."""
    key = (id(table), type(like), str(device(like)))
    if key not in _PLACED:
        _PLACED[key] = array_namespace(like).asarray(table, device=device(like))
    return _PLACED[key]


def _fetched(value: Array) -> np.ndarray:
    return np.asarray(to_device(value, "cpu"))


# By namespace: whether a compiler contracts products, whether NumPy's tables are taken as they are,
# how NumPy gets an array. Others are as the last row says.
_KINDS: dict[str, Any] = {
    "array_api_compat.numpy": (_itself, _itself, np.asarray),
    "jax.numpy": (_selected, _itself, np.asarray),
    "": (_itself, _placed, _fetched),
}


class _Libraries(dict):  # type: ignore[type-arg]
    """By type of array; a lookup costs less than asking for the namespace again."""

    def add(self, value: Array) -> Library:
        try:
            xp = array_namespace(value)
        except TypeError:
            kind = type(value).__name__
            raise UsageError(f"{kind} is no array that pairs know: give floats or arrays") from None
        self[type(value)] = Library(xp, *_KINDS.get(xp.__name__, _KINDS[""]))
        return self[type(value)]


_LIBRARIES = _Libraries()
_LIBRARIES[float] = _LIBRARIES[int] = _LIBRARIES.add(np.float64(0.0))


def library(value: Array) -> Library:
    """The library of an array; of a Python number NumPy. Raises `UsageError` for anything else."""
    return _LIBRARIES.get(type(value)) or _LIBRARIES.add(value)

"""What pairs need to know of an array library: its namespace, its compiler, where tables go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from xgrad.errors import UsageError

Array = Any


class Library(NamedTuple):
    """An array library: its functions, what keeps a compiler from sums and products, places."""

    xp: Any
    kept: Callable[[Array], Array]
    moved: Callable[[np.ndarray, Array], Array]
    table: Callable[[np.ndarray, Array], Array]
    host: Callable[[Array], np.ndarray]
    blocked: Callable[[Array], bool]  # whether large arrays are better taken in blocks
    lost: Callable[[Array, Array, Array], Array] | None = None  # by a product, with one rounding
    whole_log2: Callable[[Array], Array] | None = None  # rounded, without the logarithm


def _selected(value: Array) -> Array:
    """A sum or product behind a selection, so that it is rounded before anything is added to it.

    XLA takes a b + c for one operation, and (a + c) − c for a where c is constant (measured on
    JAX 0.10). `optimization_barrier` and `reduce_precision` are gone before LLVM does the former; a
    selection holds in both.
    """
    import jax.numpy as jnp

    return jnp.where(jnp.isfinite(value), value, value + value)


def _converted(values: np.ndarray, like: Array) -> Array:
    import jax.numpy as jnp

    return jnp.asarray(values)


def _itself(value: Array, *_: Any) -> Array:
    return value


def _moved(values: np.ndarray, like: Array) -> Array:
    """NumPy's array in the library and on the device of another."""
    xp = library(like).xp
    return xp.asarray(values) if _on_host(like) else xp.asarray(values, device=like.device)


_PLACED: dict[Any, tuple[np.ndarray, Array]] = {}


def _placed(table: np.ndarray, like: Array) -> Array:
    """A table moved once to each device; it is kept, and so is its id."""
    from array_api_compat import device

    key = (id(table), type(like), str(device(like)))
    if key not in _PLACED:
        _PLACED[key] = table, _moved(table, like)
    return _PLACED[key][1]


def _fetched(value: Array) -> np.ndarray:
    from array_api_compat import to_device

    if _on_host(value):
        return np.asarray(value)
    return np.asarray(to_device(value, "cpu"))


def _never(value: Array) -> bool:
    return False


def _always(value: Array) -> bool:
    return True


def _on_host(value: Array) -> bool:
    return str(value.device) == "cpu"


# By namespace: what keeps a compiler from sums and products, how NumPy's arrays get there, how
# tables, how NumPy gets an array, and whether blocks pay: a compiler makes its own. Others are as
# the last row says.
_KINDS: dict[str, Any] = {
    "array_api_compat.numpy": (_itself, _itself, _itself, np.asarray, _always),
    "jax.numpy": (_selected, _converted, _itself, np.asarray, _never),
    "": (_itself, _moved, _placed, _fetched, _on_host),
}
LIBRARIES: dict[type, Library] = {}  # a lookup costs less than asking for the namespace again


HOST = {np.ndarray, np.float64, float, int, bool}


def library(value: Array) -> Library:
    """The library of an array; of a Python number NumPy. Raises `UsageError` for anything else."""
    return LIBRARIES.get(type(value)) or _found(value)


def library_of(*parts: Array) -> Library:
    """The library that decides: the first that is not NumPy's."""
    return library(next((p for p in parts if type(p) not in HOST), parts[0]))


def _found(value: Array) -> Library:
    from array_api_compat import array_namespace

    try:
        xp = array_namespace(np.float64(0) if isinstance(value, (int, float)) else value)
    except TypeError:
        kind = type(value).__name__
        raise UsageError(f"{kind} is no array that pairs know: give floats or arrays") from None
    LIBRARIES[type(value)] = Library(xp, *_KINDS.get(xp.__name__, _KINDS[""]))
    return LIBRARIES[type(value)]

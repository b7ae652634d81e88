"""Values of a JAX program: floats as object arrays of balls, everything else as JAX has it."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flint import acb, arb

from xgrad.programs.constants import exact_array
from xgrad.programs.scalars import is_complex

_to_float = np.frompyfunc(lambda a: float(a.mid()), 1, 1)
_to_complex = np.frompyfunc(lambda a: complex(acb(a).mid()), 1, 1)
finite = methodcaller("is_finite")
ZERO, ONE = arb(0), arb(1)  # immutable: one object serves all elements


def filled(shape: Any, value: Any) -> np.ndarray:
    """An object array of one number."""
    data = np.empty(shape, dtype=object)
    data.fill(value)
    return data


def zero(data: np.ndarray) -> Any:
    """A zero of the kind of an array's elements."""
    return acb(0) if is_complex(data) else ZERO


def put(value: Any) -> Any:
    """Floats as balls, exactly; keys as they are, whole numbers as NumPy arrays."""
    if is_balls(value) or (not isinstance(value, np.ndarray) and is_key(value)):
        return value
    data = np.asarray(value)
    if data.dtype.kind == "c":
        return exact_array(data.astype(np.complex128))
    if jnp.issubdtype(data.dtype, jnp.floating):
        return exact_array(data.astype(np.float64))
    return data


def is_key(value: Any) -> bool:
    """Whether a value, or its abstract one, is a random key."""
    return jnp.issubdtype(jnp.result_type(value), jax.dtypes.prng_key)


def is_number(variable: Any) -> bool:
    """Whether a variable of a jaxpr holds floats, real or complex."""
    return jnp.issubdtype(variable.aval.dtype, jnp.inexact)


def is_float(variable: Any) -> bool:
    """Whether a variable of a jaxpr holds real floats."""
    return jnp.issubdtype(variable.aval.dtype, jnp.floating)


def is_balls(value: Any) -> bool:
    """Whether a value is an array of balls."""
    return isinstance(value, np.ndarray) and value.dtype.hasobject


def all_finite(data: np.ndarray) -> bool:
    """Whether all balls are."""
    return all(map(finite, data.ravel().tolist()))


def midpoints(data: np.ndarray) -> np.ndarray:
    """The midpoints of balls in double precision, complex where one is."""
    if is_complex(data):
        return np.asarray(_to_complex(data), dtype=np.complex128)
    return np.asarray(_to_float(data), dtype=np.float64)


def seen(value: Any, variable: Any) -> Any:
    """A value as JAX would have it in floats of the variable's dtype."""
    return jnp.asarray(midpoints(value), dtype=variable.aval.dtype) if is_balls(value) else value


def bind(eqn: Any, values: list[Any], params: Any = None) -> list[Any]:
    """What JAX makes of an equation with these operands."""
    found = eqn.primitive.bind(*values, **(eqn.params if params is None else params))
    return list(found) if eqn.primitive.multiple_results else [found]

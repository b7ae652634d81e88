"""Floats as the dtypes hold them: epsilons, least numbers, rounding to nearest."""

from __future__ import annotations

import numpy as np

DTYPES = ("float64", "float32", "bfloat16", "float16")
EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
REAL_DTYPES = {"complex128": "float64", "complex64": "float32"}  # those of the parts
# The least that is not flushed to zero somewhere: of float16 the subnormals count.
SMALLEST = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-24, "bfloat16": 2.0**-126}


def rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """The nearest values that the dtype holds, as float64; of complex ones both parts.

    In the shape of the array; whole numbers and truth values are returned as they are. Halves go
    to even, and what exceeds the dtype is infinite (IEEE 754).
    """
    if array.dtype.kind == "c":
        return np.asarray(rounded(array.real, dtype) + 1j * rounded(array.imag, dtype))
    if array.dtype.kind != "f" or dtype == "float64":
        return array
    if dtype != "bfloat16":
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(array.astype(dtype).astype(np.float64))
    mantissa, exponent = np.frexp(array)  # bfloat16 keeps 8 bits, ties to even
    return np.asarray(np.ldexp(np.round(mantissa * 256) / 256, exponent))


def spacing(value: float, dtype: str) -> float:
    """The distance of neighbouring numbers of the dtype at a magnitude, the unit of `ulps`.

    At zero, infinity and NaN that at 1, the dtype's epsilon.
    """
    if not np.isfinite(value) or value == 0.0:
        return EPS[dtype]
    return max(float(2.0 ** np.floor(np.log2(abs(value))) * EPS[dtype]), SMALLEST[dtype])


def real_dtype(dtype: str) -> str:
    """The dtype of the parts of a complex one; of others the same."""
    return REAL_DTYPES.get(dtype, dtype)

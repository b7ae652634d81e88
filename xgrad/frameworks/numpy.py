"""NumPy: the array library of the formulas, the differences and the complex step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks.base import Framework
from xgrad.frameworks.inside import defined
from xgrad.frameworks.namespace import Namespace
from xgrad.numbers import Together, python_scan, require_segments


def _special(name: str) -> Callable[..., Any]:
    """A function of scipy.special, for the floats that it knows."""

    def apply(*args: Any) -> Any:
        import scipy.special

        kind = np.asarray(args[-1]).dtype
        if kind == np.longdouble:
            raise Unsupported(f"{name} has no extended-precision version")
        result = getattr(scipy.special, name)(*args)
        return result.astype(kind) if kind.kind == "f" else result

    return apply


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log Σ exp(x) along an axis, shifted by the maximum."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros_like(top))
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """x − log Σ exp(x)."""
    return x - logsumexp(x, axis=axis, keepdims=True)


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / Σ exp(x), shifted by the maximum."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def expit(x: Any) -> Any:
    """1 / (1 + exp(−x)) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def segment_sum(data: Any, segment_ids: Any, num_segments: int) -> Any:
    """Sums of the rows of each segment, which integers in range(num_segments) name."""
    require_segments(segment_ids, num_segments)
    total = np.zeros((num_segments, *data.shape[1:]), dtype=data.dtype)
    np.add.at(total, segment_ids, data)
    return total


def expm(a: Any) -> Any:
    """The exponential of each matrix of a stack."""
    import scipy.linalg

    if a.dtype in (np.float16, np.longdouble):
        raise Unsupported(f"expm has no version of {a.dtype}")
    return scipy.linalg.expm(a)


def complex_(re: Any, im: Any) -> Any:
    """re + i im, each part as it is."""
    shape = np.broadcast_shapes(np.shape(re), np.shape(im))
    made = np.empty(shape, dtype=np.result_type(re, im, np.complex64))
    made.real, made.imag = re, im
    return made


EXTRAS: dict[str, Callable[..., Any]] = {
    "angle": np.angle,
    "complex": complex_,
    "logsumexp": logsumexp,
    "log_softmax": log_softmax,
    "softmax": softmax,
    "softplus": softplus,
    "expit": expit,
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "lgamma": _special("gammaln"),
    "digamma": _special("digamma"),
    "polygamma": _special("polygamma"),
    "expm": expm,
    "segment_sum": segment_sum,
    "einsum": np.einsum,
    "scan": python_scan(np.stack),
}

_DTYPES = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "longdouble": np.longdouble,
}


class NumPy(Framework):
    """NumPy through array-api-compat."""

    name = "numpy"
    dtypes = ("float64", "float32", "float16")
    host_only = True
    ready = True
    analytic = True

    def namespace(self, dtype: str, device: str = "cpu") -> Namespace:
        """NumPy, and SciPy's special functions."""
        return Namespace("array_api_compat.numpy", _DTYPES[dtype], EXTRAS | defined())

    def put(self, array: np.ndarray, dtype: str, device: str = "cpu") -> np.ndarray:
        """A copy, so that nothing here can change the caller's array."""
        return np.array(array, dtype=_DTYPES[dtype] if array.dtype.kind == "f" else array.dtype)

    def get(self, array: Any) -> np.ndarray:
        """The array itself, floats widened."""
        array = np.asarray(array)
        return array.astype(np.float64) if array.dtype.kind == "f" else array

    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """NumPy has one device."""
        return np.shape(array), str(np.asarray(array).dtype), "cpu"

    def is_array(self, value: Any) -> bool:
        """NumPy reductions return scalars, which count as arrays of shape ()."""
        return isinstance(value, (np.ndarray, np.generic))

    def batch(self, f: Callable[[Any, Any, Any], Any], xp: Any) -> Callable[[Any, Any], Any]:
        """All rows at once by rules of our own; a loop for functions that they do not cover."""
        return Together(f, xp)


FRAMEWORK = NumPy()

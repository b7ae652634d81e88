"""The array standard and the extras for a library that has NumPy's names.

What a library does not have is put together from what it has, and so differentiated by its rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import accumulate
from math import prod
from operator import mul
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from xgrad.numbers import cross_product, missing, python_scan

# Functions of the standard under the names that NumPy had before it.
RENAMED = {"acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh",
           "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh", "concat": "concatenate",
           "permute_dims": "transpose", "pow": "power", "bool": "bool_"}  # fmt: skip


class Determinant(NamedTuple):
    """What `slogdet` returns."""

    sign: Any
    logabsdet: Any


class Eigen(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


class Factors(NamedTuple):
    """What `qr` returns."""

    Q: Any
    R: Any


class NumpyLike:
    """A library with NumPy's names as the base of a `Namespace`.

    `own` are functions that stand in for the library's; `linalg` is where it has `inv`, `det`,
    `solve`, `cholesky`, `slogdet`, `eigh`, `svd` and `qr`, as far as it has them.
    """

    def __init__(self, library: Any, linalg: Any = None, **own: Any):
        self._library = library
        vars(self).update(own)
        self.linalg = Linalg(self, linalg or getattr(library, "linalg", SimpleNamespace()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._library, RENAMED.get(name, name))

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *dir(self._library), *RENAMED]

    # --- kinds ------------------------------------------------------------------------------------

    def astype(self, x: Any, dtype: Any) -> Any:
        """The array in another dtype."""
        return x.astype(dtype)

    def isdtype(self, dtype: Any, kind: Any) -> bool:
        """By NumPy, whose names for types the library's have."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        return any(np.isdtype(_numpy_dtype(dtype), k if isinstance(k, str) else _numpy_dtype(k))
                   for k in kinds)  # fmt: skip

    # --- shapes -----------------------------------------------------------------------------------

    def concat(self, arrays: Sequence[Any], axis: int | None = 0) -> Any:
        """Joined along an axis; flattened first where it is None."""
        flat = [self.reshape(a, (-1,)) for a in arrays] if axis is None else list(arrays)
        return self._library.concatenate(flat, axis=axis or 0)

    def matrix_transpose(self, x: Any) -> Any:
        """The last two axes exchanged."""
        return self.swapaxes(x, -1, -2)

    def unstack(self, x: Any, axis: int = 0) -> tuple[Any, ...]:
        """The parts along an axis."""
        moved = self.moveaxis(x, axis, 0)
        return tuple(moved[i, ...] for i in range(moved.shape[0]))

    def take_along_axis(self, x: Any, indices: Any, axis: int = -1) -> Any:
        """By an index array for every axis."""
        axis %= len(x.shape)
        grid = np.ogrid[tuple(slice(n) for n in indices.shape)]
        at = [indices if k == axis else np.asarray(g) for k, g in enumerate(grid)]
        return x[tuple(at)]

    # --- order and sums ---------------------------------------------------------------------------

    def clip(self, x: Any, min: Any = None, max: Any = None) -> Any:
        """Between bounds, of which one may be missing."""
        low = x if min is None else self.maximum(x, min)
        return low if max is None else self.minimum(low, max)

    def sort(self, x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        """Sorted along an axis."""
        made = self._library.sort(x, axis=axis)
        return self.flip(made, axis=axis) if descending else made

    def argsort(self, x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        """The order along an axis; equal elements as they come."""
        if not descending:
            return self._library.argsort(x, axis=axis)
        order = self._library.argsort(self.flip(x, axis=axis), axis=axis)
        return self.flip(x.shape[axis] - 1 - order, axis=axis)

    def var(self, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
        """The mean of the squares of what is left of x without its mean."""
        axes = range(len(x.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        n = prod(x.shape[k] for k in axes)
        rest = x - self.mean(x, axis=axis, keepdims=True)
        return self.sum(rest * rest, axis=axis, keepdims=keepdims) / (n - correction)

    def std(self, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
        """The root of `var`."""
        return self.sqrt(self.var(x, axis, correction, keepdims))

    def cumulative_sum(self, x: Any, axis: Any = None, include_initial: bool = False) -> Any:
        """Running sums."""
        made = self.cumsum(x, axis=axis or 0)
        return self._with_first(made, axis or 0, self.zeros_like) if include_initial else made

    def cumulative_prod(self, x: Any, axis: Any = None, include_initial: bool = False) -> Any:
        """Running products."""
        axis = axis or 0
        rows = self.unstack(x, axis=axis)
        made = self.stack(list(accumulate(rows, mul)))
        made = self.moveaxis(made, 0, axis)
        return self._with_first(made, axis, self.ones_like) if include_initial else made

    def _with_first(self, x: Any, axis: int, make: Callable[..., Any]) -> Any:
        first = make(self.moveaxis(self.moveaxis(x, axis, 0)[:1, ...], 0, axis))
        return self.concat([first, x], axis=axis)

    def vecdot(self, a: Any, b: Any, axis: int = -1) -> Any:
        """Σ conj(a) b along an axis."""
        return self.sum(self.conj(a) * b, axis=axis)


def _numpy_dtype(dtype: Any) -> np.dtype:
    named = getattr(dtype, "as_numpy_dtype", None) or str(dtype).rpartition(".")[2]
    return np.dtype(dtype if isinstance(dtype, (type, np.dtype)) else named)


class Linalg:
    """The standard's linear algebra, of what a library has of it."""

    def __init__(self, xp: NumpyLike, library: Any):
        self._xp = xp
        self._library = library
        for name in ("matmul", "tensordot", "vecdot", "matrix_transpose"):
            setattr(self, name, getattr(xp, name))
        self.cross = partial(cross_product, xp)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(self._library, name)
        except AttributeError:
            raise missing("xp.linalg", name, dir(self._library)) from None

    def solve(self, a: Any, b: Any) -> Any:
        """a⁻¹ b; a b of one axis is a vector."""
        if len(b.shape) > 1:
            return self._library.solve(a, b)
        return self._library.solve(a, b[:, None])[..., 0]

    def cholesky(self, a: Any, upper: bool = False) -> Any:
        """The lower factor, or the upper one."""
        factor = self._library.cholesky(a)
        return self._xp.matrix_transpose(factor) if upper else factor

    def slogdet(self, a: Any) -> Determinant:
        """Sign and logarithm of the size of the determinant."""
        return Determinant(*self._library.slogdet(a))

    def eigh(self, a: Any) -> Eigen:
        """Eigenvalues, ascending, and eigenvectors, of the symmetric part.

        Of a library that reads one triangle the derivative would be by that triangle alone.
        """
        turned = self._xp.conj(self._xp.matrix_transpose(a))
        return Eigen(*self._library.eigh((a + turned) / 2))

    def qr(self, a: Any, mode: str = "reduced") -> Factors:
        """An orthogonal and an upper triangular factor."""
        return Factors(*(self._library.qr(a) if mode == "reduced" else self._library.qr(a, mode)))

    def eigvalsh(self, a: Any) -> Any:
        """Eigenvalues, ascending."""
        return self.eigh(a).eigenvalues

    def svdvals(self, a: Any) -> Any:
        """Singular values, descending."""
        return self._library.svd(a, full_matrices=False)[1]

    def diagonal(self, a: Any, offset: int = 0) -> Any:
        """The diagonal of each matrix."""
        rows, columns = a.shape[-2:]
        n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
        at = self._xp.asarray(np.arange(n))
        return a[..., at - min(offset, 0), at + max(offset, 0)]

    def trace(self, a: Any, offset: int = 0) -> Any:
        """The sum of the diagonal of each matrix."""
        return self._xp.sum(self.diagonal(a, offset), axis=-1)

    def outer(self, a: Any, b: Any) -> Any:
        """Products of all pairs."""
        return a[:, None] * b[None, :]

    def matrix_power(self, a: Any, n: int) -> Any:
        """By products, of the inverse where n is negative."""
        if n == 0:
            return a * 0 + self._xp.eye(a.shape[-1], dtype=a.dtype)
        return reduce(self._xp.matmul, [self.inv(a) if n < 0 else a] * abs(n))

    def vector_norm(self, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        """(Σ |x|ᵖ)^(1/p) over axes, and its limits."""
        xp, over = self._xp, {"axis": axis, "keepdims": keepdims}
        size = xp.abs(x)
        if ord in (np.inf, -np.inf):
            return xp.max(size, **over) if ord > 0 else xp.min(size, **over)
        if ord == 0:
            return xp.sum(xp.astype(size != 0, size.dtype), **over)
        if ord == 1:
            return xp.sum(size, **over)
        return xp.sqrt(xp.sum(size * size, **over)) if ord == 2 else (
            xp.sum(size**ord, **over) ** (1 / ord))  # fmt: skip

    def matrix_norm(self, x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
        """Frobenius', by singular values, or the largest sum of a column or a row."""
        if ord == "fro":
            return self.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
        if ord in (2, "nuc"):
            reduce_ = self._xp.max if ord == 2 else self._xp.sum
            made = reduce_(self.svdvals(x), axis=-1)
            return made[..., None, None] if keepdims else made
        axis = {1: -2, np.inf: -1}[ord]
        sums = self._xp.sum(self._xp.abs(x), axis=axis, keepdims=True)
        return self._xp.max(sums, axis=(-2, -1), keepdims=keepdims)


def elementary_extras(xp: Any) -> dict[str, Callable[..., Any]]:
    """The extras that follow from the functions of a base alone, right also far from zero.

    The others (`erf`, `erfc`, `lgamma`, `digamma`, `polygamma`, `expm`) a library has or has not.
    """

    def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        top = xp.max(x, axis=axis, keepdims=True)
        total = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
        if keepdims:
            return total
        return xp.reshape(total, ()) if axis is None else xp.squeeze(total, axis=axis)

    def softmax(x: Any, axis: int = -1) -> Any:
        e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
        return e / xp.sum(e, axis=axis, keepdims=True)

    def log_softmax(x: Any, axis: int = -1) -> Any:
        return x - logsumexp(x, axis=axis, keepdims=True)

    def softplus(x: Any) -> Any:
        return xp.logaddexp(x, xp.zeros_like(x))

    def segment_sum(data: Any, segment_ids: Any, num_segments: int) -> Any:
        chosen = np.arange(num_segments)[:, None] == segment_ids[None, :]
        return xp.tensordot(xp.astype(xp.asarray(chosen), data.dtype), data, axes=1)

    def unstacked(x: Any) -> Sequence[Any]:
        return [x[i, ...] for i in range(x.shape[0])]

    return {
        "logsumexp": logsumexp,
        "softmax": softmax,
        "log_softmax": log_softmax,
        "softplus": softplus,
        "expit": lambda x: xp.exp(-softplus(-x)),
        "segment_sum": segment_sum,
        "einsum": xp.einsum,
        "scan": python_scan(xp.stack, unstacked),
    }

"""Products, einsum and linear algebra, by Arb matrices."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from xgrad.numbers import contractions, norms
from xgrad.numbers.balls import factoring
from xgrad.numbers.balls.array import LEDGER, Ball, ball, wrap
from xgrad.numbers.balls.elementwise import (
    abs,
    conj,
    log,
    multiply,
    sign,
)
from xgrad.numbers.balls.lifting import Array, Flag, is_whole, raw, shaped
from xgrad.numbers.balls.matrices import alike, from_matrix, matrix, product
from xgrad.numbers.balls.reductions import sum
from xgrad.numbers.balls.shapes import (
    broadcast_to,
    eye,
    matrix_transpose,
    zeros,
)
from xgrad.numbers.functions import cross_product, missing

_HELPERS = frozenset(globals())  # the names from here on are those of xp


def matmul(a: Array, b: Array) -> Array:
    """Matrix product, stacked over leading axes."""
    if is_whole(a, b):
        return np.matmul(a, b)
    x, y = raw(ball(a)), raw(ball(b))
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    if right.ndim == 2:  # all rows at once
        rows = left.reshape(prod(left.shape[:-1]), left.shape[-1])
        out = product(rows, right).reshape(*left.shape[:-1], right.shape[-1])
    else:
        out = _paired(product, left, right)
    if x.ndim == 1:
        out = out[..., 0, :]
    return wrap(out[..., 0] if y.ndim == 1 else out)


def _paired(function: Callable[..., Any], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What a function makes of each pair of matrices of two stacks."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(each, lead + each.shape[-2:]) for each in (a, b))
    out = np.empty((*lead, a.shape[-2], b.shape[-1]), dtype=object)
    for index in np.ndindex(*lead):
        out[index] = function(a[index], b[index])
    return out


def _solution(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    LEDGER.charge(b.size * b.shape[0])
    left, right = alike(a, b)
    return from_matrix(left.solve(right))


def tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    """Sum of products over the last axes of a and the first of b, or over named axes."""
    if is_whole(a, b):
        return np.tensordot(a, b, axes=axes)
    return wrap(contractions.tensordot(_STEPS, ball(a).data, ball(b).data, axes))


def vecdot(a: Array, b: Array, axis: int = -1) -> Array:
    """Σ a̅·b along an axis."""
    return sum(multiply(conj(a), b), axis=axis)


def einsum(subscripts: str, *operands: Array, **ignored: Any) -> Array:
    """Sums of products by index names, two operands at a time."""
    if is_whole(*operands):
        return np.einsum(subscripts, *operands)
    return wrap(contractions.einsum(_STEPS, subscripts, [ball(o).data for o in operands]))


# Of object arrays: only what computes is charged to the budget.
_STEPS = contractions.Steps(
    np.transpose,
    np.reshape,
    lambda x, first, second: np.diagonal(x, axis1=first, axis2=second),
    lambda x, axes: sum(Ball(x), axis=axes).data,
    lambda x, y: matmul(Ball(x), Ball(y)).data,
    lambda x, y: multiply(Ball(x), Ball(y)).data,
)


def expm(a: Array) -> Array:
    """The exponential of each matrix of a stack."""
    return linalg._each(lambda m: from_matrix(matrix(m).exp()), a)


class SlogDet(NamedTuple):
    """sign · exp(logabsdet) is the determinant."""

    sign: Array
    logabsdet: Array


class Eigh(NamedTuple):
    """Ascending eigenvalues, and eigenvectors as columns."""

    eigenvalues: Array
    eigenvectors: Array


class SVD(NamedTuple):
    """U diag(S) Vh is the matrix; S descends."""

    U: Array
    S: Array
    Vh: Array


class QR(NamedTuple):
    """Q R is the matrix; Q has orthonormal columns, R is upper triangular."""

    Q: Array
    R: Array


class _Linalg:
    """The `linalg` part of the namespace."""

    matmul, tensordot, vecdot = staticmethod(matmul), staticmethod(tensordot), staticmethod(vecdot)

    def __getattr__(self, name: str) -> Any:
        raise missing("xp.linalg", name, [n for n in dir(self) if not n.startswith("_")])

    @staticmethod
    def _each(function: Callable[[Any], Any], x: Array) -> Any:
        """Apply to every matrix of a stack; a tuple of results is one of stacks."""
        data = ball(x).data
        LEDGER.charge(data.size * data.shape[-1])
        lead = data.shape[:-2]
        results = [function(data[index]) for index in np.ndindex(*lead)]

        def stacked(parts: list[Any]) -> Array:
            first = np.asarray(parts[0], dtype=object)
            out = np.empty((len(parts), *first.shape), dtype=object)
            for i, part in enumerate(parts):
                out[i] = part
            return ball(out.reshape(lead + first.shape))

        if isinstance(results[0], tuple):
            return tuple(stacked(list(parts)) for parts in zip(*results, strict=True))
        return stacked(results)

    def det(self, x: Array) -> Array:
        """Determinant."""
        return self._each(lambda m: matrix(m).det(), x)

    def inv(self, x: Array) -> Array:
        """Inverse."""
        return self._each(lambda m: from_matrix(matrix(m).inv()), x)

    def slogdet(self, x: Array) -> SlogDet:
        """Sign and log |det|."""
        det = self.det(x)
        return SlogDet(sign(det), log(abs(det)))

    def matrix_power(self, x: Array, n: int) -> Array:
        """x times itself, by squaring; of the inverse where n is negative."""
        x = self.inv(x) if n < 0 else ball(x)
        power = broadcast_to(eye(x.shape[-1]), x.shape)
        for bit in f"{builtins.abs(n):b}":
            power = matmul(power, power)
            power = matmul(power, x) if bit == "1" else power
        return power

    def solve(self, a: Array, b: Array) -> Array:
        """X with a X = b; b is a vector where it has one axis."""
        right = ball(b).data
        if right.ndim > 1:
            return wrap(_paired(_solution, ball(a).data, right))
        return wrap(_paired(_solution, ball(a).data, right[:, None])[..., 0])

    def cholesky(self, x: Array, upper: Flag = False) -> Array:
        """The lower factor L with L Lᵀ = x, column by column."""

        def factor(m: np.ndarray) -> np.ndarray:
            n = len(m)
            lower = raw(zeros((n, n)))
            for j in range(n):
                row = lower[j, :j]
                lower[j, j] = (m[j, j] - builtins.sum(row * row)).sqrt()
                rest = m[j + 1 :, j] - (lower[j + 1 :, :j] * row).sum(axis=1)
                lower[j + 1 :, j] = rest / lower[j, j]
            return lower.T if upper else lower

        return self._each(factor, x)

    def eigh(self, x: Array) -> Eigh:
        """Eigenvalues and eigenvectors of the symmetric matrix in the lower triangle."""
        return Eigh(*self._each(factoring.symmetric, x))

    def eigvalsh(self, x: Array) -> Array:
        """Eigenvalues of the symmetric matrix in the lower triangle."""
        return self.eigh(x).eigenvalues

    def svd(self, x: Array, full_matrices: Flag = True) -> SVD:
        """Singular values and vectors; raises `NotImplementedError` for a basis completed."""
        rows, columns = ball(x).shape[-2:]
        if full_matrices and rows != columns:
            raise NotImplementedError("ball arithmetic has the svd with full_matrices=False only")
        return SVD(*self._each(factoring.singular, x))

    def svdvals(self, x: Array) -> Array:
        """Singular values."""
        return self.svd(x, full_matrices=False).S

    def qr(self, x: Array, mode: str = "reduced") -> QR:
        """Q and R; `mode` is reduced or complete."""
        complete = mode == "complete"
        return QR(*self._each(lambda m: factoring.orthogonal(m, complete), x))

    def pinv(self, x: Array) -> Array:
        """The pseudoinverse of a matrix of full rank."""
        return self._each(factoring.pseudoinverse, x)

    def trace(self, x: Array, offset: int = 0) -> Array:
        """Sum of the diagonal."""
        return sum(self.diagonal(x, offset=offset), axis=-1)

    def diagonal(self, x: Array, offset: int = 0) -> Array:
        """The diagonal of the last two axes."""
        return shaped(np.diagonal)(x, offset=offset, axis1=-2, axis2=-1)

    def matrix_transpose(self, x: Array) -> Array:
        """The last two axes swapped."""
        return matrix_transpose(x)

    def outer(self, a: Array, b: Array) -> Array:
        """a bᵀ."""
        return multiply(a[:, None], b[None, :])

    def cross(self, a: Array, b: Array, axis: int = -1) -> Array:
        """The vector product in three dimensions."""
        if is_whole(a, b):
            return np.cross(a, b, axis=axis)
        a, b = ball(a), ball(b)
        return cross_product(a.namespace, a, b, axis)

    def vector_norm(
        self, x: Array, axis: Any = None, keepdims: Flag = False, ord: float = 2
    ) -> Array:
        """As `norms` has it."""
        return norms.vector_norm(Ball.namespace, ball(x), ord, axis=axis, keepdims=keepdims)

    def matrix_norm(self, x: Array, keepdims: Flag = False, ord: Any = "fro") -> Array:
        """As `norms` has it."""
        return norms.matrix_norm(Ball.namespace, ball(x), ord, keepdims)


linalg = _Linalg()

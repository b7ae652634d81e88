"""Eigenvalues, singular values and orthogonal factors of one matrix of balls.

Iterations run on midpoints, in more bits than asked for; a last step in balls makes the radii, to
first order. LAPACK's conventions where it has some: eigenvalues ascend and come from the lower
triangle, singular values descend, the diagonal of R has the sign opposite to that of the column.
Signs of vectors, which LAPACK leaves open: the first element of an eigenvector or left singular
vector that has 0.6 of the largest one's size is positive.
"""

from __future__ import annotations

import flint
import numpy as np
from flint import arb

from xgrad.numbers.balls.array import LEDGER, Ball, midpoint, precision
from xgrad.numbers.balls.lifting import raw
from xgrad.numbers.balls.matrices import from_matrix, matrix, product
from xgrad.numbers.balls.shapes import eye

GUARD = 64  # bits beyond those asked for
MOST = 40  # refinements and sweeps; each doubles the digits, so a few do
TURN = 2.0**-8  # beyond which a step refines nothing: close vectors are told apart by rotations
LARGE = 0.6  # of the largest element: a tie of the two largest decides no sign

_mid = np.frompyfunc(lambda a: arb(a).mid(), 1, 1)
_size = np.frompyfunc(lambda a: abs(arb(a).mid()), 1, 1)
_least = np.frompyfunc(arb.abs_lower, 1, 1)


def symmetric(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (columns) of the symmetric matrix in the lower triangle."""
    m = np.tril(m) + np.tril(m, -1).T
    if not len(m) or not np.all(np.isfinite(midpoint(Ball(m)))):
        return np.diagonal(m) * arb.nan(), m * arb.nan()
    with precision(flint.ctx.prec + GUARD):
        vectors = _start(m)
        for _ in range(MOST):
            _, vectors, moved = _refined(_mid(m), vectors)
            vectors = _mid(vectors)
            if _size(moved).max() < arb(2) ** (-flint.ctx.prec // 2):
                break
        values, vectors, _ = _refined(m, _rotated(_mid(m), vectors))
        order = np.argsort(_mid(values), kind="stable")
        return values[order], vectors[:, order] * _signs(vectors[:, order])


def _start(m: np.ndarray) -> np.ndarray:
    """Eigenvectors to sixteen digits."""
    largest = _size(m).max()
    scaled = m / largest if largest > 0 else m
    return raw(Ball(np.linalg.eigh(midpoint(Ball(scaled)))[1].astype(object)))


def _refined(m: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues, eigenvectors with twice the digits, and the step to them.

    Ogita & Aishima 2018, Iterative refinement for symmetric eigenvalue decomposition, Japan J.
    Indust. Appl. Math. 35, 1007-1035, algorithm 1. Close eigenvalues are not told apart.
    """
    n = len(m)
    r = raw(eye(n)) - product(x.T, x)
    s = product(product(x.T, m), x)
    values = np.diagonal(s) / (1 - np.diagonal(r))
    gaps = values[None, :] - values[:, None]
    off = s - np.diag(np.diagonal(s))
    doubt = 2 * (_frobenius(off) + _frobenius(s) * _frobenius(r))
    near = (_least(gaps) <= doubt).astype(bool)
    step = np.where(near, r / 2, (s + values * r) / np.where(near, 1, gaps))
    step = np.where((_size(step) > TURN).astype(bool), r / 2, step)
    return values, x + product(x, step), step


def _frobenius(a: np.ndarray) -> arb:
    middle = _mid(a).reshape(-1)
    return (middle * middle).sum().sqrt().mid()


def _rotated(m: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Eigenvectors of close eigenvalues told apart, by Jacobi's rotations of xᵀ m x.

    Golub & Van Loan 2013, Matrix Computations, section 8.5.
    """
    s = _mid(product(product(x.T, m), x))
    least = _frobenius(s) * arb(2) ** (GUARD // 2 - flint.ctx.prec)
    for _ in range(MOST):
        pairs = np.argwhere(np.tril(_size(s) > least, -1).astype(bool))
        if not len(pairs):
            break
        for i, j in pairs:
            LEDGER.charge(16 * len(s))
            if _size(s[i, j]) > least:
                turn = _rotation(s[i, i], s[i, j], s[j, j])
                s[:, [i, j]] = _mid(s[:, [i, j]].dot(turn))
                s[[i, j]] = _mid(turn.T.dot(s[[i, j]]))
                x[:, [i, j]] = _mid(x[:, [i, j]].dot(turn))
    return x


def _rotation(a: arb, b: arb, d: arb) -> np.ndarray:
    """The smaller rotation of two that makes [[a, b], [b, d]] diagonal."""
    ratio = (d - a) / (2 * b)
    tangent = (1 if ratio >= 0 else -1) / (abs(ratio) + (1 + ratio * ratio).sqrt())
    cosine = 1 / (1 + tangent * tangent).sqrt()
    sine = tangent * cosine
    return np.array([[cosine, sine], [-sine, cosine]], dtype=object)


def _signs(vectors: np.ndarray) -> np.ndarray:
    """For each column the sign that makes its first large element positive."""
    sizes = _size(vectors)
    first = np.argmax((sizes >= LARGE * sizes.max(axis=0)).astype(bool), axis=0)
    return np.array([-1 if c[k].mid() < 0 else 1 for c, k in zip(vectors.T, first, strict=True)])


def singular(m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, σ and Vᵀ of the thin decomposition, from the eigenvectors of mᵀm in twice the bits."""
    if m.shape[0] < m.shape[1]:
        right, values, left = singular(m.T)
        signs = _signs(left.T)
        return left.T * signs, values, (right * signs).T
    with precision(2 * flint.ctx.prec):
        squares, vectors = symmetric(product(m.T, m))
        squares, vectors = squares[::-1], vectors[:, ::-1]
        values = np.array([max(s, arb(0), key=_mid).sqrt() for s in squares], dtype=object)
        left = product(m, vectors) / values
        signs = _signs(left)
        return left * signs, values, (vectors * signs).T


def orthogonal(m: np.ndarray, complete: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Q and R by Householder's reflections, with LAPACK's signs.

    Golub & Van Loan 2013, Matrix Computations, section 5.2.2.
    """
    rows, columns = m.shape
    r, q = m.copy(), raw(eye(rows))
    for k in range(min(rows - 1, columns)):
        v = r[k:, k].copy()
        if not np.any(_size(v[1:]) > 0):
            continue  # nothing to reflect, and LAPACK leaves the sign alone
        length = (v * v).sum().sqrt()
        v[0] += -length if v[0].mid() < 0 else length
        v /= (v * v).sum().sqrt()
        LEDGER.charge(4 * len(v) * (rows + columns - k))
        r[k:] -= np.multiply.outer(2 * v, v.dot(r[k:]))
        q[:, k:] -= np.multiply.outer(q[:, k:].dot(v), 2 * v)
    kept = rows if complete else min(rows, columns)
    return q[:, :kept], np.triu(r)[:kept]


def pseudoinverse(m: np.ndarray) -> np.ndarray:
    """(mᵀm)⁻¹ mᵀ for a matrix of full rank, in twice the bits."""
    if m.shape[0] < m.shape[1]:
        return pseudoinverse(m.T).T
    with precision(2 * flint.ctx.prec):
        gram = matrix(product(m.T, m))
        return from_matrix(gram.solve(matrix(m.T)))

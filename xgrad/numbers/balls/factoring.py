"""Eigenvalues, singular values and orthogonal factors of one matrix of balls, real or complex.

Iterations run on midpoints, in more bits than asked for; a last step in balls makes the radii, to
first order. LAPACK's conventions where it has some: eigenvalues ascend and come from the lower
triangle, singular values descend, the diagonal of R has the sign opposite to that of the column.
Signs of vectors, which LAPACK leaves open: the first element of an eigenvector or left singular
vector that has 0.6 of the largest one's size is positive, or, where it is complex, real too.
"""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
from flint import acb, arb

from xgrad.numbers.balls.array import LEDGER, Ball, midpoint, precision
from xgrad.numbers.balls.lifting import raw
from xgrad.numbers.balls.matrices import alike, from_matrix, product
from xgrad.numbers.balls.scalars import conjugate
from xgrad.numbers.balls.shapes import eye

GUARD = 64  # bits beyond those asked for
MOST = 40  # refinements and sweeps; each doubles the digits, so a few do
TURN = 2.0**-8  # beyond which a step refines nothing: close vectors are told apart by rotations
LARGE = 0.6  # of the largest element: a tie of the two largest decides no sign

_mid = np.frompyfunc(lambda a: (a if isinstance(a, acb) else arb(a)).mid(), 1, 1)
_size = np.frompyfunc(lambda a: abs(_mid(a)).mid(), 1, 1)
_least = np.frompyfunc(arb.abs_lower, 1, 1)
_real = np.frompyfunc(lambda a: a.real if isinstance(a, acb) else a, 1, 1)
_conjugate = np.frompyfunc(conjugate, 1, 1)


def adjoint(m: np.ndarray) -> np.ndarray:
    """The conjugate transpose."""
    return np.asarray(_conjugate(m.T))


def _is_complex(m: np.ndarray) -> bool:
    return any(isinstance(a, acb) for a in m.reshape(-1).tolist())


def _floats(m: np.ndarray) -> np.ndarray:
    return np.asarray(m.astype(complex)) if _is_complex(m) else midpoint(Ball(m))


def symmetric(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (columns) of the Hermitian matrix in the lower triangle."""
    m = np.tril(m, -1) + adjoint(np.tril(m, -1)) + np.diag(_real(np.diagonal(m)))
    if not len(m) or not np.all(np.isfinite(_floats(m))):
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
    vectors = np.linalg.eigh(_floats(scaled))[1].astype(object)
    return np.asarray(np.frompyfunc(acb if _is_complex(m) else arb, 1, 1)(vectors))


def _refined(m: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues, eigenvectors with twice the digits, and the step to them.

    Ogita & Aishima 2018, Iterative refinement for symmetric eigenvalue decomposition, Japan J.
    Indust. Appl. Math. 35, 1007-1035, algorithm 1. Close eigenvalues are not told apart.
    """
    n = len(m)
    r = raw(eye(n)) - product(adjoint(x), x)
    s = product(product(adjoint(x), m), x)
    values = _real(np.diagonal(s)) / (1 - _real(np.diagonal(r)))
    gaps = values[None, :] - values[:, None]
    off = s - np.diag(np.diagonal(s))
    doubt = 2 * (_frobenius(off) + _frobenius(s) * _frobenius(r))
    near = (_least(gaps) <= doubt).astype(bool)
    step = np.where(near, r / 2, (s + values * r) / np.where(near, 1, gaps))
    step = np.where((_size(step) > TURN).astype(bool), r / 2, step)
    return values, x + product(x, step), step


def _frobenius(a: np.ndarray) -> arb:
    middle = _size(a).reshape(-1)
    return (middle * middle).sum().sqrt().mid()


def _rotated(m: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Eigenvectors of close eigenvalues told apart, by Jacobi's rotations of xᴴ m x.

    Golub & Van Loan 2013, Matrix Computations, section 8.5.
    """
    s = _mid(product(product(adjoint(x), m), x))
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
                s[[i, j]] = _mid(adjoint(turn).dot(s[[i, j]]))
                x[:, [i, j]] = _mid(x[:, [i, j]].dot(turn))
    return x


def _rotation(a: Any, b: Any, d: Any) -> np.ndarray:
    """The smaller rotation of two that makes [[a, b], [b̄, d]] diagonal."""
    if isinstance(b, acb):
        phase, size = b.conjugate() / abs(b), abs(b)
        return np.array([[1], [phase]], dtype=object) * _rotation(a.real, size, d.real)
    ratio = (d - a) / (2 * b)
    tangent = (1 if ratio >= 0 else -1) / (abs(ratio) + (1 + ratio * ratio).sqrt())
    cosine = 1 / (1 + tangent * tangent).sqrt()
    sine = tangent * cosine
    return np.array([[cosine, sine], [-sine, cosine]], dtype=object)


def _signs(vectors: np.ndarray) -> np.ndarray:
    """For each column the sign, or phase, that makes its first large element positive."""
    sizes = _size(vectors)
    first = np.argmax((sizes >= LARGE * sizes.max(axis=0)).astype(bool), axis=0)
    large = [c[k] for c, k in zip(vectors.T, first, strict=True)]
    if any(isinstance(a, acb) for a in large):
        return np.array([acb(a).conjugate() / abs(acb(a)) for a in large], dtype=object)
    return np.array([-1 if a.mid() < 0 else 1 for a in large])


def singular(m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, σ and Vᴴ of the thin decomposition, from the eigenvectors of mᴴm in twice the bits."""
    if m.shape[0] < m.shape[1]:
        right, values, left = singular(adjoint(m))
        left = adjoint(left)
        signs = _signs(left)
        return left * signs, values, adjoint(right * signs)
    with precision(2 * flint.ctx.prec):
        squares, vectors = symmetric(product(adjoint(m), m))
        squares, vectors = squares[::-1], vectors[:, ::-1]
        values = np.array([max(s, arb(0), key=_mid).sqrt() for s in squares], dtype=object)
        left = product(m, vectors) / values
        signs = _signs(left)
        return left * signs, values, adjoint(vectors * signs)


def orthogonal(m: np.ndarray, complete: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Q and R by Householder's reflections, with LAPACK's signs: the diagonal of R is real.

    Golub & Van Loan 2013, Matrix Computations, section 5.2.2.
    """
    rows, columns = m.shape
    r, q = m.copy(), raw(eye(rows))
    for k in range(min(rows, columns)):
        v = r[k:, k].copy()
        first = v[0]
        if not np.any(_size(v[1:]) > 0) and not (isinstance(first, acb) and first.imag != 0):
            continue  # nothing to reflect, and LAPACK leaves the sign alone
        length = _real((v * _conjugate(v)).sum()).sqrt()
        end = length if _real(first).mid() < 0 else -length
        v /= first - end
        v[0] = arb(1)
        share = 1 - first / end
        LEDGER.charge(4 * len(v) * (rows + columns - k))
        r[k:] -= conjugate(share) * np.multiply.outer(v, _conjugate(v).dot(r[k:]))
        q[:, k:] -= share * np.multiply.outer(q[:, k:].dot(v), _conjugate(v))
    kept = rows if complete else min(rows, columns)
    return q[:, :kept], np.triu(r)[:kept]


def pseudoinverse(m: np.ndarray) -> np.ndarray:
    """(mᴴm)⁻¹ mᴴ for a matrix of full rank, in twice the bits."""
    if m.shape[0] < m.shape[1]:
        return pseudoinverse(m.T).T
    with precision(2 * flint.ctx.prec):
        gram, right = alike(product(adjoint(m), m), adjoint(m))
        return from_matrix(gram.solve(right))

"""Linear algebra of stacked matrices, with LAPACK's conventions."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
import torch
from flint import acb, arb

from xgrad.numbers import EPS, factoring, matrices, precision
from xgrad.programs.constants import as_array, exact_array
from xgrad.programs.scalars import UNARY, is_complex
from xgrad.programs.torch.arithmetic.products import stacked
from xgrad.programs.torch.arithmetic.rule import Rule, routine
from xgrad.programs.torch.boxes import midpoints, zeros

conj, adjoint = UNARY["conj"], factoring.adjoint
CLEAR = 0.5  # product of two unit vectors that are the same one, but for the sign
TINY = arb(2) ** -100  # relative difference of singular values that rounding alone makes


def _status(a: np.ndarray) -> np.ndarray:
    return np.zeros(a.shape[:-2], dtype=np.int32)


def _eye(n: int) -> np.ndarray:
    made = zeros((n, n))
    made[np.arange(n), np.arange(n)] = arb(1)
    return made


def balls(m: np.ndarray, kind: Any = arb) -> np.ndarray:
    """With the integers that NumPy's triangles leave as balls."""
    return as_array(np.frompyfunc(lambda v: kind(v) if isinstance(v, int) else v, 1, 1)(m))


def triangle(m: np.ndarray, upper: bool, unit: bool = False) -> np.ndarray:
    """One triangle, with ones on the diagonal if asked."""
    kind = acb if is_complex(m) else arb
    made = balls(np.triu(m) if upper else np.tril(m), kind)
    if unit:
        n = np.arange(min(m.shape))
        made[n, n] = kind(1)
    return made


# --- Cholesky ------------------------------------------------------------------------------------


def _lower(m: np.ndarray) -> np.ndarray:
    """L with L Lᴴ = m, from the lower triangle, column by column."""
    n = len(m)
    low = zeros((n, n))
    for j in range(n):
        row = conj(low[j, :j])
        pivot = m[j, j] - (low[j, :j] * row).sum()
        low[j, j] = (pivot.real if isinstance(pivot, acb) else pivot).sqrt()
        low[j + 1 :, j] = (m[j + 1 :, j] - (low[j + 1 :, :j] * row).sum(axis=1)) / low[j, j]
    return low


def cholesky(a: Any, upper: bool = False, check_errors: bool = False) -> np.ndarray:
    """The lower factor, or the upper one."""
    return stacked(lambda m: adjoint(_lower(adjoint(m))) if upper else _lower(m), a)


def _gram(m: np.ndarray, upper: bool) -> np.ndarray:
    m = triangle(m, upper)
    return matrices.product(adjoint(m), m) if upper else matrices.product(m, adjoint(m))


# --- LU ------------------------------------------------------------------------------------------


def _factored(m: np.ndarray, pivot: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """LU packed in one matrix, by partial pivoting, and LAPACK's pivots, which count from 1."""
    m = m.copy()
    rows, columns = m.shape
    pivots = []
    for k in range(min(rows, columns)):
        near = midpoints(m[k:, k])
        p = k + (int(np.argmax(np.abs(near.real) + np.abs(near.imag))) if pivot else 0)
        m[[k, p]] = m[[p, k]]
        pivots.append(p + 1)
        if not m[k, k].is_zero():
            m[k + 1 :, k] = m[k + 1 :, k] / m[k, k]
            m[k + 1 :, k + 1 :] -= np.multiply.outer(m[k + 1 :, k], m[k, k + 1 :])
    return m, np.array(pivots, dtype=np.int32)


def lu(a: Any, pivot: bool = True, check_errors: bool = False) -> Any:
    """Packed factors, pivots and a status."""
    packed, pivots = stacked(lambda m: _factored(m, pivot), a)
    return packed, pivots.astype(np.int32), _status(a)


def _rows(pivots: np.ndarray, n: int) -> np.ndarray:
    """The order of the rows that pivots make."""
    order = np.arange(n)
    for k, j in enumerate(pivots):
        order[[k, j - 1]] = order[[j - 1, k]]
    return order


def _unpacked(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    k = min(m.shape)
    return triangle(m[:, :k], False, True), triangle(m[:k], True)


def _permutation(order: np.ndarray) -> np.ndarray:
    n = len(order)
    made = zeros((n, n))
    made[order, np.arange(n)] = arb(1)
    return made


def _lu(a: Any, pivot: bool = True) -> Any:
    def factors(m: np.ndarray) -> Any:
        packed, pivots = _factored(m, pivot)
        return _permutation(_rows(pivots, len(m))), *_unpacked(packed)

    return stacked(factors, a)


def _lu_unpack(data: Any, pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    rows, columns = data.shape[-2:]
    k, lead = min(rows, columns), data.shape[:-2]
    p, low, up = (zeros((*lead, *s)) for s in ((rows, rows), (rows, k), (k, columns)))
    for i in np.ndindex(*lead):
        p[i], (low[i], up[i]) = _permutation(_rows(pivots[i], rows)), _unpacked(data[i])
    return p, low, up


def _lu_solve(data: Any, pivots: Any, b: Any, left: bool, transpose: bool) -> Any:
    whole = np.empty_like(data)
    for i in np.ndindex(*data.shape[:-2]):
        m = matrices.product(*_unpacked(data[i]))
        back = np.empty_like(m)
        back[_rows(pivots[i], len(m))] = m
        whole[i] = adjoint(back) if transpose else back
    return solved(whole, b, left)


# --- solving -------------------------------------------------------------------------------------


def _solve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if 0 in b.shape or 0 in a.shape:
        return b.copy()
    x, y = matrices.alike(a, b)
    return matrices.from_matrix(x.solve(y))


def solved(a: Any, b: Any, left: bool = True) -> Any:
    """X with a X = b, or X a = b."""
    return stacked(_solve if left else lambda m, n: _solve(m.T, n.T).T, a, b)


def _solve_ex(a: Any, b: Any, left: bool = True, check_errors: bool = False) -> Any:
    vector = b.ndim == 1 or (b.ndim + 1 == a.ndim and b.shape == a.shape[:-1])
    made = solved(a, b[..., None] if vector else b, left)
    return made[..., 0] if vector else made, *lu(a)


def _inverse(m: np.ndarray) -> np.ndarray:
    return matrices.from_matrix(matrices.matrix(m).inv()) if m.size else m


def _solve_triangular(
    a: Any, b: Any, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    return solved(stacked(lambda m: triangle(m, upper, unitriangular), a), b, left)


def _triangular_solve(
    b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    def factor(m: np.ndarray) -> np.ndarray:
        made = triangle(m, upper, unitriangular)
        return made.T if transpose else made

    return solved(stacked(factor, a), b), a.copy()


def _lstsq(a: Any, b: Any, rcond: Any = None, driver: Any = None) -> Any:
    vector = b.ndim + 1 == a.ndim
    right = b[..., None] if vector else b
    x = stacked(lambda m, n: matrices.product(_pseudoinverse(m), n), a, right)
    rest = stacked(matrices.product, a, x) - np.broadcast_to(right, x.shape[:-2] + right.shape[-2:])
    residuals = UNARY["squared_abs"](as_array(rest)).sum(axis=-2) if tall(a) else zeros((0,))
    rank = np.full(a.shape[:-2], min(a.shape[-2:]), dtype=np.int64)
    return x[..., 0] if vector else x, residuals, rank, zeros((0,))


def tall(a: np.ndarray) -> bool:
    """Whether there are more rows than columns."""
    return bool(a.shape[-2] > a.shape[-1])


def _pseudoinverse(m: np.ndarray, atol: Any = 0, rtol: Any = 0) -> np.ndarray:
    """Σ vₖ uₖᴴ / σₖ over the singular values beyond max(atol, rtol · σ₁)."""
    if not m.size:
        return m.T
    if m.shape[0] < m.shape[1]:
        return _pseudoinverse(m.T, atol, rtol).T
    near = np.linalg.svd(midpoints(m), compute_uv=False)
    if near.min() > 2 * max(float(atol), float(rtol) * near.max()):
        return factoring.pseudoinverse(m)
    with precision(2 * flint.ctx.prec):
        squares, vectors = factoring.symmetric(matrices.product(adjoint(m), m))
        least = max((atol * atol).mid(), (rtol * rtol * squares[-1]).mid()) * (1 + TINY)
        kept = np.array([bool(s.mid() > least) for s in squares], dtype=bool)
        v = vectors[:, kept]
        return matrices.product(as_array(v / squares[kept]), adjoint(matrices.product(m, v)))


def _pinv(a: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """By default what is no larger than n · eps · σ₁ is taken for zero."""
    given = atol is not None and bool(np.all(midpoints(atol) > 0))
    share = exact_array(np.asarray(0.0 if given else max(a.shape[-2:]) * EPS["float64"]))
    limits = [
        np.broadcast_to(v, a.shape[:-2])[..., None, None]
        for v in (zeros(()) if atol is None else atol, share if rtol is None else rtol)
    ]
    return stacked(lambda m, x, y: _pseudoinverse(m, x[0, 0], y[0, 0]), a, *limits)


# --- eigenvalues, singular values, reflections ---------------------------------------------------


def _signs(vectors: np.ndarray, near: Any) -> np.ndarray:
    """1 or −1 for each column, as it takes to meet LAPACK's; 0 where that has none like it."""
    if is_complex(vectors):
        return np.zeros(vectors.shape[1])
    products = np.sum(midpoints(vectors) * near.numpy(), axis=0)
    return np.where(np.abs(products) > CLEAR, np.sign(products), 0.0)


def _turned(vectors: np.ndarray, signs: np.ndarray) -> np.ndarray:
    return as_array(vectors * exact_array(np.where(signs < 0, -1.0, 1.0)))


def _is_plain(m: np.ndarray) -> bool:
    """Whether LAPACK takes its midpoints: real, finite, some."""
    return m.size > 0 and not is_complex(m) and bool(np.all(np.isfinite(midpoints(m))))


def _eigh(a: Any, UPLO: str = "L", compute_v: bool = True) -> Any:
    def factors(m: np.ndarray) -> Any:
        values, vectors = factoring.symmetric(m if UPLO == "L" else adjoint(m))
        if _is_plain(m):
            near = torch.linalg.eigh(torch.from_numpy(midpoints(m)), UPLO)[1]
            vectors = _turned(vectors, _signs(vectors, near))
        return values, vectors

    return stacked(factors, a)


def _completed(u: np.ndarray) -> np.ndarray:
    """Orthonormal columns, and as many more as there are rows."""
    q = balls(factoring.orthogonal(u, True)[0])
    k = u.shape[1]
    q[:, :k] = u
    return q


def _svd(a: Any, full_matrices: bool = False, compute_uv: bool = True, driver: Any = None) -> Any:
    def factors(m: np.ndarray) -> Any:
        u, s, vh = factoring.singular(m)
        if _is_plain(m):
            near = torch.linalg.svd(torch.from_numpy(midpoints(m)), full_matrices=False)
            left, right = _signs(u, near[0]), _signs(adjoint(vh), near[2].mT)
            signs = np.where(right == 0, left, right)  # which differ where a singular value is zero
            u, vh = _turned(u, signs), adjoint(_turned(adjoint(vh), signs))
        if full_matrices and m.shape[0] > m.shape[1]:
            u = _completed(u)
        if full_matrices and m.shape[0] < m.shape[1]:
            vh = adjoint(_completed(adjoint(vh)))
        return u, s, vh

    return stacked(factors, a)


def _qr(a: Any, mode: str = "reduced") -> Any:
    return stacked(lambda m: tuple(map(balls, factoring.orthogonal(m, mode == "complete"))), a)


def _eig(a: Any) -> Any:
    """In LAPACK's order; vectors have length 1 and their largest element is real."""

    def factors(m: np.ndarray) -> Any:
        near = np.linalg.eig(midpoints(m))[0]
        m = np.frompyfunc(acb, 1, 1)(m)
        found, vectors = flint.acb_mat(m.tolist()).eig(right=True, algorithm="approx")
        order: list[int] = []
        for value in near:
            rest = [j for j in range(len(m)) if j not in order]
            order.append(min(rest, key=lambda j, v=value: abs(complex(found[j]) - v)))  # type: ignore[misc]
        v = matrices.from_matrix(vectors)[:, order]
        length = np.frompyfunc(lambda s: s.sqrt(), 1, 1)(UNARY["squared_abs"](v).sum(axis=0))
        largest = v[np.argmax(np.abs(midpoints(v)), axis=0), np.arange(len(m))]
        turn = conj(largest) / UNARY["abs"](largest)
        return np.array([acb(found[j]) for j in order], dtype=object), v * turn / length

    return stacked(factors, a)


def _reflected(v: np.ndarray, tau: np.ndarray, m: np.ndarray) -> np.ndarray:
    """H₁ H₂ … m, where Hₖ = 1 − τₖ vₖ vₖᴴ and vₖ lies below the diagonal."""
    made = m.copy()
    for k in reversed(range(len(tau))):
        w = zeros((len(v),))
        w[k], w[k + 1 :] = arb(1), v[k + 1 :, k]
        made = made - np.multiply.outer(tau[k] * w, conj(w).dot(made))
    return made


def _with_tau(function: Any, v: Any, tau: Any, *more: Any) -> Any:
    return stacked(lambda m, t, *rest: function(m, t[:, 0], *rest), v, tau[..., None], *more)


def _householder_product(v: Any, tau: Any) -> Any:
    return _with_tau(lambda m, t: _reflected(m, t, _eye(len(m))[:, : m.shape[1]]), v, tau)


def _ormqr(v: Any, tau: Any, c: Any, left: bool = True, transpose: bool = False) -> Any:
    def apply(m: np.ndarray, t: np.ndarray, n: np.ndarray) -> np.ndarray:
        q = _reflected(m, t, _eye(len(m)))
        q = adjoint(q) if transpose else q
        return matrices.product(q, n) if left else matrices.product(n, q)

    return _with_tau(apply, v, tau, c)


def _matrix_exp(a: Any) -> Any:
    return stacked(lambda m: matrices.from_matrix(matrices.matrix(m).exp()) if m.size else m, a)


# Of random matrices of order 2 to 30, in roundings of the largest element times √n: LAPACK's SVD
# leaves A − UΣVᵀ at 2 to 4 in the median, 5 to 21 in one of a hundred, 36 at most; its U and V are
# orthonormal to 2 to 4, 9 at most; Cholesky and QR leave 0.2 to 2.
ITERATED = 16.0

MATRICES: dict[str, Rule] = routine(
    units=ITERATED,
    _linalg_eigh=_eigh,
    _linalg_svd=_svd,
    linalg_eig=_eig,
    linalg_pinv=_pinv,  # by the singular values
) | routine(
    linalg_cholesky_ex=lambda a, *how, **named: (cholesky(a, *how, **named), _status(a)),
    cholesky=cholesky,
    cholesky_solve=lambda b, a, upper=False: solved(stacked(lambda m: _gram(m, upper), a), b),
    cholesky_inverse=lambda a, upper=False: stacked(lambda m: _inverse(_gram(m, upper)), a),
    linalg_lu_factor_ex=lu,
    linalg_lu=_lu,
    lu_unpack=_lu_unpack,
    linalg_lu_solve=lambda m, pivots, b, left=True, adjoint=False: _lu_solve(
        m, pivots, b, left, adjoint
    ),
    _linalg_solve_ex=_solve_ex,
    linalg_inv_ex=lambda a, check_errors=False: (stacked(_inverse, a), _status(a)),
    inverse=lambda a: stacked(_inverse, a),
    linalg_solve_triangular=_solve_triangular,
    triangular_solve=_triangular_solve,
    linalg_lstsq=_lstsq,
    linalg_qr=_qr,
    linalg_matrix_exp=_matrix_exp,
    linalg_householder_product=_householder_product,
    ormqr=_ormqr,
)

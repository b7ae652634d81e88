"""Matrices of balls: products through Arb's, and what solves and factors them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flint
import numpy as np
from flint import acb, arb

from xgrad.numbers import NAMESPACE as xp
from xgrad.numbers import Ball
from xgrad.programs.constants import as_array
from xgrad.programs.failures import NoBallRule
from xgrad.programs.jax.values import ONE, ZERO, bind, filled, midpoints, seen, zero
from xgrad.programs.scalars import UNARY, is_complex

_conjugate = np.frompyfunc(lambda a: acb(a).conjugate() if isinstance(a, acb) else a, 1, 1)


def _matrix(data: np.ndarray) -> Any:
    kind = flint.acb_mat if is_complex(data) else flint.arb_mat
    return kind(*data.shape, data.ravel().tolist())


def _array(made: Any) -> np.ndarray:
    data = np.empty(made.nrows() * made.ncols(), dtype=object)
    data[:] = made.entries()
    return data.reshape(made.nrows(), made.ncols())


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a b."""
    if 0 in a.shape or 0 in b.shape:
        return filled((a.shape[0], b.shape[1]), zero(a))
    return _array(_matrix(a) * _matrix(b))


def _each(function: Callable[..., Any], *stacks: np.ndarray) -> Any:
    """A function of matrices for each of a stack; a tuple of results is one of stacks."""
    lead = stacks[0].shape[:-2]
    made = [function(*(s[index] for s in stacks)) for index in np.ndindex(*lead)]
    if made and isinstance(made[0], tuple):
        return tuple(np.stack(part).reshape(*lead, *part[0].shape) for part in zip(*made))  # noqa: B905
    if len(made) == 1:
        return made[0].reshape(*lead, *made[0].shape)
    return np.stack(made).reshape(*lead, *made[0].shape)


def _solve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _array(_matrix(a).solve(_matrix(b)))


# --- contractions --------------------------------------------------------------------------------


def _dot(params: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (inner_a, inner_b), (batch_a, batch_b) = params["dimension_numbers"]
    outer_a = [k for k in range(a.ndim) if k not in (*inner_a, *batch_a)]
    outer_b = [k for k in range(b.ndim) if k not in (*inner_b, *batch_b)]

    def arranged(x: np.ndarray, *groups: Any) -> np.ndarray:
        shape = [math.prod(x.shape[k] for k in group) for group in groups]
        return np.transpose(x, [k for g in groups for k in g]).reshape(shape)

    x, y = arranged(a, batch_a, outer_a, inner_a), arranged(b, batch_b, inner_b, outer_b)
    shape = [a.shape[k] for k in (*batch_a, *outer_a)] + [b.shape[k] for k in outer_b]
    if 0 in x.shape or 0 in y.shape:
        return filled(shape, ZERO)
    if x.shape[2] == 1:  # outer products
        return np.multiply(x, y).reshape(shape)
    return _each(product, x, y).reshape(shape)


def _summed(combine: Any, none: Any) -> Callable[..., np.ndarray]:
    def apply(params: Any, x: np.ndarray) -> Any:
        axes = tuple(map(int, params["axes"]))
        if not x.size:  # NumPy's sum of no elements is no ball
            return filled([n for k, n in enumerate(x.shape) if k not in axes], none)
        return combine(x, axis=axes)

    return apply


def _running(combine: Any) -> Callable[..., np.ndarray]:
    def apply(params: Any, x: np.ndarray) -> Any:
        if not params["reverse"]:
            return combine.accumulate(x, axis=params["axis"])
        turned = np.flip(x, params["axis"])
        return np.flip(combine.accumulate(turned, axis=params["axis"]), params["axis"])

    return apply


def _running_logsumexp(params: Any, x: np.ndarray) -> Any:
    return UNARY["log"](_running(np.add)(params, UNARY["exp"](x)))


def _fft(params: Any, x: np.ndarray) -> Any:
    """Fourier's sums along the last axes; those of real signals keep, or mirror, one half."""
    kind, lengths = int(params["fft_type"]), params["fft_lengths"]
    last, axes = x.ndim - 1, range(x.ndim - len(lengths), x.ndim)
    back = kind in (1, 3)

    def along(data: np.ndarray, axis: int) -> np.ndarray:
        def row(a: np.ndarray) -> np.ndarray:
            return np.array(acb.dft(list(a), inverse=back), dtype=object)

        return np.apply_along_axis(row, axis, data)

    for axis in axes[:-1]:
        x = along(x, axis) if kind != 2 else x
    if kind == 3:
        mirrored = x[..., lengths[-1] - np.arange(x.shape[-1], lengths[-1])]
        x = np.concatenate([x, _conjugate(mirrored)], axis=-1)[..., : lengths[-1]]
        return np.frompyfunc(lambda a: a.real, 1, 1)(along(x, last))
    x = along(x, last)
    if kind == 2:
        x = x[..., : lengths[-1] // 2 + 1]
        for axis in axes[:-1]:
            x = along(x, axis)
    return x


# --- solving and factoring -----------------------------------------------------------------------


def _triangular_solve(params: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    n = a.shape[-1]
    mask = np.tri(n, dtype=bool) if params["lower"] else np.tri(n, dtype=bool).T
    t = np.where(mask, a, zero(a))
    if params["unit_diagonal"]:
        t = np.where(np.eye(n, dtype=bool), zero(a) + 1, t)
    if params["transpose_a"]:
        t = np.swapaxes(t, -1, -2)
    if params.get("conjugate_a"):
        t = as_array(_conjugate(t))
    if params["left_side"]:
        return _each(_solve, t, b)
    return np.swapaxes(_each(_solve, np.swapaxes(t, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)


def _tridiagonal_solve(params: Any, low: Any, main: Any, up: Any, b: Any) -> np.ndarray:
    n = main.shape[-1]
    k, out = np.arange(n), filled((*main.shape, n), zero(main))
    out[..., k, k] = main
    out[..., k[1:], k[:-1]], out[..., k[:-1], k[1:]] = low[..., 1:], up[..., :-1]
    return _each(_solve, out, b)


def _cholesky(params: Any, a: np.ndarray) -> np.ndarray:
    return _each(_cholesky_factor, a)


def _cholesky_factor(m: np.ndarray) -> np.ndarray:
    lower = filled(m.shape, zero(m))
    for j in range(len(m)):
        row = as_array(_conjugate(lower[j, :j]))
        lower[j, j] = (m[j, j] - sum(lower[j, :j] * row)).sqrt()
        below = (lower[j + 1 :, :j] * row).sum(axis=1) if j else ZERO
        lower[j + 1 :, j] = (m[j + 1 :, j] - below) / lower[j, j]
    return lower


def _lu(params: Any, a: np.ndarray) -> tuple[np.ndarray, ...]:
    factors, pivots, order = _each(_lu_factors, a)
    return factors, pivots.astype(np.int32), order.astype(np.int32)


def _lu_factors(m: np.ndarray) -> tuple[np.ndarray, ...]:
    m, (rows, columns) = m.copy(), m.shape
    pivots, order = np.zeros(min(rows, columns), dtype=int), np.arange(rows)
    for k in range(len(pivots)):
        sizes = [abs(e.mid()) for e in m[k:, k]]
        pivots[k] = best = k + sizes.index(max(sizes))
        m[[k, best]], order[[k, best]] = m[[best, k]], order[[best, k]]
        m[k + 1 :, k] = m[k + 1 :, k] / m[k, k]
        if k + 1 < columns:
            m[k + 1 :, k + 1 :] -= np.multiply.outer(m[k + 1 :, k], m[k, k + 1 :])
    return m, pivots, order


def _phases(columns: np.ndarray, as_in: Any) -> np.ndarray:
    """For each column the sign with which LAPACK gives it, at the midpoint.

    Of complex columns the phase: LAPACK's have a real first element, of those that are not zero.
    """
    if not is_complex(columns):
        return np.where(np.sum(midpoints(columns) * np.asarray(as_in), axis=-2) < 0, -1, 1)
    zero = np.asarray(np.frompyfunc(lambda a: 0 in a, 1, 1)(columns), dtype=bool)
    first = np.argmin(zero, axis=-2)[..., None, :]
    real = np.take_along_axis(columns, first, axis=-2)[..., 0, :]
    ahead = np.take_along_axis(np.asarray(as_in), first, axis=-2)[..., 0, :].real
    return _conjugate(real) / UNARY["abs"](real) * np.where(ahead < 0, -1, 1)


def _eigh(step: Any, values: list[Any]) -> list[np.ndarray]:
    (a,) = values
    made = xp.linalg.eigh(Ball(a if step.params["lower"] else _conjugate(np.swapaxes(a, -1, -2))))
    vectors, eigenvalues = made.eigenvectors.data, made.eigenvalues.data
    lapack = np.asarray(bind(step.eqn, [seen(a, step.eqn.invars[0])])[0])
    down = slice(None, None, 1 if step.params["lower"] else -1)
    phases = _phases(vectors[..., down, :], lapack[..., down, :])
    return [vectors * phases[..., None, :], eigenvalues]


def _svd(step: Any, values: list[Any]) -> list[np.ndarray]:
    (a,) = values
    if step.params["full_matrices"] and a.shape[-1] != a.shape[-2]:
        raise NoBallRule("primitive svd, full_matrices")
    made = xp.linalg.svd(Ball(a), full_matrices=False)
    if not step.params["compute_uv"]:
        return [made.S.data]
    u, v = made.U.data, made.Vh.data
    lapack = bind(step.eqn, [seen(a, step.eqn.invars[0])])
    if a.shape[-2] < a.shape[-1]:
        phases = _phases(u, lapack[1])
    else:  # LAPACK begins with the columns of a, and its Vᴴ is what has real elements
        turned = np.swapaxes(np.asarray(lapack[2]), -1, -2)
        phases = _conjugate(_phases(np.swapaxes(v, -1, -2), turned))
    return [made.S.data, u * phases[..., None, :], v * _conjugate(phases)[..., :, None]]


def _eig(step: Any, values: list[Any]) -> list[np.ndarray]:
    """In the order of LAPACK's at the midpoint, its vectors in length and phase."""
    (a,) = values
    seen_values, *seen_vectors = bind(step.eqn, [seen(a, step.eqn.invars[0])])
    params = step.params
    if params["compute_left_eigenvectors"]:
        raise NoBallRule("primitive eig, left eigenvectors")
    made = _each(_eigenpairs, a, np.asarray(seen_values)[..., None])
    return list(made[: 1 + len(seen_vectors)])


def _eigenpairs(m: np.ndarray, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = flint.acb_mat(_matrix(m)).eig(right=True)
    free, order = list(range(len(values))), []
    for wanted in like[:, 0]:
        order.append(min(free, key=lambda i: abs(complex(values[i].mid()) - wanted)))
        free.remove(order[-1])
    columns = [_normalised(_array(vectors)[:, i]) for i in order]
    out = np.empty(len(values), dtype=object)
    out[:] = [values[i] for i in order]
    return out, np.stack(columns, axis=1)


def _normalised(vector: np.ndarray) -> np.ndarray:
    """Of length 1, its largest element real."""
    length = sum((abs(e) ** 2 for e in vector), arb(0)).sqrt()
    largest = max(vector, key=lambda e: float(abs(e).mid()))
    return vector * (largest.conjugate() / abs(largest) / length)


def _qr(params: Any, a: np.ndarray) -> tuple[np.ndarray, ...]:
    if params["pivoting"]:
        raise NoBallRule("primitive qr, pivoting")
    mode = "complete" if params["full_matrices"] else "reduced"
    return tuple(part.data for part in xp.linalg.qr(Ball(a), mode=mode))


def _reflections(params: Any, a: np.ndarray, taus: np.ndarray) -> np.ndarray:
    return _each(_reflected, a, taus[..., None])


def _reflected(a: np.ndarray, taus: np.ndarray) -> np.ndarray:
    """The first columns of the product of the reflections 1 − τ v vᴴ."""
    q = np.where(np.eye(*a.shape) == 1, zero(a) + 1, zero(a))
    for k in reversed(range(len(taus))):
        v = np.concatenate([filled(k, zero(a)), filled(1, zero(a) + 1), a[k + 1 :, k]])
        q = q - np.multiply.outer(v * taus[k, 0], as_array(_conjugate(v)).dot(q))
    return q


CONTRACTIONS: dict[str, Callable[..., Any]] = {
    "reduce_sum": _summed(np.sum, ZERO),
    "reduce_prod": _summed(np.prod, ONE),
    "cumsum": _running(np.add),
    "cumprod": _running(np.multiply),
    "cumlogsumexp": _running_logsumexp,
    "dot_general": _dot,
    "fft": _fft,
    "cholesky": _cholesky,
    "householder_product": _reflections,
    "lu": _lu,
    "qr": _qr,
    "triangular_solve": _triangular_solve,
    "tridiagonal_solve": _tridiagonal_solve,
}
ALIGNED: dict[str, Callable[..., list[np.ndarray]]] = {"eigh": _eigh, "svd": _svd, "eig": _eig}

"""What the `xp` of a framework is tried with: lines of cases' own kind, and the arrays in them."""

from __future__ import annotations

from types import CodeType

import numpy as np

_rng = np.random.default_rng(20240607)
_root = _rng.normal(size=(3, 3))
DATA: dict[str, np.ndarray] = {
    "x": _rng.normal(size=(2, 3)),
    "y": _rng.normal(size=(2, 3)),
    "p": _rng.uniform(0.3, 2.0, size=(2, 3)),
    "q": _rng.uniform(-0.9, 0.9, size=(2, 3)),
    "t": _rng.normal(size=(2, 2, 3)),
    "u": _rng.normal(size=3),
    "v": _rng.normal(size=3),
    "w": _rng.normal(size=2),
    "c": _rng.normal(size=(5, 2)),
    "z": np.asarray(0.7),
    "a": _root + 3 * np.eye(3),
    "m": 0.3 * _rng.normal(size=(2, 3, 3)) + 2 * np.eye(3),
    # not differentiated: halves that tie, no elements, integers, places, truth values
    "r": _rng.integers(-2, 3, size=(2, 3)) / 2,
    "o": np.zeros((0, 3)),
    "k": _rng.integers(-3, 4, size=(2, 3)),
    "n": _rng.integers(1, 5, size=(2, 3)),
    "i": np.array([1, 0, 0, 1, 1]),
    "j": np.argsort(_rng.normal(size=(2, 3)), axis=1),
    "b": np.array([[True, False, True], [False, False, True]]),
}
FIXED = frozenset("roknijb")

# What is made is made in the case's dtype, integers in 64 bits.
CREATION = {
    "creation": """
        xp.zeros((2, 3))
        xp.ones(3)
        xp.full((2, 2), 0.5)
        xp.full(2, 3.0)
        xp.eye(3)
        xp.eye(2, 3, k=1)
        xp.linspace(0, 1, 5)
        xp.arange(0.0, 2.0)
        xp.asarray(0.5)
        xp.asarray([0.5, 1.5])
        xp.asarray((0.5, 1))
        xp.zeros_like(xp.ones(3))
        xp.full_like(xp.ones(3), 2)
        xp.ones_like(x)
        xp.astype(k, x.dtype)
        xp.astype(b, x.dtype)
        xp.arange(4)
        xp.arange(2, 9, 3)
        xp.arange(5, 0, -2)
        xp.asarray(3)
        xp.asarray([[1, 2], [3, 4]])
        xp.asarray([True, False])
        xp.zeros_like(xp.asarray([1, 2]))
        xp.isdtype(x.dtype, 'real floating')
        xp.isdtype(k.dtype, 'integral')
        xp.pi * xp.ones(2)
    """,
}

# One group of names after the other: each line is computed, and differentiated where it can be.
NAMES = {
    "operators": """
        x + y
        2 - x
        x * 0.5
        1 / p
        x ** 2
        p ** -2
        p ** x
        2 ** x
        -x
        abs(x)
        x @ v
        x @ a
        z * x + 1
        x + w[:, None]
        x < y
        r == 0
        r != 0.5
        k >= 0
    """,
    "indexing": """
        x[0]
        x[-1, 2]
        x[..., 0]
        x[:, ::2]
        x[:, None]
        v[:, None] - u[None, :]
        x[i]
        x[:, i]
        x[i, i]
        z[None]
        x.T
        t[0].shape[0] * x
        k[i]
        x[b]
        len(x) * x
    """,
    "elementwise": """
        xp.add(x, y)
        xp.subtract(1, x)
        xp.multiply(x, y)
        xp.divide(1, p)
        xp.abs(x)
        xp.square(x)
        xp.sqrt(p)
        xp.exp(x)
        xp.expm1(x)
        xp.log(p)
        xp.log1p(p)
        xp.log2(p)
        xp.log10(p)
        xp.logaddexp(x, y)
        xp.pow(p, 1.5)
        xp.sin(x)
        xp.cos(x)
        xp.tan(q)
        xp.asin(q)
        xp.acos(q)
        xp.atan(x)
        xp.atan2(x, y)
        xp.sinh(x)
        xp.cosh(x)
        xp.tanh(x)
        xp.asinh(x)
        xp.acosh(1 + p)
        xp.atanh(q)
        xp.hypot(x, y)
        xp.remainder(p, 0.7)
        xp.floor(x)
        xp.ceil(x)
        xp.round(x)
        xp.sign(x)
        xp.maximum(x, y)
        xp.minimum(x, 0.0)
        xp.clip(x, -0.5, 0.5)
        xp.clip(x, min=-0.5)
        xp.where(b, x, y)
        xp.where(x > 0, x, 0.0)
        xp.where(b, x, xp.zeros_like(x))
        xp.where(b, k, n)
        xp.isfinite(x)
        xp.logical_and(x > 0, b)
        xp.logical_not(b)
    """,
    "reductions": """
        xp.sum(x)
        xp.sum(x, axis=0)
        xp.sum(t, axis=(0, -1))
        xp.sum(t, axis=-1, keepdims=True)
        xp.sum(k, axis=0)
        xp.sum(z)
        xp.sum(o, axis=0)
        xp.prod(x, axis=1)
        xp.mean(x)
        xp.mean(t, axis=(1, 2))
        xp.mean(x, axis=0, keepdims=True)
        xp.var(x)
        xp.var(x, axis=1, correction=1)
        xp.std(x, axis=0)
        xp.max(x)
        xp.max(t, axis=(0, 1), keepdims=True)
        xp.min(x, axis=-1)
        xp.max(k, axis=1)
        xp.any(b, axis=0)
        xp.all(b)
        xp.argmax(x, axis=1)
        xp.argmin(x, axis=0)
        xp.cumulative_sum(v)
        xp.cumulative_sum(x, axis=1)
        xp.cumulative_sum(x, axis=1, include_initial=True)
        xp.cumulative_prod(x, axis=-1)
        xp.diff(v)
    """,
    "order": """
        xp.sort(x)
        xp.sort(x, axis=0, descending=True)
        xp.argsort(x)
        xp.argsort(x, axis=1, descending=True)
        xp.take(x, i, axis=0)
        xp.take(v, i)
        xp.take_along_axis(x, j, axis=1)
        xp.searchsorted(xp.sort(v), u)
    """,
    "shapes": """
        xp.reshape(x, (3, 2))
        xp.reshape(x, (-1,))
        xp.reshape(z, (1, 1))
        xp.concat([x, y])
        xp.concat([x, y], axis=1)
        xp.concat([xp.reshape(x, (-1,)), u])
        xp.stack([x, y])
        xp.stack((u, v), axis=-1)
        xp.stack([z, 2 * z])
        xp.permute_dims(t, (2, 0, 1))
        xp.matrix_transpose(t)
        xp.broadcast_to(v, (2, 3))
        xp.broadcast_to(z, (2, 3))
        xp.tril(a)
        xp.tril(a, k=-1)
        xp.triu(m, k=1)
        xp.flip(x, axis=1)
        xp.roll(x, -1, axis=0)
        xp.roll(v, 1)
        xp.squeeze(x[None], axis=0)
        xp.expand_dims(x, axis=1)
        xp.moveaxis(t, 0, -1)
        xp.unstack(x, axis=1)[1]
        xp.meshgrid(u, w, indexing='ij')[0]
        xp.tile(x, (2, 1))
        xp.repeat(v, 2)
    """,
    "products": """
        xp.matmul(v, u)
        xp.matmul(x, v)
        xp.matmul(w, x)
        xp.matmul(x, a)
        xp.matmul(t, a)
        xp.matmul(t, v)
        xp.matmul(m, m)
        xp.matmul(o, a)
        xp.tensordot(t, x, axes=([1, 2], [0, 1]))
        xp.tensordot(v, w, axes=0)
        xp.vecdot(x, y)
        xp.vecdot(x, v)
        xp.einsum('ij,kj->ik', x, y)
        xp.einsum('bij,bjk->bik', m, m)
        xp.einsum('ij,ij->i', x, y)
        xp.einsum('ii->i', a)
        xp.einsum('i,ij,j->', w, x, v)
    """,
    "linear algebra": """
        xp.linalg.solve(a, v)
        xp.linalg.solve(a, x.T)
        xp.linalg.solve(m, m @ a)
        xp.linalg.inv(a)
        xp.linalg.inv(m)
        xp.linalg.det(a)
        xp.linalg.slogdet(a).logabsdet
        xp.linalg.slogdet(-m)[1]
        xp.linalg.cholesky(a @ a.T + xp.eye(3))
        xp.linalg.eigvalsh(a + a.T)
        xp.linalg.eigh(a + a.T)[0]
        xp.linalg.eigh(a + a.T).eigenvectors[:, 0] ** 2
        xp.linalg.svdvals(x)
        xp.linalg.svd(x, full_matrices=False)[1]
        xp.linalg.svd(x, full_matrices=False)[2][0] ** 2
        xp.abs(xp.linalg.qr(a)[1])
        xp.linalg.pinv(x)
        xp.linalg.trace(a)
        xp.linalg.diagonal(m)
        xp.linalg.outer(u, w)
        xp.linalg.cross(u, v)
        xp.linalg.matrix_power(a, 3)
        xp.linalg.vector_norm(x, axis=1)
        xp.linalg.matrix_norm(x)
    """,
    "special functions": """
        xp.logsumexp(x)
        xp.logsumexp(x, axis=1)
        xp.softmax(x, axis=1)
        xp.log_softmax(x)
        xp.softplus(3 * x)
        xp.expit(3 * x)
        xp.erf(x)
        xp.erfc(x)
        xp.lgamma(p + 2)
        xp.digamma(p)
        xp.polygamma(2, p)
        xp.expm(a / 3)
        xp.segment_sum(c, i, 3)
    """,
    "scan": """
        xp.scan(lambda total, row: (total + row, total * row), v, x)[1]
        xp.scan(lambda total, row: (total * row, None), v, x)[0]
        xp.scan(lambda total, row: (total + row[0], (row[1], total)), v, (x, y))[1][1]
        xp.scan(lambda total, _: (total / 2, total), v, None, length=3)[1]
    """,
    "complex numbers": """
        xp.real(xp.complex(x, y) * xp.complex(x, p))
        xp.imag(xp.conj(xp.complex(x, y)))
        xp.abs(xp.complex(x, y))
        xp.angle(xp.complex(x, y))
        xp.imag(xp.exp(xp.complex(x, y)))
    """,
    "Fourier transforms": """
        xp.real(xp.fft.fft(v))
        xp.imag(xp.fft.fft(x))
        xp.real(xp.fft.ifft(xp.complex(u, v)))
        xp.abs(xp.fft.rfft(x))
        xp.fft.irfft(xp.fft.rfft(v) * z, n=3)
        xp.fft.fftfreq(4)
    """,
    "derivatives inside": """
        xp.gradient(lambda xp, s: xp.sum(s**3))(x)
        xp.jacobian(lambda xp, s: s**2 * 3)(v)
        xp.hessian(lambda xp, s: xp.sum(s**3))(v)
        xp.jvp(lambda xp, s: xp.sin(s))(v, u)
        xp.vjp(lambda xp, s: xp.sin(s))(v, u)
    """,
}

# Floats among integers: in float64 only, for of shorter ones NumPy makes float64 as well.
MIXED = {
    "integers and floats": """
        x * k
        k - x
        x * b
        x ** n
        xp.multiply(x, k)
        xp.where(b, x, k)
        xp.sum(k * x / n)
    """,
}

# Where a formula as it is written overflows: values only.
EXTREMES = {
    "far from zero": """
        xp.logsumexp(1000 * x, axis=-1, keepdims=True)
        xp.logsumexp(x - 1000)
        xp.softmax(1000 * x, axis=1)
        xp.log_softmax(1000 * x)
        xp.softplus(xp.asarray([-800.0, 800.0]))
        xp.expit(xp.asarray([-800.0, -40.0, 800.0]))
        xp.logaddexp(1000 * x, 1000 * y)
        xp.hypot(p * 1e30, p * 1e30)
    """,
}


def lines_of(text: str) -> list[str]:
    """The lines of a table."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def names_in(line: str) -> list[str]:
    """The arrays of a line, in the order of `DATA`."""
    read = compiled(line).co_names
    return [name for name in DATA if name in read]


def compiled(line: str) -> CodeType:
    """A line as code."""
    return compile(line, f"<{line}>", "eval")

"""Expressions in Monte-Carlo arithmetic: how far their noise lies from the exact numbers."""

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.numbers import EPS, Ball, Noisy, midpoint, more_digits
from xgrad.numbers.arrays import Passing

_rng = np.random.default_rng(20240608)
FACTOR = _rng.normal(size=(4, 4))
DATA = {
    "x": _rng.normal(size=(3, 4)),
    "y": _rng.normal(size=(3, 4)),
    "p": _rng.uniform(0.2, 0.8, size=(3, 4)),
    "t": _rng.normal(size=(2, 3, 4)),
    "u": _rng.normal(size=4),
    "v": _rng.normal(size=4),
    "c": _rng.normal(size=(5, 3)),
    "d": _rng.normal(size=(5, 3)),
    "s": FACTOR @ FACTOR.T + 4 * np.eye(4),
    "a": FACTOR + 3 * np.eye(4),
    "k": _rng.choice([-3, -2, -1, 1, 2, 3], size=(3, 4)),
    "i": np.array([2, 0, 1]),
    "b": _rng.normal(size=(3, 4)) > 0,
}

# A dtype, and the arithmetic that its rounding is imitated in.
BASES = {
    "float32 in float64": ("float32", "numpy", "float64"),
    "float64 in longdouble": ("float64", "numpy", "longdouble"),
    "float32 in balls": ("float32", "ball", ""),
    "float64 in balls": ("float64", "ball", ""),
}
WIDE = [b for b in BASES if b != "float64 in longdouble" or more_digits("float64") == "longdouble"]
SOLVING = [b for b in BASES if "longdouble" not in b]  # NumPy has no extended linear algebra


def unit(basis):
    """Half the dtype's epsilon."""
    return EPS[BASES[basis][0]] / 2


def compute(basis, expression, seed, **data):
    """The expression in noisy arithmetic, or exactly where the seed is None."""
    _, name, kind = BASES[basis]
    framework = find_framework(name)
    xp = base = framework.namespace(kind)
    put = {k: framework.put(v, kind) for k, v in {**DATA, **data}.items()}
    if seed is not None:
        xp = Noisy(base, BASES[basis][0], np.random.default_rng(seed), name == "ball")
        put = {k: xp.wrapped(v) for k, v in put.items()}
    return eval(expression, {"xp": xp, "np": np, **put})


def deviation(basis, expression, seed, **data):
    """|noisy − exact| in float64."""
    noisy, exact = (compute(basis, expression, s, **data) for s in (seed, None))
    assert isinstance(noisy, Passing)
    assert noisy.shape == exact.shape
    gap = noisy.data - exact
    return np.abs(midpoint(gap) if isinstance(gap, Ball) else gap.astype(np.float64))


def typical(basis, expression, draws=25, **data):
    """The root mean square of the deviations over seeds, in units of rounding."""
    gaps = [deviation(basis, expression, seed, **data) for seed in range(draws)]
    return np.sqrt(np.mean(np.square(gaps), axis=0)) / unit(basis)


# What is computed, and the scale of its rounding errors: √n Σ|terms| for a sum of n.
SCALES = {
    "x + y": "abs(x + y)",
    "x - 1": "abs(x - 1)",
    "2.5 * x": "abs(2.5 * x)",
    "x / p": "abs(x / p)",
    "x * k": "abs(x * k)",
    "p ** 1.5": "p ** 1.5",
    "xp.exp(x)": "np.exp(x)",
    "xp.log(p)": "abs(np.log(p))",
    "xp.sqrt(p)": "np.sqrt(p)",
    "xp.tanh(x)": "abs(np.tanh(x))",
    "xp.square(x)": "x ** 2",
    "xp.diff(x)": "abs(np.diff(x))",
    "xp.sum(x)": "np.sqrt(12) * np.sum(abs(x))",
    "xp.sum(x, axis=1)": "2 * np.sum(abs(x), axis=1)",
    "xp.sum(t, axis=(0, 2), keepdims=True)": "np.sqrt(8) * np.sum(abs(t), (0, 2), keepdims=True)",
    "xp.sum(xp.concat([x, -x]))": "np.sqrt(24) * 2 * np.sum(abs(x))",
    "xp.cumulative_sum(x, axis=1)": "2 * np.cumsum(abs(x), axis=1)",
    "xp.prod(x, axis=0)": "np.sqrt(3) * abs(np.prod(x, axis=0))",
    "xp.cumulative_prod(v)": "2 * abs(np.cumprod(v))",
    "xp.mean(x)": "np.sqrt(12) * np.mean(abs(x))",
    "xp.mean(x, axis=0)": "np.sqrt(3) * np.mean(abs(x), axis=0)",
    "x @ a": "2 * abs(x) @ abs(a)",
    "x @ v": "2 * abs(x) @ abs(v)",
    "v @ u": "2 * abs(v) @ abs(u)",
    "t @ a": "2 * abs(t) @ abs(a)",
    "k @ a": "2 * abs(k) @ abs(a)",
    "xp.vecdot(x, v)": "2 * abs(x) @ abs(v)",
    "xp.vecdot(x[:, None], y)": "2 * np.sum(abs(x[:, None] * y), axis=-1)",
    "xp.tensordot(t, x)": "np.sqrt(12) * np.tensordot(abs(t), abs(x))",
    "xp.tensordot(v, u, axes=0)": "abs(np.outer(v, u))",
    "xp.einsum('ij,kj->ik', x, y)": "2 * abs(x) @ abs(y).T",
    "xp.einsum('ij->i', x)": "2 * np.sum(abs(x), axis=1)",
    "xp.einsum('ij->', x)": "np.sqrt(12) * np.sum(abs(x))",
    "xp.einsum('ij,ij->ij', x, y)": "abs(x * y)",
    "xp.einsum('ii', a)": "2 * np.sum(abs(np.diag(a)))",
    "xp.einsum('bij,j', t, v)": "2 * abs(t) @ abs(v)",
    "xp.einsum('...ij,jk->...ik', t, a)": "2 * abs(t) @ abs(a)",
    "xp.einsum('i,ij,j->', v, a, u)": "4 * abs(v) @ abs(a) @ abs(u)",
    "xp.linalg.trace(a)": "2 * np.sum(abs(np.diag(a)))",
    "xp.linalg.outer(v, u)": "abs(np.outer(v, u))",
    "xp.linalg.cross(c, d)": "sum(abs(np.roll(c, i, 1) * np.roll(d, -i, 1)) for i in (1, -1))",
    "xp.linalg.vector_norm(x, axis=1)": "np.linalg.norm(x, axis=1)",
    "xp.linalg.vector_norm(v, ord=1)": "np.sum(abs(v))",
    "xp.linalg.matrix_norm(t)": "2 * np.linalg.norm(t, axis=(-2, -1))",
    "xp.softmax(x)": "2 * np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)",
    "xp.var(p)": "2 * np.var(p)",
    "xp.std(p, axis=1, correction=1)": "np.std(p, axis=1, correction=1)",
    "xp.logsumexp(x)": "1 + abs(np.log(np.sum(np.exp(x))))",
}


MOVEMENT = [
    *("x[0]", "x[:, None]", "x[i]", "x[b]", "t[..., 1]", "x.T", "-x", "abs(x)"),
    *("xp.reshape(x, (-1,))", "xp.permute_dims(t, (2, 0, 1))", "xp.moveaxis(t, 0, 1)"),
    *("xp.where(x > 0, x, y)", "xp.where(b, x, 0.0)", "xp.clip(x, -0.5, 0.5)"),
    *("xp.maximum(x, y)", "xp.minimum(x, 0.0)", "xp.max(x)", "xp.min(x, axis=0)", "xp.sign(x)"),
    *("xp.concat([x, y])", "xp.stack([x, y], axis=-1)", "xp.flip(x)", "xp.roll(x, 1, axis=0)"),
    *("xp.sort(x)", "xp.take(x, i, axis=0)", "xp.take_along_axis(x, xp.argsort(x), axis=-1)"),
    *("xp.tril(x)", "xp.broadcast_to(v, (3, 4))", "xp.tile(v, (2,))", "xp.expand_dims(v, axis=0)"),
    *("xp.linalg.diagonal(a)", "xp.zeros_like(x)", "xp.ones((2,))", "xp.eye(3)", "xp.full(2, 0.5)"),
    *("xp.asarray([0.5, 0.25])", "xp.astype(k, x.dtype)", "xp.floor(3 * p)", "xp.round(3 * p)"),
    *("xp.unstack(x)[1]", "xp.meshgrid(u, v)[0]", "xp.broadcast_arrays(u, x)[0]"),
    *("xp.copysign(x, y)", "xp.linalg.vector_norm(x, ord=float('inf')) * 0"),
]


# What libraries do in several steps, composed of noisy ones here.
COMPOSED = [
    *("xp.logsumexp(x, axis=1)", "xp.logsumexp(t, axis=(0, 2), keepdims=True)", "xp.logsumexp(v)"),
    *("xp.logsumexp(1000 * x)", "xp.softmax(x, axis=0)", "xp.log_softmax(t)"),
    *("xp.mean(t, axis=(0, 1))", "xp.mean(k)", "xp.var(x, axis=1, correction=1, keepdims=True)"),
    *("xp.std(x)", "xp.std(t, axis=(0, -1))"),
    *("xp.scan(lambda c, r: (c * r, c + r), v, x)[0]", "xp.scan(lambda c, r: (r, c + r), v, x)[1]"),
    *("xp.scan(lambda c, r: (c + r[0], (r[1] * c, c)), v, (x, y))[1][0]",),
    *("xp.linalg.vector_norm(x)", "xp.linalg.vector_norm(x, axis=1, ord=3, keepdims=True)"),
    *("xp.linalg.vector_norm(k)", "xp.linalg.matrix_norm(t)", "xp.linalg.matrix_norm(x, ord=1)"),
    *("xp.linalg.cross(c, d[0])", "xp.linalg.cross(x, y, axis=0)", "xp.linalg.matrix_power(a, 3)"),
    *("xp.linspace(0.0, 1.0, 5)", "xp.pi * x", "2 ** x", "1.5 - x", "x / k", "x @ a - y"),
    *("xp.softplus(x)", "xp.expit(x)", "xp.logaddexp(x, y)", "xp.atan2(x, y)", "xp.hypot(x, y)"),
    *("xp.erf(x)", "xp.lgamma(p)", "xp.digamma(p)"),
    *("xp.linalg.inv(a)", "xp.linalg.det(a)", "xp.linalg.solve(a, v)", "xp.linalg.cholesky(s)"),
    *("xp.linalg.solve(a, s)", "xp.linalg.slogdet(a)[1]", "xp.linalg.slogdet(a).logabsdet"),
]

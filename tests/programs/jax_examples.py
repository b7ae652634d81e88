"""Functions that people write in JAX, with inputs: networks, solvers, likelihoods, loops."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

EXAMPLES = {}
# Those that every run of the tests takes; the others wait for `--slow`.
QUICK = """layer_norm attention average_pool lstm embedding scattered straight_through
    target_network eigenvectors general_eigenvalues solve qr conjugate_gradients newton
    implicit_fixed_point custom_root custom_linear_solve nested_scans branches loops_in_a_batch
    hessian_vector sorting segments guarded power_spectrum filtered complex_inside
    low_precision_inside"""
_rng = np.random.default_rng(7)


def normal(*shape, scale=1.0):
    return scale * _rng.standard_normal(shape)


def positive(*shape):
    return np.abs(normal(*shape)) + 0.4


def names():
    """All examples, as parameters of a test."""
    return [
        name if name in QUICK.split() else pytest.param(name, marks=pytest.mark.slow)
        for name in EXAMPLES
    ]


def example(*arguments):
    """Register a function with its arguments."""

    def register(function):
        EXAMPLES[function.__name__] = function, arguments
        return function

    return register


# --- networks ------------------------------------------------------------------------------------

LAYERS = [{"w": normal(m, n, scale=0.3), "b": normal(n, scale=0.1)}
          for m, n in ((8, 16), (16, 16), (16, 1))]  # fmt: skip


@example(LAYERS, normal(10, 8), normal(10, 1))
def mlp(layers, x, y):
    for layer in layers[:-1]:
        x = jnp.tanh(x @ layer["w"] + layer["b"])
    return jnp.mean((x @ layers[-1]["w"] + layers[-1]["b"] - y) ** 2)


@example(normal(6, 5))
def softmax_cross_entropy(z):
    labels = jnp.array([0, 1, 2, 3, 4, 0])
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=1))


@example(normal(4, 7), normal(7), normal(7))
def layer_norm(x, g, b):
    m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - m) / jnp.sqrt(v + 1e-5) * g + b


@example(normal(6, 8), *(normal(8, 8, scale=0.3) for _ in range(3)))
def attention(x, wq, wk, wv):
    q, k, v = ((x @ w).reshape(6, 2, 4).transpose(1, 0, 2) for w in (wq, wk, wv))
    s = q @ k.transpose(0, 2, 1) / jnp.sqrt(4.0)
    s = jnp.where(jnp.tril(jnp.ones((6, 6), bool)), s, jnp.finfo(s.dtype).min)
    return (jax.nn.softmax(s, axis=-1) @ v).transpose(1, 0, 2).reshape(6, 8)


@example(normal(2, 8, 8, 1), normal(3, 3, 1, 4), normal(3, 3, 4, 5), normal(20, 3))
def convolutions(x, w1, w2, w3):
    conv = partial(lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    x = jax.nn.relu(conv(x, w1, (1, 1), "SAME"))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.nn.gelu(conv(x, w2, (2, 2), "SAME"))
    return jax.nn.log_softmax(x.reshape(2, -1) @ w3)


@example(normal(2, 4, 9, 9), normal(8, 2, 3, 3))
def grouped_convolution(x, w):
    return lax.conv_general_dilated(
        x, w, (2, 1), [(1, 2), (0, 1)], rhs_dilation=(1, 2), feature_group_count=2
    )


@example(normal(2, 5, 5, 2), normal(3, 3, 2, 3))
def transposed_convolution(x, w):
    return lax.conv_transpose(x, w, (2, 2), "SAME")


@example(normal(2, 6, 6, 2))
def average_pool(x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 2, 2, 1), "SAME") / 9.0


@example(normal(7, 3), normal(3, 16, scale=0.4), normal(4, 16, scale=0.4), normal(16))
def lstm(xs, wx, wh, b):
    def step(carry, x):
        h, s = carry
        i, f, g, o = jnp.split(x @ wx + h @ wh + b, 4)
        s = jax.nn.sigmoid(f + 1) * s + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(s)
        return (h, s), h

    return lax.scan(step, (jnp.zeros(4), jnp.zeros(4)), xs)[1]


@example(normal(12))
def dropout_and_noise(x):
    k1, k2 = jax.random.split(jax.random.key(3))
    kept = jnp.where(jax.random.bernoulli(k1, 0.7, x.shape), x / 0.7, 0.0)
    return jnp.sum((kept + 0.1 * jax.random.normal(k2, x.shape)) ** 2)


@example(normal(6, 3))
def embedding(e):
    i = jnp.array([4, 1, 1, 5])
    return jnp.sum(e[i] ** 2) + jnp.sum(e.at[i].add(e[i] ** 2) ** 2)


@example(normal(6, 3))
def scattered(e):
    return (
        jnp.sum(e.at[jnp.array([1, 2]), 1].max(e[0, 0]) ** 2)
        + jnp.sum(e.at[jnp.array([4, 0]), 1].multiply(3.0 * e[0, 0], unique_indices=True) ** 2)
        + jnp.sum(e.at[2].set(e[0] * e[1]) ** 2)
    )


@example(normal(5))
def straight_through(x):
    return jnp.sum(x * (x + lax.stop_gradient(jnp.round(x) - x)))


@example(normal(4), normal(4))
def vector_quantisation(z, e):
    sg = lax.stop_gradient
    return jnp.sum((sg(z) - e) ** 2) + 0.25 * jnp.sum((z - sg(e)) ** 2)


@example(normal(3, 3), normal(3))
def target_network(w, x):
    target = lax.stop_gradient(0.9 * jnp.max(x @ w) + 1)
    return (jnp.tanh(x @ w).sum() - target) ** 2


@example(normal(5))
def gumbel_softmax(x):
    return jax.nn.softmax((x + jax.random.gumbel(jax.random.key(1), (5,))) / 0.5)


# --- linear algebra ------------------------------------------------------------------------------


@example(normal(6, 2), normal(6), np.array(0.3), np.array(-0.5), np.array(-1.0))
def gaussian_process(x, y, length, variance, noise):
    d = ((x[:, None] - x[None]) ** 2).sum(-1)
    k = jnp.exp(variance) * jnp.exp(-0.5 * d / jnp.exp(2 * length)) + jnp.exp(noise) * jnp.eye(6)
    factor = jnp.linalg.cholesky(k)
    a = jax.scipy.linalg.cho_solve((factor, True), y)
    return 0.5 * y @ a + jnp.log(jnp.diag(factor)).sum() + 3 * jnp.log(2 * jnp.pi)


SYMMETRIC = normal(5, 5)
SYMMETRIC = SYMMETRIC + SYMMETRIC.T


@example(SYMMETRIC)
def eigenvalues(a):
    w, v = jnp.linalg.eigh(a)
    return jnp.sum(w**3) + jnp.sum((v**2) @ w)


@example(SYMMETRIC)
def eigenvectors(a):
    return jnp.linalg.eigh(a)[1] ** 2


@example(normal(4, 4))
def general_eigenvalues(a):
    return jnp.sum(jnp.abs(jnp.linalg.eigvals(a)) ** 2)


@example(normal(5, 5), normal(5, 2))
def solve(a, b):
    return jnp.linalg.solve(a, b)


@example(normal(5, 3))
def singular_values(a):
    u, s, v = jnp.linalg.svd(a, full_matrices=False)
    return (u * jnp.log1p(s)) @ v


@example(normal(5, 3))
def qr(a):
    q, r = jnp.linalg.qr(a)
    return q @ jnp.tanh(r)


@example(normal(4, 4))
def determinants(a):
    inverse = jnp.linalg.inv(a @ a.T + jnp.eye(4))
    return jnp.linalg.slogdet(a)[1] + jnp.trace(inverse) + jnp.linalg.det(a)


@example(normal(4, 4, scale=0.3))
def matrix_exponential(a):
    return jax.scipy.linalg.expm(a)


@example(normal(3, 3) + 3 * np.eye(3))
def pseudoinverse(a):
    return jnp.linalg.pinv(a[:, :2])


@example(normal(4, 4), normal(4))
def conjugate_gradients(a, b):
    m = a @ a.T + 2 * jnp.eye(4)
    return jax.scipy.sparse.linalg.cg(lambda v: m @ v, b, tol=1e-12)[0]


@example(normal(5) + 4, normal(5), normal(5), normal(5, 2))
def tridiagonal(main, low, up, b):
    return lax.linalg.tridiagonal_solve(low.at[0].set(0.0), main, up.at[-1].set(0.0), b)


# --- loops and solvers ---------------------------------------------------------------------------


@example(np.array(2.3))
def newton(a):
    return lax.fori_loop(0, 8, lambda i, x: x - (x * x - a) / (2 * x), a)


def _until_still(step, start):
    return lax.while_loop(
        lambda pair: jnp.abs(pair[0] - pair[1]) > 1e-60,
        lambda pair: (step(pair[0]), pair[0]),
        (step(start), start),
    )[0]


@jax.custom_vjp
def _fixed_point(a):
    return _until_still(lambda x: jnp.cos(x) / a, jnp.array(0.5))


def _fixed_point_backward(kept, g):
    a, x = kept
    slope = -jnp.sin(x) / a
    return (g * (-jnp.cos(x) / a**2) / (1 - slope),)


def _fixed_point_forward(a):
    x = _fixed_point(a)
    return x, (a, x)


_fixed_point.defvjp(_fixed_point_forward, _fixed_point_backward)


@example(np.array(1.7))
def implicit_fixed_point(a):
    return _fixed_point(a) ** 2


@example(np.array(1.7))
def custom_root(a):
    def newton_steps(f, x):
        return lax.fori_loop(0, 9, lambda i, x: x - f(x) / (3 * x * x), x)

    return lax.custom_root(lambda x: x**3 - a, 1.5, newton_steps, lambda g, y: y / g(1.0))


@example(normal(4, 4) @ np.eye(4) + 5 * np.eye(4))
def custom_linear_solve(a):
    b = jnp.arange(4.0)
    return lax.custom_linear_solve(
        lambda x: a @ x, b, lambda matvec, b: jnp.linalg.solve(a, b),
        lambda vecmat, b: jnp.linalg.solve(a.T, b),
    )  # fmt: skip


@example(normal(3, 3, scale=0.3), normal(3))
def runge_kutta(w, y):
    h = 0.05

    def f(y):
        return jnp.tanh(w @ y)

    def step(y, _):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(y + h * k3)), None

    return lax.scan(step, y, None, length=20)[0]


@example(normal(6))
def running(x):
    return jnp.cumsum(x) * jnp.cumprod(x) + lax.cumlogsumexp(x) + lax.cummax(x) ** 2


@example(normal(6))
def associative(x):
    return lax.associative_scan(lambda a, b: a * b + jnp.sin(a), x)


@example(normal(5))
def nested_scans(x):
    def outer(c, a):
        return lax.scan(lambda d, b: (jnp.tanh(d * b + a), d), c, x)[0], c

    return lax.scan(outer, x[0], x, reverse=True)[1]


@example(normal(6))
def branches(x):
    first = lax.switch(2, [jnp.sin, jnp.cos, jnp.tanh], x)
    return first * lax.cond(x[0] > 100.0, jnp.sin, lambda x: x**2, x)


@example(normal(5))
def loops_in_a_batch(x):
    return jax.vmap(lambda a: lax.fori_loop(0, 4, lambda i, y: jnp.sin(y * a) + i, a))(x)


@example(LAYERS, normal(4, 8), normal(4, 1))
def unrolled_training(layers, x, y):
    for _ in range(2):
        slopes = jax.grad(mlp)(layers, x, y)
        layers = jax.tree.map(lambda p, g: p - 0.1 * g, layers, slopes)
    return mlp(layers, x, y)


@example(normal(3), normal(3, 3, scale=0.3))
def hessian_vector(x, w):
    return jax.jvp(jax.grad(lambda x: jnp.sum(jnp.tanh(w @ x) ** 2)), (x,), (jnp.ones(3),))[1]


@example(normal(6))
def checkpointed(x):
    return jax.checkpoint(lambda x: jnp.sin(jnp.cos(x)))(x).sum()


@example(normal(4, 3), normal(3, 3))
def batched_norms(x, w):
    return jax.vmap(lambda r: jnp.linalg.norm(jnp.sin(w @ r)))(x)


# --- statistics, signals, images -----------------------------------------------------------------


@example(normal(9))
def logsumexp(x):
    weights = jnp.arange(1.0, 10.0)
    return jax.nn.logsumexp(x) + jax.scipy.special.logsumexp(x, b=weights)


@example(normal(9))
def sorting(x):
    largest = jnp.sum(lax.top_k(x, 3)[0] ** 3)
    return largest + jnp.sum(jnp.sort(x)[::2] ** 2) + jnp.median(x) + jnp.quantile(x, 0.3)


@example(np.array([-1.0, 0.5, 2.0, 0.3]))
def guarded(x):
    safe = jnp.where(x > 0, x, 1.0)
    return jnp.where(x > 0, jnp.log(safe) * jnp.sqrt(safe), -(x**2))


@example(positive(5), positive(5) + 0.1)
def special_functions(x, a):
    s = jax.scipy.special
    gammas = s.gammaln(x) + s.digamma(a) + s.gammainc(a, x) + s.gammaincc(a, x)
    return gammas + s.erf(x) * s.erfc(a) + s.i0e(x) + s.i1(a) + s.polygamma(2, x) + s.xlogy(a, x)


@example(np.array([0.3, -0.6, 0.9]))
def inverse_normal(x):
    return jax.scipy.special.erfinv(x) * jax.scipy.special.ndtri(jax.nn.sigmoid(x))


@example(normal(8, 2), normal(3), normal(3, 2), normal(3, 2, scale=0.2))
def gaussian_mixture(x, logits, mean, scale):
    density = jax.scipy.stats.norm.logpdf(x[:, None], mean, jnp.exp(scale)).sum(-1)
    return jax.nn.logsumexp(density + jax.nn.log_softmax(logits), axis=1).mean()


@example(np.array([1.3, 2.2, 0.7]))
def density_of_gamma(a):
    return jax.scipy.stats.gamma.logpdf(jnp.array([0.5, 1.5, 2.5]), a)


@example(normal(20))
def segments(x):
    ids = jnp.array([0, 2, 1, 1, 0] * 4)
    return jax.ops.segment_sum(x**2, ids, 3) * jax.ops.segment_max(x, ids, 3)


@example(normal(8))
def power_spectrum(x):
    return jnp.abs(jnp.fft.rfft(x)) ** 2


@example(normal(4, 6))
def filtered(x):
    return jnp.fft.irfft(jnp.fft.rfft2(x) * 0.5, 6)


@example(normal(5, 5))
def resampled(image):
    at = [jnp.array([1.3, 2.2]), jnp.array([0.4, 3.1])]
    taken = jax.scipy.ndimage.map_coordinates(image, at, order=1)
    return taken + jax.image.resize(image, (8, 8), "cubic").sum()


@example(normal(6), normal(4))
def interpolation(x, c):
    knots = jnp.linspace(-3, 3, 7)
    return jnp.interp(x, knots, jnp.sin(knots)) + jnp.polyval(c, x)


@example(normal(5, 4))
def distances(x):
    d = jnp.sqrt(jnp.sum((x[:, None] - x[None]) ** 2, -1) + jnp.eye(5))
    return jnp.einsum("ij,jk->ik", jnp.exp(-d), x)


@example(normal(5))
def complex_inside(x):
    z = jnp.exp(1j * x) * jnp.conj(1 + 2j * x)
    return jnp.real(z) + jnp.abs(jnp.sin(x + 1j * x**2))


@example(normal(4))
def low_precision_inside(x):
    return jnp.sum(jnp.sin(x.astype(jnp.bfloat16)).astype(jnp.float64) ** 2)

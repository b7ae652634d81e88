"""Linear algebra, loops and solvers that people write in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax_layers import LAYERS, mlp
from jax_registry import example, normal


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

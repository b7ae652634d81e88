"""Likelihoods, signals and images that people compute in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax_registry import example, normal, positive


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

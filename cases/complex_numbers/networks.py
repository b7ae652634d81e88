"""Networks of complex numbers. Gradients by them are ∂f/∂re + i ∂f/∂im."""

import numpy as np

import xgrad


def draw_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@xgrad.case(
    wrt=("W", "h", "b"),
    sizes={"small": {"n": 4}, "medium": {"n": 24}, "large": {"n": 256}},
    source="Arjovsky, Shah & Bengio 2016, Unitary evolution recurrent neural networks, ICML, "
    "eqs. 4 and 8",
)
def unitary_cell(xp, W, h, b, x, t):  # W (n, n), h, x, t (n,) complex, b (n,) real -> ()
    """½ |modReLU(W h + x) − t|², modReLU(z) = max(|z| + b, 0) z/|z|."""
    z = xp.matmul(W, h) + x
    size = xp.abs(z)
    return xp.sum(xp.abs(xp.maximum(size + b, xp.zeros_like(b)) * (z / size) - t) ** 2) / 2


@unitary_cell.inputs
def draw_cell(rng, n):
    drawn = {"W": np.linalg.qr(draw_complex(rng, n, n))[0], "h": draw_complex(rng, n)}
    more = {"x": draw_complex(rng, n), "t": draw_complex(rng, n)}
    return {**drawn, "b": rng.uniform(-1.5, 0.5, size=n), **more}


@unitary_cell.formula("gradient")
def pull_cell(xp, W, h, b, x, t):
    """g hᴴ, Wᴴ g and Re u̅ r where the unit is on: g = r + b (r − u Re u̅ r) / |z|, u = z/|z|."""
    z = xp.matmul(W, h) + x
    size = xp.abs(z)
    u, on = z / size, xp.where(size + b > 0, xp.ones_like(b), xp.zeros_like(b))
    r = on * (size + b) * u - t
    along = xp.real(xp.conj(u) * r)
    g = on * (r + b * (r - u * along) / size)
    return g[:, None] * xp.conj(h)[None, :], xp.matmul(xp.conj(W).T, g), on * along


@xgrad.case(
    wrt=("log_decay", "frequency", "C"),
    sizes={"small": {"n": 3, "T": 5}, "medium": {"n": 16, "T": 20}, "large": {"n": 64, "T": 400}},
    operators=("vjp",),
    source="Gu, Gupta, Goel & Ré 2022, On the parameterization and initialization of diagonal "
    "state space models, NeurIPS, eqs. 3 and 7",
)
def diagonal_kernel(xp, log_decay, frequency, C, t):  # (n,), (n,), (n,) complex, (T,) -> (T,)
    """The kernel 2 Re Σ C exp(λ t), λ = −exp(a) + i ω."""
    return 2 * xp.real(xp.matmul(modes(xp, log_decay, frequency, t), C))


def modes(xp, log_decay, frequency, t):
    return xp.exp(t[:, None] * xp.complex(-xp.exp(log_decay), frequency)[None, :])


@diagonal_kernel.inputs
def draw_kernel(rng, n, T):
    drawn = {"log_decay": rng.normal(size=n), "frequency": rng.uniform(0, 3, size=n)}
    return {**drawn, "C": draw_complex(rng, n), "t": np.arange(T) / T}


@diagonal_kernel.formula("vjp")
def pull_kernel(xp, log_decay, frequency, C, t, w):
    """With E = exp(λ t) and s = 2 C Σ w t E: −exp(a) Re s, −Im s, and 2 Σ w E̅."""
    E = modes(xp, log_decay, frequency, t)
    s = 2 * C * xp.sum((w * t)[:, None] * E, axis=0)
    by_C = 2 * xp.sum(w[:, None] * xp.conj(E), axis=0)
    return -xp.exp(log_decay) * xp.real(s), -xp.imag(s), by_C

"""Antennas and filters. Gradients by complex numbers are ∂f/∂re + i ∂f/∂im."""

import numpy as np

import xgrad


def draw_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@xgrad.case(
    wrt="w",
    sizes={"small": {"n": 4}, "medium": {"n": 32}, "large": {"n": 400}},
    source="Van Trees 2002, Optimum Array Processing, section 6.2",
)
def array_gain(xp, w, a, R):  # w (n,), a (n,), R (n, n) Hermitian -> ()
    """|wᴴ a|² / wᴴ R w: signal over noise of an array with weights w."""
    signal = xp.vecdot(w, a)
    return xp.real(signal * xp.conj(signal)) / xp.real(xp.vecdot(w, xp.matmul(R, w)))


@array_gain.inputs
def draw_array(rng, n):
    B = draw_complex(rng, n, n)
    drawn = {"w": draw_complex(rng, n), "a": np.exp(1j * rng.uniform(0, 6, size=n))}
    return {**drawn, "R": B @ B.conj().T / n + np.eye(n)}


@array_gain.formula("gradient")
def pull_gain(xp, w, a, R):
    """2 (a aᴴ w − G R w) / wᴴ R w."""
    noise = xp.matmul(R, w)
    gain, power = array_gain(xp, w, a, R), xp.real(xp.vecdot(w, noise))
    return 2 * (a * xp.vecdot(a, w) - gain * noise) / power


@xgrad.case(
    wrt=("b", "a"),
    sizes={"small": {"n": 3, "m": 5}, "medium": {"n": 6, "m": 40}, "large": {"n": 16, "m": 2_000}},
    source="Oppenheim & Schafer 2010, Discrete-Time Signal Processing, section 5.3",
)
def filter_response(xp, b, a, omega, t):  # b (n,), a (n,) real, omega (m,), t (m,) -> ()
    """Mean of (|B/(1 + A)| − t)², B = Σ bₖ exp(−i ω k), A = Σ aₖ exp(−i ω (k + 1))."""
    return xp.mean((xp.abs(response(xp, b, a, omega)[0]) - t) ** 2)


def response(xp, b, a, omega):
    """B/(1 + A), 1 + A, and the exponentials of each."""
    E = xp.exp(-1j * omega[:, None] * xp.arange(1.0 * b.shape[0])[None, :])
    delayed = E * xp.exp(-1j * omega)[:, None]
    below = 1 + xp.sum(delayed * a, axis=1)
    return xp.sum(E * b, axis=1) / below, below, E, delayed


@filter_response.inputs
def draw_filter(rng, n, m):
    drawn = {"b": rng.normal(size=n), "a": rng.uniform(-0.5, 0.5, size=n) / n}
    return {**drawn, "omega": rng.uniform(0, 3, size=m), "t": rng.uniform(0, 2, size=m)}


@filter_response.formula("gradient")
def pull_response(xp, b, a, omega, t):
    """2/m Re Σ s E/(1 + A) and −2/m Re Σ s H E'/(1 + A), s = (|H| − t) H̅/|H|."""
    H, below, E, delayed = response(xp, b, a, omega)
    s = 2 * (xp.abs(H) - t) * xp.conj(H) / xp.abs(H) / t.shape[0]
    by_b = xp.real(xp.sum((s / below)[:, None] * E, axis=0))
    return by_b, -xp.real(xp.sum((s * H / below)[:, None] * delayed, axis=0))

"""Harmonic oscillators by the Störmer–Verlet scheme, fitted to observed positions."""

import numpy as np

import xgrad

STEP = 0.125


@xgrad.case(
    wrt=("q", "p", "k"),
    sizes={
        "small": {"n": 3, "steps": 16},
        "medium": {"n": 50, "steps": 100},
        "large": {"n": 1_000, "steps": 400},
    },
    source="Hairer, Lubich & Wanner 2006, Geometric Numerical Integration, 2nd ed., section I.1.4",
)
def harmonic_oscillator(xp, q, p, k, observed):  # q, p, k (n,), observed (steps, n) -> ()
    """½ Σ_t (q_t − observed_t)² with q″ = −k q in leapfrog steps of h."""

    def follow(carry, seen):
        q, p = leapfrog(*carry, k)
        return (q, p), (q - seen) ** 2

    _, misfits = xp.scan(follow, (q, p), observed)
    return xp.sum(misfits) / 2


def leapfrog(q, p, k):
    """Kick, drift, kick."""
    half = p - STEP / 2 * k * q
    q = q + STEP * half
    return q, half - STEP / 2 * k * q


@harmonic_oscillator.inputs
def draw(rng, n, steps):
    """Positions of oscillators of other stiffness, with noise."""
    k = rng.uniform(0.5, 2, size=n)
    amplitude, phase = rng.uniform(0.5, 2, size=n), rng.uniform(0, 2 * np.pi, size=n)
    times = STEP * np.arange(1, steps + 1)[:, None]
    observed = amplitude * np.cos(np.sqrt(k) * times + phase)
    return {
        "q": amplitude * np.cos(phase) + 0.1 * rng.normal(size=n),
        "p": -amplitude * np.sqrt(k) * np.sin(phase) + 0.1 * rng.normal(size=n),
        "k": k * rng.uniform(0.9, 1.1, size=n),
        "observed": observed + 0.1 * rng.normal(size=(steps, n)),
    }


@harmonic_oscillator.formula("gradient")
def discrete_adjoint(xp, q, p, k, observed):
    """Each kick and drift transposed, last first: (a, b) is the derivative by (q_t, p_t)."""

    def follow(carry, seen):
        after = leapfrog(*carry, k)
        return after, (carry[0], after[0], seen)

    _, path = xp.scan(follow, (q, p), observed)

    def back(carry, moved):
        a, b, c = carry
        before, after, seen = moved
        a = a + (after - seen) - STEP / 2 * k * b
        half = b + STEP * a
        c = c - STEP / 2 * (after * b + before * half)
        return (a - STEP / 2 * k * half, half, c), None

    zero = xp.zeros_like(q)
    reverse = tuple(xp.flip(each, axis=0) for each in path)
    gradients, _ = xp.scan(back, (zero, zero, zero), reverse)
    return gradients

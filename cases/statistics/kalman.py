"""The local level model: the Kalman filter's likelihood, and the score by a backward pass."""

import math

import numpy as np

import xgrad


@xgrad.case(
    wrt=("log_noise", "log_step"),
    sizes={
        "small": {"T": 10, "m": 3},
        "medium": {"T": 50, "m": 60},
        "large": {"T": 200, "m": 5_000},
    },
    operators=("gradient",),
    source="Durbin & Koopman 2012, Time Series Analysis by State Space Methods, 2nd edition, "
    "sections 2.2, 2.5 and 7.3.3",
)
def local_level(xp, log_noise, log_step, Y, P):  # log_noise, log_step (m,), Y (T, m), P (m,) -> ()
    """½ Σ log 2πF + v² / F: m series y = a + N(0, σ²) of levels a' = a + N(0, τ²), a₁ ~ N(0, P)."""
    _, (v, F, _) = xp.scan(filtered(xp, log_noise, log_step), (xp.zeros_like(P), P), Y)
    return xp.sum(xp.log(2 * math.pi * F) + v * v / F) / 2


def filtered(xp, log_noise, log_step):
    """One step of the filter: the innovation v, its variance F, and the gain K."""
    noise, step = xp.exp(2 * log_noise), xp.exp(2 * log_step)

    def advance(state, y):
        a, P = state
        v, F = y - a, P + noise
        K = P / F
        return (a + K * v, K * noise + step), (v, F, K)

    return advance


@local_level.inputs
def draw(rng, T, m):
    log_noise, log_step = rng.uniform(-0.5, 0.5, size=m), rng.uniform(-1, 0, size=m)
    level = np.cumsum(np.exp(log_step) * rng.normal(size=(T, m)), axis=0)
    Y = level + np.exp(log_noise) * rng.normal(size=(T, m))
    moved = 0.3 * rng.normal(size=(2, m))
    return {
        "log_noise": log_noise + moved[0],
        "log_step": log_step + moved[1],
        "Y": Y,
        "P": rng.uniform(1, 3, size=m),
    }


@local_level.formula("gradient")
def score(xp, log_noise, log_step, Y, P):
    """σ² Σ D − u² and τ² Σ N − r², of the smoothed disturbances.

    Backwards from r = N = 0: u = v/F − Kr, D = 1/F + K²N; then r ← v/F + (1 − K) r,
    N ← 1/F + (1 − K)² N.
    """
    _, run = xp.scan(filtered(xp, log_noise, log_step), (xp.zeros_like(P), P), Y)

    def smooth(state, here):
        (r, N), (v, F, K) = state, here
        u, D = v / F - K * r, 1 / F + K * K * N
        before = v / F + (1 - K) * r, 1 / F + (1 - K) ** 2 * N
        return before, (D - u * u, N - r * r)

    start = xp.zeros_like(P), xp.zeros_like(P)
    _, (noise, step) = xp.scan(smooth, start, tuple(xp.flip(a, axis=0) for a in run))
    of_noise = xp.exp(2 * log_noise) * xp.sum(noise, axis=0)
    return of_noise, xp.exp(2 * log_step) * xp.sum(step, axis=0)

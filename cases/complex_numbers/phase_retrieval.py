"""Phase retrieval: signals from the sizes of their measurements.

Gradients by complex numbers are ∂f/∂re + i ∂f/∂im, twice the ∂f/∂z̄ of the literature.
"""

import numpy as np

import xgrad

SIZES = {"small": {"m": 8, "n": 3}, "medium": {"m": 60, "n": 20}, "large": {"m": 1_000, "n": 200}}


def draw_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def draw_measurements(rng, m, n):
    A, z = draw_complex(rng, m, n), draw_complex(rng, n)
    return {"z": z, "A": A, "y": np.abs(A @ (z + draw_complex(rng, n) / 4)) ** 2}


@xgrad.case(
    wrt="z",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Candès, Li & Soltanolkotabi 2015, Phase retrieval via Wirtinger flow, IEEE Trans. "
    "Inf. Theory 61(4), 1985-2007, eqs. 1.6 and 2.1",
)
def wirtinger_flow(xp, z, A, y):  # z (n,), A (m, n) complex, y (m,) -> ()
    """Σ (|A z|² − y)² / 2m."""
    return xp.mean((xp.abs(xp.matmul(A, z)) ** 2 - y) ** 2) / 2


wirtinger_flow.inputs(draw_measurements)


@wirtinger_flow.formula("gradient")
def pull_flow(xp, z, A, y):
    """2 Aᴴ ((|u|² − y) u) / m with u = A z."""
    u = xp.matmul(A, z)
    return 2 * xp.matmul(xp.conj(A).T, (xp.real(xp.conj(u) * u) - y) * u) / y.shape[0]


@wirtinger_flow.formula("hvp")
def bend_flow(xp, z, A, y, v):
    """2 Aᴴ ((2|u|² − y) du + u² d̄u) / m with du = A v."""
    u, du = xp.matmul(A, z), xp.matmul(A, v)
    moved = (2 * xp.real(xp.conj(u) * u) - y) * du + u * u * xp.conj(du)
    return 2 * xp.matmul(xp.conj(A).T, moved) / y.shape[0]


@xgrad.case(
    wrt="z",
    sizes=SIZES,
    source="Wang, Giannakis & Eldar 2018, Solving systems of random quadratic equations via "
    "truncated amplitude flow, IEEE Trans. Inf. Theory 64(2), 773-794, eq. 9",
)
def amplitude_flow(xp, z, A, y):  # z (n,), A (m, n) complex, y (m,) -> ()
    """Σ (|A z| − √y)² / 2m."""
    return xp.mean((xp.abs(xp.matmul(A, z)) - xp.sqrt(y)) ** 2) / 2


amplitude_flow.inputs(draw_measurements)


@amplitude_flow.formula("gradient")
def pull_amplitudes(xp, z, A, y):
    """Aᴴ (u − √y u/|u|) / m with u = A z."""
    u = xp.matmul(A, z)
    return xp.matmul(xp.conj(A).T, u - xp.sqrt(y) * u / xp.abs(u)) / y.shape[0]

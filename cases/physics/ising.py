"""The Ising model in the mean-field approximation: free energy, and response to the field."""

import numpy as np

import xgrad

TEMPERATURE = 6.0
STEPS = 128  # each gains half a digit or more


@xgrad.case(
    wrt="m",
    sizes={"small": {"n": 8}, "medium": {"n": 200}, "large": {"n": 2_000}},
    operators=("gradient", "hvp"),
    source="MacKay 2003, Information Theory, Inference, and Learning Algorithms, section 33.2",
)
def mean_field_energy(xp, m, J, h):  # m (n,), J (n, n), h (n,) -> ()
    """−½ mᵀJm − h·m + T Σ (1±m)/2 log (1±m)/2, J symmetric."""
    up, down = (1 + m) / 2, (1 - m) / 2
    entropy = -xp.sum(up * xp.log(up) + down * xp.log(down))
    return -xp.sum(m * xp.matmul(J, m)) / 2 - xp.sum(h * m) - TEMPERATURE * entropy


def couplings(rng, n):
    """A symmetric matrix of norm about 2, without self-coupling."""
    J = rng.normal(size=(n, n)) / np.sqrt(2 * n)
    J = J + J.T
    np.fill_diagonal(J, 0)
    return J


@mean_field_energy.inputs
def draw_magnetisation(rng, n):
    return {
        "m": rng.uniform(-0.9, 0.9, size=n),
        "J": couplings(rng, n),
        "h": rng.normal(size=n),
    }


@mean_field_energy.formula("gradient")
def minus_field(xp, m, J, h):
    """−Jm − h + T/2 log (1+m)/(1−m)."""
    return TEMPERATURE / 2 * (xp.log(1 + m) - xp.log(1 - m)) - xp.matmul(J, m) - h


@mean_field_energy.formula("hvp")
def inverse_response(xp, m, J, h, v):
    """−Jv + T v / (1 − m²)."""
    return TEMPERATURE * v / (1 - m * m) - xp.matmul(J, v)


@xgrad.case(
    wrt="h",
    sizes={"small": {"n": 5}, "medium": {"n": 20}, "large": {"n": 100}},
    operators="jacobian",
    source="Kappen & Rodríguez 1998, Boltzmann machine learning using mean field theory and "
    "linear response correction, Advances in Neural Information Processing Systems 10, 280-286",
)
def magnetisation(xp, h, J):  # h (n,), J (n, n) -> (n,)
    """m with m = tanh((Jm + h) / T), by iteration."""

    def settle(m, _):
        return xp.tanh((xp.matmul(J, m) + h) / TEMPERATURE), None

    return xp.scan(settle, xp.zeros_like(h), None, length=STEPS)[0]


@magnetisation.inputs
def draw_field(rng, n):
    return {"h": 3 * rng.normal(size=n), "J": couplings(rng, n)}


@magnetisation.formula("jacobian")
def susceptibility(xp, h, J):
    """(diag(T / (1 − m²)) − J)⁻¹: linear response."""
    m = magnetisation(xp, h, J)
    return xp.linalg.inv(xp.eye(h.shape[0]) * (TEMPERATURE / (1 - m * m))[:, None] - J)

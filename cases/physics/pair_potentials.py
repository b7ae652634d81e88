"""Energies of particle pairs: Lennard-Jones, Coulomb, softened gravity."""

import numpy as np

import xgrad

SOFTENING = 0.25


def differences(xp, x):
    """d_ij = x_i − x_j and |d_ij|², 1 on the diagonal: (n, 3) -> (n, n, 3), (n, n)."""
    d = x[:, None, :] - x[None, :, :]
    return d, xp.sum(d * d, axis=-1) + xp.eye(x.shape[0])


def pulled(xp, coefficients, d):
    """Σ_j c_ij d_ij: (n, n), (n, n, 3) -> (n, 3)."""
    return xp.sum(coefficients[:, :, None] * d, axis=1)


def jittered_lattice(rng, side, spacing):
    """side³ points near the nodes of a cubic lattice, none nearer than two thirds of a spacing."""
    nodes = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)
    return spacing * (nodes + rng.uniform(-1 / 6, 1 / 6, size=nodes.shape))


@xgrad.case(
    wrt="x",
    sizes={"small": {"side": 2}, "medium": {"side": 4}, "large": {"side": 9}},
    operators=("gradient", "hvp"),
    source="Frenkel & Smit 2002, Understanding Molecular Simulation, 2nd ed., section 4.2.2",
)
def lennard_jones(xp, x):  # x (n, 3) -> ()
    """4 Σ_{i<j} (1/r¹² − 1/r⁶), r = |x_i − x_j|."""
    _, r2 = differences(xp, x)
    s = 1 / r2**3  # on the diagonal s² − s = 0
    return 2 * xp.sum(s * s - s)


@lennard_jones.inputs
def draw_atoms(rng, side):
    return {"x": jittered_lattice(rng, side, 1.5)}


@lennard_jones.formula("gradient")
def minus_forces(xp, x):
    """−24 Σ_j (2/r¹⁴ − 1/r⁸) (x_i − x_j)."""
    d, r2 = differences(xp, x)
    s = 1 / r2**3
    return pulled(xp, -24 * (2 * s * s - s) / r2, d)


@lennard_jones.formula("hvp")
def stiffness(xp, x, v):
    """Σ_j −24 (2/r¹⁴ − 1/r⁸) δ + 96 (7/r¹⁶ − 2/r¹⁰) (d·δ) d, d = x_i − x_j, δ = v_i − v_j."""
    d, r2 = differences(xp, x)
    delta, _ = differences(xp, v)
    s = 1 / r2**3
    along = xp.sum(d * delta, axis=-1)
    across = pulled(xp, -24 * (2 * s * s - s) / r2, delta)
    return across + pulled(xp, 96 * (7 * s * s - 2 * s) / r2**2 * along, d)


@xgrad.case(
    wrt=("x", "q"),
    sizes={"small": {"side": 2}, "medium": {"side": 4}, "large": {"side": 9}},
    source="Griffiths 2013, Introduction to Electrodynamics, 4th ed., section 2.4.2",
)
def coulomb(xp, x, q):  # x (n, 3), q (n,) -> ()
    """Σ_{i<j} q_i q_j / |x_i − x_j|."""
    return xp.sum(q * xp.matmul(inverse_distances(xp, x), q)) / 2


def inverse_distances(xp, x):
    """1/|x_i − x_j|, 0 on the diagonal: (n, 3) -> (n, n)."""
    _, r2 = differences(xp, x)
    return (1 - xp.eye(x.shape[0])) / xp.sqrt(r2)


@coulomb.inputs
def draw_charges(rng, side):
    x = jittered_lattice(rng, side, 1.0)
    return {"x": x, "q": rng.normal(size=len(x))}


@coulomb.formula("gradient")
def minus_forces_and_potentials(xp, x, q):
    """−q_i Σ_j q_j (x_i − x_j) / r³ and Σ_j q_j / r."""
    d, r2 = differences(xp, x)
    inverse = inverse_distances(xp, x)
    pair = q[:, None] * q[None, :]
    return pulled(xp, -pair * inverse / r2, d), xp.matmul(inverse, q)


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 8}, "medium": {"n": 60}, "large": {"n": 800}},
    operators=("gradient", "hvp"),
    source="Binney & Tremaine 2008, Galactic Dynamics, 2nd ed., section 2.9.1",
)
def softened_gravity(xp, x, m):  # x (n, 3), m (n,) -> ()
    """−Σ_{i<j} m_i m_j / √(|x_i − x_j|² + ε²)."""
    _, softened, pair = softened_pairs(xp, x, m)
    return -xp.sum(pair / xp.sqrt(softened)) / 2


def softened_pairs(xp, x, m):
    """d_ij, |d_ij|² + ε², and m_i m_j for i ≠ j."""
    d, r2 = differences(xp, x)
    return d, r2 + SOFTENING**2, (1 - xp.eye(x.shape[0])) * m[:, None] * m[None, :]


@softened_gravity.inputs
def draw_stars(rng, n):
    return {"x": rng.normal(size=(n, 3)), "m": rng.uniform(0.5, 1.5, size=n)}


@softened_gravity.formula("gradient")
def attraction(xp, x, m):
    """m_i Σ_j m_j (x_i − x_j) / (r² + ε²)^{3/2}."""
    d, softened, pair = softened_pairs(xp, x, m)
    return pulled(xp, pair / softened**1.5, d)


@softened_gravity.formula("hvp")
def tide(xp, x, m, v):
    """m_i Σ_j m_j (δ − 3 (d·δ) d / (r² + ε²)) / (r² + ε²)^{3/2}, d = x_i − x_j, δ = v_i − v_j."""
    d, softened, pair = softened_pairs(xp, x, m)
    delta = v[:, None, :] - v[None, :, :]
    weights = pair / softened**1.5
    along = xp.sum(d * delta, axis=-1)
    return pulled(xp, weights, delta) - pulled(xp, 3 * weights * along / softened, d)

"""Forces from a pair potential, fitted to given forces: a loss of an energy's gradient."""

import xgrad


@xgrad.case(
    wrt=("a", "b"),
    sizes={"small": {"n": 3, "k": 2}, "medium": {"n": 8, "k": 4}, "large": {"n": 16, "k": 8}},
    operators=("gradient",),
    source="Ercolessi & Adams 1994, Interatomic potentials from first-principles calculations: the "
    "force-matching method, Europhysics Letters 26, 583-588, eq. 2",
)
def force_matching(xp, a, b, places, forces):  # a, b (k,), places, forces (n, 3) -> ()
    """mean |−∇E − forces|² over the particles, ∇ with respect to their places."""
    off = -xp.gradient(energy)(places, a, b) - forces
    return xp.mean(xp.sum(off * off, axis=1))


def energy(xp, places, a, b):
    """½ Σ_ij Σ_k a_k exp(−b_k r_ij²)."""
    apart = places[:, None, :] - places[None, :, :]
    squares = xp.sum(apart * apart, axis=-1)
    return xp.sum(a * xp.exp(-b * squares[:, :, None])) / 2


@force_matching.inputs
def draw(rng, n, k):
    places, forces = rng.normal(size=(2, n, 3))
    b = rng.uniform(0.5, 2, size=k)
    return {"a": rng.normal(size=k), "b": b, "places": places, "forces": forces}


@force_matching.formula("gradient")
def gradient(xp, a, b, places, forces):
    """The force on i is Σ_jk 2ab exp(−br²)(x_i − x_j), its slope in b is 2a(1 − br²) exp(−br²)."""
    apart = places[:, None, :] - places[None, :, :]
    squares = xp.sum(apart * apart, axis=-1)[:, :, None]
    e = xp.exp(-b * squares)
    force = xp.einsum("ijk,ijc->ic", 2 * a * b * e, apart)
    off = 2 * (force - forces) / places.shape[0]
    along = xp.sum(off[:, None, :] * apart, axis=-1)[:, :, None]
    by_a, by_b = 2 * b * e, 2 * a * (1 - b * squares) * e
    return xp.sum(along * by_a, axis=(0, 1)), xp.sum(along * by_b, axis=(0, 1))

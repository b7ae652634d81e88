"""The Helmholtz energy of a mixed fluid: the classic of automatic differentiation."""

import numpy as np

import xgrad

TEMPERATURE = 1.25  # times the gas constant


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 6}, "medium": {"n": 100}, "large": {"n": 1_000}},
    operators=("gradient", "hvp"),
    source="Griewank 1989, On automatic differentiation, in Iri & Tanabe (eds.), Mathematical "
    "Programming, 83-108; diffsharp.github.io/DiffSharp/examples-helmholtzenergyfunction.html",
)
def helmholtz_energy(xp, x, A, b):  # x (n,), A (n, n), b (n,) -> ()
    """RT Σ x log(x / (1 − b·x)) − xᵀAx / (√8 b·x) log((1 + (1+√2) b·x) / (1 + (1−√2) b·x))."""
    mixed = xp.sum(b * x)
    ideal = xp.sum(x * (xp.log(x) - xp.log(1 - mixed)))
    return TEMPERATURE * ideal - xp.sum(x * xp.matmul(A, x)) * attraction(xp, mixed)[0]


def attraction(xp, t):
    """g = log((1 + (1+√2)t) / (1 + (1−√2)t)) / (√8 t), g′ and g″."""
    root = xp.sqrt(xp.asarray(2.0))
    level = 1 + 2 * t - t * t  # the product of the two arguments
    g = xp.log((1 + (1 + root) * t) / (1 + (1 - root) * t)) / (2 * root * t)
    slope = (1 / level - g) / t
    return g, slope, -2 * ((1 - t) / level**2 + slope) / t


@helmholtz_energy.inputs
def draw(rng, n):
    root = rng.normal(size=(n, n)) / np.sqrt(n)
    return {
        "x": rng.uniform(0.5, 1.5, size=n) / n,
        "A": root @ root.T,
        "b": rng.uniform(0.3, 0.7, size=n),
    }


@helmholtz_energy.formula("gradient")
def chemical_potentials(xp, x, A, b):
    """RT (log x − log(1−t) + 1 + Σx b/(1−t)) − g (A + Aᵀ)x − xᵀAx g′ b, t = b·x."""
    t = xp.sum(b * x)
    g, slope, _ = attraction(xp, t)
    ideal = xp.log(x) - xp.log(1 - t) + 1 + xp.sum(x) * b / (1 - t)
    return TEMPERATURE * ideal - g * xp.matmul(A + A.T, x) - xp.sum(x * xp.matmul(A, x)) * slope * b


@helmholtz_energy.formula("hvp")
def stability(xp, x, A, b, v):
    """The derivative of the gradient along v, with s = b·v."""
    t, s = xp.sum(b * x), xp.sum(b * v)
    g, slope, bend = attraction(xp, t)
    Bx, Bv = xp.matmul(A + A.T, x), xp.matmul(A + A.T, v)
    free = 1 / (1 - t)
    ideal = v / x + free * (s + b * (xp.sum(v) + xp.sum(x) * s * free))
    by_mixture = slope * xp.sum(x * Bv) + bend * s * xp.sum(x * Bx) / 2
    return TEMPERATURE * ideal - g * Bv - slope * s * Bx - by_mixture * b

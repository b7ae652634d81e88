"""The determinant and its logarithm."""

import numpy as np

import xgrad

SIZES = {"small": {"n": 4}, "medium": {"n": 20}, "large": {"n": 300}}


FORWARD_TWICE = (
    "torch's forward rule keeps the LU factors of the value fixed when it is differentiated again: "
    "https://github.com/pytorch/pytorch/issues/192540"
)


def draw(rng, n):
    """A matrix near the identity: its determinant is of the order of 1 at any size."""
    return {"X": np.eye(n) + 0.4 * rng.normal(size=(n, n)) / np.sqrt(n)}


@xgrad.case(
    wrt="X",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 49 and 48",
)
def determinant(xp, X):  # X (n, n) -> ()
    """det X."""
    return xp.linalg.det(X)


determinant.inputs(draw)


@determinant.point("identity")
def identity(n):
    """Singular values that are equal."""
    return {"X": np.eye(n)}


determinant.known("torch.forward:twice", FORWARD_TWICE, operator="hvp")
for _method in ("torch.reverse:func", "torch.forward"):
    determinant.known(
        _method,
        "torch.func differentiates the determinant through singular vectors, which equal singular "
        "values do not have: https://github.com/pytorch/pytorch/issues/192521",
        operator="hvp",
        point="identity",
    )


@determinant.formula("gradient")
def cofactors(xp, X):
    """det X · X⁻ᵀ."""
    return xp.linalg.det(X) * xp.linalg.inv(X).T


@determinant.formula("hvp")
def along_cofactors(xp, X, v):
    """det X (tr(X⁻¹V) X⁻ᵀ − (X⁻¹ V X⁻¹)ᵀ)."""
    inverse = xp.linalg.inv(X)
    moved = xp.matmul(inverse, v)
    return xp.linalg.det(X) * (xp.linalg.trace(moved) * inverse - xp.matmul(moved, inverse)).T


@xgrad.case(
    wrt="X",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Petersen & Pedersen 2012, The Matrix Cookbook, eq. 57 and 59",
)
def log_determinant(xp, X):  # X (n, n) -> ()
    """log |det X|."""
    return xp.linalg.slogdet(X)[1]


log_determinant.inputs(draw)
log_determinant.known("torch.forward:twice", FORWARD_TWICE, operator="hvp")


@log_determinant.implementation("torch", name="logdet")
def logdet(X):
    import torch

    return torch.logdet(X)


@log_determinant.formula("gradient")
def inverse_transposed(xp, X):
    """X⁻ᵀ."""
    return xp.linalg.inv(X).T


@log_determinant.formula("hvp")
def along_inverse(xp, X, v):
    """−(X⁻¹ V X⁻¹)ᵀ."""
    inverse = xp.linalg.inv(X)
    return -xp.matmul(xp.matmul(inverse, v), inverse).T

"""The determinant by its definition, expansion by minors; its gradient is the cofactors."""

from functools import lru_cache
from itertools import combinations

import numpy as np

import xgrad


@xgrad.case(
    wrt="A",
    sizes={"small": {"n": 4}, "medium": {"n": 8}, "large": {"n": 11}},
    operators="gradient",
    source="Horn & Johnson 2013, Matrix Analysis, 2nd ed., section 0.3.1; cmpad, det_by_minor, "
    "https://cmpad.readthedocs.io/det_by_minor.html; GradBench, evals/det/README.md",
)
def det(xp, A):  # A (n, n) -> ()
    """det A = Σⱼ (−1)ⁿ⁺ʲ Aₙⱼ Mₙⱼ, the minors M expanded in the same way."""
    return expanded(xp, A)


def expanded(xp, A):
    """The determinants of a stack of matrices, from minors of ever more of their first rows."""
    n = A.shape[-1]
    minors = A[..., 0, :]  # one for each choice of columns
    for r in range(1, n):
        columns, rest, signs = (xp.asarray(table) for table in expansion(n, r))
        minors = xp.sum(signs * A[..., r, columns] * minors[..., rest], axis=-1)
    return minors[..., 0]


@lru_cache
def expansion(n, r):
    """For each choice of r + 1 columns: they, the choices without each of them, and the signs."""
    position = {chosen: i for i, chosen in enumerate(combinations(range(n), r))}
    choices = list(combinations(range(n), r + 1))
    rest = [[position[c[:j] + c[j + 1 :]] for j in range(r + 1)] for c in choices]
    tables = np.array(choices), np.array(rest), (-1.0) ** (r + np.arange(r + 1))
    return [np.broadcast_to(table, table.shape) for table in tables]  # read-only: constants


@det.inputs
def draw(rng, n):
    return {"A": rng.normal(size=(n, n))}


@det.formula("gradient")
def cofactors(xp, A):
    """(−1)ⁱ⁺ʲ det of A without row i and column j."""
    n = A.shape[0]
    kept = np.array([[k for k in range(n) if k != i] for i in range(n)])
    rows, columns = xp.asarray(kept[:, None, :, None]), xp.asarray(kept[None, :, None, :])
    signs = xp.asarray((-1.0) ** np.add.outer(np.arange(n), np.arange(n)))
    return signs * expanded(xp, A[rows, columns])

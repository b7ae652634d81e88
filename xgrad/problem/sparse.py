"""Sparse arguments: their stored values are the inputs, what is not stored is none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from xgrad.errors import UsageError
from xgrad.frameworks import Framework
from xgrad.problem.trees import Tree


def require_known(framework: Framework, name: str, leaf: str, value: Any) -> None:
    """Raise `UsageError` for a sparse array whose stored values are not known how to take."""
    if is_scipy_sparse(value):
        raise UsageError(
            f"{name}: {leaf} is sparse, of SciPy: pass the sparse array of {framework.name} that "
            "the function takes"
        )
    if framework.is_sparse(value):
        raise UsageError(
            f"{name}: {leaf} is sparse in a layout that cannot be judged, {value.layout} in "
            f"{value.dim()} dimensions: pass it as COO, or as a matrix in CSR or CSC, or its "
            "values as a plain array, and make it sparse inside of the function"
        )


def is_scipy_sparse(value: Any) -> bool:
    """Whether a value is a sparse array or matrix of SciPy."""
    return type(value).__module__.startswith("scipy.sparse")


def stored_notes(trees: Iterable[Tree], floats: Collection[str]) -> list[str]:
    """What the rows say of each sparse argument of floats."""
    kept = [(k, leaf, tree.leaves[leaf]) for tree in trees for k, leaf in tree.sparse.items()]
    return [
        f"{k} is sparse: differentiated with respect to its {values.shape[0]} stored values, what "
        "is not stored is no input (masked semantics)"
        for k, leaf, values in kept
        if leaf in floats
    ]

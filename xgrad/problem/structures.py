"""Matrices that are symmetric, triangular and the like: differentiated along such matrices only.

A function of such a matrix is one of its entries on one side of the diagonal, from which the matrix
is made before each call: those of the other side have the derivative zero. So a gradient G is
judged by G + Gᵀ off the diagonal of a symmetric matrix, however a framework shares it out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from xgrad.errors import UsageError, unknown
from xgrad.problem.pairs import is_complex

NEAR = 1e-5  # of the largest entry: as far as a given matrix may be from what it is said to be
Make = Callable[[Any, Any], Any]


def _lower(xp: Any, x: Any) -> Any:
    return xp.tril(x)


def _upper(xp: Any, x: Any) -> Any:
    return xp.triu(x)


def _symmetric(xp: Any, x: Any) -> Any:
    return xp.tril(x) + xp.matrix_transpose(xp.tril(x, k=-1))


def _hermitian(xp: Any, x: Any) -> Any:
    """Of real matrices the symmetric ones."""
    if not is_complex(x):
        return _symmetric(xp, x)
    below = xp.tril(x, k=-1)
    diagonal = xp.tril(x) - below
    return below + xp.conj(xp.matrix_transpose(below)) + (diagonal + xp.conj(diagonal)) / 2


def _pulled_hermitian(xp: Any, g: Any) -> Any:
    return _pulled(xp, g, xp.conj(g)) if is_complex(g) else _pulled(xp, g, g)


def _pulled(xp: Any, g: Any, other: Any) -> Any:
    """What entries below the diagonal are to answer for: their own, and that of the other side."""
    turned = xp.tril(xp.matrix_transpose(other), k=-1)
    mean = (g + other) / 2
    return xp.tril(g, k=-1) + turned + xp.tril(mean) - xp.tril(mean, k=-1)


@dataclass(frozen=True)
class Structure:
    """How a matrix is made of its entries, what gradients of those are, and what to say of it."""

    make: Make
    pull: Make
    said: str
    definite: bool = False


_BELOW = "the entries on and below the diagonal, of which those below stand for both sides"
STRUCTURES = {
    "symmetric": Structure(_symmetric, lambda xp, g: _pulled(xp, g, g), _BELOW),
    "hermitian": Structure(_hermitian, _pulled_hermitian, _BELOW),
    "positive_definite": Structure(_hermitian, _pulled_hermitian, _BELOW, definite=True),
    "lower_triangular": Structure(_lower, _lower, "the entries on and below the diagonal"),
    "upper_triangular": Structure(_upper, _upper, "the entries on and above the diagonal"),
}


def require_structures(
    function: str, structure: Mapping[str, str], inputs: Mapping[str, Any], wrt: tuple[str, ...]
) -> None:
    """Raise `UsageError` where an input is not what it is said to be."""
    for name, word in structure.items():
        if name not in inputs:
            raise unknown(f"input of {function} in structure=", name, inputs)
        if word not in STRUCTURES:
            raise unknown(f"structure of {name}", word, STRUCTURES)
        if name not in wrt:
            raise UsageError(f"{function}: structure= is for differentiated inputs, and {name} is "
                             f"none: {', '.join(wrt)}")  # fmt: skip
        _require(f"{function}: {name}", word, np.asarray(inputs[name]))


def _require(name: str, word: str, x: np.ndarray) -> None:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise UsageError(f"{name} has shape {x.shape}: {word} are square matrices (…, n, n)")
    made = STRUCTURES[word].make(np, x)
    gap = np.abs(x - made)
    if np.any(gap > NEAR * np.max(np.abs(x), initial=0.0)):
        at = np.unravel_index(int(np.argmax(gap)), x.shape)
        raise UsageError(
            f"{name} is not {word}: entry {tuple(map(int, at))} is {x[at]:g}, and would be "
            f"{made[at]:g}; give such a matrix, or leave structure= out"
        )
    if STRUCTURES[word].definite:
        least = float(np.min(np.linalg.eigvalsh(made), initial=np.inf))
        if not least > 0:
            raise UsageError(f"{name} is not {word}: its smallest eigenvalue is {least:g}")


def structured(xp: Any, structure: Mapping[str, str], named: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with the matrices that their entries stand for."""
    made = {k: STRUCTURES[word].make(xp, named[k]) for k, word in structure.items()}
    return {**named, **made}


def structure_notes(structure: Mapping[str, str]) -> list[str]:
    """What the rows say of it."""
    return [f"{k} is {word}: differentiated with respect to {STRUCTURES[word].said}"
            for k, word in structure.items()]  # fmt: skip


# --- of NumPy-style math -------------------------------------------------------------------------

_PULLED = ("gradient", "jacobian", "vjp")  # operators whose formulas have the axes of x last


def with_structures(
    function: Callable[..., Any], structure: Mapping[str, str]
) -> Callable[..., Any]:
    """`function(xp, **inputs)` of the entries."""
    if not structure:
        return function

    @wraps(function)
    def called(xp: Any, *args: Any, **inputs: Any) -> Any:
        given = inspect.signature(function).bind(xp, *args, **inputs).arguments
        return function(xp, **structured(xp, structure, dict(list(given.items())[1:])))

    return called


def formula_with_structures(
    formula: Callable[..., Any], operator: str, wrt: tuple[str, ...], structure: Mapping[str, str]
) -> Callable[..., Any]:
    """The formula of the entries, of one of the matrix; raises `UsageError` for what it has not."""
    if not structure:
        return formula
    if operator not in _PULLED:
        raise UsageError(f"structure= does not go with a formula of {operator}: give one of "
                         f"{', '.join(_PULLED)}")  # fmt: skip
    of_matrix = with_structures(formula, structure)

    @wraps(formula)
    def called(xp: Any, *args: Any, **inputs: Any) -> Any:
        found = of_matrix(xp, *args, **inputs)
        parts = found if isinstance(found, tuple) else (found,)
        pulled = tuple(STRUCTURES[structure[k]].pull(xp, g) if k in structure else g
                       for k, g in zip(wrt, parts, strict=True))  # fmt: skip
        return pulled if isinstance(found, tuple) else pulled[0]

    return called

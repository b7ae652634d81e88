"""The table of operators: what can be asked of a case, each defined once from jvp and vjp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from xgrad.errors import UsageError

Function = Callable[..., Any]  # xs -> y, one array or a tuple of them
Shape = tuple[int, ...]


class Differentiator(Protocol):
    """What a technique offers: linear maps of a function, as functions of the point.

    A result in the shape of the inputs is a tuple in `wrt` order.
    """

    def jvp(self, f: Function, v: Any) -> Function:
        """x ↦ J(x) v, in the shape of f(x); v is a direction in the shape of the inputs."""

    def vjp(self, f: Function, w: Any) -> Function:
        """x ↦ wᵀ J(x), in the shape of the inputs; w is a direction in the shape of f(x)."""

    def gradient(self, f: Function, w: Any = None) -> Function:
        """x ↦ the gradient of a scalar f, or of ⟨w, f⟩, in the shape of the inputs."""

    def jacobian(self, f: Function) -> Function:
        """x ↦ J(x), of shape y.shape + x.shape for each input."""

    def along(self, field: Function, v: Any) -> Function:
        """x ↦ J(x) v of a gradient field, whose Jacobian is symmetric; v as of `jvp`."""

    def directional(self, f: Function, v: Any, order: int) -> Function:
        """x ↦ dᵏ/dtᵏ f(x + t v) at t = 0 for that order k, in the shape of f(x)."""

    def ones(self, f: Function) -> Function:
        """x ↦ the derivative of an elementwise map, in the shape of its input."""

    def contract(self, coefficients: np.ndarray, f: Function) -> Function:
        """x ↦ Σ coefficients · f(x) over all axes of f(x), the Jacobian of one input."""


@dataclass(frozen=True)
class Operator:
    """One row: how an operator follows from jvp and vjp, and the axes of its result.

    `of` says which maps have it: any, scalar (shape ()), potential (scalar, of one input),
    elementwise (y.shape == x.shape, diagonal Jacobian), field (y.shape == x.shape), field3 (of
    shape (3,)). `layout` names the axes of the result: `y` the value's, `x` the inputs'.
    `directions` names the directions it takes, of v and w.
    """

    name: str
    order: int
    of: str
    layout: str
    directions: str
    derive: Callable[[Differentiator, Function, Any, Any, Shape], Function]

    def shape(self, x: int, y: int) -> Shape:
        """The shape of the flattened result, for x inputs and y values."""
        return tuple({"x": x, "y": y}[axis] for axis in self.layout)

    @property
    def directional(self) -> bool:
        """Whether it is a derivative of higher order along one direction."""
        return self.order > 1 and (self.layout, self.directions) == ("y", "v")

    def require(self, x_shapes: list[Shape], y_shape: Shape) -> None:
        """Raise `UsageError` where the operator does not exist for a map of these shapes."""
        said = f"{self.name} needs"
        if self.of in ("scalar", "potential") and y_shape != ():
            other = "weighted_hvp" if self.name == "hvp" else "jacobian or vjp"
            raise UsageError(f"{said} a scalar value, got shape {y_shape}: use {other}")
        if self.of in ("any", "scalar"):
            return
        if len(x_shapes) != 1:
            whole = "hessian" if self.of == "potential" else "jacobian"
            raise UsageError(f"{said} one input in wrt, got {len(x_shapes)}: use {whole}")
        if self.of != "potential" and x_shapes[0] != y_shape:
            raise UsageError(
                f"{said} a value in the shape of its input, got {y_shape} for {x_shapes[0]}: "
                "use gradient or jacobian"
            )
        if self.of == "field3" and y_shape != (3,):
            raise UsageError(f"{said} a field of shape (3,), got {y_shape}: use jacobian")


def _identity(shape: Shape) -> np.ndarray:
    return np.eye(prod(shape)).reshape(shape + shape)


# curl_k = Σ_ij ε_kij ∂_i F_j, contracted with the Jacobian J[j, i] = ∂_i F_j
_CURL = np.zeros((3, 3, 3))
for _k, _i, _j in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _CURL[_k, _j, _i], _CURL[_k, _i, _j] = 1.0, -1.0


ORDERS = range(2, 7)  # of derivatives along one direction


def _directional(order: int) -> Operator:
    """dᵏ/dtᵏ f(x + tv) at t = 0; the first one is the jvp."""
    return Operator(f"directional_{order}", order, "any", "y", "v",
                    lambda D, f, v, w, s: D.directional(f, v, order))  # fmt: skip


# fmt: off
_ROWS = (
    Operator("value",             0, "any",         "y",  "",  lambda D, f, v, w, s: f),
    Operator("derivative",        1, "elementwise", "y",  "",  lambda D, f, v, w, s: D.ones(f)),
    Operator("second_derivative", 2, "elementwise", "y",  "",  lambda D, f, v, w, s: D.ones(D.ones(f))),
    Operator("gradient",          1, "scalar",      "x",  "",  lambda D, f, v, w, s: D.gradient(f)),
    Operator("jacobian",          1, "any",         "yx", "",  lambda D, f, v, w, s: D.jacobian(f)),
    Operator("hessian",           2, "scalar",      "xx", "",  lambda D, f, v, w, s: D.jacobian(D.gradient(f))),
    Operator("jvp",               1, "any",         "y",  "v", lambda D, f, v, w, s: D.jvp(f, v)),
    Operator("vjp",               1, "any",         "x",  "w", lambda D, f, v, w, s: D.vjp(f, w)),
    Operator("hvp",               2, "scalar",      "x",  "v", lambda D, f, v, w, s: D.along(D.gradient(f), v)),
    Operator("weighted_hvp",      2, "any",         "x",  "vw", lambda D, f, v, w, s: D.along(D.gradient(f, w), v)),
    Operator("divergence",        1, "field",       "",   "",  lambda D, f, v, w, s: D.contract(_identity(s), D.jacobian(f))),
    Operator("curl",              1, "field3",      "y",  "",  lambda D, f, v, w, s: D.contract(_CURL, D.jacobian(f))),
    Operator("laplacian",         2, "potential",   "",   "",  lambda D, f, v, w, s: D.contract(_identity(s), D.jacobian(D.gradient(f)))),
    *map(_directional, ORDERS),
)
# fmt: on

OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}

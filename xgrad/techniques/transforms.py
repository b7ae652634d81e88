"""Both primitives from either one: what forward and reverse techniques share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks import Framework, Transforms, leaves
from xgrad.problem import OPERATORS, Arguments, Case, Differentiator, Function, Operator, Setting
from xgrad.techniques.base import Staged


def tree_map(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """Apply to each array of nested tuples of the same structure."""
    if isinstance(value, tuple):
        return tuple(tree_map(function, *each) for each in zip(value, *others, strict=True))
    return function(value, *others)


class _Both:
    """What follows from jvp and vjp alike, whichever is native; `in_pairs` are complex values."""

    in_pairs = False

    def __init__(self, xp: Any, transforms: Transforms):
        self.xp = xp
        self.transforms = transforms

    def unit_rows(self, x: Any) -> Any:
        """The basis of the space of x: shape (x.size, *x.shape)."""
        n = prod(x.shape)
        return self.xp.reshape(self.xp.eye(n, dtype=x.dtype), (n, *x.shape))

    def zeros(self, value: Any) -> Any:
        """Zeros in the structure of value."""
        return tree_map(self.xp.zeros_like, value)

    def ones(self, f: Function) -> Function:
        """The derivative of an elementwise map: its jvp along ones, of pairs along (1, 0)."""
        return lambda x: self.jvp(f, (self._unit(x),))(x)

    def _unit(self, x: Any) -> Any:
        if not self.in_pairs:
            return self.xp.ones_like(x)
        ones = self.xp.ones_like(x[..., 0])
        return self.xp.stack([ones, self.xp.zeros_like(ones)], axis=-1)

    def contract(self, coefficients: np.ndarray, f: Function) -> Function:
        """Σ coefficients · f over all the axes of f, a Jacobian of one input."""

        def contracted(x: Any) -> Any:
            (jacobian,) = leaves(f(x))
            table = self.xp.asarray(coefficients)
            return self.xp.tensordot(table, jacobian, axes=jacobian.ndim)

        return contracted

    def jvp(self, f: Function, v: Any) -> Function:
        """The directional derivative along v."""
        raise NotImplementedError

    def inner(self, a: Any, b: Any) -> Any:
        """⟨a, b⟩ of tuples of arrays."""
        return sum(self.xp.sum(p * q) for p, q in zip(a, b, strict=True))


class FromVjp(_Both):
    """All operators from vjp."""

    def __init__(self, xp: Any, transforms: Transforms, again: bool):
        super().__init__(xp, transforms)
        self.again = again

    def vjp(self, f: Function, w: Any) -> Function:
        """w times the Jacobian."""
        return lambda *xs: self.transforms.pull(f, xs, w, again=self.again)

    def gradient(self, f: Function, w: Any = None) -> Function:
        """The vjp along w, of a scalar along 1."""
        return lambda *xs: self.transforms.pull(f, xs, w, again=self.again)

    def along(self, field: Function, v: Any) -> Function:
        """Jacobian times v of a gradient field: symmetric, so the vjp serves."""
        return self.vjp(field, v)

    def jvp(self, f: Function, v: Any) -> Function:
        """The vjp of the vjp, which is linear in its cotangent."""

        def directional(*xs: Any) -> Any:
            y, pull = self.transforms.vjp(f, xs, again=True)
            structure = y if isinstance(y, tuple) else (y,)
            single = not isinstance(y, tuple)
            back = self.transforms.vjp(
                lambda *w: pull(w[0] if single else w), self.zeros(structure), again=self.again
            )[1](v)
            return back[0] if single else back

        return directional

    def directional(self, f: Function, v: Any, order: int) -> Function:
        """The gradient in w of ⟨w, f⟩ whose slope along v was taken so often, each by a vjp."""

        def derivative(*xs: Any) -> Any:
            def slope(w: Any) -> Any:
                def taken(times: int, *at: Any) -> Any:
                    if not times:
                        return self.xp.sum(w * f(*at))
                    before = partial(taken, times - 1)
                    return self.inner(self.transforms.pull(before, at, again=True), v)

                return taken(order, *xs)

            (made,) = self.transforms.pull(slope, (self.xp.ones_like(f(*xs)),), again=False)
            return made

        return derivative

    def jacobian(self, f: Function) -> Function:
        """One vjp for each element of the value, batched where the framework can."""

        def table(*xs: Any) -> Any:
            y, pull = self.transforms.vjp(f, xs, again=self.again)
            if not isinstance(y, tuple):
                rows = self.transforms.vmap(pull)(self.unit_rows(y))
                return self._blocks(rows, y, xs)
            blocks = []
            for k, part in enumerate(y):

                def one(unit: Any, k: int = k) -> Any:
                    return pull(tuple(unit if i == k else z for i, z in enumerate(self.zeros(y))))

                rows = self.transforms.vmap(one)(self.unit_rows(part))
                blocks.append(self._blocks(rows, part, xs))
            return tuple(blocks)

        return table

    def _blocks(self, rows: tuple[Any, ...], y: Any, xs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            self.xp.reshape(r, (*y.shape, *x.shape)) for r, x in zip(rows, xs, strict=True)
        )


class FromJvp(_Both):
    """All operators from jvp; with `over_reverse`, those of a gradient from that of a vjp."""

    def __init__(self, xp: Any, transforms: Transforms, over_reverse: bool = False):
        super().__init__(xp, transforms)
        self.over_reverse = over_reverse

    def jvp(self, f: Function, v: Any) -> Function:
        """The directional derivative along v."""
        return lambda *xs: self.transforms.jvp(f, xs, v)

    def along(self, field: Function, v: Any) -> Function:
        """Jacobian times v."""
        return self.jvp(field, v)

    def directional(self, f: Function, v: Any, order: int) -> Function:
        """jvps nested so often, the innermost by a vjp's vjp where a derivative of it follows."""
        inside = FromVjp(self.xp, self.transforms, again=True) if self.over_reverse else self
        made = inside.jvp(f, v)
        for _ in range(order - 1):
            made = self.jvp(made, v)
        return made

    def jacobian(self, f: Function) -> Function:
        """One jvp for each element of the inputs, batched where the framework can."""

        def table(*xs: Any) -> Any:
            columns = [self._columns(f, xs, k) for k in range(len(xs))]
            if isinstance(columns[0], tuple):  # f has several values: blocks by value, then input
                return tuple(zip(*columns, strict=True))
            return tuple(columns)

        return table

    def _columns(self, f: Function, xs: tuple[Any, ...], k: int) -> Any:
        def one(unit: Any) -> Any:
            vs = tuple(unit if i == k else self.xp.zeros_like(x) for i, x in enumerate(xs))
            return self.transforms.jvp(f, xs, vs)

        stacked = self.transforms.vmap(one)(self.unit_rows(xs[k]))

        def block(column: Any) -> Any:  # (x.size, *y.shape) -> (*y.shape, *x.shape)
            moved = self.xp.moveaxis(column, 0, -1)
            return self.xp.reshape(moved, (*moved.shape[:-1], *xs[k].shape))

        return tree_map(block, stacked)

    def vjp(self, f: Function, w: Any) -> Function:
        """w contracted with the Jacobian."""

        def pulled(*xs: Any) -> Any:
            blocks = self.jacobian(f)(*xs)
            return tuple(self.xp.tensordot(w, block, axes=w.ndim) for block in blocks)

        return pulled

    def gradient(self, f: Function, w: Any = None) -> Function:
        """The vjp along w, of a scalar along 1; by jvps, unless a derivative of it follows."""
        if self.over_reverse:
            return lambda *xs: self.transforms.pull(f, xs, w, again=True)
        return self.jacobian(f) if w is None else self.vjp(f, w)


class FromVjpOfJvp(FromVjp):
    """All operators from vjp, those of a gradient from that of a jvp: reverse over forward."""

    def gradient(self, f: Function, w: Any = None) -> Function:
        """By jvps."""
        return FromJvp(self.xp, self.transforms).gradient(f, w)

    def directional(self, f: Function, v: Any, order: int) -> Function:
        """The outermost by a vjp's vjp, jvps inside."""
        inside = FromJvp(self.xp, self.transforms)
        return self.jvp(inside.directional(f, v, order - 1), v)


class FromTaylor(FromJvp):
    """Derivatives of higher order along a direction from a truncated Taylor series."""

    def directional(self, f: Function, v: Any, order: int) -> Function:
        """The last coefficient of f(x + tv)."""
        return lambda *xs: self.transforms.taylor(f, xs, v, order)


def prepare_transforms(
    framework: Framework,
    variant: str,
    operator: Operator,
    setting: Setting,
    device: str,
    differentiator: Callable[[Any], Differentiator],
    target: Callable[..., Any] | None = None,
    derive: Callable[..., Function] | None = None,
) -> Staged:
    """Derive the operator and compile; the result puts a setting's inputs and computes.

    `target` stands in for the case's function, `derive` for the operator's own derivation.
    """
    if operator.order == 0 and not (setting.case.framework or setting.case.implementations):
        raise Unsupported("the value is not a derivative; ask a formula or differences for it")
    xp, static = framework.namespace(setting.dtype, device), setting.static
    d: Any = differentiator(xp)
    shape = setting.x_shapes[0]
    if operator.of == "elementwise" and setting.unit is not None:
        d.in_pairs = True
    rule = derive or operator.derive

    def whole(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        f = setting.function(Arguments(xp, xs, rest, static), target)
        return rule(d, f, v, w, shape)(*xs)

    return compiled(framework, whole, operator, device, variant)


def compiled(
    framework: Framework,
    whole: Callable[..., Any],
    operator: Operator,
    device: str,
    variant: str = "",
) -> Staged:
    """`whole(xs, rest, v, w)` compiled, as a function of a setting."""

    def put(at: Setting) -> tuple[Any, ...]:
        given = at.arguments(framework, device)
        v, w = at.directions(operator, framework, device)
        return given.xs, given.rest, v, w

    return Staged(put, framework.compile(whole, variant))


def prepare_value(
    framework: Framework,
    variant: str,
    setting: Setting,
    device: str,
    target: Callable[..., Any] | None = None,
) -> Staged:
    """The function itself, compiled as its derivative is; `target` stands in for the case's."""
    xp, static = framework.namespace(setting.dtype, device), setting.static

    def whole(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        return setting.function(Arguments(xp, xs, rest, static), target)(*xs)

    return compiled(framework, whole, OPERATORS["value"], device, variant)


def find_target(framework: Framework, variant: str, case: Case) -> Callable[..., Any] | None:
    """The library function that a variant names, as a case's function; or None."""
    for each in case.implementations:
        if each.framework == framework.name and each.name == variant:
            return _without_namespace(each.function)
    return None


def _without_namespace(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda xp, **inputs: function(**inputs)

"""Functions of torch and JAX where a derivative is wrong, or a convention, only at the point.

What is right is decided here by closed forms, and xgrad must say the same of every method.
"""

from functools import cache

import jax
import numpy as np
import pytest
import torch
from special_functions import POINTS, Slopes

import xgrad
from xgrad.table import records

NEAR = 1e-6  # relative: nothing in between, a derivative is right to rounding or wrong outright
ORDER = {"gradient": 1, "jacobian": 1, "jvp": 1, "vjp": 1, "hessian": 2, "hvp": 2}
# each framework's own Jacobians, innermost first, by technique and order
OWN = {
    ("torch", "reverse", 1): (torch.func.jacrev,),
    ("torch", "forward", 1): (torch.func.jacfwd,),
    ("torch", "reverse", 2): (torch.func.jacrev, torch.func.jacrev),
    ("torch", "forward", 2): (torch.func.jacrev, torch.func.jacfwd),
    ("jax", "reverse", 1): (jax.jacrev,),
    ("jax", "forward", 1): (jax.jacfwd,),
    ("jax", "reverse", 2): (jax.jacrev, jax.jacrev),
    ("jax", "forward", 2): (jax.jacrev, jax.jacfwd),
}


@cache
def own(name, technique):
    """The framework's own Jacobian or Hessian, in float64; JAX's compiled whole."""
    (special,) = (each for each in POINTS if each.name == name)
    function = special.function
    for transform in OWN[special.framework, technique, ORDER[special.operator]]:
        function = transform(function)
    with jax.enable_x64(True):
        compiled = jax.jit(function) if special.framework == "jax" else function
        return np.asarray(compiled(special.array))


def is_right(special, technique):
    """Whether the framework's own derivative is the closed form, or lies within the slopes."""
    got, truth = own(special.name, technique), special.truth
    low, high = (truth.low, truth.high) if isinstance(truth, Slopes) else (truth, truth)
    low, high = (np.asarray(each, dtype=float).reshape(got.shape) for each in (low, high))
    slack = NEAR * max(np.max(np.abs(low)), np.max(np.abs(high)), 1e-3)
    return bool(np.all((got >= low - slack) & (got <= high + slack)))  # NaN is neither


def checked(special):
    """The rows of `check` that have a verdict, with the technique that a method is of."""
    with jax.enable_x64(True):
        frame = xgrad.check(
            special.function, (special.array,), operators=(special.operator,), dtypes=("float64",)
        )
    rows = [row for row in records(frame) if row["verdict"]]  # torch lacks a few forward rules
    assert rows, [row["message"] for row in records(frame)]
    return [(row, row["technique"].partition(":")[0]) for row in rows]


@pytest.mark.many(12)
@pytest.mark.parametrize("special", POINTS, ids=lambda special: special.name)
def test_the_verdict_at_a_special_point_is_that_of_the_closed_form(special):
    kink = isinstance(special.truth, Slopes)
    for row, technique in checked(special):
        right, verdict = is_right(special, technique), row["verdict"]
        said = f"{technique}: {verdict}, {row['message']}; the closed form says {right}"
        if kink:  # NaN says that there is no derivative, which is a convention too
            silent = np.any(np.isnan(own(special.name, technique)))
            assert verdict == ("convention" if right or silent else "disagrees"), said
        elif right:
            assert verdict not in ("disagrees", "unstable"), said
        else:
            assert verdict not in ("agrees", "convention"), said


def test_wrong_and_right_ones_and_kinks_are_among_the_points():
    kinds = {"torch": [], "jax": []}
    for special in POINTS:
        kink = isinstance(special.truth, Slopes)
        kinds[special.framework].append("kink" if kink else is_right(special, "reverse"))
    for framework, least in (("torch", 16), ("jax", 12)):
        assert len(kinds[framework]) >= least
        assert {kinds[framework].count(kind) >= 3 for kind in ("kink", True, False)} == {True}


class Jump(torch.autograd.Function):
    """sin(x) up to 1, then 0; `off` is the relative error of its slope at the jump."""

    @staticmethod
    def forward(x, off):
        return torch.where(x <= 1, torch.sin(x), 0.0 * x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.off = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, weight):
        (x,) = ctx.saved_tensors
        return weight * torch.where(x <= 1, torch.cos(x) * (1 + ctx.off), 0.0 * x), None


@pytest.mark.parametrize(("off", "verdict"), [(4e-16, "convention"), (1e-9, "disagrees")])
def test_the_slope_beside_a_jump_may_be_off_by_roundings_of_itself(off, verdict):
    x = torch.tensor([1.0], dtype=torch.float64)
    frame = xgrad.check(lambda x: Jump.apply(x, off), (x,), operators=("vjp",), dtypes=("float64",))
    assert set(frame["verdict"]) == {verdict}, list(frame["message"])


@pytest.mark.parametrize(("bases", "verdict"), [((2.0, -0.7, 3.0), "inconclusive"),
                                                ((2.0, 0.0, 3.0), "disagrees")])  # fmt: skip
def test_nan_is_no_mistake_where_the_function_itself_is_nan(bases, verdict):
    """(−0.7)^1.5 is NaN; at 0 the power is 0, and the NaN beside it a mistake."""
    base = torch.tensor(bases, dtype=torch.float64)
    x = torch.tensor([0.5, 1.5, 2.0], dtype=torch.float64)

    class Power(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return base**x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output)

        @staticmethod
        def backward(ctx, weight):
            (y,) = ctx.saved_tensors
            return weight * y * torch.where(base > 0, base.log(), torch.nan)

    frame = xgrad.check(Power.apply, (x,), operators="jacobian", dtypes="float64", invariances=())
    assert set(frame["verdict"]) == {verdict}, list(frame["message"])

"""Every float input is differentiated by default, in the order of the parameters."""

import numpy as np
import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
INPUTS = {"b": np.array([0.5, 1.0]), "k": np.array([1, 2]), "a": np.array([2.0, 3.0])}
FORMULA = {"methods": "numpy.formula"}


def product(xp, a, b, k):
    return xp.sum(a * b * k)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_wrong_second_input_is_found(factor):
    def by_hand(xp, a, b, k):
        return b * k, factor * a * k

    (row,) = records(xgrad.check(product, INPUTS, formula=by_hand, **FORMULA, invariances=()))
    assert row["verdict"] == ("agrees" if factor == 1 else "disagrees")
    assert factor == 1 or row["worst"].startswith("b[")


def test_a_formula_of_one_input_is_told_what_the_others_are():
    (row,) = records(
        xgrad.check(product, INPUTS, formula=lambda xp, a, b, k: b * k, **FORMULA, invariances=())
    )
    assert "return a tuple in the order of wrt: a, b" in row["message"]
    options = {"wrt": "a", "formula": lambda xp, a, b, k: b * k}
    assert list(xgrad.check(product, INPUTS, **options, **FORMULA)["verdict"]) == ["agrees"]


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return (a * b).sum()

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b, 2 * g * a


def test_a_kernel_beside_mathematics_is_judged_in_all_its_inputs():
    a, b = (torch.tensor(INPUTS[k]) for k in "ab")
    options = {"like": lambda xp, a, b: xp.sum(a * b), "dtypes": "float64", "invariances": ()}
    for inputs in ((a, b), {"b": b, "a": a}):
        row = records(xgrad.check(Product.apply, inputs, **options))[-1]
        assert (row["verdict"], row["worst"][:2]) == ("disagrees", "b[")
    row = records(xgrad.check(Product.apply, (a.requires_grad_(), b), **options))[-1]
    assert row["verdict"] == "agrees"
    assert "not differentiated: b (requires no gradient)" in row["message"]


def test_what_is_no_array_is_passed_on_as_it_is_and_a_number_is_named():
    def scaled(xp, x, p, mode, mask=None, inner=None):
        assert type(p) is float
        assert mask is None
        return p * inner(xp, x) if mode == "sum" else None

    fixed = {"p": 2.0, "mode": "sum", "mask": None, "inner": lambda xp, x: xp.sum(x * x)}
    inputs = {"x": np.array([1.0, 2.0]), **fixed}
    options = {"formula": lambda xp, x, p, mode, mask, inner: 2 * p * x, "methods": "*.formula"}
    frame = xgrad.check(scaled, inputs, **options)
    assert set(frame["verdict"]) == {"agrees"}
    assert "not differentiated: p (a Python float" in frame["message"][0]


def test_a_number_is_the_input_where_it_is_all_there_is():
    frame = xgrad.check(lambda xp, x: x**2, {"x": 3.0}, methods="torch.reverse")
    assert list(frame["got"]) == [6.0]

"""Operations whose points are sample calls: each a function of its own, judged as any other."""

from pathlib import Path

import pytest
import torch

import xgrad
from xgrad.errors import UsageError
from xgrad.problem import Known, Sample, make_operation
from xgrad.table import KNOWN, records

REASON = "as its documentation says"


def powers(factor=1.0, **options):
    """xⁿ at two samples that differ in n, whose backward pass is off by a factor."""

    class Power(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            ctx.save_for_backward(x)
            ctx.n = n
            return x**n

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return factor * g * ctx.n * x ** (ctx.n - 1), None

    def samples():
        x = torch.tensor([0.5, 1.5, -0.75], dtype=torch.float64)
        return {f"n = {n}": Sample(lambda x, n=n: Power.apply(x, n), (x,)) for n in (2, 3)}

    return make_operation("power", "torch", Path(__file__), samples, **options)


def rows_of(operation, **options):
    options = {"methods": "torch.reverse", "operators": "vjp", "dtypes": "float64"} | options
    return records(xgrad.run(operation, **options))


def test_each_sample_is_judged_as_the_function_that_it_is():
    rows = rows_of(powers())
    assert [(r["point"], r["verdict"]) for r in rows] == [("n = 2", "agrees"), ("n = 3", "agrees")]
    assert rows[0]["want"] != rows[1]["want"]


@pytest.mark.parametrize("factor", [1 + 1e-9, -1.0])
def test_a_wrong_backward_pass_is_told_at_every_sample(factor):
    assert {r["verdict"] for r in rows_of(powers(factor))} == {"disagrees"}


def test_a_limit_is_told_where_it_shows_and_missed_nowhere():
    limits = [Known("torch.*", REASON, point="n = 3", must_show=False)]
    wrong, right = rows_of(powers(1.5, limits=limits)), rows_of(powers(limits=limits))
    assert [r["message"].startswith(f"{KNOWN}{REASON}") for r in wrong] == [False, True]
    assert {r["verdict"] for r in right} == {"agrees"}


def test_a_sample_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="n = 4"):
        powers().at("n = 4")


def test_a_sample_without_floats_costs_its_own_row():
    def samples():
        return {"whole": Sample(lambda x: x * 2, (torch.arange(3),)),
                "real": Sample(lambda x: x * 2, (torch.ones(3),))}  # fmt: skip

    rows = rows_of(make_operation("twice", "torch", Path(__file__), samples))
    assert [r["status"] for r in rows] == ["error", "ok"]
    assert "no input is an array of floats" in rows[0]["message"]


# --- several values -------------------------------------------------------------------------------


def with_a_note(factor):
    """(Σx², x̄) in torch: the mean is told for the log, and requires no gradient."""

    def function(x):
        return factor * (x * x).sum() - (factor - 1) * (x * x).sum().detach(), x.mean().detach()

    return function


def test_values_that_require_no_gradient_are_left_out_and_said_to_be():
    x = torch.tensor([0.5, -1.25, 2.0], dtype=torch.float64)
    good, bad = (xgrad.check(with_a_note(f), (x,), methods="torch.reverse") for f in (1.0, 1.001))
    assert set(good["verdict"]) == {"agrees"}
    assert "left out, for it requires no gradient: y[1]" in good["message"][0]
    assert set(bad["verdict"]) == {"disagrees"}


def test_a_function_whose_every_value_is_detached_is_not_left_out():
    x = torch.tensor([0.5, -1.25], dtype=torch.float64)
    frame = xgrad.check(lambda x: ((x * x).detach(), x.detach()), (x,), methods="torch.reverse")
    assert set(frame["verdict"]) <= {"disagrees", ""}
    assert "agrees" not in set(frame["verdict"])

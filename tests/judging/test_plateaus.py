"""A rounding error that is alike along a short line is told from a mistake, which is smooth."""

import math

import pytest
import torch
from gelus import gelu

import xgrad
from xgrad.table import records

X = torch.tensor([[-8.3, -8.25, -7.9, 0.5, 1.2, -0.3, 2.0, -8.1]], dtype=torch.float64)


def judged(function, **options):
    asked = {"operators": "vjp", "methods": "torch.reverse", "dtypes": "float64"} | options
    (row,) = records(xgrad.check(function, X, **asked))
    return row


def slope(x):
    """That of gelu, with the digits that its tail has."""
    density = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return torch.special.erfc(-x / math.sqrt(2)) / 2 + x * density


MISTAKES = {
    "a factor": lambda x: torch.where(x < -7.5, 1.004 * slope(x), slope(x)),
    "a sign": lambda x: torch.where(x < -8, -slope(x), slope(x)),
    "a term": lambda x: torch.where(x < -8, slope(x) * (1 + 1e-3 / x), slope(x)),
    "nothing": lambda x: torch.where(x < -7, 0 * x, slope(x)),
}


def with_slope(slope):
    return gelu(lambda g, x: g * slope(x))


@pytest.mark.parametrize("quick", [False, True])
def test_what_one_plus_erf_leaves_in_the_tail_is_lost_digits(quick):
    row = judged(torch.nn.GELU(), quick=quick)
    assert (row["verdict"], row["rule"]) == ("unstable", "lost digits")


@pytest.mark.many(2)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_elements_below_the_rounding_of_the_largest_is_one(name):
    assert judged(with_slope(MISTAKES[name]))["verdict"] == "disagrees"


def test_its_right_twin_agrees():
    assert judged(with_slope(slope))["verdict"] == "agrees"

"""Modules in training mode and random functions: every call starts alike, and nothing stays."""

import random

import numpy as np
import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
X = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3)
REVERSE = {"methods": "torch.reverse", "dtypes": "float64"}


def network(*more):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), *more).double()


@pytest.mark.parametrize("closed", [False, True])
def test_running_statistics_change_by_design_and_end_as_they_were(closed):
    net = network(torch.nn.Tanh())
    before = {k: v.clone() for k, v in net.state_dict().items()}
    frame = xgrad.check((lambda x: net(x)) if closed else net, X)
    assert set(frame["verdict"]) <= {"agrees", "unstable"}  # the bias has a gradient of 0
    assert {"reverse", "forward", "invariance:inputs strided"} <= set(frame["technique"])
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        return y.tanh()

    @staticmethod
    def backward(ctx, g):
        return g


def test_a_wrong_rule_behind_a_norm_in_training_mode_is_found():
    net = network()
    assert set(xgrad.check(lambda x: Wrong.apply(net(x)), X, **REVERSE)["verdict"]) == {"disagrees"}


def test_a_call_that_a_buffer_decides_sees_the_same_buffer_each_time():
    net = network()
    net[1].momentum = None  # a cumulative average: num_batches_tracked decides it
    (row,) = records(
        xgrad.check(lambda x: net(x) * net[1].num_batches_tracked, X, **REVERSE, invariances=())
    )
    assert row["verdict"] == "agrees"
    assert int(net[1].num_batches_tracked) == 0


def test_dropout_is_seeded_and_that_is_said():
    frame = xgrad.check(lambda x: torch.nn.functional.dropout(x**2, 0.5).sum(), X)
    assert set(frame["verdict"]) == {"agrees"}
    assert all("random: seed 0 is set before each call" in m for m in frame["message"])


def test_a_draw_that_the_value_hides_is_seeded_too():
    (row,) = records(
        xgrad.check(lambda x: (x * torch.rand(4, 3)).sum(), 0 * X, **REVERSE, invariances=())
    )
    assert row["verdict"] == "agrees"


def test_another_seed_is_another_draw():
    def dropped(x):
        return torch.nn.functional.dropout(x**2, 0.5).sum()

    first, other = (
        records(xgrad.check(dropped, X, seed=s, **REVERSE, invariances=()))[0] for s in (0, 5)
    )
    assert first["verdict"] == other["verdict"] == "agrees"
    assert "seed 5" in other["message"]


def test_a_wrong_rule_of_a_random_function_is_found():
    def dropped(x):
        return Wrong.apply(torch.nn.functional.dropout(x + 2, 0.5))

    assert set(xgrad.check(dropped, X, **REVERSE)["verdict"]) == {"disagrees"}


@pytest.mark.parametrize("draw", [np.random.rand, random.random])
def test_other_generators_are_seeded_too(draw):
    (row,) = records(xgrad.check(lambda x: (x * draw()).sum(), X, **REVERSE, invariances=()))
    assert (row["verdict"], row["status"]) == ("agrees", "ok"), row["message"]


def test_where_a_seed_does_not_help_two_calls_differ():
    calls = []

    def counting(x):
        calls.append(1)
        return x.sum() * len(calls)

    (row,) = records(xgrad.check(counting, X, **REVERSE, invariances=()))
    assert row["status"] == "error"
    assert "two calls" in row["message"]


def test_random_states_end_as_they_were():
    torch.manual_seed(3)
    drawn = [torch.rand(1), np.random.rand(), random.random()]  # noqa: NPY002
    torch.manual_seed(3)
    states = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    xgrad.check(lambda x: torch.nn.functional.dropout(x, 0.5).sum(), X, **REVERSE)
    assert torch.equal(torch.rand(1), drawn[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == states  # noqa: NPY002

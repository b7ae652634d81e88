"""The handwritten torch and JAX problems are the cases: same values, same derivatives."""

import importlib.util
import sys

import numpy as np
import pytest
from checkout import BENCHMARKS

from xgrad.frameworks import find_framework, leaves
from xgrad.problem import OPERATORS
from xgrad.referee import find_candidate

FILE = BENCHMARKS / "single_source.py"
NAMES = ("lse", "llsq", "det", "gmm", "kmeans", "ba", "hand", "diagonal_lstm", "ode")


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("single_source", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["single_source"] = module  # where its dataclasses look their types up
    path = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = path
    del sys.modules["single_source"]


@pytest.fixture(params=("torch", "jax"))
def framework(request):
    pytest.importorskip(request.param)
    return find_framework(request.param)


def small(benchmark, name):
    """The problem, and its case at the smallest size."""
    problem = next(p for p in benchmark.PROBLEMS if p.name == name)
    (case,) = (c for c in benchmark.all_cases() if c.name == problem.case)
    return problem, benchmark.make_setting(problem, case.sizes["small"])


def test_every_problem_is_compared(benchmark):
    assert {p.name for p in benchmark.PROBLEMS} == {"hello", *NAMES}


@pytest.mark.many
@pytest.mark.parametrize("name", NAMES)
def test_by_hand_as_the_case(benchmark, framework, name):
    problem, setting = small(benchmark, name)
    numpy = find_framework("numpy")
    there = setting.arguments(numpy, "cpu")
    directions = setting.directions(OPERATORS[problem.operator], numpy, "cpu")
    wanted = find_candidate(OPERATORS[problem.operator], setting)(there, *directions)
    value = setting.function(there)(*there.xs)
    with framework.scope():
        here = setting.arguments(framework, "cpu")
        v, w = setting.directions(OPERATORS[problem.operator], framework, "cpu")
        f = framework.compile(benchmark.by_position(framework, name, setting))
        assert differ(framework, f(here.xs, here.rest), value) < benchmark.TOLERANCE
        got = benchmark.derivative(framework, name, setting)(here.xs, here.rest, v, w)
        assert differ(framework, got, wanted) < benchmark.TOLERANCE


def differ(framework, got, wanted):
    """The largest difference over the largest element."""
    parts = [framework.get(part).reshape(-1) for part in leaves(got)]
    return np.max(np.abs(np.concatenate(parts) - np.ravel(wanted))) / np.max(np.abs(wanted))


def test_the_square_by_hand(benchmark, framework):
    problem = benchmark.PROBLEMS[0]
    setting = benchmark.make_setting(problem)
    with framework.scope():
        here = setting.arguments(framework, "cpu")
        (got,) = benchmark.derivative(framework, "hello", setting)(here.xs, here.rest, None, None)
        assert framework.get(got) == 2 * setting.inputs["x"]


def test_a_difference_is_an_error(benchmark, monkeypatch):
    problem, setting = small(benchmark, "lse")
    monkeypatch.setattr(benchmark, "handwritten", lambda *_: lambda x: 1.001 * x.logsumexp(0))
    with pytest.raises(AssertionError, match="lse in torch: they differ by 1"):
        benchmark.compare(problem, find_framework("torch"), setting)

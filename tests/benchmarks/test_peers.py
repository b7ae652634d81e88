"""The comparison with other checkers runs: one function, two mistakes, every checker there is."""

import importlib.util
import sys

import pytest
from checkout import BENCHMARKS

from xgrad.auditing.mutation import MUTANTS

FILE = BENCHMARKS / "peers.py"
NAMES = ("torch", "jax", "scipy", "numdifftools", "autograd", "xgrad")
TWO = tuple(m for m in MUTANTS if m.name in ("one sign", "factor 2"))


@pytest.fixture(scope="module")
def peers():
    spec = importlib.util.spec_from_file_location("peers", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["peers"] = module  # where its dataclasses look their types up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["peers"]


@pytest.mark.parametrize("package", NAMES)
def test_each_checker_accepts_the_right_gradient_and_catches_two_mistakes(peers, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    chosen = [p for p in peers.PEERS if p.package == package]
    from detection.places import log_sum_exp

    places = peers.make_places((0,), [log_sum_exp])[:1]  # float64
    said, seconds = peers.measure(places, chosen, TWO)
    assert set(said.mutant) == {"right", "one sign", "factor 2"}, said.to_string()
    assert not said.accused.any()
    assert said[said.share > 1].effective.all()
    assert (seconds.seconds > 0).all()


def test_the_tables_count_what_was_said(peers):
    chosen = [p for p in peers.PEERS if p.package in ("scipy", "xgrad")]
    from detection.places import rosenbrock

    places = peers.make_places((0,), [rosenbrock])
    said, seconds = peers.measure(places, chosen, TWO)
    table = peers.summarise(said, seconds).set_index(["checker", "setting", "dtype"])
    assert len(table) == sum(len(p.dtypes) for p in chosen)
    assert table.loc[("xgrad", "with formula", "float32"), "effective"] == "2 of 2"
    assert table.loc[("xgrad", "with formula", "float32"), "cost"] == 1.0
    assert table.loc[("scipy check_grad", "below 1e-5", "float64"), "accused"] == "1 of 1"
    assert peers.detail(said).effective.sum() == said[said.share > 1].effective.sum()
    assert peers.missed(said).empty

"""A wrong rule in a backward program is named, and a right one never."""

import numpy as np
import pytest
import torch
from networks import ATEN, CUSTOM, Network, at, wrong_rule

from xgrad.numbers import ball, precision
from xgrad.programs import TorchProgram
from xgrad.referee import find_faults


def faults_of(function, inputs, seed=0):
    with precision(384):
        x, one = [ball(a).data for a in inputs], [ball(np.ones(())).data]
    return find_faults(TorchProgram(function), x, one, np.random.default_rng(seed))


def planted(seed, count=1):
    rng = np.random.default_rng(seed)
    return Network.draw(rng, count), at(rng)


SEEDS = [*range(8), *(pytest.param(k, marks=pytest.mark.slow) for k in range(8, 70))]
RULES = [*range(4), *(pytest.param(k, marks=pytest.mark.slow) for k in range(4, 30))]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_custom_function_with_a_mistake_is_named(seed):
    network, inputs = planted(seed)
    (k, slip), *_ = network.slips.items()
    (fault,) = faults_of(network, inputs)
    assert fault.name == network.names[k]
    assert "networks.py" in fault.where
    (found,) = fault.slips
    assert found.of.startswith("second" if fault.name == "Product.backward" else "first")


@pytest.mark.parametrize("seed", RULES)
def test_a_wrong_rule_of_aten_is_named(seed):
    network, inputs = planted(seed, 0)
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(ATEN)))
    network.names[rng.integers(len(network.names))] = name
    with wrong_rule(name, "factor" if seed % 2 else "missing"):
        faults = faults_of(network, inputs)
    assert faults
    assert {f.name.rpartition("(")[2] for f in faults} == {f"{ATEN[name]})"}
    assert len(faults) == network.names.count(name)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_right_network_is_not_blamed(seed):
    network, inputs = planted(seed, 0)
    assert faults_of(network, inputs) == []

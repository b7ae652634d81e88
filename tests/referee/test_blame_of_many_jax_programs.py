"""The wrong rule of a random JAX program is named, wherever it is nested, and a right one never."""

import re
from dataclasses import replace

import jax
import numpy as np
import pytest
from jax_networks import PRIMITIVES, Network, at, wrong_rule
from planting import arrays, shows, some

from xgrad.numbers import precision
from xgrad.programs import JaxProgram
from xgrad.referee import find_equation_faults

HINTS = {"factor": "a factor of 1.5", "sign": "sign of all elements", "transpose": "transpose"}
INPUTS = {"product.custom_vjp": "second", "gate.custom_vjp": "first", "bend.custom_jvp": "first"}


def faults_of(function, inputs, seed=0):
    with precision(384):
        x = arrays(inputs)
    return find_equation_faults(JaxProgram(function), x, np.random.default_rng(seed))


def planted(seed, count=1):
    rng = np.random.default_rng(seed)
    return Network.draw(rng, count), at(rng)


@pytest.mark.many(12)
@pytest.mark.parametrize("seed", some(4, 70))
def test_a_custom_rule_with_a_mistake_is_named(seed):
    network, inputs = planted(seed)
    faults = faults_of(network, inputs)
    if not shows(JaxProgram, network, inputs):  # and nobody would ask
        return
    ((k, slip),) = network.slips.items()
    assert {f.name for f in faults} == {network.names[k]}
    for fault in faults:  # one for each turn of a loop
        assert re.match(rf"layer{k}(/inner)*$", fault.module)
        assert "jax_networks.py:" in fault.where or not fault.where  # JAX called it by itself
        (found,) = fault.slips
        assert found.of.startswith(INPUTS[fault.name])
        assert found.hint == HINTS.get(slip, found.hint)
        assert {"missing": 4, "tiny": 7}.get(slip, -1) < found.digits < 13


@pytest.mark.many
@pytest.mark.parametrize("seed", some(2, 30))
def test_a_wrong_rule_of_a_primitive_is_named(seed):
    network, inputs = planted(seed, 0)
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(PRIMITIVES)))
    k = int(rng.integers(len(network.names)))
    network.names[k] = name
    with wrong_rule(name, "factor" if seed % 2 else "tiny"):
        faults = faults_of(network, inputs)
    assert {f.name for f in faults} == {PRIMITIVES[name].name}
    layers = {int(re.match(r"layer(\d+)", f.module)[1]) for f in faults}
    assert layers >= {j for j, other in enumerate(network.names) if other == name}


@pytest.mark.many(12)
@pytest.mark.parametrize("seed", some(4, 70))
def test_a_right_program_is_not_blamed(seed):
    network, inputs = planted(seed, 0)
    assert faults_of(network, inputs) == []
    jax.clear_caches()


def named_of_two(seeds):
    """Of programs where two mistakes show, those in which both custom rules are named."""
    both, told = 0, 0
    for seed in seeds:
        network, inputs = planted(100 + seed, 2)
        alone = [replace(network, slips={k: slip}) for k, slip in network.slips.items()]
        if not all(shows(JaxProgram, each, inputs) for each in alone):
            continue
        told += 1
        layers = {int(re.match(r"layer(\d+)", f.module)[1]) for f in faults_of(network, inputs)}
        both += layers == set(network.slips)
    return both, told


def test_two_wrong_rules_are_both_named():
    both, told = named_of_two(range(2))
    assert both == told >= 1


@pytest.mark.slow
def test_two_wrong_rules_are_both_named_in_most_programs():
    both, told = named_of_two(range(30))
    assert both >= 0.9 * told

"""torch's own test database in balls: a seeded few operations by default, all with `--slow`."""

import random

import pytest
import torch
from torch_operations import KNOWN, certificate, known, name_of, operations, samples

FEW, SAMPLES = 60, 4
OPERATIONS = operations()
TWICE = operations(double=True)
random.seed(0)
CHOSEN = random.sample(sorted(OPERATIONS), FEW)
CHOSEN_TWICE = random.sample(sorted(TWICE), FEW // 2)


COMPLEX, COMPLEX_TWICE = (operations(double, torch.complex128) for double in (False, True))
CHOSEN_COMPLEX = random.sample(sorted(COMPLEX), FEW // 2)
CHOSEN_COMPLEX_TWICE = random.sample(sorted(COMPLEX_TWICE), FEW // 4)


def check(op, double=False):
    found = [certificate(op, s, double) for s in samples(op, SAMPLES)]
    verdict, _ = KNOWN.get((name_of(op), double), (None, ""))
    left = [f for f in found if not f.certified]
    assert all(f.verdict in (verdict, "kink") for f in left), left
    assert (not left) == (verdict is None), "certified now: strike it from the list"


def check_complex(op, double=False):
    found = [certificate(op, s, double) for s in samples(op, SAMPLES, torch.complex128)]
    verdict, _ = known(name_of(op), double, torch.complex128)
    left = [f for f in found if not f.certified]
    assert found
    assert all(f.verdict in (verdict, "kink") for f in left), left


@pytest.mark.parametrize("name", CHOSEN)
def test_a_derivative_of_torch_is_certified(name):
    check(OPERATIONS[name])


@pytest.mark.parametrize("name", CHOSEN_TWICE)
def test_a_second_derivative_of_torch_is_certified(name):
    check(TWICE[name], double=True)


@pytest.mark.parametrize("name", CHOSEN_COMPLEX)
def test_a_derivative_by_complex_numbers_is_certified(name):
    check_complex(COMPLEX[name])


@pytest.mark.parametrize("name", CHOSEN_COMPLEX_TWICE)
def test_a_second_derivative_by_complex_numbers_is_certified(name):
    check_complex(COMPLEX_TWICE[name], double=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_derivative_of_torch_is_certified(name):
    check(OPERATIONS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TWICE))
def test_every_second_derivative_of_torch_is_certified(name):
    check(TWICE[name], double=True)

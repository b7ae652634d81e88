"""What people write in JAX is certified: its gradient program meets the definition to 40 digits."""

import sys

import pytest
from checkout import BENCHMARKS

pytest.importorskip("jax")
sys.path.insert(0, str(BENCHMARKS))
from jax_examples import EXAMPLES
from jax_functions import certify_jax

# What float64 is off by where the values in balls are those of another precision.
LOOSE = {"low_precision_inside": 0.1}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_function_in_use_is_certified(name):
    function, arguments = EXAMPLES[name]
    found = certify_jax(function, *arguments)
    assert found.grade == "certified", found
    assert max(found.value_gap, found.gradient_gap) < LOOSE.get(name, 1e-10), found

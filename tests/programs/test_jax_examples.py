"""What people write in JAX is certified: its gradient program meets the definition to 40 digits."""

import pytest

pytest.importorskip("jax")
from jax_examples import EXAMPLES, names
from jax_functions import certify_jax

# What float64 is off by where the program's own precision is another.
LOOSE = {"low_precision_inside": 0.1}


@pytest.mark.parametrize("name", names())
def test_a_function_in_use_is_certified(name):
    function, arguments = EXAMPLES[name]
    found = certify_jax(function, *arguments)
    assert found.grade == "certified", found
    assert max(found.value_gap, found.gradient_gap) < LOOSE.get(name, 1e-10), found

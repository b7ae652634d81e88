"""What people write in JAX is certified: its gradient program meets the definition to 40 digits."""

import pytest
from reverse_mode import RIGHT, found, row_in_jax

pytest.importorskip("jax")
from jax_examples import EXAMPLES, names

STOPS = ("straight_through", "target_network", "vector_quantisation")  # gradients, as is meant
NARROW = ("low_precision_inside",)  # right, and of fewer digits than float64


@pytest.mark.many(10)
@pytest.mark.parametrize("name", names())
def test_a_function_in_use_is_certified(name):
    function, arguments = EXAMPLES[name]
    detached = "constant" if name in STOPS else None
    expected = ("unstable", "certified") if name in NARROW else RIGHT
    assert found(row_in_jax(function, *arguments, detached=detached)) == expected

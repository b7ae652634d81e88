"""Peak memory: what a call holds beyond its inputs."""

import numpy as np
import pytest

from xgrad.frameworks import find_framework
from xgrad.timing import memory


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_peak_memory_is_what_a_call_holds_beyond_its_inputs_in_every_framework(name):
    if not memory._can_reset():
        pytest.skip("this system does not let a process reset its peak memory")
    framework = find_framework(name)
    with framework.scope():
        xp = framework.namespace("float64")
        x = framework.put(np.ones(4_000_000), "float64")
        framework.wait(xp.exp(x))  # compiling takes memory of its own
        peak = memory.find_peak(framework, "cpu", xp.exp, (x,))
    assert peak == pytest.approx(32e6, rel=0.1)

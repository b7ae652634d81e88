"""Peak memory is told where it means something: beyond what the system's counters lag by."""

import math

import pytest

from xgrad.telling import memory


@pytest.mark.parametrize(
    ("device", "held", "told"),
    [
        ("cpu", 0.0, ""),
        ("cpu", 4096.0, ""),
        ("cpu", 300e3, ""),
        ("cpu", 32e6, "32.0 MB"),
        ("cpu", math.nan, ""),
        ("cuda", 4096.0, "4.10 kB"),  # the framework's own allocator counts every byte
        ("cuda", math.nan, ""),
    ],
)
def test_pages_of_the_system_are_no_memory_of_a_call(device, held, told):
    assert memory({"device": device, "peak_memory": held}) == told

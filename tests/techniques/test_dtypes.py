"""Dtypes: short floats are judged, and what a framework lacks is unsupported."""

import pytest
from outcomes import judged, sine_times


@pytest.mark.many(2)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_short_floats_run_and_are_judged(framework, dtype):
    for technique in ("reverse", "forward", "differences"):
        row = judged(sine_times, f"{framework}.{technique}", dtype=dtype)
        right = ("bounded", "inconclusive") if technique == "differences" else ("agrees",)
        assert (row["status"], row["verdict"] in right) == ("ok", True), row
    off = judged(sine_times, f"{framework}.formula", dtype=dtype, formula=lambda xp, x: 1.5 * x)
    assert off["verdict"] == "disagrees"


def test_a_dtype_that_a_framework_lacks_is_unsupported():
    row = judged(sine_times, "numpy.formula", dtype="bfloat16")
    assert (row["status"], row["message"]) == ("unsupported", "numpy has no bfloat16")

"""The complex step is short beside its inputs, however small they are, and in the type's range."""

import numpy as np
import pytest

import xgrad

METHOD = "numpy.complex_step"


def length(xp, x):  # x (n,) -> ()
    return xp.sqrt(xp.sum(x * x))


def fourth(xp, x):  # x (n,) -> ()
    return xp.sum(x**4)


def logarithm(xp, x):  # x (n,) -> (n,)
    return xp.log(x)


def beside_one(xp, x):  # x (2,) -> ()
    return xp.sqrt((x[0] - 1) ** 2 + x[1] ** 2)


def row_of(function, x, dtype="float32", **options):
    made = xgrad.check(function, {"x": np.array(x)}, dtypes=(dtype,), methods=(METHOD,), **options)
    return made.iloc[0]


@pytest.mark.parametrize("scale", [1e8, 1.0, 1e-4, 1e-8, 1e-12, 1e-17])
@pytest.mark.parametrize("function", [length, logarithm])
def test_it_is_right_in_float32_at_every_scale(function, scale):
    row = row_of(function, [3 * scale, 4 * scale])
    assert (row["status"], row["verdict"]) == ("ok", "agrees"), row["message"]
    assert row["digits"] > 6


@pytest.mark.parametrize("scale", [1e-60, 1e-140])
def test_it_is_right_in_float64_far_below_one(scale):
    assert row_of(length, [3 * scale, 4 * scale], "float64")["verdict"] == "agrees"


def test_a_derivative_that_would_underflow_takes_a_longer_step():
    row = row_of(fourth, [1e-8, 2e-8])
    assert row["verdict"] == "agrees"
    assert row["digits"] > 6


@pytest.mark.parametrize("x", [[0.0, 1e-8], [1e-8, 1.0], [1e-8, 1e8]])
def test_inputs_of_several_scales_stand_side_by_side(x):
    assert row_of(length, x)["verdict"] == "agrees"


def test_the_smallest_input_limits_the_step_of_others():
    assert row_of(beside_one, [1.0, 1e-8])["status"] == "ok"
    assert row_of(beside_one, [1.0, 1e-8])["verdict"] == "agrees"


@pytest.mark.parametrize("operator", ["jvp", "vjp", "gradient"])
def test_directions_scale_it_too(operator):
    assert row_of(length, [3e-8, 4e-8], operators=(operator,))["verdict"] == "agrees"


def test_inputs_at_the_end_of_the_type_are_refused_in_words():
    row = row_of(length, [3e-36, 4e-36])
    assert row["status"] == "unsupported"
    assert "float32 has no step that is small beside inputs of 3e-36" in row["message"]


def test_a_step_longer_than_the_inputs_is_noticed(monkeypatch):
    from xgrad.techniques import complex_step

    monkeypatch.setitem(complex_step.STEP, "float32", 8.0)
    monkeypatch.setitem(complex_step.LONGEST, "float32", 8.0)
    assert row_of(length, [3e-8, 4e-8])["verdict"] == "disagrees"

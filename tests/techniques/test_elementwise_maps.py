"""Derivatives of maps that are not elementwise: an error of every method."""

import numpy as np
import pytest
from outcomes import X, judged

MIXING = {
    "cumulative sum": lambda xp, x: xp.cumulative_sum(x),
    "x sum x": lambda xp, x: x * xp.sum(x),
    "softmax": lambda xp, x: xp.softmax(x),
    "x beside a kink": lambda xp, x: xp.abs(x) + xp.sum(x),
}


@pytest.mark.parametrize("operator", ["derivative", "second_derivative"])
@pytest.mark.parametrize("name", MIXING)
def test_the_derivative_of_a_map_that_is_not_elementwise_is_an_error(name, operator):
    x = np.array([0.5, -1.0, 0.0]) if "kink" in name else X
    for formula in (None, {operator: lambda xp, x: 0 * x}):
        for method in ("torch.reverse", "jax.forward", "numpy.differences", "ball.differences"):
            row = judged(MIXING[name], method, operator, x=x, formula=formula)
            assert (row["status"], row["verdict"]) == ("error", ""), (method, row)
            assert f"{operator} needs an elementwise map" in row["message"]
            assert "use jacobian, jvp or vjp" in row["message"]

"""Maps that are not elementwise: an error, whatever the formula."""

import pytest
from truths import KINK, truth_of

from xgrad.errors import NotElementwise


@pytest.mark.parametrize("operator", ["derivative", "second_derivative"])
@pytest.mark.parametrize(
    "function",
    [
        lambda xp, x: xp.cumulative_sum(x),
        lambda xp, x: x * xp.sum(x),
        lambda xp, x: xp.softmax(x),
        lambda xp, x: xp.cumulative_sum(xp.abs(x)),
        lambda xp, x: xp.sin(x) + 1e-12 * xp.roll(x, 1),
    ],
)
def test_a_map_that_is_not_elementwise_is_an_error_with_any_formula(function, operator):
    for formula in (None, {operator: lambda xp, x: 0 * x}):
        with pytest.raises(NotElementwise, match="is not diagonal; use jacobian, jvp or vjp"):
            truth_of(function, {"x": KINK}, operator, formula)

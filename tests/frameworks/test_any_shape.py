"""The standard's functions: the numbers of NumPy on arrays of any shape, over any axes."""

import hypothesis.extra.numpy as arrays_of
import hypothesis.strategies as st
import numpy as np
import pytest
from expressions import require_agreement
from hypothesis import given, settings

few = settings(max_examples=5, derandomize=True, deadline=None, database=None)

UNARY = {
    "exp expm1 sin cos tan sinh cosh tanh atan asinh square abs negative sign": (-1.5, 1.5),
    "floor ceil trunc round": (-5, 5),
    "log log2 log10 log1p sqrt reciprocal": (0.1, 10),
    "asin acos atanh": (-0.9, 0.9),
    "acosh": (1.1, 10),
}
BINARY = [
    *("add", "subtract", "multiply", "divide", "remainder", "floor_divide", "atan2", "hypot"),
    *("logaddexp", "maximum", "minimum", "copysign"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
]
REDUCTIONS = ["sum", "prod", "max", "min", "mean", "var", "std", "logsumexp", "argmax"]


def floats(shape, low, high):
    """Arrays of floats, whole and half numbers often among them."""
    some = st.sampled_from([k / 2 for k in range(int(2 * low), int(2 * high) + 1) if k / 2 > low])
    return arrays_of.arrays(np.float64, shape, elements=some | st.floats(low, high))


@pytest.mark.many
@pytest.mark.parametrize(
    ("function", "low", "high"), [(f, *d) for names, d in UNARY.items() for f in names.split()]
)
def test_elementwise_functions_of_any_shape(function, low, high):
    @few
    @given(
        floats(arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), low, high)
    )
    def holds(x):
        for name in ("torch", "ball"):
            require_agreement(name, f"xp.{function}(x)", x=x)

    holds()


@pytest.mark.parametrize("function", BINARY)
def test_binary_functions_broadcast(function):
    @few
    @given(arrays_of.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), st.data())
    def holds(shapes, data):
        x, y = (data.draw(floats(shape, 0.25, 4)) for shape in shapes.input_shapes)
        for name in ("torch", "ball"):
            require_agreement(name, f"xp.{function}(x, y)", x=x, y=y)

    holds()


@pytest.mark.parametrize("function", REDUCTIONS)
def test_reductions_over_any_axes(function):
    @few
    @given(floats(arrays_of.array_shapes(max_dims=3, max_side=4), -2, 2), st.data())
    def holds(x, data):
        axes = st.integers(-x.ndim, x.ndim - 1) | st.none()
        if function != "argmax":
            axes |= arrays_of.valid_tuple_axes(x.ndim, min_size=1)
        axis, keepdims = data.draw(axes), data.draw(st.booleans())
        for name in ("torch", "ball"):
            require_agreement(name, f"xp.{function}(x, axis={axis}, keepdims={keepdims})", x=x)

    holds()

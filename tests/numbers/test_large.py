"""Functions of large arrays in blocks: NumPy's bits, in memory's order."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from xgrad.numbers.large import MANY, elementwise, has_few_terms, is_large, sum_of_few

SHAPES = st.sampled_from([
    ((300, 1, 2), (1, 300, 2)), ((2, MANY), (2, MANY)), ((400, 500), (500,)),
    ((400, 500), (400, 1)), ((400, 500), ()), ((7, 150, 200), (7, 1, 1)),
    ((MANY, 3), (3,)), ((MANY,), (MANY,)),
])  # fmt: skip
FUNCTIONS = st.sampled_from([np.add, np.subtract, np.multiply, np.divide, np.maximum, np.power])


@settings(max_examples=40, deadline=None)
@given(SHAPES, FUNCTIONS, st.booleans(), st.integers(0, 100))
def test_results_have_the_bits_of_numpy(shapes, function, turned, seed):
    a, b = (np.random.default_rng(seed + k).uniform(0.5, 2.0, s) for k, s in enumerate(shapes))
    if turned and a.ndim == b.ndim:
        a, b = (np.copy(x.T, order="C").T for x in (a, b))
    assert is_large(function, [a, b])
    made = elementwise(function, a, b)
    np.testing.assert_array_equal(made, function(a, b))
    parts = []
    elementwise(function, a, b, then=lambda part: parts.append(part.size))
    assert sum(parts) == made.size


def test_a_short_last_axis_is_the_outermost_and_stays_so():
    a, b = np.random.default_rng(3).normal(size=(2, 300, 2))
    made = elementwise(np.subtract, a[:, None, :], b[None, :, :])
    assert made.strides[-1] > made.strides[0]
    np.testing.assert_array_equal(elementwise(np.multiply, made, b), made * b)


@pytest.mark.parametrize("terms", [1, 2, 3, 4, 5])
def test_a_sum_of_few_terms_is_that_of_numpy(terms):
    x = np.random.default_rng(2).normal(size=(MANY, terms))
    assert has_few_terms(x, axis=-1) == (terms < 5)
    assert not has_few_terms(x, axis=-1, dtype=np.float32)
    if terms < 5:
        for keep in (False, True):
            made = sum_of_few(x, axis=-1, keepdims=keep)
            np.testing.assert_array_equal(made, np.sum(x, axis=-1, keepdims=keep))


def test_what_is_small_or_no_float64_or_no_function_of_each_element_is_not_large():
    x = np.ones(MANY)
    assert is_large(np.exp, [x])
    assert is_large(np.subtract, [1, x])
    for function, args in (
        (np.exp, [x[:-1]]),
        (np.exp, [x.astype("float32")]),
        (np.add, [x, x.astype(int)]),
        (np.add, [x, True]),
        (np.add, [x, None]),
        (np.add, [1.0, 2.0]),
        (np.sum, [x]),
        (np.frexp, [x]),
        (np.where, [x > 0, x, x]),
    ):
        assert not is_large(function, args)

"""Putting and getting: copies, exact, integers as they are, and under known flags."""

import numpy as np
import pytest
from expressions import DATA, FLOATS, NAMES

from xgrad.frameworks import find_framework
from xgrad.numbers import rounded


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("values", [[1.0, 2.0], [1, 2], [True, True]])
def test_put_makes_a_copy(name, values):
    framework, source = find_framework(name), np.array(values)
    with framework.scope():
        put = framework.put(source, "float64")
        source[0] = 0
        assert framework.get(put)[0] == values[0]


@pytest.mark.parametrize(
    ("name", "dtype"), [(n, d) for n in FLOATS for d in find_framework(n).dtypes]
)
def test_get_is_exact_in_float64(name, dtype):
    framework = find_framework(name)
    with framework.scope():
        put = framework.put(DATA["x"], dtype)
        assert framework.describe(put) == ((3, 4), dtype, "cpu")
        got = framework.get(put)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, rounded(DATA["x"], dtype))


@pytest.mark.parametrize("name", NAMES)
def test_integers_and_booleans_are_put_as_they_are(name):
    framework = find_framework(name)
    with framework.scope():
        for key, kind in {"k": "int64", "b": "bool"}.items():
            put = framework.put(DATA[key], "float32")
            assert framework.describe(put) == ((3, 4), kind, "cpu")
            np.testing.assert_array_equal(framework.get(put), DATA[key])


def test_the_flags_of_torch_are_those_that_methods_run_under():
    import torch

    with torch.backends.cudnn.flags(allow_tf32=True):
        assert find_framework("torch").flags()["tf32 in convolutions"] == "False"
        assert torch.backends.cudnn.allow_tf32

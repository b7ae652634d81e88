"""Names that are missing: the error brings the nearest ones."""

import pytest
from expressions import NAMES

from xgrad.errors import UsageError
from xgrad.frameworks import find_framework


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("wrong", "near"), [("logsumexpp", "logsumexp"), ("concatenat", "concat"), ("einsun", "einsum")]
)
def test_a_missing_name_brings_the_nearest_ones(name, wrong, near):
    with pytest.raises(AttributeError, match=rf"xp has no '{wrong}'.*nearest: .*{near}"):
        getattr(find_framework(name).namespace("float64"), wrong)


def test_a_missing_ball_routine_brings_the_nearest_ones():
    with pytest.raises(AttributeError, match=r"no 'choleski'.*nearest: cholesky"):
        _ = find_framework("ball").namespace().linalg.choleski
    with pytest.raises(AttributeError):
        _ = find_framework("ball").namespace().np


def test_an_unknown_framework_brings_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'numpy'"):
        find_framework("nunpy")

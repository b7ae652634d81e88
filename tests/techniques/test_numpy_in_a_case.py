"""`np.` written for `xp.` in a case is told as that, with the name to write."""

import pytest

CASE = """
    import numpy as np
    import xgrad


    @xgrad.case(wrt="x")
    def mixed(xp, x):
        return xp.sum({expression})


    @mixed.inputs
    def draw(rng):
        return {{"x": rng.uniform(0.2, 0.8, size=3)}}
"""
METHODS = ("torch.reverse", "torch.forward", "jax.reverse", "numpy.complex_step")


def messages(write, verdicts, expression):
    case = write("mixed.py", CASE.format(expression=expression))
    return {r["framework"] + "." + r["technique"]: r for r in verdicts(case, *METHODS)}


@pytest.mark.parametrize(
    ("expression", "called", "remedy"),
    [
        ("np.exp(x)", "np.exp", "xp.exp"),
        ("x * np.linalg.norm(x)", "np.linalg.norm", "xp.linalg.vector_norm"),
        ("np.arcsin(x)", "np.arcsin", "xp.asin"),
    ],
)
def test_the_error_names_the_function_and_the_remedy(write, verdicts, expression, called, remedy):
    for method, row in messages(write, verdicts, expression).items():
        assert row["status"] == "error", method
        said = f"{called} was given an array that is not NumPy's: write {remedy}, which is the same"
        assert row["message"].startswith(said), (method, row["message"])
        assert "(mixed.py, line 8)" in row["message"]


def test_constants_of_numpy_are_no_such_thing(write, verdicts):
    rows = messages(write, verdicts, "np.pi * x * np.sqrt(2.0)")
    assert {row["status"] for row in rows.values()} == {"ok"}


def test_another_error_on_such_a_line_keeps_its_words(write, verdicts):
    rows = messages(write, verdicts, "xp.reshape(x, (7, 7)) * np.sqrt(2.0)")
    assert all("not NumPy's" not in row["message"] for row in rows.values())
    assert all(row["status"] == "error" for row in rows.values())

"""pytest shows the message of a failed assertion and the line that made it, not our source."""

pytest_plugins = ("pytester",)

TEST = """
    import numpy as np
    import xgrad

    def square(xp, x):
        return xp.sum(x * x)

    def test_{name}():
        options = dict(methods=("numpy.formula",), dtypes=("float64",))
        formula = lambda xp, x: {factor} * x
        xgrad.assert_agreement(square, {{"x": np.ones(3)}}, formula=formula, **options)
"""


def outcome(pytester, name, factor):
    pytester.makepyfile(**{f"test_{name}": TEST.format(name=name, factor=factor)})
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    return done, "\n".join(done.outlines)


def test_a_wrong_formula_shows_its_message_alone(pytester):
    done, said = outcome(pytester, "wrong", 3)
    done.assert_outcomes(failed=1)
    assert "square gradient, numpy.formula float64 cpu at given: disagrees" in said
    assert ">       xgrad.assert_agreement(square" in said
    assert "raise AssertionError" not in said
    assert "as_guest" not in said


def test_a_right_one_passes(pytester):
    outcome(pytester, "right", 2)[0].assert_outcomes(passed=1)

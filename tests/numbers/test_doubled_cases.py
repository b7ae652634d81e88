"""The reference library in pairs: values and formulas of its cases, to the digits of balls."""

import numpy as np
import pytest
from checkout import ROOT
from pair_numbers import lost

import xgrad
from xgrad.numbers import DOUBLED, NAMESPACE, Ball, ball, doubled, precision

# Fields of another kind: programs of libraries, complex numbers, derivatives inside, fixed points.
OTHERS = {"census", "complex_numbers", "nested", "conventions", "special_points"}
FIELDS = sorted(
    {p.parent for p in (ROOT / "cases").glob("*/*.py")} - {ROOT / "cases" / o for o in OTHERS}
)


def asked_of(case):
    """Its value, and what its formulas of first derivatives give, where they are mathematics."""
    yield "value", case
    for formula in case.formulas:
        if formula.operator in ("gradient", "derivative", "jacobian") and not formula.frameworks:
            yield formula.operator, formula.function


def evaluated(function, xp, inputs, put):
    """What a function gives of inputs in numbers of a kind, one array or several."""
    made = {k: put(v) if is_array(v) and v.dtype.kind == "f" else v for k, v in inputs.items()}
    out = function(xp, **made)
    return out if isinstance(out, tuple) else (out,)


def is_array(value):
    return isinstance(value, np.ndarray)


def is_real(inputs):
    return not any(is_array(v) and v.dtype.kind == "c" for v in inputs.values())


def judged(case):
    """Digits of the largest element, by what was asked; raises where a function is missing."""
    inputs = case.inputs_at("small")
    for name, function in asked_of(case) if is_real(inputs) else ():
        with np.errstate(all="ignore"):
            got = evaluated(function, DOUBLED, inputs, doubled)
        with precision(400):
            want = evaluated(function, NAMESPACE, inputs, ball)
            largest = [NAMESPACE.max(NAMESPACE.abs(ball(w))) for w in want]
        for g, w, scale in zip(got, want, largest, strict=True):
            if isinstance(w, Ball) and g.size:
                yield name, -np.log10(lost(g, w, scale) + 1e-40)


@pytest.mark.parametrize("field", FIELDS, ids=lambda p: p.name)
def test_cases_have_the_digits_of_balls(field):
    poor, seen, left = {}, 0, []
    for case in xgrad.load_cases(field):
        try:
            for name, digits in judged(case):
                seen += 1
                if not digits > 28:
                    poor[case.name, name] = digits
        except (AttributeError, xgrad.errors.UsageError) as refused:
            left.append(str(refused))
    assert poor == {}
    assert seen
    assert [r for r in left if "has no" not in r and "complex" not in r] == []  # balls do these

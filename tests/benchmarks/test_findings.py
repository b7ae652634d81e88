"""Findings in torch and JAX: two of them run, what is right counts as mended, NaN as far off."""

import ast
import dataclasses
import math
import sys

import pytest
from checkout import BENCHMARKS

pytest.importorskip("torch")
pytest.importorskip("jax")
sys.path.insert(0, str(BENCHMARKS))
import findings

FOUND, LIMITS = findings.tables()
BY_NAME = {(f.framework, f.id): f for f in FOUND}
SIXTH = BY_NAME["torch", "hardsigmoid-sixth"]
SIGN = BY_NAME["jax", "complex-sign"]


@pytest.fixture(scope="module")
def sizes():
    mended = dataclasses.replace(SIXTH, title="a slope of 1/6", code=SIXTH.witness)
    return [(f, findings.measure(f)) for f in (SIXTH, SIGN, mended)]


def test_what_is_told_still_happens_or_is_told_as_mended(sizes):
    (_, sixth), (_, sign), (mended, none) = sizes
    assert none.error == 0
    assert none.off == 0
    text = "\n".join(findings.page(sizes, ()))
    assert f"- {mended.title}: mended in torch" in text
    for finding, size in ((SIXTH, sixth), (SIGN, sign)):
        if size.error > finding.allowed:  # of the releases that the published page names
            assert f"### {finding.title}" in text
    assert sixth.error == 0 or sixth.error == pytest.approx(2**-25, rel=0.01)
    assert sign.error <= SIGN.allowed or (sign.got, sign.error, sign.off) == ("0", 1.0, 2)


def test_a_number_is_measured_against_itself_or_the_largest():
    got, want = [1.0, 1e-3 * (1 + 1e-6)], [1.0, 1e-3]
    each, largest = (findings.compare(got, want, of) for of in ("each", "largest"))
    assert each.error == pytest.approx(1e-6, rel=1e-3)
    assert largest.error == pytest.approx(1e-9, rel=1e-3)
    assert (each.off, each.numbers, each.want) == (1, 2, 1e-3)
    assert findings.compare(got, want, "each", 1e-5).off == 0


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_nan_and_infinity_are_far_off_and_the_same_infinity_is_not(wrong):
    assert math.isinf(findings.compare([wrong], [1.0]).error)
    assert math.isinf(findings.compare([wrong], [0.0]).error)
    assert findings.compare([math.inf], [math.inf]).error == 0


def test_an_error_is_a_finding_and_a_witness_must_not_fail():
    raises = dataclasses.replace(SIXTH, code="1 / 0")
    size = findings.measure(raises)
    assert size.got == "ZeroDivisionError: division by zero"
    assert math.isinf(size.error)
    with pytest.raises(ValueError, match="its witness fails: ZeroDivisionError"):
        findings.measure(dataclasses.replace(SIXTH, code="print(1)", witness="1 / 0"))
    with pytest.raises(ValueError, match="2 numbers beside 1 of its witness"):
        findings.measure(dataclasses.replace(SIXTH, code="print(1, 2)"))


def test_another_version_is_right_does_the_same_or_cannot_be_asked():
    size = findings.compare([0.5], [0.25])
    told = {0.25: "is right", 0.5: "the same"}
    for got, words in told.items():
        assert findings.in_version(SIXTH, [got], [0.25], size) == words
    assert findings.in_version(SIXTH, [0.75], [0.25], size).startswith("0.75 where 0.25 is right")
    gone = findings.in_version(SIXTH, "AttributeError: no such function", [0.25], size)
    assert gone == "cannot be asked (AttributeError)"
    ends = findings.sized(SIXTH, "TypeError: no", [0.25])
    assert findings.in_version(SIXTH, "TypeError: no", [0.25], ends) == "the same"
    plain = dataclasses.replace(SIXTH, code="print(0.5)", witness="print(0.25)")
    (_, told) = findings.measure(plain, [sys.executable]).versions.split(" ", 1)
    assert told == "the same"


@pytest.mark.parametrize("case", FOUND, ids=lambda f: f"{f.framework}-{f.id}")
def test_a_reproduction_is_short_and_needs_its_framework_only(case):
    assert len(case.code.strip().splitlines()) <= 5
    names = set()
    for node in ast.walk(ast.parse(case.code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert names == {case.framework}


def test_names_are_used_once():
    assert len(BY_NAME) == len(FOUND) >= 10
    assert LIMITS

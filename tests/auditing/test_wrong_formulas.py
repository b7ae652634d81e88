"""A wrong formula is told as that: it is no right result that was accused."""

import json
from itertools import product

import pytest
from case_files import CUBES
from click import Context

from xgrad.auditing.cells import _refuted
from xgrad.cli import main
from xgrad.cli.options import FORMATS
from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting, load_cases
from xgrad.techniques import Method

OPTIONS = ("--seeds", 1, "--dtype", "float64", "--device", "cpu", "--workers", 0)
WRONG = CUBES.replace("return 3 * x * x", "return 2 * x * x")
NAMED = (
    CUBES
    + '''

    @cubes.formula("gradient", name="other")
    def other(xp, x):
        """-3x²."""
        return -3 * x * x
'''
)


def audit(call, write, text, *options):
    name = "right.py" if text == CUBES else "other.py"  # Python tells a file by its second and size
    return call("audit", write(name, text), *OPTIONS, *options)


def rows(call, write, text, *options):
    done = audit(call, write, text, *options, "--format", "json")
    return done, [r for r in json.loads(done.stdout) if r["mutant"] == "right"]


def test_a_right_formula_is_a_right_result(call, write):
    done, right = rows(call, write, CUBES)
    assert done.exit_code == 0
    assert {r["result"] for r in right} == {"agrees"}


def test_a_wrong_formula_is_none_and_nobody_is_accused(call, write):
    done, right = rows(call, write, WRONG)
    assert done.exit_code == 1
    assert {r["method"] for r in right if r["result"] == "wrong"} == {
        "numpy.formula", "torch.formula",
    }  # fmt: skip
    assert {r["result"] for r in right if not r["method"].endswith("formula")} == {"agrees"}


def test_a_named_formula_is_told_from_the_right_one_beside_it(call, write):
    _, right = rows(call, write, NAMED, "--method", "numpy.*")
    assert {r["method"]: r["result"] for r in right if "formula" in r["method"]} == {
        "numpy.formula": "agrees", "numpy.formula:other": "wrong",
    }  # fmt: skip


def test_the_summary_has_it_apart(call, write):
    said = audit(call, write, WRONG, "--method", "numpy.*").stdout
    assert "right results: 0 accused" in said
    assert "2 results of formulas that the definition refutes" in said
    assert "refutes" not in audit(call, write, CUBES, "--method", "numpy.*").stdout


@pytest.mark.parametrize(
    ("text", "refuted"),
    [
        (CUBES, False),
        (WRONG, True),
        (WRONG.replace('formula("gradient")', 'formula("gradient", frameworks=("numpy",))'), False),
    ],
)
def test_only_balls_refute_a_formula(write, text, refuted):
    (case,) = load_cases(write("cubes.py", text))
    judge = Judge(Setting.make(case, "small", "random", "float64", 0), "cpu")
    assert _refuted(judge, Method("numpy", "formula"), OPERATORS["gradient"]) is refuted
    assert not _refuted(judge, Method("torch", "reverse"), OPERATORS["gradient"])


SHOWN = {"audit": OPTIONS, "run": ("--out", "out"), "time": ("--limit", 0.1)}


@pytest.mark.parametrize("command", SHOWN)
def test_every_command_offers_every_format(command):
    found = main.get_command(Context(main), command)
    (style,) = (p for p in found.params if p.name == "style")
    assert tuple(style.type.choices) == FORMATS


ALWAYS = {("audit", "json"), ("time", "json"), *(("run", style) for style in FORMATS)}


@pytest.mark.many(4)
@pytest.mark.parametrize(
    ("command", "style"),
    [
        pair if pair in ALWAYS else pytest.param(*pair, marks=pytest.mark.slow)
        for pair in product(SHOWN, FORMATS)
    ],
)
def test_every_command_ends_well_in_every_format(call, write, command, style):
    cubes = write("cubes.py", CUBES)
    options = ("--method", "numpy.formula", "--dtype", "float64", "--device", "cpu")
    done = call(command, cubes, *options, *SHOWN[command], "--format", style)
    assert done.exit_code == 0, done.output
    if style == "json":
        assert json.loads(done.stdout)

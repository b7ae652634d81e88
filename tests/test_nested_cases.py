"""Cases that hold derivatives: certified to forty digits, and what is usually wrong is caught."""

from dataclasses import replace

import numpy as np
import pytest
from checkout import ROOT

from xgrad.auditing.cells import audit_cell
from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting, find_cases
from xgrad.problem.cases import Formula
from xgrad.referee import Referee
from xgrad.running.planning import Selection, make_plan
from xgrad.techniques import Method

CASES = {case.name: case for case in find_cases([ROOT / "cases" / "nested"])}


def formula_of(case):
    return case.formulas[0]


def judged(case, method, formula=None):
    """The verdict of a method at the drawn point, where a formula may stand in for the case's."""
    setting, operator = posed(case, formula)
    judge = Judge(setting, "cpu")
    return judge.judge(method, operator).row, judge.truth(operator)


def posed(case, formula=None):
    made = replace(case, formulas=[formula] if formula else case.formulas)
    setting = Setting.make(made, "small", "random", "float64", 0)
    return setting, OPERATORS[formula_of(case).operator]


def spoiled(case, change):
    """The case's formula with a mistake."""
    own = formula_of(case)

    def wrong(xp, **inputs):
        result = own.function(xp, **inputs)
        parts = result if isinstance(result, tuple) else (result,)
        made = (change(xp, parts[0]), *parts[1:])
        return made if isinstance(result, tuple) else made[0]

    return replace(own, function=wrong)


@pytest.mark.many
@pytest.mark.parametrize("name", CASES)
def test_the_formula_is_certified_and_a_slightly_wrong_one_is_not(name):
    case = CASES[name]
    row, truth = judged(case, Method("numpy", "formula"))
    assert (row["verdict"], truth.kind, truth.digits >= 40) == ("agrees", "certified", True)
    setting, operator = posed(case, spoiled(case, lambda xp, part: part * (1 + 1e-9)))
    referee = Referee(setting)
    assert referee.truth(operator).kind == "definition"
    assert 8 <= referee.refuted_digits(operator, "") <= 12


@pytest.mark.many
@pytest.mark.parametrize("technique", ["reverse", "forward"])
@pytest.mark.parametrize("name", sorted(set(CASES) - {"saddle", "particle", "equilibrium"}))
def test_torch_differentiates_through_them(name, technique):
    row, _ = judged(CASES[name], Method("torch", technique))
    assert (row["verdict"], row["referee"]) == ("agrees", "certified")


@pytest.mark.parametrize("name", ["perturbation_confusion", "adapted_loss", "critic_penalty"])
def test_jax_differentiates_through_them(name):
    for technique in ("reverse", "forward"):
        row, _ = judged(CASES[name], Method("jax", technique))
        assert (row["verdict"], row["referee"]) == ("agrees", "certified")


# --- what is usually wrong ------------------------------------------------------------------------


def mixed_tangents(xp, x):
    """d/dx (x · d/dy (x + y)) where the two perturbations are taken for one."""
    return 2 * xp.ones_like(x)


def mixed_at_itself(xp, x):
    """The same of x · d/dy (x y³), y = x: the inner derivative is that of x⁴."""
    return 16 * x**3


def without_implicit_term(xp, x, W):
    """D in place of (I − DW)⁻¹ D: the last step alone."""
    z = CASES["equilibrium"].function(xp, x, W)
    return (1 - z * z)[:, None] * xp.eye(x.shape[0])


def penalty_as_given(xp, penalties, X, y, X_new, y_new):
    """What moves w but not what the curvature owes to the penalty: H without it."""
    scale = xp.exp(penalties)
    H = xp.matmul(X.T, X)
    w = xp.linalg.solve(H + scale * xp.eye(X.shape[1]), xp.matmul(X.T, y)[:, None])[:, 0]
    slope = xp.matmul(X_new.T, xp.matmul(X_new, w) - y_new)
    return -scale * w * xp.linalg.solve(H, slope[:, None])[:, 0]


def no_step(xp, x, A):
    """I − I: Newton's step with its Hessian held fixed."""
    return 0 * x[:, None] * x


def down_only(xp, start, C, steps):
    """The outer steps alone, the inner maximum held where it is."""
    return (1 - 2 / 8) ** steps * xp.eye(start.shape[0])


WRONG = {
    "perturbation_confusion": mixed_tangents,
    "slope_at_itself": mixed_at_itself,
    "adapted_loss": next(
        f.function for f in CASES["adapted_loss"].formulas if f.name == "first order"
    ),
    "equilibrium": without_implicit_term,
    "validation_loss": penalty_as_given,
    "newton_step": no_step,
    "saddle": down_only,
}


@pytest.mark.many(3)
@pytest.mark.parametrize("name", WRONG)
def test_what_is_usually_wrong_is_refuted(name):
    case = CASES[name]
    wrong = Formula(WRONG[name], formula_of(case).operator, "", None, True)
    row, truth = judged(case, Method("numpy", "formula"), wrong)
    assert (row["verdict"], truth.kind) == ("disagrees", "definition")
    assert np.all(np.isfinite(truth.high))
    assert truth.digits < 3


def test_mistakes_can_be_planted_in_them():
    plan = make_plan(
        [CASES["adapted_loss"]],
        Selection.of(0, dtypes=("float64",), devices=("cpu",), sizes=("small",)),
    )
    rows = audit_cell(CASES["adapted_loss"], plan.cells[0])
    assert {r["result"] for r in rows if r["mutant"] == "right"} == {"agrees"}
    assert {r["result"] for r in rows} <= {"agrees", "caught", "equal"}
    assert sum(r["result"] == "caught" for r in rows) > 10

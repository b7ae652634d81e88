"""Planted mistakes: what each does, who notices, and that a blind judge is told."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import xgrad
from xgrad.auditing import audit_frame, is_clean
from xgrad.auditing.cells import audit_cell, summarise
from xgrad.auditing.mutation import MUTANTS, plant
from xgrad.auditing.tampering import SPOILINGS, detached
from xgrad.cli import main
from xgrad.judging import matter
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import referee
from xgrad.running import Selection, make_plan


@xgrad.case(wrt=("A", "b"), sizes={"small": {"n": 4}}, operators=("gradient",))
def residual(xp, A, b, x):  # A (n, n), b (n,), x (n,) -> ()
    """½ |Ax − b|²."""
    r = xp.matmul(A, x) - b
    return xp.sum(r * r) / 2


@residual.inputs
def draw(rng, n):
    return {"A": rng.normal(size=(n, n)), "b": rng.normal(size=n), "x": rng.normal(size=n)}


@residual.formula("gradient")
def gradient(xp, A, b, x):
    """((Ax − b) xᵀ, −(Ax − b))."""
    r = xp.matmul(A, x) - b
    return r[:, None] * x[None, :], -r


@pytest.fixture
def rows():
    """The audit of the residual at two seeds and in two dtypes."""

    def audit(*methods):
        chosen = Selection(methods=methods or ("torch.reverse", "numpy.*"), seeds=(0, 1))
        plan = make_plan([residual], chosen)
        return audit_frame(row for cell in plan.cells for row in audit_cell(residual, cell))

    return audit


def test_all_mistakes_are_caught_and_nobody_is_accused(rows):
    frame = rows()
    assert is_clean(frame)
    float64 = frame[frame["dtype"] == "float64"]
    assert not float64["result"].isin(["missed", "below"]).any()
    assert {m.name for m in MUTANTS} <= set(frame["mutant"])
    assert {"stale point", "detached branch", "small term dropped", "float32 inside"} <= set(
        frame["mutant"]
    )


def test_a_small_term_that_is_cut_off_is_no_loss_of_float32():
    (case,) = xgrad.load_cases("penalty")  # of which one term is 1e-5 of the other
    chosen = Selection(methods=("numpy.formula",), operators=("gradient",), dtypes=("float32",))
    plan = make_plan([case], chosen)
    frame = audit_frame(row for cell in plan.cells for row in audit_cell(case, cell))
    (cut,) = frame[frame["mutant"] == "detached branch"]["result"]
    assert cut == "caught"


def test_a_formula_s_mistakes_show_in_balls_whatever_the_dtype_hides(rows, monkeypatch):
    monkeypatch.setattr(matter, "SPACINGS", 1e14)
    frame = rows("torch.reverse")
    in_formulas = frame[~frame["mutant"].isin(["right", "detached branch"])]
    assert set(in_formulas["result"]) <= {"caught", "equal"}
    assert (frame[frame["mutant"] == "detached branch"]["result"] == "below").any()


def test_a_judge_that_is_blind_misses_them(rows, monkeypatch):
    monkeypatch.setattr(matter, "SPACINGS", 1e14)
    none = replace(referee.APPROXIMATE, least=0.0)
    monkeypatch.setattr(referee, "APPROXIMATE", none)  # in balls, too
    frame = rows("torch.reverse")
    assert not is_clean(frame[frame["mutant"] != "right"]) or (frame["result"] == "below").any()
    assert (frame[frame["mutant"] == "scaled by 1 + 1e-5"]["result"] != "caught").all()


def test_a_judge_that_is_too_strict_accuses(rows, monkeypatch):
    monkeypatch.setattr(matter, "SPACINGS", 0.0)
    monkeypatch.setattr(matter, "NOISE", 0.0)
    monkeypatch.setattr(matter, "SPREAD", 0.0)
    frame = rows("torch.reverse")
    assert (frame[frame["mutant"] == "right"]["result"] == "accused").any()


def test_a_mistake_that_changes_nothing_is_set_aside(rows):
    @xgrad.case(wrt="x", operators=("hessian",))
    def square(xp, x):
        return xp.sum(x * x)

    square.point("here")(lambda: {"x": np.array([1.0, 2.0])})
    plan = make_plan([square], Selection(methods=("torch.reverse",), dtypes=("float64",)))
    frame = audit_frame(row for cell in plan.cells for row in audit_cell(square, cell))
    turned = frame[frame["mutant"] == "layout by columns"]
    assert list(turned["result"]) == ["equal"]  # the Hessian is symmetric


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_each_mistake_changes_the_result_and_is_the_same_each_time(mutant):
    setting = Setting.make(residual, "small", "random", "float64", 3)
    right = np.random.default_rng(0).normal(size=20)
    first, again = (plant(mutant, right, OPERATORS["gradient"], setting) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, right)


def test_one_operation_of_the_recorded_graph_is_cut():
    setting = Setting.make(residual, "small", "random", "float64", 0)
    whole, count = detached(-1, setting)
    assert count >= 3
    assert any(not np.allclose(detached(k, setting)[0], whole) for k in range(count))


def test_every_mistake_inside_has_operations_of_its_own():
    assert len({s.name for s in SPOILINGS}) == len(SPOILINGS) == 3


def test_the_summary_counts_by_kind_and_operator(rows):
    tables = summarise(rows())
    assert {"mistakes by kind", "mistakes by operator", "right results"} <= set(tables)
    assert tables["mistakes by kind"]["named by the hint, %"].max() == 100


def test_the_command_audits_a_file_and_says_what_it_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(
        "import xgrad\n"
        "@xgrad.case(wrt='x')\n"
        "def f(xp, x):\n    return xp.sum(x * x * x)\n"
        "@f.inputs\ndef draw(rng):\n    return {'x': rng.normal(size=3)}\n"
        "@f.formula('gradient')\ndef g(xp, x):\n    return 3 * x * x\n"
    )
    done = CliRunner().invoke(main, ["audit", "my.py", "--seeds", "1", "--workers", "0"])
    assert done.exit_code == 0, done.output
    assert "0 missed" in done.output
    assert "0 accused" in done.output


def test_a_case_that_fails_is_no_success(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(
        "import xgrad\n@xgrad.case(wrt='x')\ndef f(xp, x):\n    return x\n"
    )
    done = CliRunner().invoke(main, ["audit", "my.py", "--seeds", "1", "--workers", "0"])
    assert done.exit_code == 1


def test_a_kink_is_set_aside_and_a_known_difference_is_no_accusation():
    @xgrad.case(wrt="x", operators=("gradient",))
    def corner(xp, x):
        return xp.sum(xp.abs(x))

    corner.point("zero")(lambda: {"x": np.zeros(2)})
    plan = make_plan([corner], Selection(methods=("torch.reverse",), dtypes=("float64",)))
    frame = audit_frame(row for cell in plan.cells for row in audit_cell(corner, cell))
    assert list(frame["result"]) == ["set aside"]
    assert is_clean(frame)
    residual.formula("gradient", name="half", default=False)(
        lambda xp, A, b, x: tuple(g / 2 for g in gradient(xp, A, b, x))
    )
    for known, clean in ((False, False), (True, True)):
        if known:
            residual.known("numpy.formula:half", "half of it by design")
        plan = make_plan([residual], Selection(methods=("numpy.formula:half",)))
        frame = audit_frame(row for cell in plan.cells for row in audit_cell(residual, cell))
        assert is_clean(frame) == clean
    residual.formulas.pop()
    residual.knowns.clear()

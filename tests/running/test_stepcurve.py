"""Step curves of a run: saved when asked for, drawn on case pages, joined with shards."""

import json

import numpy as np
import pandas as pd
import pytest
import saved_runs as saved
from click.testing import CliRunner

import xgrad
from xgrad.cli import main
from xgrad.problem import OPERATORS, Setting
from xgrad.running import RunFolder, curves, merge

CASES = """
    import numpy as np
    import xgrad

    @xgrad.case(wrt="x", operators=("gradient",))
    def waves(xp, x):
        return xp.sum(xp.sin(x))

    @waves.inputs
    def draw(rng):
        return {"x": np.array([1.5, 0.25, 1.0])}

    @xgrad.case(wrt="S", operators=("gradient",))
    def bound(xp, S):
        return xp.sum(S * S)

    @bound.inputs
    def symmetric(rng):
        return {"S": np.array([[1.0, 0.5], [0.5, 2.0]])}

    @bound.direction
    def legal(rng, S):
        return np.eye(2)
"""


@pytest.fixture
def run(write, tmp_path):
    """Judge the cases with their curves; returns the folder."""
    file = write("curved.py", CASES)

    def ran(name, *more):
        words = ["run", str(file), "--method", "numpy.complex*", "--workers", "0", *more]
        done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        return tmp_path / name

    return ran


def test_curves_are_saved_when_asked_for_and_of_cases_that_have_one(run):
    assert not (run("plain") / "curves.parquet").exists()
    found = pd.read_parquet(run("curved", "--curves") / "curves.parquet")
    assert set(found["case"]) == {"waves"}  # the other one's directions are constrained
    assert set(found["element"]) == {"x[1]"}  # cos 0.25 is the largest
    assert set(found["precision"]) == set(curves.PRECISIONS)
    assert found["truth"].iloc[0] == pytest.approx(np.cos(0.25), rel=1e-15)


def test_a_curve_has_the_error_of_the_difference_and_its_rounding(run):
    found = pd.read_parquet(run("curved", "--curves") / "curves.parquet")
    exact = found[found["precision"] == "256 bits"]
    small = exact[exact["step"] < 1e-2]
    np.testing.assert_allclose(small["relative_error"], small["step"] ** 2 / 6, rtol=1e-3)
    short = found[(found["precision"] == "float32") & (found["step"] < 2e-5)]
    assert short["relative_error"].min() > 1e-4


def test_a_function_that_fails_has_no_curve_and_costs_nothing(write, tmp_path):
    file = write(
        "bad.py",
        """
        import xgrad

        @xgrad.case(wrt="x", operators=("gradient",))
        def picky(xp, x):
            if float(abs(x.reshape(-1)[0] - 2.0)) > 0:
                raise ValueError("only at 2")
            return xp.sum(x * x)

        @picky.inputs
        def draw(rng):
            import numpy as np
            return {"x": np.full(2, 2.0)}

        @picky.formula("gradient")
        def double(xp, x):
            return 2 * x
        """,
    )
    words = ["run", str(file), "--method", "numpy.formula", "--workers", "0", "--curves"]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "out")])
    assert "Traceback" not in done.output
    assert (tmp_path / "out" / "rows.parquet").exists()
    assert pd.read_parquet(tmp_path / "out" / "curves.parquet").empty


def test_the_page_of_a_case_draws_the_saved_numbers(run, tmp_path):
    folder = run("curved", "--curves")
    found = CliRunner().invoke(main, ["publish", str(folder), "--to", str(tmp_path / "site")])
    assert found.exit_code == 0, found.output
    (page,) = (tmp_path / "site").glob("runs/*/cases/waves.html")
    text = page.read_text()
    rows = pd.read_parquet(folder / "curves.parquet")
    for row in rows[rows["relative_error"] > 0].to_dict("records"):
        at, told = f"h = {row['step']:.1e}", f"{row['precision']}: {row['relative_error']:.2e}"
        assert any(part.startswith(at) and told in part for part in text.split("<title>"))
    (other,) = (tmp_path / "site").glob("runs/*/cases/bound.html")
    assert 'id="curve"' not in other.read_text()
    (data,) = (tmp_path / "site").glob("runs/*/data/curves.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(data), rows)


def test_a_curve_without_any_error_is_not_drawn(run, tmp_path):
    folder = run("exact", "--curves")
    file = folder / "curves.parquet"
    pd.read_parquet(file).assign(relative_error=0.0).to_parquet(file)
    found = CliRunner().invoke(main, ["publish", str(folder), "--to", str(tmp_path / "site")])
    assert found.exit_code == 0, found.output
    (page,) = (tmp_path / "site").glob("runs/*/cases/waves.html")
    assert 'id="curve"' not in page.read_text()


def test_a_torn_curve_file_is_named(tmp_path):
    folder = saved.save(tmp_path / "r", [saved.row()])
    (folder / "curves.parquet").write_text("{torn")
    found = CliRunner().invoke(main, ["publish", str(folder), "--to", str(tmp_path / "site")])
    assert found.exit_code == 2
    assert "curves.parquet cannot be read" in found.output


def test_merged_runs_keep_what_pages_tell_of_the_cases_and_their_curves(run, tmp_path):
    parts = [run(str(k), "--curves", "--shard", f"{k}/2") for k in (1, 2)]
    merge(parts, RunFolder(tmp_path / "whole", resume=False))
    told = json.loads((tmp_path / "whole" / "cases.json").read_text())
    assert {c["name"] for c in told["cases"]} == {"waves", "bound"}
    assert all(c["code"] for c in told["cases"])
    joined = pd.read_parquet(tmp_path / "whole" / "curves.parquet")
    pd.testing.assert_frame_equal(
        joined, pd.read_parquet(run("whole-run", "--curves") / "curves.parquet")
    )


def test_there_is_no_curve_of_second_order():
    (case,) = xgrad.load_cases("rosenbrock")
    setting = Setting.make(case, "small", "random", "float64", 0)
    assert curves.has_curve(setting, OPERATORS["gradient"])
    assert not curves.has_curve(setting, OPERATORS["hessian"])

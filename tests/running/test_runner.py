"""A run: what is planned, done in workers, lost in a crash, stored and resumed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from case_files import CUBES, TWO_CASES

import xgrad
from xgrad.errors import Unavailable, UsageError
from xgrad.frameworks import frameworks
from xgrad.problem import find_cases
from xgrad.running import RunFolder, Selection, describe_machine, make_plan, matches, run_cells
from xgrad.running.planning import to_seeds
from xgrad.running.storage import CELLS
from xgrad.table import make_frame, records
from xgrad.telling import failure_text, method_of

QUICK = {"devices": ("cpu",), "methods": ("numpy.formul*", "numpy.complex*")}


@pytest.fixture
def file(write):
    """A file of two cases."""
    return write("cases/two.py", TWO_CASES)


def plan_of(file, **chosen):
    return make_plan(find_cases([file]), Selection(**{**QUICK, **chosen}))


# --- planning -------------------------------------------------------------------------------------


def test_methods_of_one_framework_load_no_other(file):
    code = f"""if True:
        import sys, xgrad
        rows = xgrad.run({str(file)!r}, methods=("numpy.formul*",))
        assert len(rows) and not {{"torch", "jax"}} & set(sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_cell_for_each_case_size_point_dtype_and_seed(file):
    plan = plan_of(file, sizes=("small", "medium"), seeds=(0, 1))
    cubes = [c for c in plan.cells if c.case == "cubes"]
    assert len(cubes) == 2 * (2 * 2 + 1)  # dtypes × (sizes × seeds + the fixed point)
    assert len({c.key for c in plan.cells}) == len(plan.cells)
    assert {c.size for c in plan.cells if c.case == "total"} == {"small"}


def test_without_a_choice_the_smallest_size_runs(file):
    assert {c.size for c in plan_of(file).cells} == {"small"}


EXPRESSIONS = {
    "cubes": {"cubes"},
    "CUBES": {"cubes"},
    "cubes or total": {"cubes", "total"},
    "not cubes": {"total"},
    "two": {"cubes", "total"},
    "two and not (cubes or nothing)": {"total"},
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_select_by_name_and_file(file, monkeypatch, expression):
    monkeypatch.chdir(file.parent)
    plan = plan_of(file, expression=expression)
    assert {c.case for c in plan.cells} == EXPRESSIONS[expression]


def test_expressions_do_not_see_the_folders_above(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    (case, *_) = find_cases([file])
    assert not matches(file.parent.parent.name.replace("-", "_"), case)


def test_operators_that_a_case_does_not_list_are_left_out_unless_it_is_alone(file):
    both = plan_of(file, operators=("hessian",))
    assert {c.case: c.operators for c in both.cells} == {"cubes": (), "total": ("hessian",)}
    alone = plan_of(file, operators=("jacobian",), expression="cubes")
    assert {c.operators for c in alone.cells} == {("jacobian",)}


def test_two_cases_of_one_name_cannot_be_told_apart(file, write):
    other = write("cases/more.py", TWO_CASES)
    with pytest.raises(UsageError, match=r"two cases are called 'cubes': .*two\.py::cubes and "):
        make_plan(find_cases([file, other]), Selection(**QUICK))


@pytest.mark.parametrize("given", [3, "3", [3], ("3",), range(3, 4)])
def test_seeds_are_numbers_or_texts(given):
    assert to_seeds(given) == (3,)


@pytest.mark.parametrize("given", ["abc", -1, 1.5, ["0", "x"], True])
def test_what_is_no_seed_is_named(given):
    with pytest.raises(UsageError, match="a seed is a whole number, 0 or more"):
        to_seeds(given)


# --- rows -----------------------------------------------------------------------------------------


def test_rows_come_in_the_order_of_the_plan_from_workers_too(file):
    here = xgrad.run(file, seed=(0, 1), workers=0, **QUICK)
    there = xgrad.run(file, seed=(0, 1), workers=2, **QUICK)
    pd.testing.assert_frame_equal(here, there)
    order = [(c.case, c.point, c.dtype, c.seed) for c in plan_of(file, seeds=(0, 1)).cells]
    columns = ["case", "point", "dtype", "seed"]
    assert list(dict.fromkeys(here[columns].itertuples(index=False, name=None))) == order


def test_progress_is_told_cell_by_cell(file):
    told = []
    xgrad.run(file, progress=lambda *args: told.append(args), **QUICK)
    assert told[0] == (1, 6, "cubes")
    assert told[-1] == (6, 6, "total")


def test_a_case_without_a_file_runs_in_this_process():
    made = {}
    exec("def cubes(xp, x):\n    return xp.sum(x * x * x)", made)
    case = xgrad.case(made["cubes"], wrt="x", name="cubes")
    case.inputs(lambda rng: {"x": rng.normal(size=2)})
    frame = xgrad.run(case, workers=2, **QUICK)
    assert set(frame["verdict"]) == {"agrees"}


CRASH = """
    import os
    import numpy as np
    import xgrad


    def make(name, function):
        case = xgrad.case(function, wrt="x", name=name)
        case.inputs(lambda rng: {"x": rng.normal(size=2)})
        case.formula("gradient")(lambda xp, x: 2 * x)
        return case


    before = make("before", lambda xp, x: xp.sum(x * x))
    dies = make("dies", lambda xp, x: os._exit(3))
    after = make("after", lambda xp, x: xp.sum(x * x))
"""


def test_a_worker_that_dies_costs_its_own_rows_only(write):
    frame = xgrad.run(write("crash.py", CRASH), workers=2, dtypes=("float64",), **QUICK)
    rows = {r["case"]: r for r in records(frame)}
    assert list(rows) == ["before", "dies", "after"]
    assert (rows["dies"]["status"], rows["dies"]["verdict"]) == ("crashed", "")
    assert "ended without a word" in rows["dies"]["message"]
    assert rows["before"]["verdict"] == rows["after"]["verdict"] == "agrees"


def test_a_file_that_loads_in_no_worker_is_told(write):
    text = "import multiprocessing\nassert multiprocessing.parent_process() is None, 'not here'\n"
    path = write("picky.py", text + TWO_CASES.replace("\n    ", "\n"))
    frame = xgrad.run(path, workers=1, dtypes=("float64",), **QUICK)
    assert set(frame["status"]) == {"error"}
    assert all("does not load in a worker process: AssertionError: not here" in m
               for m in frame["message"])  # fmt: skip


# --- what is missing here -------------------------------------------------------------------------


def test_a_missing_framework_has_rows_with_the_line_to_type(file, monkeypatch):
    def missing():
        raise Unavailable("torch is not installed: pip install 'xgrad[torch]'")

    monkeypatch.setattr(frameworks()["torch"], "require", missing)
    frame = xgrad.run(file, dtypes=("float64",), methods=("torch.*", "numpy.complex*"))
    rows = records(frame)
    torch = [r for r in rows if r["framework"] == "torch"]
    assert {(r["status"], r["message"]) for r in torch} == {
        ("unavailable", "torch is not installed: pip install 'xgrad[torch]'")
    }
    assert {r["verdict"] for r in rows if r["framework"] == "numpy"} == {"agrees"}
    assert describe_machine()["frameworks"]["torch"]["devices"] == []


def test_a_missing_device_has_rows_with_what_is_there(file):
    frame = xgrad.run(file, dtypes=("float64",), devices=("cuda:99",))
    assert set(frame["status"]) == {"unavailable"}
    assert "numpy" not in set(frame["framework"])
    assert any("sees no device 'cuda:99' here; it sees: cpu" in m for m in frame["message"])


def test_importing_xgrad_loads_no_heavy_library():
    code = "import sys, xgrad; print({'torch', 'jax', 'pandas', 'matplotlib'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(Path(xgrad.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "set()"


# --- the folder of a run --------------------------------------------------------------------------


def saved(plan, folder, cells):
    """Do and store some cells."""
    for ended in run_cells(plan, cells, workers=0):
        folder.add(ended.cell, ended.rows)


def all_rows(plan, folder):
    found = folder.finished()
    return make_frame(row for cell in plan.cells for row in found[cell.key])


def test_what_was_done_before_is_kept_and_the_rest_equals_an_undisturbed_run(file, tmp_path):
    plan = plan_of(file)
    first = RunFolder(tmp_path / "out", resume=False)
    saved(plan, first, plan.cells[:2])
    first.release()
    again = RunFolder(tmp_path / "out", resume=True)
    assert set(again.finished()) == {c.key for c in plan.cells[:2]}
    saved(plan, again, plan.cells[2:])
    whole = RunFolder(tmp_path / "whole", resume=False)
    saved(plan, whole, plan.cells)
    pd.testing.assert_frame_equal(all_rows(plan, again), all_rows(plan, whole))


def test_a_torn_last_line_is_done_again_and_spoils_no_other(file, tmp_path):
    plan = plan_of(file)
    folder = RunFolder(tmp_path, resume=False)
    saved(plan, folder, plan.cells[:3])
    folder.release()
    lines = (tmp_path / CELLS).read_text()
    (tmp_path / CELLS).write_text(lines[: len(lines) - 40])
    again = RunFolder(tmp_path, resume=True)
    assert set(again.finished()) == {c.key for c in plan.cells[:2]}
    saved(plan, again, plan.cells[2:])
    again.release()
    assert set(RunFolder(tmp_path, resume=True).finished()) == {c.key for c in plan.cells}


def test_a_changed_file_is_judged_again(file, write):
    before = {c.key for c in plan_of(file).cells}
    assert {c.key for c in plan_of(file).cells} == before
    write("cases/two.py", TWO_CASES.replace("3 * x * x", "4 * x * x"))
    os.utime(file, ns=(1, 1))
    assert not before & {c.key for c in plan_of(file).cells}


def test_records_of_the_folder_are_plain_json(file, tmp_path):
    plan = plan_of(file, dtypes=("float64",), expression="total")
    saved(plan, RunFolder(tmp_path, resume=False), plan.cells)
    (line,) = (tmp_path / CELLS).read_text().splitlines()
    record = json.loads(line)
    assert json.loads(record["cell"])["case"] == "total"
    assert record["rows"][0]["verdict"] == "agrees"


# --- messages about failures ----------------------------------------------------------------------

WRONG = CUBES.replace("return 3 * x * x", "return xp.concat([x[:1], 3 * x[1:] * x[1:]])")


def test_a_failure_is_told_in_a_few_lines_with_the_worst_element_first(write):
    path = write("wrong.py", WRONG)
    methods = ("numpy.*", "torch.formula", "torch.reverse")
    options = {**QUICK, "methods": methods, "dtypes": ("float64",), "operators": ("gradient",)}
    rows = records(xgrad.run(f"{path}::cubes", **options))
    row = next(r for r in rows if method_of(r) == "numpy.formula" and r["point"] == "random")
    lines = failure_text(row, rows, "wrong.py::cubes").splitlines()
    assert lines[0] == "cubes gradient, numpy.formula float64 cpu: disagrees"
    assert lines[1].startswith("  worst x[0]: got ")
    assert "  looks like: one element" in lines
    assert any(line.startswith("  agree with the referee (definition): ") for line in lines)
    assert any(line.startswith("  disagree as well: torch.formula") for line in lines)
    assert lines[-1] == (
        "  reproduce: xgrad explain wrong.py::cubes gradient numpy.formula --dtype float64"
    )
    assert len(lines) < 20


def test_numbers_that_look_alike_are_told_apart():
    row = {"framework": "torch", "technique": "reverse", "verdict": "disagrees", "worst": "x[0]",
           "got": 1.0000000001, "want": 1.0, "tolerance": 1e-15, "error": 1e-10}  # fmt: skip
    text = failure_text(records(make_frame([row]))[0], (), "")
    assert "got 1.000000000100e+00, want 1.000000000000e+00" in text

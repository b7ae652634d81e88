"""`[tool.xgrad]` in pyproject.toml: what a project says once, the command line and pytest read."""

import pytest
from case_files import CUBES
from click.testing import CliRunner

from xgrad.cli import main
from xgrad.table import read_frame, records

SETTINGS = """
    [tool.xgrad]
    cases = ["maths"]
    dtypes = "float64"
    methods = ["numpy.formula*", "torch.reverse"]
    devices = ["cpu"]
    results = "measured"
"""
KNOWN = """
    [[tool.xgrad.known]]
    case = "cub*"
    method = "numpy.formula:half"
    reason = "the half is added by the optimiser"
"""
WRONG = """
    cubes.formula("gradient", name="half", default={half})(lambda xp, x: 1.5 * x * x)
    cubes.formula("gradient", name="third", default={third})(lambda xp, x: x * x)
"""


@pytest.fixture
def project(write):
    """A project with one case, whose wrong formulas are asked for or not; returns its settings."""

    def make(settings=SETTINGS, half=False, third=False):
        write("maths/cubes.py", CUBES + WRONG.format(half=half, third=third))
        return write("pyproject.toml", settings)

    return make


def rows_in(folder):
    (run,) = folder.iterdir()
    return records(read_frame(run))


def test_what_the_project_says_is_what_a_run_does(project, call, tmp_path):
    project()
    done = call("run", "--workers", "0")
    assert done.exit_code == 0, done.output
    rows = rows_in(tmp_path / "measured")
    assert {(r["case"], r["dtype"], f"{r['framework']}.{r['technique']}") for r in rows} == {
        ("cubes", "float64", "numpy.formula"), ("cubes", "float64", "torch.reverse"),
    }  # fmt: skip


def test_a_folder_below_and_words_of_the_call_go_first(project, call, tmp_path, monkeypatch):
    project()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    words = [
        "run",
        "--dtype",
        "float32",
        "--method",
        "numpy.formula",
        "--workers",
        "0",
        "--out",
        "here",
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    rows = records(read_frame(tmp_path / "deep" / "er" / "here"))
    assert {(r["case"], r["dtype"], r["technique"]) for r in rows} == {
        ("cubes", "float32", "formula")
    }


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_known_difference_is_told_and_no_failure_and_its_neighbour_fails(
    project, call, tmp_path, workers
):
    project(SETTINGS + KNOWN, half=True)
    done = call("run", "--workers", workers)
    assert done.exit_code == 0, done.output
    rows = [r for r in rows_in(tmp_path / "measured") if r["technique"] == "formula:half"]
    assert {r["verdict"] for r in rows} == {"disagrees"}
    assert all(r["message"].startswith("known: the half is added by the optimiser") for r in rows)
    project(SETTINGS + KNOWN, half=True, third=True)
    assert call("run", "--workers", workers).exit_code == 1


def test_rows_of_before_a_difference_was_known_are_made_anew(project, call):
    project(half=True)
    assert call("run", "--workers", "0", "--out", "out").exit_code == 1
    project(SETTINGS + KNOWN, half=True)
    assert call("run", "--workers", "0", "--out", "out", "--resume").exit_code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [("dtype = 'float64'", "did you mean 'dtypes'"), ("dtypes = 64", "a name or a list of names"),
     ("results = ['a']", "results in [tool.xgrad] is a folder"),
     ("known = [{method = 'torch.*'}]", "the reason"),
     ("known = [{method = 'a', reason = 'b', methods = 'c'}]", "did you mean 'method'"),
     ("dtypes = ['float46']", "did you mean 'float64'"), ("cases = ['nowhere']", "nowhere")],
)  # fmt: skip
def test_what_is_not_understood_is_told_with_the_remedy(project, call, line, said):
    project(f"[tool.xgrad]\n{line}\n")
    done = call("run", "--workers", "0")
    assert done.exit_code == 2
    assert said in done.stderr


def test_other_projects_and_other_tables_are_nobody_s_business(project, call, tmp_path):
    project("[project]\nname = 'a'\n")
    words = ("maths", "--method", "numpy.formula", "--dtype", "float64", "--workers", "0")
    assert call("run", *words).exit_code == 0
    assert rows_in(tmp_path / "results" / "runs")
    project("not [ toml")
    assert call("run", *words).exit_code == 0

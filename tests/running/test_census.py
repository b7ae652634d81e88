"""The census: the cells of every operation of a framework, from planning to the command."""

import csv
import importlib.util
import shlex
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from xgrad import running
from xgrad.cli import main
from xgrad.running import Selection, make_census
from xgrad.telling import reproduction


@pytest.fixture(scope="module")
def census_of_jax():
    """The file of its functions and their inputs."""
    path = Path(__file__).parents[2] / "cases" / "census" / "jax_functions.py"
    spec = importlib.util.spec_from_file_location("census_of_jax", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def planned(expression, **chosen):
    return make_census("torch", Selection.of(0, expression, **chosen)).cells


def test_each_mode_is_asked_for_what_it_is_for():
    cells = planned("sinh or hypot", dtypes=("float64",))
    asked = {(c.operators, c.methods) for c in cells}
    assert asked == {(("vjp",), ("torch.reverse",)), (("jvp",), ("torch.forward",)),
                     (("weighted_hvp",), ("torch.reverse",))}  # fmt: skip
    assert {c.case for c in cells} >= {"torch.sinh", "torch.asinh", "torch.hypot"}
    assert all(map(running.workers_can_load, cells[:3]))


def test_complex_samples_are_planned_in_dtypes_that_have_complex_numbers():
    cells = planned("sinh", dtypes=("float64", "bfloat16"))
    points = {(c.point.partition(" ")[0], c.dtype) for c in cells}
    assert ("complex", "float64") in points
    assert ("sample", "bfloat16") in points
    assert ("complex", "bfloat16") not in points


def test_what_is_named_is_what_is_asked():
    cells = planned("sinh", dtypes=("float32",), operators=("jacobian",))
    assert {(c.operators, c.methods) for c in cells} == {(("jacobian",), ("torch.*",))}


def test_the_command_counts_operations_by_their_worst_sample(tmp_path):
    words = ["census", "torch", "-k", "special_log_ndtr or (square and not square_)", "--dtype",
             "float64", "--workers", "0", "--out", str(tmp_path / "census")]  # fmt: skip
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    (line,) = (text for text in done.output.splitlines() if text.startswith("vjp by reverse"))
    assert line.split()[3:] == ["float64", *line.split()[4:]]
    seconds = pd.read_parquet(tmp_path / "census" / "rows.parquet")["seconds"]
    assert (seconds > 0).all()
    assert seconds.sum() < 60


def test_the_table_of_inputs_can_be_made_anew(census_of_jax):
    """As after a new version of JAX: by what a function says of itself, or the first that fit."""
    listed = {f"{m}.{n}": (m, n, f) for m, n, f in census_of_jax.functions()}
    with census_of_jax.TABLE.open(newline="") as file, census_of_jax.jax.enable_x64(True):
        for row in csv.DictReader(file):
            if row["function"] in ("jax.numpy.hypot", "jax.scipy.stats.binom.pmf"):
                found = census_of_jax.fitting(*listed[row["function"]])
                assert found == int(row["inputs"])
                points = census_of_jax.samples(*listed[row["function"]], found)
                assert list(points) == row["points"].split("; ")


def test_an_unknown_framework_is_told():
    done = CliRunner().invoke(main, ["census", "numpy"])
    assert done.exit_code == 2
    assert "numpy" in done.output


def test_the_command_that_a_row_names_shows_it_again(tmp_path):
    plan = make_census("torch", Selection.of(0, "hypot", dtypes=("float64",), operators=("jvp",)))
    cell = next(c for c in plan.cells if c.case == "torch.hypot" and c.point == "sample 2")
    row = {**cell.place, "operator": "jvp", "framework": "torch", "technique": "forward"}
    words = shlex.split(reproduction(row, plan.identifier("torch.hypot")))
    assert words[:2] == ["xgrad", "explain"]
    done = CliRunner().invoke(main, [*words[1:], "--picture", str(tmp_path / "curve.png")])
    assert done.exit_code == 0, done.output
    assert "at sample 2: agrees" in done.output


def test_a_dtype_that_the_library_declines_is_not_asked():
    cells = make_census("jax", Selection.of(0, "ndtri or erfinv", dtypes=("float32", "float16")))
    asked = {(c.case.rpartition(".")[2], c.dtype) for c in cells.cells}
    assert asked >= {("ndtri", "float32"), ("erfinv", "float16")}
    assert ("ndtri", "float16") not in asked

"""`xgrad time`: what it prints and where, what it leaves, what it compares, its exit status."""

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner

from xgrad.cli import main
from xgrad.errors import UsageError
from xgrad.running.storage import CELLS
from xgrad.telling import timings as report
from xgrad.timing import comparison, table

FILE = '''
"""Σx³ at three sizes, printing as it goes, with a formula that is wrong; a function that kills."""
import os
import xgrad

SIZES = {"small": {"n": 10}, "medium": {"n": 1_000}, "large": {"n": 100_000}}


@xgrad.case(wrt="x", sizes=SIZES, operators=("gradient",))
def cubes(xp, x):
    print("this is no data")
    return xp.sum(x * x * x)


cubes.inputs(lambda rng, n: {"x": rng.normal(size=n)})
cubes.formula("gradient")(lambda xp, x: 3 * x * x)
cubes.formula("gradient", name="wrong", default=False)(lambda xp, x: 2 * x * x)


@xgrad.case(wrt="x", operators=("gradient",))
def deadly(xp, x):
    os._exit(3)


deadly.inputs(lambda rng: {"x": rng.normal(size=2)})
deadly.formula("gradient")(lambda xp, x: os._exit(3))
'''
RIGHT = ("--method", "numpy.formula", "--dtype", "float64", "--device", "cpu", "--limit", "0.3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a case file, and a finished run of three sizes in `out`."""
    path = tmp_path_factory.mktemp("timed")
    (path / "cubes.py").write_text(FILE)
    done = CliRunner().invoke(main, ["time", f"{path}/cubes.py::cubes", *RIGHT, "--size",
                                     "small,medium,large", "--out", f"{path}/out"])  # fmt: skip
    assert done.exit_code == 0, done.output
    (path / "stdout").write_text(done.stdout)
    (path / "stderr").write_text(done.stderr)
    return path


@pytest.fixture
def again(folder):
    """The same call on the finished run: nothing is measured, the rows are printed."""

    def invoke(*options):
        sizes = ("--size", "small,medium,large")
        where = ("--out", f"{folder}/out", "--resume")
        case = f"{folder}/cubes.py::cubes"
        return CliRunner().invoke(main, ["time", case, *RIGHT, *sizes, *where, *options])

    return invoke


# --- a run ----------------------------------------------------------------------------------------


def test_a_table_for_each_size_then_the_ladder_then_where_it_ran(folder):
    lines = (folder / "stdout").read_text().splitlines()
    titles = [line.strip() for line in lines if line.startswith("float64 on cpu")]
    assert titles == [f"float64 on cpu, size {s}, 1 thread" for s in ("small", "medium", "large")]
    header = next(line for line in lines if line.startswith("case "))
    for name in ("inputs", "method", "first call", "derivative", "±", "value", "÷ value", "memory"):
        assert name in header
    (row,) = (line for line in lines if line.startswith("cubes") and " 1,000 " in line)
    assert " s" in row or "µs" in row or "ms" in row
    fitted = next(line for line in lines if "10 to 100,000" in line)
    assert float(fitted.split()[-3]) == pytest.approx(0.5, abs=0.5)
    assert "3 rows: 3 timed" in lines
    assert any("1 thread" in line and "numpy " in line for line in lines)
    assert "this is no data" not in "".join(lines)


def test_progress_goes_to_standard_error(folder):
    lines = (folder / "stderr").read_text().splitlines()
    assert any(line.split(",")[0] == "3 cells" for line in lines)  # and how long, where known
    assert any(line.startswith("3 of 3 cells: cubes large float64 cpu") for line in lines)


def test_a_run_leaves_rows_environment_and_cells(folder):
    out = folder / "out"
    names = sorted(p.name for p in out.iterdir())
    assert names == [CELLS, "environment.json", "rows.csv", "rows.parquet"]
    frame, about = table.read_timings(out)
    assert list(frame.columns) == [c.name for c in table.TIMING_COLUMNS]
    assert about["frameworks"]["torch"]["flags"]["threads"] == "1"
    assert about["threads"] == 1
    assert len(table.read_samples(frame.iloc[0])) == frame["repeats"].iloc[0]


@pytest.mark.parametrize("style", ["csv", "json", "markdown"])
def test_standard_output_is_pure_data(again, style):
    done = again("--format", style)
    assert done.exit_code == 0
    rows = {
        "csv": lambda text: list(csv.DictReader(io.StringIO(text))),
        "json": json.loads,
        "markdown": lambda text: text.splitlines()[2:],
    }[style](done.stdout)
    assert len(rows) == 3
    assert "3 of 3 cells are there" in done.stderr
    assert "3 rows: 3 timed" in done.stderr


def test_resuming_a_finished_run_measures_nothing_and_keeps_where_it_ran(again, folder):
    before = table.read_timings(folder / "out")
    assert again().exit_code == 0
    after = table.read_timings(folder / "out")
    assert after[0].equals(before[0])
    assert after[1] == before[1]


def test_wrong_methods_are_told_and_a_lost_process_costs_its_own_cell(folder):
    done = CliRunner().invoke(main, ["time", f"{folder}/cubes.py", "--method", "numpy.formula*",
                                     *RIGHT[2:], "--method", "numpy.formula:wrong",
                                     "--out", f"{folder}/wrong"])  # fmt: skip
    assert done.exit_code == 1
    wrong = next(line for line in done.stdout.splitlines() if "numpy.formula:wrong  " in line)
    assert wrong.split()[-1] == "disagrees"
    assert "cubes gradient, numpy.formula:wrong float64: disagrees" in done.stdout
    frame, _ = table.read_timings(folder / "wrong")
    found = {(r.case, r.technique): r.status for r in frame.itertuples()}
    assert found == {
        ("cubes", "formula"): "ok",
        ("cubes", "formula:wrong"): "ok",
        ("deadly", ""): "crashed",
    }


# --- wrong calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--threads", "10000"], "10000 threads: this process may use 1 to"),
        (["--resume"], "--resume needs the folder to go on in"),
        (["--size", "enormous"], "unknown size 'enormous'"),
        (["--method", "torch.revers"], "did you mean 'torch.reverse'"),
        (["--compare", "nowhere", "here"], "no saved timings in nowhere"),
        (["tsne_kl", "--compare", "a", "b"], "--compare takes two saved runs, and no PATH"),
        (["no_such_case"], "unknown path or case 'no_such_case'"),
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(call, arguments, said):
    result = call("time", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_an_agreement_run_is_no_timing_run(call, tmp_path):
    from xgrad.running import ENVIRONMENT
    from xgrad.table import make_frame, write_frame

    write_frame(make_frame([]), tmp_path)
    (tmp_path / ENVIRONMENT).write_text("{}")
    result = call("time", "--compare", tmp_path, tmp_path)
    assert result.exit_code == 2
    assert "holds an agreement run" in result.stderr


# --- two runs -------------------------------------------------------------------------------------

ABOUT = {"processor": "Z80", "system": "CP/M", "cores": 1, "threads": 1, "python": "3.11",
         "commit": "abc", "versions": {"torch": "2.13.0"}}  # fmt: skip
METHODS = [f"{f}.{t}" for f in ("torch", "jax") for t in ("reverse", "forward", "formula")]


@pytest.fixture
def save(tmp_path):
    """Save a run of six methods whose times are drawn around 1 ms, changed by factors."""

    def make(name, seed, spread=0.02, about=ABOUT, lost=(), **factors):
        rng = np.random.default_rng(seed)
        rows = []
        for method in METHODS:
            framework, technique = method.split(".")
            samples = 1e-3 * factors.get(technique, 1.0) * rng.lognormal(0, spread, 16)
            low, middle, high = np.percentile(samples, (25, 50, 75))
            row = {"case": "c", "operator": "gradient", "framework": framework, "device": "cpu",
                   "technique": technique, "dtype": "float64", "size": "small", "point": "random",
                   "status": "ok", "verdict": "agrees", "derivative": middle, "iqr": high - low,
                   "samples": json.dumps(list(samples)), "threads": 1}  # fmt: skip
            if method in lost:
                row |= {"derivative": float("nan"), "samples": "", "verdict": "disagrees"}
            rows.append(row)
        folder = tmp_path / name
        folder.mkdir()
        table.save_timings(table.timing_frame(rows), about, folder)
        return folder

    return make


def test_an_injected_slowdown_of_2_is_found_and_nobody_else_accused(call, save):
    result = call("time", "--compare", save("a", 1), save("b", 2, forward=2.0))
    assert result.exit_code == 1
    told = [line.split() for line in result.stdout.splitlines() if line.startswith("c ")]
    assert {(words[2], words[-1]) for words in told} == {
        ("torch.forward", "slower"),
        ("jax.forward", "slower"),
    }
    assert "6 rows: 2 slower, 4 unchanged" in result.stdout


@pytest.mark.parametrize("factor", [1.3, 1 / 1.3])
def test_a_change_of_30_percent_is_found_in_either_direction(save, factor):
    compared, _ = comparison.compare_timings(save("a", 1), save("b", 2, formula=factor))
    change = dict(zip(compared["technique"], compared["change"], strict=True))
    assert change["formula"] == ("slower" if factor > 1 else "faster")
    assert change["reverse"] == change["forward"] == ""


@pytest.mark.parametrize("spread", [0.01, 0.05, 0.3])
def test_between_equal_runs_nothing_changed_however_noisy(save, spread):
    for seed in range(10):
        runs = save(f"a{seed}", 2 * seed, spread), save(f"b{seed}", 2 * seed + 1, spread)
        compared, apart = comparison.compare_timings(*runs)
        assert set(compared["change"]) == {""}
        assert apart == []
        inside = (compared["ratio_low"] <= 1) & (compared["ratio_high"] >= 1)
        assert inside.mean() >= 0.5


def test_a_change_within_the_noise_is_none(save):
    compared, _ = comparison.compare_timings(save("a", 1, 0.4), save("b", 2, 0.4, reverse=1.15))
    assert set(compared["change"]) == {""}


def test_a_method_that_is_no_longer_right_is_told_and_is_a_failure(call, save):
    result = call("time", "--compare", save("a", 1), save("b", 2, lost=("jax.reverse",)))
    assert result.exit_code == 1
    assert "6 rows: 1 no longer timed, 5 unchanged" in result.stdout


def test_equal_runs_end_with_status_0_and_data_formats_are_pure(call, save):
    runs = save("a", 1), save("b", 2)
    assert call("time", "--compare", *runs).exit_code == 0
    result = call("time", "--compare", *runs, "--format", "json")
    assert len(json.loads(result.stdout)) == 6
    assert "6 rows: 6 unchanged" in result.stderr


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"processor": "6502"}, "processor Z80 and 6502"),
        ({"threads": 2}, "threads 1 and 2"),
    ],
)
def test_another_machine_or_other_threads_are_refused_unless_asked_for(call, save, other, said):
    runs = save("a", 1), save("b", 2, about=ABOUT | other)
    result = call("time", "--compare", *runs)
    assert result.exit_code == 2
    assert f"{said}: that would be what changed; --across" in result.stderr
    result = call("time", "--compare", *runs, "--across")
    assert result.exit_code == 0
    assert f"not alike: {said}" in result.stderr


def test_other_versions_are_labelled(call, save):
    other = ABOUT | {"versions": {"torch": "2.14.0"}, "commit": "def"}
    result = call("time", "--compare", save("a", 1), save("b", 2, about=other))
    assert result.exit_code == 0
    assert "not alike: torch 2.13.0 and 2.14.0" in result.stderr
    assert "not alike: commit abc and def" in result.stderr


def test_runs_without_a_common_row_are_refused(save):
    first, second = save("a", 1), save("b", 2)
    frame, about = table.read_timings(second)
    table.save_timings(frame.assign(case="d"), about, second)
    with pytest.raises(UsageError, match="have no row in common"):
        comparison.compare_timings(first, second)


# --- numbers as text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (13.65e-6, "13.7 µs"),
        (9.996e-4, "1.00 ms"),
        (0.99996, "1.00 s"),
        (1.5, "1.50 s"),
        (250.0, "250 s"),
        (3e-10, "0.30 ns"),
        (0.0, "0 s"),
        (float("nan"), ""),
    ],
)
def test_quantities_have_three_digits_and_a_unit_that_fits(value, text):
    assert report.quantity(value, "s") == text

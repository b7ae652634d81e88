"""The command line: what it prints and where, the files it leaves, and its exit status."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from case_files import TWO_CASES, UNSTABLE

import xgrad
from xgrad.cli import main
from xgrad.running.storage import CELLS
from xgrad.table import COLUMNS, read_frame

FILE = (
    TWO_CASES
    + """
    cubes.formula("gradient", name="wrong", default=False)(lambda xp, x: 2 * x * x)
"""
)
QUICK = ("--method", "numpy.formula,numpy.complex*,torch.reverse", "--device", "cpu",
         "--dtype", "float64", "--workers", "0")  # fmt: skip
WRONG = ("--method", "*.formula:wrong", "--device", "cpu", "--workers", "0")


@pytest.fixture
def run(write, call):
    """`xgrad run cases.py …` with few methods, into `out`."""
    write("cases.py", FILE)

    def invoke(*options):
        return call("run", "cases.py", *(options or QUICK), *(() if "--out" in options else OUT))

    return invoke


OUT = ("--out", "out")

# --- formats --------------------------------------------------------------------------------------


def rows_of_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def rows_of_markdown(text):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]]


FORMATS = {"csv": rows_of_csv, "json": json.loads, "markdown": rows_of_markdown}


@pytest.mark.parametrize("style", FORMATS)
def test_standard_output_is_pure_data_and_notes_go_to_standard_error(run, style):
    result = run(*QUICK, "--format", style)
    assert result.exit_code == 0
    rows = FORMATS[style](result.stdout)
    found = [(r["case"], r["framework"], r["technique"], r["verdict"]) for r in rows]
    assert ("cubes", "torch", "reverse", "agrees") in found
    assert len(rows) == 11
    assert result.stderr.startswith("3 cells, about ")
    assert "11 rows: 11 agree\n" in result.stderr
    assert "rows saved: out/rows.parquet (and .csv), " in result.stderr


def test_data_keep_every_digit(run, tmp_path):
    printed = json.loads(run(*QUICK, "--format", "json").stdout)
    saved = read_frame(tmp_path / "out")
    assert [r["want"] for r in printed] == pytest.approx(saved["want"].tolist(), rel=1e-14)
    assert list(printed[0]) == [c.name for c in COLUMNS]


def test_the_table_shows_digits_by_case_and_method(run):
    result = run(*QUICK)
    lines = result.stdout.splitlines()
    assert lines[0].rstrip() == "float64 on cpu, size small"
    assert any(line.split() == ["cubes", "gradient", "15.7", "15.7", "15.7"] for line in lines)
    assert "digits of agreement with the referee" in result.stdout
    assert "11 rows: 11 agree\n" in result.stdout
    assert "rows saved" in result.stdout


# --- what is left in the folder -------------------------------------------------------------------


def test_a_run_leaves_rows_environment_and_cells(run, tmp_path):
    run(*QUICK)
    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == [
        "cases.json",
        CELLS,
        "environment.json",
        "rows.csv",
        "rows.parquet",
    ]
    about = json.loads((out / "environment.json").read_text())
    assert about["versions"]["numpy"]
    assert about["frameworks"]["torch"]["devices"][0] == "cpu"
    assert [json.loads(line)["rows"][0]["case"] for line in (out / CELLS).read_text().splitlines()]
    assert pq.read_schema(out / "rows.parquet").field("error").metadata[b"unit"] == b"of the result"
    assert len(rows_of_csv((out / "rows.csv").read_text())) == len(read_frame(out)) == 11


def test_resume_does_what_is_missing_and_equals_an_undisturbed_run(run, tmp_path):
    run(*QUICK)
    cells = tmp_path / "out" / CELLS
    whole = read_frame(tmp_path / "out")
    lines = cells.read_text().splitlines(keepends=True)
    cells.write_text(lines[0] + lines[1][:100])  # the second cell's line is torn
    result = run(*QUICK, "--resume")
    assert result.exit_code == 0
    assert f"1 of {len(lines)} cells are there" in result.stderr
    assert read_frame(tmp_path / "out").equals(whole)
    again = run(*QUICK, "--resume")
    assert f"{len(lines)} of {len(lines)} cells are there" in again.stderr
    assert read_frame(tmp_path / "out").equals(whole)


def test_without_out_a_folder_is_named_by_date_and_commit(run, call, tmp_path):
    run(*QUICK)
    call("run", "cases.py", *QUICK)
    call("run", "cases.py", *QUICK)
    folders = sorted((tmp_path / "results" / "runs").iterdir())
    assert len(folders) == 2
    assert folders[1].name == folders[0].name + "-2"


# --- selection ------------------------------------------------------------------------------------


def seen(result):
    return rows_of_csv(result.stdout)


def test_selection_by_commas_is_selection_by_repetition(run, call):
    data = ("--format", "csv", "--workers", 0, "--device", "cpu")
    commas = run("--method", "numpy.formula,torch.reverse", "--dtype", "float64,float32",
                 "--size", "small,medium", "--seed", "0,3", "-k", "cubes", *data)  # fmt: skip
    twice = call("run", "cases.py", "--method", "numpy.formula", "--method", "torch.reverse",
                 "--dtype", "float64", "--dtype", "float32", "--size", "small", "--size", "medium",
                 "--seed", 0, "--seed", 3, "-k", "cubes", *data, "--out", "again")  # fmt: skip
    assert seen(commas) == seen(twice)
    assert len(seen(commas)) == 2 * 2 * (2 * 2 + 1)  # methods × dtypes × (sizes × seeds + a point)
    for column, values in {"seed": {"0", "3"}, "size": {"small", "medium"}}.items():
        assert {r[column] for r in seen(commas)} == values


def test_a_case_is_selected_by_its_name_behind_colons(call, write):
    write("cases.py", FILE)
    result = call("run", "cases.py::total", *QUICK, "--format", "csv", *OUT)
    assert {r["case"] for r in seen(result)} == {"total"}
    assert {r["operator"] for r in seen(result)} == {"gradient", "hessian"}


def test_patterns_take_unusual_variants_only_with_a_colon(run, call):
    data = ("-k", "cubes", "--dtype", "float64", "--device", "cpu", "--format", "csv")
    plain = run("--method", "numpy.*", *data)
    assert "formula:wrong" not in {r["technique"] for r in seen(plain)}
    named = call("run", "cases.py", "--method", "numpy.*:*", *data, "--out", "again")
    assert {r["technique"] for r in seen(named)} >= {"formula:wrong", "differences:central"}


# --- exit status ----------------------------------------------------------------------------------


def test_what_disagrees_is_told_and_ends_with_status_1(run):
    result = run(*WRONG, "-k", "cubes")
    assert result.exit_code == 1
    message = result.stdout[result.stdout.index("cubes gradient, numpy.formula:wrong float64") :]
    lines = message[: message.index("\n\n")].splitlines()
    assert lines[1].startswith("  worst x[")
    assert "  looks like: constant factor 3/2 too small" in lines
    assert "  disagree as well: torch.formula:wrong, jax.formula:wrong" in message
    assert "  reproduce: xgrad explain cases.py::cubes gradient numpy.formula:wrong" in message
    assert len(lines) < 20


@pytest.mark.many(3)
@pytest.mark.parametrize(
    ("command", "point", "share", "status"),
    [
        ("run", "few", None, 1),
        ("run", "few", 0, 0),
        ("run", "many", None, 0),
        ("run", "many", 0.9, 1),
        ("time", "few", 0, 0),  # it starts a process, and shares the rest with `run`
        ("time", "many", 0.9, 1),
    ],
)
def test_an_unstable_result_fails_below_a_share_of_digits(
    write, call, command, point, share, status
):
    other = {"few": "many", "many": "few"}[point]
    write("cases.py", UNSTABLE.replace(f'@versine.point("{other}")', ""))
    asked = () if share is None else ("--least-digits", share)
    own = ("--limit", 0.1) if command == "time" else ("--workers", 0)
    options = ("--method", "numpy.formula:naive", "--dtype", "float64", "--device", "cpu")
    result = call(command, "cases.py", *options, *own, *OUT, *asked)
    assert result.exit_code == status
    if command == "run":
        assert ("\n  reproduce: " in result.output) == bool(status)


@pytest.mark.parametrize("share", ["1.5", "-1", "nan", "half"])
def test_a_share_of_digits_that_is_none_is_a_wrong_call(run, share):
    result = run("--least-digits", share)
    assert result.exit_code == 2
    assert "--least-digits" in result.output


def test_a_device_that_is_not_here_is_no_failure_and_no_success(run):
    result = run("--device", "cuda:99", "--workers", 0)
    assert result.exit_code == 5
    (summary,) = (line for line in result.stdout.splitlines() if " rows: " in line)
    assert summary.endswith(" unavailable")
    assert "torch sees no device 'cuda:99' here; it sees: cpu" in result.stdout


# --- the other commands ---------------------------------------------------------------------------


def test_list_shows_name_operators_and_title(write, call):
    write("cases.py", FILE)
    result = call("list", "cases.py")
    assert result.exit_code == 0
    assert " ".join(result.stdout.splitlines()[0].split()) == "cubes gradient Σx³."
    assert result.stderr == "2 cases\n"
    assert call("list", "cases.py", "-k", "total").stdout.startswith("total ")


def test_list_long_shows_sizes_formulas_and_sources(write, call):
    write("cases.py", FILE)
    text = call("list", "cases.py", "--long").stdout
    for part in ("cases.py::cubes", "small (n=4); medium (n=5); differentiated: x",
                 "  gradient: 3x².", "  gradient (wrong)", "  source: Euclid, VII"):  # fmt: skip
        assert part in text


def test_list_without_paths_shows_the_shipped_cases(call):
    text = call("list").stdout
    for case in xgrad.load_cases():
        assert f"{case.name} " in text


def test_doctor_shows_every_framework_with_devices_and_flags(call):
    text = call("doctor").stdout
    for part in ("Python ", "numpy ", "torch ", "jax ", "devices: cpu", "threads: ", "packages: "):
        assert part in text
    assert "does not load" not in text


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help_with_an_example(call, command):
    text = call(command, "--help").stdout
    assert f"xgrad {command}" in text.partition("Options:")[0].partition("\n")[2]


def test_a_bare_call_shows_the_commands(call):
    text = call("--help").stdout
    for command in main.commands:
        assert f"\n  {command} " in text


# --- presentations --------------------------------------------------------------------------------

SHOWN = ("--method", "torch.reverse", *QUICK[2:], "-k", "cubes and not ones")


def test_invariances_are_rows_beside_the_methods(run, tmp_path):
    assert run(*SHOWN, "--invariances", "inputs strided,checkpoint", *OUT).exit_code == 0
    rows = read_frame(tmp_path / "out")
    shown = rows[rows["technique"].str.startswith("invariance:")]
    assert set(shown["technique"]) == {"invariance:inputs strided", "invariance:checkpoint"}
    assert set(shown["verdict"]) == {"agrees"}


def test_an_unknown_invariance_is_told_with_the_nearest(run):
    result = run(*SHOWN, "--invariances", "inputs strode", *OUT)
    assert result.exit_code == 2
    assert "unknown invariance 'inputs strode': did you mean 'inputs strided'" in result.stderr

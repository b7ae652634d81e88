"""A command that could judge nothing does not end as if all were well."""

import pytest
from case_files import CUBES

from xgrad.judging import is_judged

QUICK = ("--dtype", "float64", "--workers", 0)
WRONG = CUBES.replace("return 3 * x * x", "return 2 * x * x")


@pytest.fixture
def cubes(write):
    return write("cubes.py", CUBES)


def status_of(done):
    return done.exit_code, "nothing could be judged" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--device", "xpu", "--method", "torch.*"),
        ("--device", "cpu", "--method", "numpy.complex_step", "--operator", "hessian"),
        ("--device", "cpu", "--method", "numpy.formula", "--operator", "vjp"),
    ],
)
def test_only_rows_without_a_verdict_end_with_5(call, cubes, options):
    assert status_of(call("run", cubes, *QUICK, *options)) == (5, True)


def test_a_framework_that_is_not_installed_ends_with_5(call, cubes, monkeypatch):
    from xgrad.errors import Unavailable
    from xgrad.frameworks import find_framework

    def absent():
        raise Unavailable("torch is not installed: pip install 'xgrad[torch]'")

    monkeypatch.setattr(find_framework("torch"), "require", absent)
    done = call("run", cubes, *QUICK, "--device", "cpu", "--method", "torch.reverse")
    assert status_of(done) == (5, True)
    assert "pip install 'xgrad[torch]'" in done.stdout


@pytest.mark.parametrize("method", ["numpy.formula", "numpy.differences", "numpy.*"])
def test_one_row_that_is_judged_is_enough(call, cubes, method):
    options = ("--device", "cpu,xpu", "--method", f"{method},torch.reverse")
    assert status_of(call("run", cubes, *QUICK, *options)) == (0, False)


def test_what_disagrees_comes_first(call, write):
    wrong = write("wrong.py", WRONG)
    options = ("--device", "cpu,xpu", "--method", "numpy.formula")
    assert status_of(call("run", wrong, *QUICK, *options)) == (1, False)


def test_a_shard_without_cells_has_nothing_to_complain_of(call, cubes):
    options = ("--device", "cpu", "--method", "numpy.formula", "--shard", "8/8")
    assert status_of(call("run", cubes, *QUICK, *options)) == (0, False)


def test_explain_and_time_say_so_too(call, cubes):
    done = call("explain", f"{cubes}::cubes", "gradient", "torch.reverse", "--device", "xpu")
    assert status_of(done) == (5, True)
    done = call("explain", f"{cubes}::cubes", "gradient", "torch.reverse")
    assert status_of(done) == (0, False)
    done = call("time", cubes, "--device", "xpu", "--dtype", "float64", "--method", "torch.reverse")
    assert status_of(done) == (5, True)


@pytest.mark.parametrize("command", ["run", "time", "explain"])
def test_help_has_it(call, command):
    assert "5 when" in " ".join(call(command, "--help").output.split())


def row(verdict, technique="reverse"):
    return {"verdict": verdict, "technique": technique, "error": 0.5, "digits": 1.0}


@pytest.mark.parametrize(
    ("told", "judged"),
    [
        (row("agrees"), True),
        (row("disagrees"), True),
        (row("convention"), True),
        (row("bounded", "differences"), True),
        (row("unstable"), True),
        (row("inconclusive", "differences"), False),
        (row("inconclusive"), False),
        (row(""), False),
    ],
)
def test_which_rows_count(told, judged):
    assert is_judged(told) is judged

"""What is timed: right methods only, without their preparation, beside what they compare with."""

import numpy as np
import pytest
from subjects import SEEDED

import xgrad
from xgrad.errors import Unavailable, UsageError
from xgrad.frameworks import find_framework
from xgrad.frameworks.torch import Torch
from xgrad.problem import OPERATORS, Setting
from xgrad.table import records
from xgrad.techniques import Method
from xgrad.timing import QUICK, TimedCell, spread, table, time_cases
from xgrad.timing.bench import Bench, SharedSetting, Timed, make_call, steps
from xgrad.timing.cells import Court, is_right


@xgrad.case(
    wrt="x", sizes={"small": {"n": 20}, "medium": {"n": 40}}, operators=("value", "gradient")
)
def cubes(xp, x):
    """Σx³."""
    return xp.sum(x * x * x)


cubes.inputs(lambda rng, n: {"x": rng.normal(size=n)})
cubes.formula("gradient")(lambda xp, x: 3 * x * x)
cubes.formula("gradient", name="wrong", default=False)(lambda xp, x: 2 * x * x)


@cubes.implementation("torch", name="loop")
def loop(x):
    return sum(e**3 for e in x)


METHODS = ("numpy.formula", "numpy.formula:wrong", "torch.reverse", "torch.reverse:loop")


@pytest.fixture(scope="module")
def rows():
    """Timings of a case that no worker can load, in this process."""
    frame = time_cases(cubes, methods=METHODS, **SEEDED)
    return {f"{r['framework']}.{r['technique']}": r for r in records(frame)}


def test_a_wrong_method_has_its_verdict_in_place_of_a_number(rows):
    wrong = rows["numpy.formula:wrong"]
    assert (wrong["status"], wrong["verdict"]) == ("ok", "disagrees")
    assert np.isnan([wrong[c] for c in ("first_call", "derivative", "value", "ratio")]).all()
    assert (wrong["repeats"], wrong["samples"]) == (0, "")


@pytest.mark.parametrize("method", [m for m in METHODS if "wrong" not in m])
def test_a_right_method_has_all_its_numbers(rows, method):
    row = rows[method]
    assert (row["status"], row["verdict"], row["operator"]) == ("ok", "agrees", "gradient")
    assert 0 < row["derivative"] < 1
    assert row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    assert row["ratio"] == pytest.approx(row["derivative"] / row["value"])
    samples = table.read_samples(row)
    assert spread.median(samples) == pytest.approx(row["derivative"], rel=1e-4)
    assert len(samples) == row["repeats"] >= 5
    assert row["repeats"] + row["disturbed"] >= 16
    assert (row["inputs"], row["threads"]) == (20, 0)


def test_a_derivative_is_set_beside_the_formula_of_its_framework(rows):
    assert np.isnan(rows["numpy.formula"]["per_formula"])
    row = rows["torch.reverse"]  # its formula was timed though it was not asked for
    assert row["per_formula_low"] <= row["per_formula"] <= row["per_formula_high"]
    assert row["per_formula"] > 1


def test_the_value_of_a_library_function_is_its_own(rows):
    assert rows["torch.reverse:loop"]["value"] > 3 * rows["torch.reverse"]["value"]


def test_inputs_are_put_before_the_timed_region_and_results_stay_where_they_are():
    setting = Setting.make(cubes, "small", "random", "float64", 0)
    put = []

    class Counting(type(find_framework("torch"))):
        def put(self, *args):
            put.append("put")
            return super().put(*args)

        def get(self, array):
            raise AssertionError("the result was fetched")

    from xgrad.techniques.reverse import TECHNIQUE

    framework = Counting()
    run, arguments = steps(
        TECHNIQUE.prepare(framework, "", OPERATORS["gradient"], setting, "cpu"), setting
    )
    assert put == ["put"]
    call = make_call(framework, "cpu", run, arguments)
    call()
    assert put == ["put"]


def test_methods_of_a_framework_share_the_inputs_of_a_pass():
    setting = SharedSetting(Setting.make(cubes, "small", "random", "float64", 0))
    torch, numpy = find_framework("torch"), find_framework("numpy")
    first, second = (setting.arguments(torch, "cpu").xs[0] for _ in range(2))
    assert first is second
    assert isinstance(setting.arguments(numpy, "cpu").xs[0], np.ndarray)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_queue_of_calls_has_a_time_for_each(name):
    setting = Setting.make(cubes, "small", "random", "float64", 0)
    bench = Bench(setting, "cpu", np.random.default_rng(0))
    timed = Timed(OPERATORS["gradient"], Method(name, "reverse"), None)
    with timed.framework.scope("cpu"):
        bench._add(timed)
        loop = bench._queue(timed.key(), setting)
        assert 0 < loop(10) < 1


def test_plain_differences_are_timed_without_the_bound_that_judging_them_needs():
    setting = Setting.make(cubes, "small", "random", "float64", 0)
    method = Method("numpy", "differences", "central@1e-4")
    compute = method.prepare(OPERATORS["gradient"], setting, "cpu")
    run, (sample, stencil) = steps(compute, setting)
    run(sample, stencil)
    assert sample.evaluations == 2 * 20
    assert compute(setting).bound is not None


def test_differences_are_timed_when_asked_for_and_their_doubt_is_within_their_bound():
    frame = time_cases(cubes, methods=("numpy.differences",), **SEEDED)
    (row,) = records(frame)
    assert row["verdict"] in ("agrees", "bounded")
    assert row["derivative"] > 0
    assert row["ratio"] > 20


def test_without_a_choice_differences_and_the_value_are_left_out():
    from xgrad.running import Selection
    from xgrad.timing import plan_timing
    from xgrad.timing.cells import _chosen

    plan = plan_timing([cubes], Selection(devices=("cpu",)))
    (cell, _) = plan.cells
    assert cell.operators == ("gradient",)
    methods = {str(m) for _, m in _chosen(cubes, cell, [OPERATORS["gradient"]])}
    assert {"torch.reverse", "jax.forward", "numpy.formula"} <= methods
    assert not any("differences" in m for m in methods)
    asked = plan_timing([cubes], Selection(devices=("cpu",), operators=("value",)))
    assert asked.cells[0].operators == ("value",)


@pytest.mark.parametrize(
    ("status", "verdict", "referee", "timed"),
    [
        ("ok", "agrees", "certified", True),
        ("ok", "bounded", "certified", True),
        ("ok", "inconclusive", "none: no formula", False),
        ("ok", "disagrees", "certified", False),
        ("ok", "unstable", "certified", False),
        ("ok", "convention", "kink", False),
        ("nonfinite", "agrees", "certified", False),
        ("error", "", "", False),
    ],
)
def test_only_what_is_right_is_timed(status, verdict, referee, timed):
    assert is_right({"status": status, "verdict": verdict, "referee": referee}) is timed


def test_beyond_the_referee_the_verdict_is_that_of_the_next_smaller_size(monkeypatch):
    setting = Setting.make(cubes, "medium", "random", "float64", 0)
    cell = TimedCell("", "cubes", "medium", "random", "float64", "cpu", 0, ("gradient",), None)
    court = Court(cubes, cell, setting)
    lost = {"status": "ok", "verdict": "inconclusive", "referee": "none: beyond the budget"}

    class Lost:
        def judge(self, method, operator):
            return type("Judgement", (), {"row": {**lost, "size": "medium"}})

    court._judges["medium"] = Lost()
    row = court.row(Method("numpy", "formula"), OPERATORS["gradient"])
    assert (row["size"], row["verdict"]) == ("medium", "agrees")
    assert row["message"] == "judged at size small: beyond the budget"
    court._judges["small"] = Lost()
    court._rows.clear()
    assert not is_right(court.row(Method("numpy", "formula"), OPERATORS["gradient"]))


def test_a_missing_framework_is_a_row_without_numbers(monkeypatch):
    def require(self):
        raise Unavailable("torch is not installed: pip install 'xgrad[torch]'")

    monkeypatch.setattr(Torch, "require", require)
    (row,) = records(time_cases(cubes, methods=("torch.reverse",), **SEEDED))
    assert (row["status"], row["verdict"], row["repeats"]) == ("unavailable", "", 0)
    assert "pip install" in row["message"]


def test_a_method_that_fails_when_timed_is_an_error_and_the_others_have_their_numbers(monkeypatch):
    from xgrad.timing import bench

    original = bench.make_call

    def failing(framework, *rest):
        if framework.name == "torch":
            raise RuntimeError("out of memory")
        return original(framework, *rest)

    monkeypatch.setattr(bench, "make_call", failing)
    frame = time_cases(cubes, methods=("numpy.formula", "torch.reverse"), **SEEDED)
    right, wrong = records(frame)
    assert right["derivative"] > 0
    assert (wrong["status"], wrong["repeats"]) == ("error", 0)
    assert wrong["message"].startswith("timing: RuntimeError: out of memory")


def test_the_default_cases_are_in_the_library():
    assert [c.name for name in QUICK for c in xgrad.load_cases(name)] == list(QUICK)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threads": 0}, "0 threads: this process may use 1 to"),
        ({"threads": 10_000}, "10000 threads: this process may use 1 to"),
        ({"limit": 0.0}, "a limit of 0.0 s"),
        ({"sizes": "huge"}, "unknown size 'huge'"),
        ({"methods": ("torch.backward",)}, "did you mean"),
        ({"dtypes": ("double",)}, "unknown dtype 'double'"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(options, said):
    with pytest.raises(UsageError, match=said):
        time_cases(cubes, **options)


def test_a_subject_is_named_by_what_is_timed():
    timed = Timed(OPERATORS["gradient"], Method("torch", "reverse", "func"), None)
    assert timed.key() == ("derivative", "gradient", "torch.reverse:func")

"""The timer: what it measures, what it leaves out, and how sure its numbers are."""

import os
from contextlib import nullcontext
from time import perf_counter, process_time, sleep

import numpy as np
import pytest
from test_devices import require_accelerator

import xgrad
from xgrad.errors import Unavailable, UsageError
from xgrad.frameworks import find_framework
from xgrad.frameworks.torch import Torch
from xgrad.problem import OPERATORS, Setting
from xgrad.table import records
from xgrad.techniques import Method
from xgrad.timing import QUICK, TimedCell, clock, fit_exponents, memory, spread, table, time_cases
from xgrad.timing.bench import Bench, SharedSetting, Timed, make_call, steps
from xgrad.timing.cells import Court, is_right
from xgrad.timing.clock import Subject

SEEDED = {"devices": ("cpu",), "dtypes": ("float64",), "limit": 0.3}


def constant(seconds):
    """A subject whose calls take so long, without taking it."""
    return Subject(lambda inputs: lambda number: seconds, nullcontext)


def measured(*subjects, limit=10.0, seed=0):
    clock.measure(subjects, object, np.random.default_rng(seed), limit)
    return subjects


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(clock, "PAUSE", 0.0)


# --- the clock ------------------------------------------------------------------------------------


def test_a_function_of_known_duration_is_measured():
    (subject,) = measured(
        Subject(lambda inputs: lambda n: clock.block(lambda: sleep(0.02), n), nullcontext)
    )
    assert len(subject.samples) == 16
    assert spread.median(subject.samples) == pytest.approx(0.02, rel=0.2)
    assert not subject.disturbed  # it left the core by itself


def test_waiting_takes_part_in_the_time_of_asynchronous_work():
    import jax
    import jax.numpy as jnp

    framework = find_framework("jax")
    x = jnp.ones((400, 400)) / 400

    @jax.jit
    def chain(x):
        for _ in range(40):
            x = x @ x
        return x, jnp.sum(x)

    jax.block_until_ready(chain(x))
    early = not all(a.is_ready() for a in chain(x))
    last = []

    def run(x):
        last[:] = [chain(x)]
        return last[0]

    call = make_call(framework, "cpu", run, (x,))
    for _ in range(3):
        call()
        assert all(a.is_ready() for a in last[0])
    assert early, "the dispatch alone returned a finished result: this test shows nothing"
    spent = process_time()
    seconds = clock.block(call, 3)  # all of the work was done meanwhile, on some of the cores
    assert seconds > 0.9 * (process_time() - spent) / 3 / os.cpu_count()


@pytest.mark.parametrize("seconds", [3e-7, 8e-6, 0.9e-3, 2.4e-3, 4.9e-3])
def test_blocks_take_5_to_10_milliseconds(seconds):
    (subject,) = measured(constant(seconds))
    assert 5e-3 <= subject.number * seconds <= 10e-3
    assert len(subject.samples) == 16


def test_calls_that_are_longer_than_a_block_are_taken_one_by_one():
    (subject,) = measured(constant(0.011))
    assert (subject.number, len(subject.samples)) == (1, 16)


def test_a_time_limit_leaves_fewer_samples_and_at_least_four():
    assert [len(s.samples) for s in measured(*map(constant, (0.3, 1.2, 60.0)))] == [16, 8, 4]


def test_passes_set_up_anew_with_fresh_inputs_and_rounds_are_shuffled_by_the_seed():
    def order(seed):
        seen, given = [], []

        def subject(name):
            def setup(inputs):
                given.append(inputs)
                return lambda number: seen.append(name) or 0.2

            return Subject(setup, nullcontext)

        measured(*map(subject, "abc"), seed=seed, limit=100)
        assert len({id(g) for g in given}) == 2
        assert len(given) == 6
        return seen

    assert order(1) == order(1) != order(2)


def test_what_fails_is_out_and_costs_the_others_nothing():
    def broken(inputs):
        calls = iter(range(5))
        return lambda number: 0.2 if next(calls) < 4 else 1 / 0

    bad, good = measured(Subject(broken, nullcontext), constant(0.2))
    assert isinstance(bad.fault, ZeroDivisionError)
    assert (bad.samples, len(good.samples)) == ([], 16)


def test_the_garbage_collector_is_off_in_blocks_only():
    import gc

    seen = []
    clock.block(lambda: seen.append(gc.isenabled()), 2)
    assert (seen, gc.isenabled()) == ([False, False], True)


@pytest.fixture
def machine(monkeypatch):
    """A machine whose blocks have given shares of the core, one after the other."""

    def busy(*shares):
        left = iter(shares)
        now = {"cpu": 0.0, "count": 0}

        def loop(number):
            share = next(left)
            now["cpu"] += share * 6e-3
            now["count"] += share < 1
            return 6e-3 / share / number if share else 1.0

        monkeypatch.setattr(clock, "process_time", lambda: now["cpu"])
        monkeypatch.setattr(clock, "_interruptions", lambda: now["count"])
        return loop

    return busy


def test_a_block_that_other_processes_disturbed_is_taken_again(machine):
    loop = machine(0.3, 0.5, 1.0)
    assert clock.undisturbed(loop, 2, warm=False) == (pytest.approx(3e-3), False)


def test_of_disturbed_blocks_the_least_disturbed_counts_and_says_so(machine):
    loop = machine(*[0.5, 0.8, 0.4] * 1000)
    seconds, disturbed = clock.undisturbed(loop, 1, warm=False, patience=0.01)
    assert (seconds, disturbed) == (pytest.approx(6e-3 / 0.8), True)


def test_disturbed_samples_count_only_where_few_others_are_left():
    subject = constant(1.0)
    subject._taken = [(1.0, False)] * 5 + [(4.0, True)] * 11
    assert (subject.samples, subject.disturbed, subject.doubtful) == ([1.0] * 5, 11, False)
    subject._taken = [(1.0, False)] * 4 + [(4.0, True)] * 12
    assert (len(subject.samples), subject.disturbed, subject.doubtful) == (16, 12, True)


def test_a_first_call_traces_and_compiles_and_later_calls_do_not():
    import jax

    def start():
        @jax.jit
        def f(x):
            sleep(0.05)  # seen by the trace only
            return x + 1

        return lambda: jax.block_until_ready(f(1.0))

    call = start()
    assert clock.first_call(start) > 0.05
    call()
    assert clock.block(call, 10) < 0.02


def test_throughput_waits_once_for_what_is_enqueued():
    said = []
    clock.stream(lambda: said.append("run") or len(said), lambda r: said.append(("wait", r)), 3)
    assert said == ["run", "run", "run", ("wait", 3)]


# --- how sure -------------------------------------------------------------------------------------


def test_the_interval_of_a_ratio_holds_the_ratio_and_is_seeded():
    rng = np.random.default_rng(0)
    above, below = 3e-3 * rng.lognormal(0, 0.05, 16), 1e-3 * rng.lognormal(0, 0.05, 16)
    found = spread.ratio(above, below, np.random.default_rng(1))
    assert found == spread.ratio(above, below, np.random.default_rng(1))
    assert found.low < found.value < found.high
    assert found.low < 3 < found.high
    assert found.high - found.low < 0.4


def test_intervals_hold_the_true_ratio_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        above, below = 2 * rng.lognormal(0, 0.1, 16), rng.lognormal(0, 0.1, 16)
        found = spread.ratio(above, below, rng)
        held += found.low <= 2 <= found.high
    assert held >= 180


def test_a_range_over_a_tenth_of_the_median_is_flagged():
    assert not spread.is_noisy([1.0] * 12 + [9.0] * 3)  # outliers are not what the range sees
    assert spread.is_noisy([1.0] * 8 + [1.2] * 8)
    assert not spread.is_noisy([])


def rows_of(case, seconds, **given):
    return [{"case": case, "inputs": n, "derivative": s, **given} for n, s in seconds.items()]


def test_the_exponent_of_quadratic_times_is_2_within_its_interval():
    rng = np.random.default_rng(0)
    times = {n: 1e-9 * n**2 * rng.lognormal(0, 0.03) for n in (50, 200, 800, 3_200)}
    (row,) = records(fit_exponents(table.timing_frame(rows_of("square", times))))
    assert row["exponent"] == pytest.approx(2, abs=0.05)
    assert row["exponent_low"] < 2 < row["exponent_high"]
    assert (row["sizes"], row["smallest"], row["largest"]) == (4, 50, 3_200)


def test_the_exponent_of_a_quadratic_function_is_near_2(monkeypatch):
    now = 0.0

    def work(n):
        nonlocal now
        now += 2e-6 + 1e-8 * n * n  # a little overhead of each call

    monkeypatch.setattr(clock, "perf_counter", lambda: now)
    monkeypatch.setattr(clock, "process_time", lambda: now)
    sizes = (100, 400, 1_600)
    subjects = measured(
        *(Subject(lambda inputs, n=n: lambda k: clock.block(lambda: work(n), k), nullcontext)
          for n in sizes)
    )  # fmt: skip
    times = {n: spread.median(s.samples) for n, s in zip(sizes, subjects, strict=True)}
    (row,) = records(fit_exponents(table.timing_frame(rows_of("square", times))))
    assert row["exponent"] == pytest.approx(2, abs=0.02)


def test_two_sizes_and_untimed_rows_have_no_exponent():
    rows = rows_of("two", {10: 1e-3, 100: 1e-2, 1000: float("nan")})
    assert fit_exponents(table.timing_frame(rows)).empty


# --- memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
def test_peak_memory_is_what_a_call_holds_beyond_its_inputs_in_every_framework(name):
    if not memory._can_reset():
        pytest.skip("this system does not let a process reset its peak memory")
    framework = find_framework(name)
    with framework.scope():
        xp = framework.namespace("float64")
        x = framework.put(np.ones(4_000_000), "float64")
        framework.wait(xp.exp(x))  # compiling takes memory of its own
        peak = memory.find_peak(framework, "cpu", xp.exp, (x,))
    assert peak == pytest.approx(32e6, rel=0.1)


# --- what is timed --------------------------------------------------------------------------------


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
    assert row["verdict"] in ("agrees", "inconclusive")
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
        ("ok", "inconclusive", "certified", True),
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


# --- the measuring process ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """Timings of a case file, measured in a process of their own."""
    path = tmp_path_factory.mktemp("cases") / "squares.py"
    path.write_text(
        "import xgrad\n\n\n"
        "@xgrad.case(wrt='x', operators=('gradient',))\n"
        "def squares(xp, x):\n    return xp.sum(x * x)\n\n\n"
        "squares.inputs(lambda rng: {'x': rng.normal(size=5)})\n"
        "squares.formula('gradient')(lambda xp, x: 2 * x)\n"
    )
    before = dict(os.environ)
    frame = time_cases(path, methods=("torch.reverse", "jax.reverse"), **SEEDED)
    assert dict(os.environ) == before
    return frame


def test_the_threads_reached_the_measuring_process(apart):
    about = apart.attrs["environment"]
    assert about["frameworks"]["torch"]["flags"]["threads"] == "1"
    assert about["variables"]["OMP_NUM_THREADS"] == "1"
    assert "--xla_cpu_multi_thread_eigen=false" in about["variables"]["XLA_FLAGS"]
    assert about["threads"] == 1
    if hasattr(os, "sched_setaffinity"):
        assert len(about["pinned"]) == 1
        assert set(about["pinned"]) <= os.sched_getaffinity(0)
    assert set(apart["threads"]) == {1}


def test_imports_are_timed_apart_from_first_calls(apart):
    imports = apart.attrs["environment"]["import_seconds"]
    assert set(imports) == {"torch", "jax"}
    assert min(imports.values()) > 0
    first = apart.set_index("framework")["first_call"]
    assert 0 < first["torch"] < imports["torch"]
    assert first["jax"] > 10 * apart.set_index("framework")["derivative"]["jax"]  # it compiles


def test_rows_of_the_measuring_process_are_judged_and_complete(apart):
    assert list(apart.columns) == [c.name for c in table.TIMING_COLUMNS]
    assert list(apart["verdict"]) == ["agrees", "agrees"]
    assert (apart["derivative"] > 0).all()


# --- columns --------------------------------------------------------------------------------------


def test_columns_are_those_of_the_design_and_say_what_they_mean():
    names = [c.name for c in table.TIMING_COLUMNS]
    for name in ("first_call", "derivative", "value", "ratio", "iqr", "repeats", "peak_memory",
                 "threads", "case", "size", "point", "operator", "framework", "technique",
                 "device", "dtype", "seed", "status", "verdict"):  # fmt: skip
        assert name in names
    for column in table.TIMING_COLUMNS:
        assert column.meaning
        assert not column.unit or column.dtype in ("float64", "str")


# --- accelerators ---------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_on_an_accelerator_throughput_and_the_allocator_are_told_in_both_frameworks(framework):
    device = require_accelerator(framework)
    frame = time_cases(
        "softmax_cross_entropy", sizes="medium", dtypes=("float32",), devices=(device,),
        methods=(f"{framework}.reverse",), operators=("gradient",),
    )  # fmt: skip
    (row,) = records(frame)
    assert row["verdict"] == "agrees"
    assert row["throughput"] >= 0.8 / row["derivative"]  # enqueuing is not slower than waiting
    assert row["peak_memory"] >= 64 * 100 * 4  # the result at least


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_on_an_accelerator_a_call_ends_when_its_work_is_done(name):
    device = require_accelerator(name)
    framework = find_framework(name)
    with framework.scope(device):
        xp = framework.namespace("float32", device)
        x = framework.put(np.eye(4096), "float32", device)

        def chain(x):
            for _ in range(50):
                x = xp.matmul(x, x)
            return (x,)

        run = framework.compile(chain)
        call = make_call(framework, device, run, (x,))
        seconds = clock.block(call, 3)
        started = perf_counter()
        framework.wait(run(x))
        assert seconds == pytest.approx(perf_counter() - started, rel=0.3)


def test_a_subject_is_named_by_what_is_timed():
    timed = Timed(OPERATORS["gradient"], Method("torch", "reverse", "func"), None)
    assert timed.key() == ("derivative", "gradient", "torch.reverse:func")

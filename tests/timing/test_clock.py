"""The clock: what it measures, what it leaves out, and what it takes again."""

import os
from contextlib import nullcontext
from time import process_time, sleep

import pytest
from subjects import constant, measured

from xgrad.frameworks import find_framework
from xgrad.timing import clock, spread
from xgrad.timing.bench import make_call
from xgrad.timing.clock import Subject


@pytest.fixture
def quiet(monkeypatch):
    """No other process takes the core, whose interruptions would count for subjects of no work."""
    monkeypatch.setattr(clock, "_interruptions", lambda: 0)


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


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("seconds", [3e-7, 8e-6, 0.9e-3, 2.4e-3, 4.9e-3])
def test_blocks_take_5_to_10_milliseconds(seconds):
    (subject,) = measured(constant(seconds))
    assert 5e-3 <= subject.number * seconds <= 10e-3
    assert len(subject.samples) == 16


@pytest.mark.usefixtures("quiet")
def test_calls_that_are_longer_than_a_block_are_taken_one_by_one():
    (subject,) = measured(constant(0.011))
    assert (subject.number, len(subject.samples)) == (1, 16)


@pytest.mark.usefixtures("quiet")
def test_a_time_limit_leaves_fewer_samples_and_at_least_four():
    assert [len(s.samples) for s in measured(*map(constant, (0.3, 1.2, 60.0)))] == [16, 8, 4]


@pytest.mark.usefixtures("quiet")
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


@pytest.mark.usefixtures("quiet")
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

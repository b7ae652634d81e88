"""Cases that hang, crash, leak and lie: each costs its own rows, and every other row is right."""

import os
import textwrap
from functools import partial

import pytest

import xgrad
from xgrad.running import Limits
from xgrad.running.planning import Cell
from xgrad.running.workers import Job, Queue, resident, total_memory
from xgrad.table import records

METHODS = ("numpy.formul*", "numpy.complex*")
LIMITS = Limits(seconds=5)
HEAD = """
    import os, sys, signal, threading, time, ctypes
    import numpy as np
    import xgrad


    def drawn(rng):
        return {"x": rng.normal(size=2)}


    def make(name, function, formula=lambda xp, x: 2 * x, draw=drawn):
        case = xgrad.case(function, wrt="x", name=name)
        case.inputs(draw)
        case.formula("gradient")(formula)
        return case


    def squares(xp, x):
        return xp.sum(x * x)


    def then(action):
        def formula(xp, x):
            if type(x) is np.ndarray:
                action()
            return 2 * x
        return formula


    before = make("before", squares)
"""
AFTER = """
    after = make("after", squares)
"""


# fault: what the formula does in NumPy arrays, the status of its row, and words of its message
FAULTS = {
    "raises": ("exec('raise ValueError(1)')", "error", "ValueError: 1"),
    "sys.exit": ("sys.exit(3)", "error", "SystemExit"),
    "recursion": ("(f := lambda: f())()", "error", "RecursionError"),
    "memory error": ("exec('raise MemoryError(1)')", "error", "MemoryError: 1"),
    "keyboard interrupt": ("exec('raise KeyboardInterrupt')", "crashed", "exit status 1"),
    "os._exit": ("os._exit(3)", "crashed", "exit status 3"),
    "os._exit(0)": ("os._exit(0)", "crashed", "exit status 0"),
    "abort": ("os.abort()", "crashed", "SIGABRT"),
    "segfault": ("ctypes.string_at(0)", "crashed", "SIGSEGV"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "crashed", "SIGKILL: out of memory?"),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM)", "crashed", "SIGTERM"),
    "sleeps": ("time.sleep(600)", "timeout", "not done after 5 s"),
    "spins": ("exec('while True: pass')", "timeout", "not done after 5 s"),
    "locks": ("[k.acquire() for k in [threading.Lock()] * 2]", "timeout", "not done after 5 s"),
}
HARMLESS = {
    "prints a lot": "print('x' * 10_000_000)",
    "prints to file descriptors": "[os.write(k, b'y' * 1_000_000) for k in (1, 2)]",
    "closes standard output": "sys.stdout.close()",
    "reads standard input": "sys.stdin.read()",
    "leaves a thread": "threading.Thread(target=lambda: time.sleep(60)).start()",
    "ignores signals": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "changes the folder": "os.chdir('/')",
    "warns": "__import__('warnings').warn('careful')",
    "spoils the random state": "np.random.seed(0)",
    "sets an environment variable": "os.environ.update(OMP_NUM_THREADS='64')",
}


def judged_at(path, body, **options):
    text = textwrap.dedent(HEAD) + textwrap.dedent(body) + textwrap.dedent(AFTER)
    path.write_text(text, encoding="utf-8")
    options = {"methods": METHODS, "dtypes": ("float64",), "workers": 1, **options}
    frame = xgrad.run(path, devices=("cpu",), **{"limits": LIMITS, **options})
    return {(r["case"], r["technique"]): r for r in records(frame)}


@pytest.fixture
def judged(tmp_path):
    return partial(judged_at, tmp_path / "faults.py")


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Rows of all faults and habits in one run, each beside a neighbour that does what is right."""
    actions = {**{fault: action for fault, (action, *_) in FAULTS.items()}, **HARMLESS}
    body = [f"""
    faulty_{k} = make({fault!r}, squares, then(lambda: {action}))
    beside_{k} = make("beside " + {fault!r}, squares)
    """ for k, (fault, action) in enumerate(actions.items())]  # fmt: skip
    folder = tmp_path_factory.mktemp("faults")
    return judged_at(folder / "faults.py", "".join(body), workers=2)


def others_are_right(rows, name="faulty"):
    kept = [r for (case, _), r in rows.items() if case != name]
    assert len(kept) == 4
    assert {r["verdict"] for r in kept} == {"agrees"}


@pytest.mark.many
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_its_own_row_only(together, fault):
    _, status, words = FAULTS[fault]
    assert together[fault, "formula"]["status"] == status
    assert words in together[fault, "formula"]["message"]
    assert together[fault, "complex_step"]["verdict"] == "agrees"  # the same cell, another method


@pytest.mark.parametrize("name", ["before", *(f"beside {each}" for each in FAULTS), "after"])
def test_beside_faults_every_row_is_right(together, name):
    assert {together[name, way]["verdict"] for way in ("formula", "complex_step")} == {"agrees"}


def test_a_method_that_eats_memory_is_stopped(judged):
    eats = "exec('a = []\\nwhile True: a.append(np.ones(10_000_000))')"
    body = f"\n    faulty = make('faulty', squares, then(lambda: {eats}))\n"
    rows = judged(body, limits=Limits(seconds=60, gigabytes=0.6))
    others_are_right(rows)
    assert rows["faulty", "formula"]["status"] == "crashed"
    assert "GB of 0.6 GB" in rows["faulty", "formula"]["message"]


@pytest.mark.parametrize("habit", HARMLESS)
def test_a_bad_habit_costs_nothing(together, habit):
    for name in (habit, f"beside {habit}"):
        assert {together[name, way]["verdict"] for way in ("formula", "complex_step")} == {"agrees"}


def test_inputs_that_hang_cost_their_cell_only(judged):
    rows = judged("\n    faulty = make('faulty', squares, draw=lambda rng: time.sleep(600))\n")
    others_are_right(rows)
    assert rows["faulty", ""]["status"] == "timeout"


def test_two_workers_lose_no_row_to_one_that_dies(judged):
    rows = judged("\n    faulty = make('faulty', squares, then(lambda: os._exit(1)))\n", workers=2)
    others_are_right(rows)


def test_what_a_process_holds_is_seen():
    assert 0.01 < resident(os.getpid()) < total_memory()
    assert resident(2**30) == 0.0


def jobs(*cases):
    """A job for each letter: the case of its name."""
    return [Job(Cell("", name, "small", str(k), "float64", "cpu", 0, (), None))
            for k, name in enumerate(cases)]  # fmt: skip


def test_a_worker_stays_with_a_case_whatever_others_do():
    queue = Queue(jobs(*"aaabbbcc"))
    known, done = [None, None], ["", ""]
    for worker in (0, 1, 1, 0, 0, 1, 1, 1):
        job = queue.take(known[worker])
        known[worker], done[worker] = job.case, done[worker] + job.cell.case
    assert done == ["aaa", "bbbcc"]
    assert queue.take() is None


def test_a_worker_without_a_case_of_its_own_helps_with_the_longest():
    queue = Queue(jobs(*"abbb"))
    assert [queue.take().cell.case for _ in range(3)] == ["a", "b", "b"]
    assert queue.take(("", "a")).cell.case == "b"
    assert queue.take(("", "b")) is None


def test_what_is_left_of_a_cell_goes_first():
    queue = Queue(jobs(*"ab"))
    (left,) = jobs("c")
    queue.begun.append(left)
    assert queue.take(("", "a")) is left


def test_a_worker_that_stays_for_another_queue_knows_what_is_in_it():
    queue = Queue(jobs(*"aab"))
    taken = [queue.take(("", "a")).cell.case for _ in range(3)]
    assert taken == ["a", "a", "b"]
    assert queue.take(("", "b")) is None
    assert Queue(jobs("a")).take(("", "a")).cell.case == "a"

"""xgrad's timer beside `torch.utils.benchmark` and a plain loop, on the same calls in one process.

    OMP_NUM_THREADS=1 XLA_FLAGS=--xla_cpu_multi_thread_eigen=false \\
        taskset -c 1 python benchmarks/timing_fidelity.py

Ten cases × three methods. The three timers take turns, eleven blocks each; blocks that other
processes interrupted are taken again, for all three alike: a whole `blocked_autorange` would be
interrupted on a machine that others use, so that its blocks are taken one by one (`--whole` takes
it as it is). Medians, and their ratios to ours, are printed; the last line has the largest
deviation.
"""

import random
import statistics
import sys
import time

import torch
from torch.utils.benchmark import Timer

import xgrad
from xgrad.frameworks import find_framework
from xgrad.problem import OPERATORS, Setting
from xgrad.techniques import Method
from xgrad.timing import clock
from xgrad.timing.bench import make_call, steps

CASES = ("softmax_cross_entropy", "tsne_kl", "mlp_input", "sigmoid_layer", "linear_layer",
         "mean_squared_error", "product", "square", "gmm", "rosenbrock")  # fmt: skip
METHODS = ("torch.reverse", "torch.formula", "jax.reverse")
ROUNDS, TRIES = 11, 100


def plain(call, number):
    """A loop with two looks at the clock, nothing else."""
    started = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - started) / number


def torch_block(call, number):
    """One block of those that `blocked_autorange` takes the median of."""
    return Timer("call()", globals={"call": call}, num_threads=1).timeit(number).median


def whole_autorange(call, number):
    """The median of torch's blocks."""
    timer = Timer("call()", globals={"call": call}, num_threads=1)
    return timer.blocked_autorange(min_run_time=0.05).median


def clean(measure, call, number):
    """A measurement during which no other process took the core, if one of many is."""
    for _ in range(TRIES):
        time.sleep(clock.PAUSE)
        call()
        before = clock._interruptions()
        seconds = measure(call, number)
        if clock._interruptions() == before:
            break
    return seconds


def ours(call, number):
    """One sample of the clock."""
    return clock.block(call, number)


def in_turn(timers, call, number, rng):
    """A block by each timer, in random order: what runs first has the colder caches."""
    order = rng.sample(range(len(timers)), len(timers))
    found = {k: clean(timers[k], call, number) for k in order}
    return [found[k] for k in range(len(timers))]


def compare(setting, name, theirs):
    """The median of ours on one method, and those of the others' ratios to it, round by round."""
    framework, technique = name.split(".")
    library = find_framework(framework)
    with library.scope("cpu"):
        compute = Method(framework, technique).prepare(OPERATORS["gradient"], setting, "cpu")
        call = make_call(library, "cpu", *steps(compute, setting))
        number = max(1, round(clock.TARGET / min(plain(call, 3) for _ in range(20))))
        timers = (ours, theirs, plain)
        rounds = [in_turn(timers, call, number, random.Random(k)) for k in range(ROUNDS)]
    first, *others = zip(*rounds, strict=True)
    shares = [[b / a for a, b in zip(first, other, strict=True)] for other in others]
    return statistics.median(first), [statistics.median(s) for s in shares]


def main(size, theirs):
    torch.set_num_threads(1)
    worst = 0.0
    print(f"{'case':<24}{'method':<16}{'xgrad':>10}{'torch':>9}{'plain':>8}")
    for name in CASES:
        (case,) = xgrad.load_cases(name)
        at = size if size in case.sizes else next(iter(case.sizes))
        setting = Setting.make(case, at, "random", "float32", 0)
        for method in METHODS:
            seconds, shares = compare(setting, method, theirs)
            worst = max([worst, *(abs(share - 1) for share in shares)])
            told = "".join(
                f"{share:>{width}.3f}" for share, width in zip(shares, (9, 8), strict=True)
            )
            print(f"{name:<24}{method:<16}{seconds * 1e6:>8.1f}µs{told}", flush=True)
    print(f"largest deviation: {100 * worst:.1f}%")


if __name__ == "__main__":
    words = [a for a in sys.argv[1:] if not a.startswith("-")]
    main(words[0] if words else "medium", whole_autorange if "--whole" in sys.argv else torch_block)

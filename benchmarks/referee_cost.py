"""What the referee costs beside `torch.autograd.gradcheck`, on the same gradient in one process.

    OMP_NUM_THREADS=1 python benchmarks/referee_cost.py 25 100 400

The arguments are points of the t-SNE case: twice as many inputs. Rounds are interleaved, and the
medians are printed. The certificate is the formula in balls, or in double-double where the referee
chooses that, checked against the definition; the referee's whole work adds the rounding noise that
makes the tolerance. Above a thousand inputs `gradcheck`, which would take a quarter of an hour, is
left out.
"""

import statistics
import sys
import time

import torch

import xgrad
from xgrad.frameworks import find_framework
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import Budget, Referee

ROUNDS = 7
WARM = 3  # times before: imports, and loops that NumPy's time has to pay for


def referee_seconds(setting, noise):
    """Time of the truth of a gradient, with or without its rounding noise."""
    referee = Referee(setting, Budget(seconds=1e6, gigabytes=16))
    if not noise:
        referee._add_noise = lambda operator, truth: None
        if referee._pairs:
            referee._pairs.noises = lambda operator, truth: {}
    started = time.perf_counter()
    truth = referee.truth(OPERATORS["gradient"])
    seconds = time.perf_counter() - started
    assert truth.kind == "certified", truth
    return seconds


def gradcheck_seconds(setting):
    """Time of gradcheck of the same gradient, in float64 with its defaults."""
    framework = find_framework("torch")
    arguments = setting.arguments(framework, "cpu")
    f = setting.function(arguments)
    xs = tuple(x.requires_grad_() for x in arguments.xs)
    started = time.perf_counter()
    assert torch.autograd.gradcheck(f, xs)
    return time.perf_counter() - started


def main(points):
    torch.set_num_threads(1)
    (case,) = xgrad.load_cases("tsne_kl")
    print(f"{'inputs':>7}{'certificate':>13}{'referee':>10}{'gradcheck':>11}{'ratio':>8}")
    for n in points:
        case.sizes["here"] = {"n": n}
        setting = Setting.make(case, "here", "random", "float64", 0)
        jobs = (
            lambda s: referee_seconds(s, noise=False),
            lambda s: referee_seconds(s, noise=True),
            gradcheck_seconds if n <= 500 else lambda s: float("nan"),
        )
        for _ in range(WARM):
            for job in jobs[:2]:
                job(setting)
        rounds = [[job(setting) for job in jobs] for _ in range(ROUNDS if n < 300 else 3)]
        certificate, whole, check = (
            statistics.median(column) for column in zip(*rounds, strict=True)
        )
        print(f"{2 * n:>7}{certificate:>12.3f}s{whole:>9.3f}s{check:>10.3f}s{whole / check:>8.2f}")


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [25, 100, 400])

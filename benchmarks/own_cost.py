"""What xgrad itself costs: its harness, its referee, its differences, its import, its memory.

    OMP_NUM_THREADS=1 python benchmarks/own_cost.py > results/own_cost.md
    OMP_NUM_THREADS=1 python benchmarks/own_cost.py --parts referee --points 25 100
    MALLOC_MMAP_THRESHOLD_=1000000 OMP_NUM_THREADS=1 python benchmarks/own_cost.py --parts referee

The last line keeps glibc from holding on to memory: without it gradcheck at 3,200 inputs grows past
20 GB. It makes large functions slower, gradcheck's most of all.

What is compared is interleaved in one process, and medians are told. On a machine that others use,
the ratios are what counts.
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from referee_cost import gradcheck_seconds, referee_seconds

import xgrad
from xgrad.frameworks import find_framework
from xgrad.problem import OPERATORS, Setting
from xgrad.referee import ProgramReferee, Referee
from xgrad.running import Selection, describe_machine, make_plan, run_cells
from xgrad.techniques import Method
from xgrad.timing import clock, memory

POINTS = (25, 100, 400, 1600)  # of t-SNE: twice as many inputs
ALLOCATOR = "MALLOC_MMAP_THRESHOLD_"
ROUNDS, FEW = 7, 3  # and from 400 points on
ONCE = 1600  # points from which one round must do
INPUTS = 100  # of the differences
SAMPLES, BLOCK = 15, 1e-2  # of them, and seconds of one
SCIPY = "scipy.differentiate.jacobian"


# --- the harness ---------------------------------------------------------------------------------


class Inside:
    """Seconds spent in marked calls; a call inside another one counts once, for the outer."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._depth = 0

    def mark(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with its time kept under a name."""

        def marked(*arguments: Any, **keywords: Any) -> Any:
            if self._depth:
                return function(*arguments, **keywords)
            self._depth, started = 1, time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                spent = time.perf_counter() - started
                self.seconds[what] = self.seconds.get(what, 0.0) + spent
                self._depth = 0

        return marked


@contextmanager
def watched() -> Iterator[Inside]:
    """Mark what frameworks and referee do: preparing, computing and waiting; truths and noise."""
    inside, prepare = Inside(), Method.prepare
    kept = [(Method, "prepare", prepare)]

    def prepared(*arguments: Any) -> Any:
        return inside.mark("frameworks", inside.mark("frameworks", prepare)(*arguments))

    Method.prepare = prepared
    for owner in (Referee, ProgramReferee):
        kept.append((owner, "truth", owner.truth))
        owner.truth = inside.mark("referee", owner.truth)
    try:
        yield inside
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)


def overhead(rounds: int = FEW) -> pd.DataFrame:
    """A full run of the well-known cases in this process, imports done: where its time goes."""
    cases = ["calculus", "deep_learning/layers.py", "deep_learning/mlp.py", "embedding/tsne.py"]
    paths = [find_library(name) for name in [*cases, "deep_learning/softmax.py"]]
    xgrad.run(paths[:1], devices=("cpu",))
    rows = []
    for _ in range(rounds):
        with watched() as inside:
            started = time.perf_counter()
            frame = xgrad.run(paths, devices=("cpu",))
            total = time.perf_counter() - started
        part = {k: inside.seconds[k] for k in ("frameworks", "referee")}
        rest = total - sum(part.values())
        rows.append({"run": total, **part, "rest": rest, "overhead": rest / sum(part.values())})
    told = pd.DataFrame(rows).median()
    return pd.DataFrame([{"verdicts": len(frame), **told}])


def find_library(name: str) -> str:
    """A file or folder of the shipped cases."""
    from xgrad.problem.discovery import library

    return str(library() / name)


# --- the referee ---------------------------------------------------------------------------------


def check_grads_seconds(setting: Setting) -> float:
    """Time of `jax.test_util.check_grads` of the same gradient: one random direction."""
    import jax
    from jax.test_util import check_grads

    framework = find_framework("jax")
    with framework.scope("cpu"), jax.enable_x64(True):
        arguments = setting.arguments(framework, "cpu")
        f = setting.function(arguments)
        started = time.perf_counter()
        check_grads(f, arguments.xs, order=1, modes=("rev",))
        return time.perf_counter() - started


CHECKERS = {
    "certificate": lambda s: referee_seconds(s, noise=False),
    "referee": lambda s: referee_seconds(s, noise=True),
    "gradcheck": gradcheck_seconds,
    "check_grads": check_grads_seconds,
}


def referee(points: Sequence[int] = POINTS) -> pd.DataFrame:
    """Seconds of the referee's whole work and of two checkers on the gradient of t-SNE."""
    torch.set_num_threads(1)
    (case,) = xgrad.load_cases("tsne_kl")
    rows = []
    for n in points:
        case.sizes["here"] = {"n": n}
        setting = Setting.make(case, "here", "random", "float64", 0)
        found = interleaved(CHECKERS, setting, 1 if n >= ONCE else FEW if n >= 400 else ROUNDS)
        ratio = found["referee"] / found["gradcheck"]
        rows.append({"inputs": 2 * n, **found, "referee / gradcheck": ratio})
    return pd.DataFrame(rows)


def interleaved(
    jobs: dict[str, Callable[[Setting], float]], setting: Setting, rounds: int
) -> dict[str, float]:
    """The median seconds of each job, in turns; a first round warms up where there are several."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for k in range(rounds + (rounds > 1)):
        for name, job in jobs.items():
            taken = job(setting)
            if k or rounds == 1:
                seconds[name].append(taken)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


# --- differences ---------------------------------------------------------------------------------


def differences(rounds: int = SAMPLES) -> pd.DataFrame:
    """Gradients at 100 inputs by three kinds of extrapolated differences, and their errors."""
    rows = []
    for name, f in FUNCTIONS.items():
        setting = Setting.make(make_case(f), "here", "random", "float64", 0)
        x, truth = setting.inputs["x"], exact(f, setting.inputs["x"])
        jobs = {k: job(f, x, setting) for k, job in DIFFERENCES.items()}
        found = {k: job() for k, job in jobs.items()}
        seconds = interleaved({k: in_blocks(job) for k, job in jobs.items()}, setting, rounds)
        scipy = seconds[SCIPY]
        for k in jobs:
            error = float(np.max(np.abs(found[k] - truth)) / np.max(np.abs(truth)))
            rows.append({"function": name, "by": k, "seconds": seconds[k],
                         "over scipy": seconds[k] / scipy, "relative error": error})  # fmt: skip
    return pd.DataFrame(rows)


def in_blocks(job: Callable[[], Any]) -> Callable[[Setting], float]:
    """Seconds of a call, in blocks as xgrad's timer takes them, after one that is not timed."""
    job()
    once = clock.block(job, 1)

    def timed(_: Setting) -> float:
        job()
        return clock.block(job, max(1, round(BLOCK / once)))

    return timed


def make_case(f: Callable[..., Any]) -> Any:
    """A function of one vector as a case."""
    case = xgrad.case(wrt="x", sizes={"here": {"n": INPUTS}}, operators=("gradient",))(f)
    case.inputs(lambda rng, n: {"x": rng.normal(size=n)})
    return case


def log_sum_exp(xp: Any, x: Any) -> Any:
    """log Σ eˣ over the last axis."""
    return xp.log(xp.sum(xp.exp(x), axis=-1))


def chained_rosenbrock(xp: Any, x: Any) -> Any:
    """Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)² over the last axis."""
    a, b = x[..., :-1], x[..., 1:]
    return xp.sum(100 * (b - a * a) ** 2 + (1 - a) ** 2, axis=-1)


def student_energy(xp: Any, x: Any) -> Any:
    """log Σ_{i≠j} 1 / (1 + |x_i − x_j|²) of points in the plane, as in t-SNE; for one vector."""
    points = xp.reshape(x, (-1, 2))
    gaps = points[:, None, :] - points[None, :, :]
    return xp.log(xp.sum(1 / (1 + xp.sum(gaps * gaps, axis=-1))))


FUNCTIONS = {
    "log-sum-exp": log_sum_exp,
    "Rosenbrock": chained_rosenbrock,
    "Student energy": student_energy,
}
UNBATCHED = (student_energy,)  # scipy asks for functions of many points at once: it gets a loop


def exact(f: Callable[..., Any], x: np.ndarray) -> np.ndarray:
    """The gradient by autograd, which is right to the last digits here."""
    from array_api_compat import torch as xp

    t = torch.tensor(x, requires_grad=True)
    f(xp, t).backward()
    return t.grad.numpy()


def _xgrad(framework: str) -> Callable[..., Callable[[], np.ndarray]]:
    """xgrad's differences on a framework; torch and JAX map the function over all points."""

    def job(f: Any, x: np.ndarray, setting: Setting) -> Callable[[], np.ndarray]:
        method, at = Method(framework, "differences", ""), find_framework(framework)
        with at.scope("cpu"):
            compute = method.prepare(OPERATORS["gradient"], setting, "cpu")

        def call() -> np.ndarray:
            with at.scope("cpu"):
                return np.asarray(compute(setting).flat)

        return call

    return job


def _scipy(f: Any, x: np.ndarray, setting: Setting) -> Callable[[], np.ndarray]:
    from scipy.differentiate import jacobian

    def many(points: np.ndarray) -> np.ndarray:
        if f in UNBATCHED:
            return np.apply_along_axis(lambda point: f(np, point), 0, points)
        return f(np, np.moveaxis(points, 0, -1))

    return lambda: jacobian(many, x).df


def _numdifftools(f: Any, x: np.ndarray, setting: Setting) -> Callable[[], np.ndarray]:
    import numdifftools

    return lambda: numdifftools.Gradient(lambda xi: f(np, xi))(x)


DIFFERENCES = {
    "xgrad numpy.differences": _xgrad("numpy"),
    "xgrad torch.differences": _xgrad("torch"),
    "xgrad jax.differences": _xgrad("jax"),
    SCIPY: _scipy,
    "numdifftools.Gradient": _numdifftools,
}


# --- import and memory ---------------------------------------------------------------------------


def imports(rounds: int = ROUNDS) -> pd.DataFrame:
    """Seconds of new processes that import nothing, NumPy, and xgrad."""
    lines = {"nothing": "pass", "numpy": "import numpy", "xgrad": "import xgrad"}
    jobs = {k: (lambda _, line=line: _process(line)) for k, line in lines.items()}
    found = interleaved(jobs, None, rounds)
    return pd.DataFrame([{**found, "xgrad alone": found["xgrad"] - found["nothing"]}])


def _process(line: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", line], check=True)
    return time.perf_counter() - started


def memory_of_cells() -> pd.DataFrame:
    """Resident memory that a cell takes at its peak, and that it leaves behind, in megabytes."""
    plan = make_plan(xgrad.discovery.find_cases(()), Selection(devices=("cpu",)))
    cells = [c for c in plan.cells if c.point == "random"][::4]
    list(run_cells(plan, cells[:1], 0))
    rows = []
    for cell in cells:
        before = resident()
        peak = memory.host_peak(lambda c=cell: list(run_cells(plan, [c], 0)))
        gc.collect()
        rows.append({"peak": (peak or 0.0) / 1e6, "left": (resident() - before) / 1e6})
    told = pd.DataFrame(rows)
    return told.agg(["median", "max"]).rename_axis("MB of a cell").reset_index()


def resident() -> float:
    """Bytes of this process in memory."""
    return float(memory._status("VmRSS"))


# --- the report ----------------------------------------------------------------------------------

PARTS = {
    "overhead": (
        overhead,
        "The harness",
        "`xgrad.run` of the five source problems in one process, imports done, seconds (medians of "
        "3 runs). Inside are a method's preparation (tracing, compiling), its calls and the wait; "
        "and the referee's truth with its rounding noise. The rest is xgrad: planning, drawing "
        "inputs, checking results, comparing, hints, rows. Overhead is the rest over the inside.",
    ),
    "referee": (
        referee,
        "The referee",
        "Seconds for the gradient of t-SNE in float64. The certificate is the formula in balls "
        "against the definition; the referee's whole work adds the noise that makes the tolerance. "
        "`torch.autograd.gradcheck` in slow mode with its defaults takes every input, "
        "`jax.test_util.check_grads` one random direction: it is cheaper, and sees less.",
    ),
    "differences": (
        differences,
        "Differences",
        "A gradient of 100 inputs in float64: xgrad's extrapolated differences with their bound, "
        "`scipy.differentiate.jacobian` and `numdifftools.Gradient`, with defaults. torch and JAX "
        "take all points in one batch, whatever the function; scipy needs one that is written for "
        "many points, as the first two are; the third is called in a loop. Medians of 15 blocks "
        "of 10 ms.",
    ),
    "imports": (imports, "Import", "Seconds of a new process that imports it."),
    "memory": (
        memory_of_cells,
        "Memory",
        "Every fourth cell of `xgrad run`, size small, all methods, in one process.",
    ),
}


def title() -> str:
    """The heading, with where it ran."""
    about = describe_machine()
    names = ("numpy", "scipy", "torch", "jax", "python-flint")
    versions = ", ".join(f"{n} {about['versions'][n]}" for n in names)
    busy = os.getloadavg()[0]
    told = [f"{k}={os.environ[k]}" for k in (ALLOCATOR, "OMP_NUM_THREADS") if k in os.environ]
    command = " ".join([*told, "python benchmarks/own_cost.py", *sys.argv[1:]])
    return (
        f"# What xgrad costs\n\nMade by `{command}` on "
        f"{about['processor']}, {about['cores']} cores, Python {about['python']}, {versions}; load "
        f"average {busy:.1f} when it began. Interleaved, medians; on a busy machine believe the "
        "ratios rather than the seconds.\n"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--points", nargs="+", type=int, default=list(POINTS))
    given = parser.parse_args()
    print(title())
    for name in given.parts:
        make, heading, text = PARTS[name]
        found = make(given.points) if name == "referee" else make()
        print(f"## {heading}\n\n{text}\n")
        print(found.to_markdown(index=False, floatfmt=".3g"), end="\n\n", flush=True)


if __name__ == "__main__":
    main()

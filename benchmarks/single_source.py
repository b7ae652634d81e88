"""Cases written once beside the same problems written by hand for PyTorch and for JAX.

    python benchmarks/single_source.py
    python benchmarks/single_source.py gmm ode --framework torch --out /tmp

The derivative in reverse mode at GradBench's middle sizes, in float64 on one thread: of the case
as xgrad's method `torch.reverse` (autograd) or `jax.reverse` (under jit) takes it, and of the
function in `benchmarks/handwritten` by `torch.autograd.grad` or `jax.grad` under jit. Both are
compared first, then timed in turns by the clock of `xgrad time`. The table goes to
`results/single_source.md`, in a few minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import xgrad
from xgrad.frameworks import Framework, find_framework, leaves
from xgrad.problem import OPERATORS, Case, Setting
from xgrad.techniques import Method
from xgrad.timing import clock, spread, worker
from xgrad.timing.bench import make_call

HERE = Path(__file__).parent
CASES, RESULTS = HERE.parent / "cases" / "ad_benchmarks", HERE.parent / "results"
TOLERANCE = 1e-10  # of the largest element
SLOWER = 1.1  # a ratio beyond which the reason is looked for


@dataclass(frozen=True)
class Problem:
    """A case and its handwritten counterpart, with what is differentiated and at which size."""

    name: str
    case: str
    operator: str
    size: dict[str, Any]


# The middle of GradBench's sizes; its RK4 has a gradient of zero there, the next one has not.
PROBLEMS = (
    Problem("hello", "hello", "gradient", {"n": ()}),
    Problem("lse", "lse", "gradient", {"n": 40_000}),
    Problem("llsq", "llsq", "gradient", {"m": 128, "n": 512}),
    Problem("det", "det", "gradient", {"n": 8}),
    Problem("gmm", "gmm", "gradient", {"n": 1_000, "k": 25, "d": 20}),
    Problem("kmeans", "kmeans", "gradient", {"n": 10_000, "k": 100, "d": 8}),
    Problem("ba", "ba_products", "vjp", {"n": 49, "m": 7_776, "p": 31_843}),
    Problem("hand", "hand", "vjp", {"fingers": 5, "vertices": 544, "points": 192}),
    Problem(
        "diagonal_lstm",
        "diagonal_lstm",
        "gradient",
        {"layers": 2, "characters": 1_024, "bits": 14},
    ),
    Problem("ode", "ode", "gradient", {"n": 10_000, "s": 10}),
    Problem("ode", "ode", "gradient", {"n": 300, "s": 300}),
)

Run = Callable[..., Any]  # xs, rest, v, w -> the derivative


def handwritten(framework: Framework, name: str) -> Callable[..., Any]:
    """The function of that name in plain PyTorch or JAX."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    if framework.name == "torch":
        from handwritten import torch_problems as problems
    else:
        from handwritten import jax_problems as problems
    return getattr(problems, name)


def by_position(framework: Framework, name: str, setting: Setting) -> Callable[..., Any]:
    """A handwritten function of the differentiated inputs and a dictionary of the others."""
    function, case = handwritten(framework, name), setting.case
    order = list(signature(case.function).parameters)[1:]

    def f(xs: Any, rest: Any) -> Any:
        named = {**dict(zip(case.wrt, xs, strict=True)), **rest, **setting.static}
        return function(*(named[each] for each in order))

    return f


def derivative(framework: Framework, name: str, setting: Setting) -> Run:
    """The derivative of a handwritten function, as one writes it in that framework."""
    f = by_position(framework, name, setting)
    return in_torch(f) if framework.name == "torch" else in_jax(f)


def in_torch(f: Callable[..., Any]) -> Run:
    """`torch.autograd.grad`; w is None for a scalar."""
    import torch

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        xs = [x.detach().requires_grad_() for x in xs]
        return torch.autograd.grad(f(xs, rest), xs, w)

    return run


def in_jax(f: Callable[..., Any]) -> Run:
    """`jax.grad` of a scalar, else `jax.vjp`, under `jax.jit`."""
    import jax

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        if w is None:
            return jax.grad(f)(xs, rest)
        return jax.vjp(lambda xs: f(xs, rest), xs)[1](w)[0]

    return jax.jit(run)


def make_setting(problem: Problem, size: dict[str, Any] | None = None) -> Setting:
    """The case at the problem's own size, or at another one."""
    (case,) = (c for c in all_cases() if c.name == problem.case)
    case.sizes["here"] = problem.size if size is None else size
    return Setting.make(case, "here", "random", "float64", 0)


def all_cases() -> list[Case]:
    """The AD benchmarks of the library."""
    return xgrad.load_cases(CASES)


def gap(framework: Framework, one: Any, other: Any) -> float:
    """The largest difference over the largest element; 0 where both are zero."""
    a, b = (
        np.concatenate([framework.get(part).reshape(-1) for part in leaves(tuple(each))])
        for each in (one, other)
    )
    largest = np.max(np.abs(b))
    return float(np.max(np.abs(a - b)) / largest) if largest else float(np.max(np.abs(a)))


def compare(problem: Problem, framework: Framework, setting: Setting) -> dict[str, float]:
    """Check that both derivatives agree, then time them in turns; raises where they do not."""
    method, operator = Method(framework.name, "reverse", ""), OPERATORS[problem.operator]
    with framework.scope():
        single = method.prepare(operator, setting, "cpu")
        runs = [single.run, derivative(framework, problem.name, setting)]
        given = single.put(setting)
        found = gap(framework, *(framework.wait(run(*given)) for run in runs))
    if not found <= TOLERANCE:
        raise AssertionError(f"{problem.name} in {framework.name}: they differ by {found:.1e}")
    subjects = [clock.Subject(partial(loop, framework, run), framework.scope) for run in runs]
    rng = np.random.default_rng(0)
    clock.measure(subjects, lambda: given_to(framework, single, setting), rng)
    for subject in subjects:
        if subject.fault is not None:
            raise subject.fault
    one, other = (subject.samples for subject in subjects)
    ratio = spread.ratio(one, other, rng)
    return {
        "single-source ms": 1e3 * spread.median(one),
        "handwritten ms": 1e3 * spread.median(other),
        "ratio": ratio.value,
        "low": ratio.low,
        "high": ratio.high,
        "samples": min(len(one), len(other)),
        "disturbed": sum(s.disturbed for s in subjects),
        "differ by": found,
    }


def given_to(framework: Framework, single: Any, setting: Setting) -> Any:
    """Fresh arrays of the framework."""
    with framework.scope():
        return single.put(setting)


def loop(framework: Framework, run: Run, given: Any) -> clock.Loop:
    """Blocks of calls at these arrays, each call with the wait for its result."""
    return partial(clock.block, make_call(framework, "cpu", run, given))


PAGE = """# Written once, and written by hand

Made by `{command}`.

The same problems twice: the case in `cases/ad_benchmarks`, differentiated as xgrad's
`torch.reverse` and `jax.reverse`, and plain PyTorch and JAX in `benchmarks/handwritten`,
differentiated by `torch.autograd.grad` and by `jax.grad` or `jax.vjp` under `jax.jit`. Gradients of
scalars, for `ba` and `hand` a product with the transposed Jacobian; float64, one thread, one pinned
core; the sizes are GradBench's middle ones. Times are medians of blocks of 5 ms or more, taken in
turns in one process; *interval* is that of the ratio, 95%. Before, both derivatives were found to
agree to {tolerance:g} of the largest element.

{table}

- Of `ode` at n = 10,000 and s = 10, GradBench's size, the gradient is zero: the other row is a size
  at which it is not.

{verdict}

## Machine

{machine}
"""


def write_page(frame: pd.DataFrame, about: dict[str, Any], out: Path, command: str) -> None:
    """Write `single_source.md`."""
    slow = frame[frame.ratio > SLOWER]
    named = ", ".join(slow.problem + " in " + slow.framework) or "nothing"
    verdict = f"Slower than by hand by more than 10%: {named}."
    shown = frame.drop(columns=["low", "high"])
    shown.insert(
        shown.columns.get_loc("ratio") + 1,
        "interval",
        [f"{low:.2f} to {high:.2f}" for low, high in zip(frame.low, frame.high, strict=True)],
    )
    decimals = {"single-source ms": ".3f", "handwritten ms": ".3f", "ratio": ".2f"}
    decimals["differ by"] = ".0e"
    table = shown.to_markdown(index=False, floatfmt=[decimals.get(c, "g") for c in shown.columns])
    versions = {k: v for k, v in about["versions"].items() if v}
    about = {**about, "versions": ", ".join(f"{k} {v}" for k, v in versions.items())}
    about.pop("import_seconds")
    text = PAGE.format(
        command=command,
        tolerance=TOLERANCE,
        table=table,
        verdict=verdict,
        machine="\n".join(f"- {key}: {value}" for key, value in about.items()),
    )
    (out / "single_source.md").write_text(text)


def main() -> None:
    """Compare and write the page."""
    names = tuple(dict.fromkeys(p.name for p in PROBLEMS))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("problem", nargs="*", default=[], help=f"default: {', '.join(names)}")
    parser.add_argument("--framework", choices=("torch", "jax"), action="append")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page goes")
    chosen = parser.parse_args()
    if unknown := sorted(set(chosen.problem) - set(names)):
        parser.error(f"no problem {', '.join(unknown)}; there are: {', '.join(names)}")
    os.environ.update(worker.variables(1))  # before the frameworks are imported
    about = worker.settle(1)
    rows = []
    for problem in PROBLEMS:
        if chosen.problem and problem.name not in chosen.problem:
            continue
        setting = make_setting(problem)
        for name in chosen.framework or ("torch", "jax"):
            sizes = ", ".join(f"{k} {v:,}" for k, v in problem.size.items() if v != ())
            row = {"problem": problem.name, "size": sizes, "inputs": setting.x_size}
            row |= {"framework": name, **compare(problem, find_framework(name), setting)}
            print({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})
            rows.append(row)
    chosen.out.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python benchmarks/single_source.py", *sys.argv[1:]])
    write_page(pd.DataFrame(rows), about, chosen.out, command)


if __name__ == "__main__":
    main()

"""How what xgrad does grows with the inputs, beside the function itself.

A check is run whole, as its users run it, and what is spent inside of it is told apart: the
candidate (the derivative in exact numbers), its certificate (the function against it), the rounding
noise that makes the tolerance, and the verdict, which is everything. Each counts without what is
inside of it and has a name of its own, the verdict with.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

from .profiles import find_profile

STAGES = ("function", "gradient", "candidate", "certificate", "noise", "verdict")
# What is marked as which stage: a module, and a function of it or a method of a class there.
MARKED = {
    "candidate": (
        ("xgrad.referee.own", "OwnDerivative.evaluate"),
        ("xgrad.referee.referee", "Referee._evaluate"),
        ("xgrad.referee.doubled", "FormulaInPairs.candidate"),
    ),
    "certificate": (
        ("xgrad.referee.certificate", "Certifier.confirmed"),
        ("xgrad.referee.sloping", "Sloping.confirmed"),
    ),
    "noise": (
        ("xgrad.referee.own", "rounded_errors"),
        ("xgrad.referee.referee", "measured"),
        ("xgrad.referee.doubled", "measured_in_floats"),
    ),
}
CALLS = 5  # of the function and its gradient, of which the median counts

Call = Callable[[], Any]


# --- what is looked at ----------------------------------------------------------------------------


def _torch(n: int) -> tuple[Call, Call, Call]:
    """log Σ exp(x tanh x): the function, its gradient, and a check of it."""
    import torch

    import xgrad

    x = torch.linspace(-2.0, 2.0, n, dtype=torch.float64, requires_grad=True)

    def f(x: Any) -> Any:
        return torch.logsumexp(x * torch.tanh(x), 0)

    return (lambda: f(x), lambda: torch.autograd.grad(f(x), x),
            lambda: xgrad.check(f, x, methods="torch.reverse"))  # fmt: skip


def _torch_network(n: int) -> tuple[Call, Call, Call]:
    """The loss of two layers by about n weights."""
    import torch

    import xgrad

    torch.manual_seed(0)
    width = max(1, round(n / 16))
    make = {"dtype": torch.float64}
    a = torch.randn(width, 8, **make).requires_grad_()
    b = (torch.randn(8, width, **make) / width**0.5).requires_grad_()
    data, target = torch.randn(4, 8, **make), torch.tensor([0, 3, 1, 7])

    def f(a: Any, b: Any) -> Any:
        hidden = torch.nn.functional.gelu(data @ a.T)
        return torch.nn.functional.cross_entropy(hidden @ b.T, target)

    return (lambda: f(a, b), lambda: torch.autograd.grad(f(a, b), (a, b)),
            lambda: xgrad.check(f, (a, b), methods="torch.reverse"))  # fmt: skip


def _jax(n: int) -> tuple[Call, Call, Call]:
    """log Σ exp(x tanh x), under jit."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    import xgrad

    jax.config.update("jax_enable_x64", True)
    x = jnp.asarray(np.linspace(-2.0, 2.0, n))

    def f(x: Any) -> Any:
        return jax.nn.logsumexp(x * jnp.tanh(x))

    fast, slope = jax.jit(f), jax.jit(jax.grad(f))
    return (lambda: fast(x).block_until_ready(), lambda: slope(x).block_until_ready(),
            lambda: xgrad.check(f, x, methods="jax.reverse"))  # fmt: skip


def _formula(n: int) -> tuple[Call, Call, Call]:
    """log Σ exp(x tanh x) with its gradient by hand, NumPy-style."""
    import numpy as np

    import xgrad
    from xgrad.frameworks import find_framework

    def f(xp: Any, x: Any) -> Any:
        return xp.logsumexp(x * xp.tanh(x))

    def by_hand(xp: Any, x: Any) -> Any:
        t = xp.tanh(x)
        return xp.softmax(x * t) * (t + x * (1 - t * t))

    x = np.linspace(-2.0, 2.0, n)
    xp = find_framework("numpy").namespace("float64")
    return (lambda: f(xp, x), lambda: by_hand(xp, x),
            lambda: xgrad.check(f, {"x": x}, formula=by_hand, methods="numpy.formula"))  # fmt: skip


SUBJECTS = {
    "torch": _torch,
    "torch network": _torch_network,
    "JAX": _jax,
    "formula": _formula,
}


# --- measuring ------------------------------------------------------------------------------------


@contextmanager
def marked() -> Iterator[dict[str, float]]:
    """Seconds by stage of what runs inside: of the innermost stage that is running."""
    spent: dict[str, float] = defaultdict(float)
    running: list[tuple[str, float]] = []

    def mark(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **keywords: Any) -> Any:
            now = time.perf_counter()
            if running:
                spent[running[-1][0]] += now - running[-1][1]
            running.append((stage, now))
            try:
                return function(*arguments, **keywords)
            finally:
                then = time.perf_counter()
                spent[stage] += then - running.pop()[1]
                if running:
                    running[-1] = (running[-1][0], then)

        return timed

    with ExitStack() as stack:
        for stage, places in MARKED.items():
            for module, path in places:
                *owners, name = path.split(".")
                owner = import_module(module)
                for each in owners:
                    owner = getattr(owner, each)
                stack.enter_context(patch.object(owner, name, mark(stage, getattr(owner, name))))
        yield spent


def seconds(subject: str, n: int) -> dict[str, float]:
    """Of each stage at so many inputs, the second time that it is asked for."""
    function, gradient, check = SUBJECTS[subject](n)
    found = {"function": _median(function), "gradient": _median(gradient)}
    check()
    with marked() as spent:
        started = time.perf_counter()
        rows = check()
        found["verdict"] = time.perf_counter() - started
    if set(rows["verdict"]) - {"agrees", "unstable"}:
        raise ValueError(f"{subject} of {n}: {set(rows['verdict'])}")
    return {stage: found.get(stage, spent.get(stage, float("nan"))) for stage in STAGES}


def _median(call: Call) -> float:
    call()
    taken = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def exponents(sizes: Sequence[int], found: Sequence[dict[str, float]]) -> dict[str, float]:
    """p of seconds ≈ c nᵖ, of each stage."""
    from xgrad.timing.spread import exponent

    columns = {stage: [row[stage] for row in found] for stage in STAGES}
    return {stage: exponent(sizes, column).value for stage, column in columns.items()}


class Growth:
    """The exponents over the upper decades, night by night."""

    params = (tuple(SUBJECTS), STAGES)
    param_names = ("function", "stage")
    timeout = 60.0

    def setup_cache(self) -> dict[str, dict[str, float]]:
        """Measured once, in one process."""
        sizes = find_profile().inputs
        return {s: exponents(sizes, [seconds(s, n) for n in sizes]) for s in SUBJECTS}

    setup_cache.timeout = 600.0

    def track_exponent(self, cache: dict[str, dict[str, float]], subject: str, stage: str) -> float:
        """Of the seconds that it takes, in the inputs."""
        return round(cache[subject][stage], 3)

    track_exponent.unit = "power"
    track_exponent.version = "1"

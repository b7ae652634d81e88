"""What a verdict on a torch or JAX function costs, beside slow-mode `gradcheck` and `check_grads`.

    OMP_NUM_THREADS=1 python benchmarks/program_cost.py

A verdict is a whole `xgrad.check` of the reverse mode in float64: the program in balls, the
definition, the framework's own numbers, the row. The first check of a function and one at another
point are interleaved with the framework's own checker in one process; medians of the rounds. The
table goes to `results/program_cost.md`.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import xgrad
from xgrad.running import describe_machine

ROUNDS = 3
SLOW = 60.0  # seconds: a checker that takes longer is asked once
RESULTS = Path(__file__).parents[1] / "results"
HEAD = """# What a verdict on a program costs

Made by `OMP_NUM_THREADS=1 python benchmarks/program_cost.py`: whole checks of reverse mode in
float64, medians of three rounds in one process, beside `torch.autograd.gradcheck` in slow mode and
`jax.test_util.check_grads`, which follows one random direction. Those see six digits, where a
certificate has forty.

"""


class Subject(NamedTuple):
    """A function, how its inputs are drawn, and the framework's own checker, where it ends."""

    name: str
    framework: str
    function: Callable[..., Any]
    draw: Callable[[np.random.Generator], tuple[Any, ...]]
    peer: Callable[..., Any] | None


def torch_subjects() -> list[Subject]:
    """An MLP's loss in three sizes, a recurrent network and a transformer's layer."""
    import torch
    from torch import nn

    def gradcheck(function: Any, inputs: Any) -> None:
        assert torch.autograd.gradcheck(function, [x.requires_grad_() for x in inputs])

    def loss(x: Any, w: Any, b: Any, u: Any, c: Any) -> Any:
        z = torch.tanh(x @ w + b) @ u + c
        return (torch.logsumexp(z, 1) - z[:, 0]).mean()

    def sized(n: int, i: int, h: int, o: int) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        shapes = (n, i), (i, h), (h,), (h, o), (o,)
        return lambda rng: tuple(torch.from_numpy(rng.standard_normal(s)) for s in shapes)

    def module(made: nn.Module, *shape: int) -> tuple[Any, Any]:
        made = made.double().eval()
        names = [name for name, _ in made.named_parameters()]

        def called(x: Any, *parameters: Any) -> Any:
            bound = dict(zip(names, parameters, strict=True))
            y = torch.func.functional_call(made, bound, (x,))
            return y[0] if isinstance(y, tuple) else y

        def drawn(rng: np.random.Generator) -> tuple[Any, ...]:
            shapes = [shape, *(p.shape for p in made.parameters())]
            return tuple(torch.from_numpy(rng.standard_normal(tuple(s)) / 4) for s in shapes)

        return called, drawn

    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
    return [
        *(
            Subject("MLP's loss, {} × {} → {} → {}".format(*s), "torch", loss, sized(*s), gradcheck)
            for s in ((4, 5, 6, 3), (8, 16, 32, 10), (16, 32, 64, 10))
        ),
        Subject("LSTM, two layers, 2 × 10 × 16 → 20", "torch",
                *module(nn.LSTM(16, 20, 2, batch_first=True), 2, 10, 16), None),
        Subject("TransformerEncoderLayer, 2 × 8 × 32", "torch", *module(layer, 2, 8, 32), None),
    ]  # fmt: skip


def jax_subjects() -> list[Subject]:
    """An MLP's loss of 25,000 multiply-adds, and attention over 48 tokens."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(x: Any, w: Any, b: Any, u: Any) -> Any:
        return jnp.sum(jax.nn.logsumexp(jnp.tanh(x @ w + b) @ u, axis=1))

    def attention(q: Any, k: Any, v: Any) -> Any:
        return jnp.sum(jnp.tanh(jax.nn.softmax(q @ k.T / jnp.sqrt(1.0 * q.shape[1])) @ v))

    def sized(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], tuple[Any, ...]]:
        return lambda rng: tuple(jnp.asarray(rng.standard_normal(s)) for s in shapes)

    def check_grads(function: Any, inputs: Any) -> None:
        jax.test_util.check_grads(function, inputs, order=1, modes=["rev"])

    import jax.test_util

    return [
        Subject("MLP's loss, 16 × 32 → 40 → 10", "jax", loss,
                sized((16, 32), (32, 40), (40,), (40, 10)), check_grads),
        Subject("attention, 48 × 32", "jax", attention, sized(*[(48, 32)] * 3), check_grads),
    ]  # fmt: skip


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def verdict(subject: Subject, function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    """A whole check, which must end well."""
    frame = xgrad.check(
        function, inputs, methods=(f"{subject.framework}.reverse",), dtypes=("float64",)
    )
    assert set(frame["verdict"]) == {"agrees"}, frame[["verdict", "message"]]
    assert set(frame["referee"]) == {"certified"}, frame[["referee", "message"]]


def measured(subject: Subject) -> dict[str, Any]:
    """The row of the table: medians of rounds, each with a function that nobody has seen."""
    first, again, peer = [], [], []
    count = 0
    for k in range(ROUNDS + 1):  # the first pays for what is loaded at first use
        here, there = (subject.draw(np.random.default_rng([k, n])) for n in (0, 1))
        fresh = lambda *xs: subject.function(*xs)  # noqa: E731  another function each time
        count = sum(int(np.prod(np.shape(x))) for x in here)
        first.append(seconds(lambda f=fresh, x=here: verdict(subject, f, x)))
        again.append(seconds(lambda f=fresh, x=there: verdict(subject, f, x)))
        if subject.peer is not None and (not peer or peer[-1] < SLOW):
            peer.append(seconds(lambda f=fresh, x=here: subject.peer(f, x)))
    kept = [statistics.median(each[1:] or each) if each else None for each in (first, again, peer)]
    return {
        "framework": subject.framework,
        "function": subject.name,
        "inputs": count,
        "xgrad, s": kept[0],
        "at another point, s": kept[1],
        "its own checker, s": kept[2],
        "ratio": kept[0] / kept[2] if kept[2] else None,
    }


def about() -> str:
    """The machine, as a list."""
    return "\n".join(f"- {name}: {value}" for name, value in describe_machine().items())


def main() -> None:
    """Measure, print and write the table."""
    import pandas as pd
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = []
    for subject in [*torch_subjects(), *jax_subjects()]:
        rows.append(measured(subject))
        print(rows[-1], file=sys.stderr)
    table = pd.DataFrame(rows).to_markdown(index=False, floatfmt=".3g")
    text = f"{HEAD}{table}\n\n## Machine\n\n{about()}\n"
    (RESULTS / "program_cost.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()

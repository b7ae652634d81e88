"""Random torch networks of 5 to 40 operations, with rules that are wrong where one says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch._decomp import decomposition_table

from xgrad.programs.torch import mode
from xgrad.programs.torch.boxes import TABLE

aten = torch.ops.aten
SIDE = 3
SLIPS = ("factor", "sign", "transpose", "missing")


def slipped(g: torch.Tensor, slip: str) -> torch.Tensor:
    """A gradient with a mistake."""
    if slip == "transpose":
        return g.mT.contiguous()
    return g * {"": 1.0, "factor": 1.5, "sign": -1.0, "missing": 1 - 1e-6}[slip]


class Product(torch.autograd.Function):
    """x @ w, with a mistake in the gradient of w."""

    @staticmethod
    def forward(ctx, x, w, slip):
        ctx.save_for_backward(x, w)
        ctx.slip = slip
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.mT, slipped(x.mT @ g, ctx.slip), None


class Gate(torch.autograd.Function):
    """x sin(y), with a mistake in the gradient of x; without a context in `forward`."""

    @staticmethod
    def forward(x, y, slip):
        return x * torch.sin(y)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, y, ctx.slip = inputs
        ctx.save_for_backward(x, y)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return slipped(g * torch.sin(y), ctx.slip), g * x * torch.cos(y), None


class Norm(torch.autograd.Function):
    """x / |x|, row by row, in which a term of the gradient may be missing."""

    @staticmethod
    def forward(ctx, x, slip):
        r = (x * x).sum(-1, keepdim=True).sqrt()
        ctx.save_for_backward(x, r)
        ctx.slip = slip
        return x / r

    @staticmethod
    def backward(ctx, g):
        x, r = ctx.saved_tensors
        inner = (g * x).sum(-1, keepdim=True) * (1 - 1e-6 if ctx.slip == "missing" else 1)
        made = g / r - x * inner / r**3
        return made if ctx.slip == "missing" else slipped(made, ctx.slip), None


product, gate, norm = Product.apply, Gate.apply, Norm.apply

Operation = Callable[[torch.Tensor, torch.Tensor, str], torch.Tensor]
OPERATIONS: dict[str, Operation] = {
    "tanh": lambda x, w, s: torch.tanh(x),
    "sigmoid": lambda x, w, s: torch.sigmoid(x),
    "softplus": lambda x, w, s: torch.nn.functional.softplus(x),
    "softmax": lambda x, w, s: torch.softmax(x, -1),
    "gelu": lambda x, w, s: torch.nn.functional.gelu(x),
    "matmul": lambda x, w, s: x @ w,
    "linear": lambda x, w, s: torch.nn.functional.linear(x, w, w[0]),
    "residual": lambda x, w, s: x + torch.sin(x) * w,
    "views": lambda x, w, s: torch.cat([x[1:], x[:1].flip(-1)]).mT.contiguous(),
    "in place": lambda x, w, s: (x * 2).add_(w).mul_(x),
    "rows": lambda x, w, s: x / (1 + x.pow(2).sum(-1, keepdim=True)),
    "detached": lambda x, w, s: x * torch.ones_like(w).detach() + w.exp().mean(),
}
CUSTOM: dict[str, Operation] = {
    "Product.backward": product,
    "Gate.backward": gate,
    "Norm.backward": lambda x, w, s: norm(x, s),
}
# aten's own rules, by what runs them, and the name of the node.
ATEN = {"tanh": "TanhBackward0", "sigmoid": "SigmoidBackward0", "softmax": "SoftmaxBackward0"}


@dataclass
class Network:
    """A chain of operations on a square matrix, each with weights; some of them slip."""

    names: list[str]
    slips: dict[int, str] = field(default_factory=dict)

    @classmethod
    def draw(cls, rng: np.random.Generator, planted: int = 1) -> Network:
        """With so many mistakes in custom functions."""
        names = list(rng.choice([*OPERATIONS, *CUSTOM], rng.integers(5, 41)))
        slips = {}
        for k in sorted(rng.choice(len(names), planted, replace=False)):
            names[k] = str(rng.choice(list(CUSTOM)))
            slips[int(k)] = str(rng.choice(SLIPS))
        return cls([str(n) for n in names], slips)

    def __call__(self, x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        skipped = x
        for k, name in enumerate(self.names):
            w = weights[k % len(weights)]
            x = {**OPERATIONS, **CUSTOM}[name](x, w, self.slips.get(k, ""))
            if k % 4 == 3:
                x, skipped = x + 0.3 * skipped, x
        return (x * x + x).sum()


@contextmanager
def wrong_rule(name: str, slip: str) -> Any:
    """aten's rule of an operation with a mistake, everywhere."""
    packet = {"tanh": "tanh_backward", "sigmoid": "sigmoid_backward",
              "softmax": "_softmax_backward_data"}[name]  # fmt: skip
    function = getattr(aten, packet).default
    right = decomposition_table[function]

    def wrong(*args: Any, **kwargs: Any) -> torch.Tensor:
        return slipped(right(*args, **kwargs), slip)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(decomposition_table, {function: wrong}))
        stack.enter_context(mock.patch.dict(mode._ACTS, clear=False))
        mode._ACTS[TABLE, function] = packet, mode._by_table, ()
        yield


def at(rng: np.random.Generator, weights: int = 3) -> list[np.ndarray]:
    """The inputs of a network."""
    return [rng.normal(size=(SIDE, SIDE)) for _ in range(weights + 1)]

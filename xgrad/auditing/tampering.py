"""Mistakes inside a formula or a function: one operation of it goes wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.numbers import Ball, Spoiling, Tampered, ball, bare, midpoint, rounded
from xgrad.problem import Arguments, Setting
from xgrad.referee import Candidate

MOST = 12  # operations of a kind that are tried


# --- kinds of mistakes ---------------------------------------------------------------------------


def _both_arrays(operands: list[Any]) -> bool:
    return all(hasattr(a, "shape") and len(a.shape) > 0 for a in operands[:2])


def _square_second(operands: list[Any]) -> bool:
    shape = list(getattr(operands[-1], "shape", ()))
    return len(shape) == 2 and shape[0] == shape[1] > 1


def _norm(value: Any) -> float:
    host = midpoint(value) if isinstance(value, Ball) else np.asarray(value)
    return float(np.max(np.abs(host), initial=0.0))


def _keep_larger(name: str, function: Any, operands: list[Any], result: Any) -> Any:
    a, b = operands
    if _norm(a) >= _norm(b):
        return a + b * 0
    return a * 0 + (b if name == "add" else -b)


def _transpose_second(name: str, function: Any, operands: list[Any], result: Any) -> Any:
    a, b = operands
    turned = b.namespace.matrix_transpose(b) if isinstance(b, Ball) else b.T
    return function(a, turned)


def _through_float32(name: str, function: Any, operands: list[Any], result: Any) -> Any:
    if isinstance(result, Ball):
        return ball(rounded(midpoint(result), "float32"))
    return rounded(np.asarray(result), "float32")


def _detach(name: str, function: Any, operands: list[Any], result: Any) -> Any:
    return result.detach()


_ROUNDING = frozenset(
    [
        *("add", "subtract", "multiply", "divide", "exp", "log", "sum", "matmul"),
        *("expit", "tanh", "sqrt"),
    ]
)

SPOILINGS = (
    Spoiling("small term dropped", frozenset({"add", "subtract"}), _both_arrays, _keep_larger),
    Spoiling("operand transposed", frozenset({"matmul"}), _square_second, _transpose_second),
    Spoiling("float32 inside", _ROUNDING, lambda operands: True, _through_float32),
)
DETACHED = Spoiling(
    "detached branch", _ROUNDING | {"softmax", "logsumexp"}, lambda operands: True, _detach
)


def count_targets(spoiling: Spoiling, compute: Candidate, setting: Setting) -> int:
    """How many operations of a formula a mistake can befall."""
    xp = _namespace(spoiling, "float64", -1)
    _run(xp, compute, setting, "numpy", "float64")
    return min(xp.seen, MOST)


def tampered(
    spoiling: Spoiling, target: int, compute: Candidate, setting: Setting, framework: str
) -> Any:
    """The flat result of a formula whose operation `target` is spoiled, in NumPy or in balls."""
    xp = _namespace(spoiling, setting.dtype, target, framework)
    return _run(xp, compute, setting, framework, setting.dtype)


def _namespace(spoiling: Spoiling, dtype: str, target: int, framework: str = "numpy") -> Tampered:
    found = find_framework(framework)
    return Tampered(found.namespace(dtype), found.is_array, spoiling, target)


def _run(xp: Tampered, compute: Candidate, setting: Setting, framework: str, dtype: str) -> Any:
    found = find_framework(framework)
    plain = setting.arguments(found, "cpu", dtype=dtype)
    arguments = Arguments(
        xp,
        tuple(xp.wrapped(a) for a in plain.xs),
        {k: xp.wrapped(a) for k, a in plain.rest.items()},
        plain.static,
    )
    v = tuple(xp.wrapped(found.put(a, dtype)) for a in setting.v)
    with np.errstate(all="ignore"):
        return bare(compute(arguments, v, xp.wrapped(found.put(setting.w, dtype))))


def detached(target: int, setting: Setting) -> tuple[np.ndarray, int]:
    """The gradient by torch's autograd with operation `target` cut off, and how many there are."""
    import torch

    found = find_framework("torch")
    xp = _namespace(DETACHED, setting.dtype, target, "torch")
    plain = setting.arguments(found, "cpu")
    leaves = tuple(x.requires_grad_() for x in plain.xs)
    rest = {k: xp.wrapped(a) for k, a in plain.rest.items()}
    wrapped = tuple(xp.wrapped(x) for x in leaves)
    y = bare(setting.function(Arguments(xp, wrapped, rest, plain.static))(*wrapped))
    if not y.requires_grad:
        return np.zeros(setting.x_size), min(xp.seen, MOST)
    parts = torch.autograd.grad(y, leaves, allow_unused=True, materialize_grads=True)
    return np.concatenate([found.get(p).reshape(-1) for p in parts]), min(xp.seen, MOST)

"""torch: the tape called otherwise, twice, inside checkpoints, transforms and compilers."""

from __future__ import annotations

from functools import partial
from typing import Any

from xgrad.frameworks import find_framework
from xgrad.techniques.invariance.presentation import Call, Run
from xgrad.techniques.invariance.torch_layouts import (
    furthest,
    in_full,
    leaf,
    plainly,
    pulled,
    pulled_rows,
)

Axes = tuple[int | None, ...]
NEARER = 2.0**-4  # by which the other rows of a batch are further from zero
CHANGED = "inplace"  # in what torch says of memory that was changed


def twice(f: Any, xs: Any, w: Any) -> Any:
    """The second backward pass on one graph."""
    at = [leaf(x) for x in xs]
    y = f(*at)
    pulled(y, at, w.clone(), keep=True)
    return pulled(y, at, w)


def of_inputs(call: Call) -> Run:
    """The derivative of ⟨gradient, v⟩ by the inputs.

    The cotangent requires a gradient, and `backward` visits the whole graph: without either
    `once_differentiable` ends in silence.
    """

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        at, _, along = _along(partial(call, rest), xs, v)
        return _collected(along, at)

    return run


def of_cotangent(call: Call) -> Run:
    """J v as the derivative of ⟨wᵀJ, v⟩ by the cotangent w."""

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        _, cotangent, along = _along(partial(call, rest), xs, v)
        return _collected(along, [cotangent])[0]

    return run


def _along(f: Any, xs: Any, v: Any) -> tuple[list[Any], Any, Any]:
    """Inputs, cotangent, and the cotangents of the inputs along v, with their graph."""
    import torch

    at = [leaf(x) for x in xs]
    y = f(*at)
    w = leaf(torch.ones_like(y))
    pull = pulled(y, at, w, again=True)
    return at, w, torch.stack([(g * a).sum() for g, a in zip(pull, v, strict=True)]).sum()


def _collected(y: Any, at: Any, w: Any = None) -> tuple[Any, ...]:
    """What `y.backward(w)` leaves in the gradients of leaves."""
    if y.requires_grad:
        y.backward(w)
    return in_full(at, [x.grad for x in at])


def checkpointed(reentrant: bool, f: Any, xs: Any, w: Any) -> Any:
    """Recomputed in the backward pass."""
    from torch.utils.checkpoint import checkpoint

    at = [leaf(x) for x in xs]
    return _collected(checkpoint(f, *at, use_reentrant=reentrant), at, w)


def changed(f: Any, xs: Any, w: Any) -> Any:
    """What is left of the derivative where an input or the value is changed in between.

    That must raise, or change nothing; of several results the furthest off.
    """
    plain = plainly(f, xs, w.clone())
    found = [each for k in range(len(xs) + 1) if (each := _changed(f, xs, w, k)) is not None]
    columns = zip(*found, strict=True) if found else [()] * len(plain)
    return tuple(furthest(each, p) for each, p in zip(columns, plain, strict=True))


def _changed(f: Any, xs: Any, w: Any, k: int) -> Any:
    """With the k-th input changed, or the value; None where that raises."""
    import torch

    at = [leaf(x.clone()) for x in xs]
    y = f(*at)
    try:
        with torch.no_grad():
            (*at, y)[k].mul_(2).add_(1)
    except RuntimeError:
        return None  # a value that cannot be changed in place
    try:
        return pulled(y, at, w.clone())
    except RuntimeError as error:
        if CHANGED in str(error):
            return None
        raise


# --- transforms -----------------------------------------------------------------------------------


def transformed(f: Any, xs: Any, w: Any) -> Any:
    """`torch.func` in place of the tape."""
    return find_framework("torch").transforms("reverse", "func").pull(f, xs, w, again=False)


def mapped(f: Any, xs: Any, w: Any) -> Any:
    """In the middle of a batch: over first axes, over last ones, over one input alone."""
    import torch

    plain = plainly(f, xs, w.clone())
    count = len(xs)
    ways: list[Axes] = [(0,) * count, tuple(-1 if x.ndim else 0 for x in xs)]
    ways += [tuple(0 if i == k else None for i in range(count)) for k in range(count * (count > 1))]
    found = []
    for axes in dict.fromkeys(ways):
        at = [_batch(x, axis) for x, axis in zip(xs, axes, strict=True)]
        y = torch.func.vmap(f, in_dims=axes)(*at)
        pull = pulled(y[1], at, w.clone())
        found.append([g if a is None else g.select(a, 1) for g, a in zip(pull, axes, strict=True)])
    return tuple(furthest(each, p) for each, p in zip(zip(*found, strict=True), plain, strict=True))


def _batch(x: Any, axis: int | None) -> Any:
    import torch

    if axis is None:
        return leaf(x)
    beside = x * (1 + NEARER)
    return leaf(torch.stack((beside, x, beside), dim=axis))


def mapped_cotangents(f: Any, xs: Any, w: Any) -> Any:
    """In the middle of a batch of cotangents, in both of torch's ways that exist here."""
    import torch

    plain, at = plainly(f, xs, w.clone()), [leaf(x) for x in xs]
    y, rows = f(*at), torch.stack((2 * w + 1, w, 1 - w))

    def batched() -> Any:
        return pulled_rows(y, at, rows)

    def in_func() -> Any:
        return torch.func.vmap(lambda row: pulled(y, at, row, keep=True))(rows)

    found, errors = [], []
    for way in (batched, in_func):
        try:
            found.append([g[1] for g in way()])
        except Exception as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return tuple(furthest(each, p) for each, p in zip(zip(*found, strict=True), plain, strict=True))


def compiled(call: Call) -> Run:
    """`torch.compile` in place of eager calls."""
    import torch

    torch.compiler.reset()
    fast = torch.compile(lambda rest, *xs: call(rest, *xs))
    return lambda xs, rest, v, w: plainly(partial(fast, rest), xs, w)


def autocast(call: Call) -> Run:
    """With the function in autocast, its float32 inputs those that bfloat16 holds."""
    import torch

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        at = [x.float() for x in xs]
        kind = xs[0].device.type

        def f(*given: Any) -> Any:
            with torch.autocast(kind, dtype=torch.bfloat16):
                return call({k: _wide(a) for k, a in rest.items()}, *given).float()

        pull = plainly(f, at, None if w is None else w.float())
        return tuple(g.to(torch.bfloat16) for g in pull)

    return run


def _wide(a: Any) -> Any:
    return a.float() if getattr(a, "is_floating_point", bool)() else a

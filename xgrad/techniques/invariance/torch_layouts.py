"""torch: cotangents and inputs in other memory layouts, and with other shares of the gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks import find_framework
from xgrad.techniques.invariance.presentation import Call, Run, ValueDiffers

Layout = Callable[[Any], Any]
OFF = 1e-3  # of the largest value: what no rounding moves, and another layout misread does
PAIRS = 28  # of inputs that are differentiated together; of more inputs neighbours only


def eagerly(compute: Callable[..., Any], *options: Any, **named: Any) -> Callable[[Call], Run]:
    """`compute(*options, f, xs, w)` as a presentation: f is called anew each time."""

    def make(call: Call) -> Run:
        return lambda xs, rest, v, w: compute(*options, partial(call, rest), xs, w, **named)

    return make


def leaf(x: Any) -> Any:
    """The same memory, as an input that requires a gradient."""
    return x.detach().requires_grad_()


def pulled(y: Any, xs: Iterable[Any], w: Any = None, **options: bool) -> tuple[Any, ...]:
    """The cotangents of xs by the tape of y, zeros where it does not lead."""
    framework: Any = find_framework("torch")
    return tuple(framework.pulled(y, tuple(xs), w, **options))


def pulled_rows(y: Any, xs: Iterable[Any], rows: Any) -> tuple[Any, ...]:
    """The same of several cotangents at once, as torch itself batches them."""
    import torch

    xs, options = tuple(xs), {"allow_unused": True, "retain_graph": True}
    if not y.requires_grad:
        return tuple(torch.zeros_like(x) for x in xs)
    return in_full(xs, torch.autograd.grad(y, xs, rows, is_grads_batched=True, **options))


def in_full(xs: Iterable[Any], gradients: Iterable[Any]) -> tuple[Any, ...]:
    """Gradients with all their elements, zeros where there is none."""
    import torch

    dense = find_framework("torch").dense
    pairs = zip(xs, gradients, strict=True)
    return tuple(torch.zeros_like(x) if g is None else dense(g) for x, g in pairs)


def plainly(f: Any, xs: Any, w: Any) -> tuple[Any, ...]:
    """The derivative as it is usually taken."""
    at = [leaf(x) for x in xs]
    return pulled(f(*at), at, w)


def added(one: Iterable[Any], other: Iterable[Any]) -> tuple[Any, ...]:
    """The sums of cotangents of the same inputs."""
    return tuple(a + b for a, b in zip(one, other, strict=True))


def furthest(found: Iterable[Any], plain: Any) -> Any:
    """Of several results that should be one, element by element what is furthest from it."""
    import torch

    worst = plain
    for each in found:
        gap, most = torch.abs(each - plain), torch.abs(worst - plain)
        worst = torch.where((gap > most) | torch.isnan(gap), each, worst)
    return worst


# --- layouts --------------------------------------------------------------------------------------


def strided(x: Any) -> Any:
    """Every other element of rows that are longer; what lies between are other numbers."""
    import torch

    wide = torch.stack((x, 2 * x + 3), dim=-1)
    return torch.cat((wide, wide[..., :1, :]), dim=-2)[..., :-1, 0] if x.ndim else wide[0]


def transposed(x: Any) -> Any:
    """Its axes in the other order in memory."""
    back = tuple(reversed(range(x.ndim)))
    return x.permute(back).contiguous().permute(back)


def offset(x: Any) -> Any:
    """Behind other numbers in a larger storage."""
    import torch

    before = 2 * x.reshape(-1)[:1] + 3
    return torch.cat((before, before, before, x.reshape(-1)))[3:].view(x.shape)


def expanded(x: Any) -> Any:
    """One element in place of each last axis, which must be constant."""
    import torch

    if not x.ndim:
        return x
    made = x[..., :1].clone().expand(x.shape)
    if not torch.equal(made, x):
        raise Unsupported("an input that is not constant along its last axis cannot be expanded")
    return made


def channels_last(x: Any) -> Any:
    """As convolutions like images."""
    import torch

    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


# --- cotangents -----------------------------------------------------------------------------------


def summed(f: Any, xs: Any, w: Any) -> Any:
    """What `y.sum().backward()` sends: one number, expanded."""
    at = [leaf(x) for x in xs]
    return pulled(f(*at).sum(), at)


def cotangent(layout: Layout, f: Any, xs: Any, w: Any) -> Any:
    """With the cotangent in another layout."""
    return plainly(f, xs, layout(w))


def kept(f: Any, xs: Any, w: Any) -> Any:
    """The second of two calls with one cotangent."""
    plainly(f, xs, w)
    return plainly(f, xs, w)


def zero(f: Any, xs: Any, w: Any) -> Any:
    """With what a cotangent of zeros gives added: nothing."""
    return added(plainly(f, xs, w.clone()), plainly(f, xs, w * 0))


def undefined(f: Any, xs: Any, w: Any) -> Any:
    """With what an undefined cotangent gives added: nothing."""
    import torch

    at = [leaf(x) for x in xs]
    y = torch._C._functions.UndefinedGrad()(f(*at))
    return added(plainly(f, xs, w.clone()), pulled(y, at, w))


def outputs_one_by_one(call: Call) -> Run:
    """The sum over the outputs of what each gives where the others are not used."""
    values = call.outputs  # type: ignore[attr-defined]

    def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
        found: Any = None
        for k, size in enumerate(p.numel() for p in values(rest, *xs)):
            at = [leaf(x) for x in xs]
            y = values(rest, *at)[k]
            share, w = w[:size].view(y.shape), w[size:]
            pull = pulled(y, at, share)
            found = pull if found is None else added(found, pull)
        return found

    return run


# --- inputs ---------------------------------------------------------------------------------------


def inputs(layout: Layout) -> Callable[[Call], Run]:
    """With the inputs that callers give in another layout; the value must not change either."""

    def make(call: Call) -> Run:
        given = call.given  # type: ignore[attr-defined]

        def run(xs: Any, rest: Any, v: Any, w: Any) -> Any:
            at = [leaf(layout(x) if ours else x) for x, ours in zip(xs, given, strict=True)]
            y = call(rest, *at)
            _require_same_value(call(rest, *xs), y)
            return pulled(y, at, w)

        return run

    return make


def _require_same_value(plain: Any, y: Any) -> None:
    gap = (y - plain).detach().abs().double().reshape(-1)
    size = float(plain.detach().abs().max()) if plain.numel() else 0.0
    wrong = ~(gap <= OFF * size) & plain.detach().isfinite().reshape(-1)
    if bool(wrong.any()):
        k = int(wrong.double().argmax())
        place = ",".join(str(i) for i in np.unravel_index(k, tuple(y.shape)))
        got, want = float(y.detach().reshape(-1)[k]), float(plain.detach().reshape(-1)[k])
        raise ValueDiffers(f"y[{place}] is {got:.6g}, plainly {want:.6g}")


def one_by_one(f: Any, xs: Any, w: Any) -> Any:
    """One input at a time requires a gradient."""
    return tuple(_of_some(f, xs, w, (k,))[0] for k in range(len(xs)))


def in_pairs(f: Any, xs: Any, w: Any) -> Any:
    """Two inputs at a time require a gradient: of each the result that is furthest off."""
    count = len(xs)
    pairs = list(combinations(range(count), 2))
    if len(pairs) > PAIRS:
        pairs = [(k, k + 1) for k in range(count - 1)]
    found: list[list[Any]] = [[] for _ in xs]
    for pair in pairs:
        for k, each in zip(pair, _of_some(f, xs, w, pair), strict=True):
            found[k].append(each)
    plain = plainly(f, xs, w)
    return tuple(furthest(each, p) for each, p in zip(found, plain, strict=True))


def _of_some(f: Any, xs: Any, w: Any, chosen: tuple[int, ...]) -> tuple[Any, ...]:
    at = [leaf(x) if k in chosen else x for k, x in enumerate(xs)]
    return pulled(f(*at), [at[k] for k in chosen], w.clone())

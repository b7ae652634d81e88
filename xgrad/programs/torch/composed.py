"""Operations written in other torch operations, where torch has no such form or no right one.

They run inside the mode. A kernel that is only the derivative of another operation is that
operation differentiated by autograd.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import _disable_current_modes

from xgrad.programs.torch.boxes import nearest
from xgrad.programs.torch.networks import NETWORKS

aten = torch.ops.aten
# What `torch.autograd.grad` calls once it has compared shapes: for that it imports sympy.
_backward = torch.autograd.graph._engine_run_backward


def pullback(function: Callable[..., Any], grad: Any, *xs: Tensor) -> tuple[Any, ...]:
    """The transpose of a function's derivative at xs, applied to grad, by autograd."""
    with torch.overrides.enable_reentrant_dispatch(), torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in xs]
        y = function(*leaves)
        y = y[0] if isinstance(y, tuple) else y
        return tuple(_backward((y,), (grad,), False, False, tuple(leaves), True,
                               accumulate_grad=False))  # fmt: skip


# --- determinants --------------------------------------------------------------------------------


def _kept_factors(a: Tensor) -> tuple[Tensor, Tensor]:
    """The LU that a determinant saves for its derivative: of aᵀ where a is contiguous."""
    return aten.linalg_lu_factor_ex(a.mT if a.is_contiguous() and not a.is_complex() else a)[:2]


def _signed_diagonal(packed: Tensor, pivots: Tensor) -> tuple[Tensor, Tensor]:
    """The diagonal of U, and the sign of the permutation."""
    moved = pivots != torch.arange(1, pivots.shape[-1] + 1)
    return packed.diagonal(dim1=-2, dim2=-1), 1 - 2 * (moved.sum(-1) % 2)


def _det(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    packed, pivots = _kept_factors(a)
    diagonal, sign = _signed_diagonal(packed, pivots)
    return diagonal.prod(-1) * sign, packed, pivots


def _slogdet(a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    packed, pivots = _kept_factors(a)
    diagonal, sign = _signed_diagonal(packed, pivots)
    return diagonal.sgn().prod(-1) * sign, diagonal.abs().log().sum(-1), packed, pivots


# --- connectionist temporal classification -------------------------------------------------------


def _ctc(log_probs: Tensor, targets: Tensor, lengths: Any, target_lengths: Any, blank: int = 0,
         *ignored: Any, **also: Any) -> Tensor:  # fmt: skip
    """−log of the sum over alignments, by its recursion in probabilities.

    Graves et al. 2006, Connectionist temporal classification, ICML, section 4.1.
    """
    sizes = [int(n) for n in target_lengths]
    starts = [0, *itertools.accumulate(sizes)]
    losses = []
    for b, (steps, size) in enumerate(zip([int(n) for n in lengths], sizes, strict=True)):
        row = targets[b, :size] if targets.dim() == 2 else targets[starts[b] : starts[b + 1]]
        labels = [blank, *itertools.chain(*((int(c), blank) for c in row.tolist()))]
        losses.append(_alignments(log_probs[:, b].exp(), labels, steps, blank))
    return torch.stack(losses)


def _alignments(p: Tensor, labels: list[int], steps: int, blank: int) -> Tensor:
    n = len(labels)
    at = torch.tensor(labels)
    jumps = torch.tensor(
        [k >= 2 and labels[k] not in (blank, labels[k - 2]) for k in range(n)], dtype=torch.bool
    )
    zero = torch.zeros((), dtype=torch.float64)
    alpha = torch.where(torch.arange(n) < 2, p[0, at], zero) if steps else zero.expand(n)
    for t in range(1, steps):
        one, two = (F.pad(alpha, (k, 0))[:n] for k in (1, 2))
        alpha = _by_logarithm((alpha + one + torch.where(jumps, two, zero)) * p[t, at])
    return -alpha[-2:].sum().log()


def _by_logarithm(p: Tensor) -> Tensor:
    """The same, by way of the logarithm: torch keeps these alone, and rounds them, not p."""
    there = p > 0
    log = torch.where(there, p, torch.ones_like(p)).log()
    return torch.where(there, log.exp(), torch.zeros_like(p))


def _ctc_loss(log_probs: Tensor, *how: Any) -> tuple[Tensor, Tensor]:
    return _ctc(log_probs, *how), torch.zeros(1, dtype=torch.float64)


def _ctc_backward(g: Tensor, log_probs: Tensor, targets: Tensor, lengths: Any, sizes: Any,
                  nll: Any, alpha: Any, blank: int, *rest: Any) -> Tensor:  # fmt: skip
    return pullback(lambda p: _ctc(p, targets, lengths, sizes, blank), g, log_probs)[0]


# --- sampling on a grid --------------------------------------------------------------------------


def _unnormalized(g: Tensor, n: int, padding: int, corners: bool) -> Tensor:
    g = (g + 1) / 2 * (n - 1) if corners else ((g + 1) * n - 1) / 2
    if padding == 2:
        low, span = (0.0, n - 1.0) if corners else (-0.5, float(n))
        g = (g - low).abs()
        turns = (g / span).floor() if span else torch.zeros_like(g)
        rest = g - turns * span
        g = torch.where(turns % 2 == 0, rest + low, span - rest + low)
    return g.clamp(0, n - 1) if padding else g


def _grid_sampler_3d(x: Tensor, grid: Tensor, mode: int, padding: int, corners: bool) -> Tensor:
    """x read at the points of a grid: the nearest element (mode 1), or linear between eight."""
    sizes = x.shape[:1:-1]
    points = [_unnormalized(grid[..., k], n, padding, corners) for k, n in enumerate(sizes)]
    if mode == 1:
        return _read(x, [p.round() for p in points])
    lows = [p.floor().detach() for p in points]
    total: Any = 0
    for corner in itertools.product((0, 1), repeat=3):
        weight: Any = 1
        for p, low, up in zip(points, lows, corner, strict=True):
            weight = weight * ((p - low) if up else (low + 1 - p))
        read = _read(x, [low + up for low, up in zip(lows, corner, strict=True)])
        total = total + read * weight[:, None]
    return total


def _read(x: Tensor, at: list[Tensor]) -> Tensor:
    index = [p.long() for p in at]
    inside = torch.stack([(i >= 0) & (i < n) for i, n in zip(index, x.shape[:1:-1], strict=True)])
    i, j, k = (i.clamp(0, n - 1) for i, n in zip(index, x.shape[:1:-1], strict=True))
    batch = torch.arange(len(x)).reshape(-1, 1, 1, 1)
    taken = x[batch, :, k, j, i].movedim(-1, 1)
    return torch.where(inside.all(0)[:, None], taken, torch.zeros((), dtype=x.dtype))


def _sampler_backward(forward: Callable[..., Tensor]) -> Callable[..., Any]:
    def backward(g: Tensor, x: Tensor, grid: Tensor, *options: Any) -> Any:
        *how, mask = options
        dx, dgrid = pullback(lambda a, b: forward(a, b, *how), g, x, grid)
        return dx if mask[0] else None, torch.zeros_like(grid) if dgrid is None else dgrid

    return backward


# --- losses and attention ------------------------------------------------------------------------


def _multilabel_margin(x: Tensor, target: Tensor, reduction: int) -> tuple[Tensor, Tensor]:
    """Σ max(0, 1 − (x[target] − x[other])) / n over the labels before the first −1."""
    rows, labels = torch.atleast_2d(x), torch.atleast_2d(target)
    valid = (labels >= 0).long().cumprod(-1).bool()
    named = labels.clamp(min=0)
    hit = torch.zeros(rows.shape, dtype=torch.long).scatter_add(1, named, valid.long()) > 0
    margins = 1 - rows.gather(1, named)[:, :, None] + rows[:, None, :]
    counted = (valid[:, :, None] & ~hit[:, None, :]).to(rows.dtype)
    losses = (margins.clamp(min=0) * counted).sum((1, 2)) / rows.shape[1]
    losses = losses.reshape(x.shape[:-1])
    made = {0: losses, 1: losses.mean(), 2: losses.sum()}[reduction]
    return made, hit.to(rows.dtype).reshape(x.shape)


def _multilabel_margin_backward(
    g: Tensor, x: Tensor, target: Tensor, reduction: int, is_target: Tensor
) -> Tensor:
    return pullback(lambda x: _multilabel_margin(x, target, reduction), g, x)[0]


def _rrelu(x: Tensor, noise: Tensor, lower: float = 0.125, upper: float = 1 / 3,
           training: bool = False, generator: Any = None) -> Tensor:  # fmt: skip
    if not training:
        return torch.where(x > 0, x, x * ((lower + upper) / 2))
    with _disable_current_modes():  # draws for the negative elements only
        aten.rrelu_with_noise.default(nearest(x), noise, lower, upper, True, generator)
    return x * noise


def _rrelu_backward(g: Tensor, x: Tensor, noise: Tensor, lower: float, upper: float,
                    training: bool, is_result: bool) -> Tensor:  # fmt: skip
    if training:
        return g * noise
    return torch.where(x > 0, g, g * ((lower + upper) / 2))


def _flash_backward(g: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Any, lse: Any, dropout: float,
                    causal: bool, attn_mask: Any = None, scale: Any = None) -> Any:  # fmt: skip
    attention = aten._scaled_dot_product_attention_math.default
    return pullback(
        lambda q, k, v: attention(q, k, v, attn_mask, dropout, causal, scale=scale), g, q, k, v
    )


# --- bags of embeddings --------------------------------------------------------------------------


def _bags(indices: Tensor, offsets: Tensor, last: bool, padding: int) -> tuple[Tensor, Tensor]:
    """The bag of each index, and which indices count."""
    ends = offsets[1:] if last else torch.cat([offsets[1:], offsets.new_full((1,), len(indices))])
    starts = offsets[:-1] if last else offsets
    bag = torch.repeat_interleave(torch.arange(len(starts)), ends - starts)
    return bag, indices != padding


def _bagged(weight: Tensor, indices: Tensor, offsets: Tensor, mode: int, weights: Any, last: bool,
            padding: int) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    bag, counts = _bags(indices, offsets, last, padding)
    number = len(offsets) - last
    rows = weight[indices]
    size = torch.zeros(number, dtype=torch.long).index_add(0, bag, counts.long())
    if mode == 2:
        low = torch.full((number, weight.shape[1]), -torch.inf, dtype=weight.dtype)
        rows = torch.where(counts[:, None], rows, low.new_full((), -torch.inf))
        made = low.index_reduce(0, bag, rows, "amax")
        return torch.where(size[:, None] > 0, made, torch.zeros_like(made)), bag, size
    rows = torch.where(counts[:, None], rows, torch.zeros_like(rows))
    rows = rows if weights is None else rows * weights[:, None]
    made = torch.zeros(number, weight.shape[1], dtype=weight.dtype).index_add(0, bag, rows)
    return made / size.clamp(min=1)[:, None] if mode == 1 else made, bag, size


def _embedding_bag(weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad: bool = False,
                   mode: int = 0, sparse: bool = False, weights: Any = None, last: bool = False,
                   padding: int = -1) -> Any:  # fmt: skip
    made, bag, size = _bagged(weight, indices, offsets, mode, weights, last, padding)
    taken = torch.zeros(made.shape if mode == 2 else (0,), dtype=torch.long)
    if mode == 2 and made.numel():
        for b in range(len(size)):
            mine = indices[(bag == b) & (indices != padding)]
            if len(mine):
                taken[b] = mine[weight[mine].argmax(0)]
    return made, bag, size, taken


def _weights_of_bags(g: Tensor, weight: Tensor, indices: Tensor, offsets: Tensor, bag: Tensor,
                     mode: int, padding: int = -1) -> Tensor:  # fmt: skip
    made = (g[bag] * weight[indices]).sum(-1)
    return torch.where(indices == padding, torch.zeros_like(made), made)


def _embedding_bag_backward(g: Tensor, indices: Tensor, bag: Tensor, sizes: Tensor, taken: Tensor,
                            rows: int, scale_grad: bool, mode: int, weights: Any,
                            padding: int = -1) -> Tensor:  # fmt: skip
    made = torch.zeros(rows, g.shape[-1], dtype=g.dtype)
    if mode == 2:
        full = sizes[:, None] > 0
        return made.scatter_add(0, taken, torch.where(full, g, torch.zeros_like(g)))
    parts = (g / sizes.clamp(min=1)[:, None] if mode == 1 else g)[bag]
    parts = parts if weights is None else parts * weights[:, None]
    parts = torch.where((indices == padding)[:, None], torch.zeros_like(parts), parts)
    if scale_grad:
        parts = parts / torch.bincount(indices, minlength=rows)[indices][:, None]
    return made.index_add(0, indices, parts)


# --- segments ------------------------------------------------------------------------------------

_REDUCED: dict[str, Callable[..., Tensor]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "prod": torch.prod,
    "max": torch.amax,
    "min": torch.amin,
}
_OF_NONE = {"sum": 0.0, "mean": torch.nan, "prod": 1.0, "max": -torch.inf, "min": torch.inf}


def _segment_reduce(data: Tensor, reduce: str, *, lengths: Any = None, indices: Any = None,
                    offsets: Any = None, axis: int = 0, unsafe: bool = False,
                    initial: Any = None) -> Tensor:  # fmt: skip
    counts = offsets.diff(dim=-1) if lengths is None else lengths
    if axis:
        rows = [
            _segment_reduce(d, reduce, lengths=n, axis=axis - 1, initial=initial)
            for d, n in zip(data, counts, strict=True)
        ]
        return torch.stack(rows)
    parts = data.split([*counts.tolist(), len(data) - int(counts.sum())])[:-1]
    first = _OF_NONE[reduce] if initial is None else initial
    start = torch.full((1, *data.shape[1:]), float(first), dtype=data.dtype)
    return torch.stack([_segment(p, start, reduce, initial is not None) for p in parts])


def _segment(part: Tensor, start: Tensor, reduce: str, started: bool) -> Tensor:
    if not len(part):
        return start[0]
    if reduce == "prod":  # not by logarithms: a product of all but one
        made = part[0]
        for row in part[1:]:
            made = made * row
        return made * start[0] if started else made
    if not started:
        return _REDUCED[reduce](part, 0)
    if reduce == "mean":
        return (part.sum(0) + start[0]) / len(part)
    return _REDUCED[reduce](torch.cat([start, part]), 0)


def _segment_reduce_backward(
    g: Tensor, output: Tensor, data: Tensor, reduce: str, **named: Any
) -> Any:
    return pullback(lambda d: _segment_reduce(d, reduce, **named), g, data)[0]


COMPOSED: dict[str, Callable[..., Any]] = {
    **NETWORKS,
    "addcmul": lambda x, a, b, *, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, *, value=1: x + value * a / b,
    "_unsafe_index": lambda x, indices: aten.index.Tensor(x, indices),
    "_linalg_det": _det,
    "_linalg_slogdet": _slogdet,
    "_ctc_loss": _ctc_loss,
    "_ctc_loss_backward": _ctc_backward,
    "grid_sampler_2d_backward": _sampler_backward(
        decomposition_table[aten.grid_sampler_2d.default]
    ),
    "grid_sampler_3d": _grid_sampler_3d,
    "grid_sampler_3d_backward": _sampler_backward(_grid_sampler_3d),
    "multilabel_margin_loss_forward": _multilabel_margin,
    "multilabel_margin_loss_backward": _multilabel_margin_backward,
    "rrelu_with_noise": _rrelu,
    "rrelu_with_noise_backward": _rrelu_backward,
    "_scaled_dot_product_flash_attention_for_cpu_backward": _flash_backward,
    "_embedding_bag": _embedding_bag,
    "_embedding_bag_forward_only": _embedding_bag,
    "_embedding_bag_per_sample_weights_backward": _weights_of_bags,
    "_embedding_bag_dense_backward": _embedding_bag_backward,
    "_embedding_bag_backward": lambda g, indices, offsets, *rest: _embedding_bag_backward(
        g, indices, *rest[:6], *rest[7:]
    ),
    "segment_reduce": _segment_reduce,
    "_segment_reduce_backward": _segment_reduce_backward,
}

"""Operations on sparse tensors in balls: those of the dense twin, kept where torch keeps them.

What torch does to the pattern is seen on the nearest floats. Where it leaves a place twice, all of
the element is at the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map

from xgrad.programs.failures import NoBallRule
from xgrad.programs.torch.boxes import dense, filled, is_float, nearest, places, stored

aten = torch.ops.aten


def is_sparse(value: Any) -> bool:
    """Whether a value is a tensor of any layout but strided."""
    return isinstance(value, torch.Tensor) and value.layout is not torch.strided


def by_dense(mode: Any, func: Any, args: Any, kwargs: Any, written: bool) -> Any:
    """The operation on tensors with all their elements, its result where torch stores it."""
    if written and is_sparse(args[0]):
        raise NoBallRule(f"{func} of a sparse tensor")
    like = func(*tree_map(_floats, args), **tree_map(_floats, kwargs))
    name = func.overloadpacket.__name__
    twin = _TWINS.get(name)
    with mode:
        if name in _ON_PATTERN and (name not in _PRODUCTS or _by_rows(args)):
            made = _ON_PATTERN[name](*args, **kwargs)
        else:
            given = tree_map(_dense, args), tree_map(_dense, kwargs)
            made = (twin or func)(*given[0], **given[1])
    if isinstance(like, torch.Tensor):
        return _stored_as(like, made)
    return type(like)(_stored_as(one, other) for one, other in zip(like, made, strict=True))


def reads_sparse(values: Iterable[Any]) -> bool:
    """Whether any value is sparse, those in lists among them; asked of every operation."""
    for value in values:
        if isinstance(value, torch.Tensor):
            if value.layout is not torch.strided:
                return True
        elif isinstance(value, (list, tuple)) and reads_sparse(value):
            return True
    return False


def _dense(value: Any) -> Any:
    return dense(value) if is_sparse(value) else value


def _floats(value: Any) -> Any:
    """A tensor of the nearest floats, of the same pattern."""
    if is_sparse(value):
        return filled(value, _floats(stored(value)))
    return nearest(value) if is_float(value) else value


def _stored_as(like: Any, made: Any) -> Any:
    """Of a dense result what torch stores of it."""
    if not is_sparse(like) or is_sparse(made):
        return made
    at = places(like)
    values = made[tuple(at)]
    if like.layout is torch.sparse_coo and not like.is_coalesced():
        _, first = np.unique(at.numpy(), axis=1, return_index=True)
        kept = torch.zeros_like(values)
        kept[first] = values[first]
        values = kept
    return filled(like, values)


# --- twins ----------------------------------------------------------------------------------------


def _same(x: Any, *rest: Any, **named: Any) -> Any:
    return x


def _spread(g: Any, x: Any, dims: Any) -> Any:
    """The transpose of a sum."""
    for dim in sorted(d % x.dim() for d in dims):
        g = g.unsqueeze(dim)
    return g.expand(x.shape)


def _softmax(logarithm: bool, x: Any, dim: int, *half: Any) -> Any:
    """With −∞ where nothing is stored."""
    stored = torch.zeros(x.shape, dtype=torch.bool)
    stored[tuple(places(x))] = True
    empty = ~stored.any(dim, keepdim=True)  # softmax of nothing would be NaN
    given = dense(x).masked_fill(~stored & ~empty, -torch.inf)
    return (aten._log_softmax if logarithm else aten._softmax)(given, dim, False)


def _by_rows(args: Any) -> bool:
    """Whether it is a product of a sparse matrix and a dense one, none of which is made dense."""
    *_, a, b = args
    return is_sparse(a) and a.dim() == 2 and not is_sparse(b)


def _product(a: Any, b: Any) -> Any:
    """Rows of b times what is stored of a, added where a has them."""
    rows, columns = places(a)
    terms = b.index_select(0, columns)
    values = stored(a)
    terms = terms * (values if b.dim() == 1 else values[:, None])
    return terms.new_zeros((a.shape[0], *b.shape[1:])).index_add(0, rows, terms)


def _sampled(c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """Elements of a product where c has some stored."""
    rows, columns = places(c)
    terms = a.index_select(0, rows) * b.index_select(1, columns).mT
    return filled(c, beta * stored(c) + alpha * terms.sum(1))


_KEPT = """_to_dense _coalesce sparse_mask _sparse_mask_projection _to_sparse _to_sparse_csr
    _to_sparse_csc"""
_TWINS: dict[str, Callable[..., Any]] = {
    "_sparse_addmm": aten.addmm,
    "_sparse_sparse_matmul": aten.mm,
    "_sparse_sum": aten.sum,
    "_sparse_sum_backward": _spread,
    "_sparse_softmax_backward_data": lambda g, y, dim, x: y * (g - (g * y).sum(dim, keepdim=True)),
    "_sparse_log_softmax_backward_data": lambda g, y, dim, x: (
        g - y.exp() * g.sum(dim, keepdim=True)
    ),
    **dict.fromkeys(_KEPT.split(), _same),
}
_ON_PATTERN: dict[str, Callable[..., Any]] = {  # what depends on which elements are stored
    "_sparse_softmax": partial(_softmax, False),
    "_sparse_log_softmax": partial(_softmax, True),
    "sparse_sampled_addmm": _sampled,
    "mm": _product,
    "mv": _product,
}
_PRODUCTS = ("mm", "mv")

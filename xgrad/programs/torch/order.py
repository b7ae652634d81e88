"""Operations that only compare elements: torch does them on ranks, and ranks name elements again.

Balls so steer branches by their midpoints, and kinks show in one-sided slopes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map

from xgrad.programs.failures import NoBallRule
from xgrad.programs.scalars import is_complex
from xgrad.programs.torch.boxes import Table, decode, encode, is_float

_PAIRS = """maximum minimum fmax fmin lt le gt ge eq ne not_equal greater less greater_equal
    less_equal logical_and logical_or logical_xor equal"""
_SELF = """amax amin aminmax max min argmax argmin sort topk kthvalue median nanmedian mode cummax
    cummin relu max_pool1d max_pool2d max_pool3d max_pool1d_with_indices
    max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d fractional_max_pool2d fractional_max_pool3d logical_not any all
    count_nonzero isnan isfinite isinf isposinf isneginf signbit unique_dim _unique2
    unique_consecutive _unique nonzero nonzero_static argsort msort argwhere isreal is_nonzero"""

# Which arguments are compared with each other, numbers among them too.
COMPARED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_PAIRS.split(), ("self", "other")),
    **dict.fromkeys(_SELF.split(), ("self", "input")),
    "clamp": ("self", "min", "max"),
    "clamp_min": ("self", "min"),
    "clamp_max": ("self", "max"),
    "hardtanh": ("self", "min_val", "max_val"),
    "threshold": ("self", "threshold", "value"),
    "searchsorted": ("sorted_sequence", "self"),
    "bucketize": ("self", "boundaries"),
    "isin": ("elements", "test_elements", "element", "test_element"),
}


def order(
    table: Table, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: Any
) -> Any:
    """An operation of the table done on ranks; what it returns names elements."""
    schema = list(function._schema.arguments)  # type: ignore[attr-defined]
    given = dict(zip([a.name for a in schema], args, strict=False)) | kwargs
    which = [k for k in COMPARED[name] if _is_number(given.get(k))]
    numbers = [decode(given[k]) for k in which]
    if any(isinstance(a, np.ndarray) and is_complex(a) for a in numbers):
        return _of_complex(function, name, args, kwargs)
    ranks = table.ranks(numbers)
    for k, rank in zip(which, ranks.arrays, strict=True):
        given[k] = rank if isinstance(given[k], torch.Tensor) else float(rank)
    positional = [given.pop(a.name) for a in schema if not a.kwarg_only and a.name in given]
    out = function(*positional, **given)
    return tree_map(lambda t: encode(ranks.elements(t.detach())) if is_float(t) else t, out)


def _is_number(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, int, float)) and not isinstance(value, bool)


def _of_complex(function: Any, name: str, args: tuple[Any, ...], kwargs: Any) -> Any:
    """Complex numbers are equal or not, zero or not; they have no order."""
    if name not in ("eq", "ne", "equal", "any", "all", "count_nonzero", "nonzero", "isfinite",
                    "isnan", "logical_not", "isinf", "isreal"):  # fmt: skip
        raise NoBallRule(f"{function} of complex numbers")
    near = tree_map(lambda t: _near(t) if is_float(t) else t, (args, kwargs))
    return function(*near[0], **near[1])


def _near(t: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.asarray(np.frompyfunc(complex, 1, 1)(decode(t)), dtype=complex))

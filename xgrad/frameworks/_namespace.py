"""The array namespace `xp` that a case sees: the array API standard and a short list of extras."""

from __future__ import annotations

import difflib
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

# What the standard lacks; every framework offers every name.
EXTRAS = (
    "digamma",
    "einsum",
    "erf",
    "erfc",
    "expit",
    "expm",
    "lgamma",
    "log_softmax",
    "logsumexp",
    "polygamma",
    "scan",
    "segment_sum",
    "softmax",
    "softplus",
)

# Creation functions, with the position of dtype-less data: the case's dtype is their default.
_CREATION = ("zeros", "ones", "full", "empty", "eye", "linspace")


class Namespace:
    """An array library as `xp`, with the case's dtype and device as defaults of new arrays."""

    def __init__(
        self,
        base: Any,
        dtype: Any,
        extras: Mapping[str, Callable[..., Any]],
        *,
        new: Mapping[str, Any] | None = None,
        convert: Callable[..., Any] | None = None,
    ):
        """`new` are keywords for creation functions; `convert` puts constants on the device."""
        self.base = base
        self.dtype = dtype
        self._new = dict(new or {})
        self._convert = convert
        vars(self).update(extras)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self._creation(name) if name in _CREATION else getattr(self.base, name)
        except AttributeError:
            near = difflib.get_close_matches(name, [*EXTRAS, *dir(self.base)], n=3)
            hint = f"; nearest: {', '.join(near)}" if near else ""
            raise AttributeError(f"xp has no {name!r} for this framework{hint}") from None
        vars(self)[name] = value
        return value

    def _creation(self, name: str) -> Callable[..., Any]:
        function = getattr(self.base, name)

        def create(*args: Any, dtype: Any = None, **keywords: Any) -> Any:
            return function(*args, dtype=dtype or self.dtype, **self._new, **keywords)

        return create

    def arange(self, *args: Any, dtype: Any = None, **keywords: Any) -> Any:
        """Integers stay integers; with a float argument, the case's dtype."""
        if dtype is None and any(isinstance(a, float) for a in args):
            dtype = self.dtype
        return self.base.arange(*args, dtype=dtype, **self._new, **keywords)

    def asarray(self, value: Any, dtype: Any = None, **keywords: Any) -> Any:
        """A constant on the case's device: floats in the case's dtype, integers as they are."""
        if isinstance(value, (np.ndarray, np.generic, list, tuple, int, float, bool)):
            require_constant(value)
            data = np.array(value)
            made = self.base.asarray(data)  # torch.compile cannot see NumPy's dtype
            kind = dtype or (self.dtype if self.base.isdtype(made.dtype, "real floating") else None)
            if self._convert is not None:
                return self._convert(data) if kind is None else self._convert(data, kind)
            return self.base.asarray(data, dtype=kind)
        return value if dtype is None else self.base.astype(value, dtype)


def require_constant(value: Any) -> None:
    """Raise `TypeError` for lists of arrays: NumPy would read the numbers, a constant."""
    if isinstance(value, (list, tuple)):
        for each in value:
            require_constant(each)
    elif hasattr(value, "shape") and not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError("xp.asarray makes constants: join arrays with xp.stack or xp.concat")


def einsum_names(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """The index names of each operand and of the result, ellipses spelled out."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow:
        once = [c for c in sorted(set(inputs) - set(",.")) if inputs.count(c) == 1]
        output = ("..." if "..." in inputs else "") + "".join(once)
    free = [c for c in string.ascii_letters if c not in inputs]
    extra = [n - len(t.replace("...", "")) for t, n in zip(terms, ndims, strict=True)]
    widest = max([n for t, n in zip(terms, extra, strict=True) if "..." in t], default=0)

    def spelled(term: str, count: int) -> str:
        return term.replace("...", "".join(free[widest - count : widest]))

    return [spelled(t, n) for t, n in zip(terms, extra, strict=True)], spelled(output, widest)


def cross_product(xp: Any, a: Any, b: Any, axis: int = -1) -> Any:
    """The vector product in three dimensions, in elementary steps."""
    a, b = xp.broadcast_arrays(a, b)
    x, y = xp.moveaxis(a, axis, -1), xp.moveaxis(b, axis, -1)
    parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return xp.moveaxis(xp.stack(parts, axis=-1), -1, axis)


def require_segments(segment_ids: np.ndarray, num_segments: int) -> None:
    """Raise `IndexError` for an id beyond the segments: NumPy would count from the end."""
    if np.any((segment_ids < 0) | (segment_ids >= num_segments)):
        raise IndexError(f"segment_sum: an id is not in range({num_segments})")


def _rows(x: Any) -> list[Any]:
    return [x[i, ...] for i in range(x.shape[0])]


def python_scan(
    stack: Callable[[list[Any]], Any], unstack: Callable[[Any], Iterable[Any]] = _rows
) -> Callable[..., Any]:
    """`scan(step, carry, xs)` as a Python loop: step(carry, x) -> (carry, y), the ys stacked."""

    def rows_of(xs: Any, length: int | None) -> Iterable[Any]:
        if xs is None:
            return [None] * (length or 0)
        if isinstance(xs, tuple):
            return zip(*(unstack(each) for each in xs), strict=True)
        return unstack(xs)

    def scan(step: Callable[..., Any], carry: Any, xs: Any, length: int | None = None) -> Any:
        ys = []
        for x in rows_of(xs, length):
            carry, y = step(carry, x)
            ys.append(y)
        if not ys or ys[0] is None:
            return carry, None
        if isinstance(ys[0], tuple):
            return carry, tuple(stack([y[k] for y in ys]) for k in range(len(ys[0])))
        return carry, stack(ys)

    return scan

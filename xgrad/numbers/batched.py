"""Many points at once: arrays with one more axis in front, which functions do not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.numbers.arrays import Passing, Wrapped, bare
from xgrad.numbers.functions import (
    ALONG,
    EACH,
    MATRICES,
    REDUCED,
    axes_of,
    cross_product,
    einsum_names,
)
from xgrad.numbers.lifting import Lifting

MOST = 2**17  # numbers in one array, which a cache holds, unless one point needs more
DRIFT = 1e-4  # of the largest value, by which batched results may differ from those one by one

_AXIS = {"softmax": -1, "log_softmax": -1, "sort": -1, "argsort": -1, "expand_dims": 0,
         "fft": -1, "ifft": -1, "rfft": -1, "irfft": -1}  # usual  # fmt: skip


class NotBatched(Exception):
    """No rule here covers it: the points are to be taken one by one."""


class TooMany(Exception):
    """The points together need more memory than they may."""


class Batch(Passing):
    """Arrays of one shape, one for each point."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape[1:])

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        arrays = [isinstance(k, (list, np.ndarray, Batch)) for k in keys]
        if any(arrays):
            chosen = [k for k, a in enumerate(zip(keys, arrays, strict=True)) if _advanced(*a)]
            apart = chosen[-1] - chosen[0] + 1 != len(chosen)
            if apart or any(isinstance(k, Batch) for k in keys):
                raise NotBatched("indices that change the order of the axes")
        return self.namespace.wrapped(self.data[(slice(None), *keys)])

    def __and__(self, other: Any) -> Any:
        return self.namespace.logical_and(self, other)

    def __or__(self, other: Any) -> Any:
        return self.namespace.logical_or(self, other)

    def __invert__(self) -> Any:
        return self.namespace.logical_not(self)

    __rand__, __ror__ = __and__, __or__


def _advanced(key: Any, is_array: bool) -> bool:
    return is_array or isinstance(key, (int, np.integer))


class Batched(Lifting):
    """`xp` over batches; `base`, of NumPy or of balls, does all points at once."""

    def __init__(self, base: Any, most: float):
        super().__init__(base)
        self.most = most

    def lifted(self, name: str, value: Any) -> Any:
        """What the base has under a name: its own arrays are the same at all points."""
        return value if isinstance(value, Wrapped) else super().lifted(name, value)

    def apply(self, name: str, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """The function of batches, by the rule of its name or of its axes."""
        if not any(map(_is_batch, (*args, *keywords.values()))):
            return function(*args, **keywords)
        if (rule := getattr(type(self), f"_{name}", None)) is not None:
            return rule(self, *args, **keywords)
        axes = axes_of(name)
        if axes == EACH:
            return self.wrapped(function(*self.aligned(args), **self._aligned(keywords)))
        if axes in (REDUCED, ALONG):
            return self._along(name, function, *args, **keywords)
        if axes == MATRICES:
            return self.wrapped(function(*map(bare, args), **keywords))
        raise NotBatched(name)

    def wrap(self, value: Any) -> Any:
        """A raw result, wrapped; raises `TooMany` for one that is too large."""
        if value.size > self.most:
            raise TooMany
        return Batch(value, self)

    def aligned(self, args: Any) -> list[Any]:
        """Raw arrays that broadcast against each other behind the axis of points."""
        width = max(_ndim(a) for a in args)
        return [self._widened(a, width) if isinstance(a, Batch) else a for a in args]

    def _aligned(self, keywords: dict[str, Any]) -> dict[str, Any]:
        if any(map(_is_batch, keywords.values())):
            raise NotBatched("arrays by keyword")
        return keywords

    def _along(self, name: str, function: Any, x: Any, *args: Any, **keywords: Any) -> Any:
        """A function along axes: of all of them where none is named, or of the usual one."""
        axis = args[0] if args else keywords.pop("axis", _AXIS.get(name))
        if len(args) > 1 or any(map(_is_batch, (axis, *keywords.values()))):
            raise NotBatched(name)
        if axis is None:
            if axes_of(name) == REDUCED or name == "flip":
                axis = tuple(range(x.ndim))
            elif x.ndim == 1:
                axis = 0
            else:
                raise NotBatched(f"{name} of a flattened array")
        return self.wrapped(function(x.data, axis=_behind(axis), **keywords))

    # Rules by name, where some argument is batched: of shapes, axes and lists of arrays.

    def _reshape(self, x: Any, shape: Any, **keywords: Any) -> Any:
        """Another shape."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return self.wrapped(self.base.reshape(x.data, (len(x.data), *shape)))

    def _permute_dims(self, x: Any, axes: Any) -> Any:
        """Axes in another order."""
        axes = (0, *(a % x.ndim + 1 for a in axes))
        return self.wrapped(self.base.permute_dims(x.data, axes))

    def _moveaxis(self, x: Any, source: Any, destination: Any) -> Any:
        """Axes elsewhere."""
        return self.wrapped(self.base.moveaxis(x.data, _behind(source), _behind(destination)))

    def _broadcast_to(self, x: Any, shape: Any) -> Any:
        """Copies along new axes."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return self.wrapped(self._copied(self._widened(x, len(shape)), len(x.data), shape))

    def _broadcast_arrays(self, *arrays: Any) -> list[Any]:
        """All of one shape."""
        shape = np.broadcast_shapes(*map(np.shape, arrays))
        return [self.broadcast_to(a, shape) for a in arrays]

    def _concat(self, arrays: Any, axis: Any = 0) -> Any:
        """Arrays one after the other."""
        return self._joined("concat", arrays, axis)

    def _stack(self, arrays: Any, axis: int = 0) -> Any:
        """Arrays beside each other."""
        return self._joined("stack", arrays, axis)

    def _joined(self, name: str, arrays: Any, axis: Any) -> Any:
        if axis is None:
            raise NotBatched("joined flat")
        rows = next(len(a.data) for a in arrays if _is_batch(a))
        every = [a.data if _is_batch(a) else self._copied(a, rows, np.shape(a)) for a in arrays]
        return self.wrapped(getattr(self.base, name)(every, axis=_behind(axis)))

    def _copied(self, a: Any, rows: int, shape: tuple[int, ...]) -> Any:
        """An array of so many rows, each broadcast to a shape."""
        return self.base.broadcast_to(a if hasattr(a, "shape") else np.asarray(a), (rows, *shape))

    def _widened(self, x: Batch, width: int) -> Any:
        """Its data with axes of length 1 behind that of the points, up to a number of axes."""
        missing = width - x.ndim
        if missing <= 0:
            return x.data
        return self.base.reshape(x.data, (len(x.data), *[1] * missing, *x.shape))

    def _unstack(self, x: Any, axis: int = 0) -> Any:
        """The parts along an axis."""
        return tuple(self.wrapped(a) for a in self.base.moveaxis(x.data, _behind(axis), 0))

    def _take(self, x: Any, indices: Any, axis: Any = None) -> Any:
        """Elements by index."""
        if not _is_batch(indices):
            return self._along("take", self.base.take, x, axis=axis, indices=indices)
        axis, indices = (axis or 0) % x.ndim, indices.data
        if indices.ndim != 2 or axis:
            raise NotBatched("take")
        if not _is_batch(x):
            return self.wrapped(self.base.take(x, indices, axis=0))
        return self.wrapped(x.data[np.arange(len(indices))[:, None], indices])

    def _take_along_axis(self, x: Any, indices: Any, axis: int = -1) -> Any:
        """Elements by an index for each line."""
        x, indices = (a.data if _is_batch(a) else a[None] for a in (x, indices))
        made = self.base.take_along_axis(x, indices, axis=_behind(axis))
        return self.wrapped(made)

    def _repeat(self, x: Any, repeats: Any, axis: Any = None) -> Any:
        """Each element several times."""
        return self._along("repeat", self.base.repeat, x, axis=axis, repeats=repeats)

    def _roll(self, x: Any, shift: Any, axis: Any = None) -> Any:
        """Elements further along."""
        return self._along("roll", self.base.roll, x, axis=axis, shift=shift)

    def _fftn(self, x: Any, s: Any = None, axes: Any = None, norm: str = "backward") -> Any:
        """A Fourier transform along several axes."""
        return self._spectrum("fftn", x, s, axes, norm)

    def _ifftn(self, x: Any, s: Any = None, axes: Any = None, norm: str = "backward") -> Any:
        """Its inverse."""
        return self._spectrum("ifftn", x, s, axes, norm)

    def _spectrum(self, name: str, x: Any, s: Any, axes: Any, norm: str) -> Any:
        axes = tuple(range(-len(s or x.shape), 0)) if axes is None else _behind(tuple(axes))
        return self.wrapped(getattr(self.base.fft, name)(x.data, s=s, axes=axes, norm=norm))

    def _fftshift(self, x: Any, axes: Any = None) -> Any:
        """The zero frequency in the middle."""
        return self._shifted("fftshift", x, axes)

    def _ifftshift(self, x: Any, axes: Any = None) -> Any:
        """What `fftshift` did, undone."""
        return self._shifted("ifftshift", x, axes)

    def _shifted(self, name: str, x: Any, axes: Any) -> Any:
        axes = tuple(range(-x.ndim, 0)) if axes is None else axes
        return self.wrapped(getattr(self.base.fft, name)(x.data, axes=_behind(axes)))

    def _diff(self, x: Any, axis: int = -1, n: int = 1) -> Any:
        """Differences of neighbours."""
        return self._along("diff", self.base.diff, x, axis=axis, n=n)

    def _matmul(self, a: Any, b: Any) -> Any:
        """The product of matrices, or of one with a vector."""
        if _is_batch(a) and not _is_batch(b) and a.ndim == 1 and np.ndim(b) == 2:
            return self.wrapped(a.data @ b)
        if _is_batch(b) and not _is_batch(a) and b.ndim == 1 and np.ndim(a) == 2:
            return self.wrapped(b.data @ (a if hasattr(a, "shape") else np.asarray(a)).T)
        left, right = a.ndim == 1, b.ndim == 1
        a, b = (a[None, :] if left else a), (b[:, None] if right else b)
        made = self.base.matmul(*self.aligned((a, b)))
        made = made[..., 0] if right else made
        return self.wrapped((made[..., 0] if right else made[..., 0, :]) if left else made)

    def _vecdot(self, a: Any, b: Any, axis: int = -1) -> Any:
        """Σ a̅ b along an axis."""
        return self.sum(self.multiply(self.conj(a), b), axis=axis)

    def _einsum(self, subscripts: str, *operands: Any) -> Any:
        """Sums of products, with one more index for the points."""
        terms, output = einsum_names(subscripts, list(map(_ndim, operands)))
        here = next(c for c in "zyxwvutsr" if c not in "".join(terms))
        inner = ",".join(here * _is_batch(a) + t for a, t in zip(operands, terms, strict=True))
        every = map(bare, operands)
        return self.wrapped(self.base.einsum(f"{inner}->{here}{output}", *every, optimize=True))

    def _segment_sum(self, data: Any, segment_ids: Any, num_segments: int) -> Any:
        """Sums of the rows of each segment."""
        turned = self.base.moveaxis(data.data, 0, 1)
        made = self.base.segment_sum(turned, segment_ids, num_segments)
        return self.wrapped(self.base.moveaxis(made, 0, 1))

    def _solve(self, a: Any, b: Any) -> Any:
        """a⁻¹ b."""
        column = b.ndim == 1
        made = self.base.linalg.solve(*self.aligned((a, b[:, None] if column else b)))
        return self.wrapped(made[..., 0] if column else made)

    def _outer(self, a: Any, b: Any) -> Any:
        """a bᵀ."""
        return self.multiply(a[:, None], b[None, :])

    def _cross(self, a: Any, b: Any, axis: int = -1) -> Any:
        """The vector product."""
        return cross_product(self, a, b, axis)

    def _vector_norm(self, x: Any, axis: Any = None, **keywords: Any) -> Any:
        """The norm along axes."""
        axes = tuple(range(x.ndim)) if axis is None else axis
        made = self.base.linalg.vector_norm(x.data, axis=_behind(axes), **keywords)
        return self.wrapped(made)


def _is_batch(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_is_batch, value))
    return isinstance(value, Batch)


def _ndim(value: Any) -> int:
    """Axes of what a function sees; 0 for what is no array."""
    if isinstance(value, (Wrapped, np.ndarray)):
        return value.ndim
    return np.ndim(value) if isinstance(value, (list, tuple)) else 0


def _behind(axis: Any) -> Any:
    """Where axes are in the data: those counted from the front are one further."""
    if isinstance(axis, (tuple, list)):
        return tuple(map(_behind, axis))
    return axis if axis < 0 else axis + 1


class Together:
    """f(xp, row, rest) over rows: all at once where rules cover it, one by one where not."""

    def __init__(self, f: Callable[[Any, Any, Any], Any], xp: Any):
        self.f, self.xp = f, xp
        self.size: int | None = None  # points at once, where all of them were too many
        self.alone = self.tried = False

    def __call__(self, rows: Any, rest: Any) -> Any:
        if not self.alone:
            try:
                return self._at_once(rows, rest)
            except Exception:  # whatever it is, the points one by one will say it better
                self.alone = True
        return self._one_by_one(rows, rest)

    def _one_by_one(self, rows: Any, rest: Any) -> Any:
        return np.stack([self._alone(rows, k, rest) for k in range(len(rows))])

    def _alone(self, rows: Any, k: int, rest: Any) -> Any:
        return self.f(self.xp, rows[k, ...], rest)

    def _at_once(self, rows: Any, rest: Any) -> Any:
        found: list[Any] = []
        done = 0
        while done < len(rows):
            part = rows[done : None if self.size is None else done + self.size]
            xp = Batched(self.xp, MOST if len(part) > 1 else np.inf)
            try:
                made = self.f(xp, Batch(part, xp), rest)
            except TooMany:
                self.size = max(1, len(part) // 4)
                continue
            if not isinstance(made, Batch):
                raise NotBatched("the value does not depend on the point")
            found.append(made.data)
            done += len(part)
        together = self.xp.concat(found)
        for k in self._checked(rows, rest):
            self._require_alike(together[k, ...], self._alone(rows, k, rest))
        self.tried = True
        return together

    def _checked(self, rows: Any, rest: Any) -> tuple[int, ...]:
        """The points that are taken alone too: the first and the last, once."""
        return () if self.tried else (0, len(rows) - 1)

    def _require_alike(self, together: Any, alone: Any) -> None:
        """Raise `NotBatched` where a point alone gives something else."""
        one = np.asarray(alone)
        near = DRIFT * np.max(np.abs(one), initial=0.0, where=np.isfinite(one))
        if one.shape != together.shape or not np.allclose(
            together, one, rtol=0, atol=near, equal_nan=True
        ):
            raise NotBatched("the points alone give something else")

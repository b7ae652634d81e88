"""A wrong result beside the truth, in the pieces that a pattern may explain, here and elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import numpy as np

from xgrad.numbers import EPS
from xgrad.problem import Operator, Setting

CLOSE = 1e-3  # how near, relative to the mistake, a pattern must explain many elements
MANY = 4  # wrong elements that no pattern fits by chance; fewer must fit up to rounding
COARSEST = 1e-4  # epsilon beyond which points nearby tell no pattern from another


@dataclass(frozen=True)
class Elsewhere:
    """The same mistake at other places, found when a pattern asks: nothing where none is known.

    `near` are points a little off, `far` ones that are not; `sizes` have other lengths.
    """

    near: Callable[[], Sequence[Evidence]] = tuple
    far: Callable[[], Sequence[Evidence]] = tuple
    sizes: Callable[[], Sequence[Evidence]] = tuple


@dataclass(frozen=True)
class Evidence:
    """A wrong result beside the truth, flat, with the tolerance of each element."""

    got: np.ndarray
    want: np.ndarray
    tolerance: np.ndarray
    operator: Operator
    setting: Setting
    elsewhere: Elsewhere = field(default_factory=Elsewhere)


Look = Callable[[], "Sequence[Piece]"]


@dataclass(frozen=True)
class Piece:
    """The whole result or one input's share of it, flat, with the shape that it has as an array.

    `x` are the inputs where the result has their layout; `dimensions` are lengths by name; `near`,
    `far` and `sizes` find the same piece at other places.
    """

    name: str
    got: np.ndarray
    want: np.ndarray
    tolerance: np.ndarray
    shape: tuple[int, ...]
    x: np.ndarray | None
    dimensions: dict[str, int]
    eps: float
    imaginary: np.ndarray | None = None  # which elements are, where there are complex numbers
    of_inputs: bool = False
    near: Look = tuple
    far: Look = tuple
    sizes: Look = tuple

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which elements are beyond tolerance."""
        return ~(np.abs(self.got - self.want) <= self.tolerance)

    @property
    def count(self) -> int:
        """How many are."""
        return int(self.wrong.sum())

    @cached_property
    def relative(self) -> float:
        """The tolerance of a typical element, relative to it."""
        share = (self.tolerance / np.abs(self.want))[self.want != 0]
        return max(float(np.median(share)) if share.size else 0.0, 8 * self.eps)

    def explains(self, candidate: np.ndarray, scale: float = 1.0, close: float = CLOSE) -> bool:
        """Whether a pattern applied to the truth gives the result, up to rounding times `scale`.

        Of many elements, each may be off by `close` of its mistake too.
        """
        rounding = 4 * np.maximum(scale * self.tolerance, self.relative * np.abs(candidate))
        mistake = np.abs(self.got - self.want)
        most = np.where(self.wrong, np.minimum(rounding, mistake / 4), rounding)
        slack = np.maximum(most, close * mistake if self.count >= MANY else 0.0)
        return bool(np.all(np.abs(self.got - candidate) <= slack))

    def holds_elsewhere(self, holds: Callable[[Piece], bool | None]) -> bool:
        """Whether a pattern holds at the other points that show it (None: one that does not).

        A missing term or a cut branch may fit any pattern at one point, and does at no other.
        """
        near = [holds(q) for q in self.near()]
        if False in near:
            return False
        far = [holds(q) for q in self.far()]
        return False not in far and (True in far or (True in near and self.eps < COARSEST))


def everywhere(p: Piece, pattern: Callable[[Piece], np.ndarray]) -> bool:
    """Whether a pattern with its numbers gives the result, at other points too."""
    return p.explains(pattern(p)) and p.holds_elsewhere(lambda q: q.explains(pattern(q)))


def split(evidence: Evidence) -> list[Piece]:
    """The whole, then the shares of several inputs where the result has their layout."""

    def look(k: int, find: Callable[[], Sequence[Evidence]]) -> Look:
        return lambda: [_split(there)[k] for there in find()]

    near, far, sizes = (getattr(evidence.elsewhere, name) for name in ("near", "far", "sizes"))
    return [
        replace(piece, near=look(k, near), far=look(k, far), sizes=look(k, sizes))
        for k, piece in enumerate(_split(evidence))
    ]


def _split(e: Evidence) -> list[Piece]:
    setting, arrays = e.setting, _arrays(e)
    if e.operator.layout != "x":
        shape = setting.y_shape if e.operator.layout == "y" else e.got.shape
        piece = _piece(e, e.operator.name, [a.reshape(shape) for a in arrays], None)
        return [replace(piece, imaginary=_imaginary(e))]
    columns = zip(*(setting.split(a.reshape(-1), np) for a in arrays), strict=True)
    parts = [
        replace(
            _piece(e, name, list(part), x),
            imaginary=_second_of_pairs(x.size) if name in setting.complexes else None,
            of_inputs=True,
        )
        for name, part, x in zip(setting.case.wrt, columns, setting.x, strict=True)
    ]
    whole = replace(_piece(e, "gradient", arrays, None), imaginary=_imaginary(e))
    return parts if len(parts) == 1 else [whole, *parts]


def _second_of_pairs(n: int) -> np.ndarray:
    return np.arange(n) % 2 == 1


def _imaginary(e: Evidence) -> np.ndarray | None:
    """Which elements are imaginary parts, by the last axis of complex numbers; None without."""
    setting, layout = e.setting, e.operator.layout
    of_y = _second_of_pairs(prod(setting.y_shape)) if setting.y_complex else None
    of_x = None
    if not setting.complexes.isdisjoint(setting.case.wrt):
        parts = zip(setting.case.wrt, setting.x, strict=True)
        of_x = np.concatenate([_second_of_pairs(x.size) & (k in setting.complexes)
                               for k, x in parts])  # fmt: skip
    if layout == "yx":
        rows, columns = prod(setting.y_shape), setting.x_size
        if of_x is not None:
            return np.tile(of_x, rows)
        return None if of_y is None else np.repeat(of_y, columns)
    return {"x": of_x, "y": of_y}.get(layout)


def _arrays(e: Evidence) -> list[np.ndarray]:
    return [e.got, e.want, e.tolerance]


def _piece(e: Evidence, name: str, arrays: list[np.ndarray], x: np.ndarray | None) -> Piece:
    got, want, tolerance = (a.reshape(-1) for a in arrays)
    return Piece(
        name,
        got,
        want,
        tolerance,
        arrays[0].shape,
        None if x is None else x.reshape(-1),
        _dimensions(e.setting),
        EPS[e.setting.dtype],
    )


def _dimensions(setting: Setting) -> dict[str, int]:
    """Lengths that a forgotten or doubled mean would bring in, by name."""
    given = setting.case.sizes.get(setting.size, {})
    found = {k: v for k, v in given.items() if isinstance(v, int) and not isinstance(v, bool)}
    for name, array in setting.inputs.items():
        if isinstance(array, np.ndarray):
            shape = array.shape[:-1] if name in setting.complexes else array.shape
            for axis, length in enumerate(shape):
                found.setdefault(f"{name}.shape[{axis}]", length)
            found.setdefault(f"{name}.size", prod(shape))
    found.setdefault("y.size", prod(setting.y_shape[:-1] if setting.y_complex else setting.y_shape))
    return {k: v for k, v in found.items() if v > 1}

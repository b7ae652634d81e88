"""What a wrong result looks like: a known pattern, or nothing rather than a guess."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod

import numpy as np

from xgrad.numbers import EPS
from xgrad.problem import Operator, Setting

CLOSE = 1e-3  # how near, relative to the mistake, a pattern must explain many elements
MANY = 4  # wrong elements that no pattern fits by chance; fewer must fit up to rounding
NAMED = 1e-6  # how near, relatively, a factor is to the number that names it


@dataclass(frozen=True)
class Evidence:
    """A wrong result beside the truth, flat, with the tolerance of each element."""

    got: np.ndarray
    want: np.ndarray
    tolerance: np.ndarray
    operator: Operator
    setting: Setting


@dataclass(frozen=True)
class Piece:
    """The whole result or one input's share of it, flat, with the shape that it has as an array.

    `x` are the inputs where the result has their layout; `dimensions` are lengths by name.
    """

    name: str
    got: np.ndarray
    want: np.ndarray
    tolerance: np.ndarray
    shape: tuple[int, ...]
    x: np.ndarray | None
    dimensions: dict[str, int]
    eps: float

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

    def explains(self, candidate: np.ndarray) -> bool:
        """Whether a pattern applied to the truth gives the result, up to rounding."""
        rounding = 4 * np.maximum(self.tolerance, self.relative * np.abs(candidate))
        mistake = np.abs(self.got - self.want)
        most = np.where(self.wrong, np.minimum(rounding, mistake / 4), rounding)
        slack = np.maximum(most, CLOSE * mistake if self.count >= MANY else 0.0)
        return bool(np.all(np.abs(self.got - candidate) <= slack))


Rule = Callable[[Piece], str]


def find_hint(evidence: Evidence) -> str:
    """The first pattern that explains the result, most specific first; empty where none does."""
    if not np.all(np.isfinite(evidence.got)):
        return ""
    with np.errstate(all="ignore"):
        whole, parts = _pieces(evidence)
        if not whole.count:
            return ""
        several = _by_parts(parts) if len(parts) > 1 else ""
        return several or _first(whole, (*_RULES, _permuted, _precision))


def _first(piece: Piece, rules: tuple[Rule, ...]) -> str:
    return next((hint for rule in rules if (hint := rule(piece))), "")


def _by_parts(parts: list[Piece]) -> str:
    """What happened to the shares of the inputs, where it is not the same to all."""
    hit = [piece for piece in parts if piece.count]
    if sum(piece.count for piece in hit) == 1:
        return ""
    swapped = _swapped(hit)
    if swapped:
        return swapped
    found = [_first(piece, (*_RULES, _permuted)) for piece in hit]
    if len(hit) == 1:
        name = f"the gradient of {hit[0].name} alone"
        most = hit[0].count > hit[0].got.size / 2
        return f"{name}: {found[0]}" if found[0] else name if most else ""
    if len(set(found)) == 1 or not all(found):
        return ""
    return "; ".join(f"{p.name}: {h}" for p, h in zip(hit, found, strict=True))


def _pieces(e: Evidence) -> tuple[Piece, list[Piece]]:
    """The whole, and the shares of the inputs where the result has their layout."""
    setting = e.setting
    if e.operator.layout != "x":
        shape = setting.y_shape if e.operator.layout == "y" else e.got.shape
        return _piece(e, e.operator.name, [a.reshape(shape) for a in _arrays(e)], None), []
    columns = zip(*(setting.split(a.reshape(-1), np) for a in _arrays(e)), strict=True)
    parts = [
        _piece(e, name, list(arrays), x)
        for name, arrays, x in zip(setting.case.wrt, columns, setting.x, strict=True)
    ]
    return parts[0] if len(parts) == 1 else _piece(e, "gradient", _arrays(e), None), parts


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
            for axis, length in enumerate(array.shape):
                found.setdefault(f"{name}.shape[{axis}]", length)
            found.setdefault(f"{name}.size", array.size)
    found.setdefault("y.size", prod(setting.y_shape))
    return {k: v for k, v in found.items() if v > 1}


# --- elements that keep their places -------------------------------------------------------------


def _zeroed(p: Piece) -> str:
    if np.any(p.got[p.wrong] != 0):
        return ""
    if np.array_equal(p.wrong, np.abs(p.want) > p.tolerance) and p.got.size > 1:
        return "everything is zero"
    return "one element zeroed" if p.count == 1 else f"{p.count} elements zeroed"


def _signs(p: Piece) -> str:
    if not p.explains(np.where(p.wrong, -p.want, p.want)):
        return ""
    if p.got.size == 1:
        return "the sign"
    if np.array_equal(p.wrong, np.abs(p.want) > p.tolerance) and p.count > 1:
        return "sign of all elements"
    return "one sign" if p.count == 1 else f"sign of {p.count} elements"


def _factor(p: Piece) -> str:
    """One factor of all elements, or of those that are wrong."""
    ratio = _ratio(p.got, p.want)
    if ratio is not None and p.explains(ratio * p.want):
        felt = np.abs((ratio - 1) * p.want) > 2 * p.tolerance
        text = _factor_text(ratio, p.dimensions)
        # a few wrong elements are no factor of all, and any two numbers have a ratio
        if felt.sum() >= min(2, p.got.size) and np.all(p.wrong[felt]):
            return text if p.got.size > 1 or _is_named(text) else ""
    ratio = _ratio(p.got[p.wrong], p.want[p.wrong]) if p.count > 1 else None
    if ratio is None or not p.explains(np.where(p.wrong, ratio * p.want, p.want)):
        return ""
    text = _factor_text(ratio, p.dimensions)
    return f"{p.count} elements, {text}" if _is_named(text) else ""


def _is_named(text: str) -> bool:
    return "≈" not in text and "1 +" not in text


def _ratio(got: np.ndarray, want: np.ndarray) -> float | None:
    """The factor by least squares; None where it is 0 or the truth is zero."""
    total = float(np.sum(want * want))
    return float(np.sum(got * want) / total) or None if total > 0 else None


def _factor_text(ratio: float, dimensions: dict[str, int]) -> str:
    """`constant factor 4 too small`: what the result has too much or too little of."""
    large = abs(ratio) > 1
    number, cause = name_factor(max(abs(ratio), 1 / abs(ratio)), dimensions)
    sign = ", and the sign of all elements" if ratio < 0 else ""
    why = f": {cause[0 if large else 1]}" if cause else ""
    return f"constant factor {number} too {'large' if large else 'small'}{sign}{why}"


_MEAN = ("a sum in place of a mean", "a mean in place of a sum")


def name_factor(ratio: float, dimensions: dict[str, int]) -> tuple[str, tuple[str, ...]]:
    """The simplest number near a ratio above 1, and the causes of too much and too little of it.

    2 to 4, a length, a fraction, else its digits.
    """

    def near(value: float) -> bool:
        return abs(ratio / value - 1) < min(NAMED, (ratio - 1) / 10)

    lengths = [name for name, n in dimensions.items() if near(n)]
    for k in (2, 3, 4):
        if near(k):
            return f"{k}" + (f" (perhaps {lengths[0]})" if lengths else ""), ()
    if lengths:
        return f"{ratio:.6g} = {lengths[0]}", _MEAN
    for value, text, causes in _near_lengths(dimensions):
        if near(value):
            return f"{ratio:.6g} = {text}", causes
    simple = Fraction(ratio).limit_denominator(16)
    if simple > 1 and near(float(simple)) and simple.numerator <= 64:
        return str(simple), ()
    return (f"1 + {ratio - 1:.2g}" if ratio < 1.001 else f"≈ {ratio:.5g}"), ()


def _near_lengths(dimensions: dict[str, int]) -> Iterator[tuple[float, str, tuple[str, ...]]]:
    """Numbers made of one length, as text, and what they come from."""
    for name, n in dimensions.items():
        yield 2 * n, f"2 {name}", _MEAN
        if n > 2:
            less = f"{name} − 1"
            yield n / 2, f"{name}/2", _MEAN
            yield (
                n / (n - 1),
                f"{name}/({less})",
                (
                    f"{less} in place of {name}",
                    f"{name} in place of {less}",
                ),
            )


def _one_element(p: Piece) -> str:
    if p.count != 1 or p.got.size == 1:
        return ""
    k = int(np.argmax(p.wrong))
    got, want = p.got[k], p.want[k]
    if not want:
        return "one element"
    if abs(got / want - 1) < 0.1:
        side = "large" if abs(got) > abs(want) else "small"
        return f"one element, {abs(got / want - 1):.2g} of its size too {side}"
    return f"one element, off by a factor of {got / want:.5g}"


def _added(p: Piece) -> str:
    """A constant, or a multiple of the inputs, too much or too little."""
    gap = p.got - p.want
    if gap.size < 3:
        return ""
    middle = float(np.median(gap))
    if middle and p.explains(p.want + middle):
        return f"an additive constant {abs(middle):.3g} too {'much' if middle > 0 else 'little'}"
    ratio = None if p.x is None else _ratio(gap, p.x)
    if ratio and p.x is not None and p.explains(p.want + ratio * p.x):
        return f"a term {abs(ratio):.3g} {p.name} {'too much' if ratio > 0 else 'missing'}"
    return ""


# --- elements in other places --------------------------------------------------------------------


def _transposed(p: Piece) -> str:
    if len(p.shape) < 2 or min(p.shape[-2:]) < 2:
        return ""
    *rest, rows, columns = p.shape
    by_columns = p.want.reshape(p.shape).swapaxes(-1, -2).reshape(-1)
    if p.explains(by_columns):
        return (
            f"transpose of {p.name}" if rows == columns else f"layout of {p.name}, read by columns"
        )
    by_rows = p.want.reshape((*rest, columns, rows)).swapaxes(-1, -2).reshape(-1)
    return f"layout of {p.name}, read by columns" if p.explains(by_rows) else ""


def _shifted(p: Piece) -> str:
    if not p.shape or p.got.size < 3:
        return ""
    block = p.want.reshape(p.shape)
    for axis in range(block.ndim):
        for by in (1, -1):
            rolled = np.roll(block, by, axis)
            edge = np.zeros_like(block, dtype=bool)
            np.moveaxis(edge, axis, 0)[0 if by == 1 else -1] = True
            if any(p.explains(c.reshape(-1)) for c in (rolled, np.where(edge, 0.0, rolled))):
                return f"{p.name} shifted by one"
    return ""


def _permuted(p: Piece) -> str:
    """The wrong elements, in another order."""
    if p.count < 2:
        return ""
    wrong = np.flatnonzero(p.wrong)
    candidate = p.want.copy()
    candidate[wrong[np.argsort(p.got[wrong])]] = np.sort(p.want[wrong])
    if not p.explains(candidate):
        return ""
    return "two elements swapped" if p.count == 2 else f"{p.count} elements permuted"


def _swapped(parts: list[Piece]) -> str:
    """Two inputs of one shape whose gradients changed places."""
    if len(parts) != 2 or parts[0].shape != parts[1].shape:
        return ""
    one, other = parts
    if one.explains(other.want) and other.explains(one.want):
        return f"the gradients of {one.name} and {other.name} swapped"
    return ""


# --- fewer digits --------------------------------------------------------------------------------


def _precision(p: Piece) -> str:
    """Numbers that float32 holds, or small errors of random size and sign as it leaves them."""
    if p.eps > EPS["float64"]:
        return ""
    off = np.abs(p.got - p.want)[p.wrong] / np.max(np.abs(p.want))
    small = 1e-10 < float(np.median(off)) < 1e-6
    if small and np.array_equal(p.got, p.got.astype(np.float32)):
        return "lower precision inside: all numbers are float32's"
    share = np.mean(np.sign(p.got - p.want)[p.wrong] > 0)
    if small and p.count >= MANY and p.count > p.got.size / 2 and 0.1 < share < 0.9:
        return "lower precision inside: errors as float32 makes them"
    return ""


_RULES: tuple[Rule, ...] = (
    _zeroed,
    _signs,
    _factor,
    _transposed,
    _shifted,
    _one_element,
    _added,
)

"""What a wrong result looks like: a known pattern, or nothing rather than a guess."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xgrad.judging.conjugates import conjugated, halved, part_dropped, turned
from xgrad.judging.factors import constant_factor
from xgrad.judging.pieces import Evidence, Piece, everywhere, split
from xgrad.judging.shorter import lower_precision
from xgrad.judging.structured import along_structures

Rule = Callable[[Piece], str]


def find_hint(evidence: Evidence) -> str:
    """The first pattern that explains the result, most specific first; empty where none does."""
    if not np.all(np.isfinite(evidence.got)):
        return ""
    with np.errstate(all="ignore"):
        whole, *parts = split(evidence)
        if not whole.count:
            return ""
        several = _by_parts(parts) if parts else ""
        found = several or _first(whole, (*_RULES, _permuted, lower_precision))
        return found or along_structures(evidence)


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


# --- elements that keep their places -------------------------------------------------------------


def _zeroed(p: Piece) -> str:
    if np.any(p.got[p.wrong] != 0):
        return ""
    if np.array_equal(p.wrong, np.abs(p.want) > p.tolerance) and p.got.size > 1:
        return "everything is zero"
    return "one element zeroed" if p.count == 1 else f"{p.count} elements zeroed"


def _signs(p: Piece) -> str:
    if not (_turned(p) and p.holds_elsewhere(lambda q: _turned(q) if q.count else None)):
        return ""
    if p.got.size == 1:
        return "the sign"
    if np.array_equal(p.wrong, np.abs(p.want) > p.tolerance) and p.count > 1:
        return "sign of all elements"
    return "one sign" if p.count == 1 else f"sign of {p.count} elements"


def _turned(p: Piece) -> bool:
    """Whether what is wrong has the other sign."""
    return p.explains(np.where(p.wrong, -p.want, p.want))


def _one_element(p: Piece) -> str:
    if p.count != 1 or p.got.size == 1:
        return ""
    k = int(np.argmax(p.wrong))
    got, want = p.got[k], p.want[k]
    if not want or not abs(got / want - 1) < 0.1:
        return "one element"
    side = "large" if abs(got) > abs(want) else "small"
    return f"one element, {abs(got / want - 1):.2g} of its size too {side}"


def _added(p: Piece) -> str:
    """A constant, or a multiple of the inputs, too much or too little."""
    gap = p.got - p.want
    if gap.size < 3:
        return ""
    middle = float(np.median(gap))
    if middle and everywhere(p, lambda q: q.want + middle):
        return f"an additive constant {abs(middle):.3g} too {'much' if middle > 0 else 'little'}"
    if p.x is None or not np.any(p.x):
        return ""
    ratio = float(np.sum(gap * p.x) / np.sum(p.x * p.x))
    if ratio and everywhere(p, lambda q: q.want + ratio * np.asarray(q.x)):
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


_RULES: tuple[Rule, ...] = (
    conjugated,
    part_dropped,
    turned,
    _zeroed,
    _signs,
    halved,
    constant_factor,
    _transposed,
    _shifted,
    _one_element,
    _added,
)

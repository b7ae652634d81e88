"""What goes wrong with complex numbers alone: conjugates, parts that are dropped, halves.

Seen in pairs of reals, where the gradient of a real function is (∂/∂re, ∂/∂im).
"""

from __future__ import annotations

import numpy as np

from xgrad.judging.factors import constant_factor
from xgrad.judging.pieces import Piece, everywhere

WIRTINGER = {
    "constant factor 2 too small": ": ∂/∂z̄ in place of ∂/∂re + i ∂/∂im",
    "constant factor 2 too large": ": as if what was pulled back were ∂/∂z̄",
}


def conjugated(p: Piece) -> str:
    """All imaginary parts with the other sign."""
    if p.imaginary is None or not np.any(p.wrong & p.imaginary):
        return ""
    if not everywhere(p, lambda q: np.where(_imaginary(q), -q.want, q.want)):
        return ""
    return "the sign of all imaginary parts: its conjugate"


def part_dropped(p: Piece) -> str:
    """All real or all imaginary parts zero."""
    if p.imaginary is None:
        return ""
    for name, gone in (("imaginary", p.imaginary), ("real", ~p.imaginary)):
        if np.any(p.got[gone]) or not np.all(p.wrong[gone] | (np.abs(p.want[gone]) == 0)):
            continue
        if np.any(p.want[gone]) and p.explains(np.where(gone, 0.0, p.want)):
            return f"the {name} part is dropped"
    return ""


def turned(p: Piece) -> str:
    """i or −i times the right result."""
    if p.imaginary is None:
        return ""
    for name, sign in (("i", 1.0), ("−i", -1.0)):
        if everywhere(p, lambda q, s=sign: _rotated(q, s)):  # type: ignore[misc]
            return f"{name} times the right result"
    return ""


def halved(p: Piece) -> str:
    """A factor 2 that no length explains: the derivative by z̄ in place of the gradient."""
    if p.imaginary is None or not p.of_inputs:
        return ""
    told = constant_factor(p)
    return told + WIRTINGER.get(told, "")


def _imaginary(p: Piece) -> np.ndarray:
    return np.zeros(p.want.shape, dtype=bool) if p.imaginary is None else p.imaginary


def _rotated(p: Piece, sign: float) -> np.ndarray:
    """i times the pairs, or −i times."""
    if np.count_nonzero(_imaginary(p)) * 2 != p.want.size:
        return np.full(p.want.shape, np.nan)
    re, im = p.want[~_imaginary(p)], p.want[_imaginary(p)]
    made = np.empty_like(p.want)
    made[~_imaginary(p)], made[_imaginary(p)] = -sign * im, sign * re
    return made

"""What a shorter type inside leaves: errors of its size, which come and go from point to point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xgrad.judging.pieces import Piece
from xgrad.numbers import EPS, rounded


class Type(NamedTuple):
    """A type that somebody may have computed in, and what its errors are called."""

    name: str
    made_by: str


TYPES = (
    Type("float32", "float32 makes"),
    Type("float16", "16-bit types make"),
    Type("bfloat16", "16-bit types make"),
)
MOST = 0.75  # of the elements, which agree to the digits of the type
ROUNDINGS = 8.0  # of it that an element may have gone through
LEAST = 1 / 64  # of one rounding that a typical wrong element is off by, at least
FAR = 1e4  # roundings that no element is off by, relative to the largest
GROSS = 0.1  # of the largest element, which is no rounding in any type
DIFFERENT = 0.5  # of an error, by which it is another one at a point nearby


def lower_precision(p: Piece) -> str:
    """The errors of a shorter type, where most elements agree to its digits."""
    shorter = [kind for kind in TYPES if EPS[kind.name] > p.eps]
    kind = next((kind for kind in shorter if _are_of(kind, p)), None)
    if kind is None or not (_is_rounded_truth(kind, p) or _come_and_go(p)):
        return ""
    alike = [each for each in shorter if 1 <= EPS[each.name] / EPS[kind.name] <= ROUNDINGS]
    for each in reversed(alike):
        if np.array_equal(p.got, rounded(p.got, each.name)):
            return f"lower precision inside: all numbers are {each.name}'s"
    return f"lower precision inside: errors as {kind.made_by} them"


def _are_of(kind: Type, p: Piece) -> bool:
    """Whether errors have the size that a type's rounding gives them."""
    eps, errors = EPS[kind.name], np.abs(_relative(p))
    most = min(FAR * eps, GROSS) * np.max(np.abs(p.want))
    few = np.max(np.abs(p.got - p.want)) <= most and np.mean(errors <= ROUNDINGS * eps) >= MOST
    return bool(few and np.median(errors[p.wrong]) >= LEAST * eps)


def _is_rounded_truth(kind: Type, p: Piece) -> bool:
    """Whether the result is the truth in float32, bit by bit; 16 bits are soon alike by chance."""
    return kind.name == "float32" and np.array_equal(p.got, rounded(p.want, kind.name))


def _come_and_go(p: Piece) -> bool:
    """Whether errors at points nearby are other ones; those of a missing term are alike."""
    here, near = _relative(p)[p.wrong], p.near()
    least = DIFFERENT * np.median(np.abs(here))
    gaps = [np.median(np.abs(_relative(q)[p.wrong] - here)) for q in near]
    return bool(near) and bool(min(gaps) >= least)


def _relative(p: Piece) -> np.ndarray:
    """The error of each element, in its own size and with its sign."""
    off = p.got - p.want
    return np.where(off != 0, off / p.want, 0.0)

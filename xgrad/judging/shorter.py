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
    errors = _relative(p)
    for kind in TYPES:
        if EPS[kind.name] <= p.eps or not _are_of(kind.name, p, errors):
            continue
        alike = np.array_equal(p.got, rounded(p.got, kind.name))
        if alike and kind.name == "float32" and np.array_equal(p.got, rounded(p.want, kind.name)):
            return f"lower precision inside: all numbers are {kind.name}'s"
        near = p.near()
        if not near or not all(_differ(p, q) for q in near):
            return ""
        if alike:
            return f"lower precision inside: all numbers are {kind.name}'s"
        return f"lower precision inside: errors as {kind.made_by} them"
    return ""


def _relative(p: Piece) -> np.ndarray:
    """The error of each element, in its own size."""
    off = np.abs(p.got - p.want)
    return np.where(off > 0, off / np.abs(p.want), 0.0)


def _are_of(kind: str, p: Piece, errors: np.ndarray) -> bool:
    """Whether errors have the size that a type's rounding gives them."""
    eps, off = EPS[kind], np.abs(p.got - p.want)
    most = min(FAR * eps, GROSS) * np.max(np.abs(p.want))
    agree = float(np.mean(errors <= ROUNDINGS * eps))
    return bool(np.max(off) <= most and agree >= MOST and np.median(errors[p.wrong]) >= LEAST * eps)


def _differ(p: Piece, q: Piece) -> bool:
    """Whether errors at a point nearby are other ones; those of a missing term are alike."""
    here, there = _relative(p)[p.wrong], _relative(q)[p.wrong]
    return bool(np.median(np.abs(there - here)) >= DIFFERENT * np.median(here))

"""What a program detaches from its derivative, held fixed: its author's claim, and its effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xgrad.numbers import BITS, Ball, ball, midpoint, precision
from xgrad.problem import display_path
from xgrad.programs import Escape

CONSTANT = "constant"  # the one way to read a detached value that is not the function's own
STEP = 2.0**-20  # at which the effect of holding is looked for
SEEN = 1e-30  # of the largest value: more than rounding in balls, less than the square of the step
MOST = 3  # places that are named

Arrays = list[np.ndarray]


def hold(program: Any, x: Arrays) -> Any:
    """The program with what it detaches held as at x; raises `Escape` where that cannot be done."""
    held = program.frozen_at(x)
    if _gap(held.value(x), program.value(x)) > SEEN:
        raise Escape("a detached value is written to, or does not come again")
    return held


def places(held: Any) -> str:
    """Where what is held was detached, in words; empty where nothing is."""
    known = list(dict.fromkeys(filter(None, map(_short, held.frozen.places))))
    if not known:
        return "a line that is not known" if held.frozen.places else ""
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    return ", ".join(known[:MOST]) + more


def told(held: Any) -> str:
    """What is held, of a derivative that is judged so."""
    found = places(held)
    if not found:
        return "the function detaches nothing"
    word = getattr(held.frozen, "unread", "")
    unread = f"; torch's {word} stops reverse mode, not forward mode" if word else ""
    return f"values detached at {found} are held fixed{unread}"


def advice(program: Any, x: Arrays, v: Arrays) -> str:
    """That the program detaches what its derivative depends on; empty where it does not."""
    with precision(BITS):
        try:
            held = hold(program, x)
        except Escape as reason:
            return f"what the function detaches cannot be held fixed: {reason}"
        if not held.frozen.places:
            return ""
        moved = [(ball(a) + ball(d) * STEP).data for a, d in zip(x, v, strict=True)]
        differs = _gap(held.value(moved), program.value(moved)) > SEEN
    if not differs:
        return ""
    said = f'the function detaches values at {places(held)}; detached="{CONSTANT}" judges the '
    return said + "derivative with these held fixed"


def _gap(one: Arrays, other: Arrays) -> float:
    """The largest difference, as a share of the largest value."""
    apart = [np.abs(midpoint(_whole(a) - _whole(b))) for a, b in zip(one, other, strict=True)]
    size = max((float(np.max(np.abs(midpoint(_whole(a))), initial=0.0)) for a in other), default=0)
    return max((float(np.max(a, initial=0.0)) for a in apart), default=0.0) / (size or 1.0)


def _whole(array: np.ndarray) -> Ball:
    return ball(array)


def _short(place: str) -> str:
    file, _, line = place.rpartition(":")
    return f"{display_path(Path(file))}:{line}" if file else place

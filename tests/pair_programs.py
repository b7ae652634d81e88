"""Programs in balls and in double-double, side by side."""

import numpy as np

from xgrad.numbers import BITS, ball, halves, precision


def exactly(program, method, x, *rest):
    """What the program has in balls, as pairs of floats."""
    with precision(BITS):
        made = getattr(program, method)([ball(x).data], *[[ball(a).data] for a in rest])
    return halves(ball(np.concatenate([np.reshape(a, -1) for a in made])))


def in_pairs(program, method, x, *rest):
    pairs = program.in_pairs()
    made = getattr(pairs, method)([pairs.lift(x)], *[[pairs.lift(a)] for a in rest])
    flat = [(np.asarray(a.high).reshape(-1), np.asarray(a.low).reshape(-1)) for a in made]
    return tuple(np.concatenate(part) for part in zip(*flat, strict=True))


def digits(found, want):
    gap = np.max(np.abs((found[0] - want[0]) + (found[1] - want[1])))
    return 31.0 if gap == 0 else -np.log10(gap / np.max(np.abs(want[0])))

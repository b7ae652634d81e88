"""Slopes of an elementwise map: one direction gives all, a second shows that the map is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xgrad.errors import NotElementwise
from xgrad.numbers import ball, midpoint, precision
from xgrad.problem import Operator, Setting
from xgrad.techniques import Definition, Slopes, Stencil

SAME = 1e-20  # of the largest slope: what two directions may differ by


def diagonal(
    operator: Operator, setting: Setting, definition: Definition, stencil: Stencil
) -> Slopes:
    """Elementwise slopes; raises `NotElementwise` where two random directions tell others."""
    rng = setting.generator("elementwise")
    found, order = [], len(stencil.slots)
    for _ in range(2):
        d = setting.draw_flat_direction(rng)
        slopes = definition.slopes(Stencil((d,) * order))
        with precision(definition.bits(order)):
            found.append(_divided(slopes, d, order))
    one, other = found
    smooth = ~(one.jumps | other.jumps)
    for side in ("left", "right"):
        a, b = getattr(one, side), getattr(other, side)
        gap = np.abs(midpoint(a - b))[smooth]
        size = np.max(np.abs(midpoint(a)) + np.abs(midpoint(b)), initial=0.0)
        if np.any(gap > SAME * size) or np.any(one.jumps != other.jumps):
            raise NotElementwise(
                f"{operator.name} needs an elementwise map: the Jacobian of "
                f"{setting.case.name} is not diagonal; use jacobian, jvp or vjp"
            )
    return one


def _divided(slopes: Slopes, direction: np.ndarray, order: int) -> Slopes:
    """Slopes along a direction as those along the axes, which may run the other way."""
    where, by = slopes.central.namespace.where, ball(direction) ** order
    ahead = direction > 0
    return replace(
        slopes,
        central=slopes.central / by,
        left=where(ahead, slopes.left, slopes.right) / by,
        right=where(ahead, slopes.right, slopes.left) / by,
    )

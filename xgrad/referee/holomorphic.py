"""Whether a map of complex numbers has a complex derivative: the Cauchy–Riemann equations."""

from __future__ import annotations

import numpy as np

from xgrad.errors import NotElementwise
from xgrad.numbers import ball, midpoint, precision
from xgrad.problem import OPERATORS, Operator, Setting
from xgrad.techniques import Definition, Stencil, element_name

SAME = 1e-20  # of the largest slope: what holds up to h²


def require_holomorphic(operator: Operator, setting: Setting, definition: Definition) -> None:
    """Raise `NotElementwise` where there is no complex derivative of each element for itself.

    The slope along i must be i times the slope f' along 1, and along a random complex direction d
    it must be f' d. On a branch cut, where there are two sides, nothing is asked.
    """
    unit = setting.unit
    assert unit is not None
    drawn = setting.draw_flat_direction(setting.generator("holomorphic"))
    with precision(definition.bits(1)):
        found = [definition.slopes(Stencil((d,))) for d in (unit, np.roll(unit, 1), drawn)]
        slope, across, mixed = (s.central.data.reshape(-1, 2) for s in found)
        smooth = ~np.any([(s.kinks | s.jumps).reshape(-1, 2) for s in found], axis=0)
        d = ball(drawn).data.reshape(-1, 2)
        bent = _gap(across, _product(slope, ball(np.array([[0.0, 1.0]])).data)) * smooth
        coupled = _gap(mixed, _product(slope, d)) * smooth
        size = _size(slope) + _size(across) + _size(mixed)
    name = setting.case.name
    if np.any(bent > SAME * size):
        k = int(np.argmax(np.max(bent, axis=1)))
        place = element_name(OPERATORS["vjp"], setting, 2 * k).rpartition(".")[0]
        raise NotElementwise(
            f"{operator.name}: {name} is not holomorphic, the Cauchy–Riemann equations fail at "
            f"{place} by {np.max(bent[k]):.2g}: use jacobian, jvp or vjp"
        )
    if np.any(coupled > SAME * size):
        raise NotElementwise(
            f"{operator.name} needs an elementwise map: the Jacobian of {name} is not diagonal; "
            "use jacobian, jvp or vjp"
        )


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The complex product of pairs (n, 2)."""
    re = a[:, 0] * b[:, 0] - a[:, 1] * b[:, 1]
    return np.stack([re, a[:, 0] * b[:, 1] + a[:, 1] * b[:, 0]], axis=-1)


def _gap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    gap = np.abs(midpoint(ball(a - b)))
    return np.where(np.isfinite(gap), gap, 0.0)


def _size(a: np.ndarray) -> float:
    size = np.abs(midpoint(ball(a)))
    return float(np.max(size, initial=0.0, where=np.isfinite(size)))

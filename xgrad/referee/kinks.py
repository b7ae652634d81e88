"""Kinks of a function that exists in one framework only: its slopes on either side, in floats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.problem import Operator, Setting
from xgrad.referee.truth import Truth
from xgrad.techniques import Sampler, one_sided

MANY = 256  # inputs that are looked at one by one
APART = 8.0  # errors of two slopes beyond which they are two
LEAST = 1e-6  # of the largest slope, by which those at a kink differ at least
ALONG = 2  # random directions that show whether there is a kink at all


def at_kinks(operator: Operator, setting: Setting, device: str, truth: Truth) -> Truth:
    """The truth with the slopes on either side where they differ; none where they are too many.

    `setting` is that of the function, or of its product with the cotangent where that is asked.
    """
    framework = find_framework(setting.case.framework)
    with framework.scope(device), np.errstate(all="ignore"):
        sample = Sampler(framework, setting, device)
        if operator.name == "jvp":
            v = np.concatenate([part.reshape(-1) for part in setting.v])
            left, right, apart = _sides(sample, v)
            return _told(truth, left, right, apart) if apart.any() else truth
        rng = setting.generator("kinks")
        tried = [_sides(sample, setting.draw_flat_direction(rng))[2] for _ in range(ALONG)]
        if not np.any(tried):
            return truth
        if setting.x_size > MANY:
            return Truth("none", f"a kink, and {setting.x_size:,} inputs to look for it in")
        units = np.eye(setting.x_size)
        sides = [_sides(sample, unit) for unit in units]
        left, right, apart = (
            np.array(each).T.reshape(truth.high.shape) for each in zip(*sides, strict=True)
        )
        return _told(truth, left, right, apart) if apart.any() else truth


def _sides(sample: Sampler, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes behind and ahead, and where they are two."""
    (right,), ahead = (part for part in one_sided(sample, direction, 1))
    (left,), behind = (part for part in one_sided(sample, direction, -1))
    error = APART * (ahead[0] + behind[0])
    size = np.maximum(np.abs(left), np.abs(right))
    known = np.isfinite(error) & np.isfinite(size)
    return left, right, known & (np.abs(right - left) > np.maximum(error, LEAST * size))


def _told(truth: Truth, left: np.ndarray, right: np.ndarray, apart: np.ndarray) -> Truth:
    shape = truth.high.shape
    apart = apart.reshape(shape)
    low, high = (np.where(apart, side.reshape(shape), truth.high) for side in (left, right))
    return replace(truth, kind="kink", left=low, right=high)

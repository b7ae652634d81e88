"""Beyond the budget of balls: the formula in longer floats, checked by differences in them."""

from __future__ import annotations

import numpy as np

from xgrad.errors import digits_told
from xgrad.frameworks import find_framework
from xgrad.numbers import more_digits
from xgrad.problem import Operator, Setting
from xgrad.referee.candidates import find_candidate
from xgrad.referee.truth import PROBES, Truth, products
from xgrad.techniques import (
    RATIO,
    TINY,
    Ladder,
    Stencil,
    combine,
    extrapolate,
    length,
    plan,
    points,
)

DIGITS = 9.0  # that differences in longer floats must confirm
SLACK = 3.0  # digits that they may miss of what differences resolve
LEVELS = 8  # of steps in them


def in_longer_floats(operator: Operator, setting: Setting, reason: str) -> Truth:
    """The formula in longer floats, checked along random directions by differences in them."""
    compute = find_candidate(operator, setting)
    kind = "longdouble" if more_digits("float64") == "longdouble" else "float64"
    if compute is None:
        return Truth("none", f"{reason}; no formula to evaluate in longer floats")
    try:
        numpy = find_framework("numpy")
        arguments = setting.arguments(numpy, "cpu", dtype=kind)
        v = tuple(numpy.put(a, kind) for a in setting.v)
        with np.errstate(all="ignore"):
            exact = np.asarray(compute(arguments, v, numpy.put(setting.w, kind)))
            found = _digits(operator, setting, exact, kind) if operator.order else None
    except Exception as error:
        return Truth("none", f"{reason}; {type(error).__name__} in longer floats: {error}")
    digits, resolved = found or (np.nan, np.nan)
    if digits < max(DIGITS, resolved - SLACK):
        said = f"the formula agrees along random directions to {digits_told(digits)}"
        return Truth("none", f"{reason}; in longer floats {said} of {resolved:.0f}")
    high = exact.astype(np.float64)
    low = (exact - high).astype(np.float64)
    checked = f", certified along random directions to {digits_told(digits)}" if found else ""
    note = f"formula in floats of {np.finfo(exact.dtype).nmant + 1} bits{checked}; {reason}"
    return Truth("probes", note, digits, None, high, low)


def _digits(
    operator: Operator, setting: Setting, exact: np.ndarray, kind: str
) -> tuple[float, float]:
    """Digits to which extrapolated differences confirm the formula, and could."""
    stencil = plan(operator, setting)
    if stencil.coefficients is not None:
        raise NotImplementedError(f"no check of {operator.name} along directions")
    rng = setting.generator("longer floats")
    gaps = []
    for _ in range(PROBES if stencil.free or stencil.elementwise else 1):
        directions = stencil.draw(setting, rng)
        slope, error = _slope(setting, stencil.filled(directions), kind)
        got, terms = products(exact, directions, stencil.elementwise)
        size = max(float(np.max(terms)), TINY["float64"])
        gaps.append([float(np.max(np.abs(got - slope))) / size, float(np.max(error)) / size])
    digits, resolved = -np.log10(np.maximum(np.max(gaps, axis=0), 1e-25))
    return float(digits), float(resolved)


def _slope(setting: Setting, stencil: Stencil, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The derivative along directions by extrapolated differences, and its error."""
    real = np.longdouble if kind == "longdouble" else np.float64
    arguments = setting.arguments(find_framework("numpy"), "cpu", dtype=kind)
    f = setting.function(arguments)
    x = np.concatenate([a.reshape(-1) for a in arguments.xs])

    def value(row: np.ndarray) -> np.ndarray:
        return np.asarray(f(*setting.split(row, np))).reshape(-1)

    lengths = [length(setting.flat_x, d) for d in stencil.slots]
    slopes, rounding = [], []
    for level in range(LEVELS):
        h = RATIO**-level / (32 * stencil.power)
        steps = [real(h * s) * d.astype(real) for s, d in zip(lengths, stencil.slots, strict=True)]
        values = [value(p) for p in points(x, tuple(steps), stencil.power)]
        width = np.prod([real(2 * h * s) for s in lengths]) ** stencil.power
        slopes.append(combine(values, width, stencil.power))
        eps = float(np.finfo(real).eps)
        rounding.append(2**stencil.order * eps * np.max(np.abs(values), axis=0) / float(width))
    slope, error = extrapolate(Ladder(np.array(slopes), np.array(rounding)))
    if stencil.weights is not None:
        slope, error = np.dot(stencil.weights, slope), np.dot(np.abs(stencil.weights), error)
    return slope, error

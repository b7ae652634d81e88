"""Samples of a candidate in noisy arithmetic: how far rounding takes a right method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.numbers import Ball, Noisy, bare, more_digits, precision
from xgrad.problem import Arguments, Setting
from xgrad.referee.candidates import Candidate
from xgrad.referee.truth import Truth

SAMPLES = 8
FEW_SAMPLES = 3  # beyond this many elements
MANY_ELEMENTS = 2_000_000
ASTRAY = 1e-3  # of the largest element: an error beside a kink that is none of rounding
BITS = 128  # in which results are rounded at random
LOUDER = 2.0**8  # times the rounding of float64, which is then small beside it


def samples(
    compute: Candidate,
    setting: Setting,
    rng: np.random.Generator,
    arithmetic: str,
    louder: float = 1.0,
    most: int = SAMPLES,
) -> list[Any]:
    """`compute(arguments, v, w)` several times in noisy arithmetic; results in base arrays.

    `arithmetic` is `ball` or a NumPy float wide enough for the dtype, or for a unit so many times
    louder than it.
    """
    in_balls = arithmetic == "ball"
    framework = find_framework("ball" if in_balls else "numpy")
    base = framework.namespace("" if in_balls else arithmetic)
    xp = Noisy(base, setting.dtype, rng, in_balls)
    xp.unit *= louder
    exact = setting.arguments(framework, "cpu", dtype=arithmetic)
    v = [framework.put(a, arithmetic) for a in setting.v]
    w = framework.put(setting.w, arithmetic)
    count = most if _elements(setting) < MANY_ELEMENTS else FEW_SAMPLES
    drawn = []
    for _ in range(count):
        rest = {k: xp.wrapped(a, 1.0) for k, a in exact.rest.items()}
        arguments = Arguments(xp, tuple(xp.wrapped(a, 1.0) for a in exact.xs), rest, exact.static)
        directions = tuple(xp.wrapped(a) for a in v)
        drawn.append(bare(compute(arguments, directions, xp.wrapped(w))))
    return drawn


def measured(compute: Candidate, setting: Setting, truth: Truth) -> np.ndarray | None:
    """The largest error of the samples, element by element; None where no arithmetic has them.

    In longer floats, or in balls, which have what a function needs.
    """
    for arithmetic in dict.fromkeys((more_digits(setting.dtype), "ball")):
        rng = setting.generator("rounding")
        try:
            with np.errstate(all="ignore"), precision(BITS):
                drawn = samples(compute, setting, rng, arithmetic)
                noise = np.max([_error(truth, truth.seen(s)) for s in drawn], axis=0)
        except Exception:
            continue
        if _is_noise(noise, truth):
            return np.asarray(noise)
    return None


def measured_in_floats(compute: Candidate, setting: Setting, truth: Truth) -> np.ndarray | None:
    """The same from few samples in float64, where longer floats are dear.

    Rounding of float64 itself is made louder, and its effect divided by as much: to first order
    they grow together. Where the effect is no small one, longer floats tell.
    """
    louder = LOUDER if setting.dtype == "float64" else 1.0
    try:
        with np.errstate(all="ignore"):
            rng = setting.generator("rounding")
            drawn = samples(compute, setting, rng, "float64", louder, FEW_SAMPLES)
            noise = np.max([_error(truth, s) for s in drawn], axis=0)
    except Exception:
        return measured(compute, setting, truth)
    if np.all(noise <= ASTRAY * np.max(np.abs(truth.high), initial=0.0)):
        return np.asarray(noise / louder)
    return measured(compute, setting, truth)


def _error(truth: Truth, got: Any) -> np.ndarray:
    """The error where there is a truth."""
    return np.where(truth.kinked, 0.0, truth.error(got))


def _is_noise(error: np.ndarray, truth: Truth) -> bool:
    """Whether errors are those of rounding: beside a kink it may also end on the other side."""
    if truth.kind != "kink":
        return bool(np.all(np.isfinite(error)))
    size = np.max(np.abs(truth.high), initial=0.0, where=~truth.kinked)
    return bool(np.all(error <= ASTRAY * size))


def _elements(setting: Setting) -> int:
    return max(a.size for a in setting.inputs.values() if isinstance(a, np.ndarray))


class Samples:
    """The largest errors of one, two, … samples, drawn as they are asked for and kept."""

    def __init__(self, draw: Callable[[int], np.ndarray | None], count: int):
        self._draw = draw
        self._count = count
        self._kept: list[np.ndarray] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        for k in range(self._count):
            if k == len(self._kept):
                drawn = self._draw(k)
                if drawn is None:
                    return
                self._kept.append(np.maximum(self._kept[-1], drawn) if k else drawn)
            yield self._kept[k]


def rounded_errors(compute: Callable[[], Ball], truth: Truth) -> np.ndarray | None:
    """Errors of what a program computes while its operations round; None where it fails so."""
    try:
        with precision(BITS):
            error = _error(truth, compute())
    except Exception:
        return None
    return error if _is_noise(error, truth) else None

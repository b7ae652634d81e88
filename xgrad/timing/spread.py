"""Medians and how sure they are: quartiles, ratios with their interval, fitted exponents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2_000  # of the bootstrap
LEVEL = 0.95  # of every interval
NOISY = 0.10  # interquartile range over the median beyond which a number is flagged


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95% interval."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan)


def median(samples: Sequence[float]) -> float:
    """The median, NaN of nothing."""
    return float(np.median(samples)) if len(samples) else np.nan


def quartile_range(samples: Sequence[float]) -> float:
    """The distance from the first to the third quartile, NaN of nothing."""
    if not len(samples):
        return np.nan
    low, high = np.percentile(samples, (25, 75))
    return float(high - low)


def is_noisy(samples: Sequence[float]) -> bool:
    """Whether the interquartile range is over a tenth of the median."""
    return len(samples) > 0 and quartile_range(samples) > NOISY * median(samples)


def ratio(above: Sequence[float], below: Sequence[float], rng: np.random.Generator) -> Estimate:
    """The ratio of the medians, with the percentile interval of a bootstrap.

    Both lists are drawn from independently, which is right for lists from different runs and errs
    to the wide side for lists from the same rounds. Source: Efron & Tibshirani 1993, An
    Introduction to the Bootstrap, chapter 13.
    """
    if not len(above) or not len(below):
        return UNKNOWN
    share = _medians(above, rng) / _medians(below, rng)
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(share, (tail, 100 - tail))
    return Estimate(median(above) / median(below), float(low), float(high))


def _medians(samples: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """The medians of samples drawn again from the samples, with replacement."""
    values = np.asarray(samples)
    drawn = rng.integers(values.size, size=(DRAWS, values.size))
    return np.asarray(np.median(values[drawn], axis=1))


def exponent(n: Sequence[float], seconds: Sequence[float]) -> Estimate:
    """p of seconds ≈ c·nᵖ by least squares in logarithms, with its 95% interval from Student's t.

    Needs three different n, else NaN: two points fit any power.
    """
    from scipy.special import stdtrit

    x, y = np.log(np.asarray(n, float)), np.log(np.asarray(seconds, float))
    if len(set(n)) < 3:
        return UNKNOWN
    apart = x - x.mean()
    slope = float(apart @ y / (apart @ apart))
    rest = y - y.mean() - slope * apart
    free = x.size - 2
    error = float(np.sqrt(rest @ rest / free / (apart @ apart)))
    width = float(stdtrit(free, (1 + LEVEL) / 2)) * error
    return Estimate(slope, slope - width, slope + width)

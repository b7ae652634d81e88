"""How sure times are: intervals, noise, and exponents."""

from contextlib import nullcontext

import numpy as np
import pytest
from subjects import measured

from xgrad.table import records
from xgrad.timing import clock, fit_exponents, spread, table
from xgrad.timing.clock import Subject


def test_the_interval_of_a_ratio_holds_the_ratio_and_is_seeded():
    rng = np.random.default_rng(0)
    above, below = 3e-3 * rng.lognormal(0, 0.05, 16), 1e-3 * rng.lognormal(0, 0.05, 16)
    found = spread.ratio(above, below, np.random.default_rng(1))
    assert found == spread.ratio(above, below, np.random.default_rng(1))
    assert found.low < found.value < found.high
    assert found.low < 3 < found.high
    assert found.high - found.low < 0.4


def test_intervals_hold_the_true_ratio_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        above, below = 2 * rng.lognormal(0, 0.1, 16), rng.lognormal(0, 0.1, 16)
        found = spread.ratio(above, below, rng)
        held += found.low <= 2 <= found.high
    assert held >= 180


def test_a_range_over_a_tenth_of_the_median_is_flagged():
    assert not spread.is_noisy([1.0] * 12 + [9.0] * 3)  # outliers are not what the range sees
    assert spread.is_noisy([1.0] * 8 + [1.2] * 8)
    assert not spread.is_noisy([])


def rows_of(case, seconds, **given):
    return [{"case": case, "inputs": n, "derivative": s, **given} for n, s in seconds.items()]


def test_the_exponent_of_quadratic_times_is_2_within_its_interval():
    rng = np.random.default_rng(0)
    times = {n: 1e-9 * n**2 * rng.lognormal(0, 0.03) for n in (50, 200, 800, 3_200)}
    (row,) = records(fit_exponents(table.timing_frame(rows_of("square", times))))
    assert row["exponent"] == pytest.approx(2, abs=0.05)
    assert row["exponent_low"] < 2 < row["exponent_high"]
    assert (row["sizes"], row["smallest"], row["largest"]) == (4, 50, 3_200)


def test_the_exponent_of_a_quadratic_function_is_near_2(monkeypatch):
    now = 0.0

    def work(n):
        nonlocal now
        now += 2e-6 + 1e-8 * n * n  # a little overhead of each call

    monkeypatch.setattr(clock, "perf_counter", lambda: now)
    monkeypatch.setattr(clock, "process_time", lambda: now)
    sizes = (100, 400, 1_600)
    subjects = measured(
        *(Subject(lambda inputs, n=n: lambda k: clock.block(lambda: work(n), k), nullcontext)
          for n in sizes)
    )  # fmt: skip
    times = {n: spread.median(s.samples) for n, s in zip(sizes, subjects, strict=True)}
    (row,) = records(fit_exponents(table.timing_frame(rows_of("square", times))))
    assert row["exponent"] == pytest.approx(2, abs=0.02)


def test_two_sizes_and_untimed_rows_have_no_exponent():
    rows = rows_of("two", {10: 1e-3, 100: 1e-2, 1000: float("nan")})
    assert fit_exponents(table.timing_frame(rows)).empty

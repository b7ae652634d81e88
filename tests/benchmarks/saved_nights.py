"""Nights as benchmarks/nightly.py saves them, made up: for the tests of the gate and of nightly."""

import importlib
import json
import sys

import pandas as pd
from checkout import BENCHMARKS

sys.path.append(str(BENCHMARKS))
nights = importlib.import_module("nights")

PACKAGES = {"python": "3.11.7", "torch": "2.13.0", "jax": "0.10.2"}
ROW = {
    "case": "square", "size": "small", "point": "random", "operator": "gradient",
    "framework": "numpy", "technique": "formula", "device": "cpu", "dtype": "float64", "seed": 0,
    "status": "ok", "verdict": "agrees", "digits": 15.0, "message": "",
}  # fmt: skip


def timed(case, seconds, **more):
    """A row of the suite whose fastest sample is `seconds`, the others a little slower."""
    samples = [seconds * (1 + k / 100) for k in range(16)]
    numbers = {"derivative": samples[8], "iqr": samples[12] - samples[4], "samples": samples}
    return {**ROW, "case": case, **numbers, "samples": json.dumps(samples), **more}


def judged(case, **more):
    """A row of the agreement run."""
    return {**ROW, "case": case, **more}


def make_night(root, k, timings=(), verdicts=(), **about):
    """The k-th night, saved; its commit is `k` eight times over."""
    folder = root / "here" / f"night-{k:02d}"
    for name, rows in (("timing", timings), ("agreement", verdicts)):
        (folder / name).mkdir(parents=True)
        if rows:
            pd.DataFrame(rows).to_parquet(folder / name / "rows.parquet")
    said = {
        "commit": f"{k:08x}", "started": f"20260101T{k:06d}", "machine": "here", "device": "cpu",
        "profile": "smoke", "packages": PACKAGES,
    }  # fmt: skip
    night = nights.Night(folder, nights.About(**{**said, **about}))
    night.save()
    return night

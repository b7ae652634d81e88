"""Saved runs that no machine made: many rows, odd names, failures, timings."""

# ruff: noqa: E501  rows read as lines

import json
import math
from pathlib import Path

import numpy as np

from xgrad.table import make_frame, write_frame
from xgrad.timing import table as timing

METHODS = [
    (f, t)
    for f in ("numpy", "torch", "jax", "ball")
    for t in ("formula", "reverse", "forward", "differences", "complex_step")
]
DIGITS = {"float64": 15.65, "float32": 6.92}
ENVIRONMENT = {
    "python": "3.11.7", "system": "Linux", "processor": "A processor", "cores": 2,
    "versions": {"numpy": "2.4.6", "torch": "2.13.0", "jax": ""}, "commit": "abc1234",
    "variables": {"OMP_NUM_THREADS": "1"},
    "frameworks": {"torch": {"devices": ["cpu"], "flags": {"tf32": "off"}}},
}  # fmt: skip
EVIL = "<script>alert(1)</script>"
ODD = ("<script>alert(1)</script>", "a\"b'c & d", "x" * 3000, "../../etc/passwd", "Ünïcode ∂", "con|pipe`s",
       "</script><img src=x onerror=alert(2)>", "#{}%$~^\\_&")  # fmt: skip


def row(case="problem", **given):
    """A row that agrees, with what is given instead."""
    usual = {
        "case": case, "size": "small", "point": "random", "operator": "gradient", "seed": 0,
        "framework": "torch", "technique": "reverse", "device": "cpu", "dtype": "float64",
        "status": "ok", "verdict": "agrees", "error": 1e-16, "relative_error": 1e-16, "ulps": 0.5,
        "digits": 15.65, "tolerance": 1e-14, "noise": 1e-16, "worst": "x[0]", "got": 1.0,
        "want": 1.0, "referee": "certified",
    }  # fmt: skip
    return {**usual, **given}


def save(folder, rows, *, date="2026-11-21", environment=None, cases=()):
    """Write a run's folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_frame(make_frame(rows), folder)
    (folder / "environment.json").write_text(json.dumps({**ENVIRONMENT, **(environment or {})}))
    described = {"saved": f"{date}T00:00:00+00:00", "cases": list(cases)}
    (folder / "cases.json").write_text(json.dumps(described))
    return folder


def many_rows(cases=100, methods=20, seed=0):
    """Rows of cases × methods in two dtypes, digits drawn at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(cases):
        for dtype, most in DIGITS.items():
            for framework, technique in METHODS[:methods]:
                digits = min(most, most - rng.exponential(0.8))
                verdict = "inconclusive" if technique == "differences" else "agrees"
                verdict = "disagrees" if rng.random() < 0.002 else verdict
                error = 10.0**-digits
                rows.append(
                    row(
                        f"case_{k:03d}", framework=framework, technique=technique, dtype=dtype,
                        verdict=verdict, digits=digits, error=error, relative_error=error,
                        got=1 + error, worst=f"x[{k}]", operator=("gradient", "hvp")[k % 2],
                        message="step 1e-06: rounding noise" if verdict == "inconclusive" else "",
                    )
                )  # fmt: skip
    return rows


def described(name, **given):
    """What cases.json says of a case."""
    usual = {
        "name": name, "identifier": f"cases/field/{name}.py::{name}", "field": f"field_{name[-1]}",
        "title": "½ Σ (Y − T)².", "mathematics": "½ Σ (Y − T)².\n\nIn words.", "source": "Somebody 2006, eq. 1",
        "wrt": ["x"], "sizes": {"small": {"n": "4"}}, "operators": ["gradient"], "code": f"def {name}(xp, x): ...",
        "formulas": [{"operator": "gradient", "name": "", "frameworks": [], "default": True, "text": "Xᵀ (Y − T).",
                      "code": "def gradient(xp, x): ..."}],
        "implementations": [], "helpers": [], "known": [],
    }  # fmt: skip
    return {**usual, **given}


def save_many(folder):
    """100 cases × 20 methods × 2 dtypes, with mathematics and code."""
    cases = [described(f"case_{k:03d}") for k in range(100)]
    return save(folder, many_rows(), cases=cases)


def odd_rows():
    """Every status and verdict, numbers that are none, and names that mean harm."""
    nan, inf = math.nan, math.inf
    rows = [row(case=name) for name in ODD]
    rows += [
        row("failing", technique="formula", verdict="disagrees", digits=2.0, error=1e-2, got=1.01,
            hint=f"constant factor 2 {EVIL}", message=f"said {EVIL}"),
        row("failing", technique="forward", verdict="disagrees", message=f"known: because {EVIL}"),
        row("failing", technique=f"formula:{EVIL}", point="it's $HOME; rm -rf /"),
        row("missing", framework="jax", device="cuda", status="unavailable", verdict="", digits=nan,
            error=nan, got=nan, want=nan, worst="", referee="", message="pip install 'jax[cuda]'"),
        row("missing", framework="numpy", technique="reverse", status="unsupported", verdict="", digits=nan),
        row("broken", status="error", verdict="", digits=nan, error=nan, message=f"ValueError: {EVIL}"),
        row("slow", status="timeout", verdict="", digits=nan, error=nan, message="beyond 60 s"),
        row("dead", status="crashed", verdict="", digits=nan, error=nan, message="signal 11"),
        row("holes", status="nonfinite", verdict="disagrees", digits=nan, error=inf, got=nan),
        row("holes", framework="jax", status="nonfinite", verdict="", digits=nan, error=nan, got=inf),
        row("kinked", point="zero", verdict="convention", digits=nan, got=0.0, referee="kink",
            message="kink at x: slopes -1 and 1, returned 0"),
        row("kinked", framework="jax", point="zero", verdict="convention", digits=nan, got=1.0, referee="kink",
            message="kink at x: slopes -1 and 1, returned 1"),
        row("unjudged", referee="none: beyond the budget", verdict="inconclusive", digits=nan, error=nan),
        row("lost", verdict="unstable", digits=3.0),
        row("zero", digits=nan, error=0.0, relative_error=nan), row("zero", technique="forward", digits=nan, error=3e-17),
        {"case": f"file {EVIL}.py", "status": "error", "message": f"SyntaxError {EVIL}"},
    ]  # fmt: skip
    return rows


def save_odd(folder):
    """A run in which much went wrong."""
    cases = [described(n, title=EVIL, mathematics=f"{EVIL} ∂", source=EVIL, code=EVIL) for n in ODD]
    return save(folder, odd_rows(), cases=cases)


def save_timings(folder, environment=None, case="problem"):
    """Timings of one case at three sizes, two methods."""
    rows = []
    for technique, scale in (("reverse", 1.0), ("formula", 0.5)):
        for size, n in (("small", 10), ("medium", 100), ("large", 1000)):
            seconds = scale * 1e-6 * n**1.5
            rows.append(
                {
                    "case": case, "size": size, "point": "random", "operator": "gradient",
                    "framework": "torch", "technique": technique, "device": "cpu", "dtype": "float64",
                    "threads": 1, "inputs": n, "status": "ok", "verdict": "agrees", "digits": 15.0,
                    "referee": "certified", "first_call": 0.5, "derivative": seconds,
                    "value": seconds / 3, "ratio": 3.0, "ratio_low": 2.9, "ratio_high": 3.1,
                    "iqr": seconds / 50, "repeats": 15, "calls": 10, "peak_memory": 1e6,
                    "samples": json.dumps([seconds] * 15),
                }
            )  # fmt: skip
    rows.append({**rows[0], "framework": "jax", "verdict": "disagrees", "derivative": math.nan})
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    about = {**ENVIRONMENT, "threads": 1, "pinned": [0], "load": 0.1, **(environment or {})}
    timing.save_timings(timing.timing_frame(rows), about, folder)
    return folder


ASKED = (("vjp", "reverse"), ("jvp", "forward"), ("weighted_hvp", "reverse"))
PROGRAM = "import torch\nprint('<wrong>')\n"


def census_rows(
    operations, samples=("sample 1", "sample 2", "halves"), dtypes=("float64", "float32")
):
    """Rows of operations that are right at every sample, each derivative in each dtype."""
    return [
        row(name, operator=operator, technique=technique, point=point, dtype=dtype, rule="within tolerance",
            digits=DIGITS.get(dtype, 2.4) - k / 10)
        for name in operations for k, point in enumerate(samples)
        for operator, technique in ASKED for dtype in dtypes
    ]  # fmt: skip


def save_census(folder, *, date="2026-11-21", later=False):
    """Operations that are right, wrong at one sample, known, unstable, without a verdict, not there.

    The `later` one has a mistake mended and another made.
    """
    names = ("t.right", "t.wrong", "t.long", "t.known", "t.unstable", "t.vague", "t.absent", EVIL)
    rows = census_rows(names)
    bad = {
        "verdict": "disagrees",
        "digits": 2.0,
        "got": 1.01,
        "hint": "constant factor 2",
        "rule": "beyond tolerance",
    }
    absent = {
        "status": "unsupported",
        "verdict": "",
        "digits": math.nan,
        "referee": "",
        "message": "no such rule",
    }
    changes = {
        ("t.wrong", "vjp", "sample 2"): {} if later else bad,
        ("t.right", "jvp", "halves"): bad if later else {},
        ("t.long", "jvp", "sample 1"): bad | {"message": "word " * 2000},
        ("t.known", "vjp", "halves"): bad | {"message": "known: as in the manual"},
        ("t.unstable", "vjp", "sample 1"): {"verdict": "unstable", "digits": 5.0, "rule": "lost digits"},
        ("t.vague", "vjp", "sample 1"): {"verdict": "inconclusive", "message": "too much to tell"},
    }  # fmt: skip
    for each in rows:
        each |= changes.get((each["case"], each["operator"], each["point"]), {})
        each |= absent if each["case"] == "t.absent" and each["dtype"] == "float32" else {}
    program = {"case": "t.wrong", "operator": "vjp", "technique": "reverse", "point": "sample 2", "dtype": "float32",
               "text": PROGRAM}  # fmt: skip
    cases = [described(name, field="census", identifier=f"cases/census/t.py::{name}", code="", formulas=[],
                       programs=[program] if name == "t.wrong" else []) for name in names]  # fmt: skip
    return save(folder, rows, date=date, cases=cases)

"""Frameworks that are extras (HIPS autograd, MLX, TensorFlow) beside torch and JAX.

    OMP_NUM_THREADS=1 python benchmarks/frameworks.py RUN... > results/frameworks.md

The well-known problems are judged and timed; of each saved RUN of the library (`xgrad run cases/…
--method 'autograd.reverse,autograd.forward' --out RUN`) the verdicts are counted, and what
disagrees is listed; the findings of `findings_frameworks.py` are measured, each in a fresh process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import findings
import pandas as pd
from findings_frameworks import FINDINGS

import xgrad
from xgrad.frameworks import find_framework
from xgrad.problem import find_cases, is_first
from xgrad.running import describe_machine
from xgrad.timing import time_cases

NAMES = ("torch", "jax", "autograd", "mlx", "tensorflow")
METHODS = tuple(f"{name}.{technique}" for name in NAMES for technique in ("reverse", "forward"))
PLACE = ["case", "point", "operator"]


def digits(frame: pd.DataFrame, dtype: str) -> str:
    """Digits of agreement, or the word for what there is instead."""
    own = frame[frame["dtype"] == dtype].copy()
    own["shown"] = [_shown(row) for row in own.to_dict("records")]
    own["method"] = own["framework"] + "." + own["technique"]
    table = own.pivot_table(
        index=PLACE, columns="method", values="shown", aggfunc="first", sort=False
    )
    return table.reindex(columns=list(METHODS)).fillna("–").reset_index().to_markdown(index=False)


def _shown(row: dict) -> str:
    if row["status"] != "ok":
        return row["status"]
    mark = "" if row["verdict"] in ("agrees", "bounded") else f" {row['verdict']}"
    return f"exact{mark}" if pd.isna(row["digits"]) else f"{row['digits']:.1f}{mark}"


def times(frame: pd.DataFrame) -> str:
    """Milliseconds of one derivative in the steady state, medians."""
    own = frame[frame["derivative"].notna()].copy()
    own["ms"] = own["derivative"] * 1e3
    own["method"] = own["framework"] + "." + own["technique"]
    table = own.pivot_table(index=["case", "operator"], columns="method", values="ms", sort=False)
    return table.reset_index().to_markdown(index=False, floatfmt=".3f")


def counts(frame: pd.DataFrame) -> Iterator[str]:
    """What a run of the library found, by method."""
    for (name, technique, dtype), own in frame.groupby(["framework", "technique", "dtype"]):
        words = own["verdict"].where(own["verdict"] != "", own["status"]).value_counts()
        told = ", ".join(f"{n:,} {word}" for word, n in words.items())
        rows, cases = f"{len(own):,}", f"{own['case'].nunique():,}"
        yield findings.row(f"{name}.{technique}", dtype, rows, cases, told)


def disagreements(frame: pd.DataFrame) -> Iterator[str]:
    """Each row that disagrees, or is an error, once for its case and operator."""
    own = frame[(frame["verdict"] == "disagrees") | (frame["status"] == "error")]
    for row in own.drop_duplicates(["framework", "technique", *PLACE]).to_dict("records"):
        told = row["hint"] or row["message"]
        what = row["verdict"] or row["status"]
        method = f"{row['framework']}.{row['technique']}"
        place = f"{row['case']} {row['operator']}"
        yield findings.row(place, method, row["dtype"], what, str(told)[:160])


def page(runs: list[Path]) -> Iterator[str]:
    """The whole page."""
    cases = [c for c in find_cases(()) if is_first(c)]
    judged = xgrad.run(cases, methods=METHODS, workers=0)
    reverse = [m for m in METHODS if m.endswith("reverse")]
    place = {"dtypes": ("float64",), "sizes": ("medium",), "operators": ("gradient",)}
    timed = time_cases(cases, methods=reverse, limit=1.0, **place)
    versions = ", ".join(f"{n} {find_framework(n).version()}" for n in NAMES)
    yield "# Frameworks that are extras\n"
    where = describe_machine(load=False)["processor"]
    yield (
        f"{versions}; {where}, {os.cpu_count()} cores; load {os.getloadavg()[0]:.0f} "
        "at the end. Made by `OMP_NUM_THREADS=1 python benchmarks/frameworks.py RUN…`.\n"
    )
    for dtype in ("float64", "float32"):
        yield f"## Digits of the well-known problems, {dtype}\n\n{digits(judged, dtype)}\n"
    yield "## Milliseconds of a gradient, medium size\n"
    yield "Medians in the steady state, of right methods; beside other work on the machine.\n"
    yield f"{times(timed)}\n"
    yield "## The library\n"
    yield "| method | dtype | rows | cases | verdicts, or what is there instead |"
    yield "|:--|:--|--:|--:|:--|"
    frames = [pd.read_parquet(run / "rows.parquet") for run in runs]
    for frame in frames:
        yield from counts(frame)
    yield "\n### Rows that disagree, or are errors\n"
    yield "| case | method | dtype | | |\n|:--|:--|:--|:--|:--|"
    for frame in frames:
        yield from disagreements(frame)
    yield "\n## Findings\n"
    for finding in FINDINGS:
        size = findings.measure(finding)
        if size.error > finding.allowed:
            yield findings.chapter(finding, size)
        else:
            yield f"{finding.title}: mended.\n"


def main() -> None:
    print("\n".join(page([Path(run) for run in sys.argv[1:]])).rstrip())


if __name__ == "__main__":
    main()

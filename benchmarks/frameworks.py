"""Frameworks that are extras (HIPS autograd, MLX, TensorFlow) beside torch and JAX.

    OMP_NUM_THREADS=1 python benchmarks/frameworks.py FIRST RUN... > results/frameworks.md

FIRST is a saved run of the well-known problems in all of `METHODS`, whose digits are told; of each
saved RUN of the library (`xgrad run cases/… --method 'autograd.reverse,autograd.forward' --out
RUN`) the verdicts are counted, and what disagrees is listed. Gradients are timed here, and the
findings of `findings_frameworks.py` measured, each in a fresh process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import process_time

import findings
import pandas as pd
from findings_frameworks import FINDINGS

from xgrad.frameworks import find_framework
from xgrad.problem import OPERATORS, Case, Setting, find_cases, is_first
from xgrad.running import describe_machine
from xgrad.techniques import Method

NAMES = ("torch", "jax", "autograd", "mlx", "tensorflow")
METHODS = tuple(f"{name}.{technique}" for name in NAMES for technique in ("reverse", "forward"))
CALLS, WARM = 15, 4
WHY = """
- autograd, `principal_projector` and `matrix_square_root`: finding `eigh-second-derivative`.
- mlx, `slope_at_itself`, `particle`, `saddle`: finding `vjp-that-is-not-used`; with a copy of x
  for each inner vjp they agree.
- mlx, `gross_pitaevskii` and `wirtinger_flow` in the second derivative: the size of a complex
  number is in both, as in finding `second-derivative-of-complex-abs`.
- mlx in float64: finding `float64-functions-in-float32`; the library was judged in float32.
- Errors are functions that a library does not have in that mode or type, in words that its file in
  `xgrad/frameworks/optional` does not list.
"""
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


def times(cases: Sequence[Case]) -> str:
    """Milliseconds of processor time of one gradient once all is compiled, medians."""
    rows = []
    for case in cases:
        row: dict[str, object] = {"case": case.name}
        for name in NAMES:
            try:
                row[name] = milliseconds(case, name)
            except Exception as error:  # that library has no rule, as the digits above say
                row[name] = type(error).__name__
        rows.append(row)
    return pd.DataFrame(rows).to_markdown(index=False, floatfmt=".3f")


def milliseconds(case: Case, name: str) -> float:
    """The median of some calls, of whatever thread."""
    framework, taken = find_framework(name), []
    setting = Setting.make(case, "small", "random", "float64", 0)
    with framework.scope():
        staged = Method(name, "reverse").prepare(OPERATORS["gradient"], setting, "cpu")
        given = staged.put(setting)
        for _ in range(CALLS):
            started = process_time()
            framework.wait(staged.run(*given))
            taken.append(1e3 * (process_time() - started))
    return median(taken[WARM:])


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


def page(judged: pd.DataFrame, frames: list[pd.DataFrame]) -> Iterator[str]:
    """The whole page."""
    cases = [c for c in find_cases(()) if is_first(c)]
    scalar = [c for c in cases if "gradient" in (c.operators or ("gradient",))]
    versions = ", ".join(f"{n} {find_framework(n).version()}" for n in NAMES)
    yield "# Frameworks that are extras\n"
    where = describe_machine(load=False)["processor"]
    yield (
        f"{versions}; {where}, {os.cpu_count()} cores; load {os.getloadavg()[0]:.0f} "
        "at the end. Made by `OMP_NUM_THREADS=1 python benchmarks/frameworks.py FIRST RUN…`.\n"
    )
    for dtype in ("float64", "float32"):
        yield f"## Digits of the well-known problems, {dtype}\n\n{digits(judged, dtype)}\n"
    yield "## Processor milliseconds of a gradient in reverse mode, small size, float64\n"
    yield f"Medians of {CALLS - WARM} calls after {WARM}; other work ran on the machine.\n"
    yield f"{times(scalar)}\n"
    yield "## The library\n"
    yield "| method | dtype | rows | cases | verdicts, or what is there instead |"
    yield "|:--|:--|--:|--:|:--|"
    for frame in frames:
        yield from counts(frame)
    yield "\n### Rows that disagree, or are errors\n"
    yield "| case | method | dtype | | |\n|:--|:--|:--|:--|:--|"
    for frame in frames:
        yield from disagreements(frame)
    yield WHY
    yield "## Findings\n"
    for finding in FINDINGS:
        size = findings.measure(finding)
        if size.error > finding.allowed:
            yield findings.chapter(finding, size)
        else:
            yield f"{finding.title}: mended.\n"


def main() -> None:
    first, *runs = [pd.read_parquet(Path(run) / "rows.parquet") for run in sys.argv[1:]]
    print("\n".join(page(first, runs)).rstrip())


if __name__ == "__main__":
    main()

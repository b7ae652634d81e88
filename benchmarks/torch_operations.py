"""torch's own derivatives in balls: every operation of its test database, certified or why not.

    OMP_NUM_THREADS=1 python benchmarks/torch_operations.py

Up to four small samples of each operation, first and second derivatives, in about three minutes;
the table goes to `results/torch_operations.md`. A sample is certified where torch's backward run
in balls meets the definition in balls to forty digits, and torch's float64 is near both.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "programs"))
from torch_operations import KNOWN, certificate, operations, samples

RESULTS = Path(__file__).parents[1] / "results" / "torch_operations.md"
HEAD = (
    "| operation | samples | certified | fewest digits | not certified |\n"
    "| --- | ---: | ---: | ---: | --- |\n"
)


def row(name: str, op: Any, count: int, double: bool) -> tuple[str, bool, Counter[str]]:
    """The line of one operation, whether all its samples are certified, and its verdicts."""
    found = [certificate(op, s, double) for s in samples(op, count)]
    good = [f for f in found if f.certified]
    digits = f"{min(f.digits for f in good):.0f}" if good else ""
    _, reason = KNOWN.get((name, double), ("", ""))
    left = sorted({f"{f.verdict}: {reason or f.note}" for f in found if not f.certified})
    line = f"| {name} | {len(found)} | {len(good)} | {digits} | {'; '.join(left)} |\n"
    return line, bool(found) and len(good) == len(found), Counter(f.verdict for f in found)


def table(count: int, double: bool) -> str:
    """All operations, those first that are not certified."""
    start, chosen = time.perf_counter(), operations(double)
    rows = [row(name, op, count, double) for name, op in chosen.items()]
    verdicts = sum((r[2] for r in rows), Counter())
    lines = [r[0] for r in sorted(rows, key=lambda r: r[1])]
    return (
        f"## {'Second' if double else 'First'} derivatives\n\n"
        f"{sum(r[1] for r in rows)} of {len(rows)} operations with every sample certified, in "
        f"{time.perf_counter() - start:.0f} s; samples: "
        f"{', '.join(f'{n:,} {v}' for v, n in verdicts.most_common())}.\n\n"
        f"{HEAD}{''.join(lines)}\n"
    )


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=4, help="of each operation, at most")
    count = parser.parse_args().samples
    warnings.simplefilter("ignore")
    parts = [table(count, double) for double in (False, True)]
    title = f"# torch's derivatives in balls\n\ntorch {torch.__version__}, float64, CPU. "
    title += "Written by `python benchmarks/torch_operations.py`.\n\n"
    RESULTS.write_text(title + "".join(parts))


if __name__ == "__main__":
    main()

"""torch's own derivatives in balls: every operation of its test database, certified or why not.

    OMP_NUM_THREADS=1 python benchmarks/torch_operations.py
    OMP_NUM_THREADS=1 python benchmarks/torch_operations.py --sections "First derivatives, complex"

Up to four small samples of each operation, first and second derivatives, in about three minutes,
and those of complex numbers, judged as pairs of reals, in one more; the tables go to
`results/torch_operations.md`, where sections that are not named stay. A sample is certified where
torch's backward run in balls meets the definition in balls to forty digits, and torch's float64 is
near both.
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
from torch_operations import certificate, known, operations, samples

RESULTS = Path(__file__).parents[1] / "results" / "torch_operations.md"
HEAD = (
    "| operation | samples | certified | fewest digits | not certified |\n"
    "| --- | ---: | ---: | ---: | --- |\n"
)


# By heading, whether the derivative is the second, and of what.
SECTIONS = {
    "First derivatives": (False, torch.float64),
    "Second derivatives": (True, torch.float64),
    "First derivatives, complex": (False, torch.complex128),
    "Second derivatives, complex": (True, torch.complex128),
}


def row(
    name: str, op: Any, count: int, double: bool, dtype: torch.dtype
) -> tuple[str, bool, Counter[str]]:
    """The line of one operation, whether all its samples are certified, and its verdicts."""
    found = [certificate(op, s, double) for s in samples(op, count, dtype)]
    good = [f for f in found if f.certified]
    digits = f"{min(f.digits for f in good):.0f}" if good else ""
    _, reason = known(name, double, dtype)
    left = sorted({f"{f.verdict}: {reason or f.note}" for f in found if not f.certified})
    line = f"| {name} | {len(found)} | {len(good)} | {digits} | {'; '.join(left)} |\n"
    return line, bool(found) and len(good) == len(found), Counter(f.verdict for f in found)


def table(count: int, heading: str) -> str:
    """All operations, those first that are not certified."""
    double, dtype = SECTIONS[heading]
    start, chosen = time.process_time(), operations(double, dtype)
    rows = [row(name, op, count, double, dtype) for name, op in chosen.items()]
    verdicts = sum((r[2] for r in rows), Counter())
    lines = [r[0] for r in sorted(rows, key=lambda r: r[1])]
    return (
        f"## {heading}\n\n"
        f"{sum(r[1] for r in rows)} of {len(rows)} operations with every sample certified, in "
        f"{time.process_time() - start:.0f} s of processor time; samples: "
        f"{', '.join(f'{n:,} {v}' for v, n in verdicts.most_common())}.\n\n"
        f"{HEAD}{''.join(lines)}\n"
    )


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=4, help="of each operation, at most")
    parser.add_argument("--sections", nargs="*", default=tuple(SECTIONS), choices=tuple(SECTIONS))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    made = {heading: table(given.samples, heading) for heading in given.sections}
    parts = saved() | made
    title = f"# torch's derivatives in balls\n\ntorch {torch.__version__}, 64-bit floats, CPU. "
    title += "Written by `python benchmarks/torch_operations.py`.\n\n"
    RESULTS.write_text(title + "".join(parts[h] for h in SECTIONS if h in parts))


def saved() -> dict[str, str]:
    """The sections of the page as it is."""
    _, *parts = RESULTS.read_text().split("\n## ") if RESULTS.exists() else ("",)
    return {part.split("\n")[0]: f"## {part.rstrip()}\n\n" for part in parts}


if __name__ == "__main__":
    main()

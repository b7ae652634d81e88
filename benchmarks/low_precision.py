"""Kernels in 16-bit types before the judge: who is accused, what passes.

    OMP_NUM_THREADS=1 python benchmarks/low_precision.py --seeds 10000 > results/low_precision.md

Right kernels at many seeds, and at a few seeds those whose sums are kept in the input's type or
that leave a term out (`kernels.py`), each beside the plain implementation in the same type.
"""

import argparse
import platform
import sys
from pathlib import Path

import pandas as pd
import torch

from xgrad.frameworks import find_framework
from xgrad.judging import Judge
from xgrad.problem import OPERATORS, Setting
from xgrad.problem.foreign import make_foreign_case
from xgrad.running import environment
from xgrad.techniques import Method

sys.path.insert(0, str(Path(__file__).parent))
import kernels

NORM, ENTROPY = kernels.rms_norm, kernels.cross_entropy
# kernel, plain implementation, operator, shape (n, d), and whether it runs at all the seeds
TRIALS = (
    (kernels.RMSNorm, NORM, "vjp", (8, 32), True),
    (kernels.CrossEntropy, ENTROPY, "gradient", (8, 32), True),
    (kernels.RMSNorm, NORM, "vjp", (256, 64), False),
    (kernels.RMSNormShortSums, NORM, "vjp", (256, 64), False),
    (kernels.RMSNormMissingTerm, NORM, "vjp", (8, 32), False),
    (kernels.CrossEntropy, ENTROPY, "gradient", (8, 1024), False),
    (kernels.CrossEntropyShortSums, ENTROPY, "gradient", (8, 1024), False),
    (kernels.CrossEntropyMissingTerm, ENTROPY, "gradient", (8, 32), False),
)
FEW = 20  # seeds of the others


def draw(plain, shape, seed):
    """The arguments of a plain implementation, and which kernel they belong to."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator)
    if plain is NORM:
        return x, torch.rand(shape[1], generator=generator) + 0.5
    return x, torch.randint(shape[1], (shape[0],), generator=generator)


def verdict(kernel, plain, operator, shape, dtype, seed, device="cpu"):
    """The row of one kernel at one seed."""
    torch_ = find_framework("torch")
    case = make_foreign_case(kernel.apply, draw(plain, shape, seed), torch_, (), plain)
    setting = Setting.make(case, "small", "given", dtype, seed)
    method = Method("torch", "reverse", case.implementations[0].name)
    row = Judge(setting, device).judge(method, OPERATORS[operator]).row
    return {
        "kernel": kernel.__name__,
        "shape": " × ".join(map(str, shape)),
        "dtype": dtype,
        "verdict": row["verdict"],
        "multiple": row["multiple"],
        "share": abs(row["got"] - row["want"]) / row["tolerance"],
    }


def measure(seeds, device="cpu"):
    """All rows; the number of rows done goes to standard error."""
    for kernel, plain, operator, shape, all_seeds in TRIALS:
        for dtype in ("bfloat16", "float16"):
            count = seeds if all_seeds and dtype == "bfloat16" else min(seeds, FEW)
            for seed in range(count):
                yield verdict(kernel, plain, operator, shape, dtype, seed, device)
            print(kernel.__name__, shape, dtype, count, file=sys.stderr)


def summarise(rows):
    """A row for each kernel, shape and type: verdicts, error over tolerance, multiple."""
    frame = pd.DataFrame(rows)
    keys = ["kernel", "shape", "dtype"]
    groups = frame.groupby(keys, sort=False)
    verdicts = groups["verdict"].value_counts().unstack(fill_value=0)
    verdicts = verdicts.reindex(columns=["agrees", "unstable", "disagrees"], fill_value=0)
    verdicts["largest error / tolerance"] = groups["share"].max()
    verdicts["multiple of plain error, median"] = groups["multiple"].median()
    verdicts["largest"] = groups["multiple"].max()
    return verdicts.reindex(frame[keys].drop_duplicates().itertuples(index=False)).reset_index()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10_000)
    seeds = parser.parse_args().seeds
    print("# Kernels in 16-bit types\n")
    print(f"{environment.processor()}, {platform.system()}, torch {torch.__version__};", end=" ")
    print(
        f"`python benchmarks/low_precision.py --seeds {seeds}`. `multiple` is the error over that"
    )
    print("of the plain implementation in the same type (root mean squares).\n")
    print(summarise(measure(seeds)).to_markdown(index=False, floatfmt=".2f"))


if __name__ == "__main__":
    main()

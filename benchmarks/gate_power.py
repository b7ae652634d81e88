"""How often the gate accuses what has not changed, and how often it sees what has.

    OMP_NUM_THREADS=1 python benchmarks/gate_power.py --measure 26 > results/gate.md
    python benchmarks/gate_power.py > results/gate.md        from results/gate_repeats.csv

The same code is measured again and again, each time in a new process. Each repeat after the fifth
is then a night, judged with the gate's own rules against the five before it, as it is and with one
cell slowed down by a factor. The rounds of a re-run are drawn from pairs of neighbouring repeats.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from gate import SLOWER, WINDOW, allowed, noise_band, slowdown
from nights import fastest, installed
from repeat import ROUNDS
from suite import measure
from suite.profiles import Place

FILE = Path(__file__).parents[1] / "results" / "gate_repeats.csv"
FACTORS = (1.0, 1.1, 1.3, 2.0)
DRAWS = 200  # re-runs drawn for each night and cell
LIMIT = 3.0  # seconds for one cell
TASKS = ("softmax_cross_entropy", "sigmoid_layer", "mlp_input", "tsne_kl")
METHODS = ("numpy.formula", "torch.reverse", "jax.reverse")
PLACES = [Place(c, "gradient", "small", "float64", m) for c in TASKS for m in METHODS]


def measure_repeats(count: int) -> pd.DataFrame:
    """The fastest and the median sample of the same cells, `count` times, in seconds."""
    rows = []
    for k in range(count):
        found, _ = measure.measure(PLACES, limit=LIMIT)
        rows += [_repeat(k, row) for row in found if row.get("samples")]
        print(f"repeat {k + 1} of {count}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def read_repeats(folders: Sequence[Path]) -> pd.DataFrame:
    """The same from rows that `suite/measure.py` saved."""
    saved = ((k, row) for k, folder in enumerate(folders) for row in measure.records(folder))
    return pd.DataFrame([_repeat(k, row) for k, row in saved if row["samples"]])


def _repeat(k: int, row: measure.Row) -> dict[str, object]:
    seconds = {"fastest": fastest(row["samples"]), "median": row["derivative"]}
    name = f"{row['case']} {measure.method_of(row)}"
    return {"repeat": k, "cell": name, **{n: float(f"{s:.6g}") for n, s in seconds.items()}}


def trials(repeats: pd.DataFrame) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Tonight's seconds, those of the nights before it, and all repeats of the cell."""
    for _, rows in repeats.groupby("cell"):
        seconds = rows.fastest.to_numpy()
        for k in range(WINDOW, len(rows)):
            yield seconds[k], seconds[k - WINDOW : k], seconds


def rates(repeats: pd.DataFrame, factor: float, seed: int = 0) -> dict[str, float]:
    """Of all nights and cells, the share that is suspected, and that a re-run then confirms."""
    rng = np.random.default_rng(seed)
    suspected, confirmed = [], []
    for tonight, past, every in trials(repeats):
        usual, bound = noise_band(past)
        beyond = factor * tonight > max(usual * (1 + allowed("cpu")), bound)
        drawn = rng.choice(every, size=(DRAWS if beyond else 0, ROUNDS, 2)) * (1, factor)
        slower = np.minimum(*slowdown(drawn)) > 1 + allowed("cpu")
        suspected.append(beyond)
        confirmed.append(np.mean(slower) if beyond else 0.0)
    return {
        "cells × nights": len(suspected),
        "suspected": float(np.mean(suspected)),
        "regression": float(np.mean(confirmed)),
    }


def table(repeats: pd.DataFrame) -> pd.DataFrame:
    """Both shares for each factor."""
    return pd.DataFrame([{"slower by": f"×{f:g}", **rates(repeats, f)} for f in FACTORS])


def spread(repeats: pd.DataFrame) -> pd.DataFrame:
    """How far the repeats of each cell lie apart, by their fastest and by their median sample."""
    cells = repeats.groupby("cell")
    told = {
        "fastest, typical (s)": cells.fastest.median(),
        "median, typical (s)": cells["median"].median(),
    }
    for name in ("fastest", "median"):
        told[f"{name}, largest / smallest"] = cells[name].max() / cells[name].min()
    return pd.DataFrame(told).reset_index()


def report(repeats: pd.DataFrame, about: str) -> str:
    """The page."""
    count = repeats["repeat"].nunique()
    shares = table(repeats).to_markdown(index=False, floatfmt=".3g")
    apart = spread(repeats).to_markdown(index=False, floatfmt=".3g")
    text = (
        f"{count} repeats of unchanged code, each in a new process; every repeat after the fifth "
        "is a night judged against the five before it, as it is and with one cell slower by a "
        f"factor. A cell is suspected beyond {SLOWER['cpu']:.0%} and beyond the noise band, and is "
        f"a regression where the re-run confirms it. The {ROUNDS} rounds of a re-run are drawn "
        "from all repeats, minutes apart, which is harder than rounds in turns. The first line is "
        "the false-alarm rate."
    )
    return (
        f"# What the gate sees\n\n{about}\n\n{text}\n\n{shares}\n\n"
        f"The repeats themselves:\n\n{apart}\n"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", type=int, metavar="N", help="measure N repeats first")
    parser.add_argument("--rows", type=Path, nargs="+", help="folders that measure.py saved")
    given = parser.parse_args()
    if given.measure or given.rows:
        made = measure_repeats(given.measure) if given.measure else read_repeats(given.rows)
        made.to_csv(FILE, index=False)
    versions = installed()
    about = (
        f"Made by `python benchmarks/gate_power.py` from `{FILE.parent.name}/{FILE.name}`; torch "
        f"{versions['torch']}, JAX {versions['jax']}, {os.cpu_count()} cores."
    )
    print(report(pd.read_csv(FILE), about))


if __name__ == "__main__":
    main()

"""The same code under several versions of the frameworks, side by side.

    python benchmarks/framework_versions.py old/bin/python new/bin/python \
        > results/framework_versions.md

Each interpreter belongs to an environment with xgrad's dependencies and its own torch and JAX. They
measure this checkout in turns, every time in a new process, and the medians of the rounds are told.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from repeat import LIMIT, MEASURE, PATIENCE
from suite.measure import Row, method_of, records, write_places
from suite.profiles import Place
from trees import REPOSITORY, with_tree

TOLD = ("torch", "jax")
TASKS = ("softmax_cross_entropy", "tsne_kl", "mlp_input", "sigmoid_layer")
METHODS = ("torch.reverse", "torch.forward", "jax.reverse", "jax.forward", "jax.formula")
PLACES = [
    Place(case, "gradient", size, "float64", method)
    for case in TASKS
    for size in ("small", "medium")
    for method in METHODS
]


def measure(python: Path, places: Sequence[Place]) -> tuple[list[Row], dict[str, Any]]:
    """The rows of one interpreter's environment, and where they were measured."""
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder, "places.json"), Path(folder, "rows")
        write_places(places, asked)
        command = [str(python), str(MEASURE), "--places", str(asked), "--out", str(out)]
        command += ["--limit", str(LIMIT)]
        environment = with_tree(REPOSITORY)
        subprocess.run(command, env=environment, cwd=folder, check=True, timeout=PATIENCE)
        return records(out), json.loads((out / "environment.json").read_text())


def measure_all(pythons: Sequence[Path], places: Sequence[Place], rounds: int) -> pd.DataFrame:
    """One row for each interpreter, cell and round; the order turns round by round."""
    rows = []
    for k in range(rounds):
        for python in pythons if k % 2 == 0 else pythons[::-1]:
            found, about = measure(python, places)
            name = version_of(about)
            rows += [{**row, "version": name, "method": method_of(row)} for row in found]
            print(f"round {k + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def version_of(about: dict[str, Any]) -> str:
    """The frameworks of an environment, as a heading."""
    return ", ".join(f"{name} {about['versions'][name]}" for name in TOLD)


def side_by_side(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell: microseconds, first call and digits under each version."""
    lines = []
    versions = list(dict.fromkeys(frame["version"]))
    for (case, size, method), rows in frame.groupby(["case", "size", "method"], sort=False):
        line = {"case": case, "size": size, "method": method}
        for version in versions:
            line |= _numbers(version, rows[rows["version"] == version])
        first, last = (line[f"µs, {v}"] for v in (versions[0], versions[-1]))
        lines.append({**line, "last / first": last / first})
    return pd.DataFrame(lines)


def _numbers(version: str, rows: pd.DataFrame) -> dict[str, Any]:
    wrong = sorted(set(rows["verdict"][rows["verdict"] != "agrees"]))
    return {
        f"µs, {version}": 1e6 * rows["derivative"].median(),
        f"first call ms, {version}": 1e3 * rows["first_call"].median(),
        f"digits, {version}": rows["digits"].min() if not wrong else ", ".join(wrong),
    }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """The geometric means of the last column by framework."""
    import numpy as np

    framework = table["method"].str.partition(".")[0]
    means = table.groupby(framework)["last / first"].agg(lambda r: float(np.exp(np.log(r).mean())))
    return means.rename("geometric mean of last / first").rename_axis("framework").reset_index()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pythons", nargs="+", type=Path, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    busy = os.getloadavg()[0]
    table = side_by_side(measure_all([p.absolute() for p in given.pythons], PLACES, given.rounds))
    print(
        f"# Frameworks side by side\n\nThe same checkout under several versions, {given.rounds} "
        "rounds in turns, each in a new process on one thread; gradients in float64. Medians of "
        f"the rounds; digits are the fewest of them. Load average {busy:.1f} at the start, "
        f"{os.getloadavg()[0]:.1f} at the end.\n"
    )
    print(table.to_markdown(index=False, floatfmt=".3g"), end="\n\n")
    print(summary(table).to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    main()

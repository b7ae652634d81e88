"""What the cells of a census cost, into the published costs: the mean of each operation.

    python -m benchmarks.census_costs results/runs/2026-11-29-census-torch …

The seconds of the rows were of the machine that ran the census; published costs are of the one that
this runs on, which should be the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from xgrad.running.costs import AROUND, CASE, PROBE, PUBLISHED, probe
from xgrad.running.storage import write_text
from xgrad.table import read_frame


def means(folder: Path) -> dict[str, float]:
    """Seconds of a cell of each operation, by the key that costs have."""
    frame = read_frame(folder)
    return {f"Cell|{name}": float(each["seconds"].mean()) for name, each in frame.groupby("case")}


def main(folders: list[str]) -> None:
    """Replace the costs of whole cases in the published file; those of cells stay."""
    told = json.loads(PUBLISHED.read_text())
    kept = {
        k: s
        for k, s in told["seconds"].items()
        if len(k.split("|")) != CASE or k.startswith(AROUND)
    }
    slowness = told[PROBE] / probe().work
    found = {k: s * slowness for folder in folders for k, s in means(Path(folder)).items()}
    rounded = {k: float(f"{s:.3g}") for k, s in found.items() if s == s}
    text = json.dumps(
        {PROBE: told[PROBE], "seconds": dict(sorted((kept | rounded).items()))}, indent=0
    )
    write_text(PUBLISHED, text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

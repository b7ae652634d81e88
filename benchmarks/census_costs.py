"""What the cells of a census cost, into the published costs: the mean of each operation.

    python -m benchmarks.census_costs results/runs/2026-11-29-census-torch …

The seconds of the rows were of the machine that ran the census; published costs are of the one that
this runs on, which should be the same.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from xgrad.running.costs import PUBLISHED, Key, is_whole, probe, read_costs, write_costs
from xgrad.table import read_frame


def means(folder: Path) -> dict[Key, float]:
    """Seconds of a cell of each operation, by the key that costs have."""
    seconds = read_frame(folder).groupby("case")["seconds"].mean()
    return {("Cell", str(name)): float(s) for name, s in seconds.items() if not math.isnan(s)}


def main(folders: list[str]) -> None:
    """Replace the costs of whole cases in the published file; those of cells stay."""
    published, probed = read_costs(PUBLISHED)
    kept = {key: s for key, s in published.seconds.items() if not is_whole(key)}
    slowness = probed / probe().work
    found = {key: s * slowness for folder in folders for key, s in means(Path(folder)).items()}
    write_costs(PUBLISHED, kept | found, probed)


if __name__ == "__main__":
    main(sys.argv[1:])

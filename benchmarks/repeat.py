"""Two commits measured again, in turns: A B B A …, every time in a new process."""

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from nights import fastest
from suite.measure import find_row, records, write_places
from suite.profiles import DEVICE, Place
from trees import REPOSITORY, checkout, with_tree

MEASURE = Path(__file__).parent / "suite" / "measure.py"
ROUNDS = 7
LIMIT = 5.0  # seconds for one cell in one round
PATIENCE = 1800.0  # seconds for one process

Pairs = dict[Place, list[tuple[float, float]]]


def repeat(
    before: str,
    after: str,
    places: Sequence[Place],
    device: str = "cpu",
    rounds: int = ROUNDS,
    repository: Path = REPOSITORY,
) -> Pairs:
    """For each place the seconds of the fastest sample before and after, one pair a round."""
    with checkout(repository, before) as a, checkout(repository, after) as b:
        return interleave(a, b, places, device, rounds)


def interleave(a: Path, b: Path, places: Sequence[Place], device: str, rounds: int) -> Pairs:
    """The same for two folders; the one that begins changes from round to round."""
    pairs: Pairs = {place: [] for place in places}
    for k in range(rounds):
        order = (a, b) if k % 2 == 0 else (b, a)
        seconds = {tree: measure(tree, places, device) for tree in order}
        for place in places:
            if place in seconds[a] and place in seconds[b]:
                pairs[place].append((seconds[a][place], seconds[b][place]))
        print(f"re-run {k + 1} of {rounds}", file=sys.stderr, flush=True)
    return pairs


def measure(tree: Path, places: Iterable[Place], device: str) -> dict[Place, float]:
    """Seconds of the fastest sample at each place that was timed, with the xgrad of a folder."""
    listed = list(places)
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder, "places.json"), Path(folder, "rows")
        write_places(listed, asked)
        command = [sys.executable, str(MEASURE), "--places", str(asked), "--out", str(out)]
        command += ["--limit", str(LIMIT)]
        environment = with_tree(tree, **{DEVICE: device})
        subprocess.run(command, env=environment, cwd=folder, check=True, timeout=PATIENCE)
        rows = records(out)
    found = {place: find_row(rows, place) for place in listed}
    return {p: fastest(row["samples"]) for p, row in found.items() if row and row["samples"]}

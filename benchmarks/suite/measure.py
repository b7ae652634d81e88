"""Measuring cells through xgrad's timer: one process for all of them, rows on disk.

    python benchmarks/suite/measure.py --profile smoke --out rows
    python benchmarks/suite/measure.py --places suspects.json --out rows

The xgrad that is measured is the one that Python finds: set PYTHONPATH to another checkout to
measure that one. `--places` takes a JSON list of {case, operator, size, dtype, method}.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

if __package__:
    from .profiles import Place, find_device, find_profile
else:  # run as a file
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from suite.profiles import Place, find_device, find_profile

ROWS = "XGRAD_ROWS"  # the folder that the suite saves its rows in, where it is asked to
ABSENT = "absent"  # the status of a planned cell that this commit has no row for

Row = dict[str, Any]


def measure(
    places: Sequence[Place], device: str = "cpu", limit: float = 10.0
) -> tuple[list[Row], Row]:
    """A row for every place, and where it was measured; `limit` is in seconds for one of them."""
    from xgrad import timing

    rows: list[Row] = []
    with timing.Worker(1) as worker:
        for _, alike in groupby(places, key=lambda p: (p.case, p.operator, p.size, p.dtype)):
            rows += _measured(worker, list(alike), device, limit)
    return rows, worker.about


def _measured(worker: Any, places: list[Place], device: str, limit: float) -> list[Row]:
    """The rows of places that differ in their method only."""
    said, rows = "no such method", []
    try:
        rows = _timed(worker, places, device, limit)
    except UserWarning as missing:
        said = str(missing)
    found = [(place, find_row(rows, place)) for place in places]
    return [row or _absent(place, device, said) for place, row in found]


def _timed(worker: Any, places: list[Place], device: str, limit: float) -> list[Row]:
    """What the timer says; raises `UserWarning` where this commit has no such case."""
    from xgrad import timing
    from xgrad.errors import UsageError
    from xgrad.problem import find_cases
    from xgrad.running import Selection

    at, methods = places[0], tuple(p.method for p in places)
    named = (at.operator,) if at.operator else None
    chosen = Selection((at.size,), (at.dtype,), (device,), methods, named)
    try:
        plan = timing.plan_timing(find_cases([at.case]), chosen, limit=limit)
    except UsageError as error:
        raise UserWarning(str(error)) from None
    if plan.broken:
        raise UserWarning(plan.broken[0]["message"])
    cells = [c for c in plan.cells if c.point == "random"] or plan.cells[:1]
    return [row for each in timing.time_cells(plan, cells, worker) for row in each.rows]


def find_row(rows: Iterable[Row], place: Place) -> Row | None:
    """The first row of a place; of a cell that failed as a whole, its only row."""
    for row in rows:
        whole = not row.get("framework")
        same = (row["case"], row["size"], row["dtype"]) == (place.case, place.size, place.dtype)
        asked = whole or place.operator in ("", row["operator"])
        if same and asked and (whole or method_of(row) == place.method):
            return {**row, **_names(place, row.get("operator", ""))}
    return None


def method_of(row: Row) -> str:
    """`framework.technique`."""
    return f"{row['framework']}.{row['technique']}"


def _names(place: Place, operator: str) -> Row:
    framework, _, technique = place.method.partition(".")
    names = {"operator": operator or place.operator}
    return {**names, "framework": framework, "technique": technique}


def _absent(place: Place, device: str, said: str) -> Row:
    row = {"case": place.case, "size": place.size, "dtype": place.dtype, "device": device}
    return {**row, **_names(place, ""), "status": ABSENT, "message": said}


def save(rows: list[Row], about: Row, folder: Path) -> None:
    """Write the rows and where they were measured, as `xgrad time --out` does."""
    from xgrad.timing import save_timings, timing_frame

    folder.mkdir(parents=True, exist_ok=True)
    save_timings(timing_frame(rows), about, folder)


def records(folder: Path) -> list[Row]:
    """Saved rows as dictionaries; a number that is not known is None."""
    import pandas as pd

    return json.loads(pd.read_parquet(folder / "rows.parquet").to_json(orient="records"))


def measure_profile() -> tuple[list[Row], Row]:
    """The rows of the profile that the environment asks for, saved where it says."""
    profile = find_profile()
    rows, about = measure(list(profile.places()), find_device(), profile.limit)
    if os.environ.get(ROWS):
        save(rows, about, Path(os.environ[ROWS]))
    return rows, about


def main() -> None:
    """The command line."""
    about = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--profile", help="smoke, nightly or full")
    parser.add_argument("--places", type=Path, help="a JSON list of cells instead")
    parser.add_argument("--limit", type=float, help="seconds for one cell")
    parser.add_argument("--out", type=Path, required=True, help="folder of the rows")
    given = parser.parse_args()
    profile = find_profile(given.profile)
    places = list(profile.places())
    if given.places:
        places = [Place(**each) for each in json.loads(given.places.read_text())]
    rows, where = measure(places, find_device(), given.limit or profile.limit)
    save(rows, where, given.out)


def write_places(places: Iterable[Place], file: Path) -> None:
    """What `--places` takes."""
    file.write_text(json.dumps([asdict(p) for p in places], indent=1))


if __name__ == "__main__":
    main()

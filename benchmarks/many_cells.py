"""What a cell costs beyond its own work, over many small ones: here, in workers, on a Dask cluster.

    OMP_NUM_THREADS=1 python benchmarks/many_cells.py > results/many_cells.md
    python benchmarks/many_cells.py --cells 1000 --ways workers

The cells are one small problem at one seed each, with one method, written to the disk as they end.
Told are the rows, the time of a cell and what it has over the same work in one process, and the
resident memory of this process and its children at a tenth of the run and at its end.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import xgrad
from xgrad import environment
from xgrad.cluster import Cluster
from xgrad.planning import Plan, Selection, make_plan
from xgrad.runner import run_cells
from xgrad.storage import RunFolder
from xgrad.table import is_failure, make_frame, records
from xgrad.workers import resident

CELLS = 10_000
WORKERS = 2
CASE, METHOD = "square", "numpy.formula"


def plan_of(cells: int) -> Plan:
    """So many cells of one small problem."""
    chosen = Selection(
        dtypes=("float64",), devices=("cpu",), methods=(METHOD,), seeds=tuple(range(cells))
    )
    plan = make_plan(list(xgrad.load_cases(CASE)), chosen)
    plan.cells = [c for c in plan.cells if c.point == "random"][:cells]
    return plan


def gigabytes() -> float:
    """Resident memory of this process and all below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
            except OSError:
                continue
    found, todo = 0.0, [os.getpid()]
    while todo:
        pid = todo.pop()
        found += resident(pid)
        todo += [child for child, parent in parents.items() if parent == pid]
    return found


def measure(plan: Plan, run: Callable[..., Any]) -> dict[str, Any]:
    """Run the cells into a folder as `xgrad run` does: rows, seconds and memory."""
    early, rows = 0.0, []
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place), resume=False)
        started = time.perf_counter()
        for k, (cell, found) in enumerate(run(plan, plan.cells), start=1):
            folder.add(cell, found)
            rows += found
            if k == len(plan.cells) // 10:
                early = gigabytes()
            if k == len(plan.cells) * 99 // 100:
                late = gigabytes()
        seconds = time.perf_counter() - started
        folder.close(make_frame(rows))
    failed = int(sum(map(is_failure, records(make_frame(rows)))))
    return {"cells": len(plan.cells), "rows": len(rows), "failed": failed, "seconds": seconds,
            "GB at 10%": early, "GB at 99%": late}  # fmt: skip


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A Dask cluster of local processes."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as made:
        yield Cluster(made.scheduler_address)


def in_this_process(plan: Plan) -> dict[str, Any]:
    """Without workers."""
    return measure(plan, partial(run_cells, workers=0))


def in_workers(plan: Plan) -> dict[str, Any]:
    """In local worker processes."""
    return measure(plan, partial(run_cells, workers=WORKERS))


def on_dask(plan: Plan) -> dict[str, Any]:
    """On a Dask cluster of this machine."""
    with cluster() as there:
        return measure(plan, partial(run_cells, cluster=there))


WAYS = {"process": in_this_process, "workers": in_workers, "dask": on_dask}
NAMES = {"process": "one process", "workers": f"{WORKERS} workers",
         "dask": f"Dask, {WORKERS} workers"}  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    given = parser.parse_args()
    lines, alone = [], float("nan")
    for way in given.ways:
        found = WAYS[way](plan_of(given.cells))
        each = 1e3 * found["seconds"] / found["cells"]
        alone = each if way == "process" else alone
        count = 1 if way == "process" else WORKERS
        numbers = {"ms a cell": each, "ms over the work": each * count - alone}
        lines.append({"cells judged in": NAMES[way], **found, **numbers})
        print(lines[-1], file=sys.stderr)
    about = environment.describe()
    print("# Many small cells\n")
    print(
        f"Made by `OMP_NUM_THREADS=1 python benchmarks/many_cells.py"
        f"{' '.join(['', *sys.argv[1:]])}` on {about['processor']}, {about['cores']} cores. The "
        f"case is `{CASE}`, the method `{METHOD}`, a seed for each cell; rows are on the disk when "
        "their cell ends. Over the work: the time of a cell on one of the workers, less that of a "
        "cell in one process. Memory is that of all processes together.\n"
    )
    print(pd.DataFrame(lines).to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    main()

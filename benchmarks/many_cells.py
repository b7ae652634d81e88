"""What a cell costs beyond its own work, over many small ones: here, in workers, on a Dask cluster.

The last way is a cluster of which a worker is killed every few seconds.

    OMP_NUM_THREADS=1 python benchmarks/many_cells.py > results/many_cells.md
    python benchmarks/many_cells.py --cells 1000 --ways workers

The cells are one small problem at one seed each, with one method, written to the disk as they end.
Told are the rows, whether they equal those of the first way, the time of a cell and what it has
over the same work in one process, and the resident memory of this process and of its children at a
tenth of the run and at its end.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import xgrad
from xgrad.judging import is_failure
from xgrad.running import Cluster, Plan, RunFolder, Selection, environment, make_plan, run_cells
from xgrad.running.workers import resident
from xgrad.table import records

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


def gigabytes() -> tuple[float, float]:
    """Resident memory of this process, and of all below it."""
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
    return resident(os.getpid()), found - resident(os.getpid())


def measure(plan: Plan, run: Callable[..., Any]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Run the cells into a folder as `xgrad run` does: seconds and memory, and the rows."""
    rows = plan.gather()
    early = late = (0.0, 0.0)
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place), resume=False)
        started = time.perf_counter()
        for k, ended in enumerate(run(plan, plan.cells), start=1):
            folder.add(ended.cell, ended.rows)
            rows.add(ended.cell, ended.rows)
            if k == len(plan.cells) // 10:
                early = gigabytes()
            if k == len(plan.cells) * 99 // 100:
                late = gigabytes()
        seconds = time.perf_counter() - started
        frame = rows.frame()
        folder.close(frame)
    failed = int(sum(map(is_failure, records(frame))))
    told = {"cells": len(plan.cells), "rows": len(frame), "failed": failed, "seconds": seconds}
    for who, first, last in zip(("parent", "children"), early, late, strict=True):
        told |= {f"{who} GB at 10%": first, f"{who} GB at 99%": last}
    return told, frame


@contextmanager
def cluster(kill: bool = False) -> Iterator[Cluster]:
    """A Dask cluster of local processes; `kill` ends one of them every few seconds."""
    import dask
    from distributed import LocalCluster, Status

    running = Status.running
    stop, killed = threading.Event(), []

    def kill_now_and_then() -> None:
        rng = random.Random(0)
        while not stop.wait(rng.uniform(2, 5)):
            # Dask gives up a worker whose process ends while it starts: only those at work
            if pids := [
                w.pid for w in made.workers.values() if w.pid and w.process.status is running
            ]:
                killed.append(rng.choice(pids))
                os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill_now_and_then)
    # else it gives up a worker that is down both now and when it looks again, 15 s later
    patient = dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"})
    local = {"n_workers": WORKERS, "threads_per_worker": 1, "dashboard_address": None}
    with patient, LocalCluster(**local, silence_logs=50) as made:
        if kill:
            killer.start()
        try:
            yield Cluster(made.scheduler_address)
        finally:
            stop.set()
            if kill:
                killer.join()
                print(f"{len(killed)} workers were killed", file=sys.stderr)


Measured = tuple[dict[str, Any], pd.DataFrame]


def in_this_process(plan: Plan) -> Measured:
    """Without workers."""
    return measure(plan, partial(run_cells, workers=0))


def in_workers(plan: Plan) -> Measured:
    """In local worker processes."""
    return measure(plan, partial(run_cells, workers=WORKERS))


def on_dask(plan: Plan, kill: bool = False) -> Measured:
    """On a Dask cluster of this machine."""
    with cluster(kill) as there:
        return measure(plan, partial(run_cells, cluster=there))


WAYS = {
    "process": in_this_process, "workers": in_workers, "dask": on_dask,
    "killed": partial(on_dask, kill=True),
}  # fmt: skip
NAMES = {
    "process": "one process", "workers": f"{WORKERS} workers", "dask": f"Dask, {WORKERS} workers",
    "killed": "the same, one killed every 2 to 5 s",
}  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    given = parser.parse_args()
    lines, alone, first = [], float("nan"), None
    for way in given.ways:
        found, frame = WAYS[way](plan_of(given.cells))
        first = frame if first is None else first
        found["equal"] = frame.equals(first)
        each = 1e3 * found["seconds"] / found["cells"]
        alone = each if way == "process" else alone
        count = 1 if way == "process" else WORKERS
        numbers = {"ms a cell": each, "ms over the work": each * count - alone}
        lines.append({"cells judged in": NAMES[way], **found, **numbers})
        print(lines[-1], file=sys.stderr)
    about = environment.describe_machine()
    print("# Many small cells\n")
    print(
        f"Made by `OMP_NUM_THREADS=1 python benchmarks/many_cells.py"
        f"{' '.join(['', *sys.argv[1:]])}` on {about['processor']}, {about['cores']} cores. The "
        f"case is `{CASE}`, the method `{METHOD}`, a seed for each cell; rows are on the disk when "
        "their cell ends. Over the work: the time of a cell on one of the workers, less that of a "
        "cell in one process. Equal: the table is that of the first line, to the last bit.\n"
    )
    print(pd.DataFrame(lines).to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    main()

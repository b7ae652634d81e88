"""The cells of a run: done in worker processes, whatever becomes of them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.discovery import Broken, cases_of_file, find_cases
from xgrad.errors import UsageError
from xgrad.evaluation import ERROR, describe_error
from xgrad.planning import (
    Cell,
    Plan,
    Row,
    Selection,
    make_plan,
    methods_at,
    operators_at,
    to_seeds,
)
from xgrad.problem import Case
from xgrad.referee import Budget
from xgrad.setting import Setting
from xgrad.table import make_frame
from xgrad.verdict import Judge

if TYPE_CHECKING:
    import pandas as pd

CRASHED = (
    "the process that ran it ended without a word: out of memory, or the code ended it; "
    "--workers 0 runs it in this process"
)

# --- one cell ------------------------------------------------------------------------------------


def run_cell(case: Case, cell: Cell) -> list[Row]:
    """All verdicts of one cell; whatever goes wrong costs its own rows only."""
    try:
        setting = Setting.make(case, cell.size, cell.point, cell.dtype, cell.seed)
        operators = operators_at(case, setting, cell.operators)
    except (Exception, SystemExit) as error:
        return [_failed(cell, describe_failure(case, cell, error))]
    judge = Judge(setting, cell.device, cell.limits)
    return [
        judge.judge(method, operator).row
        for operator in operators
        for method in methods_at(case, operator, cell)
    ]


def describe_failure(case: Case, cell: Cell, error: BaseException) -> str:
    """What went wrong before anything could be judged."""
    if isinstance(error, UsageError):
        return str(error)
    at = Setting(case, cell.size, cell.point, cell.dtype, cell.seed, {})
    return f"{case.name} cannot be set up: {describe_error(error, at)}"


def _failed(cell: Cell, message: str, status: str = ERROR) -> Row:
    return {**cell.place, "status": status, "message": message}


# --- many cells ----------------------------------------------------------------------------------


Work = Callable[[Case, Cell], list[Row]]  # what is done at a cell, importable by a worker


def run_cells(
    plan: Plan, cells: Sequence[Cell], workers: int | None = None
) -> Iterator[tuple[Cell, list[Row]]]:
    """Judge the cells, in any order, and yield the rows of each as it ends."""
    return map_cells(run_cell, plan, cells, workers)


def map_cells(
    work: Work, plan: Plan, cells: Sequence[Cell], workers: int | None = None
) -> Iterator[tuple[Cell, list[Row]]]:
    """Do some work at the cells, in any order, and yield the rows of each as it ends.

    Without workers, or for cases that no file holds, in this process.
    """
    if workers is not None and workers < 0:
        raise UsageError(f"{workers} workers: give 0 (this process) or more")
    local = [c for c in cells if not workers_can_load(c)]
    remote = [c for c in cells if workers_can_load(c)]
    count = min(len(remote), (os.cpu_count() or 1) if workers is None else workers)
    if count == 0 or (workers is None and len(remote) < 2):
        local, remote = list(cells), []
    if remote:
        yield from _in_processes(work, remote, count)
    for cell in local:
        yield cell, work(plan.cases[cell.path, cell.case], cell)


def workers_can_load(cell: Cell) -> bool:
    """Whether the case lies in a case file, which a worker can load by itself."""
    if not cell.path:
        return False
    return any(isinstance(c, Case) and c.name == cell.case for c in _loadable(cell.path))


@lru_cache(maxsize=1024)
def _loadable(path: str) -> tuple[Case | Broken, ...]:
    name = Path(path).name
    return () if name.startswith(("test_", "conftest")) else tuple(cases_of_file(Path(path)))


def _in_processes(work: Work, cells: list[Cell], count: int) -> Iterator[tuple[Cell, list[Row]]]:
    lost = []
    with _pool(count) as pool:
        for cell, rows in _finished(pool, work, cells):
            if rows is None:
                lost.append(cell)
            else:
                yield cell, rows
    while lost:  # a worker died, and its neighbours with it: again, one after the other
        yield from _until_a_crash(work, lost)


def _until_a_crash(work: Work, cells: list[Cell]) -> Iterator[tuple[Cell, list[Row]]]:
    """Do cells in one process, and take them off the list, up to one that ends the process."""
    with _pool(1) as pool:
        while cells:
            cell = cells.pop(0)
            try:
                yield cell, pool.submit(_in_worker, work, cell).result()
            except BrokenProcessPool:
                yield cell, [_failed(cell, CRASHED, "crashed")]
                return


@contextmanager
def _pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes; what waits is dropped where the run is interrupted."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, context, initializer=_one_thread)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    """Workers share the cores among themselves, and so do not multiply their threads."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _in_worker(work: Work, cell: Cell) -> list[Row]:
    """The work in a process of its own, which loads the case from its file."""
    case = _case_in_worker(cell.path, cell.case)
    if isinstance(case, Case):
        return work(case, cell)
    return [_failed(cell, f"{cell.path} does not load in a worker process: {case}")]


@lru_cache(maxsize=256)
def _case_in_worker(path: str, name: str) -> Case | str:
    """The case, or why it is not there."""
    found = cases_of_file(Path(path))
    case = next((c for c in found if isinstance(c, Case) and c.name == name), None)
    broken = next((b.message for b in found if isinstance(b, Broken)), f"no case {name} in it")
    return case or broken


def _finished(
    pool: Executor, work: Work, cells: list[Cell]
) -> Iterator[tuple[Cell, list[Row] | None]]:
    """Rows of each cell as it ends, None where the worker died."""
    futures: dict[Future[list[Row]], Cell] = {pool.submit(_in_worker, work, c): c for c in cells}
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except BrokenProcessPool:
            yield futures[future], None


def run(
    cases: Any = None,
    *,
    sizes: Iterable[str] | None = None,
    dtypes: Iterable[str] = ("float64", "float32"),
    devices: Iterable[str] | None = None,
    methods: Iterable[str] | None = None,
    operators: Iterable[str] | None = None,
    seed: int | Iterable[int] = 0,
    budget: Budget | None = None,
    workers: int | None = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> pd.DataFrame:
    """Judge every method on every cell: one row per verdict, with the columns of `table`.

    `cases` are cases or paths (default: the shipped library). `sizes` defaults to `small`,
    `devices` to every device present, `methods` (patterns such as `torch.*`) and `operators` to
    the usual ones of each case. `workers` processes do the work, 0 means this one. `progress` is
    called with cells done, cells in all and the last one's name. Raises `UsageError` for names
    that nothing has.
    """
    chosen = Selection(
        _texts(sizes),
        _texts(dtypes) or (),
        _texts(devices),
        _texts(methods),
        _texts(operators),
        to_seeds(seed),
    )
    plan = make_plan(_gather(cases), chosen, budget)
    rows = list(plan.broken)
    for k, (cell, found) in enumerate(run_cells(plan, plan.cells, workers), start=1):
        rows += found
        if progress is not None:
            progress(k, len(plan.cells), cell.case)
    return make_frame(in_order(rows, plan))


def in_order(rows: list[Row], plan: Plan) -> list[Row]:
    """Rows in the order of the plan, whatever order the cells ended in."""
    places = {tuple(c.place.values()): k for k, c in enumerate(plan.cells)}
    keys = list(plan.cells[0].place) if plan.cells else []
    return sorted(rows, key=lambda r: places.get(tuple(r.get(k) for k in keys), len(places)))


def _texts(given: Iterable[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)


def _gather(cases: Any) -> list[Case | Broken]:
    if cases is None:
        return find_cases(())
    if isinstance(cases, (Case, str, Path)):
        cases = [cases]
    found: list[Case | Broken] = []
    for each in cases:
        found += [each] if isinstance(each, (Case, Broken)) else find_cases([each])
    return found

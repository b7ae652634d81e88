"""The only timer: what a derivative costs, of those that the judge found right.

Measured are the framework's own calls. Inputs are put on the device before, the result stays
there, and every call ends with the wait for all of it, inside the timed region. One fresh process
measures a whole run, with its thread variables set before it starts and pinned to as many cores;
one thread is the canonical series. A number is the median of at least 15 samples, each a block of
calls of 5 to 10 ms, taken in two passes that interleave all that is timed at a setting in random
order. Differences are timed whole: their points are made on the host, that is the technique.

What is timed has the verdict `agrees`, or `bounded`: differences within the bound that they
claim. What disagrees, is unstable, or follows a convention at a kink is not: its verdict
stands in place of the numbers.
"""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.judging import AGREES, BOUNDED, Judge
from xgrad.problem import OPERATORS, Case, Operator, Setting, generator
from xgrad.referee import Budget
from xgrad.running import (
    Cell,
    Ended,
    Plan,
    Row,
    Selection,
    describe_failure,
    followed,
    gather_cases,
    make_plan,
    methods_at,
    operators_at,
    workers_can_load,
)
from xgrad.techniques import ERROR, OK, Method
from xgrad.timing.bench import Bench, Timed
from xgrad.timing.clock import LIMIT
from xgrad.timing.table import TIMING_COLUMNS
from xgrad.timing.worker import Worker, require_threads

if TYPE_CHECKING:
    from xgrad.running import Results

QUICK = ("softmax_cross_entropy", "tsne_kl", "mlp_input", "sigmoid_layer")  # where none is named
UNASKED = ("differences",)  # techniques that are timed only when they are named


@dataclass(frozen=True)
class TimedCell(Cell):
    """A cell, with the threads it is measured on and the seconds that one subject may take."""

    threads: int = 1
    limit: float = LIMIT


# --- what is right -------------------------------------------------------------------------------


class Court:
    """Verdicts at a setting; beyond the referee's means, those at the next smaller size."""

    def __init__(self, case: Case, cell: Cell, setting: Setting):
        self.case, self.cell = case, cell
        self._judges = {cell.size: Judge(setting, cell.device, cell.limits)}
        self._rows: dict[tuple[Method, str], Row] = {}

    def row(self, method: Method, operator: Operator) -> Row:
        """The verdict as a row of the agreement table; the message says where it was reached."""
        key = method, operator.name
        if key not in self._rows:
            self._rows[key] = self._judged(method, operator)
        return dict(self._rows[key])

    def _judged(self, method: Method, operator: Operator) -> Row:
        row = self._judge(self.cell.size).judge(method, operator).row
        if row["status"] != OK or not _lacks_referee(row):
            return row
        for size in self._smaller():
            there = self._judge(size).judge(method, operator).row
            if there["status"] == OK and not _lacks_referee(there):
                said = f"judged at size {size}: {row['referee'].removeprefix('none: ')}"
                return {**there, "size": self.cell.size, "message": said}
        return row

    def _smaller(self) -> list[str]:
        sizes = list(self.case.sizes)
        return sizes[: sizes.index(self.cell.size)][::-1]

    def _judge(self, size: str) -> Judge:
        if size not in self._judges:
            c = self.cell
            setting = Setting.make(self.case, size, c.point, c.dtype, c.seed)
            self._judges[size] = Judge(setting, c.device, c.limits)
        return self._judges[size]

    def formula(self, method: Method, operator: Operator) -> Method | None:
        """The same framework's formula, where the case has one that is right and it is not it."""
        found = self.case.reference_formula(operator.name)
        if found is None:
            return None
        formula = Method(method.framework, "formula", found.name)
        right = formula != method and is_right(self.row(formula, operator))
        return formula if right else None


def _lacks_referee(row: Row) -> bool:
    return str(row.get("referee", "")).startswith("none")


def is_right(row: Row) -> bool:
    """Whether a judged row is timed: it agrees, or is a difference within the bound it claims."""
    return bool(row["status"] == OK and row["verdict"] in (AGREES, BOUNDED))


# --- one cell ------------------------------------------------------------------------------------


def time_cell(case: Case, cell: Cell) -> list[Row]:
    """All rows of a cell: judged, and timed where they are right."""
    assert isinstance(cell, TimedCell)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            setting = Setting.make(case, cell.size, cell.point, cell.dtype, cell.seed)
            operators = operators_at(case, setting, cell.operators)
        except (Exception, SystemExit) as error:
            said = describe_failure(case, cell, error)
            return [{**cell.place, "threads": cell.threads, "status": ERROR, "message": said}]
        rows, timed = _judged(case, cell, setting, operators)
        gc.collect()
        words = (c := cell).case, c.size, c.point, c.dtype, c.device, "timing"
        bench = Bench(setting, cell.device, generator(cell.seed, *words))
        for k, numbers in zip(timed, bench.rows(timed.values(), cell.limit), strict=True):
            rows[k].update(numbers)
        return rows


def _judged(
    case: Case, cell: TimedCell, setting: Setting, operators: list[Operator]
) -> tuple[list[Row], dict[int, Timed]]:
    """A row for each method, and by the row's number those that are right."""
    court = Court(case, cell, setting)
    rows: list[Row] = []
    timed = {}
    for operator, method in _chosen(case, cell, operators):
        row = court.row(method, operator) | {"threads": cell.threads, "inputs": setting.x_size}
        if is_right(row):
            timed[len(rows)] = Timed(operator, method, court.formula(method, operator))
        rows.append(row)
    return rows, timed


def _chosen(case: Case, cell: Cell, operators: list[Operator]) -> Iterator[tuple[Operator, Method]]:
    """Operators with their methods: without a choice all the usual ones but differences."""
    for operator in operators:
        for method in methods_at(case, operator, cell):
            if cell.methods is not None or method.technique not in UNASKED:
                yield operator, method


# --- many cells ----------------------------------------------------------------------------------


def plan_timing(
    found: Sequence[Any],
    chosen: Selection,
    limits: Budget | None = None,
    threads: int = 1,
    limit: float = LIMIT,
) -> Plan:
    """The cells of a selection; the value is a column, and a row only where it is asked for.

    Raises `UsageError` for names that nothing has, and for more threads than cores.
    """
    require_threads(threads)
    if not limit > 0:
        raise UsageError(f"a limit of {limit} s: give a positive number of seconds")
    plan = make_plan(found, chosen, limits)
    cells: list[Cell] = []
    for cell in plan.cells:
        operators = cell.operators
        if chosen.operators is None:
            operators = tuple(o for o in operators if OPERATORS[o].order > 0)
        cells.append(
            TimedCell(**{**vars(cell), "operators": operators}, threads=threads, limit=limit)
        )
    return replace(plan, cells=cells)


def time_cells(plan: Plan, cells: Sequence[Cell], worker: Worker) -> Iterator[Ended]:
    """Each cell as it ends, one after the other, as the worker measures them.

    A case that no file holds is measured in this process, on the threads that it has: its rows say
    0 threads.
    """
    for k, cell in enumerate(cells):
        since = time.monotonic()
        if workers_can_load(cell):
            rows = worker.do(time_cell, cell)
        else:
            assert isinstance(cell, TimedCell)
            rows = time_cell(plan.cases[cell.path, cell.case], replace(cell, threads=0))
        took = time.monotonic() - since
        yield Ended(cell, rows, took, took, first=not k)  # it measures for so long on any machine


def time_cases(
    cases: Any = None,
    *,
    sizes: Iterable[str] | None = None,
    dtypes: Iterable[str] = ("float64", "float32"),
    devices: Iterable[str] | None = None,
    methods: Iterable[str] | None = None,
    operators: Iterable[str] | None = None,
    seed: int | Iterable[int] = 0,
    threads: int = 1,
    limit: float = LIMIT,
    budget: Budget | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Results:
    """What each method costs at each cell: one row per method, in seconds and bytes.

    The selection is that of `xgrad.run`, except that `cases` are by default a few well-known ones
    and `methods` the usual ones without differences. `threads` are those of the measuring process,
    `limit` the seconds that one method at one setting may take before it gives fewer samples.
    `attrs["environment"]` of the frame says where it ran. Raises `UsageError`.
    """
    from xgrad.running import Results

    chosen = Selection.of(
        seed, sizes=sizes, dtypes=dtypes, devices=devices, methods=methods, operators=operators
    )
    found = gather_cases(list(QUICK) if cases is None else cases)
    plan = plan_timing(found, chosen, budget, threads, limit)
    rows = plan.gather(TIMING_COLUMNS)
    with Worker(threads) as worker:
        done = time_cells(plan, plan.cells, worker)
        for ended in followed(done, plan.cells, 1, progress):
            rows.add(ended.cell, ended.rows)
    frame = Results.of(rows.frame(), plan.cases.values(), budget)
    frame.attrs["environment"] = worker.about
    return frame

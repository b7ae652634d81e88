"""The cells of a run: judged one by one, here or in worker processes, in the order of the plan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError
from xgrad.frameworks import guest
from xgrad.judging import INCONCLUSIVE, Judge, Judgement, PresentedJudge
from xgrad.problem import Broken, Case, Operator, Setting, cases_of_file, find_cases
from xgrad.referee import Budget
from xgrad.running.cluster import Cluster, do_on_cluster
from xgrad.running.options import Dtypes, dtype_names, names_in, require_kind, worded
from xgrad.running.planning import Cell, Plan, Row, Selection, make_plan, methods_at, operators_at
from xgrad.running.watching import followed, watched
from xgrad.running.workers import Ended, Limits, Step, Work, do_cells
from xgrad.table import completed
from xgrad.techniques import ERROR, Method, Prepared, choose_presentations, describe_error

if TYPE_CHECKING:
    from xgrad.running.results import Results

# --- one cell ------------------------------------------------------------------------------------


def judge_cell(
    case: Case,
    cell: Cell,
    skip: frozenset[Step] = frozenset(),
    judges: dict[Hashable, Judge] | None = None,
) -> Iterator[Any]:
    """All verdicts of one cell, each after the step that it is; steps to skip are left out.

    Whatever goes wrong costs its own rows only. `judges` are those of cells that differ in what
    is asked at one place alone: they share what they find there.
    """
    try:
        judge = _judge_at(case, cell, {} if judges is None else judges)
        setting, case = judge.setting, judge.setting.case
        operators = operators_at(case, setting, cell.operators)
    except (Exception, SystemExit) as error:
        yield _told(_failed(cell, describe_failure(case, cell, error)), case)
        return
    for operator in operators:
        for method in methods_at(case, operator, cell):
            step = _step(operator, method)
            if step not in skip:
                yield step
                yield _judged(partial(judge.judge, method, operator), setting, step, cell)
    presented = PresentedJudge(judge)
    for method in choose_presentations(setting, cell.invariances):
        step = _step(presented.operator(method), method)
        if step not in skip:
            yield step
            yield _judged(partial(presented.judge, method), setting, step, cell)


def _judge_at(case: Case, cell: Cell, judges: dict[Hashable, Judge]) -> Judge:
    """The judge at the place of a cell."""
    place = (*cell.place.values(), cell.limits)
    if place not in judges:
        setting = Setting.make(case, cell.size, cell.point, cell.dtype, cell.seed)
        judges[place] = make_judge(setting, cell)
    return judges[place]


def _step(operator: Operator, method: Method) -> Step:
    names = ("operator", "framework", "technique")
    values = (operator.name, method.framework, method.label)
    return Step(tuple(zip(names, values, strict=True)))


def _judged(judge: Callable[[], Judgement], setting: Setting, step: Step, cell: Cell) -> Row:
    """The verdict as a row; where judging itself fails, which is a defect of ours, that."""
    try:
        return _told(judge().row, setting.case)
    except (Exception, SystemExit) as error:
        said = f"xgrad itself failed here: {describe_error(error, setting)}"
        return {**_failed(cell, said), **dict(step.columns)}


def _told(row: Row, case: Case) -> Row:
    """With what the case says of itself; a row that was not judged says why."""
    if row.get("verdict") == INCONCLUSIVE and not row["message"]:
        row["message"] = f"not judged, referee: {row['referee'] or 'none'}"
    row["message"] = "; ".join(filter(None, (row["message"], *case.notes)))
    return row


def make_judge(setting: Setting, cell: Cell) -> Judge:
    """The judge of a cell, with what was compiled for its like: other seeds, points and dtypes."""
    return Judge(
        setting, cell.device, cell.limits, _compiled(setting.kind, setting.case, cell.device)
    )


@lru_cache(maxsize=2)
def _compiled(kind: Hashable, case: Case, device: str) -> dict[str, Prepared]:
    return {}


def _rows(work: Work, case: Case, cell: Cell) -> list[Row]:
    return [each for each in work(case, cell, frozenset()) if not isinstance(each, Step)]


def describe_failure(case: Case, cell: Cell, error: BaseException) -> str:
    """What went wrong before anything could be judged."""
    if isinstance(error, UsageError):
        return str(error)
    at = Setting(case, cell.size, cell.point, cell.dtype, cell.seed, {})
    return f"{case.name} cannot be set up: {describe_error(error, at)}"


def _failed(cell: Cell, message: str) -> Row:
    return {**cell.place, "status": ERROR, "message": message}


# --- many cells ----------------------------------------------------------------------------------


def map_cells(
    work: Work,
    plan: Plan,
    cells: Sequence[Cell],
    workers: int | None = None,
    limits: Limits | None = None,
    cluster: Cluster | None = None,
) -> Iterator[Ended]:
    """Do some work at the cells, in any order, and yield each as it ends.

    On a cluster where one is given, else in worker processes. Without workers, or for cases that
    no file holds, in this process.
    """
    _compiled.cache_clear()  # each run compiles anew
    if workers is not None and workers < 0:
        raise UsageError(f"{workers} workers: give 0 (this process) or more")
    here = cluster is None and workers == 0  # no file is run again to see what it holds
    remote = [] if here else [c for c in cells if workers_can_load(c)]
    local = list(cells) if here else [c for c in cells if not workers_can_load(c)]
    if remote and cluster is not None:
        for cell, rows in do_on_cluster(work, remote, cluster, limits):
            yield Ended(cell, rows)
    elif remote:
        yield from do_cells(work, remote, workers_for(len(remote), workers), limits)
    for k, cell in enumerate(local):
        since, spent = time.monotonic(), time.process_time()
        rows = _rows(work, plan.cases[cell.path, cell.case], cell)
        took, spent = time.monotonic() - since, time.process_time() - spent
        yield Ended(cell, rows, took, spent, first=not k)


def workers_for(cells: int, workers: int | None) -> int:
    """Processes that do as many cells: those asked for, else one for each core."""
    return max(1, min(cells, os.cpu_count() or 1 if workers is None else workers))


run_cells = partial(map_cells, judge_cell)


def workers_can_load(cell: Cell) -> bool:
    """Whether the case lies in a case file, which a worker can load by itself."""
    if not cell.path:
        return False
    return any(isinstance(c, Case) and c.name == cell.case for c in _loadable(cell.path))


@lru_cache(maxsize=1024)
def _loadable(path: str) -> tuple[Case | Broken, ...]:
    name = Path(path).name
    return () if name.startswith(("test_", "conftest")) else tuple(cases_of_file(Path(path)))


@worded
@guest
def run(
    cases: Any = None,
    *,
    sizes: str | Iterable[str] | None = None,
    dtypes: Dtypes | None = None,
    devices: str | Iterable[str] | None = None,
    methods: str | Iterable[str] | None = None,
    operators: str | Iterable[str] | None = None,
    seed: int | Iterable[int] = 0,
    budget: Budget | None = None,
    workers: int | None = 0,
    limits: Limits | None = None,
    scheduler: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    invariances: str | Iterable[str] | None = None,
) -> Results:
    """Judge every method on every cell: one row per verdict, with the columns of `table`.

    `cases` are cases or paths (default: the shipped library). `sizes` defaults to `small`, `dtypes`
    (names, or what NumPy, torch and JAX call them) to float64 and float32, `devices` to every
    device present, `methods` (patterns such as `torch.*`) and `operators` to the usual ones of each
    case, `invariances` (presentations by name, patterns, or `all`) to none. `workers` processes do
    the work, 0 means this one; `limits` is what one method may take in them; `scheduler` is the
    address of a Dask cluster that does it instead. `progress` is called with cells done, cells in
    all and the last one's name; without it a notebook shows a bar. Raises `UsageError` for options
    and names that nothing has.
    """
    from xgrad.running.results import Results

    require_kind("budget", budget, Budget, "xgrad.Budget(seconds=5)")
    require_kind("limits", limits, Limits, "xgrad.running.Limits(seconds=60)")
    require_kind("workers", workers, int, "a number of processes, 0 for this one")
    chosen = Selection.of(
        seed,
        sizes=names_in("sizes", sizes),
        dtypes=dtype_names(dtypes) or ("float64", "float32"),
        devices=names_in("devices", devices),
        methods=names_in("methods", methods),
        operators=names_in("operators", operators),
        invariances=names_in("invariances", invariances),
    )
    plan = make_plan(gather_cases(cases), chosen, budget)
    rows = plan.gather()
    cluster = Cluster(scheduler) if scheduler else None
    done = run_cells(plan, plan.cells, workers, limits, cluster)
    lanes = None if cluster else workers and workers_for(len(plan.cells), workers)
    for ended in followed(done, plan.cells, lanes, progress):
        rows.add(ended.cell, ended.rows)
    return Results.of(rows.frame(), plan.cases.values(), budget)


def rows_here(
    case: Case, *asked: Mapping[str, Any], seed: int = 0, budget: Budget | None = None, **named: Any
) -> list[Row]:
    """Every verdict on one case, judged in this process: rows with all columns.

    `named` are names by kind, as `Selection.of` takes them; `asked` are more of them, one after the
    other, which share what is found at one place. Raises `UsageError` as `run` does.
    """
    judges: dict[Hashable, Judge] = {}
    _compiled.cache_clear()
    work = partial(judge_cell, judges=judges)
    chosen = [Selection.of(seed, **named, **more) for more in asked or ({},)]
    cells = [cell for each in chosen for cell in make_plan([case], each, budget).cells]
    rows = list[Row]()
    with watched(cells, known=False) as (tell, _):
        for k, cell in enumerate(cells):
            for made in work(case, cell, frozenset()):
                if isinstance(made, Step):
                    tell(k, f"{case.name}, {made} {cell.dtype}")
                else:
                    rows.append(made)
    return completed(rows)


def gather_cases(cases: Any) -> list[Case | Broken]:
    """The cases that `run` was given, or finds; raises `UsageError` for what is none."""
    if cases is None:
        return find_cases(())
    if isinstance(cases, (Case, str, Path)):
        cases = [cases]
    if callable(cases) or not isinstance(cases, Iterable):
        raise UsageError(
            f"run takes cases and paths, got {type(cases).__name__}: of a function at hand "
            "xgrad.check(function, inputs)"
        )
    found: list[Case | Broken] = []
    for each in cases:
        found += [each] if isinstance(each, (Case, Broken)) else find_cases([each])
    return found

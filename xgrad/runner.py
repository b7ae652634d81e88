"""The cells of a run: planned, done in worker processes, stored as they finish, resumed."""

from __future__ import annotations

import ast
import hashlib
import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.discovery import Broken, cases_of_file, find_cases
from xgrad.environment import find_devices
from xgrad.errors import UsageError, unknown
from xgrad.evaluation import ERROR, describe_error
from xgrad.frameworks import DTYPES, find_framework
from xgrad.operators import OPERATORS, Operator
from xgrad.problem import Case, display_path
from xgrad.referee import Budget
from xgrad.setting import Setting
from xgrad.table import make_frame
from xgrad.techniques import Method, choose_methods, require_methods, techniques
from xgrad.verdict import Judge

if TYPE_CHECKING:
    import pandas as pd

DEVICE = re.compile(r"(cpu|cuda|mps|xpu|rocm|tpu|hpu|mtia)(:\d+)?")
CRASHED = (
    "the process that ran it ended without a word: out of memory, or the code ended it; "
    "--workers 0 runs it in this process"
)
DEVICES = ("cpu", "cuda", "cuda:0", "mps", "xpu", "rocm", "tpu")

Row = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """What to run: None means all, or the default."""

    sizes: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] = ("float64", "float32")
    devices: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    operators: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = (0,)
    expression: str = ""


@dataclass(frozen=True)
class Cell:
    """Case × size × point × dtype × device × seed: what is scheduled, stored and resumed.

    `version` changes with the case's file, so that rows of an older one are not taken for its own.
    """

    path: str
    case: str
    size: str
    point: str
    dtype: str
    device: str
    seed: int
    operators: tuple[str, ...]
    methods: tuple[str, ...] | None
    limits: Budget = field(default_factory=Budget)
    version: str = ""

    @property
    def place(self) -> Row:
        """What all rows of the cell have in common."""
        names = ("case", "size", "point", "dtype", "device", "seed")
        return {name: getattr(self, name) for name in names}

    @property
    def key(self) -> str:
        """The cell as text, the same in every run that asks the same."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass
class Plan:
    """The cells of a run, the cases that they need, and the rows of files that do not load.

    `files` has for each name in the rows how the command line takes it: `path::name`, or the path.
    """

    cells: list[Cell]
    cases: dict[tuple[str, str], Case]
    broken: list[Row]
    files: dict[str, str] = field(default_factory=dict)

    def identifier(self, case: str) -> str:
        """How the command line names what a row calls its case."""
        return self.files.get(case, case)


# --- planning ------------------------------------------------------------------------------------


def make_plan(
    found: Sequence[Case | Broken], chosen: Selection, limits: Budget | None = None
) -> Plan:
    """The cells of a selection; raises `UsageError` for names that nothing has."""
    cases = [c for c in found if isinstance(c, Case)]
    selected = _named(cases, chosen.expression)
    _require_distinct(selected)
    _require_names(selected, chosen)
    devices = chosen.devices or find_devices()
    cells = []
    for case in selected:
        operators = _operators(case, chosen.operators, alone=len(selected) == 1)
        for size, point in _places(case, chosen.sizes):
            for dtype in chosen.dtypes:
                for device in devices:
                    for seed in chosen.seeds if point == "random" else chosen.seeds[:1]:
                        cells.append(
                            Cell(str(case.path or ""), case.name, size, point, dtype, device, seed,
                                 operators, chosen.methods, limits or Budget(), _version(case.path))
                        )  # fmt: skip
    broken = [b for b in found if isinstance(b, Broken)]
    files = {b.name: display_path(b.path) for b in broken}
    files |= {c.name: c.identifier for c in selected}
    known = {(str(c.path or ""), c.name): c for c in selected}
    return Plan(cells, known, [_broken_row(b) for b in broken], files)


def _broken_row(broken: Broken) -> Row:
    said = f"{display_path(broken.path)} does not load: {broken.message}"
    return {"case": broken.name, "status": ERROR, "message": said}


@lru_cache(maxsize=1024)
def _version_at(path: Path, changed: int) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()[:12]


def _version(path: Path | None) -> str:
    """The case file's content in short."""
    return _version_at(path, path.stat().st_mtime_ns) if path else ""


def _require_distinct(cases: list[Case]) -> None:
    """Raise where two cases have one name: their rows could not be told apart."""
    first: dict[str, Case] = {}
    for case in cases:
        other = first.setdefault(case.name, case)
        if other is not case:
            raise UsageError(
                f"two cases are called {case.name!r}: {other.identifier} and {case.identifier}; "
                "give one of them another name, or run them one by one"
            )


def _named(cases: list[Case], expression: str) -> list[Case]:
    if not expression:
        return cases
    chosen = [c for c in cases if matches(expression, c)]
    if not chosen:
        raise UsageError(
            f"-k {expression!r} selects none of the {len(cases)} cases: xgrad list shows them"
        )
    return chosen


def matches(expression: str, case: Case) -> bool:
    """Whether `-k EXPR` (names with and, or, not, parentheses) holds for a case's name or path."""
    texts = [case.name.lower(), display_path(case.path).lower() if case.path else ""]
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise UsageError(f"-k {expression!r}: use names with and, or, not, ( )") from None

    def holds(node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            check = all if isinstance(node.op, ast.And) else any
            return check(holds(v) for v in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not holds(node.operand)
        if isinstance(node, ast.Name):
            return any(node.id.lower() in text for text in texts)
        raise UsageError(f"-k {expression!r}: use names with and, or, not, ( )")

    return holds(tree)


def _require_names(cases: list[Case], chosen: Selection) -> None:
    """Raise, with the nearest names, for a name that nothing has."""
    sizes = {size for case in cases for size in case.sizes}
    for kind, names, known in (
        ("size", chosen.sizes, sizes),
        ("dtype", chosen.dtypes, set(DTYPES)),
        ("operator", chosen.operators, set(OPERATORS)),
    ):
        for name in names or ():
            if name not in known and (cases or kind != "size"):
                raise unknown(kind, name, known)
    for device in chosen.devices or ():
        if not DEVICE.fullmatch(device):
            raise unknown("device", device, DEVICES)
    require_methods(cases, chosen.methods or ())


def _places(case: Case, sizes: tuple[str, ...] | None) -> list[tuple[str, str]]:
    """Sizes and points to visit: without a choice the size `small`, or the first one."""
    if sizes is not None:
        return case.places(sizes)
    return case.places(["small"] if "small" in case.sizes else list(case.sizes)[:1])


def _operators(case: Case, asked: tuple[str, ...] | None, *, alone: bool) -> tuple[str, ...]:
    """The operators of a case that are asked; of a single case any, listed or not."""
    listed = case.operators or ()
    if asked is None:
        return listed
    return asked if alone or not listed else tuple(o for o in asked if o in listed)


def operators_at(case: Case, setting: Setting, named: tuple[str, ...]) -> list[Operator]:
    """The operators by name; without names gradient for a scalar and jacobian otherwise."""
    if named:
        return [OPERATORS[name] for name in named]
    if case.operators is not None:
        return []
    return [OPERATORS["gradient" if setting.y_shape == () else "jacobian"]]


def methods_at(case: Case, operator: Operator, cell: Cell) -> list[Method]:
    """The methods to judge: those named, or the usual ones that make sense for the operator."""
    chosen = choose_methods(case, cell.methods)
    exact = {m for m in cell.methods or () if not set(m) & set("*?[")}
    kept = []
    for method in chosen:
        host_only = cell.device != "cpu" and find_framework(method.framework).host_only
        applies = techniques()[method.technique].applies(method.variant, operator, case)
        if str(method) in exact or (applies and not host_only):
            kept.append(method)
    return kept


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


def to_seeds(given: Any) -> tuple[int, ...]:
    """Seeds from one or several numbers or texts; raises `UsageError` for what is no seed."""
    several = isinstance(given, Iterable) and not isinstance(given, str)
    seeds = tuple(map(str, given)) if several else (str(given),)
    for seed in seeds:
        if not seed.isdecimal():
            raise UsageError(f"seed {seed!r}: a seed is a whole number, 0 or more")
    return tuple(map(int, seeds))


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

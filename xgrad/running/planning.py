"""The cells of a run: what is selected, and what each cell judges."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import find_framework
from xgrad.numbers import DTYPES
from xgrad.problem import (
    OPERATORS,
    Broken,
    Case,
    Operator,
    Project,
    Setting,
    display_path,
    find_project,
)
from xgrad.referee import Budget
from xgrad.running.environment import find_devices
from xgrad.table import COLUMNS, Column, Rows
from xgrad.techniques import (
    ERROR,
    Method,
    choose_methods,
    require_methods,
    require_presentations,
    techniques,
)

if TYPE_CHECKING:
    import pandas as pd

DEVICE = re.compile(r"(cpu|cuda|mps|xpu|rocm|tpu|hpu|mtia)(:\d+)?")
LARGEST_JACOBIAN = 10_000  # elements of one that is asked for when nobody named an operator
DEVICES = ("cpu", "cuda", "cuda:0", "mps", "xpu", "rocm", "tpu")

Row = dict[str, Any]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """What to run: None means all, or the default."""

    sizes: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] = ("float64", "float32")
    devices: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    operators: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    expression: str = ""
    invariances: tuple[str, ...] = ()

    @classmethod
    def of(cls, seed: Any = None, expression: str = "", **chosen: Any) -> Selection:
        """A selection of names, one or several of each kind; raises `UsageError` for no seed."""
        texts = {
            kind: (names,) if isinstance(names, str) else tuple(names)
            for kind, names in chosen.items()
            if names is not None
        }
        return cls(**texts, seeds=None if seed is None else to_seeds(seed), expression=expression)

    @classmethod
    def in_project(
        cls,
        project: Project,
        dtypes: Names,
        *,
        expression: str = "",
        seed: Any = None,
        dtype: Names | None = None,
        invariances: Names | None = None,
        **chosen: Names | None,
    ) -> Selection:
        """A selection of names by option; what none names the project may, else these dtypes."""
        names = {f"{kind}s": found or project.names(f"{kind}s") for kind, found in chosen.items()}
        asked = dtype or project.names("dtypes") or dtypes
        return cls.of(seed, expression, dtypes=asked, invariances=invariances, **names)


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
    invariances: tuple[str, ...] = ()

    @property
    def place(self) -> Row:
        """What all rows of the cell have in common."""
        names = ("case", "size", "point", "dtype", "device", "seed")
        return {name: getattr(self, name) for name in names}

    @property
    def key(self) -> str:
        """The cell as text, the same in every run that asks the same."""
        asked = asdict(self)
        if not self.invariances:
            del asked["invariances"]  # the key that it had before there were any
        if not self.limits.quick:
            del asked["limits"]["quick"]  # the same
        return json.dumps(asked, sort_keys=True)


@dataclass
class Plan:
    """The cells of a run, the cases that they need, and the rows of files that do not load.

    `files` has for each name in the rows how the command line takes it: `path::name`, or the path.
    """

    cells: list[Cell]
    cases: dict[tuple[str, str], Case]
    broken: list[Row]
    files: dict[str, str] = field(default_factory=dict)

    def gather(self, columns: Sequence[Column] = COLUMNS) -> Gathered:
        """Where the rows of its cells go as they end."""
        return Gathered(self, columns)

    def identifier(self, case: str) -> str:
        """How the command line names what a row calls its case."""
        return self.files.get(case, case)


class Gathered:
    """The rows of a plan, in whatever order its cells end; its broken files' rows stand last."""

    def __init__(self, plan: Plan, columns: Sequence[Column]):
        self._rows = Rows(columns)
        self._rows.add(plan.broken, len(plan.cells))
        self._places = {cell.key: k for k, cell in enumerate(plan.cells)}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, cell: Cell, rows: Iterable[Row]) -> None:
        """Keep the rows of a cell."""
        self._rows.add(rows, self._places[cell.key])

    def frame(self) -> pd.DataFrame:
        """All of them in the order of the plan, whatever order the cells ended in."""
        return self._rows.frame()


def make_plan(
    found: Sequence[Case | Broken], chosen: Selection, limits: Budget | None = None
) -> Plan:
    """The cells of a selection; raises `UsageError` for names that nothing has."""
    cases = [c for c in found if isinstance(c, Case)]
    selected = _named(cases, chosen.expression)
    _require_distinct(selected)
    _require_names(selected, chosen)
    devices, seeds = chosen.devices or find_devices(chosen.methods), chosen.seeds or (0,)
    cells = []
    for case in selected:
        operators = _operators(case, chosen.operators, alone=len(selected) == 1)
        version = _version(case.path)
        for size, point in _places(case, chosen.sizes):
            for dtype in filter(case.takes, chosen.dtypes):
                for device in devices:
                    for seed in seeds if point == "random" else seeds[:1]:
                        cells.append(
                            Cell(str(case.path or ""), case.name, size, point, dtype, device, seed,
                                 operators, chosen.methods, limits or Budget(), version,
                                 chosen.invariances)
                        )  # fmt: skip
    broken = [b for b in found if isinstance(b, Broken)]
    files = {b.name: b.identifier for b in broken}
    files |= {c.name: c.identifier for c in selected}
    known = {(str(c.path or ""), c.name): c for c in selected}
    return Plan(cells, known, [_broken_row(b) for b in broken], files)


def _broken_row(broken: Broken) -> Row:
    return {"case": broken.name, "status": ERROR, "message": str(broken)}


@lru_cache(maxsize=1024)
def _version_at(path: Path, changed: int) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()[:12]


def _version(path: Path | None) -> str:
    """The case file's content in short, with what its project knows of its cases."""
    if path is None:
        return ""
    version, known = _version_at(path, path.stat().st_mtime_ns), find_project(path.parent).known
    return version + (f"+{hashlib.sha1(repr(known).encode()).hexdigest()[:6]}" if known else "")


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
        if isinstance(node, (ast.Name, ast.Attribute)):  # torch.clamp has a dot
            return any(ast.unparse(node).lower() in text for text in texts)
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
    only = {case.framework for case in cases}
    require_presentations(chosen.invariances, only.pop() if len(only) == 1 else "")


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


def part_of(cells: list[Cell], shard: str) -> list[Cell]:
    """The i-th of n parts, written `i/n`, every n-th cell; raises `UsageError` for other texts."""
    first, slash, count = shard.partition("/")
    if not (slash and first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise UsageError(f"--shard {shard}: write I/N with I from 1 to N, as 3/8")
    return cells[int(first) - 1 :: int(count)]


def operators_at(case: Case, setting: Setting, named: tuple[str, ...]) -> list[Operator]:
    """The operators by name; without names gradient for a scalar, else jacobian, vjp if large."""
    if named:
        return [OPERATORS[name] for name in named]
    if case.operators is not None:
        return []
    if setting.y_shape == ():
        return [OPERATORS["gradient"]]
    elements = prod(setting.y_shape) * setting.x_size
    return [OPERATORS["jacobian" if 0 < elements <= LARGEST_JACOBIAN else "vjp"]]


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


def to_seeds(given: Any) -> tuple[int, ...]:
    """Seeds from one or several numbers or texts; raises `UsageError` for what is no seed."""
    several = isinstance(given, Iterable) and not isinstance(given, str)
    seeds = tuple(map(str, given)) if several else (str(given),)
    for seed in seeds:
        if not seed.isdecimal():
            raise UsageError(f"seed {seed!r}: a seed is a whole number, 0 or more")
    return tuple(map(int, seeds))

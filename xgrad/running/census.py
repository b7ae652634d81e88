"""The census: every operation that a framework ships, as the cells of a run, with their cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from xgrad.numbers import REAL_DTYPES
from xgrad.problem import CENSUS, Case, find_cases, library
from xgrad.referee import Budget
from xgrad.running.cells import judge_cell, map_cells
from xgrad.running.planning import Cell, Plan, Row, Selection, make_plan
from xgrad.running.workers import Step
from xgrad.table import COLUMNS, Column

CENSUSES = {"torch": "torch_operations.py", "jax": "jax_functions.py"}
CENSUS_DTYPES = ("float64", "float32", "bfloat16", "float16")
# What is asked where nobody named anything: each mode by what it is for, and the rules of rules.
PARTS = (("vjp", "reverse"), ("jvp", "forward"), ("weighted_hvp", "reverse"))
CENSUS_COLUMNS = (*COLUMNS, Column("seconds", "float64", "s", "processor time of the verdict"))


def make_census(framework: str, chosen: Selection, limits: Budget | None = None) -> Plan:
    """The cells of a framework's census; raises `UsageError` for names that nothing has.

    Reverse mode, forward mode and reverse over reverse, unless operators or methods are named.
    """
    found = find_cases([library() / CENSUS / CENSUSES[framework]])
    if chosen.operators or chosen.methods:
        parts = [replace(chosen, methods=chosen.methods or (f"{framework}.*",))]
    else:
        parts = [replace(chosen, operators=(operator,), methods=(f"{framework}.{technique}",))
                 for operator, technique in PARTS]  # fmt: skip
    plans = [make_plan(found, part, limits) for part in parts]
    first = plans[0]
    return Plan(list(_together(plans)), first.cases, first.broken, first.files)


def _together(plans: list[Plan]) -> Iterator[Cell]:
    """Cells of one sample next to each other; complex ones in dtypes that have complex numbers."""
    for cells in zip(*(plan.cells for plan in plans), strict=True):
        if not cells[0].point.startswith("complex") or cells[0].dtype in REAL_DTYPES.values():
            yield from cells


def judge_and_time(
    case: Case, cell: Cell, skip: frozenset[Step] = frozenset()
) -> Iterator[Step | Row]:
    """The verdicts of a cell as `judge_cell` gives them, each with what it took."""
    since = time.process_time()
    for made in judge_cell(case, cell, skip):
        if isinstance(made, Step):
            yield made
        else:
            yield {**made, "seconds": time.process_time() - since}
        since = time.process_time()


run_census = partial(map_cells, judge_and_time)

"""`xgrad audit`: mistakes planted, and how many are caught."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from xgrad.auditing import audit_frame, audit_plan, audit_text, is_clean
from xgrad.cli.options import BUDGET, FORMAT, PATHS, SELECTION, takes
from xgrad.cli.saving import print_data
from xgrad.problem import find_cases
from xgrad.referee import Budget
from xgrad.running import Selection, make_plan
from xgrad.telling import progress


@click.command("audit")
@PATHS
@takes(selected=SELECTION, budget=BUDGET)
@click.option("--seeds", default=10, show_default=True, help="Points, where --seed names none.")
@click.option("--workers", type=int, default=None, help="Processes; default: one for each core.")
@FORMAT
def command(
    paths: tuple[str, ...],
    selected: Selection,
    budget: Budget,
    seeds: int,
    workers: int | None,
    style: str,
) -> None:
    """Plant mistakes in right results, and count which are caught and who is accused.

    Ends with status 0, with 1 when a mistake is missed, a right result accused or a formula wrong,
    and with 2 when the call is wrong. As csv and json: the rows themselves.

    \b
    xgrad audit
    xgrad audit my_case.py --seeds 3 --dtype float32
    """
    if selected.seeds is None:
        selected = replace(selected, seeds=tuple(range(seeds)))
    plan = make_plan(find_cases(paths), selected, budget)
    rows = list(plan.broken)
    with progress(len(plan.cells)) as tell:
        for ended in audit_plan(plan, workers):
            rows += ended.rows
            cell = ended.cell
            tell(f"{cell.case} {cell.size} {cell.dtype} seed {cell.seed}")
    frame = audit_frame(rows)
    if style in ("csv", "json"):
        print_data(frame, style)
    else:
        click.echo(audit_text(frame, style))
    sys.exit(0 if is_clean(frame) else 1)

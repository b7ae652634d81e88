"""`xgrad census`: every derivative that a framework ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xgrad import running, telling
from xgrad.cli import options
from xgrad.cli.run import judge_and_end
from xgrad.cli.saving import console
from xgrad.frameworks import find_framework
from xgrad.referee import Budget

if TYPE_CHECKING:
    import pandas as pd


@click.command("census")
@click.argument("framework", type=click.Choice(sorted(running.CENSUSES)))
@options.takes(
    selected=options.selection(*running.CENSUS_DTYPES, project=False),
    budget=options.BUDGET,
    saving=options.SAVING,
    labour=options.LABOUR,
    asked=options.ASKED,
)
def command(
    framework: str,
    selected: running.Selection,
    budget: Budget,
    saving: options.Saving,
    labour: options.Labour,
    asked: options.Asked,
) -> None:
    """Judge every operation that torch or JAX ships: reverse, forward, and second derivatives.

    torch's come with samples of its own test database, JAX's with inputs from their domains, both
    with complex numbers and with floats in multiples of a half, where ties and kinks are. All four
    dtypes unless some are named. It takes about an hour on two cores, is resumed and sharded as a
    run is, and `xgrad publish` makes its pages.

    \b
    xgrad census torch
    xgrad census torch -k 'conv or pool' --dtype float64
    xgrad census jax --shard 1/4 --out census1
    """
    find_framework(framework).require()
    plan = running.make_census(framework, selected, budget)
    judge_and_end(
        plan, saving, labour, asked, work=running.run_census, columns=running.CENSUS_COLUMNS,
        show=_print_operations,
    )  # fmt: skip


def _print_operations(frame: pd.DataFrame) -> None:
    page = console()
    page.print(telling.operations_table(frame))
    page.print()

"""`xgrad list`: the cases, and what they are made of."""

from __future__ import annotations

import sys

import click

from xgrad.cli.options import BUDGET, PATHS, SELECTION, takes
from xgrad.errors import counted
from xgrad.problem import Broken, Case, find_cases
from xgrad.referee import Budget
from xgrad.running import Selection, matches
from xgrad.telling import case_text, list_text


@click.command("list")
@PATHS
@takes(selected=SELECTION, budget=BUDGET)
@click.option("--long", "long_", is_flag=True, help="With formulas, points and sources.")
@click.option("--operators", "what", flag_value="operators", help="The operators instead.")
@click.option("--methods", "what", flag_value="methods", help="The methods instead.")
@click.option("--invariances", "what", flag_value="invariances", help="The presentations instead.")
@click.option("--columns", "what", flag_value="columns", help="The columns of a table instead.")
@click.option("--extras", "what", flag_value="extras", help="What xp has beyond the standard.")
def command(
    paths: tuple[str, ...], selected: Selection, budget: Budget, long_: bool, what: str | None
) -> None:
    """Show the cases, or what they are made of.

    \b
    xgrad list
    xgrad list cases/calculus --long
    xgrad list --operators
    """
    if what:
        click.echo(list_text(what))
        return
    found = find_cases(paths)
    cases = [c for c in found if isinstance(c, Case)]
    cases = [c for c in cases if not selected.expression or matches(selected.expression, c)]
    for case in cases:
        click.echo(case_text(case, long=long_))
    broken = [b for b in found if isinstance(b, Broken)]
    for b in broken:
        click.echo(str(b), err=True)
    click.echo(counted(len(cases), "case"), err=True)
    if broken:
        sys.exit(1)

"""The options that commands share: what is selected, and how tables are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from xgrad.planning import Selection, to_seeds
from xgrad.referee import Budget

FORMATS = ("table", "markdown", "csv", "json")


POSITIVE = click.FloatRange(min=0, min_open=True)
BUDGET = (
    click.option("--budget", type=POSITIVE, default=Budget().seconds, show_default=True,
                 metavar="SECONDS", help="Nominal time of the referee for one operator."),
    click.option("--memory", type=POSITIVE, default=Budget().gigabytes, show_default=True,
                 metavar="GB", help="Memory of the referee."),
)  # fmt: skip


def _many(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Any:
    """Repeatable or comma-separated."""
    return tuple(v.strip() for text in value for v in text.split(",") if v.strip()) or None


def selection(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that select, the same for every command."""
    options = (
        click.option("-k", "expression", default="", metavar="EXPR",
                     help="Only cases whose name or path matches, e.g. 'tsne or softmax'."),
        click.option("--size", multiple=True, callback=_many, help="Sizes; default: small."),
        click.option("--dtype", multiple=True, callback=_many,
                     help="float64, float32, bfloat16, float16; default: the first two."),
        click.option("--device", multiple=True, callback=_many,
                     help="cpu, cuda, cuda:1, …; default: every device present."),
        click.option("--method", multiple=True, callback=_many,
                     help="Methods or patterns: 'torch.*', '*.formula', 'torch.reverse:compiled'."),
        click.option("--operator", multiple=True, callback=_many,
                     help="gradient, hessian, …; default: those that a case lists."),
        click.option("--seed", multiple=True, callback=_many, help="Seeds; default: 0."),
        *BUDGET,
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return click.argument("paths", nargs=-1, metavar="[PATH]...")(command)


def chosen(options: dict[str, Any]) -> tuple[Selection, Budget]:
    """What the options select, and what the referee may take."""
    found = Selection(
        options["size"],
        options["dtype"] or ("float64", "float32"),
        options["device"],
        options["method"],
        options["operator"],
        to_seeds(options["seed"] or ("0",)),
        options["expression"],
    )
    return found, Budget(float(options["budget"]), float(options["memory"]))

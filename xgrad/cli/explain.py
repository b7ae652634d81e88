"""`xgrad explain`: one verdict in detail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xgrad.checking import explain
from xgrad.cli import completion
from xgrad.cli.options import BUDGET, takes
from xgrad.cli.saving import end
from xgrad.errors import UsageError
from xgrad.problem import display_path
from xgrad.referee import Budget
from xgrad.telling import save_picture

PICTURES = (".png", ".svg", ".pdf")


@click.command("explain")
@click.argument("case", shell_complete=completion.CASES)
@click.argument("operator", shell_complete=completion.OPERATORS_NAMED)
@click.argument("method", shell_complete=completion.METHODS)
@click.option("--dtype", default="float64", show_default=True, shell_complete=completion.DTYPES)
@click.option("--size", default=None, help="Default: small.")
@click.option("--point", default="random", show_default=True, help="A point that the case names.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    default=None,
    help="Where the step curve goes (.png, .svg, .pdf); default: results/explain/.",
)
@takes(budget=BUDGET)
def command(
    case: str, operator: str, method: str, picture: Path | None, budget: Budget, **place: Any
) -> None:
    """Show one verdict in detail: worst elements, hint, the others, the step curve.

    Ends with status 0, with 1 when the method disagrees or failed, with 2 when the call is wrong,
    and with 5 when it has no verdict at all.

    \b
    xgrad explain tsne_kl gradient torch.reverse
    xgrad explain mlp_input gradient numpy.differences:central@1e-6 --dtype float32
    xgrad explain my_case.py::loss gradient torch.formula --picture curve.svg
    """
    if picture and picture.suffix not in PICTURES:
        raise UsageError(f"--picture {picture}: end it in {', '.join(PICTURES)}")
    made = explain(case, operator, method, budget=budget, **place)
    click.echo(str(made))
    if made.curve is not None:
        path = picture or _picture_path(made)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_picture(made.curve, made.setting.case.name, path)
        except OSError as error:
            raise UsageError(f"--picture {path} cannot be written: {error.strerror}") from None
        click.echo(f"  picture: {display_path(path.resolve())}")
    end([made.row], asked=not made.row["verdict"])


def _picture_path(made: Any) -> Path:
    row = made.row
    name = "-".join((row["case"], row["operator"], str(made.method), row["dtype"]))
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
    return Path("results/explain") / f"{safe}.png"

"""`xgrad explain`: one verdict in detail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xgrad.cli.options import BUDGET, takes
from xgrad.cli.saving import end
from xgrad.errors import UsageError, unknown
from xgrad.judging import Judge
from xgrad.numbers import DTYPES
from xgrad.problem import OPERATORS, Case, Setting, display_path, load_cases
from xgrad.referee import Budget
from xgrad.running import DEVICE, DEVICES
from xgrad.techniques import choose_methods, describe_error, methods_of, require_methods
from xgrad.telling import explain, explanation_text, save_picture

PICTURES = (".png", ".svg", ".pdf")


@click.command("explain")
@click.argument("case")
@click.argument("operator")
@click.argument("method")
@click.option("--dtype", default="float64", show_default=True)
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
    made = _explained(case, operator, method, budget, place)
    click.echo(explanation_text(made))
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


def _explained(text: str, operator: str, method: str, budget: Budget, place: dict[str, Any]) -> Any:
    case = _one_case(text)
    size = place["size"] or ("small" if "small" in case.sizes else next(iter(case.sizes)))
    points = [point for _, point in case.places(case.sizes)]
    for kind, name, known in (
        ("operator", operator, OPERATORS),
        ("size", size, case.sizes),
        ("dtype", place["dtype"], DTYPES),
        ("point", place["point"], dict.fromkeys(["random", *points])),
    ):
        if name not in known:
            raise unknown(kind, name, known)
    if not DEVICE.fullmatch(place["device"]):
        raise unknown("device", place["device"], DEVICES)
    require_methods([case], (method,))
    found = choose_methods(case, (method,))
    if not found:
        raise unknown(f"method of case {case.name}", method, map(str, methods_of(case)))
    if len(found) > 1:
        raise UsageError(f"explain takes one method; {method!r} is {', '.join(map(str, found))}")
    point = place["point"]
    if point == "random" and points and point not in points:
        point = points[0]
    try:
        setting = Setting.make(case, size, point, place["dtype"], place["seed"])
    except UsageError:
        raise
    except Exception as error:
        at = Setting(case, size, point, place["dtype"], place["seed"], {})
        raise UsageError(f"{case.name} cannot be set up: {describe_error(error, at)}") from None
    judge = Judge(setting, place["device"], budget)
    return explain(setting, OPERATORS[operator], found[0], judge)


def _one_case(text: str) -> Case:
    cases = load_cases(text)
    if len(cases) != 1:
        names = ", ".join(c.name for c in cases)
        raise UsageError(f"{text} holds {len(cases)} cases; name one: {text}::NAME of {names}")
    return cases[0]

"""The command line: list, run, time, explain, audit, publish, doctor."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from xgrad.cli_options import BUDGET, FORMATS, POSITIVE, chosen, selection
from xgrad.cli_run import merge_, run_
from xgrad.discovery import Broken, find_cases
from xgrad.errors import UsageError, unknown
from xgrad.planning import make_plan, matches
from xgrad.problem import Case, display_path
from xgrad.progress import progress
from xgrad.publication.command import publish_
from xgrad.referee import Budget
from xgrad.report import counted

PICTURES = (".png", ".svg", ".pdf")


class _Commands(click.Group):
    """Commands whose mistakes in a call are one line on standard error and exit status 2."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except UsageError as error:
            click.echo(f"xgrad: {error}", err=True)
            context.exit(2)
        except BrokenPipeError:
            raise  # the reader of our output has gone: click's business
        except OSError as error:  # a path that the system refuses, wherever it was used
            named = f": {str(error.filename)[:200]}" if error.filename else ""
            click.echo(f"xgrad: {error.strerror or error}{named}", err=True)
            context.exit(2)

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        """A command by its name; raises `UsageError` with the nearest ones."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(context, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xgrad")
def main() -> None:
    """Cross-validate derivatives against a referee that is right to forty digits.

    \b
    xgrad run                          all shipped cases, every method
    xgrad run my_case.py -k softmax    your own cases
    xgrad explain tsne_kl gradient torch.reverse
    xgrad time                         what the right ones cost
    xgrad publish RUN --to site        saved rows as pages and tables
    xgrad doctor                       what is installed here, and what is missing
    """


@main.command("list")
@selection
@click.option("--long", "long_", is_flag=True, help="With formulas, points and sources.")
@click.option("--operators", "what", flag_value="operators", help="The operators instead.")
@click.option("--methods", "what", flag_value="methods", help="The methods instead.")
@click.option("--columns", "what", flag_value="columns", help="The columns of a table instead.")
@click.option("--extras", "what", flag_value="extras", help="What xp has beyond the standard.")
def list_(paths: tuple[str, ...], long_: bool, what: str | None, **options: Any) -> None:
    """Show the cases, or what they are made of.

    \b
    xgrad list
    xgrad list cases/calculus --long
    xgrad list --operators
    """
    from xgrad import catalogue

    if what:
        click.echo(catalogue.describe(what))
        return
    found = find_cases(paths)
    expression = options["expression"]
    cases = [c for c in found if isinstance(c, Case)]
    cases = [c for c in cases if not expression or matches(expression, c)]
    for case in cases:
        click.echo(catalogue.case_text(case, long=long_))
    broken = [b for b in found if isinstance(b, Broken)]
    for b in broken:
        click.echo(f"{display_path(b.path)} does not load: {b.message}", err=True)
    click.echo(counted(len(cases), "case"), err=True)
    if broken:
        sys.exit(1)


@main.command("time")
@selection
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads, and cores that the measuring process is pinned to.",
)
@click.option(
    "--limit",
    type=POSITIVE,
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Of one method at one size; slower ones give fewer samples, at least four.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the rows; default: results/timings/<date>-<commit>.",
)
@click.option("--resume", is_flag=True, help="Do what is missing in --out.")
@click.option(
    "--compare",
    nargs=2,
    type=click.Path(path_type=Path),
    default=None,
    metavar="BEFORE AFTER",
    help="Show what changed between two saved runs instead.",
)
@click.option("--across", is_flag=True, help="Compare over machines or threads all the same.")
@click.option("--format", "style", type=click.Choice(FORMATS), default="table", show_default=True)
def time_(paths: tuple[str, ...], **options: Any) -> None:
    """Time what is right: first call, derivative, value, ratios, peak memory.

    Without PATH a few well-known cases; without --method the usual methods except differences.
    Every method is judged first: one that is wrong has its verdict in place of a number. One fresh
    process measures, pinned to a core for each thread. Sizes of a list are a ladder: from three on,
    the exponent of the time against the number of inputs is fitted.

    Ends with status 0, with 1 when something disagrees or failed, or was slower in --compare, and
    with 2 when the call is wrong. Progress and notes go to standard error.

    \b
    xgrad time
    xgrad time cases/embedding --size small,medium,large --method 'torch.*'
    xgrad time tsne_kl --method numpy.differences,torch.reverse --dtype float32
    xgrad time softmax_cross_entropy --threads 2 --format markdown > table.md
    xgrad time --compare results/timings/before results/timings/after
    """
    from xgrad import cli_time

    wanted, limits = chosen(options)
    if options["compare"]:
        if paths:
            raise UsageError("--compare takes two saved runs, and no PATH")
        before, after = options["compare"]
        style, across = options["style"], options["across"]
        sys.exit(cli_time.run_comparison(before, after, across=across, style=style))
    given = {k: options[k] for k in ("threads", "limit", "out", "resume", "style")}
    sys.exit(cli_time.run_timing(paths, wanted, limits, **given))


@main.command("explain")
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
@BUDGET[0]
@BUDGET[1]
def explain_(case: str, operator: str, method: str, **options: Any) -> None:
    """Show one verdict in detail: worst elements, hint, the others, the step curve.

    \b
    xgrad explain tsne_kl gradient torch.reverse
    xgrad explain mlp_input gradient numpy.differences:central@1e-6 --dtype float32
    xgrad explain my_case.py::loss gradient torch.formula --picture curve.svg
    """
    from xgrad.explanation import explain, to_text
    from xgrad.stepcurve import save_picture

    picture = options["picture"]
    if picture and picture.suffix not in PICTURES:
        raise UsageError(f"--picture {picture}: end it in {', '.join(PICTURES)}")
    made = _explained(explain, case, operator, method, options)
    click.echo(to_text(made))
    if made.curve is not None:
        path = picture or _picture_path(made)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_picture(made.curve, made.setting.case.name, path)
        except OSError as error:
            raise UsageError(f"--picture {path} cannot be written: {error.strerror}") from None
        click.echo(f"  picture: {display_path(path.resolve())}")
    from xgrad.table import is_failure

    sys.exit(1 if is_failure(made.row) else 0)


def _picture_path(made: Any) -> Path:
    row = made.row
    name = "-".join((row["case"], row["operator"], str(made.method), row["dtype"]))
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
    return Path("results/explain") / f"{safe}.png"


def _explained(
    explain: Callable[..., Any], text: str, operator: str, method: str, options: dict[str, Any]
) -> Any:
    from xgrad.evaluation import describe_error
    from xgrad.frameworks import DTYPES
    from xgrad.operators import OPERATORS
    from xgrad.planning import DEVICE, DEVICES
    from xgrad.setting import Setting
    from xgrad.techniques import choose_methods, methods_of, require_methods
    from xgrad.verdict import Judge

    case = _one_case(text)
    size = options["size"] or ("small" if "small" in case.sizes else next(iter(case.sizes)))
    for kind, name, known in (
        ("operator", operator, OPERATORS),
        ("size", size, case.sizes),
        ("dtype", options["dtype"], DTYPES),
        ("point", options["point"], ["random", *case.points]),
    ):
        if name not in known:
            raise unknown(kind, name, known)
    if not DEVICE.fullmatch(options["device"]):
        raise unknown("device", options["device"], DEVICES)
    require_methods([case], (method,))
    found = choose_methods(case, (method,))
    if not found:
        raise unknown(f"method of case {case.name}", method, map(str, methods_of(case)))
    if len(found) > 1:
        raise UsageError(f"explain takes one method; {method!r} is {', '.join(map(str, found))}")
    point = options["point"]
    if point == "random" and case.draw is None and case.points:
        point = next(iter(case.points))
    try:
        setting = Setting.make(case, size, point, options["dtype"], options["seed"])
    except UsageError:
        raise
    except Exception as error:
        at = Setting(case, size, point, options["dtype"], options["seed"], {})
        raise UsageError(f"{case.name} cannot be set up: {describe_error(error, at)}") from None
    judge = Judge(setting, options["device"], Budget(options["budget"], options["memory"]))
    return explain(setting, OPERATORS[operator], found[0], judge)


def _one_case(text: str) -> Case:
    found = find_cases([text])
    for each in found:
        if isinstance(each, Broken):
            raise UsageError(f"{display_path(each.path)} does not load: {each.message}")
    cases = [c for c in found if isinstance(c, Case)]
    if len(cases) != 1:
        names = ", ".join(c.name for c in cases)
        raise UsageError(f"{text} holds {len(cases)} cases; name one: {text}::NAME of {names}")
    return cases[0]


@main.command("audit")
@selection
@click.option("--seeds", default=10, show_default=True, help="Points, where --seed names none.")
@click.option("--workers", type=int, default=None, help="Processes; default: one for each core.")
@click.option("--format", "style", type=click.Choice(("table", "markdown", "csv")), default="table")
def audit_(
    paths: tuple[str, ...], seeds: int, workers: int | None, style: str, **options: Any
) -> None:
    """Plant mistakes in right results, and count which are caught and who is accused.

    Ends with status 1 when a mistake is missed or a right result accused.

    \b
    xgrad audit
    xgrad audit my_case.py --seeds 3 --dtype float32
    """
    from xgrad import auditing

    options["seed"] = options["seed"] or tuple(str(k) for k in range(seeds))
    wanted, limits = chosen(options)
    plan = make_plan(find_cases(paths), wanted, limits)
    rows = list(plan.broken)
    with progress(len(plan.cells)) as tell:
        for cell, found in auditing.audit_plan(plan, workers):
            rows += found
            tell(f"{cell.case} {cell.size} {cell.dtype} seed {cell.seed}")
    frame = auditing.to_frame(rows)
    click.echo(auditing.to_text(frame, style))
    sys.exit(0 if auditing.is_clean(frame) else 1)


for _command in (run_, merge_, publish_):
    main.add_command(_command)


@main.command("doctor")
def doctor_() -> None:
    """Show frameworks, versions, devices, threads, precision flags, and what to install.

    \b
    xgrad doctor
    """
    from xgrad import environment
    from xgrad.frameworks import frameworks

    about = environment.describe()
    click.echo(f"xgrad {about['versions']['xgrad'] or '(not installed)'}, Python {about['python']}")
    click.echo(f"{about['system']}, {about['processor']}, {about['cores']} cores")
    set_ = ", ".join(f"{k}={v}" for k, v in about["variables"].items())
    click.echo(f"thread and device variables: {set_ or 'none set'}")
    for framework in frameworks().values():
        seen = environment.look_at(framework)
        if seen.remedy:
            click.echo(f"\n{seen.name}: {seen.remedy}")
            continue
        click.echo(f"\n{seen.name} {seen.version}")
        click.echo(f"  devices: {', '.join(seen.devices)}; dtypes: {', '.join(seen.dtypes)}")
        for flag, value in seen.flags.items():
            click.echo(f"  {flag}: {value}")
    versions = {k: v for k, v in about["versions"].items() if v}
    click.echo("\npackages: " + ", ".join(f"{k} {v}" for k, v in versions.items()))

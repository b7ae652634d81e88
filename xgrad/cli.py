"""The command line: list, run, time, explain, audit, publish, doctor."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xgrad.cluster import Cluster
from xgrad.discovery import Broken, find_cases
from xgrad.errors import UsageError, unknown
from xgrad.places import PLACE
from xgrad.planning import Plan, Selection, make_plan, matches, part_of, to_seeds
from xgrad.problem import Case, display_path
from xgrad.publication.command import publish_
from xgrad.referee import Budget
from xgrad.report import counted
from xgrad.runner import in_order, run_cells
from xgrad.table import make_frame, records
from xgrad.workers import Limits

if TYPE_CHECKING:
    import pandas as pd

    from xgrad.storage import RunFolder

FORMATS = ("table", "markdown", "csv", "json")


POSITIVE = click.FloatRange(min=0, min_open=True)
BUDGET = (
    click.option("--budget", type=POSITIVE, default=Budget().seconds, show_default=True,
                 metavar="SECONDS", help="Nominal time of the referee for one operator."),
    click.option("--memory", type=POSITIVE, default=Budget().gigabytes, show_default=True,
                 metavar="GB", help="Memory of the referee."),
)  # fmt: skip
PICTURES = (".png", ".svg", ".pdf")


def _many(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Any:
    """Repeatable or comma-separated."""
    return tuple(v.strip() for text in value for v in text.split(",") if v.strip()) or None


def _selection(command: Callable[..., Any]) -> Callable[..., Any]:
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


def _chosen(options: dict[str, Any]) -> tuple[Selection, Budget]:
    selection = Selection(
        options["size"],
        options["dtype"] or ("float64", "float32"),
        options["device"],
        options["method"],
        options["operator"],
        to_seeds(options["seed"] or ("0",)),
        options["expression"],
    )
    return selection, Budget(float(options["budget"]), float(options["memory"]))


class _Commands(click.Group):
    """Commands whose mistakes in a call are one line on standard error and exit status 2."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except UsageError as error:
            click.echo(f"xgrad: {error}", err=True)
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
@_selection
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


@main.command("run")
@_selection
@click.option("--out", type=PLACE, default=None,
              help="Folder of the rows, or a URL such as s3://bucket/run; "
              "default: results/runs/<date>-<commit>.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Do what is missing in --out.")
@click.option("--workers", type=click.IntRange(min=0), default=None,
              help="Processes, 0 for none but this one; default: one for each core.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=600.0,
              show_default=True, help="Seconds that one method may take at one cell.")  # fmt: skip
@click.option("--worker-memory", type=click.FloatRange(min=0, min_open=True), default=None,
              help="Gigabytes of one worker; default: a fair share of the machine's.")  # fmt: skip
@click.option("--scheduler", default=None, metavar="ADDRESS",
              help="Judge on a Dask cluster, such as tcp://10.0.0.1:8786, not here.")  # fmt: skip
@click.option("--tls-ca", type=click.Path(exists=True, path_type=Path), metavar="FILE",
              help="Certificates of the authority that signed the cluster's.")  # fmt: skip
@click.option("--tls-cert", type=click.Path(exists=True, path_type=Path), metavar="FILE",
              help="This side's certificate.")  # fmt: skip
@click.option("--tls-key", type=click.Path(exists=True, path_type=Path), metavar="FILE",
              help="Its private key.")  # fmt: skip
@click.option("--curves", is_flag=True,
              help="Save the step curve of each case too, for its published page.")  # fmt: skip
@click.option("--shard", default=None, metavar="I/N",
              help="Only the I-th of N parts of the cells; xgrad merge joins them.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(FORMATS), default="table", show_default=True)
def run_(
    paths: tuple[str, ...],
    out: Path | str | None,
    resume: bool,
    workers: int | None,
    timeout: float,
    worker_memory: float | None,
    scheduler: str | None,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    curves: bool,
    shard: str | None,
    style: str,
    **options: Any,
) -> None:
    """Judge every method against the referee, and save the rows.

    Ends with status 0 when nothing disagrees, 1 when something does or failed, 2 when the call is
    wrong. Progress and notes go to standard error.

    \b
    xgrad run
    xgrad run cases/embedding --size medium --method 'torch.*' --dtype float32
    xgrad run --method ball.formula
    xgrad run my_case.py --format markdown > table.md
    xgrad run --shard 3/8 --out shard3
    xgrad run --scheduler tcp://10.0.0.1:8786 --out cluster
    """
    from xgrad.publication.description import write_cases
    from xgrad.storage import new_folder

    selection, limits = _chosen(options)
    plan = make_plan(find_cases(paths), selection, limits)
    if shard is not None:
        plan.cells = part_of(plan.cells, shard)
    if resume and out is None:
        raise UsageError("--resume needs the folder to go on in: --out DIR")
    cluster = _cluster(scheduler, tls_ca, tls_cert, tls_key)
    folder = _open(out or new_folder(), resume)
    started = time.perf_counter()
    with _interruptible(folder.name):
        each = Limits(timeout, worker_memory)
        run = partial(run_cells, workers=workers, limits=each, cluster=cluster)
        rows = _done(plan, folder, run)
    frame = make_frame(in_order(rows, plan))
    write_cases(plan, folder.path)
    if curves:
        _save_curves(plan, rows, folder.path)
    parquet, _ = folder.close(frame)
    _print(frame, style)
    _print_end(frame, plan, style, parquet, time.perf_counter() - started)
    sys.exit(1 if _failed(frame) else 0)


def _open(place: Path | str, resume: bool) -> RunFolder:
    from xgrad.remote import RemoteFolder, is_url
    from xgrad.storage import RunFolder

    if is_url(place):
        return RemoteFolder(str(place), resume=resume)
    return RunFolder(Path(place), resume=resume)


def _cluster(scheduler: str | None, *tls: Path | None) -> Cluster | None:
    if scheduler is None:
        if any(tls):
            raise UsageError("--tls-… files are for a cluster: name it with --scheduler")
        return None
    return Cluster(scheduler, *tls)


def _save_curves(plan: Plan, rows: list[dict[str, Any]], folder: Path) -> None:
    from xgrad.stepcurve import COLUMNS, FILE, curves_of
    from xgrad.table import write_frame

    click.echo("step curves", err=True)
    write_frame(curves_of(plan, rows), folder, COLUMNS, FILE)


@contextmanager
def _interruptible(path: str) -> Iterator[None]:
    """Ctrl-C and SIGTERM end a run with what is saved, and the words to go on."""

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt as reason:
        click.echo(f"interrupted; the cells that ended are in {path}: go on with the same command "
                   f"and --out {path} --resume", err=True)  # fmt: skip
        sys.exit(128 + (reason.args[0] if reason.args else signal.SIGINT))
    finally:
        signal.signal(signal.SIGTERM, before)


@main.command("merge")
@click.argument("folders", nargs=-1, required=True, type=PLACE)
@click.option("--to", "out", required=True, type=PLACE, help="A new folder, or a URL.")
def merge_(folders: tuple[Path | str, ...], out: Path | str) -> None:
    """Join the rows of several runs, such as the shards of one, in a folder of their own.

    \b
    xgrad run --shard 1/2 --out a; xgrad run --shard 2/2 --out b
    xgrad merge a b --to whole
    """
    from xgrad.remote import fetched
    from xgrad.storage import merge

    with fetched(folders) as here:
        frame, (parquet, _) = merge(here, _open(out, resume=False))
    click.echo(
        f"{counted(len(frame), 'row')} of {counted(len(folders), 'run')}: {parquet}", err=True
    )


def _done(plan: Plan, folder: Any, run: Callable[..., Any]) -> list[dict[str, Any]]:
    """The rows of all cells: those saved before, and those done now, saved as they end."""
    before = folder.finished()
    rows = list(plan.broken)
    rows += [row for cell in plan.cells for row in before.get(cell.key, [])]
    todo = [cell for cell in plan.cells if cell.key not in before]
    if before:
        click.echo(f"{len(plan.cells) - len(todo)} of {len(plan.cells)} cells are there", err=True)
    with _progress(len(todo)) as tell:
        for cell, found in run(plan, todo):
            folder.add(cell, found)
            rows += found
            tell(f"{cell.case} {cell.size} {cell.dtype} {cell.device}")
    return rows


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, a line every ten seconds elsewhere, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
            task = bar.add_task("starting", total=total)
            yield lambda text: bar.update(task, advance=1, description=text)
        return
    done, told = 0, time.perf_counter()

    def tell(text: str) -> None:
        nonlocal done, told
        done += 1
        if time.perf_counter() - told > 10 or done == total:
            told = time.perf_counter()
            click.echo(f"{done} of {total} cells: {text}", err=True)

    click.echo(counted(total, "cell"), err=True)
    yield tell


def _print(frame: pd.DataFrame, style: str) -> None:
    """The rows on standard output."""
    if style == "csv":
        click.echo(frame.to_csv(index=False), nl=False)
    elif style == "json":
        click.echo(frame.to_json(orient="records", indent=1, double_precision=15))
    elif style == "markdown":
        columns = ["case", "operator", "framework", "technique", "dtype", "device", "verdict",
                   "digits", "error", "tolerance", "worst", "hint"]  # fmt: skip
        shown = frame[columns].assign(digits=frame["digits"].round(1))
        click.echo(shown.to_markdown(index=False, floatfmt=".3g"))
    else:
        _print_matrices(frame)


def _print_matrices(frame: pd.DataFrame) -> None:
    from rich.console import Console

    from xgrad.report import LEGEND, WIDTH, matrices

    console = Console(highlight=False)
    width = console.width if console.is_terminal else WIDTH
    console = Console(width=width, highlight=False)
    tables = matrices(frame, width)
    for table in tables:
        console.print(table)
        console.print()
    if tables:
        console.print(LEGEND, style="dim")
        console.print()


def _print_end(
    frame: pd.DataFrame, plan: Plan, style: str, parquet: Path | str, seconds: float
) -> None:
    """What failed, then the summary; beside data on standard output they go to standard error."""
    from xgrad.report import SHOWN, failure_text, grouped_failures, summarise

    err = style != "table"
    rows = records(frame)
    grouped = grouped_failures(frame)
    for row, more in grouped[:SHOWN]:
        click.echo(failure_text(row, rows, plan.identifier(row["case"])), err=err)
        if more:
            click.echo(f"  ({counted(more, 'more row')} alike)", err=err)
        click.echo("", err=err)
    if len(grouped) > SHOWN:
        hidden = counted(len(grouped) - SHOWN, "more failure")
        click.echo(f"… and {hidden}, all in the rows\n", err=err)
    for line in summarise(frame):
        click.echo(line, err=err)
    where = display_path(parquet.resolve()) if isinstance(parquet, Path) else parquet
    click.echo(f"rows saved: {where} (and .csv), {seconds:.0f} s", err=err)


def _failed(frame: pd.DataFrame) -> bool:
    from xgrad.report import failures

    return bool(failures(frame))


@main.command("time")
@_selection
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

    chosen, limits = _chosen(options)
    if options["compare"]:
        if paths:
            raise UsageError("--compare takes two saved runs, and no PATH")
        before, after = options["compare"]
        style, across = options["style"], options["across"]
        sys.exit(cli_time.run_comparison(before, after, across=across, style=style))
    given = {k: options[k] for k in ("threads", "limit", "out", "resume", "style")}
    sys.exit(cli_time.run_timing(paths, chosen, limits, **given))


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
    chosen = choose_methods(case, (method,))
    if not chosen:
        raise unknown(f"method of case {case.name}", method, map(str, methods_of(case)))
    if len(chosen) > 1:
        raise UsageError(f"explain takes one method; {method!r} is {', '.join(map(str, chosen))}")
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
    return explain(setting, OPERATORS[operator], chosen[0], judge)


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
@_selection
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
    selection, limits = _chosen(options)
    plan = make_plan(find_cases(paths), selection, limits)
    rows = list(plan.broken)
    with _progress(len(plan.cells)) as tell:
        for cell, found in auditing.audit_plan(plan, workers):
            rows += found
            tell(f"{cell.case} {cell.size} {cell.dtype} seed {cell.seed}")
    frame = auditing.to_frame(rows)
    click.echo(auditing.to_text(frame, style))
    sys.exit(0 if auditing.is_clean(frame) else 1)


main.add_command(publish_)


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

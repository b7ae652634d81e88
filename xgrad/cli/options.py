"""The options that commands share, in groups: what each group makes is what a command gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

from xgrad.cli import completion
from xgrad.errors import UsageError
from xgrad.judging import LEAST, share_of_digits
from xgrad.numbers import EPS
from xgrad.problem import Project, find_project
from xgrad.referee import Budget
from xgrad.running import (
    Cell,
    Cluster,
    Limits,
    RemoteFolder,
    RunFolder,
    Selection,
    is_url,
    new_folder,
    part_of,
    split_names,
    workers_for,
    write_text,
)

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
Command = Callable[..., None]
FORMATS = ("table", "markdown", "csv", "json")
POSITIVE = click.FloatRange(min=0, min_open=True)
FILE = click.Path(exists=True, path_type=Path)


def _paths(context: click.Context, parameter: click.Parameter, value: Any) -> tuple[str, ...]:
    """Those given, or those of the project."""
    return value or find_project().paths


PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...", callback=_paths,
                       shell_complete=completion.CASES)  # fmt: skip
LEAST_DIGITS = click.option(
    "--least-digits",
    default=LEAST,
    show_default=True,
    metavar="SHARE",
    callback=lambda context, parameter, value: share_of_digits("--least-digits", value),
    help="Of the dtype's digits, 0 to 1: an unstable result with fewer left fails.",
)
FORMAT = click.option("--format", "style", type=click.Choice(FORMATS), default="table",
                      show_default=True)  # fmt: skip


class Group(NamedTuple):
    """Options by the names of their values, and what is made of these."""

    make: Callable[..., Any]
    options: Mapping[str, Option]


def takes(**groups: Group) -> Callable[[Command], Command]:
    """Give a command the options of groups; it is called with what each makes, by its name."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def called(**values: Any) -> None:
            made = {
                name: group.make(**{k: values.pop(k) for k in group.options})
                for name, group in groups.items()
            }
            command(**made, **values)

        wrapped: Command = called
        for group in reversed(groups.values()):
            for option in reversed([*group.options.values()]):
                wrapped = option(wrapped)
        return wrapped

    return decorate


class Place(click.ParamType):
    """A folder: `results/a` becomes a path, `s3://bucket/a` stays a text."""

    name = "folder or URL"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path | str:
        """The path or the URL."""
        return str(value) if is_url(value) else Path(value)


PLACE = Place()


# --- what is judged ------------------------------------------------------------------------------


def _many(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Any:
    """Repeatable or comma-separated."""
    return split_names(value)


def several(name: str, words: str, offered: completion.Complete | None = None) -> Option:
    """An option that is repeatable and comma-separated: its value is a tuple, or None."""
    return click.option(f"--{name}", multiple=True, callback=_many, help=words,
                        shell_complete=offered)  # fmt: skip


def selection(*dtypes: str, project: bool = True) -> Group:
    """The options of what is judged, with the dtypes that are taken where none is named.

    What nobody names, the `project` may.
    """

    def make(**chosen: Any) -> Selection:
        return Selection.in_project(find_project() if project else Project(), dtypes, **chosen)

    usual = "all four" if len(dtypes) == len(EPS) else "the first two"
    return Group(make, {
        "expression": click.option("-k", "expression", default="", metavar="EXPR",
            help="Only cases whose name or path matches, e.g. 'tsne or softmax'."),
        "size": several("size", "Sizes; default: small."),
        "dtype": several("dtype", f"float64, float32, bfloat16, float16; default: {usual}.",
            completion.DTYPES),
        "device": several("device", "cpu, cuda, cuda:1, …; default: every device present."),
        "method": several("method",
            "Methods or patterns: 'torch.*', '*.formula', 'torch.reverse:compiled'.",
            completion.METHODS),
        "operator": several("operator", "gradient, hessian, …; default: those that a case lists.",
            completion.OPERATORS_NAMED),
        "seed": several("seed", "Seeds; default: 0."),
    })  # fmt: skip


SELECTION = selection("float64", "float32")
INVARIANCES = click.option(
    "--invariances",
    multiple=True,
    callback=_many,
    metavar="NAMES",
    help="Presentations too, by name, or all: xgrad list --invariances.",
)
BUDGET = Group(lambda budget, memory, quick: Budget(float(budget), float(memory), quick), {
    "budget": click.option("--budget", type=POSITIVE, default=Budget().seconds, show_default=True,
        metavar="SECONDS", help="Nominal time of the referee for one operator."),
    "memory": click.option("--memory", type=POSITIVE, default=Budget().gigabytes,
        show_default=True, metavar="GB", help="Memory of the referee."),
    "quick": click.option("--quick", is_flag=True,
        help="Torch functions of any size in double-double: 20 digits and more."),
})  # fmt: skip


# --- where its rows go ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Saving:
    """The folder or URL of the rows, and whether a run goes on there."""

    out: Path | str | None
    resume: bool

    def __post_init__(self) -> None:
        if self.resume and self.out is None:
            raise UsageError("--resume needs the folder to go on in: --out DIR")

    def open(self, *root: Path) -> RunFolder:
        """The folder, a new one below the root where none is named."""
        if self.out is None:
            made = RunFolder(new_folder(*(root or (find_project().folder,))), resume=False)
            # of what nobody named, nothing is committed
            write_text(made.path / ".gitignore", "*\n")
            return made
        if is_url(self.out):
            return RemoteFolder(str(self.out), resume=self.resume)
        return RunFolder(Path(self.out), resume=self.resume)


RESUME = click.option("--resume", is_flag=True, help="Do what is missing in --out.")
SAVING = Group(Saving, {
    "out": click.option("--out", type=PLACE, default=None,
        help="Folder of the rows, or a URL such as s3://bucket/run; "
        "default: results/runs/<date>-<commit>."),
    "resume": RESUME,
})  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Which part of the cells is done, what of its rows fails, and how they are shown."""

    shard: str | None
    least_digits: float
    style: str

    def part_of(self, cells: list[Cell]) -> list[Cell]:
        """The cells of the shard; all where none is asked for."""
        return cells if self.shard is None else part_of(cells, self.shard)


ASKED = Group(Asked, {
    "shard": click.option("--shard", default=None, metavar="I/N",
        help="Only the I-th of N parts of the cells; xgrad merge joins them."),
    "least_digits": LEAST_DIGITS,
    "style": FORMAT,
})  # fmt: skip


# --- who does the work ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Labour:
    """Worker processes of this machine with their limits, or a cluster."""

    workers: int | None
    limits: Limits
    cluster: Cluster | None

    def lanes(self, cells: int) -> int | None:
        """Processes side by side at as many cells, 0 for none but this one; None on a cluster."""
        if self.cluster is not None:
            return None
        return 0 if self.workers == 0 else workers_for(cells, self.workers)

    @classmethod
    def make(
        cls,
        workers: int | None,
        timeout: float,
        worker_memory: float | None,
        scheduler: str | None,
        **tls: Path | None,
    ) -> Labour:
        """The labour of the options' values; raises `UsageError` for those that do not fit."""
        if scheduler is None and any(tls.values()):
            raise UsageError("--tls-… files are for a cluster: name it with --scheduler")
        cluster = Cluster(scheduler, **tls) if scheduler else None
        return cls(workers, Limits(timeout, worker_memory), cluster)


LABOUR = Group(Labour.make, {
    "workers": click.option("--workers", type=click.IntRange(min=0), default=None,
        help="Processes, 0 for none but this one; default: one for each core."),
    "timeout": click.option("--timeout", type=POSITIVE, default=600.0, show_default=True,
        help="Seconds that one method may take at one cell."),
    "worker_memory": click.option("--worker-memory", type=POSITIVE, default=None,
        help="Gigabytes of one worker; default: a fair share of the machine's."),
    "scheduler": click.option("--scheduler", default=None, metavar="ADDRESS",
        help="Judge on a Dask cluster, such as tcp://10.0.0.1:8786, not here."),
    "tls_ca": click.option("--tls-ca", type=FILE, metavar="FILE",
        help="Certificates of the authority that signed the cluster's."),
    "tls_cert": click.option("--tls-cert", type=FILE, metavar="FILE",
        help="This side's certificate."),
    "tls_key": click.option("--tls-key", type=FILE, metavar="FILE", help="Its private key."),
})  # fmt: skip

"""`xgrad publish`: saved runs as a site, Markdown and LaTeX."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from xgrad.cli.options import PLACE, Group, several, takes
from xgrad.errors import UsageError
from xgrad.problem import display_path, find_project
from xgrad.running import fetched

CHOSEN = ("case", "method", "operator", "size", "dtype", "device", "show", "name")


def _named(context: Any, parameter: Any, value: tuple[str, ...]) -> dict[str, str]:
    """`case=Name` as a mapping."""
    pairs = [text.partition("=") for text in value]
    for name, _, own in pairs:
        if not name or not own:
            raise UsageError(f"--name {name}: write it as case=Name or method=Name")
    return {name: own for name, _, own in pairs}


def _paper(paper: tuple[Path, ...], name: dict[str, str], **chosen: Any) -> dict[str, Any] | None:
    """What `--paper` is asked for; None where it is not."""
    given = [f"--{k}" for k in CHOSEN if chosen.get(k) or (k == "name" and name)]
    if given and not paper:
        raise UsageError(f"{', '.join(given)} choose what a paper's table shows: add --paper FILE")
    options = {k if k == "show" else f"{k}s": v for k, v in chosen.items()}
    return {"files": paper, "options": {**options, "names": name}} if paper else None


PAPER = Group(_paper, {
    "paper": click.option("--paper", type=click.Path(path_type=Path), multiple=True,
        metavar="FILE", help="A table of cases × methods, FILE.tex, .md or .csv: digits, and time "
        "and ratio where a run of xgrad time is among RESULTS. Repeatable."),
    "case": several("case", "Of --paper: its cases, in this order; patterns too."),
    "method": several("method", "Of --paper: its methods, in this order; patterns too."),
    "operator": several("operator", "Of --paper: its operators."),
    "size": several("size", "Of --paper: its sizes."),
    "dtype": several("dtype", "Of --paper: its dtypes."),
    "device": several("device", "Of --paper: its devices."),
    "show": several("show", "Of --paper: some of digits, time, ratio."),
    "name": click.option("--name", multiple=True, callback=_named, metavar="CASE=NAME",
        help="Of --paper: what it calls a case or a method. Repeatable."),
})  # fmt: skip


@click.command("publish")
@click.argument("results", nargs=-1, type=PLACE, metavar="[RESULTS]...")
@click.option("--to", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder of the site; runs that are there keep their places.")  # fmt: skip
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE",
              help="The latest run as small tables that can be read in a diff; between the "
              "lines <!-- xgrad publish --> and <!-- /xgrad publish --> of a file "
              "that has them.")  # fmt: skip
@click.option("--latex", type=click.Path(path_type=Path), metavar="FILE",
              help="The latest run as booktabs tables for \\input in a paper.")  # fmt: skip
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE",
              help="The latest run as a picture of cases × methods: png, svg or pdf.")  # fmt: skip
@takes(table=PAPER)
@click.option("--detection", type=click.Path(path_type=Path), metavar="FILE",
              help="Counts that benchmarks/peers.py wrote, for a page.")  # fmt: skip
@click.option("--history", type=click.Path(path_type=Path), metavar="DIR",
              help="asv's published site, for a copy that the index links.")  # fmt: skip
def command(
    results: tuple[Path | str, ...],
    to: Path | None,
    markdown: Path | None,
    latex: Path | None,
    picture: Path | None,
    table: Mapping[str, Any] | None,
    detection: Path | None,
    history: Path | None,
) -> None:
    """Make pages and tables of saved runs; nothing is computed again.

    RESULTS are folders that `xgrad run` and `xgrad time` wrote, or one below which there are
    several (default: results/runs). Several runs are set side by side where that is fair.

    \b
    xgrad publish results/runs/2026-11-21-36532ab --to site
    xgrad publish results/runs results/timings --to site
    xgrad publish before after --to site
    xgrad publish --to site --detection results/detection.csv --history results/asv/html
    xgrad publish results/runs/2026-11-21-36532ab --markdown results/agreement.md --latex table.tex
    xgrad publish results/runs/2026-11-28 --picture results/overview.png
    xgrad publish RUN TIMINGS --paper table.tex --case tsne_kl --name tsne_kl=t-SNE
    """
    pages = any(path is not None for path in (to, markdown, latex, picture))
    if not pages and table is None:
        raise UsageError(
            "nothing to write: name a folder with --to, or a FILE with --paper, --markdown, "
            "--latex or --picture"
        )
    if to is None and (detection or history):
        raise UsageError(
            "--detection and --history are pages of the site: name its folder with --to"
        )
    from xgrad.publication import publish

    started = time.perf_counter()
    with fetched(results or (find_project().folder,)) as folders:
        files = {"markdown_file": markdown, "latex_file": latex, "detection_file": detection,
                 "picture_file": picture}  # fmt: skip
        made = _write_tables(folders, **table) if table is not None else []
        if pages:
            made += publish(folders, to, **files, history=history)
    spent = time.perf_counter() - started
    for path in made:
        click.echo(f"written: {display_path(path.resolve())}")
    click.echo(f"{spent:.1f} s", err=True)


def _write_tables(
    folders: tuple[Path, ...], files: tuple[Path, ...], options: dict[str, Any]
) -> list[Path]:
    """The paper's table in each file; what had no partner goes to standard error."""
    from xgrad.publication import paper_table

    table = paper_table(folders, **options)
    made = table.save(*files)
    for line in table.unpaired:
        click.echo(line, err=True)
    return made

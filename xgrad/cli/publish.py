"""`xgrad publish`: saved runs as a site, Markdown and LaTeX."""

from __future__ import annotations

import time
from pathlib import Path

import click

from xgrad.cli.options import PLACE
from xgrad.errors import UsageError
from xgrad.problem import display_path
from xgrad.running import fetched

DEFAULT = Path("results/runs")


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
@click.option("--detection", type=click.Path(path_type=Path), metavar="FILE",
              help="Counts that benchmarks/peers.py wrote, for a page.")  # fmt: skip
@click.option("--history", type=click.Path(path_type=Path), metavar="DIR",
              help="asv's published site, for a copy that the index links.")  # fmt: skip
def command(
    results: tuple[Path | str, ...],
    to: Path | None,
    markdown: Path | None,
    latex: Path | None,
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
    """
    if to is None and markdown is None and latex is None:
        raise UsageError("nothing to write: name a folder with --to, or --markdown or --latex FILE")
    if to is None and (detection or history):
        raise UsageError(
            "--detection and --history are pages of the site: name its folder with --to"
        )
    from xgrad.publication import publish

    started = time.perf_counter()
    with fetched(results or (DEFAULT,)) as folders:
        files = {"markdown_file": markdown, "latex_file": latex, "detection_file": detection}
        made = publish(folders, to, **files, history=history)
    spent = time.perf_counter() - started
    for path in made:
        click.echo(f"written: {display_path(path.resolve())}")
    click.echo(f"{spent:.1f} s", err=True)

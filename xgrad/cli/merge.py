"""`xgrad merge`: the rows of several runs in one folder."""

from __future__ import annotations

from pathlib import Path

import click

from xgrad.cli.options import PLACE, Saving
from xgrad.errors import counted
from xgrad.running import fetched, merge


@click.command("merge")
@click.argument("folders", nargs=-1, required=True, type=PLACE)
@click.option("--to", "out", required=True, type=PLACE, help="A new folder, or a URL.")
def command(folders: tuple[Path | str, ...], out: Path | str) -> None:
    """Join the rows of several runs, such as the shards of one, in a folder of their own.

    \b
    xgrad run --shard 1/2 --out a; xgrad run --shard 2/2 --out b
    xgrad merge a b --to whole
    """
    with fetched(folders) as here:
        frame, (parquet, _) = merge(here, Saving(out, resume=False).open())
    click.echo(
        f"{counted(len(frame), 'row')} of {counted(len(folders), 'run')}: {parquet}", err=True
    )

"""`xgrad guide`: the manual, by topic."""

from __future__ import annotations

import click

from xgrad.cli import completion
from xgrad.telling import guide_page, guide_text


@click.command("guide")
@click.argument("topic", required=False, shell_complete=completion.TOPICS)
def command(topic: str | None) -> None:
    """Show a page of the guide, or the topics that there are.

    \b
    xgrad guide
    xgrad guide newcomer
    """
    click.echo(guide_page(topic).rstrip() if topic else guide_text())

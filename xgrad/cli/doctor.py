"""`xgrad doctor`: what is installed here, what is missing, and what a framework does right."""

from __future__ import annotations

import sys

import click

from xgrad.auditing import WRONG, check_framework, conformance_text
from xgrad.frameworks import OPTIONAL, broken_plugins, frameworks
from xgrad.problem import find_cases
from xgrad.running import describe_machine, find_extras, look_at
from xgrad.techniques import techniques


@click.command("doctor")
@click.option("--framework", metavar="NAME", help="Check all that this framework offers.")
@click.option("-k", "text", default="", metavar="TEXT", help="Only checks that have this text.")
def command(framework: str | None, text: str) -> None:
    """Show frameworks, versions, devices, threads, precision flags, and what to install or mend.

    With --framework, check one: its arrays, every function of xp that cases use, its derivatives
    and what follows from them. Exit status: 0 when nothing is wrong, 1 when something is, 2 when
    the call is wrong.

    \b
    xgrad doctor
    xgrad doctor --framework torch
    xgrad doctor --framework torch -k linalg
    """
    if framework:
        found = list(check_framework(framework, text))
        click.echo(conformance_text(found))
        sys.exit(any(f.status == WRONG for f in found))
    _tell()


def _tell() -> None:
    """What is installed here."""
    about = describe_machine()
    click.echo(f"xgrad {about['versions']['xgrad'] or '(not installed)'}, Python {about['python']}")
    click.echo(f"{about['system']}, {about['processor']}, {about['cores']} cores")
    set_ = ", ".join(f"{k}={v}" for k, v in about["variables"].items())
    click.echo(f"thread and device variables: {set_ or 'none set'}")
    for framework in frameworks(OPTIONAL).values():
        seen = look_at(framework)
        if seen.remedy:
            click.echo(f"\n{seen.name}: {seen.remedy}")
            continue
        click.echo(f"\n{seen.name} {seen.version}")
        click.echo(f"  devices: {', '.join(seen.devices)}; dtypes: {', '.join(seen.dtypes)}")
        for flag, value in seen.flags.items():
            click.echo(f"  {flag}: {value}")
    click.echo("\noptional parts:")
    for extra in find_extras():
        lacks = f"; lacks {', '.join(extra.missing)}: {extra.remedy}" if extra.missing else ""
        click.echo(f"  {extra.name}: {extra.brings}{lacks}")
    techniques(), find_cases(())  # whose plugins are loaded at first use
    for broken in broken_plugins():
        click.echo(f"\n{broken}")
    versions = {k: v for k, v in about["versions"].items() if v}
    click.echo("\npackages: " + ", ".join(f"{k} {v}" for k, v in versions.items()))

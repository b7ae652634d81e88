"""`xgrad doctor`: what is installed here, and what is missing."""

from __future__ import annotations

import click

from xgrad.frameworks import broken_plugins, frameworks
from xgrad.problem import find_cases
from xgrad.running import describe_machine, find_extras, look_at
from xgrad.techniques import techniques


@click.command("doctor")
def command() -> None:
    """Show frameworks, versions, devices, threads, precision flags, and what to install or mend.

    \b
    xgrad doctor
    """
    about = describe_machine()
    click.echo(f"xgrad {about['versions']['xgrad'] or '(not installed)'}, Python {about['python']}")
    click.echo(f"{about['system']}, {about['processor']}, {about['cores']} cores")
    set_ = ", ".join(f"{k}={v}" for k, v in about["variables"].items())
    click.echo(f"thread and device variables: {set_ or 'none set'}")
    for framework in frameworks().values():
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

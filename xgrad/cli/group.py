"""The command line as a whole: its commands, and how mistakes in a call end."""

from __future__ import annotations

from typing import Any

import click

from xgrad.cli import audit, census, doctor, explain, guide, lists, merge, publish, run, time
from xgrad.errors import UsageError, unknown


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
    xgrad census torch                 every derivative that a framework ships
    xgrad explain tsne_kl gradient torch.reverse
    xgrad time                         what the right ones cost
    xgrad publish RUN --to site        saved rows as pages and tables
    xgrad doctor                       what is installed here, and what is missing
    xgrad guide                        the manual, by topic

    Exit status: 0 when nothing disagrees, 1 when something does or failed, 2 when the call is
    wrong, 5 when nothing could be judged.
    """


for _module in (lists, run, census, merge, time, explain, audit, publish, doctor, guide):
    main.add_command(_module.command)

"""The command line, one file for each command."""

from xgrad.cli.group import main

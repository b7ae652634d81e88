"""Pages of Markdown: their blocks, their links, and the commands that they name."""

import re
import shlex

import click
from checkout import ROOT

from xgrad.cli import main

_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"[-−]?\d+(\.\d+)?(e[-+]?\d+)?")
_FILES = r"`((?:xgrad|benchmarks|cases|results)/[\w/.]*)`"


def blocks(page, kind):
    """The fenced blocks of a kind, in order."""
    return [text for given, text in _FENCED.findall(page) if given == kind]


def after(page, words, kind):
    """The first block of a kind that follows words."""
    rest = page[page.index(words) :]
    return re.search(rf"^```{kind}\n(.*?)^```", rest, re.MULTILINE | re.DOTALL).group(1)


def masked(text):
    """Lines without their numbers and blanks."""
    return [" ".join(_NUMBER.sub("#", line).split()) for line in text.splitlines() if line.strip()]


def inline(page):
    """What stands between backquotes outside of blocks, in one line each."""
    return [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", _FENCED.sub("", page))]


def commands(page):
    """The calls of xgrad that a page names, in blocks and in lines."""
    typed = [line for text in blocks(page, "sh") for line in text.splitlines()]
    return sorted({text for text in [*typed, *inline(page)] if text.startswith("xgrad ")})


def options_of(command):
    """The options of a command and of those below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    return own.union(*map(options_of, below))


def require_command(text):
    """Parse a call as click does, and run nothing; raises `click.UsageError`."""
    name, *words = shlex.split(text)[1:]
    if name in main.commands:
        command = main.commands[name]
        context = click.Context(command, info_name=name)
        _, left, _ = command.make_parser(context).parse_args(words)
        assert not left, f"{text}: {left} is too much"
    else:
        raise click.UsageError(f"{text}: no such command")


def require_files(page, folder):
    """Every link within the repository leads to a file or a heading; every path in code exists."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page):
        if target.startswith("https://"):
            continue
        name, _, heading = target.partition("#")
        assert not name or (folder / name).is_file(), target
        if heading:
            linked = (folder / name).read_text(encoding="utf-8") if name else page
            assert heading in _anchors(linked), target
    for name in re.findall(_FILES, page):
        assert (ROOT / name).exists(), name


def _anchors(page):
    """The headings as code hosts link them."""
    heads = re.findall(r"^#+ (.*)$", _FENCED.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}

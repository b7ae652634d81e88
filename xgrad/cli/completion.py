"""What a shell offers to complete: names of cases, operators, methods, dtypes, topics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from xgrad.numbers import EPS
from xgrad.problem import OPERATORS, library
from xgrad.techniques import methods_of
from xgrad.telling import guide_topics

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
_CASE = re.compile(r"^@xgrad\.case\b.*?^def (\w+)", re.MULTILINE | re.DOTALL)


def _offering(find: Callable[[], Iterable[str]], *, files: bool = False) -> Complete:
    """The names that begin as what is typed, after a comma too; `files` are offered beside."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        before, comma, start = incomplete.rpartition(",")
        found = sorted({name for name in find() if name.startswith(start)})
        offered = [CompletionItem(f"{before}{comma}{name}") for name in found]
        return [*offered, CompletionItem(incomplete, type="file")] if files else offered

    return complete


def _case_names() -> Iterable[str]:
    """Of the shipped library, by its text alone: nothing is imported for a key."""
    for path in library().rglob("*.py"):
        yield from _CASE.findall(path.read_text(encoding="utf-8"))


def _method_names() -> Iterable[str]:
    for method in methods_of(None):
        yield str(method)
        yield f"{method.framework}.*"


CASES = _offering(_case_names, files=True)
OPERATORS_NAMED = _offering(lambda: OPERATORS)
METHODS = _offering(_method_names)
DTYPES = _offering(lambda: EPS)
TOPICS = _offering(guide_topics)

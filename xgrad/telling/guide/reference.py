"""The reference: every public name with its signature and docstring, taken from the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

WIDTH = 100  # of a signature in one line
SENTENCE = "Every public name, with its signature and what it does, from the code itself."
_MADE = frozenset(("xgrad.Case", "Results"))  # classes that nobody calls


def reference_page() -> str:
    """Markdown: the names of `xgrad`, and what they return that has methods of its own."""
    from xgrad.running import Results

    xgrad = import_module("xgrad")
    named = {f"xgrad.{name}": getattr(xgrad, name) for name in xgrad.__all__}
    named["Results"] = Results  # what `check` and `run` return
    lines = ["# Reference", "", SENTENCE]
    for name, value in named.items():
        lines += _entry("##", name, value)
        if inspect.isclass(value) and not issubclass(value, Exception):
            for method, function in _methods(value):
                lines += _entry("###", f"{name}.{method}", function)
    return "\n".join(lines) + "\n"


def _entry(level: str, name: str, value: Any) -> list[str]:
    said = inspect.getdoc(value) or ""
    shown = ["```text", _call(name, value), "```", ""] if _is_called(name, value) else []
    return ["", f"{level} {name}", "", *shown, said]


def _is_called(name: str, value: Any) -> bool:
    plain = isinstance(value, property) or (inspect.isclass(value) and issubclass(value, Exception))
    return not plain and name not in _MADE


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Its own public methods and properties, in the order in which they are written."""
    for name, value in vars(kind).items():
        told = callable(value) or isinstance(value, (property, classmethod, staticmethod))
        if told and not name.startswith("_") and inspect.getdoc(value):
            yield name, getattr(kind, name)


def _call(name: str, value: Any) -> str:
    """How it is called: in one line, or one for each parameter."""
    signature = inspect.signature(value)
    given = [p for p in signature.parameters.values() if p.name != "self"]
    text = _bare(f"{name}{signature.replace(parameters=given)}")
    if len(text) <= WIDTH:
        return text
    rows, star = [], False
    for p in given:
        if p.kind is p.KEYWORD_ONLY and not star:
            rows.append("    *,")
        star = star or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        rows.append(_bare(f"    {p},"))
    returned = _bare(f"{signature.replace(parameters=[])}").removeprefix("()")
    return "\n".join([f"{name}(", *rows, f"){returned}"])


def _bare(text: str) -> str:
    """Annotations, which are texts, without quotes."""
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)

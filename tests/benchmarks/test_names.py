"""What the scripts ask of xgrad is there: most of them run too long to be run here."""

import ast
from importlib import import_module

import pytest
from checkout import BENCHMARKS

SCRIPTS = sorted(BENCHMARKS.rglob("*.py"))


def asked(file):
    """The names that a script imports from xgrad, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xgrad":
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: str(f.relative_to(BENCHMARKS)))
def test_a_script_imports_what_is_there(file):
    gone = []
    for module, name in asked(file):
        try:
            there = hasattr(import_module(module), name)
        except ModuleNotFoundError as missing:
            if missing.name.startswith("xgrad"):
                there = False
            else:
                continue  # an optional package
        if not there:
            try:
                import_module(f"{module}.{name}")
            except ModuleNotFoundError:
                gone.append(f"{module}.{name}")
    assert not gone

"""What the scripts ask of xgrad is there: most of them run too long to be run here."""

import ast
from importlib import import_module
from importlib.util import find_spec

import pytest
from checkout import BENCHMARKS

SCRIPTS = sorted(BENCHMARKS.rglob("*.py"))


def asked(file):
    """The names that a script imports from xgrad, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xgrad":
            yield from ((node.module, alias.name) for alias in node.names)


def is_there(module, name):
    """Whether a module has a name; where an optional package is missing, nobody can tell."""
    try:
        found = import_module(module)
    except ModuleNotFoundError as missing:
        return not (missing.name or "").startswith("xgrad")
    if hasattr(found, name):
        return True
    return hasattr(found, "__path__") and find_spec(f"{module}.{name}") is not None


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: str(f.relative_to(BENCHMARKS)))
def test_a_script_imports_what_is_there(file):
    assert [f"{module}.{name}" for module, name in asked(file) if not is_there(module, name)] == []

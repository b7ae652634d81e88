"""The house: rooms import downwards and through faces, and the contracts that say so can fail."""

import ast
import inspect
import shutil
import subprocess
import sys
from importlib import import_module

import pytest
from checkout import ROOT

PACKAGE = ROOT / "xgrad"
ROOMS = sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py"))

# What nobody may write: the file that it is planted in, the line, and the contract that it breaks.
PLANTED = {
    "an import upwards": (
        "problem/setting.py",
        "from xgrad.running import run",
        "a room imports from rooms below it only",
    ),
    "an import upwards inside a function": (
        "numbers/dtypes.py",
        "def _late():\n    from xgrad.judging import Judge\n    return Judge",
        "a room imports from rooms below it only",
    ),
    "a circle within a room": (
        "judging/comparison.py",
        "from xgrad.judging.verdict import Judge",
        "no circles, between rooms or within one",
    ),
    "a circle within a room of a room": (
        "numbers/balls/array.py",
        "from xgrad.numbers.balls.shapes import zeros",
        "no circles, between rooms or within one",
    ),
    "an import past a face": (
        "telling/report.py",
        "from xgrad.judging.stability import Stability",
        "judging is entered by its face",
    ),
}


def check_layers(folder):
    """What `lint-imports` says of the package in a folder."""
    pytest.importorskip("importlinter", reason="import-linter is not installed: xgrad[lint]")
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as main; main()",
    ]
    command += ["--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def house(tmp_path):
    """A copy of the package with its contracts, to spoil."""
    ignored = shutil.ignore_patterns("__pycache__", "templates", "static")
    shutil.copytree(PACKAGE, tmp_path / "xgrad", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(house):
    done = check_layers(house)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {2 + len(ROOMS)} kept, 0 broken." in done.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_what_nobody_may_write_breaks_a_contract(house, name):
    file, line, contract = PLANTED[name]
    path = house / "xgrad" / file
    path.write_text(f"{path.read_text()}\n\n{line}\n")
    done = check_layers(house)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_sentence_and_nobody_inside_goes_through_its_own_face(room):
    face = ast.parse((PACKAGE / room / "__init__.py").read_text())
    assert ast.get_docstring(face).endswith(".")
    modules = {p.stem for p in (PACKAGE / room).iterdir()}
    for file in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == f"xgrad.{room}":
                assert file.name == "__init__.py" or {a.name for a in node.names} <= modules, file


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_face_names_says_what_it_does(room):
    face = import_module(f"xgrad.{room}")
    own = {name: each for name, each in vars(face).items() if inspect.isroutine(each)
           or inspect.isclass(each)}  # fmt: skip
    silent = [name for name, each in own.items() if each.__module__.startswith("xgrad")
              and not name.startswith("_") and not each.__doc__]  # fmt: skip
    assert silent == []


def test_the_package_is_seen_at_a_glance():
    entries = [p.name for p in PACKAGE.iterdir() if p.name not in ("__pycache__", "cases")]
    assert len(entries) <= 19
    long = {str(p): n for p in PACKAGE.rglob("*.py") if (n := p.read_text().count("\n")) > 400}
    assert long == {}

"""A run without paths: what is known first, how much is shown, and what git sees."""

import subprocess

import pytest

from xgrad.cli import run as command
from xgrad.problem import find_cases, is_first, library

QUICK = ("--method", "numpy.formula", "--dtype", "float64", "--workers", "0")


@pytest.fixture
def small_library(monkeypatch):
    """Two cases, of which one is a well-known check; nothing else is found."""
    shipped = [library() / "finance" / "bonds.py", library() / "calculus" / "elementwise.py"]
    monkeypatch.setattr(command, "find_cases", lambda paths: find_cases(paths or shipped))


def test_the_well_known_checks_are_answered_before_the_library_goes_on(call, small_library):
    result = call("run", *QUICK)
    assert result.exit_code == 0, result.output
    first, _, rest = result.stdout.partition("These are the well-known checks; ")
    assert "sine" in first
    assert "bond" not in first
    assert "of the library go on." in rest
    assert "bond" in rest
    assert " rows: " in rest


def test_with_paths_or_words_nothing_comes_first(call, small_library):
    for words in ((str(library() / "finance" / "bonds.py"),), ("-k", "sine or bond")):
        result = call("run", *words, *QUICK)
        assert "well-known" not in result.stdout


def test_more_than_a_page_of_tables_goes_to_a_file(call, small_library, monkeypatch, tmp_path):
    whole = call("run", *QUICK, "--out", "short")
    assert not (tmp_path / "short" / "tables.txt").exists()
    monkeypatch.setattr(command, "PAGE", 3)
    result = call("run", *QUICK, "--out", "long")
    assert "all digits: long/tables.txt\n" in result.stdout
    _, _, rest = result.stdout.partition("go on.\n")
    assert "sine" not in rest.partition(" rows: ")[0]
    assert (tmp_path / "long" / "tables.txt").read_text() in whole.stdout


def test_what_nobody_named_is_not_committed(call, small_library, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert call("run", *QUICK).exit_code == 0
    assert list((tmp_path / "results" / "runs").iterdir())
    call("run", *QUICK, "--out", "named")
    told = subprocess.run(
        ["git", "-C", tmp_path, "status", "--short"], check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == ["??", "named/"]


def test_the_well_known_checks_are_those_that_the_readme_names():
    files = {
        case.path.relative_to(library()).as_posix() for case in find_cases(()) if is_first(case)
    }
    assert {f for f in files if not f.startswith("calculus/")} == {
        "deep_learning/layers.py", "deep_learning/mlp.py", "deep_learning/softmax.py",
        "embedding/tsne.py",
    }  # fmt: skip
    assert any(f.startswith("calculus/") for f in files)

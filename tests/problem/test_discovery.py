"""Finding cases: files, folders, names; what does not load costs its own rows only."""

import os
import re
import sys

import numpy as np
import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.problem import Broken, Case, cases_of_file, find_cases
from xgrad.problem.discovery import library

CASE = """
import xgrad

@xgrad.case
def {name}(xp, x):
    return {factor} * xp.sum(x * x)

@{name}.inputs
def draw(rng):
    return {{"x": rng.normal(size=2)}}
"""


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "one.py", "first", "second")
    write(tmp_path / "deep" / "er" / "two.py", "third")
    write(tmp_path / "_private.py", "hidden")
    write(tmp_path / "test_cases.py", "hidden")
    write(tmp_path / "conftest.py", "hidden")
    write(tmp_path / ".cache" / "cached.py", "hidden")
    write(tmp_path / "__pycache__" / "cached.py", "hidden")
    (tmp_path / "notes.txt").write_text("no case")
    return tmp_path


def write(path, *names, factor=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(CASE.format(name=name, factor=factor) for name in names))
    return path


def names(found):
    return [each.name for each in found]


# --- files and folders ---------------------------------------------------------------------------


def test_a_folder_is_searched_as_pytest_searches_for_tests(folder):
    assert names(find_cases([folder])) == ["third", "first", "second"]
    assert names(xgrad.load_cases(folder, folder / "one.py")) == ["third", "first", "second"]


def test_a_folder_may_lie_below_a_hidden_one(tmp_path):
    path = write(tmp_path / ".venv" / "lib" / "cases" / "one.py", "first")
    assert names(xgrad.load_cases(path.parent)) == ["first"]


def test_a_file_is_loaded_whatever_its_name(folder):
    assert names(xgrad.load_cases(folder / "_private.py")) == ["hidden"]
    assert names(xgrad.load_cases(str(folder / "test_cases.py"))) == ["hidden"]


def test_one_case_of_a_file_or_folder(folder):
    assert names(xgrad.load_cases(f"{folder}/one.py::second")) == ["second"]
    assert names(xgrad.load_cases(f"{folder}::third")) == ["third"]


def test_without_paths_the_shipped_library(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = xgrad.load_cases()
    assert {"tsne_kl", "product", "sine"} <= set(names(found))
    assert all(case.path.is_relative_to(library()) for case in found)


def test_a_bare_name_is_a_case_of_the_library(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert names(xgrad.load_cases("tsne_kl")) == ["tsne_kl"]


def test_what_a_case_file_imports_from_another_is_not_its_own(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    (folder / "three.py").write_text("from one import first\nagain = first\n")
    with pytest.raises(UsageError, match=r"three\.py holds no case: a case is a function under"):
        xgrad.load_cases(folder / "three.py")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.py", "no such file or folder: nowhere.py"),
        ("nowhere/cases", "no such file or folder: nowhere/cases"),
        ("nowhere.py::first", "no such file or folder: nowhere.py"),
        ("tsne_k", "unknown path or case 'tsne_k': did you mean 'tsne_kl'"),
        ("{folder}/one.py::frist", "unknown case in .*one.py 'frist': did you mean 'first'"),
        ("{folder}/one.py::zzz", "unknown case in .*one.py 'zzz': known: first, second"),
        ("{folder}/empty", "empty holds no case: a case is a function under @xgrad.case"),
        ("{folder}/empty.py", "empty.py holds no case"),
    ],
)
def test_a_path_that_leads_nowhere_names_the_nearest(folder, path, message):
    (folder / "empty").mkdir()
    (folder / "empty.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match=message):
        xgrad.load_cases(path.format(folder=folder))


# --- files that do not load ----------------------------------------------------------------------

BROKEN = {
    "syntax": ("def f(:\n", r"SyntaxError: .* \(line 1\)"),
    "import": ("\nimport nowhere_to_be_found\n", r"ModuleNotFoundError: No module .* \(line 2\)"),
    "name": ("import xgrad\n@xgrad.case(wrt='z')\ndef f(xp, x): return x\n",
             r"CaseError: case f: wrt 'z' is no input; inputs: x \(line 2\)"),
    "exit": ("import sys\nsys.exit('done')\n", r"SystemExit: done \(line 2\)"),
    "exit without word": ("raise SystemExit\n", r"SystemExit.* \(line 1\)"),
    "error": ("\n\n1 / 0\n", r"ZeroDivisionError: .* \(line 3\)"),
    "bytes": (b"\xff\xfe\x00x = 1", "SyntaxError|UnicodeDecodeError|ValueError"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_does_not_load_is_a_broken_value_among_the_others(folder, kind):
    content, message = BROKEN[kind]
    path = folder / f"broken_{kind.replace(' ', '_')}.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = find_cases([folder])
    (broken,) = [each for each in found if isinstance(each, Broken)]
    assert (broken.path, broken.name) == (path, path.stem)
    assert re.search(message, broken.message), broken.message
    assert names(each for each in found if isinstance(each, Case)) == ["third", "first", "second"]
    with pytest.raises(UsageError, match=f"{path.name} does not load: "):
        xgrad.load_cases(folder)


def test_a_file_that_is_no_python_is_broken(folder):
    (broken,) = find_cases([folder / "notes.txt"])
    assert broken.message == "ImportError: notes.txt is no Python file"


def test_an_interrupt_is_not_swallowed(folder):
    (folder / "slow.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        find_cases([folder / "slow.py"])


def test_a_broken_file_is_a_row_of_the_run_and_the_others_run(folder):
    (folder / "bad.py").write_text("raise SystemExit(3)\n")
    frame = xgrad.run(folder, dtypes="float64", methods="torch.reverse")
    rows = {r.case: (r.status, r.message) for r in frame.itertuples()}
    assert rows.pop("bad")[0] == "error"
    assert {case: status for case, (status, _) in rows.items()} == dict.fromkeys(
        ("first", "second", "third"), "ok"
    )


def test_a_broken_file_leaves_no_module_behind_and_loads_once_mended(folder):
    path = folder / "mended.py"
    path.write_text("raise RuntimeError('not yet')\n")
    assert isinstance(cases_of_file(path)[0], Broken)
    assert not [name for name in sys.modules if "mended" in name]
    write(path, "fine")
    assert names(cases_of_file(path)) == ["fine"]


# --- loading again -------------------------------------------------------------------------------


def test_a_file_is_loaded_once_and_again_after_it_changed(folder):
    path = folder / "one.py"
    (before, _), (same, _) = cases_of_file(path), cases_of_file(path)
    assert before is same
    write(path, "first", "second", factor=2)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
    after, _ = cases_of_file(path)
    assert after is not before
    assert "2 * xp.sum" in path.read_text()


def test_a_change_of_length_shows_even_at_the_same_time(folder):
    path = folder / "one.py"
    stamp = path.stat().st_mtime_ns
    assert names(cases_of_file(path)) == ["first", "second"]
    write(path, "first")
    os.utime(path, ns=(stamp, stamp))
    assert names(cases_of_file(path)) == ["first"]


def test_two_files_of_one_name_are_two_modules(tmp_path):
    for factor, name in ((1, "a"), (3, "b")):
        write(tmp_path / name / "same.py", "value", factor=factor)
    first, second = xgrad.load_cases(tmp_path)
    assert (first.name, second.name) == ("value", "value")
    assert first.path != second.path
    assert [c(np, np.ones(2)) for c in (first, second)] == [2, 6]
    assert first.inputs_at("small")["x"].shape == (2,)

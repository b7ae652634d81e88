"""Finding case files, as pytest finds tests."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import CASES, Refused, plugins
from xgrad.problem.cases import Case, display_path
from xgrad.problem.project import find_project


@dataclass(frozen=True)
class Broken:
    """A case file that cannot be loaded, with the reason: it costs its own rows only."""

    path: Path
    message: str
    origin: str = ""  # of a plugin, which is no file

    @property
    def name(self) -> str:
        """The file's name, in the place of a case's."""
        return self.path.stem

    @property
    def identifier(self) -> str:
        """As the command line takes it; empty for a plugin."""
        return "" if self.origin else display_path(self.path)

    def __str__(self) -> str:
        return f"{self.origin or display_path(self.path)} does not load: {self.message}"


CONVENTIONS = "conventions"  # the field of kinks and traps
CENSUS = "census"  # that of whole libraries of operations
NAMED = (CONVENTIONS, CENSUS)  # fields that are run when they are named
# The well-known derivative checks that the library began with: what a run answers first.
FIRST = ("calculus", "deep_learning/layers.py", "deep_learning/mlp.py", "deep_learning/softmax.py",
         "embedding/tsne.py")  # fmt: skip


def library() -> Path:
    """The folder of the shipped cases: in the wheel, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "cases"
    return inside if inside.is_dir() else package.parent / "cases"


def is_first(case: Case) -> bool:
    """Whether a case is of the shipped library's well-known checks, which are short."""
    first = (library() / name for name in FIRST)
    return case.path is not None and any(case.path.is_relative_to(each) for each in first)


def load_cases(*paths: str | Path) -> list[Case]:
    """Load cases from files, folders and `file.py::name`; without paths, the shipped library.

    Raises `UsageError` for a path that does not exist or holds no case, and for a file that does
    not import. A case file is code: loading it runs it.
    """
    found = find_cases(paths)
    for each in found:
        if isinstance(each, Broken):
            raise UsageError(str(each))
    return [each for each in found if isinstance(each, Case)]


def find_cases(paths: Iterable[str | Path]) -> list[Case | Broken]:
    """The same, with a file that does not import as a `Broken` value in its place.

    Conventions have no single truth to agree with, and a census takes an hour: both are run when
    they are named.
    """
    wanted = [str(p) for p in paths]
    found: list[Case | Broken] = []
    for path in wanted or [str(f) for f in _fields() if f.name not in NAMED]:
        found += _cases_of_path(path)
    if not wanted:
        found += _cases_of_plugins({c.name: c.identifier for c in found if isinstance(c, Case)})
    return list(dict.fromkeys(found))


def _cases_of_path(text: str) -> list[Case | Broken]:
    name, _, wanted = text.partition("::")
    path = Path(name)
    if not path.exists():
        return _cases_by_name(name)
    found = [each for file in _case_files(path) for each in cases_of_file(file)]
    if wanted:
        chosen = [c for c in found if isinstance(c, Broken) or c.name == wanted]
        if not chosen:
            raise unknown(f"case in {name}", wanted, (c.name for c in found))
        return chosen
    if not found:
        raise UsageError(f"{text} holds no case: a case is a function under @xgrad.case")
    return found


def _fields() -> list[Path]:
    """The folders of the shipped library, one for each field."""
    return sorted(
        p for p in library().iterdir() if p.is_dir() and not p.name.startswith((".", "_"))
    )


def _cases_by_name(text: str) -> list[Case | Broken]:
    """A bare name means a field or a case of the shipped library, else a path is missing."""
    if not text.isidentifier():
        raise UsageError(f"no such file or folder: {text}")
    if text in (field.name for field in _fields()):
        return _cases_of_path(str(library() / text))
    fields = (str(field) for field in _fields() if field.name != CENSUS)
    shipped = [each for field in fields for each in _cases_of_path(field)]
    chosen = [each for each in shipped if each.name == text]
    if not chosen:
        raise unknown("path or case", text, (each.name for each in shipped))
    return chosen


def _case_files(path: Path) -> list[Path]:
    """The file itself, or those of a folder whose names, below it, are not private or of tests."""
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*.py") if _is_case_file(p.relative_to(path)))


def _is_case_file(path: Path) -> bool:
    if path.name.startswith(("_", "test_")) or path.name == "conftest.py":
        return False
    return not any(part.startswith((".", "__")) for part in path.parts)


def cases_of_file(path: Path) -> list[Case | Broken]:
    """The cases that a file defines, in order; a `Broken` where it does not import."""
    path = path.resolve()
    try:
        module = _module(path)
    except (Exception, SystemExit) as error:  # a script that ends is no reason to end with it
        return [Broken(path, _where(error, path))]
    defined = [v for v in vars(module).values() if isinstance(v, Case)]
    found = [c for c in dict.fromkeys(defined) if c.path in (None, path)]
    project = find_project(path.parent)
    for case in found:
        project.tell(case)
    return [*found]


def _module(path: Path) -> ModuleType:
    name = f"xgrad_case_{path.stem}_{hashlib.sha1(str(path).encode()).hexdigest()[:8]}"
    known = sys.modules.get(name)
    changed = (path.stat().st_mtime_ns, path.stat().st_size)
    if known is not None and getattr(known, "__xgrad_changed__", None) == changed:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    module.__xgrad_changed__ = changed  # type: ignore[attr-defined]
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _where(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    line = f" (line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{line}"


def _cases_of_plugins(taken: dict[str, str]) -> list[Case | Broken]:
    """Cases of third parties: an entry point in `xgrad.cases` names a folder or a case."""
    found: list[Case | Broken] = []

    def use(name: str, value: Any) -> None:
        cases = [value] if isinstance(value, Case) else _cases_of_path(str(value))
        for each in cases:
            if isinstance(each, Case) and each.name in taken:
                other = taken[each.name]
                raise Refused(f"its case {each.name!r} has the name of {other}; give it another")
        taken.update({c.name: c.identifier for c in cases if isinstance(c, Case)})
        found.extend(cases)

    broken = plugins(CASES, use)
    return found + [Broken(Path(b.name), b.reason, b.origin) for b in broken]

"""What a project says of its cases: the table `[tool.xgrad]` of its pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from xgrad.errors import UsageError, unknown
from xgrad.problem.cases import Case, Known

FILE = "pyproject.toml"
KNOWN = {"case": "*", "method": "", "reason": "", "operator": "", "point": "", "dtype": ""}
NEEDED = ("method", "reason")  # of a known difference
Names = tuple[str, ...]


@dataclass(frozen=True)
class Project:
    """Where cases are and results go, what is asked where nobody names anything, what is known.

    Paths are relative to the file. `known` are differences that are tolerated: patterns of cases
    and methods with the reason.
    """

    file: Path | None = None
    cases: Names = ()
    sizes: Names = ()
    dtypes: Names = ()
    devices: Names = ()
    methods: Names = ()
    operators: Names = ()
    results: str = ""
    known: tuple[tuple[tuple[str, str], ...], ...] = ()

    def names(self, kind: str) -> Names | None:
        """What is asked of a kind such as `dtypes`; None where the project does not say."""
        return getattr(self, kind) or None

    @property
    def paths(self) -> Names:
        """Of its cases."""
        return tuple(str(self._beside(path)) for path in self.cases)

    @property
    def folder(self) -> Path:
        """Of its runs: each gets one of its own there."""
        return self._beside(self.results) if self.results else Path("results/runs")

    def _beside(self, path: str) -> Path:
        assert self.file is not None
        return self.file.parent / path

    def tell(self, case: Case) -> None:
        """Add what the project knows of a case to what the case lists itself."""
        for pairs in self.known:
            about = KNOWN | dict(pairs)
            pattern, method, reason = (about.pop(k) for k in ("case", *NEEDED))
            made = Known(method, reason, **about, must_show=False)
            if fnmatchcase(case.name, pattern) and made not in case.knowns:
                case.knowns.append(made)


def find_project(start: Path | None = None) -> Project:
    """The settings of the nearest pyproject.toml at or above a folder (default: this one).

    Raises `UsageError` for a table that xgrad does not understand.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        file = folder / FILE
        if file.is_file():
            return _read(file, file.stat().st_mtime_ns)
    return Project()


@lru_cache(maxsize=64)
def _read(file: Path, changed: int) -> Project:
    try:
        whole = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return Project()  # whose mistakes are the business of others
    table = whole.get("tool", {}).get("xgrad")
    if table is None:
        return Project()
    if not isinstance(table, dict):
        raise UsageError(f"{file}: [tool.xgrad] is no table")
    return Project(file, **{key: _value(file, key, value) for key, value in table.items()})


def _value(file: Path, key: str, value: Any) -> Any:
    """A setting in the type of its field."""
    keys = [f.name for f in fields(Project) if f.name != "file"]
    if key not in keys:
        raise UsageError(f"{file}: {unknown('setting of [tool.xgrad]', key, keys)}")
    if key == "known":
        return _known(file, value)
    if key == "results":
        if not isinstance(value, str):
            raise UsageError(f"{file}: results in [tool.xgrad] is a folder, as 'results/runs'")
        return value
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        raise UsageError(f"{file}: {key} in [tool.xgrad] is a name or a list of names")
    return tuple(several)


def _known(file: Path, value: Any) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Known differences, each as pairs."""
    form = "known in [tool.xgrad] is a list of tables, each with a method and the reason"
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise UsageError(f"{file}: {form}")
    for each in value:
        for key in each.keys() - KNOWN.keys():
            raise UsageError(f"{file}: {unknown('word of a known difference', key, KNOWN)}")
        if not all(isinstance(v, str) for v in each.values()) or not all(map(each.get, NEEDED)):
            raise UsageError(f"{file}: {form}")
    return tuple(tuple(sorted(each.items())) for each in value)

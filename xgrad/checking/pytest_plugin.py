"""pytest: case files are collected like tests, one item for each method of each operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_MARK = re.compile(r"^\s*@(xgrad\.)?case\b|^\w+ *= *xgrad\.case\(", re.MULTILINE)
_TEST = re.compile(r"^\s*(async )?def test|^class Test", re.MULTILINE)
_OPTIONS = ("size", "dtype", "device", "method", "operator", "seed", "invariances")
_LEAST = "--xgrad-least-digits"
_SHADOW = "--xgrad-shadow"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The selection of the command line, under names of its own."""
    group = parser.getgroup("xgrad", "derivatives judged by xgrad")
    for name in _OPTIONS:
        group.addoption(
            f"--xgrad-{name}",
            action="append",
            default=[],
            metavar=name.upper(),
            help=f"as `xgrad run --{name}`; repeatable",
        )
    group.addoption(
        _LEAST,
        default=None,
        metavar="SHARE",
        help="as `xgrad run --least-digits`: of the dtype's digits, 0 to 1; default: 0.25",
    )
    for option, kind, said in (
        (_SHADOW, "on", "judge each call of gradcheck, check_grads, … by xgrad too"),
        (f"{_SHADOW}=strict", "strict", "the same; what xgrad finds wrong fails its test"),
    ):
        # two options, so that `--xgrad-shadow tests` takes no folder for a value
        group.addoption(option, dest="xgrad_shadow", action="store_const", const=kind, help=said)
    group.addoption(
        f"{_SHADOW}-limit",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="processor time that xgrad may take for one call; default: 60",
    )
    group.addoption(
        f"{_SHADOW}-to",
        type=Path,
        default=Path(".xgrad/shadow"),
        metavar="DIR",
        help="folder of the rows; default: .xgrad/shadow",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a share of digits that is none, before anything is judged; start what is asked."""
    if config.getoption(_LEAST) is not None:
        _least_digits(config)
    if config.getoption("xgrad_shadow"):
        _start_shadow(config)


def _start_shadow(config: pytest.Config) -> None:
    """The watch in each process; the report in the one that is no worker."""
    from xgrad.checking.shadow import Shadow
    from xgrad.checking.shadow_report import ShadowReport
    from xgrad.errors import UsageError
    from xgrad.running import RunFolder

    limit = config.getoption(f"{_SHADOW}-limit")
    if not limit > 0:
        raise pytest.UsageError(f"xgrad: {_SHADOW}-limit {limit:g}: give seconds, more than 0")
    shadow = Shadow(config.getoption("xgrad_shadow") == "strict", limit)
    if not hasattr(config, "workerinput"):
        try:
            folder = RunFolder(config.getoption(f"{_SHADOW}-to"), resume=False)
        except UsageError as error:
            raise pytest.UsageError(f"xgrad: {error}") from None
        config.pluginmanager.register(ShadowReport(folder), "xgrad-shadow-report")
    config.pluginmanager.register(shadow, "xgrad-shadow")
    shadow.start()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    """A Python file that defines cases, unless pytest takes it for a test file."""
    if not _MARK.search(_read_if_plain(file_path, parent.config)):
        return None
    made: CaseFile = CaseFile.from_parent(parent, path=file_path)
    return made


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> NoTests | None:
    """Nothing for a named file of cases alone: pytest cannot import two modules of one name."""
    text = _read_if_plain(module_path, parent.config)
    if not _MARK.search(text) or _TEST.search(text):
        return None
    made: NoTests = NoTests.from_parent(parent, path=module_path)
    return made


def _read_if_plain(file: Path, config: pytest.Config) -> str:
    """What a Python file holds that is none of pytest's own."""
    named = file.name == "conftest.py" or any(map(file.match, config.getini("python_files")))
    plain = file.suffix == ".py" and not named
    return file.read_text(encoding="utf-8", errors="replace") if plain else ""


class NoTests(pytest.File):
    """A file without tests of pytest's kind."""

    def collect(self) -> list[pytest.Item]:
        """None."""
        return []


class CaseFile(pytest.File):
    """A file of cases; the judge of the last cell is kept for the items that share it."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each cell, operator and method."""
        from xgrad.errors import UsageError
        from xgrad.problem import Broken, cases_of_file
        from xgrad.running import make_plan

        self._judge: tuple[Any, Any] | None = None
        try:
            found = cases_of_file(self.path)
            for each in found:
                if isinstance(each, Broken):
                    raise self.CollectError(str(each))
            plan = make_plan(found, _selection(self.config))
        except UsageError as error:
            raise self.CollectError(f"xgrad: {error}") from None
        for cell in plan.cells:
            yield from self._items(plan.cases[cell.path, cell.case], cell)

    def _items(self, case: Any, cell: Any) -> Iterator[pytest.Item]:
        for operator, method in _asked(case, cell):
            place = [operator.name, str(method), cell.dtype, cell.device]
            place += [p for p in (cell.size, cell.point) if p not in ("small", "random")]
            place += [f"seed{cell.seed}"] if cell.seed else []
            name = f"{case.name}[{'-'.join(place)}]"
            yield CaseItem.from_parent(
                self, name=name, case=case, cell=cell, operator=operator, method=method
            )

    def judges(self, case: Any, cell: Any) -> tuple[Any, Any]:
        """The judges of a cell, plain and of presentations, made once for neighbouring items."""
        from xgrad.judging import PresentedJudge
        from xgrad.problem import Setting
        from xgrad.running import make_judge

        if self._judge is None or self._judge[0] != cell:
            setting = Setting.make(case, cell.size, cell.point, cell.dtype, cell.seed)
            judge = make_judge(setting, cell)
            self._judge = cell, (judge, PresentedJudge(judge))
        return self._judge[1]


def _asked(case: Any, cell: Any) -> Iterator[tuple[Any, Any]]:
    """The operators of a cell with their methods, then the presentations that were named."""
    from xgrad.problem import OPERATORS, Setting
    from xgrad.running import methods_at, operators_at
    from xgrad.techniques import choose_presentations, presentation_of

    shown: list[tuple[Any, Any]] = []
    operators = [OPERATORS[name] for name in cell.operators]
    if not operators or cell.invariances:
        try:
            setting = Setting.make(case, cell.size, cell.point, cell.dtype, cell.seed)
            operators = operators or operators_at(case, setting, ())
            shown = [(presentation_of(m).judged(setting), m)
                     for m in choose_presentations(setting, cell.invariances)]  # fmt: skip
        except Exception:
            operators = operators or [OPERATORS["gradient"]]  # the items tell what is wrong
    for operator in operators:
        yield from ((operator, method) for method in methods_at(case, operator, cell))
    yield from shown


class CaseItem(pytest.Item):
    """One verdict: fails where a method disagrees or went wrong, skips where it does not apply."""

    def __init__(self, *, case: Any, cell: Any, operator: Any, method: Any, **keywords: Any):
        super().__init__(**keywords)
        self.case, self.cell, self.operator, self.method = case, cell, operator, method

    def runtest(self) -> None:
        """Judge."""
        from xgrad.frameworks import as_guest

        with as_guest():
            self._judge()

    def _judge(self) -> None:
        from xgrad.judging import is_failure
        from xgrad.running import describe_failure
        from xgrad.table import KNOWN, make_frame, records
        from xgrad.techniques import INVARIANCE, choose_methods
        from xgrad.telling import failure_text, method_of

        try:
            judge, presented = self.parent.judges(self.case, self.cell)  # type: ignore[union-attr]
        except (Exception, SystemExit) as error:
            raise CaseFailure(describe_failure(self.case, self.cell, error)) from None
        least = _least_digits(self.config)
        made = (
            presented.judge(self.method)
            if self.method.technique == INVARIANCE
            else judge.judge(self.method, self.operator)
        )
        rows = make_frame([made.row])
        row = records(rows)[0]
        if row["status"] in ("unsupported", "unavailable"):
            pytest.skip(f"{method_of(row)}: {row['message']}")
        if row["referee"].startswith("none") and not is_failure(row, least):
            pytest.skip(f"not judged, {row['referee']}")
        if row["message"].startswith(KNOWN):
            pytest.xfail(row["message"])
        if is_failure(row, least):
            methods = [m for m in choose_methods(self.case, None) if m.technique != "differences"]
            others = make_frame(judge.judge(m, self.operator).row for m in methods)
            text = failure_text(row, records(others), self.case.identifier)
            raise CaseFailure(text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The message alone: a traceback through xgrad says nothing about the case."""
        if isinstance(excinfo.value, CaseFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case is defined."""
        return self.path, self.case.function.__code__.co_firstlineno - 1, self.name


class CaseFailure(AssertionError):
    """A derivative that disagrees, or a case that failed; the text is the whole message."""


def _least_digits(config: pytest.Config) -> float:
    """Of the dtype's digits, what an unstable result must have left."""
    from xgrad.errors import UsageError
    from xgrad.judging import LEAST, share_of_digits

    given = config.getoption(_LEAST)
    try:
        return LEAST if given is None else share_of_digits(_LEAST, given)
    except UsageError as error:
        raise pytest.UsageError(f"xgrad: {error}") from None


def _selection(config: pytest.Config) -> Any:
    """What the options of a run of pytest name."""
    from xgrad.problem import find_project
    from xgrad.running import Selection, split_names

    chosen: Any = {name: split_names(config.getoption(f"--xgrad-{name}")) for name in _OPTIONS}
    return Selection.in_project(find_project(config.rootpath), ("float64", "float32"), **chosen)

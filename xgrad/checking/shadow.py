"""Shadow mode: every call of another check in a pytest session is judged by xgrad beside it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from xgrad.checking.checks import failure_in, why_unjudged_in_part
from xgrad.checking.limit import OutOfTime, limited, processor_time
from xgrad.checking.stand_ins import Arrivals, Undo, stand_in
from xgrad.checking.watched import FAILED, Original, homes
from xgrad.errors import UsageError
from xgrad.frameworks import as_guest
from xgrad.judging import AGREES, BOUNDED, CONVENTION, DISAGREES, INCONCLUSIVE, UNSTABLE, is_failure
from xgrad.referee import Budget
from xgrad.techniques import ERROR, UNSUPPORTED

Row = dict[str, Any]
OUT_OF_TIME = "timeout"
RIGHT = {AGREES, BOUNDED, UNSTABLE}


class ShadowFailure(AssertionError):
    """A derivative that a check let pass and xgrad finds wrong, where that fails the test."""


@dataclass
class Shadow:
    """The watch over one process: calls are judged as they are made, and go out with reports."""

    strict: bool
    limit: float

    def __post_init__(self) -> None:
        self._inside = False
        self._test, self._count = "", 0
        self._pending: list[Row] = []
        self._undo: list[Undo] = []
        self._arrivals = Arrivals(homes(self._replace))

    # --- the watch --------------------------------------------------------------------------------

    def start(self) -> None:
        """Watch the checks that are loaded, and those that somebody loads later."""
        self._arrivals.watch()

    def stop(self) -> None:
        """Leave everything as it was."""
        self._arrivals.leave()
        while self._undo:
            self._undo.pop()()

    def _replace(self, original: Original, function: Any) -> None:
        self._undo.append(stand_in(function, lambda inner: self._watched(original, inner)))

    def _watched(self, original: Original, inner: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(inner)

        def called(*args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            if self._inside:
                return inner(*args, **keywords)
            if original.curried:
                return self._curried(original, inner, args, keywords)

            def read() -> Any:
                return original.read(signature, args, keywords)

            return self._beside(original, lambda: inner(*args, **keywords), read)

        return called

    def _curried(self, original: Original, inner: Any, given: Any, options: Any) -> Any:
        """`check(f, …)`, whose result checks f at a point."""
        check, signature = inner(*given, **options), inspect.signature(inner)

        def at(*args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            if self._inside:
                return check(*args, **keywords)

            def read() -> Any:
                return original.read(signature, given, options)(args, keywords)

            return self._beside(original, lambda: check(*args, **keywords), read)

        return at

    def _beside(self, original: Original, check: Callable[[], Any], read: Callable[[], Any]) -> Any:
        """What the check returns or raises, once xgrad has judged the same."""
        __tracebackhide__ = True
        result, error = None, None
        self._inside, started = True, processor_time()
        try:
            result = check()
        except Exception as raised:
            error = raised
        finally:
            self._inside = False
        between = processor_time()
        said = original.said(result, error)
        wrong = self._judge(original, read, said, between - started)
        if error is not None:
            raise error
        if wrong and self.strict and said != FAILED:
            raise ShadowFailure(wrong)
        return result

    def _judge(self, original: Original, read: Callable[[], Any], said: str, seconds: float) -> str:
        """Add the rows of a call; what is wrong, as a text."""
        self._inside, started = True, processor_time()
        self._count += 1
        try:
            rows, wrong = self._rows(read)
        finally:
            self._inside = False
        own = processor_time() - started
        name = self._test or "outside of tests"
        place = {"test": name, "call": self._count, "check": original.known_as}
        place |= {"check_said": said, "xgrad_said": _verdict(rows)}
        place |= {"check_seconds": seconds, "xgrad_seconds": own}
        case = name if self._count == 1 else f"{name} #{self._count}"
        self._pending += [{**row, **place, "case": case} for row in rows]
        return wrong

    def _rows(self, read: Callable[[], Any]) -> tuple[list[Row], str]:
        empty = {"point": "given", "operator": "", "seed": 0, "verdict": ""}
        try:
            with limited(self.limit), warnings.catch_warnings(), as_guest():
                warnings.simplefilter("ignore")
                asked = read()
                rows = asked.rows(budget=Budget(seconds=self.limit))
                found = [r for r in rows if r["status"] != UNSUPPORTED] or rows
                wrong = failure_in(rows) if _verdict(found) == DISAGREES else ""
                return found, wrong
        except OutOfTime:
            limit = f"the limit of {self.limit:g} s of processor time"
            said = f"over {limit}: --xgrad-shadow-limit SECONDS gives more"
            return [{**empty, "status": OUT_OF_TIME, "message": said}], ""
        except UsageError as error:
            return [{**empty, "status": UNSUPPORTED, "message": str(error)}], ""
        except Exception as error:
            said = f"xgrad itself failed: {type(error).__name__}: {error}"
            return [{**empty, "status": ERROR, "message": said}], ""

    # --- with pytest ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Calls belong to the test that runs."""
        self._test, self._count = nodeid, 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """The rows of a phase travel with its report, from other processes too."""
        report: Any = yield
        report.xgrad_shadow, self._pending = self._pending, []
        return report

    def pytest_unconfigure(self) -> None:
        """Leave no trace in a process that goes on."""
        self.stop()


def _verdict(rows: list[Row]) -> str:
    """Of a whole call: the first of these that a row has; right only where all operators are."""
    found = {r["verdict"] or r["status"] for r in rows}
    found |= {DISAGREES for r in rows if r["verdict"] and is_failure(r)}
    if found & RIGHT and why_unjudged_in_part(rows):
        found = found - RIGHT | {INCONCLUSIVE}
    order = (DISAGREES, ERROR, "nonfinite", OUT_OF_TIME, CONVENTION, UNSTABLE, AGREES, BOUNDED,
             INCONCLUSIVE, UNSUPPORTED)  # fmt: skip
    return next((v for v in order if v in found), INCONCLUSIVE)

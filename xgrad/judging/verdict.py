"""Outcome and referee make a verdict: how far a result is from the truth, and how far it may be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from xgrad.errors import digits_told
from xgrad.frameworks import find_framework
from xgrad.judging.comparison import Comparison, describe_slopes
from xgrad.judging.findings import Again, Findings
from xgrad.judging.hints import find_hint
from xgrad.judging.matter import Matter
from xgrad.judging.pieces import Evidence
from xgrad.judging.places import Places
from xgrad.judging.rules import decide
from xgrad.judging.stability import Stability
from xgrad.judging.verdicts import AGREES, CONVENTION, DISAGREES, INCONCLUSIVE, UNSTABLE, is_failure
from xgrad.numbers import EPS, Ball
from xgrad.problem import Case, Operator, Setting
from xgrad.referee import Budget, Fault, ProgramReferee, Truth, blame_text
from xgrad.table import COLUMNS, KNOWN
from xgrad.techniques import (
    ERROR,
    NONFINITE,
    OK,
    Method,
    Outcome,
    Prepared,
    describe_error,
    describe_nonfinite,
    element_name,
)

ALL_ZERO = "the truth is zero everywhere: digits are undefined"
HARDLY = 0.5  # digits of the largest element that are not worth a word
UNTOLD = 3  # elements without a truth that are named


@dataclass
class Judgement:
    """One verdict, with what `explain` shows beside the columns of the table."""

    row: dict[str, Any]
    outcome: Outcome
    truth: Truth
    tolerance: np.ndarray
    error: np.ndarray
    found: Comparison | None = None
    faults: list[Fault] = field(default_factory=list)  # rules of a backward program


class Judge:
    """All verdicts at one setting and device; truths and outcomes are kept."""

    def __init__(
        self,
        setting: Setting,
        device: str,
        limits: Budget | None = None,
        compiled: dict[str, Prepared] | None = None,
        findings: Findings | None = None,
    ):
        """`compiled` keeps, by dtype, what is compiled for other seeds of the same setting."""
        self.setting, self.device = setting, device
        self.findings = findings or Findings(setting, device, limits, compiled)
        self.stability = Stability(self.findings)
        self.places = Places(self.stability)
        self._long: Judge | None = None  # at the same inputs in float32, for 16-bit types
        self._twins: dict[tuple[Method, str], dict[str, Any] | None] = {}
        self.judged: dict[tuple[Method, str], Judgement] = {}

    def outcome(self, method: Method, operator: Operator) -> Outcome:
        """What the method returned; an error where the case itself is at fault."""
        return self.findings.outcome(method, operator)

    def truth(self, operator: Operator, method: Method | None = None) -> Truth:
        """The referee's; for a formula in balls, the definition apart from any formula."""
        return self.findings.truth(operator, method)

    def judge(self, method: Method, operator: Operator) -> Judgement:
        """The verdict on one method, as a row of the agreement table."""
        outcome = self.outcome(method, operator)
        made = self.weigh(method, operator, outcome, lambda f: f.outcome(method, operator))
        _mark_known(made.row, self.setting.case)
        self.judged[method, operator.name] = replace(made, row=dict(made.row))  # rows are told more
        return made

    @np.errstate(all="ignore")  # infinite slopes and results are told as such
    def weigh(
        self,
        method: Method,
        operator: Operator,
        outcome: Outcome,
        again: Again | None = None,
        exact: Ball | None = None,
    ) -> Judgement:
        """The verdict on an outcome as one of a method, whoever computed it.

        `again` computes it at other points and sizes: without, the hint names no number. `exact`
        is the same formula's result in balls, where it is none of the case's.
        """
        row = self._empty_row(method, operator)
        nothing = np.zeros(0)
        truth = Truth("none", "not asked")
        try:
            if outcome.status in (OK, NONFINITE):
                truth = self.truth(operator, method)
        except (Exception, SystemExit) as error:
            outcome = Outcome(ERROR, message=describe_error(error, self.setting))
        row.update(status=outcome.status, message=outcome.message)
        if outcome.status == NONFINITE:
            row["message"] = describe_nonfinite(operator, self.setting, outcome.flat)
        if outcome.status not in (OK, NONFINITE):
            return Judgement(row, outcome, truth, nothing, nothing)
        row["referee"] = truth.label
        row["message"] = _joined(row["message"], self._convention(method, operator))
        if truth.note and truth.kind != "none":
            row["message"] = _joined(row["message"], truth.note)
        refuted = self.findings.refuted_digits(method, operator, exact)
        usual = partial(Findings.outcome, method=method, operator=operator)
        matter = self._matter(method, operator, outcome, truth, refuted, again or usual)
        row["rule"], (row["verdict"], why) = decide(matter)
        row["message"] = _joined(why, row["message"])
        if truth.kind == "none" or (matter.in_balls and truth.kind == "probes"):
            return Judgement(row, outcome, truth, nothing, nothing)
        found = matter.found
        row.update({c.name: c.of(found) for c in COLUMNS if c.of})
        self._tell(row, matter, again)
        endless = outcome.status == NONFINITE and row["verdict"] == DISAGREES
        faults = self.findings.faults(method, operator, endless=endless)
        named = blame_text(faults) or self.findings.unblamed(operator)
        row["message"] = _joined(named, row["message"])
        return Judgement(row, outcome, truth, found.tolerance, found.error, found, faults)

    def _matter(
        self,
        method: Method,
        operator: Operator,
        outcome: Outcome,
        truth: Truth,
        refuted: float | None,
        again: Again,
    ) -> Matter:
        twin, known = partial(self._in_float32, method, operator), (outcome, truth, refuted)
        return Matter(self.setting, self.stability, method, operator, *known, twin, again)

    def _empty_row(self, method: Method, operator: Operator) -> dict[str, Any]:
        place = {name: getattr(self.setting, name) for name in ("size", "point", "dtype", "seed")}
        asked = {"operator": operator.name, "framework": method.framework}
        made = {"technique": method.label, "device": self.device, "verdict": "", "hint": ""}
        return {"case": self.setting.case.name, **place, **asked, **made}

    def _in_float32(self, method: Method, operator: Operator) -> dict[str, Any] | None:
        """The row of the method at the same inputs in float32; None where there is none."""
        key = method, operator.name
        if key not in self._twins:
            if self._long is None:
                long = self.findings.in_dtype("float32")
                self._long = Judge(long.setting, self.device, findings=long)
            row = self._long.judge(method, operator).row
            judged = row["status"] == OK and row["verdict"] not in ("", INCONCLUSIVE)
            self._twins[key] = row if judged else None
        return self._twins[key]

    # --- in words --------------------------------------------------------------------------------

    def _convention(self, method: Method, operator: Operator) -> str:
        """What pairs of reals stand for, where the framework pulls complex numbers back."""
        at = self.setting
        some = at.y_complex or not at.complexes.isdisjoint(at.case.wrt)
        said = find_framework(method.framework).convention
        return f"in pairs (re, im); {said}" if some and said and "x" in operator.layout else ""

    def _tell(self, row: dict[str, Any], matter: Matter, again: Again | None) -> None:
        """The message, and the hint where something is wrong."""
        found, unknown = matter.found, matter.truth.unknown
        if found.kinked.any():
            row["message"] = describe_slopes(found)
        elif not found.top:
            row["message"] = _joined(row["message"], ALL_ZERO)
        if unknown is not None:
            row["message"] = _joined(_untold(unknown, matter), row["message"])
        if row["verdict"] == DISAGREES:
            if found.beyond.any():
                count = f"{found.beyond.sum()} of {found.beyond.size} elements beyond tolerance"
                row["message"] = _joined(count, row["message"])
            if not found.truth.directions and not found.kinked.any():
                there = self.places.elsewhere(matter.operator, again)
                arrays = found.got, found.want, found.tolerance
                row["hint"] = find_hint(Evidence(*arrays, matter.operator, self.setting, there))
            self._tell_twin(row, matter.method, matter.operator)
            self._tell_detached(row)
        if row["verdict"] == UNSTABLE:
            row["hint"] = self._unstable_hint(matter, row["digits"])

    def _unstable_hint(self, matter: Matter, digits: float) -> str:
        found, more = matter.found, matter.found.multiple > matter.most
        stick = "one rounding of inputs and result"
        if matter.method != matter.plain:
            stick = "the error of the plain implementation"
        times = f"{found.multiple:.0f} × {stick}" if more else ""
        if not found.beyond.any():
            return f"right mathematics, within tolerance, but {times}"
        return self._lost(found, digits) + (f": {times}" if more else "")

    def _tell_twin(self, row: dict[str, Any], method: Method, operator: Operator) -> None:
        """What float32 shows of a mistake at the same inputs, better than a short type."""
        twin = self._twins.get((method, operator.name))
        if twin is not None and twin["verdict"] == DISAGREES:
            off = abs(twin["got"] - twin["want"]) / twin["tolerance"] if twin["tolerance"] else 0
            row["hint"] = twin["hint"]
            row["message"] = _joined(
                row["message"],
                f"in float32 at the same inputs {twin['worst']} is off by {off:.1e} × tolerance",
            )

    def _tell_detached(self, row: dict[str, Any]) -> None:
        """What the function itself takes out of its derivative."""
        referee = self.findings.referee
        if isinstance(referee, ProgramReferee):
            row["message"] = _joined(row["message"], referee.detached)

    def _lost(self, found: Comparison, digits: float) -> str:
        if np.isnan(digits):
            return "right mathematics: what is left of terms that cancel"
        whole = -np.log10(EPS[self.setting.dtype])
        lost, size = max(0.0, whole - digits), abs(found.at(found.want))
        if lost < HARDLY and size:
            kept = -np.log10(found.at(found.error) / size)
            return (f"right mathematics, digits lost to rounding in small elements: {found.name} "
                    f"keeps {kept:.1f} of {whole:.1f}")  # fmt: skip
        return (
            f"right mathematics, {digits_told(lost, '.1f' if lost < 1 else '.0f')} lost to rounding"
        )

    def element(self, operator: Operator, truth: Truth, k: int) -> str:
        """The name of a flat element: `means[3,1]`, `y[2]/x[0]`, or the probe that it is."""
        return f"direction {k}" if truth.directions else element_name(operator, self.setting, k)


def _untold(unknown: np.ndarray, matter: Matter) -> str:
    """Which elements have no truth."""
    names = [matter.element(int(k)) for k in np.flatnonzero(unknown.reshape(-1))]
    more = f" and {len(names) - UNTOLD} more" if len(names) > UNTOLD else ""
    return f"no truth at {', '.join(names[:UNTOLD])}{more}: not finite at this point"


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


def _mark_known(row: dict[str, Any], case: Case) -> None:
    """Say that a difference is known; a known difference that is gone is an error."""
    method = f"{row['framework']}.{row['technique']}"
    place = (row["operator"], row["point"], row["dtype"])
    found = next((k for k in case.knowns if k.covers(method, *place)), None)
    if found is None or row["status"] in ("unavailable", "unsupported"):
        return
    if is_failure(row):
        row["message"] = _joined(f"{KNOWN}{found.reason}", row["message"])
    elif row["verdict"] in (AGREES, CONVENTION) and found.must_show:
        row.update(
            status=ERROR,
            verdict="",
            message=f"listed as known and gone: delete {case.name}.known({found.methods!r}, …)",
        )

"""Outcome and referee make a verdict: how far a result is from the truth, and how far it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.judging.comparison import BALL_DIGITS, Comparison, describe_slopes
from xgrad.judging.findings import Findings
from xgrad.judging.hints import Evidence, find_hint
from xgrad.judging.stability import Stability
from xgrad.judging.verdicts import AGREES, CONVENTION, DISAGREES, INCONCLUSIVE, UNSTABLE, is_failure
from xgrad.numbers import EPS, SMALLEST, Ball
from xgrad.problem import Case, Operator, Setting
from xgrad.referee import Budget, Truth
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

NOISE = 4.0  # noise levels in the tolerance
SPACINGS = 32.0  # epsilons of the result in the tolerance
SHORT_SPACINGS = 2.0  # of 16-bit types, where 32 would be a quarter of the result
COARSEST = 1e-4  # epsilon beyond which a type is short
WEAKER_NOISE = 8.0  # of the median movement, where no certified formula gives the noise
ALL_ZERO = "the truth is zero everywhere: digits are undefined"
IN_FLOATS = (
    "the truth is known along directions or in floats only, and nothing is left for balls to add"
)
MOVED = 4.0  # own movements within which a result has but lost digits
SPREAD = 4.0  # times the difference of errors that rounding may explain
MULTIPLE = 3.0  # of the plain error that a right implementation may have in a short type
MOST = 0.9  # of the elements beyond tolerance, where a type is so short that many are
MULTIPLE_ALONE = 8.0  # of one rounding of inputs and result, without a plain implementation


@dataclass
class Judgement:
    """One verdict, with what `explain` shows beside the columns of the table."""

    row: dict[str, Any]
    outcome: Outcome
    truth: Truth
    tolerance: np.ndarray
    error: np.ndarray
    found: Comparison | None = None


class Judge:
    """All verdicts at one setting and device; truths and outcomes are kept."""

    def __init__(
        self,
        setting: Setting,
        device: str,
        limits: Budget | None = None,
        prepared: Prepared | None = None,
        findings: Findings | None = None,
    ):
        """`prepared` keeps what is compiled for other seeds of the same setting."""
        self.setting, self.device = setting, device
        self.findings = findings or Findings(setting, device, limits, prepared)
        self.stability = Stability(self.findings)
        self._long: Judge | None = None  # at the same inputs in float32, for 16-bit types
        self._twins: dict[tuple[Method, str], dict[str, Any] | None] = {}

    def outcome(self, method: Method, operator: Operator) -> Outcome:
        """What the method returned; an error where the case itself is at fault."""
        return self.findings.outcome(method, operator)

    def truth(self, operator: Operator, method: Method | None = None) -> Truth:
        """The referee's; for a formula in balls, the definition apart from any formula."""
        return self.findings.truth(operator, method)

    def judge(self, method: Method, operator: Operator) -> Judgement:
        """The verdict on one method, as a row of the agreement table."""
        made = self.weigh(method, operator, self.outcome(method, operator))
        _mark_known(made.row, self.setting.case)
        return made

    @np.errstate(all="ignore")  # infinite slopes and results are told as such
    def weigh(self, method: Method, operator: Operator, outcome: Outcome) -> Judgement:
        """The verdict on an outcome as one of a method, whoever computed it."""
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
        if truth.note and truth.kind != "none":
            row["message"] = _joined(row["message"], truth.note)
        if isinstance(outcome.flat, Ball) and truth.kind == "probes":
            row.update(verdict=INCONCLUSIVE, message=IN_FLOATS)
            return Judgement(row, outcome, truth, nothing, nothing)
        if truth.kind == "none":
            row["verdict"] = "" if outcome.status == NONFINITE else INCONCLUSIVE
            return Judgement(row, outcome, truth, nothing, nothing)
        margins = self._tolerance(operator, truth, method)
        found = Comparison.make(truth, outcome, *margins, self.setting.dtype)
        found.element = lambda k: self.element(operator, truth, k)
        if outcome.bound is None:
            found.multiple = self._multiple(method, operator, found)
        row.update({c.name: c.of(found) for c in COLUMNS if c.of})
        row["verdict"] = self._verdict(method, operator, outcome, found)
        self._tell(row, method, operator, found)
        return Judgement(row, outcome, truth, found.tolerance, found.error, found)

    def _empty_row(self, method: Method, operator: Operator) -> dict[str, Any]:
        place = {name: getattr(self.setting, name) for name in ("size", "point", "dtype", "seed")}
        asked = {"operator": operator.name, "framework": method.framework}
        made = {"technique": method.label, "device": self.device, "verdict": "", "hint": ""}
        return {"case": self.setting.case.name, **place, **asked, **made}

    # --- how far a right result may be -----------------------------------------------------------

    def _tolerance(
        self, operator: Operator, truth: Truth, method: Method
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tolerance and noise of each element."""
        size = np.abs(truth.high)
        if method.framework == "ball":
            floor = np.max(size, initial=0.0) or 1.0
            return np.full(size.shape, floor * 10.0**-BALL_DIGITS), np.zeros(size.shape)
        eps = EPS[self.setting.dtype]
        if truth.directions:  # products with probes: the terms decide, not their sum
            size = np.maximum(size, np.max(size, initial=0.0))
        spacings = SHORT_SPACINGS if eps > COARSEST else SPACINGS
        rounding = spacings * eps * size + SMALLEST[self.setting.dtype]
        if truth.bound is not None:
            rounding = rounding + truth.bound
        if truth.noise is not None:
            return NOISE * truth.noise + rounding, truth.noise
        own = None
        if self.setting.case.framework and not truth.directions:
            own = self.stability.rounding(Method(method.framework, "reverse"), operator)
        if own is not None:
            return NOISE * own + rounding, own
        noise = self.stability.typical_movement(operator, truth)
        return WEAKER_NOISE * noise + rounding, noise

    # --- how far this one is -------------------------------------------------------------------

    def _verdict(
        self, method: Method, operator: Operator, outcome: Outcome, found: Comparison
    ) -> str:
        beyond = found.beyond
        if beyond.any() and outcome.status == NONFINITE:
            return DISAGREES
        if beyond.any() and outcome.bound is not None:
            bound = np.abs(found.truth.seen(outcome.bound))
            within = found.error <= np.maximum(bound, found.tolerance)
            return INCONCLUSIVE if np.all(within | ~beyond) else DISAGREES
        if self._has_long_twin(method, outcome):
            twin = self._in_float32(method, operator)
            if twin is not None and twin["verdict"] == DISAGREES:
                return DISAGREES  # a mistake that the short type hides is one
            if twin is not None and (beyond.any() or found.multiple > self._most(method)):
                right = self.stability.shrinks(method, operator)
                return UNSTABLE if right or self._random(method, operator, found) else DISAGREES
        if not beyond.any():
            return CONVENTION if found.kinked.any() else AGREES
        short = EPS[self.setting.dtype] > COARSEST
        if not self._random(method, operator, found, MOST if short else 1.0):
            return DISAGREES
        same = self.stability.same_in_fewer_digits(method, operator, found.relative)
        return DISAGREES if same else UNSTABLE

    def _random(
        self, method: Method, operator: Operator, found: Comparison, share: float = 1.0
    ) -> bool:
        """Whether a share of errors beyond tolerance may be rounding, as nearby points show it."""
        if method.framework == "ball" or found.truth.refuted:
            return False
        rounding = self.stability.spread(method, operator)
        if rounding is not None:
            rounding = SPREAD * rounding
        else:
            movement = self.stability.movement(method, operator)
            if movement is None:
                return False
            rounding = MOVED * np.abs(found.truth.seen(movement))
        asked = found.beyond if found.beyond.any() else np.ones_like(found.beyond)
        explained = np.mean((found.error <= rounding)[asked])
        return bool(explained >= share)

    def _has_long_twin(self, method: Method, outcome: Outcome) -> bool:
        """Whether the same mathematics can be run in float32, where mistakes cannot hide."""
        if EPS[self.setting.dtype] <= COARSEST or outcome.bound is not None:
            return False
        return outcome.status == OK and method.framework != "ball"

    def _in_float32(self, method: Method, operator: Operator) -> dict[str, Any] | None:
        """The row of the method at the same inputs in float32; None where there is none."""
        key = method, operator.name
        if key not in self._twins:
            if self._long is None:
                long = self.findings.in_dtype("float32")
                self._long = Judge(long.setting, self.device, findings=long)
            made = self._long.judge(method, operator)
            judged = made.outcome.status == OK and made.row["verdict"] not in ("", INCONCLUSIVE)
            if judged and made.row["verdict"] == DISAGREES and made.found is not None:
                judged = not self._long._random(method, operator, made.found, MOST)
            self._twins[key] = made.row if judged else None
        return self._twins[key]

    def _most(self, method: Method) -> float:
        """How many times the error of the plain implementation a right one may have."""
        return MULTIPLE_ALONE if method == Method(method.framework, "reverse") else MULTIPLE

    def _multiple(self, method: Method, operator: Operator, found: Comparison) -> float:
        """The error as a multiple of the plain implementation's, where that is to be asked."""
        case, plain = self.setting.case, Method(method.framework, "reverse")
        short = EPS[self.setting.dtype] > COARSEST
        offered = any(method.variant == i.name for i in case.implementations)
        if not (short or offered) or found.truth.directions or found.in_balls:
            return float("nan")
        if method == plain and not (case.framework and short):
            return float("nan")
        unit = found.noise + EPS[self.setting.dtype] * np.abs(found.want)
        return self.stability.multiple(method, operator, unit + SMALLEST[self.setting.dtype])

    def _tell(
        self, row: dict[str, Any], method: Method, operator: Operator, found: Comparison
    ) -> None:
        """The message, and the hint where something is wrong."""
        if found.kinked.any():
            row["message"] = describe_slopes(found)
        elif not found.top:
            row["message"] = _joined(row["message"], ALL_ZERO)
        if row["verdict"] == DISAGREES:
            count = f"{found.beyond.sum()} of {found.beyond.size} elements beyond tolerance"
            row["message"] = _joined(count, row["message"])
            if not found.truth.directions and not found.kinked.any():
                evidence = found.got, found.want, found.tolerance, operator, self.setting
                row["hint"] = find_hint(Evidence(*evidence))
            self._tell_twin(row, method, operator)
        if row["verdict"] == UNSTABLE:
            row["hint"] = self._unstable_hint(method, row["digits"], found)

    def _unstable_hint(self, method: Method, digits: float, found: Comparison) -> str:
        more = found.multiple > self._most(method)
        times = f"{found.multiple:.0f} × {self._stick(method)}" if more else ""
        if not found.beyond.any():
            return f"right mathematics, within tolerance, but {times}"
        return self._lost(digits) + (f": {times}" if more else "")

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

    def _stick(self, method: Method) -> str:
        if method == Method(method.framework, "reverse"):
            return "one rounding of inputs and result"
        return "the error of the plain implementation"

    def _lost(self, digits: float) -> str:
        if np.isnan(digits):
            return "right mathematics: what is left of terms that cancel"
        lost = max(0.0, -np.log10(EPS[self.setting.dtype]) - digits)
        return f"right mathematics, {lost:{'.1f' if lost < 1 else '.0f'}} digits lost to rounding"

    def element(self, operator: Operator, truth: Truth, k: int) -> str:
        """The name of a flat element: `means[3,1]`, `y[2]/x[0]`, or the probe that it is."""
        return f"probe {k}" if truth.directions else element_name(operator, self.setting, k)


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
    elif row["verdict"] in (AGREES, CONVENTION):
        row.update(
            status=ERROR,
            verdict="",
            message=f"listed as known and gone: delete {case.name}.known({found.methods!r}, …)",
        )

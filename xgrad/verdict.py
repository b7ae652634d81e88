"""Outcome and referee make a verdict: how far a result is from the truth, and how far it may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from xgrad.comparison import BALL_DIGITS, Comparison, describe_slopes
from xgrad.definition import DIGITS_OF_ZERO
from xgrad.evaluation import (
    ERROR,
    NONFINITE,
    OK,
    Outcome,
    Prepared,
    describe_error,
    describe_nonfinite,
    element_name,
    evaluate,
    find_fault,
)
from xgrad.frameworks.ball import Ball
from xgrad.hints import Evidence, find_hint
from xgrad.operators import Operator
from xgrad.problem import Case, generator
from xgrad.referee import Budget, Referee
from xgrad.setting import EPS, SMALLEST, Setting, rounded, spacing
from xgrad.table import KNOWN, is_failure
from xgrad.techniques import Method, choose_methods
from xgrad.truth import Truth
from xgrad.weaker import DifferencesReferee

AGREES, DISAGREES, UNSTABLE = "agrees", "disagrees", "unstable"
INCONCLUSIVE, CONVENTION = "inconclusive", "convention"

NOISE = 4.0  # noise levels in the tolerance
SPACINGS = 32.0  # epsilons of the result in the tolerance
SHORT_SPACINGS = 8.0  # of 16-bit types, where 32 would be a quarter of the result
COARSEST = 1e-4  # epsilon beyond which a type is short
WEAKER_NOISE = 8.0  # of the median movement, where no certified formula gives the noise
ALL_ZERO = "the truth is zero everywhere: digits are undefined"
MOVED = 4.0  # own movements within which a result has but lost digits
MOVES = 4  # one-ulp perturbations that show a method's movement
PAIRS = 5  # of points around, where rounding errors differ and mistakes hardly
DISTANCE = 2.0**-8  # of those points, relative to the inputs
SPREAD = 4.0  # times the difference of errors that rounding may explain
COARSE = {"float64": "float32", "float32": "bfloat16"}
GAIN = 10.0  # by which a dtype must be more accurate than the coarse one, or is not used inside


@dataclass
class Judgement:
    """One verdict, with what `explain` shows beside the columns of the table."""

    row: dict[str, Any]
    outcome: Outcome
    truth: Truth
    tolerance: np.ndarray
    error: np.ndarray


class Judge:
    """All verdicts at one setting and device; truths and outcomes are kept."""

    def __init__(
        self,
        setting: Setting,
        device: str,
        limits: Budget | None = None,
        prepared: Prepared | None = None,
    ):
        """`prepared` keeps what is compiled for other seeds of the same setting."""
        self.setting = setting
        self.device = device
        self.limits = limits or Budget()
        own = setting.case.framework
        self.referee: Referee | DifferencesReferee = (
            DifferencesReferee(setting, own, device) if own else Referee(setting, self.limits)
        )
        self._prepared: Prepared = {} if prepared is None else prepared
        self._outcomes: dict[tuple[Method, str], Outcome] = {}
        self._movements: dict[tuple[Method, str], np.ndarray | None] = {}

    def outcome(self, method: Method, operator: Operator) -> Outcome:
        """What the method returned; an error where the case itself is at fault."""
        key = method, operator.name
        if key not in self._outcomes:
            self._outcomes[key] = (
                Outcome(ERROR, message=self.fault)
                if self.fault
                else evaluate(method, operator, self.setting, self.device, self._prepared)
            )
        return self._outcomes[key]

    def truth(self, operator: Operator, method: Method | None = None) -> Truth:
        """The referee's; for a formula in balls, the definition apart from any formula."""
        independent = method is not None and str(method).startswith("ball.formula")
        return self.referee.truth(operator, independent=independent)

    def judge(self, method: Method, operator: Operator) -> Judgement:
        """The verdict on one method, as a row of the agreement table."""
        made = self.weigh(method, operator, self.outcome(method, operator))
        _mark_known(made.row, self.setting.case)
        return made

    def weigh(self, method: Method, operator: Operator, outcome: Outcome) -> Judgement:
        """The verdict on an outcome as one of a method, whoever computed it."""
        with np.errstate(all="ignore"):  # infinite slopes and results are told as such
            return self._weighed(method, operator, outcome)

    def _weighed(self, method: Method, operator: Operator, outcome: Outcome) -> Judgement:
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
        if truth.kind == "none":
            row["verdict"] = "" if outcome.status == NONFINITE else INCONCLUSIVE
            return Judgement(row, outcome, truth, nothing, nothing)
        found = Comparison.make(truth, outcome, *self._tolerance(operator, truth, method))
        self._fill(row, operator, found)
        row["verdict"] = self._verdict(method, operator, outcome, found)
        self._tell(row, operator, found)
        return Judgement(row, outcome, truth, found.tolerance, found.error)

    @cached_property
    def fault(self) -> str:
        """What is wrong with the case itself at this point, or nothing."""
        return find_fault(self.setting)

    def _empty_row(self, method: Method, operator: Operator) -> dict[str, Any]:
        s = self.setting
        return {
            "case": s.case.name,
            "size": s.size,
            "point": s.point,
            "operator": operator.name,
            "framework": method.framework,
            "technique": method.label,
            "device": self.device,
            "dtype": s.dtype,
            "seed": s.seed,
            "verdict": "",
            "hint": "",
        }

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
        noise = self._typical_movement(operator, truth)
        return WEAKER_NOISE * noise + rounding, noise

    def _typical_movement(self, operator: Operator, truth: Truth) -> np.ndarray:
        """The median over the usual methods of their movement under one-ulp perturbations."""
        moved = []
        for method in choose_methods(self.setting.case, None):
            if method.technique == "differences" or method.framework == "ball":
                continue
            movement = self.movement(method, operator)
            if movement is not None and np.all(np.isfinite(movement)):
                moved.append(truth.seen(movement) if truth.directions else movement)
        if not moved:
            return np.zeros(truth.high.shape)
        return np.abs(np.median(moved, axis=0)).reshape(truth.high.shape)

    def movement(self, method: Method, operator: Operator) -> np.ndarray | None:
        """How far a result moves when every float input moves by one spacing; None if it fails."""
        key = method, operator.name
        if key not in self._movements:
            self._movements[key] = self._moved(method, operator)
        return self._movements[key]

    def _moved(self, method: Method, operator: Operator) -> np.ndarray | None:
        here = self.outcome(method, operator)
        if here.status != OK or isinstance(here.flat, Ball):
            return None
        rng = generator(self.setting.seed, self.setting.case.name, "moves")
        largest = np.zeros(here.flat.shape)
        for _ in range(MOVES):
            inputs = {
                k: a if not _is_float(a) else a + rng.choice([-1, 1], a.shape) * self._spacings(a)
                for k, a in self.setting.inputs.items()
            }
            there = evaluate(
                method, operator, self.setting.moved(inputs), self.device, self._prepared
            )
            if there.status != OK:
                return None
            largest = np.maximum(largest, np.abs(there.flat - here.flat))
        return largest

    def _spacings(self, array: np.ndarray) -> np.ndarray:
        """The distance to the next number that the dtype holds, none from zero."""
        size = np.abs(array)
        with np.errstate(divide="ignore"):
            step = 2.0 ** np.floor(np.log2(size)) * EPS[self.setting.dtype]
        return np.where(size > 0, step, 0.0)

    def spread(self, method: Method, operator: Operator) -> np.ndarray | None:
        """How far the error is from its mean at two points around; None where that is unknown.

        Rounding errors at neighbouring points are unrelated; those of a wrong derivative lie on a
        smooth curve, however the derivative itself moves.
        """
        here = self._signed_error(method, operator)
        if here is None:
            return None
        found = []
        for pair in self.nearby:
            ahead, behind = (judge._signed_error(method, operator) for judge in pair)
            if ahead is not None and behind is not None:
                found.append(np.abs((ahead + behind) / 2 - here))
        return np.max(found, axis=0) if len(found) > 1 else None

    def _signed_error(self, method: Method, operator: Operator) -> np.ndarray | None:
        """got − truth, where the truth is known element by element."""
        outcome = self.outcome(method, operator)
        if outcome.status != OK or isinstance(outcome.flat, Ball):
            return None
        truth = self.truth(operator)
        if truth.kind not in ("certified", "definition"):
            return None
        return np.asarray((outcome.flat - truth.high) - truth.low)

    @cached_property
    def nearby(self) -> list[tuple[Judge, Judge]]:
        """Judges at points a little off on either side, which share what is compiled."""
        rng = generator(self.setting.seed, self.setting.case.name, "nearby")
        return [self._pair(self.setting.draw_direction(rng)) for _ in range(PAIRS)]

    def _pair(self, direction: tuple[np.ndarray, ...]) -> tuple[Judge, Judge]:
        setting, limits = self.setting, self.limits
        less = replace(limits, seconds=limits.seconds / (2 * PAIRS))
        step = max(DISTANCE, 2 * EPS[setting.dtype])
        made = []
        for side in (step, -step):
            inputs = dict(setting.inputs)
            for name, x, d in zip(setting.case.wrt, setting.x, direction, strict=True):
                free = d if setting.case.legal else np.where(x == 0, 0.0, d)
                inputs[name] = rounded(x + side * free, setting.dtype)
            made.append(Judge(setting.moved(inputs), self.device, less, self._prepared))
        return made[0], made[1]

    @cached_property
    def coarse(self) -> Judge | None:
        """A judge at the same point in a shorter dtype."""
        s = self.setting
        if s.dtype not in COARSE:
            return None
        at = Setting.make(s.case, s.size, s.point, COARSE[s.dtype], s.seed)
        return Judge(at, self.device, self.limits)

    # --- how far this one is -------------------------------------------------------------------

    def _verdict(
        self, method: Method, operator: Operator, outcome: Outcome, found: Comparison
    ) -> str:
        beyond = found.beyond
        if not beyond.any():
            return CONVENTION if found.kinked.any() else AGREES
        if outcome.status == NONFINITE:
            return DISAGREES
        if outcome.bound is not None:
            bound = np.abs(found.truth.seen(outcome.bound))
            within = found.error <= np.maximum(bound, found.tolerance)
            return INCONCLUSIVE if np.all(within | ~beyond) else DISAGREES
        rounding = self._explained_by_rounding(method, operator, found.truth)
        if rounding is None or np.any(beyond & (found.error > rounding)):
            return DISAGREES
        return DISAGREES if self._same_in_fewer_digits(method, operator, found) else UNSTABLE

    def _explained_by_rounding(
        self, method: Method, operator: Operator, truth: Truth
    ) -> np.ndarray | None:
        """How much of a method's error may come from rounding, element by element."""
        if method.framework == "ball":
            return None
        spread = self.spread(method, operator)
        if spread is not None:
            return SPREAD * spread
        movement = self.movement(method, operator)
        return None if movement is None else MOVED * np.abs(truth.seen(movement))

    def _same_in_fewer_digits(self, method: Method, operator: Operator, found: Comparison) -> bool:
        """Whether a shorter dtype is nearly as accurate: then the longer one is not used inside."""
        coarse = self.coarse
        error = coarse._signed_error(method, operator) if coarse else None
        if coarse is None or error is None or not found.relative > 0:
            return False
        top = np.max(np.abs(coarse.truth(operator).high), initial=0.0)
        return bool(np.max(np.abs(error)) < GAIN * found.relative * top)

    def _fill(self, row: dict[str, Any], operator: Operator, found: Comparison) -> None:
        """The numbers of the row: the largest error, and the element furthest beyond tolerance."""
        k, size = found.worst, found.error.size
        flat = [a.reshape(-1) for a in (found.got, found.want, found.tolerance, found.noise)]
        got, want, tolerance, noise = (float(a[k]) if size else np.nan for a in flat)
        cap = DIGITS_OF_ZERO if found.in_balls else -np.log10(EPS[self.setting.dtype])
        with np.errstate(divide="ignore"):
            digits = float(np.clip(-np.log10(found.relative), 0.0, cap)) + 0.0
        row.update(
            error=found.largest,
            relative_error=found.relative,
            ulps=found.largest / spacing(found.top, self.setting.dtype) if found.top else np.nan,
            digits=digits,
            worst=self.element(operator, found.truth, k) if size else "",
            got=got,
            want=want,
            tolerance=tolerance,
            noise=noise,
        )

    def _tell(self, row: dict[str, Any], operator: Operator, found: Comparison) -> None:
        """The message, and the hint where something is wrong."""
        if found.kinked.any():
            row["message"] = describe_slopes(
                found, lambda k: self.element(operator, found.truth, k)
            )
        elif not found.top:
            row["message"] = _joined(row["message"], ALL_ZERO)
        if row["verdict"] == DISAGREES:
            count = f"{found.beyond.sum()} of {found.beyond.size} elements beyond tolerance"
            row["message"] = _joined(count, row["message"])
            if not found.truth.directions and not found.kinked.any():
                evidence = found.got, found.want, found.tolerance, operator, self.setting
                row["hint"] = find_hint(Evidence(*evidence))
        if row["verdict"] == UNSTABLE:
            row["hint"] = self._lost(row["digits"])

    def _lost(self, digits: float) -> str:
        if np.isnan(digits):
            return "right mathematics: what is left of terms that cancel"
        lost = max(0.0, -np.log10(EPS[self.setting.dtype]) - digits)
        return f"right mathematics, {lost:.0f} digits lost to rounding"

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


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"

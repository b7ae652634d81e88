"""Outcome and referee make a verdict: how far a result is from the truth, and how far it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.definition import DIGITS_OF_ZERO
from xgrad.errors import NotElementwise
from xgrad.evaluation import ERROR, NONFINITE, OK, Outcome, Prepared, describe_error, evaluate
from xgrad.frameworks.ball import Ball, midpoint
from xgrad.hints import Evidence, find_hint
from xgrad.operators import OPERATORS, Operator
from xgrad.problem import generator
from xgrad.referee import Budget, Referee, Truth
from xgrad.setting import EPS, Setting, spacing
from xgrad.techniques import Method, choose_methods

AGREES, DISAGREES, UNSTABLE = "agrees", "disagrees", "unstable"
INCONCLUSIVE, CONVENTION = "inconclusive", "convention"

NOISE = 4.0  # noise levels in the tolerance
SPACINGS = 32.0  # epsilons of the result in the tolerance
WEAKER_NOISE = 8.0  # of the median movement, where no certified formula gives the noise
ALL_ZERO = "the truth is zero everywhere: digits are undefined"
MOVES = 4  # one-ulp perturbations that show a method's movement
BALL_DIGITS = 40.0


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
        referee: Referee | None = None,
    ):
        self.setting = setting
        self.device = device
        self.referee = referee or Referee(setting, limits)
        self._prepared: Prepared = {}
        self._outcomes: dict[tuple[Method, str], Outcome] = {}
        self._movements: dict[tuple[Method, str], np.ndarray | None] = {}

    def outcome(self, method: Method, operator: Operator) -> Outcome:
        """What the method returned."""
        key = method, operator.name
        if key not in self._outcomes:
            self._outcomes[key] = evaluate(
                method, operator, self.setting, self.device, self._prepared
            )
        return self._outcomes[key]

    def truth(self, operator: Operator, method: Method | None = None) -> Truth:
        """The referee's; for a formula in balls, the definition apart from any formula."""
        independent = method is not None and str(method).startswith("ball.formula")
        return self.referee.truth(operator, independent=independent)

    def judge(self, method: Method, operator: Operator) -> Judgement:
        """The verdict on one method, as a row of the agreement table."""
        row = self._empty_row(method, operator)
        nothing = np.zeros(0)
        truth = Truth("none", "not asked")
        try:
            operator.require(self.setting.x_shapes, self.setting.y_shape)
            outcome = self.outcome(method, operator)
            if outcome.status in (OK, NONFINITE):
                truth = self.truth(operator, method)
        except NotElementwise as error:
            outcome = Outcome(ERROR, message=str(error))
        except Exception as error:
            outcome = Outcome(ERROR, message=describe_error(error, self.setting))
        row.update(status=outcome.status, message=outcome.message)
        if outcome.status not in (OK, NONFINITE):
            return Judgement(row, outcome, truth, nothing, nothing)
        row["referee"] = truth.label
        if truth.note and truth.kind != "none":
            row["message"] = "; ".join(filter(None, (outcome.message, truth.note)))
        if truth.kind == "none":
            row["verdict"] = "" if outcome.status == NONFINITE else INCONCLUSIVE
            return Judgement(row, outcome, truth, nothing, nothing)
        tolerance, noise = self._tolerance(operator, truth, method)
        return self._compare(method, operator, outcome, truth, tolerance, noise, row)

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
        if truth.noise is not None:
            return NOISE * truth.noise + SPACINGS * eps * size, truth.noise
        noise = self._typical_movement(operator, truth)
        return WEAKER_NOISE * noise + SPACINGS * eps * size, noise

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

    # --- how far this one is -------------------------------------------------------------------

    def _compare(
        self,
        method: Method,
        operator: Operator,
        outcome: Outcome,
        truth: Truth,
        tolerance: np.ndarray,
        noise: np.ndarray,
        row: dict[str, Any],
    ) -> Judgement:
        got = truth.seen(outcome.flat)
        error = truth.error(got)
        kinked = np.zeros(error.shape, dtype=bool)
        if truth.left is not None and truth.right is not None:
            kinked = ~np.isclose(truth.left, truth.right, rtol=1e-6, atol=0.0)
        with np.errstate(all="ignore"):
            excess = np.where(tolerance > 0, error / tolerance, np.where(error > 0, np.inf, 0.0))
            excess = np.where(np.isnan(error), np.inf, excess)
        self._fill(row, operator, outcome, truth, got, error, excess, tolerance, noise)
        beyond = (excess > 1) & ~kinked
        row["verdict"] = self._verdict(method, operator, outcome, error, tolerance, beyond, kinked)
        if row["verdict"] == CONVENTION:
            row["message"] = _slopes(truth, kinked, self, operator, got)
        if row["verdict"] == DISAGREES:
            count = f"{int(beyond.sum())} of {beyond.size} elements beyond tolerance"
            row["message"] = "; ".join(filter(None, (count, row["message"])))
            if not truth.directions:
                values = midpoint(got) if isinstance(got, Ball) else got
                evidence = Evidence(values, truth.high, tolerance, operator, self.setting)
                row["hint"] = find_hint(evidence)
        if row["verdict"] == UNSTABLE:
            row["hint"] = self._lost_digits(row)
        return Judgement(row, outcome, truth, tolerance, error)

    def _verdict(
        self,
        method: Method,
        operator: Operator,
        outcome: Outcome,
        error: np.ndarray,
        tolerance: np.ndarray,
        beyond: np.ndarray,
        kinked: np.ndarray,
    ) -> str:
        if not beyond.any():
            return CONVENTION if kinked.any() else AGREES
        if outcome.status == NONFINITE:
            return DISAGREES
        if outcome.bound is not None:
            bound = np.abs(self.truth(operator).seen(outcome.bound))
            within = error <= np.maximum(bound, tolerance)
            return INCONCLUSIVE if np.all(within | ~beyond) else DISAGREES
        movement = None if method.framework == "ball" else self.movement(method, operator)
        if movement is not None:
            moved = np.abs(self.truth(operator).seen(movement))
            if np.all((error <= WEAKER_NOISE * moved + tolerance) | ~beyond):
                return UNSTABLE
        return DISAGREES

    def _fill(
        self,
        row: dict[str, Any],
        operator: Operator,
        outcome: Outcome,
        truth: Truth,
        got: Any,
        error: np.ndarray,
        excess: np.ndarray,
        tolerance: np.ndarray,
        noise: np.ndarray,
    ) -> None:
        """The numbers of the row: the largest error, and the element furthest beyond tolerance."""
        in_balls = isinstance(got, Ball)
        values = midpoint(got) if in_balls else got
        top = float(np.max(np.abs(truth.high), initial=0.0))
        largest = float(np.max(np.where(np.isnan(error), np.inf, error), initial=0.0))
        relative = largest / top if top else np.nan
        cap = DIGITS_OF_ZERO if in_balls else -np.log10(EPS[self.setting.dtype])
        with np.errstate(divide="ignore"):
            digits = float(np.clip(-np.log10(relative), 0.0, cap)) + 0.0
        if not top:
            row["message"] = "; ".join(filter(None, (row["message"], ALL_ZERO)))
        k = int(np.argmax(excess)) if excess.size else 0
        flat = [np.asarray(a).reshape(-1) for a in (values, truth.high, tolerance, noise)]
        row.update(
            error=largest,
            relative_error=relative,
            ulps=largest / spacing(top, self.setting.dtype),
            digits=digits,
            worst=self.element(operator, truth, k) if excess.size else "",
            got=float(flat[0][k]) if excess.size else np.nan,
            want=float(flat[1][k]) if excess.size else np.nan,
            tolerance=float(flat[2][k]) if excess.size else np.nan,
            noise=float(flat[3][k]) if excess.size else np.nan,
        )

    def element(self, operator: Operator, truth: Truth, k: int) -> str:
        """The name of a flat element: `means[3,1]`, `y[2]/x[0]`, or the probe that it is."""
        if truth.directions:
            return f"probe {k}"
        return element_name(operator, self.setting, k)

    def _lost_digits(self, row: dict[str, Any]) -> str:
        cap = -np.log10(EPS[self.setting.dtype])
        return f"right mathematics, {max(0.0, cap - row['digits']):.0f} digits lost to rounding"


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def element_name(operator: Operator, setting: Setting, k: int) -> str:
    """The name of a flat element of an operator's result."""
    names: list[str] = []
    for axis in reversed(operator.layout):
        size = setting.x_size if axis == "x" else int(np.prod(setting.y_shape, dtype=np.int64))
        k, index = divmod(k, size)
        names.insert(
            0, _x_name(setting, index) if axis == "x" else _indexed("y", setting.y_shape, index)
        )
    return "/".join(names) or operator.name


def _x_name(setting: Setting, index: int) -> str:
    for name, shape in zip(setting.case.wrt, setting.x_shapes, strict=True):
        size = int(np.prod(shape, dtype=np.int64))
        if index < size:
            return _indexed(name, shape, index)
        index -= size
    return ""


def _indexed(name: str, shape: tuple[int, ...], index: int) -> str:
    if not shape:
        return name
    return f"{name}[{','.join(str(i) for i in np.unravel_index(index, shape))}]"


def _slopes(truth: Truth, kinked: np.ndarray, judge: Judge, operator: Operator, got: Any) -> str:
    """The set of slopes at the first kinks, and what was returned."""
    assert truth.left is not None
    assert truth.right is not None
    left, right = truth.left.reshape(-1), truth.right.reshape(-1)
    values = midpoint(got) if isinstance(got, Ball) else got
    shown = []
    for k in np.flatnonzero(kinked.reshape(-1))[:3]:
        low, high = sorted((float(left[k]), float(right[k])))
        value = float(np.asarray(values).reshape(-1)[k])
        place = "" if low <= value <= high else ", outside"
        name = judge.element(operator, truth, int(k))
        shown.append(f"kink at {name}: slopes {low:g} and {high:g}, returned {value:g}{place}")
    more = int(kinked.sum()) - len(shown)
    return "; ".join(shown) + (f"; {more} more" if more > 0 else "")


__all__ = ["OPERATORS", "Judge", "Judgement", "element_name"]

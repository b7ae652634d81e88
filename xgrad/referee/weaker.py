"""The referee where no ball version can exist: differences in float64 with their own bound."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.numbers import EPS
from xgrad.problem import OPERATORS, Operator, Setting, parted
from xgrad.referee.kinks import at_kinks
from xgrad.referee.truth import Truth, contracted
from xgrad.techniques import (
    NONFINITE,
    OK,
    Method,
    Outcome,
    Prepared,
    describe_error,
    element_name,
    evaluate,
    failed,
)

DIRECTIONS = 2  # random ones along which reverse mode is confirmed
TRIES = 6  # directions that are tried for them
CLOSE = 1e-8  # of the largest slope: a bound that needs no better direction
CONFIRMED = 1e-4  # of the largest element: a wider bound confirms nothing
SLACK = 32.0  # epsilons of the terms by which a product may be off
WIDE = "float64"
FIRST_ORDER = ("gradient", "jacobian", "vjp", "jvp")  # whose slopes on either side can be told


class DifferencesReferee:
    """Truths of a function that exists in one framework only: weaker evidence, and said so.

    Below float64, reverse mode in float64 once differences along random directions confirm it. In
    float64, where that would be the judged result itself, and where it is not confirmed:
    extrapolated differences along every coordinate, and where those are too many, along the random
    directions. Their bound is part of the tolerance.
    """

    def __init__(
        self,
        setting: Setting,
        framework: str,
        device: str,
        compiled: dict[str, Prepared] | None = None,
    ):
        """`compiled` keeps, by dtype, what settings share that differ in their values only."""
        self.setting = setting
        self.framework = framework
        self.device = device
        self.compiled: dict[str, Prepared] = {} if compiled is None else compiled
        self._truths: dict[str, Truth] = {}
        self._runs: dict[tuple[str, str, str], Outcome] = {}

    def in_dtype(self, dtype: str) -> DifferencesReferee:
        """The referee at the same inputs in another dtype, which shares what is computed."""
        at = self.setting.in_dtype(dtype)
        made = DifferencesReferee(at, self.framework, self.device, self.compiled)
        made._runs = self._runs
        return made

    def along(self, setting: Setting) -> DifferencesReferee:
        """The referee at the same inputs and another cotangent, which shares what is compiled."""
        return DifferencesReferee(setting, self.framework, self.device, self.compiled)

    def confirms(self, operator: Operator, truth: Truth, near: float) -> bool:
        """Whether differences know every element, and within their bounds as a truth has it."""
        own = self.truth(operator)
        if own.kind != "definition" or own.bound is None or own.directions or truth.directions:
            return False
        size = np.max(np.abs(truth.high), initial=0.0)
        return bool(np.all(np.abs(own.high - truth.high) <= own.bound + near * size))

    def truth(self, operator: Operator, *, independent: bool = False) -> Truth:
        """The truth of an operator, kept for the next call."""
        if operator.name not in self._truths:
            self._truths[operator.name] = self._find(operator)
        return self._truths[operator.name]

    def _find(self, operator: Operator) -> Truth:
        if operator.order == 0:
            return self._value(operator)
        lost = self._lost
        if lost.all() or (lost.any() and not operator.layout.startswith("y")):
            k = int(np.flatnonzero(lost)[0])
            return Truth("none", f"{element_name(OPERATORS['value'], self.setting, k)} is "
                         "not finite at this point")  # fmt: skip
        along = operator.name in ("gradient", "jacobian", "vjp")
        if along and self.setting.dtype != WIDE:
            confirmed = self._confirmed(operator)
            if confirmed is not None:
                return confirmed
        for dtype in dict.fromkeys((WIDE, self.setting.dtype)):
            found = self.run("differences", operator, dtype)
            if found.status == OK and found.bound is not None:
                return self._told(operator, found, dtype)
        probed = (self._confirmed(operator) or self._probed(operator)) if along else None
        return probed or Truth(
            "none", f"differences of this function: {found.message or found.status}"
        )

    def run(self, technique: str, operator: Operator, dtype: str) -> Outcome:
        """What the framework's own technique returns in a dtype, kept for the next call."""
        key = technique, operator.name, dtype
        if key not in self._runs:
            try:
                here = dtype == self.setting.dtype
                at = self.setting if here else self.setting.in_dtype(dtype)
            except Exception as error:  # what the function says of a dtype, before it is run
                self._runs[key] = failed(error, self.setting, find_framework(self.framework))
            else:
                self._runs[key] = self._evaluated(Method(self.framework, technique), operator, at)
        return self._runs[key]

    def _evaluated(self, method: Method, operator: Operator, at: Setting) -> Outcome:
        prepared = self.compiled.setdefault(at.dtype, {})
        return evaluate(method, operator, at, self.device, prepared)

    @cached_property
    def _lost(self) -> np.ndarray:
        """Which values are NaN or infinite: they have no derivative."""
        found = self.run("formula", OPERATORS["value"], WIDE)
        if found.status not in (OK, NONFINITE):
            found = self.run("formula", OPERATORS["value"], self.setting.dtype)
        known = found.status in (OK, NONFINITE)
        return ~np.isfinite(np.asarray(found.flat).reshape(-1)) if known else np.zeros(1, bool)

    def _value(self, operator: Operator) -> Truth:
        """The function in float64."""
        found = self.run("formula", operator, WIDE)
        if found.status != OK:
            return Truth("none", f"the function in {WIDE}: {found.message or found.status}")
        high = np.asarray(found.flat, dtype=np.float64)
        return Truth(
            "definition", f"the plain function in {WIDE}", high=high, low=np.zeros_like(high)
        )

    # --- along random directions -----------------------------------------------------------------

    def _slopes(self, operator: Operator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Directions with the slope of what the operator asks, and its bound: the best of several.

        A vjp is that of the scalar ⟨w, f⟩, whose values are added before they are subtracted, so
        that one value that does not resolve costs its share alone.
        """
        rng, found = self.setting.generator("directions"), []
        for _ in range(TRIES):
            parts = self.setting.draw_direction(rng)
            made = self._along(operator, parts)
            if made is not None:
                found.append((np.concatenate([p.reshape(-1) for p in parts]), *made))
            close = [each for each in found if _share(each[2], each[1]) <= CLOSE]
            if len(close) == DIRECTIONS:
                return close
        return sorted(found, key=lambda each: _share(each[2], each[1]))[:DIRECTIONS]

    def _along(self, operator: Operator, parts: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """Extrapolated differences along a direction, with their bound; None where they fail."""
        at = self._scalar_where_asked(operator, WIDE)
        at.__dict__["v"] = parts
        method = Method(self.framework, "differences")
        found = evaluate(
            method,
            OPERATORS["jvp"],
            at,
            self.device,
            self.compiled.setdefault(self._of(operator), {}),
        )
        if found.status != OK or found.bound is None or not np.all(np.isfinite(found.bound)):
            return None
        return np.asarray(found.flat).reshape(-1), found.bound.reshape(-1)

    def _of(self, operator: Operator) -> str:
        """Under what to keep what is compiled: of a vjp, the product with its own cotangent."""
        return WIDE if operator.name != "vjp" else f"{WIDE} {hash(self.setting.w.tobytes())}"

    def _confirmed(self, operator: Operator) -> Truth | None:
        """Reverse mode in float64, where its products with the directions are the slopes."""
        own, seen = self.run("reverse", operator, WIDE), self._slopes(operator)
        if own.status != OK or len(seen) < DIRECTIONS:
            return None
        table = np.asarray(own.flat, dtype=np.float64)
        bound = np.zeros(table.shape)
        for v, slope, error in seen:
            terms = np.reshape(contracted(np.abs(table), [np.abs(v)]), -1)
            gap = np.abs(np.reshape(contracted(table, [v]), -1) - slope)
            allowed = error + SLACK * EPS[WIDE] * terms
            if np.any(gap > allowed):
                return None
            each = allowed[:, None] / np.abs(v) if table.ndim > 1 else allowed / np.abs(v)
            bound = np.maximum(bound, each)
        share = _share(bound, table)
        if not share <= CONFIRMED:
            return None  # too vague to confirm anything
        note = (
            f"weaker evidence: reverse mode in {WIDE}, confirmed by differences along "
            f"{DIRECTIONS} random directions within {share:.0e} of the largest element"
        )
        return Truth("definition", note, high=table, low=np.zeros_like(table), bound=bound)

    def _probed(self, operator: Operator) -> Truth | None:
        """The slopes along the directions alone: what can be known of many inputs."""
        seen = self._slopes(operator)
        if len(seen) < DIRECTIONS:
            return None
        high = np.concatenate([slope for _, slope, _ in seen])
        return Truth(
            "probes",
            f"weaker evidence: differences in {WIDE} along {DIRECTIONS} random directions, which "
            "reverse mode in float64 does not meet",
            high=high,
            low=np.zeros_like(high),
            directions=[[v] for v, _, _ in seen],
            bound=np.concatenate([error for _, _, error in seen]),
        )

    # --- along every coordinate ------------------------------------------------------------------

    def _told(self, operator: Operator, found: Outcome, dtype: str) -> Truth:
        """The differences as truth, and whether reverse mode in the same dtype is within them."""
        assert found.bound is not None
        high = np.asarray(found.flat, dtype=np.float64)
        share = _share(found.bound, high)
        note = f"weaker evidence: differences in {dtype} within {share:.0e} of the largest element"
        own = self.run("reverse", operator, dtype)
        truth = Truth("definition", note, high=high, low=np.zeros_like(high), bound=found.bound)
        if self._lost.any():
            truth.unknown = np.broadcast_to(
                self._lost.reshape(-1, *[1] * (high.ndim - 1)), high.shape
            )
        if own.status == OK:
            inside = bool(np.all(np.abs(own.flat - high) <= found.bound))
            truth.note += f", reverse mode in {dtype} {'inside' if inside else 'outside'}"
            truth.refuted = not inside and dtype != self.setting.dtype
        if operator.name in FIRST_ORDER and self.setting.case.legal is None:
            at = self._scalar_where_asked(operator, dtype)
            try:
                return at_kinks(operator, at, self.device, truth)
            except Exception as error:  # a step has left the function's domain
                said = describe_error(error, at)
                return Truth("none", f"beside the point the function fails: {said}")
        return truth

    def _scalar_where_asked(self, operator: Operator, dtype: str) -> Setting:
        """The setting, for a vjp that of the scalar ⟨w, f⟩."""
        at = self.setting.in_dtype(dtype)
        if operator.name == "vjp":
            at.case = replace(at.case, function=_contracted(at.case.function, self.setting.w))
            at.__dict__.update(y_shape=(), y_complex=False, w=np.asarray(1.0))
        return at


def _contracted(function: Any, w: np.ndarray) -> Any:
    """⟨w, f⟩ of a function."""

    def summed(xp: Any, **inputs: Any) -> Any:
        y = parted(xp, function(xp, **inputs))
        return xp.sum(y * xp.asarray(w))

    return summed


def _share(bound: np.ndarray, table: np.ndarray) -> float:
    """The largest bound over the largest element."""
    size = float(np.max(np.abs(table), initial=0.0)) or 1.0
    return float(np.max(bound, initial=0.0)) / size

"""The referee where no ball version can exist: differences in float64 with their own bound."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from xgrad.numbers import EPS
from xgrad.problem import OPERATORS, Operator, Setting, generator
from xgrad.referee.truth import Truth, contracted
from xgrad.techniques import OK, Method, Outcome, evaluate

DIRECTIONS = 2  # random ones along which reverse mode is confirmed
SLACK = 32.0  # epsilons of the terms by which a product may be off
WIDE = "float64"


class DifferencesReferee:
    """Truths of a function that exists in one framework only: weaker evidence, and said so.

    Below float64, reverse mode in float64 once differences along random directions confirm it. In
    float64, where that would be the judged result itself, and where it is not confirmed:
    extrapolated differences along every coordinate, and where those are too many, along the random
    directions. Their bound is part of the tolerance.
    """

    def __init__(self, setting: Setting, framework: str, device: str):
        self.setting = setting
        self.framework = framework
        self.device = device
        self._truths: dict[str, Truth] = {}
        self._runs: dict[tuple[str, str, str], Outcome] = {}

    def in_dtype(self, dtype: str) -> DifferencesReferee:
        """The referee at the same inputs in another dtype, which shares what is computed."""
        made = DifferencesReferee(self.setting.in_dtype(dtype), self.framework, self.device)
        made._runs = self._runs
        return made

    def truth(self, operator: Operator, *, independent: bool = False) -> Truth:
        """The truth of an operator, kept for the next call."""
        if operator.name not in self._truths:
            self._truths[operator.name] = self._find(operator)
        return self._truths[operator.name]

    def _find(self, operator: Operator) -> Truth:
        if operator.order == 0:
            return self._value(operator)
        along = operator.name in ("gradient", "jacobian", "vjp")
        if along and self.setting.dtype != WIDE:
            confirmed = self._confirmed(operator)
            if confirmed is not None:
                return confirmed
        for dtype in dict.fromkeys((WIDE, self.setting.dtype)):
            found = self._run("differences", operator, dtype)
            if found.status == OK and found.bound is not None:
                return self._told(operator, found, dtype)
        probed = (self._confirmed(operator) or self._probed(operator)) if along else None
        return probed or Truth(
            "none", f"differences of this function: {found.message or found.status}"
        )

    def _run(self, technique: str, operator: Operator, dtype: str) -> Outcome:
        key = technique, operator.name, dtype
        if key not in self._runs:
            method = Method(self.framework, technique)
            at = self.setting.in_dtype(dtype)
            self._runs[key] = evaluate(method, operator, at, self.device)
        return self._runs[key]

    def _value(self, operator: Operator) -> Truth:
        """The function in float64."""
        found = self._run("formula", operator, WIDE)
        if found.status != OK:
            return Truth("none", f"the function in {WIDE}: {found.message or found.status}")
        high = np.asarray(found.flat, dtype=np.float64)
        return Truth(
            "definition", f"the plain function in {WIDE}", high=high, low=np.zeros_like(high)
        )

    # --- along random directions -----------------------------------------------------------------

    @cached_property
    def _slopes(self) -> list[tuple[np.ndarray, Outcome]]:
        """Directions, and extrapolated differences of the value along them."""
        rng = generator(self.setting.seed, self.setting.case.name, "directions")
        made = []
        for _ in range(DIRECTIONS):
            parts = self.setting.draw_direction(rng)
            at = self.setting.in_dtype(WIDE)
            at.__dict__["v"] = parts
            found = evaluate(
                Method(self.framework, "differences"), OPERATORS["jvp"], at, self.device
            )
            made.append((np.concatenate([p.reshape(-1) for p in parts]), found))
        return made

    def _seen(self, operator: Operator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]] | None:
        """Each direction with the slope of what the operator asks, and its bound."""
        seen = []
        for v, found in self._slopes:
            if found.status != OK or found.bound is None or not np.all(np.isfinite(found.bound)):
                return None
            slope, bound = np.asarray(found.flat), found.bound
            if operator.name == "vjp":
                w = self.setting.w.reshape(-1)
                slope, bound = np.asarray(w @ slope), np.asarray(np.abs(w) @ bound)
            seen.append((v, slope.reshape(-1), bound.reshape(-1)))
        return seen

    def _confirmed(self, operator: Operator) -> Truth | None:
        """Reverse mode in float64, where its products with the directions are the slopes."""
        own, seen = self._run("reverse", operator, WIDE), self._seen(operator)
        if own.status != OK or seen is None:
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
        note = (
            f"weaker evidence: reverse mode in {WIDE}, confirmed by differences along "
            f"{DIRECTIONS} random directions within {share:.0e} of the largest element"
        )
        return Truth("definition", note, high=table, low=np.zeros_like(table), bound=bound)

    def _probed(self, operator: Operator) -> Truth | None:
        """The slopes along the directions alone: what can be known of many inputs."""
        seen = self._seen(operator)
        if seen is None:
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
        own = self._run("reverse", operator, dtype)
        truth = Truth("definition", note, high=high, low=np.zeros_like(high), bound=found.bound)
        if own.status == OK:
            inside = bool(np.all(np.abs(own.flat - high) <= found.bound))
            truth.note += f", reverse mode in {dtype} {'inside' if inside else 'outside'}"
            truth.refuted = not inside and dtype != self.setting.dtype
        return truth


def _share(bound: np.ndarray, table: np.ndarray) -> float:
    """The largest bound over the largest element."""
    size = float(np.max(np.abs(table), initial=0.0)) or 1.0
    return float(np.max(bound, initial=0.0)) / size

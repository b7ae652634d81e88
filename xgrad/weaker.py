"""The referee where no ball version can exist: differences in float64 with their own bound."""

from __future__ import annotations

import numpy as np

from xgrad.evaluation import OK, Outcome, evaluate
from xgrad.operators import Operator
from xgrad.setting import Setting
from xgrad.techniques import Method
from xgrad.truth import Truth


class DifferencesReferee:
    """Truths of a function that exists in one framework only: weaker evidence, and said so.

    Extrapolated differences in float64, or in the dtype where the function has no other; their
    bound is part of the tolerance.
    """

    def __init__(self, setting: Setting, framework: str, device: str):
        self.setting = setting
        self.framework = framework
        self.device = device
        self._truths: dict[str, Truth] = {}

    def truth(self, operator: Operator, *, independent: bool = False) -> Truth:
        """The truth of an operator, kept for the next call."""
        if operator.name not in self._truths:
            self._truths[operator.name] = self._find(operator)
        return self._truths[operator.name]

    def _find(self, operator: Operator) -> Truth:
        for dtype in dict.fromkeys(("float64", self.setting.dtype)):
            found = self._run("differences", operator, dtype)
            if found.status == OK and found.bound is not None:
                return self._told(operator, found, dtype)
        return Truth("none", f"differences of this function: {found.message or found.status}")

    def _run(self, technique: str, operator: Operator, dtype: str) -> Outcome:
        method = Method(self.framework, technique)
        return evaluate(method, operator, self.setting.in_dtype(dtype), self.device)

    def _told(self, operator: Operator, found: Outcome, dtype: str) -> Truth:
        """The differences as truth, and whether reverse mode in the same dtype is within them."""
        assert found.bound is not None
        high = np.asarray(found.flat, dtype=np.float64)
        size = float(np.max(np.abs(high), initial=0.0)) or 1.0
        share = float(np.max(found.bound, initial=0.0)) / size
        note = f"weaker evidence: differences in {dtype} within {share:.0e} of the largest element"
        own = self._run("reverse", operator, dtype)
        if own.status == OK:
            inside = bool(np.all(np.abs(own.flat - high) <= found.bound))
            note += f", reverse mode in {dtype} {'inside' if inside else 'outside'}"
        truth = Truth("definition", note, high=high, low=np.zeros_like(high))
        truth.bound = found.bound
        return truth

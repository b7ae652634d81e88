"""Outcomes and truths at one setting and device, each found once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from xgrad.numbers import Ball
from xgrad.problem import Operator, Setting
from xgrad.referee import Budget, Fault, PortReferee, ProgramReferee, Referee, Truth
from xgrad.techniques import (
    ERROR,
    INVARIANCE,
    OK,
    Method,
    Outcome,
    Prepared,
    evaluate,
    find_fault,
    plain_of,
)


class Findings:
    """What every method returned at one setting, and what the referee knows there."""

    def __init__(
        self,
        setting: Setting,
        device: str,
        limits: Budget | None = None,
        compiled: dict[str, Prepared] | None = None,
    ):
        """`compiled` keeps, by dtype, what settings share that differ in their values only."""
        self.compiled: dict[str, Prepared] = {} if compiled is None else compiled
        self.setting = setting
        self.device = device
        self.limits = limits or Budget()
        self.prepared = self.compiled.setdefault(setting.dtype, {})
        own = setting.case.framework
        judging = PortReferee if setting.case.original else ProgramReferee
        self.referee: Referee = (
            judging(setting, own, device, self.limits, compiled=self.compiled)
            if own
            else Referee(setting, self.limits)
        )
        self._outcomes: dict[tuple[Method, str], Outcome] = {}

    def at(self, setting: Setting, limits: Budget | None = None) -> Findings:
        """Findings at another point or dtype of the same case, which share what is compiled."""
        return Findings(setting, self.device, limits or self.limits, self.compiled)

    def presented(self, setting: Setting) -> Findings:
        """Findings at a setting that a presentation asks for, sharing what can be shared."""
        if setting.case is not self.setting.case or setting.dtype != self.setting.dtype:
            made = Findings(setting, self.device, self.limits)
            if setting.weighs is self.setting and isinstance(made.referee, ProgramReferee):
                made.referee.whole = self.referee
            return made
        made = self.at(setting)
        if setting.inputs is self.setting.inputs:
            made.referee = self.referee.along(setting)
        return made

    def in_dtype(self, dtype: str) -> Findings:
        """Findings at the same inputs in another dtype, which must hold them."""
        made = self.at(self.setting.in_dtype(dtype))
        if isinstance(self.referee, ProgramReferee):
            made.referee = self.referee.in_dtype(dtype)
        return made

    def outcome(self, method: Method, operator: Operator) -> Outcome:
        """What the method returned; an error where the case itself is at fault."""
        key = method, operator.name
        if key not in self._outcomes:
            self._outcomes[key] = (
                Outcome(ERROR, message=self.fault) if self.fault else self._run(method, operator)
            )
        return self._outcomes[key]

    def _run(self, method: Method, operator: Operator) -> Outcome:
        """One run; what the referee of a program asks too is run once for both."""
        if isinstance(self.referee, ProgramReferee) and self._is_own(method):
            return self.referee.weaker.run(method.technique, operator, self.setting.dtype)
        usual = None
        if method.technique == INVARIANCE:
            usual = self._outcomes.get((plain_of(method), operator.name))
        return evaluate(method, operator, self.setting, self.device, self.prepared, usual)

    def _is_own(self, method: Method) -> bool:
        """Whether it is the function's own derivative, as its framework takes it."""
        return method == Method(self.setting.case.framework, method.technique)

    def truth(self, operator: Operator, method: Method | None = None) -> Truth:
        """The referee's; for a formula in balls, the definition apart from any formula."""
        independent = method is not None and str(method).startswith("ball.formula")
        return self.referee.truth(operator, independent=independent)

    def refuted_digits(
        self, method: Method, operator: Operator, exact: Ball | None = None
    ) -> float | None:
        """To how many digits the definition and a formula that it refutes agree; None of others.

        `exact` is the result in balls of a formula that is none of the case's.
        """
        if isinstance(self.referee, ProgramReferee):
            own = self._is_own(method)
            return self.referee.refuted_by(operator, method.technique) if own else None
        if method.technique != "formula":
            return None
        if exact is not None:
            return self.referee.refutation(operator, exact)
        return self.referee.refuted_digits(operator, method.variant)

    def faults(self, method: Method, operator: Operator, *, endless: bool) -> list[Fault]:
        """The rules that make a framework's own derivative wrong, where the definition refutes it.

        Or its own reverse mode `endless`, which is not finite. Of others, and where none can be
        named, nothing.
        """
        if not isinstance(self.referee, ProgramReferee):
            return []
        backward = endless and self._is_own(method) and method.technique == "reverse"
        known = backward or self.refuted_digits(method, operator) is not None
        return self.referee.faults(operator) if known else []

    def unblamed(self, operator: Operator) -> str:
        """Why no rule could be named, where one was looked for; else nothing."""
        own = isinstance(self.referee, ProgramReferee)
        return self.referee.unblamed.get(operator.name, "") if own else ""  # type: ignore[attr-defined]

    @cached_property
    def fault(self) -> str:
        """What is wrong with the case itself at this point, or nothing."""
        return find_fault(self.setting)

    def signed_error(self, method: Method, operator: Operator) -> np.ndarray | None:
        """got − truth, where the truth is known element by element."""
        outcome = self.outcome(method, operator)
        if outcome.status != OK or isinstance(outcome.flat, Ball):
            return None
        truth = self.truth(operator)
        if truth.kind not in ("certified", "definition"):
            return None
        return np.asarray((outcome.flat - truth.high) - truth.low)


Again = Callable[[Findings], Outcome]  # what gave a result, at another setting

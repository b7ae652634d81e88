"""The referee on a port: the value of its original is the truth about its own."""

from __future__ import annotations

from functools import cached_property

from xgrad.numbers import BITS, midpoint, precision
from xgrad.problem import OPERATORS, Operator, Setting
from xgrad.referee.grades import APPROXIMATE
from xgrad.referee.ports import NEARBY, common_digits
from xgrad.referee.programs import ProgramReferee
from xgrad.referee.truth import Truth, finished


class PortReferee(ProgramReferee):
    """The truth about a function beside the one that it is a port of."""

    def refuted_by(self, operator: Operator, technique: str) -> float | None:
        """Of the value, to how many digits it is another function, at points nearby too."""
        if operator.order > 0:
            return super().refuted_by(operator, technique)
        truth = self.truth(operator)
        other = truth.kind == "definition" and truth.digits < APPROXIMATE.least
        return truth.digits if other else None

    def _found(self, operator: Operator) -> Truth:
        return super()._found(operator) if operator.order > 0 else self._ported()

    @cached_property
    def _original(self) -> ProgramReferee:
        """The referee of what the function is a port of, at the same inputs."""
        case, own = self.setting.case.original, self.setting
        assert case is not None
        at = Setting.make(case, own.size, own.point, own.dtype, own.seed)
        at.inputs |= dict(zip(case.wrt, own.x, strict=True))
        return ProgramReferee(at, case.framework, "cpu", self.limits)

    def _ported(self) -> Truth:
        """The original's value in balls, with the digits to which the port is the same function."""
        value, original, exact = OPERATORS["value"], self._original, []
        for each in (self, original):
            reason = each._unfit
            if not reason:
                with each._derivative.inside(), precision(BITS):
                    exact.append(each._value)
                    reason = each._doubt(value, Truth("definition"))
            if reason:
                return Truth("none", f"a port is judged in balls alone; {each.own}: {reason}")
        rng = self.setting.generator("nearby")
        draws = [self.setting.draw_flat_direction(rng) for _ in range(NEARBY)]
        with self._derivative.inside(), original._derivative.inside():
            found = common_digits(self._values, original._values, self.x, draws)
        self._candidates["value"] = midpoint(exact[0])
        return finished("definition", exact[1], digits=found)

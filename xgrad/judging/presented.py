"""Presentations judged: beside the ordinary truth, and beside the same method presented as usual."""

from __future__ import annotations

from typing import Any

from xgrad.judging.verdict import Judge, Judgement
from xgrad.judging.verdicts import DISAGREES, is_failure
from xgrad.problem import Operator
from xgrad.table import FAILED
from xgrad.techniques import Method, Presentation, first_order, plain_of, presentation_of


class PresentedJudge:
    """The verdicts on presentations at one setting; they share its truths where numbers are same."""

    def __init__(self, judge: Judge):
        self.judge_here = judge
        self._elsewhere: dict[Any, Judge] = {}

    def operator(self, method: Method) -> Operator:
        """What is judged of a presentation."""
        return presentation_of(method).judged(self.judge_here.setting)

    def judge(self, method: Method) -> Judgement:
        """The verdict on a presentation; a failure leads with it and the remedy."""
        shown = presentation_of(method)
        there = self._judge_at(shown)
        operator = shown.judged(there.setting)
        made = there.weigh(method, operator, there.outcome(method, operator))
        if made.row["verdict"] == DISAGREES or made.row["status"] in FAILED:
            self._tell(made.row, there, method)
        return made

    def _judge_at(self, shown: Presentation) -> Judge:
        """The judge of the setting that a presentation asks for."""
        if shown.at not in self._elsewhere:
            here = self.judge_here
            at = shown.at(here.setting)
            self._elsewhere[shown.at] = (
                here
                if at is here.setting
                else Judge(at, here.device, findings=here.findings.presented(at))
            )
        return self._elsewhere[shown.at]

    def _tell(self, row: dict[str, Any], there: Judge, method: Method) -> None:
        """The presentation and its remedy, where the method is right without it."""
        plain, operator = plain_of(method), first_order(there.setting)
        usual = there.weigh(plain, operator, there.outcome(plain, operator)).row
        row["hint"] = ""
        said = f"{plain} is wrong without it too"
        if not is_failure(usual):
            said = f"wrong with {method.variant} only: {presentation_of(method).remedy}"
        row["message"] = "; ".join(filter(None, (said, row["message"])))

"""Presentations judged: by the ordinary truth, where the same method is right without them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xgrad.judging.verdict import Judge, Judgement
from xgrad.judging.verdicts import AGREES, DISAGREES, INCONCLUSIVE, is_failure
from xgrad.numbers import EPS
from xgrad.problem import Operator
from xgrad.table import FAILED
from xgrad.techniques import (
    OK,
    UNSUPPORTED,
    Method,
    Outcome,
    Presentation,
    first_order,
    plain_of,
    presentation_of,
)


class PresentedJudge:
    """The verdicts on presentations at one setting, which share its truths where they can."""

    def __init__(self, judge: Judge):
        self.judge_here = judge
        self._elsewhere: dict[Any, Judge] = {}
        self._wrong: dict[tuple[Judge, Method], bool] = {}

    def operator(self, method: Method) -> Operator:
        """What is judged of a presentation."""
        return presentation_of(method).judged(self.judge_here.setting)

    def judge(self, method: Method) -> Judgement:
        """The verdict on a presentation; a failure leads with it and the remedy.

        Where reverse mode fails or is wrong without it, nothing is told of the presentation.
        """
        shown = presentation_of(method)
        there = self._judge_at(shown)
        operator, plain = shown.judged(there.setting), plain_of(method)
        if not self._wrong.get((there, plain)):
            usual = there.judged.get((plain, operator.name))
            if usual is not None and _is_as_usual(there.outcome(method, operator), usual):
                return replace(usual, row={**usual.row, "technique": method.label})
            made = there.weigh(method, operator, there.outcome(method, operator))
            if made.row["verdict"] != DISAGREES and made.row["status"] not in FAILED:
                return made
            if not self._is_wrong(there, plain):
                if _is_slight(made):
                    said = "another way round loses so much, or is wrong by as little"
                    said = f"off by {made.row['error']:.1e}: {said}"
                    made.row.update(hint="", verdict=INCONCLUSIVE, message=said)
                    return made
                said = f"wrong with {method.variant} only: {shown.remedy}"
                said = "; ".join(filter(None, (said, made.row["message"])))
                made.row.update(hint="", message=said)
                return made
        made = there.weigh(method, operator, Outcome(UNSUPPORTED))
        said = f"{plain} fails or is wrong without it too"
        made.row.update(status=OK, verdict=INCONCLUSIVE, message=said)
        return made

    def _judge_at(self, shown: Presentation) -> Judge:
        """The judge of the setting that a presentation asks for."""
        if shown.at not in self._elsewhere:
            here = self.judge_here
            at = shown.at(here.setting)
            same = at is here.setting
            findings = here.findings if same else here.findings.presented(at)
            self._elsewhere[shown.at] = here if same else Judge(at, here.device, findings=findings)
        return self._elsewhere[shown.at]

    def _is_wrong(self, there: Judge, plain: Method) -> bool:
        """Whether reverse mode fails at the same place, presented as usual."""
        if (there, plain) not in self._wrong:
            operator = first_order(there.setting)
            usual = there.weigh(plain, operator, there.outcome(plain, operator))
            self._wrong[there, plain] = is_failure(usual.row)
        return self._wrong[there, plain]


def _is_as_usual(outcome: Outcome, usual: Judgement) -> bool:
    """Whether the bits are those of a result that was judged right, beside no other result."""
    alone = bool(np.isnan(usual.row.get("multiple", np.nan)))
    return usual.row["verdict"] == AGREES and alone and outcome.is_same(usual.outcome)


def _is_slight(made: Judgement) -> bool:
    """Whether an error may be that of rounding: where a presentation is wrong, half the digits go.

    The noise is that of the plain way; what is wrong by less shows there, in all its digits.
    """
    if made.row["status"] != OK:
        return False
    relative, error = made.row["relative_error"], made.row["error"]
    off = error if np.isnan(relative) else relative
    return bool(off <= EPS[made.row["dtype"]] ** 0.5)

"""Outcome against truth: comparison, stability, hints, verdict."""

from xgrad.judging.findings import Findings
from xgrad.judging.places import Again
from xgrad.judging.presented import PresentedJudge
from xgrad.judging.verdict import Judge, Judgement
from xgrad.judging.verdicts import (
    AGREES,
    UNSTABLE,
    BOUNDED,
    DISAGREES,
    INCONCLUSIVE,
    VERDICTS,
    is_failure,
)
from xgrad.judging.verdicts import LEAST, is_judged, share_of_digits

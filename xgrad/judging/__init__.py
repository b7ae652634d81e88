"""Outcome against truth: comparison, stability, hints, verdict."""

from xgrad.judging.findings import Again, Findings
from xgrad.judging.presented import PresentedJudge
from xgrad.judging.verdict import Judge, Judgement
from xgrad.judging.verdicts import AGREES, BOUNDED, CONVENTION, DISAGREES, INCONCLUSIVE
from xgrad.judging.verdicts import UNSTABLE, VERDICTS, is_failure
from xgrad.judging.verdicts import LEAST, is_judged, share_of_digits

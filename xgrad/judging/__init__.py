"""Outcome against truth: comparison, stability, hints, verdict."""

from xgrad.judging.verdict import Judge, Judgement
from xgrad.judging.verdicts import AGREES, DISAGREES, INCONCLUSIVE, VERDICTS, is_failure, is_judged

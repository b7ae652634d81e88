"""Barely beyond the sampled rounding of a program is no proof of a mistake; a little further is."""

from types import SimpleNamespace

import numpy as np
import pytest

from xgrad.judging import INCONCLUSIVE, rules

NOISE = 1e-12


def matter(excess, *, noise=NOISE, noises=(1,), refuted=False, unsampled=False):
    """What the rule looks at: one element beyond its tolerance, one within."""
    excesses = np.array([excess, 0.5])
    found = SimpleNamespace(
        excess=excesses, error=4 * NOISE * excesses, noise=np.full(2, noise),
        beyond=excesses > 1, name="x[0]",
    )  # fmt: skip
    truth = SimpleNamespace(noises=noises, refuted=refuted)
    return SimpleNamespace(found=found, truth=truth, in_balls=False, unsampled=unsampled)


@pytest.mark.parametrize("excess", [1.01, 1.5, 2.0])
def test_up_to_twice_the_tolerance_is_inconclusive_and_says_by_how_much(excess):
    ruling = rules.barely_beyond(matter(excess))
    assert ruling.verdict == INCONCLUSIVE
    assert (
        f"x[0] is beyond what samples of rounding allow by a factor of {excess:.1f}" in ruling.why
    )


@pytest.mark.parametrize(
    "other",
    [
        {"excess": 2.1},
        {"refuted": True},
        {"unsampled": True},
        {"noises": None},
        {"noise": NOISE / 9},
    ],
    ids=str,
)
def test_further_off_or_on_better_evidence_the_last_rule_accuses(other):
    assert rules.barely_beyond(matter(**({"excess": 1.5} | other))) is None


def test_it_is_asked_last():
    assert rules.RULES[-2:] == (rules.barely_beyond, rules.beyond_tolerance)

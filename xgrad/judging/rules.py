"""When each verdict is said: rules in order, of which the first that concludes decides.

A rule looks at one outcome beside the truth and the evidence that it asks for, and concludes with a
verdict and its reason, or leaves the matter to the next one. `agrees` is said by one rule alone,
`within_tolerance`: nothing is beyond its tolerance, and `no_small_part` before it has seen that
every tolerance would have shown a mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from xgrad.errors import agreeing
from xgrad.judging.matter import NOISE, SPACINGS, Matter
from xgrad.judging.verdicts import (
    AGREES,
    BOUNDED,
    CONVENTION,
    DISAGREES,
    INCONCLUSIVE,
    LEAST,
    UNSTABLE,
)
from xgrad.numbers import EPS
from xgrad.referee import APPROXIMATE, grade_of

BARELY = 2.0  # tolerances, of sampled noise
MOST = 0.9  # of the elements beyond tolerance, where a type is so short that many are
SHARE = 1e-2  # of the largest element: rounding that costs more comes and goes
VAGUE = 1e-2  # of the largest element: differences known no better tell nothing
SLACK = 16.0  # times what a truth is off along one direction, for an element of it
GROSS = 1e-3  # of the largest element, beyond which no noise is needed to call an error one


class Ruling(NamedTuple):
    """A verdict, and why."""

    verdict: str
    why: str = ""


Rule = Callable[[Matter], Ruling | None]


def nothing_to_judge_by(m: Matter) -> Ruling | None:
    """No truth: neither an agreement nor an accusation."""
    if m.truth.kind != "none":
        return None
    return Ruling("" if m.not_finite else INCONCLUSIVE)


def beyond_balls(m: Matter) -> Ruling | None:
    """A formula in balls beside a truth that is known in floats, or along directions, only."""
    if not (m.in_balls and m.truth.kind == "probes"):
        return None
    return Ruling(INCONCLUSIVE, "the truth is known along directions or in floats only, and "
                  "nothing is left for balls to add")  # fmt: skip


def refuted_in_balls(m: Matter) -> Ruling | None:
    """A formula that the definition refutes is wrong in every dtype."""
    digits = m.refuted_digits
    if digits is None:
        return None
    said = f"the definition refutes it, whatever the dtype: {agreeing(digits)}"
    return Ruling(DISAGREES, "" if m.found.beyond.any() else said)


def not_finite_where_the_truth_is(m: Matter) -> Ruling | None:
    """NaN or infinity where there is a number, and the function has one everywhere."""
    if not (m.not_finite and m.found.beyond.any()):
        return None
    if m.value_is_lost:
        return Ruling(INCONCLUSIVE, "the function itself has no finite value somewhere at this "
                      "point: what is not finite may be right")  # fmt: skip
    if np.all(np.isinf(m.found.tolerance[~np.isfinite(m.found.got)])):
        return Ruling(INCONCLUSIVE, "differences have no bound where the result is not finite: it "
                      "may be right")  # fmt: skip
    return Ruling(DISAGREES)


def within_its_own_bound(m: Matter) -> Ruling | None:
    """Differences say how far they may be off: within it they are right, and never accuse."""
    if m.outcome.bound is None or not m.found.beyond.any():
        return None
    bound, found = m.own_bound, m.found
    if not np.all((found.error <= np.maximum(bound, found.tolerance)) | ~found.beyond):
        off = f"{found.name} is off by {found.at(found.error):.1e}"
        return Ruling(INCONCLUSIVE, f"{off}, past what differences claim: a kink or a jump within "
                      "their steps")  # fmt: skip
    worst = int(np.argmax(bound))
    if found.top and not bound.reshape(-1)[worst] <= max(VAGUE, 64 * m.eps) * found.top:
        return Ruling(INCONCLUSIVE, f"their bound of {bound.reshape(-1)[worst]:.1e} at "
                      f"{found.element(worst)} is no small part of the derivative")  # fmt: skip
    return Ruling(BOUNDED)


def a_mistake_that_a_short_type_hides(m: Matter) -> Ruling | None:
    """What float32 shows at the same inputs, a 16-bit type cannot excuse."""
    return Ruling(DISAGREES) if m.twin is not None and m.twin["verdict"] == DISAGREES else None


def many_times_the_plain_error(m: Matter) -> Ruling | None:
    """In a short type, beyond tolerance or the plain error, and right in float32."""
    if m.twin is None or not (m.found.beyond.any() or m.found.multiple > m.most):
        return None
    return Ruling(UNSTABLE if m.shrinks or m.explained(1.0) else DISAGREES)


def outside_the_slopes(m: Matter) -> Ruling | None:
    """At a kink, a number that lies beyond both slopes is no convention."""
    outside = m.found.outside
    if not outside.any():
        return None
    k = int(np.flatnonzero(outside.reshape(-1))[0])
    said = f"{m.found.element(k)} lies outside of the slopes at the kink"
    if m.adds_values:
        return Ruling(INCONCLUSIVE, f"{said}, where each value may have one of its own")
    return Ruling(DISAGREES, said)


def no_small_part(m: Matter) -> Ruling | None:
    """Nothing is beyond its tolerance, but some tolerances would hide any mistake."""
    vague = m.vague
    if m.found.beyond.any() or not vague.any():
        return None
    k = int(np.flatnonzero(vague.reshape(-1))[0])
    tolerance, top = m.found.tolerance.reshape(-1)[k], m.found.top
    return Ruling(INCONCLUSIVE, f"{m.found.element(k)} may be off by {tolerance:.1e}, where the "
                  f"largest element is {top:.1e}: too much to tell a mistake")  # fmt: skip


def between_slopes(m: Matter) -> Ruling | None:
    """At a kink there is no single truth."""
    return Ruling(CONVENTION) if m.found.kinked.any() and not m.found.beyond.any() else None


def digits_lost_by_its_own_way(m: Matter) -> Ruling | None:
    """A program's own rounding excuses no loss of most digits that the problem has not."""
    if m.found.beyond.any() or m.truth.noises is None or m.in_balls or not m.found.top:
        return None
    if m.found.digits >= LEAST * -np.log10(m.eps) or m.is_conditioning:
        return None
    return Ruling(UNSTABLE, f"{m.found.name} is off by {m.found.at(m.found.error):.1e}: rounding "
                  "inside takes most digits, and one spacing of the inputs does not")  # fmt: skip


def within_tolerance(m: Matter) -> Ruling | None:
    """Every element is where rounding may take a right result, and no further."""
    return None if m.found.beyond.any() else Ruling(AGREES)


def one_spacing_decides(m: Matter) -> Ruling | None:
    """The truth itself is elsewhere one spacing of the inputs away, and the result is between."""
    if not m.between_truths(SHARE):
        return None
    return Ruling(INCONCLUSIVE, "one spacing of the inputs moves the truth as far as the result is "
                  "off: nearly a kink, or no digits to be had in this dtype")  # fmt: skip


def rounding_unknown(m: Matter) -> Ruling | None:
    """Beyond plain rounding, not by much, and nothing shows how far rounding goes here."""
    known = m.measured and not m.unsampled
    if known or m.found.largest > GROSS * (m.found.top or m.scale):
        return None
    where = "in balls, where its operations round" if m.unsampled else "at all points nearby"
    return Ruling(INCONCLUSIVE, f"beyond plain rounding, and the method fails {where}, where its "
                  "noise could be measured")  # fmt: skip


def no_scale(m: Matter) -> Ruling | None:
    """Differences that leave an element more room than the largest has: none shows how much is."""
    bound = m.truth.bound
    if bound is None or not m.found.is_vague:
        return None
    return Ruling(INCONCLUSIVE, f"differences know an element to {np.max(bound):.1e} only, where "
                  f"the largest is {m.found.top:.1e}: nothing to set an error beside")  # fmt: skip


def another_value(m: Matter) -> Ruling | None:
    """In a shorter type the function takes another branch: the sign of an eigenvector, a pivot."""
    wide = m.eps == EPS["float64"]  # where balls are set beside the function's own values
    if wide or not m.found.relative > SHARE or not m.value_is_another(SHARE):
        return None
    return Ruling(INCONCLUSIVE, f"the function's value in {m.setting.dtype} is another one than in "
                  "balls: no derivative of the one tells of the other's")  # fmt: skip


def past_what_lost_digits_excuse(m: Matter) -> Ruling | None:
    """What is off by such a share is wrong, or comes and goes as far: no digits to speak of."""
    if m.short or not m.found.relative > max(SHARE, 16 * m.eps):
        return None
    return Ruling(DISAGREES)


def digits_that_the_function_drops(m: Matter) -> Ruling | None:
    """The function itself computes in a shorter type, where the result is within tolerance."""
    off = m.found.beyond.any() or m.found.multiple > m.most
    if not off or not m.truth.narrowed or m.truth.refuted:
        return None
    eps = EPS[m.truth.narrowed]
    few = m.found.error <= SPACINGS * eps * m.found.top  # of elements that cancel, the terms decide
    return Ruling(UNSTABLE) if np.all((m.found.excess <= eps / m.eps) | few) else None


def lost_digits(m: Matter) -> Ruling | None:
    """Right mathematics whose digits are gone, as its noise at generic points nearby shows."""
    if m.truth.refuted or not m.explained(MOST if m.short else 1.0):
        return None
    if m.same_in_fewer_digits:
        return None
    return Ruling(UNSTABLE)


def digits_of_this_dtype(m: Matter) -> Ruling | None:
    """A little off, and not at all where the same is done in float64."""
    if m.truth.refuted or m.in_balls or m.short or not m.is_of_this_dtype:
        return None
    return Ruling(UNSTABLE, f"{m.found.name} is off by {m.found.at(m.found.error):.1e} here "
                  "alone: float64 at the same inputs is right")  # fmt: skip


def past_where_a_loop_stops(m: Matter) -> Ruling | None:
    """Off by no more than the truth itself may be: the slope of a loop that ends at a tolerance.

    It leaves out what the loop does; a right rule has it, and differs by as much.
    """
    truth = m.truth
    if not truth.stops or grade_of(truth.digits) is not APPROXIMATE:
        return None
    apart = SLACK * 10.0**-truth.digits * m.found.top
    if not np.all((m.found.error <= apart + m.found.tolerance) | ~m.found.beyond):
        return None
    return Ruling(INCONCLUSIVE, f"a loop stops at a tolerance: its slope and its rule differ by "
                  f"{10.0**-truth.digits:.0e}, and no less can be told")  # fmt: skip


def barely_beyond(m: Matter) -> Ruling | None:
    """Beyond by little, where a program's routines are rounded by a model of what libraries do."""
    sampled = m.truth.noises is not None and not m.unsampled
    if m.truth.refuted or m.in_balls or not sampled:
        return None
    if not np.all((m.found.excess <= BARELY) & (m.found.error <= 2 * NOISE * BARELY * m.found.noise)
                  | ~m.found.beyond):  # fmt: skip
        return None
    return Ruling(INCONCLUSIVE, f"{m.found.name} is beyond what samples of rounding allow by a "
                  f"factor of {np.max(m.found.excess[m.found.beyond]):.1f} only")  # fmt: skip


def beyond_tolerance(m: Matter) -> Ruling | None:
    """Further off than rounding goes."""
    return Ruling(DISAGREES)


RULES: tuple[Rule, ...] = (
    nothing_to_judge_by,
    beyond_balls,
    refuted_in_balls,
    not_finite_where_the_truth_is,
    within_its_own_bound,
    a_mistake_that_a_short_type_hides,
    digits_that_the_function_drops,
    many_times_the_plain_error,
    outside_the_slopes,
    no_small_part,
    between_slopes,
    digits_lost_by_its_own_way,
    within_tolerance,
    one_spacing_decides,
    rounding_unknown,
    no_scale,
    another_value,
    digits_of_this_dtype,
    past_what_lost_digits_excuse,
    lost_digits,
    past_where_a_loop_stops,
    barely_beyond,
    beyond_tolerance,
)


def decide(m: Matter) -> tuple[str, Ruling]:
    """The name of the rule that decides, in words, and what it concludes."""
    for rule in RULES:
        ruling = rule(m)
        if ruling is not None:
            return rule.__name__.replace("_", " "), ruling
    raise AssertionError("the last rule decides")

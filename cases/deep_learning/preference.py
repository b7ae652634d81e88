"""Learning from preferences and rewards: direct preference optimisation and the clipped ratio."""

import numpy as np

import xgrad

BETA = 0.5
CLIP = 0.2
SIZES = {"small": {"n": 8}, "medium": {"n": 200}, "large": {"n": 100_000}}


@xgrad.case(
    wrt=("chosen", "rejected"),
    sizes=SIZES,
    operators=("gradient",),
    source="Rafailov et al. 2023, Direct preference optimization, arXiv:2305.18290, eq. 7 and "
    "section 4",
)
def preference_loss(xp, chosen, rejected, before_chosen, before_rejected):  # all (n,) -> ()
    """−mean log σ(β (a − b)), the gains of the log-probabilities over the reference; β = 1/2."""
    return xp.mean(xp.softplus(-margin(chosen, rejected, before_chosen, before_rejected)))


def margin(chosen, rejected, before_chosen, before_rejected):
    """β ((chosen − before) − (rejected − before))."""
    return BETA * ((chosen - before_chosen) - (rejected - before_rejected))


@preference_loss.inputs
def draw(rng, n):
    names = ("chosen", "rejected", "before_chosen", "before_rejected")
    return {name: -20 + 2 * rng.normal(size=n) for name in names}


@preference_loss.formula("gradient")
def preference_gradient(xp, chosen, rejected, before_chosen, before_rejected):
    """∓β σ(−β (a − b)) / n."""
    m = margin(chosen, rejected, before_chosen, before_rejected)
    slope = BETA * xp.expit(-m) / chosen.shape[0]
    return -slope, slope


@xgrad.case(
    wrt="log_p",
    sizes=SIZES,
    operators=("gradient",),
    source="Schulman, Wolski, Dhariwal, Radford & Klimov 2017, Proximal policy optimization "
    "algorithms, arXiv:1707.06347, eq. 7",
)
def clipped_surrogate(xp, log_p, before, advantage):  # log_p, before, advantage (n,) -> ()
    """−mean min(r A, clip(r, 0.8, 1.2) A), r = exp(log_p − before): some ratios are clipped."""
    ratio = xp.exp(log_p - before)
    limited = xp.clip(ratio, 1 - CLIP, 1 + CLIP)
    return -xp.mean(xp.minimum(ratio * advantage, limited * advantage))


@clipped_surrogate.inputs
def draw_ratios(rng, n):
    """Ratios below, within and above the limits, none nearer to them than 0.05."""
    low = np.array([0.5, 0.85, 1.02, 1.25])[np.arange(n) % 4]
    ratio = low + 0.13 * rng.uniform(size=n)
    before = rng.normal(size=n) - 2
    return {"log_p": before + np.log(ratio), "before": before, "advantage": rng.normal(size=n)}


@clipped_surrogate.formula("gradient")
def clipped_gradient(xp, log_p, before, advantage):
    """−r A / n, and 0 where the ratio has gone past its limit in the direction of A."""
    ratio = xp.exp(log_p - before)
    past = xp.where(advantage > 0, ratio - (1 + CLIP), (1 - CLIP) - ratio) > 0
    free = 1 - xp.astype(past, log_p.dtype)
    return -free * ratio * advantage / log_p.shape[0]

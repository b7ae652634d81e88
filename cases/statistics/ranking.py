"""Paired comparisons: the Bradley-Terry model of who beats whom."""

import xgrad


@xgrad.case(
    wrt="skill",
    sizes={
        "small": {"m": 6, "n": 15},
        "medium": {"m": 100, "n": 1_000},
        "large": {"m": 10_000, "n": 1_000_000},
    },
    operators=("gradient", "hvp"),
    source="Hunter 2004, MM algorithms for generalized Bradley-Terry models, Annals of Statistics "
    "32(1), 384-406, sections 1 and 2",
)
def bradley_terry(xp, skill, winner, loser):  # skill (m,), winner, loser (n,) in range(m) -> ()
    """−Σ log σ(s_winner − s_loser): skills s in the model P(i beats j) = σ(s_i − s_j)."""
    return xp.sum(xp.softplus(skill[loser] - skill[winner]))


@bradley_terry.inputs
def draw(rng, m, n):
    first = rng.integers(m, size=n)
    second = (first + rng.integers(1, m, size=n)) % m
    return {"skill": rng.normal(size=m), "winner": first, "loser": second}


@bradley_terry.formula("gradient")
def upsets(xp, skill, winner, loser):
    """Σ_lost p − Σ_won p with p = σ(s_loser − s_winner), which is also Elo's update."""
    p = xp.expit(skill[loser] - skill[winner])
    m = skill.shape[0]
    return xp.segment_sum(p, loser, m) - xp.segment_sum(p, winner, m)


@bradley_terry.formula("hvp")
def graph_laplacian(xp, skill, winner, loser, v):
    """The Laplacian of the comparisons, each weighted by p (1 − p)."""
    gap, m = skill[loser] - skill[winner], skill.shape[0]
    flow = xp.expit(gap) * xp.expit(-gap) * (v[loser] - v[winner])
    return xp.segment_sum(flow, loser, m) - xp.segment_sum(flow, winner, m)

"""Log-sum-exp, the smooth maximum; its gradient is the softmax."""

import xgrad


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 10}, "medium": {"n": 1_000}, "large": {"n": 80_000}},
    operators=("gradient", "hvp"),
    source="Boyd & Vandenberghe 2004, Convex Optimization, section 3.1.5; "
    "GradBench, evals/lse/README.md, https://github.com/gradbench/gradbench",
)
def lse(xp, x):  # x (n,) -> ()
    """log Σ exp(xᵢ)."""
    return xp.logsumexp(x)


@lse.inputs
def draw(rng, n):
    return {"x": 3 * rng.normal(size=n)}


@lse.formula("gradient")
def softmax(xp, x):
    """s = exp(x) / Σ exp(x)."""
    return xp.softmax(x)


@lse.formula("hvp")
def covariance(xp, x, v):
    """s ∘ (v − s·v)."""
    s = xp.softmax(x)
    return s * (v - xp.sum(s * v))

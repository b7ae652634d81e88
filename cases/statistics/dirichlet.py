"""The Dirichlet-multinomial distribution of counts in several categories."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="alpha",
    sizes={
        "small": {"n": 6, "K": 5},
        "medium": {"n": 50, "K": 200},
        "large": {"n": 200, "K": 5_000},
    },
    operators=("gradient", "hvp"),
    source="Minka 2000 (revised 2012), Estimating a Dirichlet distribution, technical report, "
    "the part on the Dirichlet-multinomial",
)
def dirichlet_multinomial(xp, alpha, Y):  # alpha (K,), Y (n, K) counts -> ()
    """−Σ log Γ(A) / Γ(m + A) ∏ Γ(y + α) / Γ(α), A = Σα, m = Σy: the Pólya distribution."""
    Y = xp.astype(Y, alpha.dtype)
    A, m = xp.sum(alpha), xp.sum(Y, axis=1)
    whole = xp.lgamma(m + A) - xp.lgamma(A)
    return xp.sum(whole) - xp.sum(xp.lgamma(Y + alpha) - xp.lgamma(alpha))


@dirichlet_multinomial.inputs
def draw(rng, n, K):
    alpha = rng.uniform(0.5, 3, size=K)
    Y = [rng.multinomial(10 * K, p) for p in rng.dirichlet(alpha, size=n)]
    return {"alpha": alpha, "Y": np.array(Y)}


@dirichlet_multinomial.formula("gradient")
def score(xp, alpha, Y):
    """Σ ψ(m + A) − ψ(A) − Σ ψ(y + α) − ψ(α), each sum over the rows."""
    Y = xp.astype(Y, alpha.dtype)
    A, m = xp.sum(alpha), xp.sum(Y, axis=1)
    parts = xp.sum(xp.digamma(Y + alpha) - xp.digamma(alpha), axis=0)
    return xp.sum(xp.digamma(m + A) - xp.digamma(A)) - parts


@dirichlet_multinomial.formula("hvp")
def information(xp, alpha, Y, v):
    """(Σ ψ₁(m + A) − ψ₁(A)) Σv − (Σ ψ₁(y + α) − ψ₁(α)) ∘ v: a diagonal and a constant."""
    Y = xp.astype(Y, alpha.dtype)
    A, m = xp.sum(alpha), xp.sum(Y, axis=1)
    constant = xp.sum(xp.polygamma(1, m + A) - xp.polygamma(1, A))
    diagonal = xp.sum(xp.polygamma(1, Y + alpha) - xp.polygamma(1, alpha), axis=0)
    return constant * xp.sum(v) - diagonal * v


for method in ("torch.reverse*", "torch.forward", "torch.formula"):
    dirichlet_multinomial.known(
        method,
        "torch's trigamma, polygamma(1, x), ends its asymptotic series too early for float64: "
        "9 to 11 digits",
        operator="hvp",
        dtype="float64",
    )

"""The evidence bound of a variational autoencoder, with the noise given."""

import xgrad


@xgrad.case(
    wrt=("A", "B", "V"),
    sizes={
        "small": {"n": 4, "d": 4, "k": 2},
        "medium": {"n": 32, "d": 16, "k": 4},
        "large": {"n": 256, "d": 784, "k": 32},
    },
    operators=("gradient",),
    source="Kingma & Welling 2014, Auto-encoding variational Bayes, arXiv:1312.6114, eq. 10 and "
    "appendix B",
)
def evidence_bound(xp, A, B, V, x, noise):  # A, B (d, k), V (k, d), x (n, d), noise (n, k) -> ()
    """mean Σ (½(μ² + e^s − 1 − s) + softplus(l) − x l), μ = xA, s = xB, l = (μ + e^(s/2) ε) V."""
    mean, log_variance = xp.matmul(x, A), xp.matmul(x, B)
    logits = xp.matmul(mean + xp.exp(log_variance / 2) * noise, V)
    divergence = (mean * mean + xp.exp(log_variance) - 1 - log_variance) / 2
    return (xp.sum(divergence) + xp.sum(xp.softplus(logits) - x * logits)) / x.shape[0]


@evidence_bound.inputs
def draw(rng, n, d, k):
    return {
        "A": rng.normal(size=(d, k)) / d**0.5,
        "B": rng.normal(size=(d, k)) / d**0.5,
        "V": rng.normal(size=(k, d)) / k**0.5,
        "x": rng.integers(2, size=(n, d)).astype(float),
        "noise": rng.normal(size=(n, k)),
    }


@evidence_bound.formula("gradient")
def gradient(xp, A, B, V, x, noise):
    """xᵀ(dz + μ/n), xᵀ(dz e^(s/2) ε + (e^s − 1)/n) / 2 and zᵀm; m = (σ(l) − x)/n, dz = mVᵀ."""
    mean, log_variance = xp.matmul(x, A), xp.matmul(x, B)
    spread = xp.exp(log_variance / 2) * noise
    z, n = mean + spread, x.shape[0]
    miss = (xp.expit(xp.matmul(z, V)) - x) / n
    dz = xp.matmul(miss, V.T)
    dmean = dz + mean / n
    dlog = (dz * spread + xp.expm1(log_variance) / n) / 2
    return xp.matmul(x.T, dmean), xp.matmul(x.T, dlog), xp.matmul(z.T, miss)

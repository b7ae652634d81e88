"""A mixture of Gaussians with diagonal covariances."""

import math

import xgrad


@xgrad.case(
    wrt=("logits", "mu", "log_sigma"),
    sizes={
        "small": {"n": 10, "K": 3, "d": 2},
        "medium": {"n": 200, "K": 5, "d": 10},
        "large": {"n": 2_000, "K": 20, "d": 50},
    },
    operators=("gradient",),
    source="Bishop 2006, Pattern Recognition and Machine Learning, section 9.2.2, eq. 9.14 to 9.20",
)
def gaussian_mixture(xp, logits, mu, log_sigma, X):  # logits (K,), mu, log_sigma (K, d) -> ()
    """−Σ log Σ_k π_k N(x | μ_k, diag σ_k²) with π = softmax(logits)."""
    return -xp.sum(xp.logsumexp(joint(xp, logits, mu, log_sigma, X), axis=1))


def joint(xp, logits, mu, log_sigma, X):
    """log π_k N(x | μ_k, diag σ_k²) (n, K)."""
    z = (X[:, None, :] - mu) * xp.exp(-log_sigma)
    constant = mu.shape[1] * math.log(2 * math.pi) / 2
    normal = -xp.sum(z * z, axis=2) / 2 - xp.sum(log_sigma, axis=1) - constant
    return xp.log_softmax(logits, axis=0) + normal


@gaussian_mixture.inputs
def draw(rng, n, K, d):
    mu = 2 * rng.normal(size=(K, d)) / d**0.5
    return {
        "logits": rng.normal(size=K),
        "mu": mu + 0.3 * rng.normal(size=(K, d)),
        "log_sigma": 0.3 * rng.normal(size=(K, d)),
        "X": mu[rng.integers(K, size=n)] + rng.normal(size=(n, d)),
    }


@gaussian_mixture.formula("gradient")
def score(xp, logits, mu, log_sigma, X):
    """n π − Σ r, −Σ r z / σ and Σ r (1 − z²); r the responsibilities, z = (x − μ_k) / σ_k."""
    r = xp.softmax(joint(xp, logits, mu, log_sigma, X), axis=1)
    precision = xp.exp(-log_sigma)
    z = (X[:, None, :] - mu) * precision
    R = r[:, :, None]
    of_logits = X.shape[0] * xp.softmax(logits, axis=0) - xp.sum(r, axis=0)
    return of_logits, -precision * xp.sum(R * z, axis=0), xp.sum(R * (1 - z * z), axis=0)


@gaussian_mixture.implementation("torch", name="distributions.MixtureSameFamily")
def torch_mixture(logits, mu, log_sigma, X):
    import torch.distributions as D

    free = {"validate_args": False}
    parts = D.Independent(D.Normal(mu, log_sigma.exp(), **free), 1, **free)
    mixture = D.MixtureSameFamily(D.Categorical(logits=logits, **free), parts, **free)
    return -mixture.log_prob(X).sum()

"""Regressions with a beta distribution: of proportions, and of overdispersed successes."""

import numpy as np

import xgrad

SIZES = {
    "small": {"n": 10, "d": 3},
    "medium": {"n": 300, "d": 30},
    "large": {"n": 20_000, "d": 100},
}


@xgrad.case(
    wrt=("beta", "log_phi"),
    sizes=SIZES,
    operators=("gradient",),
    source="Ferrari & Cribari-Neto 2004, Beta regression for modelling rates and proportions, "
    "Journal of Applied Statistics 31(7), 799-815, section 2",
)
def beta_regression(xp, beta, log_phi, X, y):  # beta (d,), log_phi (), X (n, d), y (n,) -> ()
    """−Σ log Beta(y | μφ, (1 − μ)φ) with μ = σ(Xβ): proportions of mean μ and precision φ."""
    a, b, phi = shapes(xp, beta, log_phi, X)
    data = (a - 1) * xp.log(y) + (b - 1) * xp.log1p(-y)
    return xp.sum(xp.lgamma(a) + xp.lgamma(b) - data) - y.shape[0] * xp.lgamma(phi)


def shapes(xp, beta, log_phi, X):
    """a = μφ, b = (1 − μ)φ, φ."""
    eta, phi = xp.matmul(X, beta), xp.exp(log_phi)
    return phi * xp.expit(eta), phi * xp.expit(-eta), phi


def design(rng, n, d):
    """Parameters, and proportions that are more dispersed than they say."""
    X, beta = rng.normal(size=(n, d)), 0.5 * rng.normal(size=d) / d**0.5
    log_phi = rng.uniform(1, 2)
    mu, true_phi = 1 / (1 + np.exp(-X @ beta)), np.exp(log_phi) / 3
    return {"beta": beta, "log_phi": log_phi, "X": X}, rng.beta(mu * true_phi, (1 - mu) * true_phi)


@beta_regression.inputs
def draw(rng, n, d):
    parameters, y = design(rng, n, d)
    return {**parameters, "y": np.clip(y, 0.01, 0.99)}


@beta_regression.formula("gradient")
def score(xp, beta, log_phi, X, y):
    """Xᵀ (μ (1 − μ) φ (D_a − D_b)) and Σ a D_a + b D_b − n φ ψ(φ).

    D_a = ψ(a) − log y, D_b = ψ(b) − log(1 − y).
    """
    a, b, phi = shapes(xp, beta, log_phi, X)
    Da, Db = xp.digamma(a) - xp.log(y), xp.digamma(b) - xp.log1p(-y)
    total = xp.sum(a * Da + b * Db)
    return xp.matmul(X.T, a * b / phi * (Da - Db)), total - y.shape[0] * phi * xp.digamma(phi)


@beta_regression.formula("gradient", name="statsmodels", frameworks=("numpy",))
def statsmodels_score(xp, beta, log_phi, X, y):
    """statsmodels' score of the log-likelihood, logarithmic link of the precision."""
    from statsmodels.othermod.betareg import BetaModel

    score = -BetaModel(y, X).score(np.append(beta, log_phi)).astype(beta.dtype)
    return score[:-1], score[-1]


@xgrad.case(
    wrt=("beta", "log_phi"),
    sizes=SIZES,
    operators=("gradient",),
    source="Prentice 1986, Binary regression using an extended beta-binomial distribution, "
    "Journal of the American Statistical Association 81, 321-327",
)
def beta_binomial(xp, beta, log_phi, X, y, trials):  # beta (d,), log_phi (), y, trials (n,) -> ()
    """−Σ log P(y of m), P = C(m, y) B(a + y, b + m − y) / B(a, b), a = σ(Xβ) φ, a + b = φ."""
    a, b, phi = shapes(xp, beta, log_phi, X)
    won, all = xp.astype(y, beta.dtype), xp.astype(trials, beta.dtype)
    choose = xp.lgamma(all + 1) - xp.lgamma(won + 1) - xp.lgamma(all - won + 1)
    prior = xp.lgamma(a) + xp.lgamma(b) - xp.lgamma(phi)
    posterior = xp.lgamma(a + won) + xp.lgamma(b + all - won) - xp.lgamma(phi + all)
    return xp.sum(prior - posterior - choose)


@beta_binomial.inputs
def draw_counts(rng, n, d):
    parameters, p = design(rng, n, d)
    trials = rng.integers(20, 50, size=n)
    return {**parameters, "y": rng.binomial(trials, p), "trials": trials}


@beta_binomial.formula("gradient")
def binomial_score(xp, beta, log_phi, X, y, trials):
    """−Xᵀ (μ (1 − μ) φ (D_a − D_b)) and −Σ a D_a + b D_b − φ D_φ.

    D_a = ψ(a + y) − ψ(a), D_b = ψ(b + m − y) − ψ(b), D_φ = ψ(φ + m) − ψ(φ).
    """
    a, b, phi = shapes(xp, beta, log_phi, X)
    won, all = xp.astype(y, beta.dtype), xp.astype(trials, beta.dtype)
    Da = xp.digamma(a + won) - xp.digamma(a)
    Db = xp.digamma(b + all - won) - xp.digamma(b)
    D = xp.digamma(phi + all) - xp.digamma(phi)
    return -xp.matmul(X.T, a * b / phi * (Da - Db)), -xp.sum(a * Da + b * Db - phi * D)


@beta_binomial.implementation("jax", name="scipy.stats.betabinom")
def jax_beta_binomial(beta, log_phi, X, y, trials):
    import jax
    import jax.numpy as jnp

    eta, phi = X @ beta, jnp.exp(log_phi)
    a, b = phi * jax.nn.sigmoid(eta), phi * jax.nn.sigmoid(-eta)
    return -jnp.sum(jax.scipy.stats.betabinom.logpmf(y, trials, a, b))


beta_binomial.known(
    "jax.reverse:scipy.stats.betabinom",
    "jax's betaln has 6 to 8 digits where an argument is above 8: its series takes "
    "x = h / (1 + h), h = a / b, where Didonato & Morris 1992, ACM TOMS 708, take 1 / (1 + h)",
    dtype="float64",
)

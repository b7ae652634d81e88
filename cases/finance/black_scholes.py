"""Black–Scholes: the price of a European call, its Greeks, and the volatility that it implies."""

import numpy as np

import xgrad

HAUG = "Haug 2007, The Complete Guide to Option Pricing Formulas, 2nd ed., "
STEPS = 12  # more than 256 bits need


def normal_cdf(xp, x):
    """Φ(x)."""
    return xp.erfc(-x / xp.sqrt(xp.asarray(2.0))) / 2


def normal_density(xp, x):
    """φ(x) = Φ′(x)."""
    return xp.exp(-x * x / 2) / xp.sqrt(xp.asarray(2.0) * xp.pi)


def price(xp, S, K, r, sigma, T):
    """S Φ(d₁) − K e^{−rT} Φ(d₂)."""
    d1, d2 = moneyness(xp, S, K, r, sigma, T)
    return S * normal_cdf(xp, d1) - K * xp.exp(-r * T) * normal_cdf(xp, d2)


def moneyness(xp, S, K, r, sigma, T):
    """d₁ = (log(S/K) + (r + σ²/2) T) / (σ√T) and d₂ = d₁ − σ√T."""
    spread = sigma * xp.sqrt(T)
    d1 = (xp.log(S / K) + r * T) / spread + spread / 2
    return d1, d1 - spread


@xgrad.case(
    wrt=("S", "K", "r", "sigma", "T"),
    operators=("gradient", "hessian"),
    source=HAUG + "section 1.1.1 and chapter 2; Black & Scholes 1973, The pricing of options "
    "and corporate liabilities, Journal of Political Economy 81, 637-654, eq. 13",
)
def black_scholes(xp, S, K, r, sigma, T):  # (), (), (), (), () -> ()
    """S Φ(d₁) − K e^{−rT} Φ(d₂), d₁,₂ = (log(S/K) + (r ± σ²/2) T) / (σ√T)."""
    return price(xp, S, K, r, sigma, T)


@black_scholes.inputs
def draw_option(rng):
    return {
        "S": rng.uniform(0.9, 1.1),
        "K": rng.uniform(0.9, 1.1),
        "r": rng.uniform(0.01, 0.06),
        "sigma": rng.uniform(0.2, 0.4),
        "T": rng.uniform(0.5, 2),
    }


@black_scholes.point("textbook")
def textbook():
    """The option of Hull, Options, Futures, and Other Derivatives: S = 42, K = 40, half a year."""
    given = {"S": 42.0, "K": 40.0, "r": 0.1, "sigma": 0.2, "T": 0.5}
    return {name: np.asarray(value) for name, value in given.items()}


@black_scholes.formula("gradient")
def greeks(xp, S, K, r, sigma, T):
    """Delta Φ₁, −e^{−rT} Φ₂, rho TB Φ₂, vega S φ₁ √T, −theta Sφ₁σ/(2√T) + rBΦ₂; B = K e^{−rT}."""
    d1, d2 = moneyness(xp, S, K, r, sigma, T)
    exercised = K * xp.exp(-r * T) * normal_cdf(xp, d2)
    vega = S * normal_density(xp, d1) * xp.sqrt(T)
    return (
        normal_cdf(xp, d1),
        -exercised / K,
        T * exercised,
        vega,
        vega * sigma / (2 * T) + r * exercised,
    )


@black_scholes.formula("hessian")
def second_greeks(xp, S, K, r, sigma, T):
    """∂Φ₁, ∂(−BΦ₂/K), ∂(TBΦ₂), ∂vega, ∂theta, by ∂d₁, ∂d₂ and Sφ₁ = Bφ₂: gamma, vanna, …"""
    d1, d2 = moneyness(xp, S, K, r, sigma, T)
    spread = sigma * xp.sqrt(T)
    density = normal_density(xp, d1)
    exercised = K * xp.exp(-r * T) * normal_cdf(xp, d2)
    vega = S * density * xp.sqrt(T)
    by_S, by_K, by_r = 1 / (S * spread), -1 / (K * spread), T / spread  # of d₁, and of d₂
    d1_T = r / spread - d2 / (2 * T)
    d2_T = r / spread - d1 / (2 * T)
    SS, SK, Sr, Ss, ST = (density * d for d in (by_S, by_K, by_r, -d2 / sigma, d1_T))
    risk = S * density  # K e^{−rT} φ(d₂)
    KK = -risk * by_K / K
    Kr = (T * exercised - risk * by_r) / K
    Ks = risk * d1 / (sigma * K)
    KT = (r * exercised - risk * d2_T) / K
    rr = T * (risk * by_r - T * exercised)
    rs = -T * risk * d1 / sigma
    rT = (1 - r * T) * exercised + T * risk * d2_T
    ss = vega * d1 * d2 / sigma
    sT = vega * (1 / (2 * T) - d1 * d1_T)
    TT = sigma / (2 * T) * (sT - vega / T) + r * (risk * d2_T - r * exercised)
    return (
        (SS, SK, Sr, Ss, ST),
        (SK, KK, Kr, Ks, KT),
        (Sr, Kr, rr, rs, rT),
        (Ss, Ks, rs, ss, sT),
        (ST, KT, rT, sT, TT),
    )


@xgrad.case(
    wrt="S",
    sizes={"small": {"n": 20}, "medium": {"n": 500}, "large": {"n": 50_000}},
    operators=("derivative", "second_derivative"),
    source=HAUG + "chapter 2",
)
def call_prices(xp, S, K, r, sigma, T):  # S (n,), K (n,), r (), sigma (n,), T (n,) -> (n,)
    """Black–Scholes prices of many calls, by their spots: delta and gamma."""
    return price(xp, S, K, r, sigma, T)


@call_prices.inputs
def draw_options(rng, n):
    return {
        "S": rng.uniform(0.85, 1.15, size=n),
        "K": rng.uniform(0.85, 1.15, size=n),
        "r": rng.uniform(0.01, 0.06),
        "sigma": rng.uniform(0.2, 0.5, size=n),
        "T": rng.uniform(1, 3, size=n),
    }


@call_prices.formula("derivative")
def delta(xp, S, K, r, sigma, T):
    """Φ(d₁)."""
    return normal_cdf(xp, moneyness(xp, S, K, r, sigma, T)[0])


@call_prices.formula("second_derivative")
def gamma(xp, S, K, r, sigma, T):
    """φ(d₁) / (S σ√T)."""
    d1, _ = moneyness(xp, S, K, r, sigma, T)
    return normal_density(xp, d1) / (S * sigma * xp.sqrt(T))


@xgrad.case(
    wrt="C",
    sizes={"small": {"n": 20}, "medium": {"n": 200}, "large": {"n": 5_000}},
    operators="derivative",
    source="Manaster & Koehler 1982, The calculation of implied variances from the Black-Scholes "
    "model, Journal of Finance 37, 227-230",
)
def implied_volatility(xp, C, S, K, r, T):  # C (n,), S (n,), K (n,), r (), T (n,) -> (n,)
    """σ with Black–Scholes price C, by Newton steps from near the point of inflection."""

    def newton(sigma, _):
        vega = S * normal_density(xp, moneyness(xp, S, K, r, sigma, T)[0]) * xp.sqrt(T)
        return sigma - (price(xp, S, K, r, sigma, T) - C) / vega, None

    start = xp.sqrt(2 * xp.abs(xp.log(S / K) / T + r) + 1e-4)  # never 0
    return xp.scan(newton, start, None, length=STEPS)[0]


@implied_volatility.inputs
def draw_quotes(rng, n):
    """Prices above the intrinsic value by 10 to 20 per cent of the spot."""
    given = draw_options(rng, n)
    del given["sigma"]
    worth = given["S"] - given["K"] * np.exp(-given["r"] * given["T"])
    return {**given, "C": np.maximum(worth, 0) + rng.uniform(0.1, 0.2, size=n) * given["S"]}


@implied_volatility.formula("derivative")
def inverse_vega(xp, C, S, K, r, T):
    """1 / (S φ(d₁) √T): the implicit function theorem."""
    sigma = implied_volatility(xp, C, S, K, r, T)
    return 1 / (S * normal_density(xp, moneyness(xp, S, K, r, sigma, T)[0]) * xp.sqrt(T))

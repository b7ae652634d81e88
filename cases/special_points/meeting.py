"""Parameters that meet: quotients 0 / 0 with a smooth limit, and masks right in value only.

Where two parameters meet, a formula that divides by their difference needs a second branch. The
value of the limit is all that branch needs for the value; its derivative is that of the branch,
not of the function. Points are given where the parameters meet, and there the formulas hold.
"""

import numpy as np

import xgrad

AUTODIFF = ("torch.reverse*", "torch.forward*", "jax.reverse*", "jax.forward*")
MASKED = "the branch of the limit is right in value only, and autodiff differentiates the branch"


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


def divided(xp, numerator, denominator, limit):
    """numerator / denominator with the limit where that is 0, guarded twice against NaN."""
    meets = denominator == 0
    return xp.where(meets, limit, numerator / xp.where(meets, 1 + denominator, denominator))


# --- two numbers that are equal -------------------------------------------------------------------

MEAN = "Carlson 1972, The logarithmic mean, American Mathematical Monthly 79, 615-618; "


@xgrad.case(wrt=("a", "b"), source=MEAN + "DLMF 4.6.1")
def logarithmic_mean(xp, a, b):  # a (), b () -> ()
    """(a − b) / (log a − log b), a where a = b: symmetric, so the gradient there is (½, ½)."""
    return divided(xp, a - b, xp.log(a) - xp.log(b), a)


@xgrad.case(wrt=("a", "b"), source=MEAN + "DLMF 4.33.1")
def logarithmic_mean_by_series(xp, a, b):  # a (), b () -> ()
    """√(ab) sinh(u) / u, u = ½ log(a / b), the quotient by its series: near a = b."""
    s = (xp.log(a) - xp.log(b)) ** 2 / 4
    return xp.sqrt(a * b) * (1 + s / 6 * (1 + s / 20 * (1 + s / 42)))


for _case in (logarithmic_mean, logarithmic_mean_by_series):
    _case.point("equal")(at(a=1.75, b=1.75))

    @_case.formula("gradient")
    def halves(xp, a, b):
        """(½, ½): homogeneous of degree 1 and symmetric."""
        return xp.ones_like(a) / 2, xp.ones_like(b) / 2


@xgrad.case(
    wrt=("k", "c"),
    source="Gibaldi & Perrier 1982, Pharmacokinetics, 2nd ed., section 1.3: the Bateman function",
)
def absorbed_and_eliminated(xp, k, c, t):  # k (), c (), t () -> ()
    """k (e^(−ct) − e^(−kt)) / (k − c), the drug in the blood at time t; k t e^(−kt) where c = k."""
    return divided(xp, k * (xp.exp(-c * t) - xp.exp(-k * t)), k - c, k * t * xp.exp(-k * t))


absorbed_and_eliminated.point("equal rates")(at(k=0.75, c=0.75, t=2.0))


@absorbed_and_eliminated.formula("gradient")
def by_the_rates(xp, k, c, t):
    """(t − ½kt², −½kt²) e^(−kt) at c = k."""
    decay, half = xp.exp(-(k + c) / 2 * t), k * t * t / 2
    return (t - half) * decay, -half * decay


@xgrad.case(
    wrt=("damping", "stiffness"),
    source="Landau & Lifshitz 1976, Mechanics, 3rd ed., section 25, eq. 25.4 to 25.7",
)
def damped_response(xp, damping, stiffness, t):  # (), (), () -> ()
    """e^(−γt) S, S = sin(ωt)/ω or sinh(κt)/κ, ω² = k − γ² = −κ²; t at critical damping."""
    square = stiffness - damping**2
    size = xp.where(square == 0, xp.ones_like(square), xp.abs(square))
    omega = xp.sqrt(size)
    swing = xp.where(square > 0, xp.sin(omega * t) / omega, xp.sinh(omega * t) / omega)
    return xp.exp(-damping * t) * xp.where(square == 0, t, swing)


damped_response.point("critical")(at(damping=1.5, stiffness=2.25, t=0.75))


@damped_response.formula("gradient")
def by_damping_and_stiffness(xp, damping, stiffness, t):
    """e^(−γt) (γt³/3 − t², −t³/6) where k = γ², from S = t − (k − γ²) t³/6 + …."""
    decay = xp.exp(-damping * t)
    return decay * (damping * t**3 / 3 - t**2), -decay * t**3 / 6


# --- a parameter at the limit of a family ---------------------------------------------------------


@xgrad.case(
    wrt=("x", "p"),
    source="Box & Cox 1964, An analysis of transformations, JRSS B 26, 211-252, eq. 1",
)
def box_cox(xp, x, p):  # x (), p () -> ()
    """(xᵖ − 1) / p, log x where p = 0: the derivative by p there is ½ log² x."""
    return divided(xp, xp.exp(p * xp.log(x)) - 1, p, xp.log(x))


@box_cox.formula("gradient")
def box_cox_gradient(xp, x, p):
    """(x^(p−1), ½ log² x) at p = 0, from pᵗʰ powers as exp(p log x)."""
    return xp.exp((p - 1) * xp.log(x)), xp.log(x) ** 2 / 2


box_cox.point("logarithm")(at(x=2.5, p=0.0))


@xgrad.case(
    wrt="q",
    source="Rényi 1961, On measures of entropy and information, 4th Berkeley Symp., eq. 1.4",
)
def renyi_entropy(xp, q, p):  # q (), p (n,) -> ()
    """log Σp^q / (1 − q), Shannon's where q = 1: the derivative is −½ Var(log p)."""
    return divided(xp, xp.log(xp.sum(p**q)), 1 - q, -xp.sum(p * xp.log(p)))


@renyi_entropy.formula("gradient")
def by_renyi_order(xp, q, p):
    """−½ (Σp log² p − (Σp log p)²) at q = 1: log Σp^q is a cumulant generating function."""
    mean = xp.sum(p * xp.log(p))
    return -xp.sum(p * (xp.log(p) - mean) ** 2) / 2 * q


renyi_entropy.point("shannon")(at(q=1.0, p=[0.5, 0.25, 0.125, 0.125]))


@xgrad.case(wrt=("p", "x"), source="Hardy, Littlewood & Pólya 1952, Inequalities, section 2.9")
def power_mean(xp, p, x):  # p (), x (n,) -> ()
    """(Σxᵖ / n)^(1/p), the geometric mean G where p = 0: the derivative is G ½ Var(log x)."""
    logs = xp.log(x)
    return xp.exp(divided(xp, xp.log(xp.mean(xp.exp(p * logs))), p, xp.mean(logs)))


@power_mean.formula("gradient")
def by_the_exponent(xp, p, x):
    """(½ G Var(log x), G / (n x)) at p = 0."""
    logs = xp.log(x)
    G, n = xp.exp(xp.mean(logs)), x.shape[0]
    return (1 + p) * G * xp.mean((logs - xp.mean(logs)) ** 2) / 2, G / (n * x)


power_mean.point("geometric")(at(p=0.0, x=[0.5, 1.25, 3.0]))


@xgrad.case(
    wrt=("x", "inverse"),
    operators=("jvp",),
    source="Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions 2, section 28.2",
)
def student_exponent(xp, x, inverse):  # x (), inverse () -> ()
    """−½(1 + κ) log(1 + κx²) / κ, κ = 1/ν: Student's t, and the normal's −½x² at κ = 0."""
    return -(1 + inverse) / 2 * divided(xp, xp.log1p(inverse * x * x), inverse, x * x)


@student_exponent.formula("jvp")
def towards_normal(xp, x, inverse, v):
    """−x dx + (¼x⁴ − ½x²) dκ at κ = 0."""
    return -(1 + inverse) * x * v[0] + (x**4 / 4 - x**2 / 2) * v[1]


student_exponent.point("normal")(at(x=1.5, inverse=0.0))


@xgrad.case(
    wrt=("x", "alpha"),
    source="Barron 2019, A general and adaptive robust loss function, CVPR, eq. 7 and 8",
)
def adaptive_loss(xp, x, alpha):  # x (), alpha () -> ()
    """(b/α) ((1 + x²/b)^(α/2) − 1), b = 2 − α; Cauchy's log(1 + ½x²) where α = 0."""
    b = 2 - alpha
    power = xp.exp(alpha / 2 * xp.log1p(x * x / b))
    return divided(xp, b * (power - 1), alpha, xp.log1p(x * x / 2))


@adaptive_loss.formula("gradient")
def by_cauchy(xp, x, alpha):
    """(2x / (2 + x²), x² / (4 + 2x²) − ½ℓ + ¼ℓ²) at α = 0, ℓ = log(1 + ½x²)."""
    long = xp.log1p(x * x / (2 - alpha))
    return 2 * x / (2 + x * x), x * x / (4 + 2 * x * x) - long / 2 + long**2 / 4


adaptive_loss.point("cauchy")(at(x=1.25, alpha=0.0))


@xgrad.case(wrt="r", source="Luenberger 1998, Investment Science, section 3.2: the annuity formula")
def annuity(xp, r):  # r () -> ()
    """(1 − (1 + r)^(−12)) / r, 12 at no interest: the derivative there is −78."""
    return divided(xp, 1 - (1 + r) ** -12, r, 12 * xp.ones_like(r))


@xgrad.case(wrt="r", source="Luenberger 1998, Investment Science, section 3.2: present values")
def annuity_by_payments(xp, r):  # r () -> ()
    """Σ (1 + r)^(−k), k = 1 … 12, the same payment by payment."""
    return sum((1 + r) ** -k for k in range(1, 13))


for _case in (annuity, annuity_by_payments):
    _case.point("no interest")(at(r=0.0))

    @_case.formula("gradient")
    def duration(xp, r):
        """−Σ k (1 + r)^(−k−1)."""
        return -sum(k * (1 + r) ** (-k - 1) for k in range(1, 13))


for _case in (
    logarithmic_mean,
    absorbed_and_eliminated,
    damped_response,
    box_cox,
    renyi_entropy,
    power_mean,
    student_exponent,
    adaptive_loss,
    annuity,
):
    for _method in (*AUTODIFF, "numpy.complex_step"):
        _case.known(_method, MASKED)

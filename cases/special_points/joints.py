"""Joints of branches: kinks that lie elsewhere than at 0, and functions that are smooth across one.

A stable form often goes through |x|, max or a branch whose parts are not smooth at the joint while
the whole is. Autodiff takes each part by its convention, sign 0 = 0 or ±1, a tie of max halved, and
where the conventions do not fit together the whole is wrong at the joint, and only there.
"""

import numpy as np

import xgrad

CLARKE = "Clarke 1983, Optimization and Nonsmooth Analysis, section 2.3"
STABLE = "Mächler 2012, Accurately computing log(1 − exp(−|a|)), R package Rmpfr, section 3"
TORCH = ("torch.reverse", "torch.reverse:func", "torch.forward")
JAX = ("jax.reverse", "jax.forward")
NO_CURVATURE = "with sign 0 = 0 the second derivative, which carries sign²(x) = 1, is lost at 0"
ONE_SIDED = "|x|' = 1 at 0 beside max(x, 0)' = ½: one joint, two conventions"


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


def absent(case, methods, reason, operator=""):
    """List methods that are wrong at every point of a case."""
    for method in methods:
        case.known(method, reason, operator=operator)


# --- smooth across the joint ----------------------------------------------------------------------


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=STABLE + "; DLMF 4.2.1")
def softplus_by_parts(xp, x):  # x () -> ()
    """max(x, 0) + log(1 + e^(−|x|)) at 0: smooth, with derivatives ½ and ¼."""
    return xp.maximum(x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source=STABLE + "; DLMF 4.2.1")
def softplus_by_sum(xp, x):  # x () -> ()
    """log(e⁰ + eˣ) as a library has it, at 0: the same function."""
    return xp.logaddexp(x, xp.zeros_like(x))


for _case in (softplus_by_parts, softplus_by_sum):
    _case.point("joint")(at(x=0.0))
    _case.formula("gradient")(lambda xp, x: xp.expit(x))
    _case.formula("hessian")(lambda xp, x: xp.expit(x) * xp.expit(-x))
absent(softplus_by_parts, TORCH, NO_CURVATURE, "hessian")
absent(softplus_by_parts, JAX, ONE_SIDED, "gradient")


@xgrad.case(
    wrt="z",
    operators=("gradient",),
    source="Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.90 and 4.91",
)
def cross_entropy_of_logits(xp, z, t):  # z (n,), t (n,) -> ()
    """Σ max(z, 0) − z t + log(1 + e^(−|z|)), the usual stable form, with logits of 0."""
    return xp.sum(xp.maximum(z, xp.zeros_like(z)) - z * t + xp.log1p(xp.exp(-xp.abs(z))))


cross_entropy_of_logits.point("untrained")(at(z=[0.0, 0.0, 1.5], t=[1.0, 0.0, 1.0]))
cross_entropy_of_logits.formula("gradient")(lambda xp, z, t: xp.expit(z) - t)
absent(cross_entropy_of_logits, JAX, ONE_SIDED)


@xgrad.case(wrt=("a", "b"), operators=("gradient",), source=STABLE + "; DLMF 4.2.1")
def logaddexp_by_parts(xp, a, b):  # a (), b () -> ()
    """max(a, b) + log(1 + e^(−|a − b|)) at a = b: smooth, the gradient is (½, ½)."""
    return xp.maximum(a, b) + xp.log1p(xp.exp(-xp.abs(a - b)))


logaddexp_by_parts.point("equal")(at(a=1.75, b=1.75))
logaddexp_by_parts.formula("gradient")(lambda xp, a, b: (xp.expit(a - b), xp.expit(b - a)))
absent(logaddexp_by_parts, JAX, ONE_SIDED)
logaddexp_by_parts.known(
    "numpy.complex_step", "max takes the one argument whole, and |a − b| the slope 1 at 0"
)


@xgrad.case(wrt="x", operators=("gradient", "hessian"), source="DLMF 4.28.2 and 4.6.1; " + STABLE)
def log_cosh_by_parts(xp, x, c):  # x (), c () -> ()
    """log cosh(x − c) as |u| + log(1 + e^(−2|u|)) − log 2 at x = c: derivatives 0 and 1."""
    u = xp.abs(x - c)
    return u + xp.log1p(xp.exp(-2 * u)) - xp.log(xp.asarray(2.0))


log_cosh_by_parts.point("centre")(at(x=0.3, c=0.3))
log_cosh_by_parts.formula("gradient")(lambda xp, x, c: xp.tanh(x - c))
log_cosh_by_parts.formula("hessian")(lambda xp, x, c: 1 / xp.cosh(x - c) ** 2)
absent(log_cosh_by_parts, TORCH, NO_CURVATURE, "hessian")


@xgrad.case(
    wrt="x",
    operators=("hessian",),
    source="Griewank & Walther 2008, Evaluating Derivatives, ch. 14",
)
def square_of_absolute(xp, x, c):  # x (), c () -> ()
    """|x − c|² at x = c: a parabola, whose second derivative is 2."""
    return xp.abs(x - c) ** 2


square_of_absolute.point("vertex")(at(x=0.3, c=0.3))
square_of_absolute.formula("hessian")(lambda xp, x, c: 2 * xp.ones_like(x))
absent(square_of_absolute, TORCH, NO_CURVATURE)


@xgrad.case(
    wrt="x",
    operators=("gradient",),
    source="Bertoin, Bolte, Gerchinovitz & Pauwels 2021, NeurIPS, Numerical influence of "
    "ReLU'(0) on backpropagation, section 2",
)
def identity_by_relus(xp, x, c):  # x (), c () -> ()
    """max(x − c, 0) − max(c − x, 0) = x − c at x = c: the derivative is 1."""
    zero = xp.zeros_like(x)
    return xp.maximum(x - c, zero) - xp.maximum(c - x, zero)


identity_by_relus.point("joint")(at(x=0.3, c=0.3))
identity_by_relus.formula("gradient")(lambda xp, x, c: xp.ones_like(x))


@identity_by_relus.implementation("torch", name="relu")
def by_torch_relu(x, c):
    import torch

    return torch.relu(x - c) - torch.relu(c - x)


@identity_by_relus.implementation("jax", name="nn.relu")
def by_jax_relu(x, c):
    import jax

    return jax.nn.relu(x - c) - jax.nn.relu(c - x)


for _method in ("torch.reverse:relu", "jax.reverse:nn.relu"):
    identity_by_relus.known(_method, "relu'(0) = 0 on both sides of x − c: 0 in place of 1")


@xgrad.case(
    wrt="r",
    operators=("gradient",),
    source="Huber 1964, Robust estimation of a location parameter, Ann. Math. Stat. 35, eq. 2.5",
)
def huber_at_delta(xp, r, delta):  # r (n,), delta () -> ()
    """Σ ½q² + δ(|r| − q), q = min(|r|, δ), where |r| = δ: smooth to first order."""
    a = xp.abs(r)
    q = xp.minimum(a, delta)
    return xp.sum(q * q / 2 + delta * (a - q))


huber_at_delta.point("joint")(at(r=[1.35, -1.35, 0.5, 3.0], delta=1.35))
huber_at_delta.formula("gradient")(lambda xp, r, delta: xp.clip(r, -delta, delta))


@xgrad.case(
    wrt="x",
    operators=("derivative",),
    source="Clevert, Unterthiner & Hochreiter 2016, ICLR, eq. 15",
)
def elu(xp, x):  # x (n,) -> (n,)
    """x where x > 0, eˣ − 1 elsewhere, at 0: the slope is 1 on both sides."""
    return xp.where(x > 0, x, xp.expm1(x))


elu.point("joint")(at(x=[0.0, -0.5, 2.0]))
elu.formula("derivative")(lambda xp, x: xp.where(x > 0, xp.ones_like(x), xp.exp(x)))


# --- quotients with a limit, at their joint -------------------------------------------------------

LIMIT = "the branch of the limit is a constant, and autodiff differentiates the branch"


@xgrad.case(
    wrt="x",
    operators=("derivative",),
    source="Hochbruck & Ostermann 2010, Exponential integrators, Acta Numerica 19, eq. 2.11",
)
def exponential_quotient(xp, x):  # x (n,) -> (n,)
    """φ₁(x) = (eˣ − 1) / x, 1 where x = 0: the derivative there is ½."""
    safe = xp.where(x == 0, xp.ones_like(x), x)
    return xp.where(x == 0, xp.ones_like(x), xp.expm1(safe) / safe)


@xgrad.case(
    wrt="x",
    operators=("derivative",),
    source="Hochbruck & Ostermann 2010, Exponential integrators, Acta Numerica 19, section 2",
)
def exponential_quotient_by_series(xp, x):  # x (n,) -> (n,)
    """φ₁(x) with its Taylor polynomial where |x| < 1/1024."""
    small = xp.abs(x) < 2.0**-10
    safe = xp.where(small, xp.ones_like(x), x)
    series = 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))
    return xp.where(small, series, xp.expm1(safe) / safe)


for _case in (exponential_quotient, exponential_quotient_by_series):
    _case.point("zero")(at(x=[0.0, 1.0]))

    @_case.formula("derivative")
    def exponential_quotient_slope(xp, x):
        """½ at 0, (x eˣ − eˣ + 1) / x² elsewhere."""
        safe = xp.where(x == 0, xp.ones_like(x), x)
        slope = (safe * xp.exp(safe) - xp.expm1(safe)) / safe**2
        return xp.where(x == 0, xp.ones_like(x) / 2, slope)


absent(exponential_quotient, (*TORCH, *JAX, "numpy.complex_step"), LIMIT)


@xgrad.case(
    wrt="x",
    operators=("gradient",),
    source="DLMF 24.2.1 with B₁ = −½; Scharfetter & Gummel 1969, IEEE Trans. Electron Devices 16",
)
def bernoulli_function(xp, x):  # x () -> ()
    """x / (eˣ − 1), 1 where x = 0: the derivative there is −½."""
    safe = xp.where(x == 0, xp.ones_like(x), x)
    return xp.where(x == 0, xp.ones_like(x), safe / xp.expm1(safe))


bernoulli_function.point("zero")(at(x=0.0))
bernoulli_function.formula("gradient")(lambda xp, x: x / 6 - xp.ones_like(x) / 2)


@xgrad.case(
    wrt="x", operators=("hessian",), source="DLMF 4.19.1 and 10.49.3: the spherical Bessel j₀"
)
def sine_quotient(xp, x):  # x () -> ()
    """sin x / x, 1 where x = 0: the second derivative there is −⅓."""
    safe = xp.where(x == 0, xp.ones_like(x), x)
    return xp.where(x == 0, xp.ones_like(x), xp.sin(safe) / safe)


sine_quotient.point("zero")(at(x=0.0))
sine_quotient.formula("hessian")(lambda xp, x: (x * x * 3 / 10 - 1) / xp.asarray(3.0))


@xgrad.case(
    wrt="z",
    operators=("gradient",),
    source="Bate, Mueller & White 1971, Fundamentals of Astrodynamics, section 4.4; DLMF 4.19.2",
)
def stumpff(xp, z):  # z () -> ()
    """C(z) = (1 − cos √z) / z, (cosh √−z − 1) / −z, and ½ on a parabola, z = 0: slope −1/24."""
    size = xp.where(z == 0, xp.ones_like(z), xp.abs(z))
    root = xp.sqrt(size)
    ellipse, hyperbola = (1 - xp.cos(root)) / size, (xp.cosh(root) - 1) / size
    return xp.where(z == 0, xp.ones_like(z) / 2, xp.where(z > 0, ellipse, hyperbola))


stumpff.point("parabola")(at(z=0.0))
stumpff.formula("gradient")(lambda xp, z: (z / 15 - 1) / xp.asarray(24.0))

for _case in (bernoulli_function, sine_quotient, stumpff):
    absent(_case, (*TORCH, *JAX, "numpy.complex_step"), LIMIT)


# --- kinks that are not at 0 ----------------------------------------------------------------------


@xgrad.case(wrt="x", operators=("gradient",), source=CLARKE)
def shifted_absolute(xp, x, c):  # x (n,), c () -> ()
    """Σ|x − c| where one x is c: slopes −1 and 1 there."""
    return xp.sum(xp.abs(x - c))


shifted_absolute.point("at 0.3")(at(x=[0.3, 1.0], c=0.3))


@xgrad.case(wrt="x", operators=("derivative",), source=CLARKE)
def shifted_relu(xp, x, c):  # x (n,), c () -> (n,)
    """max(x − c, 0) where x = c: slopes 0 and 1."""
    return xp.maximum(x - c, xp.zeros_like(x))


shifted_relu.point("at 1.7")(at(x=[1.7, 0.0, 2.0], c=1.7))


@xgrad.case(wrt="x", operators=("jacobian",), source=CLARKE)
def clamped(xp, x, low, high):  # x (n,), low (), high () -> (n,)
    """min(max(x, low), high) with x at both bounds: slopes 0 and 1."""
    return xp.minimum(xp.maximum(x, low), high)


clamped.point("bounds")(at(x=[-0.7, 2.3, 1.0], low=-0.7, high=2.3))


@xgrad.case(
    wrt="q", operators=("gradient",), source="Koenker & Bassett 1978, Regression quantiles, eq. 3.1"
)
def quantile_loss(xp, q, y):  # q (), y (n,) -> ()
    """Σ max(¾ u, −¼ u), u = y − q, at q = y₁: the kink of one term, the slopes of the rest."""
    u = y - q
    return xp.sum(xp.maximum(0.75 * u, -0.25 * u))


quantile_loss.point("on an observation")(at(q=0.8, y=[0.1, 0.8, 2.5]))


@xgrad.case(
    wrt="x", operators=("vjp",), source="Vapnik 1995, The Nature of Statistical Learning, eq. 6.2"
)
def insensitive_loss(xp, x):  # x (n,) -> (n,)
    """max(|x| − ½, 0) at ±½: slopes 0 and ±1, pulled back along w."""
    return xp.maximum(xp.abs(x) - 0.5, xp.zeros_like(x))


insensitive_loss.point("edges")(at(x=[0.5, -0.5, 1.0]))


@xgrad.case(
    wrt="r", operators=("hessian",), source="Huber 1964, Ann. Math. Stat. 35, eq. 2.5; " + CLARKE
)
def huber_curvature(xp, r, delta):  # r (), delta () -> ()
    """½r² or δ|r| − ½δ² at r = δ: the slope is δ, the second derivative 1 inside and 0 outside."""
    a = xp.abs(r)
    return xp.where(a <= delta, r * r / 2, delta * a - delta * delta / 2)


huber_curvature.point("joint")(at(r=1.35, delta=1.35))

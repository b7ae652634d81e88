"""Found in JAX."""

from findings import Finding

FINDINGS = (
    Finding(
        id="complex-sign",
        framework="jax",
        title="The derivative of sign of a complex number is 0",
        what=(
            "`jnp.sign(z)` is z/|z| for complex z, and turns with z; its rule is that of the real"
            " function. `z / abs(z)` and `torch.sgn` are right."
        ),
        who=(
            "phase retrieval, phase-only optics, normalised complex networks: the phase is never "
            "learned."
        ),
        known="no thread found (#19390 made the value z/|z|).",
        code="""
import jax, jax.numpy as jnp
z, v = jnp.complex64(3 + 4j), jnp.complex64(1j)
dz = jax.jvp(jnp.sign, (z,), (v,))[1]
print(float(dz.real), float(dz.imag))
""",
        witness="""
import torch
z, v = torch.tensor(3 + 4j), torch.tensor(1j)
dz = torch.func.jvp(torch.sgn, (z,), (v,))[1]
print(dz.real.item(), dz.imag.item())  # i (z/|z|) Im(conj(z) v) / |z|² = -0.096 + 0.072i
""",
        allowed=1e-05,
    ),
    Finding(
        id="spence-gradient",
        framework="jax",
        title="The gradient of spence is NaN for 1 < x ≤ 2, and off by 1 towards 0",
        what=(
            "log(1 − x) of the branch that is not taken there makes NaN of its 0; near 0, "
            "log(x)·log(1 − x) is differentiated as it stands, and 1 − x rounds to 1."
        ),
        who="any dilogarithm in a loss: loop integrals, Fermi–Dirac, Debye functions.",
        known="no thread found for the gradient (#40652 is of values beyond 1e38).",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
print([float(jax.grad(jax.scipy.special.spence)(x)) for x in (1.25, 2.0, 1e-20)])
""",
        witness="""
from mpmath import log; print([float(log(x) / (1 - x)) for x in (1.25, 2.0, 1e-20)])
""",
        allowed=1e-09,
    ),
    Finding(
        id="polygamma-negative",
        framework="jax",
        title="polygamma, and with it digamma', below −8",
        what=(
            "An expansion that needs x > −9 is used everywhere: 2.9e12 at −10.5, −0.05 at −20.5. "
            "lgamma'' too."
        ),
        who="reflection formulas, negative binomials continued to negative shapes.",
        known="jax #37635, #38199 (open), #38085 (a fix, open), openxla #43545.",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
print([float(jax.grad(jax.lax.digamma)(x)) for x in (-8.5, -10.5, -20.5)])
""",
        witness="""
from mpmath import psi; print([float(psi(1, x)) for x in (-8.5, -10.5, -20.5)])
""",
    ),
    Finding(
        id="i0-at-zero",
        framework="jax",
        title=("jax.scipy.special.i0 at 0: slope 1 in place of 0, curvature 1.5 in place of 0.5"),
        what=(
            "i0 is exp(|x|)·i0e(x), and both are differentiated on one side of 0. `jnp.i0` has "
            "the slope 0 and the curvature 0."
        ),
        who="von Mises and Kaiser windows that start at concentration 0.",
        known="jax #40627, #40628 (closed by #40640 after this release).",
        code="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
for i0 in (jax.scipy.special.i0, jnp.i0):
    print(float(jax.grad(i0)(0.0)), float(jax.grad(jax.grad(i0))(0.0)))
""",
        witness="print([0.0, 0.5] * 2)  # 1 + x²/4 + …",
        of="largest",
    ),
    Finding(
        id="hypot-large",
        framework="jax",
        title="The gradient of hypot at large and at small arguments",
        what=(
            "At equal arguments 1.06 in place of 1/√2 from 1e19 on in float32 (1e154 in float64),"
            " 1.25 in place of 0.8 at (3e20, 4e20), −∞ and NaN at 1e-20. The value is right: that"
            " is what hypot is for."
        ),
        who="code that calls hypot because its arguments may be large or small.",
        known=(
            "no thread found (#4893 put the formula in and asked whether its gradients are "
            "sensible)."
        ),
        code="""
import jax, jax.numpy as jnp
g = jax.grad(jnp.hypot, (0, 1))
print([float(d) for x, y in ((1e20, 1e20), (3e20, 4e20), (1e-20, 1e-20)) for d in g(x, y)])
""",
        witness="print([2**-0.5, 2**-0.5, 0.6, 0.8, 2**-0.5, 2**-0.5])",
        allowed=1e-05,
    ),
    Finding(
        id="log-ndtr-tail",
        framework="jax",
        title="The gradient of log_ndtr in the tail: 1 where 100,000 is right",
        what=(
            "exp of the difference of two large numbers: 0.15% at −1,000 and 70% at −10⁴ in "
            "float32, a third at −10⁸ in float64. `norm.logcdf` and `norm.logsf` are this "
            "function."
        ),
        who=(
            "probit regression, censored likelihoods, expected improvement, at outliers in float32."
        ),
        known="no thread found.",
        code="""
import jax
print([float(jax.grad(jax.scipy.special.log_ndtr)(x)) for x in (-1e3, -1e4, -1e5)])
""",
        witness="""
from mpmath import mp, erfc, exp, pi, sqrt; mp.dps = 40
hazard = lambda x: sqrt(2 / pi) * exp(-x * x / 2) / erfc(-x / sqrt(mp.mpf(2)))
print([float(hazard(mp.mpf(x))) for x in (-1e3, -1e4, -1e5)])
""",
        allowed=1e-05,
    ),
    Finding(
        id="attention-float64",
        framework="jax",
        title="dot_product_attention of float64 arrays computes its softmax in float32",
        what=(
            "The result is float64 and has six or seven digits. The documentation does not say so."
        ),
        who="float64 gradient checks and physics models with attention.",
        known=("discussed in jax #34112 and #34114 (open), which are of an overflow of its mask."),
        code="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
q = jnp.array([[0.3, 0.7], [1.1, -0.4]]).reshape(1, 2, 1, 2)
print(jax.nn.dot_product_attention(q, q, q).ravel().tolist())
""",
        witness="""
import numpy as np
q = np.array([[0.3, 0.7], [1.1, -0.4]])
p = np.exp(q @ q.T / np.sqrt(2))
print((p / p.sum(1, keepdims=True) @ q).ravel().tolist())
""",
    ),
    Finding(
        id="exp1-twice",
        framework="jax",
        title="exp1 and expn cannot be differentiated twice: TypeError",
        what="In every order of modes. `expi` of positive arguments can.",
        who=(
            "Newton steps and Hessians through exponential integrals (well functions, radiative "
            "transfer)."
        ),
        known="no thread found (#26977 mended leaks of the same function).",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
print(float(jax.grad(jax.grad(jax.scipy.special.exp1))(1.5)))
""",
        witness="from math import exp; print(exp(-1.5) * (1 / 1.5 + 1 / 1.5**2))",
    ),
    Finding(
        id="bessel-jn-small",
        framework="jax",
        title="bessel_jn at small arguments: NaN at 0, J0''(0.1) = −519,000",
        what=(
            "Its recurrence starts at `n_iter` = 50; the derivatives go before the value. The "
            "numbers are J1(0), J1'(0) and J0''(0.1)."
        ),
        who="diffraction and drum modes on a grid that has its centre.",
        known="no thread found.",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
J = lambda n: lambda x: jax.scipy.special.bessel_jn(x, v=1)[n]
print(float(J(1)(0.0)), float(jax.grad(J(1))(0.0)), float(jax.grad(jax.grad(J(0)))(0.1)))
""",
        witness="""
from mpmath import besselj
print(0.0, 0.5, float(besselj(0, 0.1, 2)))
""",
        allowed=1e-09,
    ),
    Finding(
        id="truncnorm-bounds",
        framework="jax",
        title=("truncnorm.logpdf far out: finite value, NaN gradient with respect to the bounds"),
        what=(
            "Right with the bounds (8, 16), NaN with (10, 20); the value and its slope in x are "
            "right."
        ),
        who="fits of truncation points, truncated proposals far from the mean.",
        known="no thread found for this (#38606 is of NaN arguments).",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
g = jax.grad(lambda a, b: jax.scipy.stats.truncnorm.logpdf(10.5, a, b), (0, 1))
print([float(d) for d in g(10.0, 11.0)])
""",
        witness="""
from mpmath import mp, erfc, exp, pi, sqrt; mp.dps = 40
phi, sf = lambda x: exp(-x * x / 2) / sqrt(2 * pi), lambda x: erfc(x / sqrt(mp.mpf(2))) / 2
print([float(s * phi(mp.mpf(x)) / (sf(10) - sf(11))) for s, x in ((1, 10), (-1, 11))])
""",
        allowed=1e-09,
    ),
    Finding(
        id="sinc-near-zero",
        framework="jax",
        title="The derivative of jnp.sinc near 0 loses all digits",
        what=(
            "The series is used at 0 only. In float64 36% at 1e-8, and 4,600 times too large at "
            "1e-10; sici'' is made of it."
        ),
        who="learned filters and band limits, near the centre of the kernel.",
        known="jax #34139, #40629 (closed).",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
print([float(jax.grad(jax.numpy.sinc)(2.0**-n)) for n in (17, 27, 33)])
""",
        witness="""
from mpmath import mp, sin, pi; mp.dps = 60
print([float(mp.diff(lambda x: sin(pi * x) / (pi * x), mp.mpf(2) ** -n)) for n in (17, 27, 33)])
""",
    ),
    Finding(
        id="erfcx-band",
        framework="jax",
        title=("erfcx is 0 between 26.55 and 26.64, and its gradient −1.13 in place of −0.0008"),
        what=(
            "erfc becomes denormal, and is flushed to 0, before the asymptotic series takes over."
        ),
        who="tails of exponentially modified Gaussians and Voigt profiles.",
        known="jax #38607 (open), #38822 (a fix, open).",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
f = jax.scipy.special.erfcx
print(float(f(26.6)), float(jax.grad(f)(26.6)))
""",
        witness="""
from mpmath import mp, erfc, exp; mp.dps = 60
f = lambda x: exp(x * x) * erfc(x)
print(float(f(mp.mpf(26.6))), float(mp.diff(f, 26.6)))
""",
    ),
    Finding(
        id="boxcox-lambda-zero",
        framework="jax",
        title="boxcox and boxcox1p: the derivative by λ is 0 at λ = 0",
        what=(
            "At λ = 0 the value is log(x), without λ; the derivative by λ is log(x)²/2, which both "
            "have at every λ beside 0."
        ),
        who="an estimate of λ that starts at 0, the logarithm, as is usual: it never moves.",
        known="no thread found for this (#37564 put both in).",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
from jax.scipy.special import boxcox, boxcox1p
print(float(jax.grad(boxcox, 1)(2.0, 0.0)), float(jax.grad(boxcox1p, 1)(2.0, 0.0)))
""",
        witness="""
from mpmath import log; print(float(log(2) ** 2 / 2), float(log(3) ** 2 / 2))
""",
    ),
    Finding(
        id="betainc-ends",
        framework="jax",
        title="The gradient of betainc is NaN at x = 0 and x = 1",
        what=(
            "The density is exp((a − 1) log x + (b − 1) log1p(−x) − …), and (a − 1) log 0 is 0 · ∞ "
            "where a = 1: I(1, 1, x) is x. At 1 the same of b."
        ),
        who="CDFs of beta, binomial and Student's t at the ends of their ranges.",
        known="no thread found.",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
slope = jax.grad(jax.scipy.special.betainc, 2)
print(float(slope(1.0, 1.0, 0.0)), float(slope(2.0, 1.0, 1.0)))
""",
        witness="""
from mpmath import mp, betainc, diff; mp.dps = 60
value = lambda a: lambda x: betainc(a, 1, 0, x, regularized=True)
print(float(diff(value(1), 0, direction=1)), float(diff(value(2), 1, direction=-1)))
""",
    ),
    Finding(
        id="hypot-tie",
        framework="jax",
        title="The second derivative of hypot is 0 where both arguments have one size",
        what=(
            "hypot divides the smaller argument by the larger one; where they tie, the slopes of "
            "minimum and maximum are halves, which add up to the right first derivative and to "
            "no second one. sqrt(x² + y²) is smooth there."
        ),
        who="Newton steps and curvatures at points on the diagonal, the usual starting point.",
        known="no thread found for this.",
        code="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
print(float(jax.grad(jax.grad(lambda x: jnp.hypot(x, 1.0)))(1.0)))
""",
        witness="""
from mpmath import diff, sqrt; print(float(diff(lambda x: sqrt(x * x + 1), 1, 2)))
""",
    ),
    Finding(
        id="ldexp-zero",
        framework="jax",
        title="The gradient of ldexp at 0 is 1 in place of 2ⁿ",
        what="At 0 the argument itself is returned, to keep its sign, and its derivative with it.",
        who="scaling by powers of two, of whatever may be 0: a padded element.",
        known="jax #37992 (open), #38001 (a fix, open).",
        code="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
print(float(jax.grad(lambda x: jnp.ldexp(x, 5))(0.0)))
""",
        witness="""
print(float(2**5))
""",
    ),
    Finding(
        id="vander-zero",
        framework="jax",
        title="The gradient of vander is NaN at 0",
        what=(
            "Every column is a power, x⁰ too, whose slope by the rule of powers is 0 · 0⁻¹. Of "
            "power(x, 0.0) itself its project holds NaN to be right at 0 (#12409, closed); the "
            "columns of vander are polynomials."
        ),
        who="polynomial regression whose inputs hold a 0.",
        known="no thread found of JAX (TensorFlow mended the same in September 2026, #127494).",
        code="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
slopes = jax.jacobian(lambda x: jnp.vander(jnp.stack([x, x + 2]), 3))(0.0)
print(*(float(s) for s in slopes[0]))
""",
        witness="""
print(0.0, 1.0, 0.0)
""",
    ),
    Finding(
        id="poch-zero",
        framework="jax",
        title="The gradient of poch is NaN at z = 0",
        what=(
            "The slope is poch(z, m) · (ψ(z + m) − ψ(z)), which is 0 · ∞ at the pole of ψ; the "
            "function is Γ(z + m)/Γ(z), smooth there, with the slope Γ(m)."
        ),
        who="rising factorials that begin at 0, as in terms of hypergeometric series.",
        known="no thread found.",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
print(float(jax.grad(jax.scipy.special.poch)(0.0, 0.5)))
""",
        witness="""
from mpmath import mp, gamma; print(float(gamma(mp.mpf(1) / 2)))
""",
    ),
    Finding(
        id="logsumexp-zero-weight",
        framework="jax",
        title="The gradient of logsumexp by its weights is 0 where a weight is 0",
        what=(
            "Terms whose weight b is 0 are masked out, and their derivative by b with them: it is "
            "exp(a)/Σ b exp(a), 0 at no finite a. optax.losses.sigmoid_focal_loss is built on it: "
            "its gradient by a label of 0 or 1 is −0.95 where −0.49 is right."
        ),
        who="soft labels and mixture weights that are learned and begin at 0: they never move.",
        known="no thread found.",
        code="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
value = lambda b: jax.scipy.special.logsumexp(jnp.array([0.3, -0.2]), b=jnp.stack([1.0, b]))
print(float(jax.grad(value)(0.0)))
""",
        witness="""
from mpmath import diff, exp, log
print(float(diff(lambda b: log(exp(0.3) + b * exp(-0.2)), 0)))
""",
    ),
    Finding(
        id="poisson-pmf-zero",
        framework="jax",
        title="The gradients of poisson.pmf at a mean of 0 and of geom.pmf at p = 1 are NaN",
        what=(
            "The logarithm of the probability is differentiated and multiplied by the "
            "probability: ∞ · 0. The probabilities are smooth from that side: exp(−μ) μ, and p at "
            "the first trial."
        ),
        who="likelihoods at the ends of their parameters, as of a component without events.",
        known="no thread found.",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
from jax.scipy.stats import geom, poisson
print(float(jax.grad(poisson.pmf, 1)(1.0, 0.0)), float(jax.grad(geom.pmf, 1)(1.0, 1.0)))
""",
        witness="""
from mpmath import diff, exp
print(float(diff(lambda m: m * exp(-m), 0, direction=1)), 1.0)
""",
    ),
)

"""Found in JAX at single points of smooth functions."""

from findings import Finding

FINDINGS = (
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
        title="The gradients of poisson.pmf and binom.pmf at 0 and of geom.pmf at p = 1 are NaN",
        what=(
            "The logarithm of the probability is differentiated and multiplied by the "
            "probability: ∞ · 0. The probabilities are smooth from that side: exp(−μ) μ, p at the "
            "first trial, and 4 p (1 − p)³ of one success in four."
        ),
        who="likelihoods at the ends of their parameters, as of a component without events.",
        known="no thread found.",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
from jax.scipy.stats import binom, geom, poisson
print(float(jax.grad(poisson.pmf, 1)(1.0, 0.0)), float(jax.grad(geom.pmf, 1)(1.0, 1.0)))
print(float(jax.grad(lambda p: binom.pmf(1, 4, p))(0.0)))
""",
        witness="""
from mpmath import diff, exp
print(float(diff(lambda m: m * exp(-m), 0, direction=1)), 1.0)
print(float(diff(lambda p: 4 * p * (1 - p) ** 3, 0)))
""",
    ),
)

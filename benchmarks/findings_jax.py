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
)

"""Found in torch: digits that are lost."""

from findings import Finding

FINDINGS = (
    Finding(
        id="log-ndtr-tail",
        framework="torch",
        title="The gradient of log_ndtr in the tail: 0.4 where 100,000 is right",
        what=(
            "The rule is exp of the difference of two large numbers. In float32 it is off by 1.7%"
            " at −700 and meaningless at −10⁵; in float64 twice too large at −10⁸. The value is "
            "right."
        ),
        who=("probit regression, censored and truncated likelihoods, at outliers in float32."),
        known="no thread found.",
        code="""
import torch
x = torch.tensor([-700.0, -1e3, -1e5], requires_grad=True)
print(torch.autograd.grad(torch.special.log_ndtr(x).sum(), x)[0].tolist())
""",
        witness="""
from mpmath import mp, erfc, exp, pi, sqrt; mp.dps = 40
hazard = lambda x: sqrt(2 / pi) * exp(-x * x / 2) / erfc(-x / sqrt(mp.mpf(2)))
print([float(hazard(mp.mpf(x))) for x in (-700, -1e3, -1e5)])
""",
        allowed=1e-05,
    ),
    Finding(
        id="sinc-near-zero",
        framework="torch",
        title="The derivative of sinc near 0 loses all digits",
        what=(
            "(πx cos πx − sin πx)/(πx²) cancels: in float32 1.4% at 0.001 and 0 in place of "
            "−3.3e-5 at 1e-5; in float64 36% at 1e-8."
        ),
        who="learned filters and band limits in float32, near the centre of the kernel.",
        known="no thread found for this (#53989, #56760: NaN at 0 itself, closed).",
        code="""
import torch
x = torch.tensor([2.0**-10, 2.0**-13, 2.0**-17], requires_grad=True)
print(torch.autograd.grad(torch.sinc(x).sum(), x)[0].tolist())
""",
        witness="""
from mpmath import mp, sin, pi; mp.dps = 60
print([float(mp.diff(lambda x: sin(pi * x) / (pi * x), mp.mpf(2) ** -n)) for n in (10, 13, 17)])
""",
        allowed=1e-05,
    ),
    Finding(
        id="erfcx-large",
        framework="torch",
        title="The derivative of erfcx at large arguments cancels",
        what=(
            "2x erfcx(x) − 2/√π: 6% at 1,000 in float32; the second derivative there is 56,000 "
            "times too large and has the wrong sign."
        ),
        who="tails of exponentially modified Gaussians and Voigt profiles in float32.",
        known="no thread found.",
        code="""
import torch
x = torch.tensor([100.0, 1000.0], requires_grad=True)
g, = torch.autograd.grad(torch.special.erfcx(x).sum(), x, create_graph=True)
print(g.tolist(), torch.autograd.grad(g.sum(), x)[0].tolist())
""",
        witness="""
from mpmath import mp, erfc, exp; mp.dps = 60
f = lambda x: exp(x * x) * erfc(x)
print([float(mp.diff(f, x, n)) for n in (1, 2) for x in (100, 1000)])
""",
        allowed=1e-05,
    ),
    Finding(
        id="i1-second",
        framework="torch",
        title="The second derivative of special.i1 near 0 loses all digits",
        what=(
            "i1' is written i0 − i1/x, whose derivative cancels: five digits at 1e-5, none at "
            "1e-8 (float64)."
        ),
        who="Hessians of von Mises models at small concentration.",
        known="no thread found.",
        code="""
import torch
x = torch.tensor([2.0**-17, 2.0**-27], dtype=torch.double, requires_grad=True)
g, = torch.autograd.grad(torch.special.i1(x).sum(), x, create_graph=True)
print(torch.autograd.grad(g.sum(), x)[0].tolist())
""",
        witness="""
from mpmath import mp, besseli; mp.dps = 60
print([float(mp.diff(lambda x: besseli(1, x), mp.mpf(2) ** -n, 2)) for n in (17, 27)])
""",
    ),
    Finding(
        id="bce-second",
        framework="torch",
        title=("binary_cross_entropy: the second derivative has an eps that the first has not"),
        what=(
            "At target 1 it is 1/x²; the numbers are those of 1/(x + 1e-12)², so two digits are "
            "left at 1e-9. In float32 it is 0 at 0.99999."
        ),
        who=("Newton steps, influence functions, gradient penalties at confident predictions."),
        known="no thread found for this (#26983 put it in).",
        code="""
import torch; from torch.nn.functional import binary_cross_entropy as loss
for x in (1e-6, 1e-9, torch.tensor(0.99999).item()):
    x = torch.tensor([x], dtype=torch.float if x > 0.5 else torch.double, requires_grad=True)
    g, = torch.autograd.grad(loss(x, torch.ones_like(x)), x, create_graph=True)
    print(torch.autograd.grad(g, x)[0].item())
""",
        witness="print([x**-2 for x in (1e-6, 1e-9, 0.9999899864196777)])",
        allowed=1e-06,
    ),
    Finding(
        id="celu-alpha",
        framework="torch",
        title="celu in float64: backward takes 1/alpha in float32",
        what=(
            "The value is right to the last digit, the gradient to eight digits or fewer, except "
            "where 1/alpha is a float32; the smaller alpha, the worse."
        ),
        who="float64 gradient checks and scientific networks with celu.",
        known="no thread found.",
        code="""
import torch
x = torch.tensor(-0.5, dtype=torch.double, requires_grad=True)
for alpha in (0.3, 0.1, 0.01):
    print(torch.autograd.grad(torch.nn.functional.celu(x, alpha), x)[0].item())
""",
        witness="from math import exp; print([exp(-0.5 / alpha) for alpha in (0.3, 0.1, 0.01)])",
    ),
    Finding(
        id="hardsigmoid-sixth",
        framework="torch",
        title="hardsigmoid in float64: the slope is float32(1/6)",
        what="Everywhere between −3 and 3.",
        who="float64 gradient checks; a difference quotient in float64 sees it.",
        known="no thread found for this (#51408 is of the bounds, closed).",
        code="""
import torch
x = torch.tensor(0.5, dtype=torch.double, requires_grad=True)
print(torch.autograd.grad(torch.nn.functional.hardsigmoid(x), x)[0].item())
""",
        witness="print(1 / 6)",
    ),
    Finding(
        id="trigamma-digits",
        framework="torch",
        title="polygamma(1, x) has nine digits in float64",
        what=(
            "So have the derivative of digamma and the second derivatives of lgamma and mvlgamma;"
            " order 2 and up (another formula) has all digits for positive x."
        ),
        who=("Fisher information and Newton steps of Gamma, Beta, Dirichlet and Wishart models."),
        known=(
            "put in as a low-precision function (pytorch #4399, 2018), #61641 would have removed "
            "it (closed)."
        ),
        code="""
import torch
x = torch.tensor([0.5, 1.0, 2.0], dtype=torch.double, requires_grad=True)
g, = torch.autograd.grad(torch.lgamma(x).sum(), x, create_graph=True)
print(torch.autograd.grad(g.sum(), x)[0].tolist(), torch.polygamma(1, x).tolist())
""",
        witness="from mpmath import psi; print([float(psi(1, x)) for x in (0.5, 1, 2)] * 2)",
    ),
    Finding(
        id="airy-digits",
        framework="torch",
        title="special.airy_ai in float64 has five digits just below −2.09",
        what=(
            "A value; no derivative is offered. At −2.09 all digits are right, at −2.1 five, at "
            "−4 nine."
        ),
        who="users who take the function for what scipy's is.",
        known="its tests allow 1e-5 in float64 (pytorch #78902).",
        code="""
import torch
x = torch.tensor([-2.1, -2.5, -3.0], dtype=torch.double)
print(torch.special.airy_ai(x).tolist())
""",
        witness="from mpmath import airyai; print([float(airyai(x)) for x in (-2.1, -2.5, -3)])",
    ),
    Finding(
        id="bessel-digits",
        framework="torch",
        title=(
            "special.bessel_j0, j1, y0 and y1 in float64 have five to seven digits just above 5"
        ),
        what=(
            "Values, absolute errors of 6e-8 to 6e-7 there, which become smaller with the "
            "argument. No derivative is offered."
        ),
        who="users who take the functions for what scipy's are.",
        known="no thread found.",
        code="""
import torch
x = torch.tensor(5.25, dtype=torch.double)
print([getattr(torch.special, f"bessel_{f}")(x).item() for f in ("j0", "j1", "y0", "y1")])
""",
        witness="""
from mpmath import besselj, bessely
print([float(f(n, 5.25)) for f in (besselj, bessely) for n in (0, 1)])
""",
    ),
    Finding(
        id="ndtr-tail",
        framework="torch",
        title="special.ndtr is 0 below −8.3 in float64",
        what=(
            "(1 + erf)/2 cancels: two digits are left at −7.9. JAX's is right. The derivative is "
            "right; the value of gelu is lost in the same way."
        ),
        who="p-values and tail probabilities.",
        known="pytorch #192295 (open), #192632 (a fix, open).",
        code="""
import torch
print(torch.special.ndtr(torch.tensor([-5.0, -8.0, -10.0], dtype=torch.double)).tolist())
""",
        witness="""
from mpmath import mp, erfc, sqrt; mp.dps = 40
print([float(erfc(-x / sqrt(mp.mpf(2))) / 2) for x in (-5, -8, -10)])
""",
    ),
)

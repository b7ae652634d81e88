"""Found in torch: rules that are wrong, and NaN or infinity where numbers are right."""

from findings import Finding

FINDINGS = (
    Finding(
        id="batch-norm-strided-weight",
        framework="torch",
        title=(
            "batch_norm on the CPU reads a strided weight as if it were contiguous, backwards only"
        ),
        what=(
            "The value is right; the gradient of the input takes the k-th number of the storage "
            "for the k-th weight. `layer_norm`, `group_norm`, `instance_norm` and `rms_norm` of "
            "the same weight are right."
        ),
        who=(
            "weights that are a slice or a column of a larger tensor (made by another network, "
            "one matrix for many tasks); the loss looks right, the direction is not."
        ),
        known="no thread found (#175189 is another mistake, of the MPS backend).",
        code="""
import torch
x = torch.tensor([[0.0, 0, 0], [1, 2, 3], [5, 3, 1]], dtype=torch.double, requires_grad=True)
w = torch.arange(1.0, 7.0, dtype=torch.double)[::2]  # 1, 3, 5; w.clone() is right
y = torch.nn.functional.batch_norm(x, None, None, w, training=True)
print(torch.autograd.grad((y**3).sum(), x)[0].flatten().tolist())
""",
        witness="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
x, w = jnp.array([[0.0, 0, 0], [1, 2, 3], [5, 3, 1]]), jnp.array([1.0, 3, 5])
f = lambda x: ((w * (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5)) ** 3).sum()
print(jax.grad(f)(x).ravel().tolist())
""",
        allowed=1e-09,
        of="largest",
    ),
    Finding(
        id="cholesky-inverse-forward",
        framework="torch",
        title="cholesky_inverse in forward mode has two factors in the wrong order",
        what=(
            "Wrong for factors that are not diagonal; torch's own test inputs are nearly so "
            "(condition 1.005), so its tests pass, and balls agree with the definition to five "
            "digits there. Reverse mode is right."
        ),
        who=("`jvp`, `jacfwd` and `hessian` through `cholesky_inverse`, as in Gaussian models."),
        known="pytorch #196682 (open), #197010 (a fix, open).",
        code="""
import torch
L = torch.tensor([[2.0, 0.0], [1.0, 1.0]], dtype=torch.double)
V = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.double)
print(torch.func.jvp(torch.cholesky_inverse, (L,), (V,))[1].flatten().tolist())
""",
        witness="""
import numpy as np  # a complex step
L = np.array([[2, 0], [1, 1]]) + 1e-30j * np.array([[0, 0], [1, 0]])
print((np.linalg.inv(L @ L.T).imag / 1e-30).ravel().tolist())
""",
        of="largest",
    ),
    Finding(
        id="cholesky-solve-forward",
        framework="torch",
        title="cholesky_solve of a stack of factors: forward mode is wrong",
        what=(
            "The tangent is wrong where one right-hand side meets a stack of factors. A single "
            "factor is right."
        ),
        who="`jvp`, `jacfwd` and `hessian` through batched solves.",
        known=(
            "pytorch #196694 (open); pytorch #198017 (open, one for all wrong forward-mode rules)."
        ),
        code="""
import torch
L = torch.tensor([[[2.0, 0], [-7, 3]], [[3, 0], [-13, 2]]], dtype=torch.double)
V = torch.tensor([[[0.0, 0], [1, 0]], [[0, 0], [2, 0]]], dtype=torch.double)
B = torch.tensor([[1.0, 2], [-1, 3]], dtype=torch.double)
print(torch.func.jvp(lambda L: torch.cholesky_solve(B, L), (L,), (V,))[1].flatten().tolist())
""",
        witness="""
import numpy as np  # a complex step
L = np.array([[[2, 0], [-7, 3]], [[3, 0], [-13, 2]]]) + 0j
L += 1e-30j * np.array([[[0, 0], [1, 0]], [[0, 0], [2, 0]]])
X = np.linalg.inv(L @ L.transpose(0, 2, 1)) @ np.array([[1, 2], [-1, 3]])
print((X.imag / 1e-30).ravel().tolist())
""",
        of="largest",
    ),
    Finding(
        id="det-forward-twice",
        framework="torch",
        title="det, slogdet and solve: forward mode over forward mode drops a term",
        what=(
            "`jacfwd(jacfwd(f))` is wrong; `hessian` (forward over reverse) and reverse over "
            "reverse are right. The numbers are the second derivatives of the determinant of a 2 "
            "× 2 matrix, of its logarithm, and of the sum of a solution."
        ),
        who="Taylor mode, Laplacians and hyper-dual numbers by nested `jvp`.",
        known="pytorch #198017 (open, one for all wrong forward-mode rules).",
        code="""
import torch
A = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.double)
solve = lambda A: torch.linalg.solve(A, torch.ones_like(A)).sum()
for f in (torch.det, lambda A: torch.linalg.slogdet(A)[1], solve):
    print(torch.func.jacfwd(torch.func.jacfwd(f))(A).flatten().tolist())
""",
        witness="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
det = lambda A: A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
solve = lambda A: 2 * (A[0, 0] + A[1, 1] - A[0, 1] - A[1, 0]) / det(A)
for f in (det, lambda A: jnp.log(abs(det(A))), solve):
    print(jax.hessian(f)(jnp.array([[1.0, 2.0], [3.0, 4.0]])).ravel().tolist())
""",
        of="largest",
    ),
    Finding(
        id="layer-norm-forward-twice",
        framework="torch",
        title="layer_norm: forward mode over forward mode has the wrong sign",
        what=("`hessian` and reverse over reverse are right, and so is `group_norm` every way."),
        who="Laplacians and Taylor mode of transformers by nested `jvp`.",
        known=(
            "pytorch #196700 (open; #196699 the same of `batch_norm`); pytorch #198017 (open, one"
            " for all wrong forward-mode rules)."
        ),
        code="""
import torch
w = torch.tensor([1.0, 2.0], dtype=torch.double)
norm = lambda x: torch.nn.functional.layer_norm(x, (2,), w, 0 * w, eps=0.25).sum()
D = lambda f: lambda t: torch.func.jvp(f, (t,), (torch.ones_like(t),))[1]
print(D(D(lambda t: norm(torch.stack([t, 0 * t]))))(torch.tensor(0.75).double()).item())
""",
        witness="""
from mpmath import mp, sqrt; mp.dps = 40  # the sum is -t / sqrt(1 + t²)
print(float(mp.diff(lambda t: -t / sqrt(1 + t * t), 0.75, 2)))
""",
    ),
    Finding(
        id="logcumsumexp-forward",
        framework="torch",
        title="logcumsumexp in forward mode drops all that a later element dwarfs",
        what=(
            "The tangent of a prefix is divided by its sum of exponentials over the largest of "
            "the whole, plus 1e-13: thirteen digits at best, and 0 where the prefix is 745 below "
            "the largest. Along ones every tangent is 1. Complex ones are NaN from 710 on. "
            "Reverse mode is right."
        ),
        who="`jvp`, `jacfwd` and `hessian` through running log-sums, as in hidden Markov models.",
        known="pytorch #196705 (open), #196741 (a fix, open).",
        code="""
import torch
x = torch.tensor([-800.0, -40.0, 0.0], dtype=torch.double)
ones = torch.ones(3, dtype=torch.double)
print(torch.func.jvp(lambda x: torch.logcumsumexp(x, 0), (x,), (ones,))[1].tolist())
""",
        witness="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
x = jnp.array([-800.0, -40.0, 0.0])
print(jax.jvp(jax.lax.cumlogsumexp, (x,), (jnp.ones(3),))[1].tolist())
""",
    ),
    Finding(
        id="sinc-second-at-zero",
        framework="torch",
        title="The second derivative of sinc at 0 is NaN",
        what="The function is analytic there; its second derivative is −π²/3.",
        who=(
            "second-order methods and PINNs with sinc features: one sample at 0 spoils the batch."
        ),
        known="pytorch #196703, #89459 (open), #187803 and #196885 (fixes, open).",
        code="""
import torch
x = torch.tensor(0.0, dtype=torch.double, requires_grad=True)
g, = torch.autograd.grad(torch.sinc(x), x, create_graph=True)
print(torch.autograd.grad(g, x)[0].item())
""",
        witness="import math; print(-(math.pi**2) / 3)",
    ),
    Finding(
        id="mish-second",
        framework="torch",
        title="The second derivative of mish is NaN from 89 on in float32",
        what=(
            "In float64 from 710 on: where exp overflows. The truth is 0 to all digits there; "
            "value and first derivative are right."
        ),
        who="gradient penalties and second-order methods with mish: one large activation.",
        known="no thread found (#43037 is of another mish).",
        code="""
import torch
x = torch.tensor([88.0, 89.0, 400.0], requires_grad=True)
g, = torch.autograd.grad(torch.nn.functional.mish(x).sum(), x, create_graph=True)
print(torch.autograd.grad(g.sum(), x)[0].tolist())
""",
        witness="print([0.0, 0.0, 0.0])  # below 1e-70, mpmath says",
        allowed=1e-30,
    ),
    Finding(
        id="logaddexp-second",
        framework="torch",
        title=(
            "The second derivative of logaddexp is NaN where the arguments are 89 apart in float32"
        ),
        what=(
            "710 apart in float64: 1/(1 + exp(y − x)) overflows and its derivative is ∞/∞. The "
            "truth is 2e-39."
        ),
        who=("Hessians through log-space recursions (HMMs, CTC), where such gaps are ordinary."),
        known="pytorch #196704 (open), #196787 (a fix, open).",
        code="""
import torch
x = torch.tensor(0.0, requires_grad=True)
g, = torch.autograd.grad(torch.logaddexp(x, torch.tensor(89.0)), x, create_graph=True)
print(torch.autograd.grad(g, x)[0].item())
""",
        witness="from math import exp; print(exp(-89) / (1 + exp(-89)) ** 2)",
        allowed=1e-05,
    ),
    Finding(
        id="renorm-complex-infinity",
        framework="torch",
        title="The gradient of renorm with p = inf is NaN for nearly all complex64 numbers",
        what=(
            "The value is right, and so is complex128; of 500 draws of three numbers 492 have NaN. "
            "`linalg.vector_norm(x, inf)` of the same numbers is right."
        ),
        who="complex layers whose rows are kept within a largest modulus.",
        known="no thread found.",
        code="""
import torch
x = torch.tensor([[1.0 + 1.0j]], dtype=torch.complex64, requires_grad=True)
y = torch.renorm(x, torch.inf, 0, 0.5)
g = torch.autograd.grad(y, x, torch.ones_like(y))[0]
print(torch.view_as_real(g).flatten().tolist())
""",
        witness="""
import jax, jax.numpy as jnp; jax.config.update("jax_enable_x64", True)
r = lambda x: x[0] / (2 * (jnp.hypot(*x) + 1e-7))  # the real part of x · 0.5 / (|x| + 1e-7)
print(jax.grad(r)(jnp.ones(2)).tolist())
""",
        allowed=1e-05,
    ),
    Finding(
        id="soft-margin-overflow",
        framework="torch",
        title="soft_margin_loss of a margin below −88: value ∞ and gradient NaN in float32",
        what=(
            "log(1 + exp(−yx)) as it is written; `softplus` of −yx and "
            "`multilabel_soft_margin_loss` are right."
        ),
        who="training with soft_margin_loss at the first badly missed sample.",
        known="no thread found.",
        code="""
import torch
x = torch.tensor([-100.0], requires_grad=True)
y = torch.nn.functional.soft_margin_loss(x, torch.ones(1))
print(y.item(), torch.autograd.grad(y, x)[0].item())
""",
        witness="print(100.0, -1.0)  # to 43 digits",
        allowed=1e-05,
    ),
    Finding(
        id="scatter-reduce-prod-forward",
        framework="torch",
        title="scatter_reduce with prod: forward mode is 0",
        what="No tangent passes, and nothing is said. Reverse mode is right.",
        who="Jacobian-vector products, `jacfwd` and Hessians through products by segments.",
        known="pytorch #196702 (open).",
        code="""
import torch
x, s = torch.tensor([2.0, 3.0]).double(), torch.tensor([5.0, 7.0]).double()
f = lambda x, s: torch.scatter_reduce(x, 0, torch.tensor([0, 0]), s, "prod")
print(torch.func.jvp(f, (x, s), (torch.ones_like(x), torch.zeros_like(s)))[1].tolist())
""",
        witness="""
print([5.0 * 7.0, 1.0])  # of x₀ s₀ s₁ and x₁, as both x grow
""",
    ),
    Finding(
        id="conv3d-bfloat16-amx",
        framework="torch",
        title="conv3d in bfloat16 where AMX is: outputs stand in others' places",
        what=(
            "Where the last output axis has length 1 and its stride is above 1, values are skipped "
            "and uninitialised memory is left: the second derivative of `conv_transpose3d` with "
            "dilation, which is such a convolution, differs from call to call. float16, float32, "
            "and processors without AMX are right."
        ),
        who="small volumes and videos in bfloat16 on Xeon processors of the fourth generation on.",
        known="pytorch #169688 (open), #188426 (a fix, open).",
        code="""
import torch
x, w = torch.arange(32.0).reshape(1, 1, 4, 4, 2), torch.ones(1, 1, 2, 2, 2)
y = torch.nn.functional.conv3d(x.bfloat16(), w.bfloat16(), stride=(1, 1, 2))
print(y.flatten()[:3].tolist())
""",
        witness="""
a = [sum(8 * i + 2 * j + k for i in (0, 1) for j in (c, c + 1) for k in (0, 1)) for c in range(3)]
print([float(v) for v in a])  # sums of eight whole numbers, which bfloat16 holds
""",
        allowed=1e-2,
    ),
    Finding(
        id="matrix-exp-16-bit",
        framework="torch",
        title="matrix_exp in bfloat16 and float16 on the CPU: value and gradient are garbage",
        what=(
            "Of matrices of order 2 and more; e on the diagonal of exp(I) is −1.3e30 in bfloat16, "
            "other arguments give NaN or ∞. The gradient at 0, where the value is right, is −1e30."
        ),
        who="orthogonal and unitary layers (`parametrizations.orthogonal`), ODEs in 16-bit types.",
        known="no thread found.",
        code="""
import torch
x = torch.eye(2)
print([torch.matrix_exp(x.to(t))[0, 0].item() for t in (torch.bfloat16, torch.float16)])
""",
        witness="""
from mpmath import e; print([float(e)] * 2)
""",
        allowed=1e-2,
    ),
)

"""Found in MLX, TensorFlow and HIPS autograd, as `xgrad doctor --framework` and runs meet them."""

from findings import Finding

NEW = "not looked for."

FINDINGS = (
    Finding(
        id="eigh-second-derivative",
        framework="autograd",
        title="The second derivative of eigh drops the eigenvectors where their cotangent is zero",
        what=(
            "Its rule has `if anp.any(vg)`: at a cotangent of zero the part of the eigenvectors is "
            "left out, and with it the derivative by that cotangent. A Hessian where the first "
            "derivative vanishes, and a forward derivative by two vjps, are zero."
        ),
        who="Hessians at optima of functions of eigenvectors; jvp from vjp.",
        known=NEW,
        code="""
import autograd.numpy as np; from autograd import grad
A, B = np.diag([1.0, 2.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
f = lambda t: np.linalg.eigh(A + t * B)[1][1, 0] ** 2  # t² + O(t⁴)
print(grad(grad(f))(0.0))
""",
        witness="""
from mpmath import atan, diff, sin, mpf
print(float(diff(lambda t: sin(atan(2 * t) / 2) ** 2, mpf(0), 2)))
""",
    ),
    Finding(
        id="float64-functions-in-float32",
        framework="mlx",
        title="sin, cos, exp, erf and sigmoid of float64 on the CPU are computed in float32",
        what=(
            "The result has dtype float64 and seven digits; log, sqrt, tanh and atan have sixteen."
            " What is made of these (softmax, logsumexp, logaddexp) and derivatives by them (tan, "
            "expm1) are as short."
        ),
        who="whoever asks for float64 to check a gradient, which is then wrong by 1e-8.",
        known=NEW,
        code="""
import mlx.core as mx
x = mx.array([0.7], dtype=mx.float64)
print(*(f(x).item() for f in (mx.sin, mx.cos, mx.exp, mx.erf, mx.sigmoid)))
""",
        witness="""
from math import sin, cos, exp, erf
x = 0.7
print(sin(x), cos(x), exp(x), erf(x), 1 / (1 + exp(-x)))
""",
    ),
    Finding(
        id="log-of-a-base-constant",
        framework="mlx",
        title="The derivatives of log2 and log10 in float64 hold a constant of float32",
        what="The values are right; their derivatives are off by the rounding of log 2 and log 10.",
        who="losses in bits or decibels, in float64.",
        known=NEW,
        code="""
import mlx.core as mx
x = mx.array(0.7, dtype=mx.float64)
print(mx.grad(mx.log2)(x).item(), mx.grad(mx.log10)(x).item())
""",
        witness="from math import log; print(1 / (0.7 * log(2)), 1 / (0.7 * log(10)))",
    ),
    Finding(
        id="vjp-that-is-not-used",
        framework="mlx",
        title="A vjp that is taken inside another one and not used changes the derivative",
        what=(
            "Inside of `mx.vjp` or `mx.grad`, a first inner `mx.vjp` at the traced x leaves x as a "
            "constant for the one after: the slope loses all but what f holds of x. Without the "
            "line that is not used the result is right."
        ),
        who="Hessian products, inner derivatives by vjps, anything that pulls twice at one point.",
        known=NEW,
        code="""
import mlx.core as mx
pull = lambda x, w: mx.vjp(lambda y: x * y**3, [x], [w])[1][0]
one, zero = mx.array(1.0), mx.array(0.0)
slope = lambda x: (pull(x, one), mx.vjp(lambda w: pull(x, w), [zero], [one])[1][0])[1]
print(mx.grad(slope)(mx.array(3.0)).item())
""",
        witness="print(81)  # of d/dy x y³ = 3 x y² at y = x, which is 3 x³: 9 x² at 3",
        allowed=1e-6,
    ),
    Finding(
        id="second-derivative-of-complex-abs",
        framework="mlx",
        title="The second derivative of the size of a complex number is wrong",
        what="Of |z|², from abs and square; of real(z · conj(z)) it is right.",
        who="Hessian products in phase retrieval and signal processing.",
        known=NEW,
        code="""
import mlx.core as mx
f = lambda a, b: mx.square(mx.abs(a + 1j * b))
slope = lambda a, b: mx.grad(f)(a, b)
print(mx.grad(slope)(mx.array(0.3), mx.array(0.5)).item())
""",
        witness="print(2.0)  # of a² + b²",
        allowed=1e-6,
    ),
    Finding(
        id="float-times-bool",
        framework="tensorflow",
        title="With NumPy behaviour, floats times truth values are truth values",
        what=(
            "`tf.experimental.numpy.experimental_enable_numpy_behavior` promotes float × bool to "
            "bool in the mode `all`: what a mask lets through becomes 1."
        ),
        who="masks that are multiplied.",
        known=NEW,
        code="""
import tensorflow as tf
tf.experimental.numpy.experimental_enable_numpy_behavior(dtype_conversion_mode="all")
x = tf.constant([2.5, 3.0]) * tf.constant([True, False])
print(*(float(v) for v in x.numpy()))
""",
        witness="print(2.5, 0.0)",
    ),
    Finding(
        id="hypot-overflows",
        framework="tensorflow",
        title="tf.experimental.numpy.hypot overflows where its result is in range",
        what="It is √(x² + y²) as written.",
        who="distances in float32 beyond 1e19.",
        known=NEW,
        code="""
import tensorflow as tf, tensorflow.experimental.numpy as tnp
print(float(tnp.hypot(tf.constant(3e30), tf.constant(4e30))))
""",
        witness="print(5e30)",
        allowed=1e-6,
    ),
)

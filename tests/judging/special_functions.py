"""Functions of torch and JAX at special points, with their derivatives in closed form.

`POINTS` is a list of `Special`: a function of one array, a point, an operator, and the truth: the
Jacobian or Hessian as an array, or at a kink the one-sided slopes, lowest and highest. For jvp, vjp
and hvp the truth is that Jacobian or Hessian too, to be multiplied by a direction. The truths are
derived by hand and use neither framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F

EYE = np.eye(2)
LOG2, E = math.log(2.0), math.e
Q = (0.75, -1.25)  # where points coincide
LINE = (0.5, 1.25, 2.0, 2.75, 3.5)  # ¾ apart
BENT = (0.5, 1.5, 1.0, 3.0, -1.0)


@dataclass(frozen=True)
class Slopes:
    """The one-sided slopes at a kink, the lower and the higher; the same where it is smooth."""

    low: Any
    high: Any


@dataclass(frozen=True)
class Special:
    """A function at a point where its derivative is wrong, or a convention, only there."""

    name: str
    framework: str
    function: Callable[[Any], Any]
    x: Any
    operator: str
    truth: Any  # an array, or `Slopes`

    @property
    def array(self) -> Any:
        """The point in the framework's own array."""
        host = np.asarray(self.x, dtype=np.float64)
        return torch.tensor(host) if self.framework == "torch" else jnp.asarray(host, jnp.float64)


POINTS: list[Special] = []


def special(framework: str, x: Any, operator: str, truth: Any, name: str = "") -> Callable:
    """Decorate a function of one array: it joins `POINTS`, under its own name or another."""

    def join(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        label = f"{framework}-{name or function.__name__}-{operator}"
        POINTS.append(Special(label, framework, function, x, operator, truth))
        return function

    return join


def turns(n: int) -> np.ndarray:
    """The generators of rotations, [e_k]_{ij} at [i, j, k]: cross products in three dimensions."""
    made = np.zeros((n, n, n))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        made[k, j, i], made[j, k, i] = 1.0, -1.0
    return made


# --- torch: points that coincide ------------------------------------------------------------------


def torch_distance(x):
    """|x − q|, √0 kept off the tape."""
    s = torch.sum((x - torch.tensor(Q, dtype=x.dtype)) ** 2)
    root = torch.sqrt(torch.where(s == 0, torch.ones_like(s), s))
    return torch.where(s == 0, torch.zeros_like(s), root)


@special("torch", Q, "hessian", -2 * EYE)
def gaussian_of_distance(x):
    """exp(−r²) = 1 − r² + …"""
    return torch.exp(-(torch_distance(x) ** 2))


@special("torch", Q, "hessian", -2 * EYE)
@special("torch", Q, "hvp", -2 * EYE)
def gaussian_of_difference(x):
    """The same without a root."""
    return torch.exp(-torch.sum((x - torch.tensor(Q, dtype=x.dtype)) ** 2))


@special("torch", Q, "hvp", -5 / 3 * EYE)
def matern_five_halves(x):
    """(1 + u + u²/3) e^(−u), u = √5 r: 1 − 5r²/6 + O(r⁴)."""
    u = math.sqrt(5.0) * torch_distance(x)
    return (1 + u + u * u / 3) * torch.exp(-u)


@special("torch", (0.0, 0.0), "gradient", Slopes([-1, -1], [1, 1]))
def vector_norm(x):
    """|x|, a cone."""
    return torch.linalg.vector_norm(x)


@special("torch", (3.0, 4.0), "gradient", np.zeros(2))
def cosine_similarity(x):
    """The cosine to (3, 4), largest there."""
    return F.cosine_similarity(x, torch.tensor([3.0, 4.0], dtype=x.dtype), dim=0)


# --- torch: spectral functions --------------------------------------------------------------------


# log(xz − y²): D''/D − D'D'ᵀ/D² at x = z = 2, y = 0, where D = 4 and D' = (2, 0, 2)
LOGDET = np.array([[-0.25, 0, 0], [0, -0.5, 0], [0, 0, -0.25]])


@special("torch", (2.0, 0.0, 2.0), "gradient", np.array([0.5, 0, 0.5]))
@special("torch", (2.0, 0.0, 2.0), "hessian", LOGDET)
def logdet_by_eigenvalues(x):
    """log det of ((x₀, x₁), (x₁, x₂)) as the sum of log λ."""
    return torch.log(torch.linalg.eigvalsh(torch.stack([x[:2], x[1:]]))).sum()


@special("torch", (1.0, 0.0, 0.0, 1.0), "jvp", (np.eye(4) - np.eye(4)[[0, 2, 1, 3]]) / 2)
def nearest_rotation(x):
    """U Wᵀ at I, where dR = ½ (V − Vᵀ)."""
    U, _, W = torch.linalg.svd(x.reshape(2, 2))
    return (U @ W).reshape(-1)


# --- torch: joints --------------------------------------------------------------------------------


@special("torch", 0.0, "gradient", np.array(0.5))
def softplus_by_relu(x):
    """max(x, 0) + log(1 + e^(−|x|)), slope ½."""
    return torch.relu(x) + torch.log1p(torch.exp(-torch.abs(x)))


@special("torch", 0.0, "gradient", np.array(0.5))
@special("torch", 0.0, "hessian", np.array(0.25))
def softplus(x):
    """As the library has it: slope ½, curvature ¼."""
    return F.softplus(x)


@special("torch", 0.3, "hessian", np.array(1.0))
def log_cosh_by_parts(x):
    """|u| + log(1 + e^(−2|u|)) − log 2, u = x − 0.3: ½u² + …"""
    u = torch.abs(x - 0.3)
    return u + torch.log1p(torch.exp(-2 * u)) - LOG2


@special("torch", 0.3, "gradient", np.array(1.0))
def identity_by_relus(x):
    """max(u, 0) − max(−u, 0) = u, u = x − 0.3."""
    return torch.relu(x - 0.3) - torch.relu(0.3 - x)


@special("torch", (1.35, -1.35, 0.5), "gradient", np.array([1.35, -1.35, 0.5]))
def huber_at_delta(x):
    """½r² to |r| = δ, from there δ|r| − ½δ²."""
    return F.huber_loss(x, torch.zeros_like(x), reduction="sum", delta=1.35)


@special("torch", 0.5, "gradient", np.array(0.0))
@special("torch", 0.5, "hessian", np.array(2.0))
def bessel_i0(x):
    """I₀(2x − 1) = 1 + (x − ½)² + …: DLMF 10.25.2."""
    return torch.special.i0(2 * x - 1)


@special("torch", 0.0, "hessian", np.array(-(math.pi**2) / 3))
def sinc(x):
    """sin πx / πx = 1 − π²x²/6 + …"""
    return torch.sinc(x)


@special("torch", (0.0, 2.5), "gradient", np.array([math.log(2.5), 0.0]))
def xlogy(x):
    """x log y at x = 0: linear in x."""
    return torch.xlogy(x[0], x[1])


@special("torch", 0.0, "jacobian", np.array([0.0, 1, 0, 0]))
def powers(x):
    """x⁰ to x³ at 0."""
    return torch.pow(x, torch.arange(4, dtype=x.dtype))


@special("torch", (2.0, 3.0, 1.0), "vjp", Slopes(np.diag([0, 0, 1]), np.diag([1, 0, 1])))
def clamped(x):
    """min(max(x, −2), 2): at the upper bound, beyond it, and within."""
    return torch.clamp(x, -2.0, 2.0)


@special("torch", (0.3, 1.0), "gradient", Slopes([-1, 1], [1, 1]))
def shifted_absolute(x):
    """Σ|x − 0.3|."""
    return torch.abs(x - 0.3).sum()


@special("torch", (1.7, 2.5), "jacobian", Slopes(np.diag([0, 1]), np.eye(2)))
def shifted_relu(x):
    """max(x − 1.7, 0)."""
    return torch.relu(x - 1.7)


# --- torch: ties, grids, parameters that meet, rotations ------------------------------------------


@special("torch", (1.0, 3.0, 3.0), "gradient", Slopes([0, 0, 0], [0, 1, 1]))
def amax_of_tie(x):
    """max x, two of them the largest."""
    return torch.amax(x, dim=0)


@special("torch", (1.0, 3.0, 1.0, 3.0), "gradient", np.array([2.0, 6, 2, 6]))
def energy_of_sorted(x):
    """Σ of the squares of sorted elements."""
    return (torch.sort(x).values ** 2).sum()


@special("torch", (1.25, 1.25), "hessian", np.array([[2.0, -2], [-2, 2]]))
def square_of_range(x):
    """(max − min)² of two."""
    return (torch.amax(x, 0) - torch.amin(x, 0)) ** 2


@special("torch", 2.0, "gradient", np.array(0.75))
def interpolated_by_ceil(x):
    """Between the floor and the ceiling, with data on a line; at a node both weights are 0."""
    data = torch.tensor(LINE, dtype=x.dtype)
    low, high = torch.floor(x), torch.ceil(x)
    first, second = data[low.long()], data[high.long()]
    return torch.where(low == high, first, (high - x) * first + (x - low) * second)


def torch_sampled(x, data):
    """`grid_sample` along one axis, at a coordinate in pixels."""
    image = torch.tensor(data, dtype=x.dtype).reshape(1, 1, 1, -1)
    across = x * 2 / (image.shape[-1] - 1) - 1
    grid = torch.stack([across, torch.zeros_like(across)]).reshape(1, 1, 1, 2)
    return F.grid_sample(image, grid, align_corners=True).reshape(())


@special("torch", 2.0, "gradient", np.array(0.75))
def sampled_on_line(x):
    """Linear interpolation at a node of data on a line."""
    return torch_sampled(x, LINE)


@special("torch", 2.0, "gradient", Slopes(-0.5, 2.0))
def sampled_at_bend(x):
    """The same where the data bend: a kink."""
    return torch_sampled(x, BENT)


@special("torch", (1.75, 1.75), "gradient", np.array([0.5, 0.5]))
def logarithmic_mean(x):
    """(a − b) / (log a − log b), a where they are equal."""
    a, b = x[0], x[1]
    gap = torch.log(a) - torch.log(b)
    return torch.where(gap == 0, a, (a - b) / torch.where(gap == 0, 1 + gap, gap))


@special("torch", (2.5, 0.0), "gradient", np.array([1 / 2.5, math.log(2.5) ** 2 / 2]))
def box_cox(x):
    """(x^p − 1) / p, log x at p = 0."""
    x, p = x[0], x[1]
    power = torch.exp(p * torch.log(x)) - 1
    return torch.where(p == 0, torch.log(x), power / torch.where(p == 0, 1 + p, p))


@special("torch", (1.5, 1.5), "gradient", np.array([0.5, 0.5]))
@special("torch", (1.5, 1.5), "hessian", np.array([[0.25, -0.25], [-0.25, 0.25]]))
def logaddexp(x):
    """log(e^a + e^b) at a = b."""
    return torch.logaddexp(x[0], x[1])


@special("torch", (0.0, 0.0, 0.0), "jacobian", turns(3))
def rotation_by_axis(x):
    """I + sin θ [a] + (1 − cos θ) [a]², the axis guarded."""
    s = torch.sum(x * x)
    root = torch.sqrt(torch.where(s == 0, torch.ones_like(s), s))
    theta, (a, b, c) = torch.where(s == 0, torch.zeros_like(s), root), x / root
    o = torch.zeros_like(a)
    A = torch.stack([torch.stack(row) for row in ((o, -c, b), (c, o, -a), (-b, a, o))])
    A = torch.where(s == 0, torch.zeros_like(A), A)
    return torch.eye(3, dtype=x.dtype) + torch.sin(theta) * A + (1 - torch.cos(theta)) * (A @ A)


# --- JAX ------------------------------------------------------------------------------------------


def jax_distance(x):
    """|x − q|, √0 kept off the tape."""
    s = jnp.sum((x - jnp.asarray(Q)) ** 2)
    return jnp.where(s == 0, 0.0, jnp.sqrt(jnp.where(s == 0, 1.0, s)))


special("jax", Q, "hessian", -2 * EYE, "gaussian_of_distance")(
    lambda x: jnp.exp(-(jax_distance(x) ** 2))
)
special("jax", Q, "hessian", -2 * EYE, "gaussian_of_difference")(
    lambda x: jnp.exp(-jnp.sum((x - jnp.asarray(Q)) ** 2))
)
special("jax", (0.0, 0.0), "gradient", Slopes([-1, -1], [1, 1]), "norm")(jnp.linalg.norm)
special("jax", 0.0, "gradient", np.array(0.5), "softplus_by_parts")(
    lambda x: jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))
)
special("jax", 0.0, "gradient", np.array(0.5), "softplus")(lambda x: jax.nn.softplus(x))
special("jax", 0.3, "gradient", np.array(1.0), "identity_by_relus")(
    lambda x: jax.nn.relu(x - 0.3) - jax.nn.relu(0.3 - x)
)
special("jax", (1.7, 2.5), "jacobian", Slopes(np.diag([0, 1]), np.eye(2)), "shifted_relu")(
    lambda x: jax.nn.relu(x - 1.7)
)
special("jax", (2.0, 3.0, 1.0), "vjp", Slopes(np.diag([0, 0, 1]), np.diag([1, 0, 1])), "clip")(
    lambda x: jnp.clip(x, -2.0, 2.0)
)
special("jax", 0.0, "jacobian", np.array([0.0, 1, 0, 0]), "powers")(
    lambda x: jnp.power(x, jnp.arange(4.0))
)
special("jax", 0.5, "gradient", np.array(0.0), "bessel_i0")(
    lambda x: jax.scipy.special.i0(2 * x - 1)
)
special("jax", 0.5, "hessian", np.array(2.0), "bessel_i0")(
    lambda x: jax.scipy.special.i0(2 * x - 1)
)
special("jax", 0.0, "hessian", np.array(-(math.pi**2) / 3), "sinc")(lambda x: jnp.sinc(x))
special("jax", (0.0, 2.5), "gradient", np.array([math.log(2.5), 0.0]), "xlogy")(
    lambda x: jax.scipy.special.xlogy(x[0], x[1])
)
special("jax", (1.0, 3.0, 3.0), "gradient", Slopes([0, 0, 0], [0, 1, 1]), "max_of_tie")(
    lambda x: jnp.max(x)
)
special("jax", (1.25, 1.25), "hvp", np.array([[2.0, -2], [-2, 2]]), "square_of_range")(
    lambda x: (jnp.max(x) - jnp.min(x)) ** 2
)
special("jax", (2.0, 0.0, 2.0), "hessian", LOGDET, "logdet_by_eigenvalues")(
    lambda x: jnp.sum(jnp.log(jnp.linalg.eigvalsh(jnp.stack([x[:2], x[1:]]))))
)
special("jax", (1.5, 1.5), "gradient", np.array([0.5, 0.5]), "logaddexp")(
    lambda x: jnp.logaddexp(x[0], x[1])
)


@special("jax", (1.75, 1.75), "jvp", np.array([0.5, 0.5]), "logarithmic_mean")
def jax_logarithmic_mean(x):
    """(a − b) / (log a − log b), a where they are equal."""
    gap = jnp.log(x[0]) - jnp.log(x[1])
    return jnp.where(gap == 0, x[0], (x[0] - x[1]) / jnp.where(gap == 0, 1.0, gap))


def jax_sampled(data):
    """`map_coordinates` of order 1 on one axis."""
    return lambda x: jax.scipy.ndimage.map_coordinates(jnp.asarray(data), [x], order=1)


special("jax", 2.0, "gradient", np.array(0.75), "sampled_on_line")(jax_sampled(LINE))
special("jax", 2.0, "gradient", Slopes(-0.5, 2.0), "sampled_at_bend")(jax_sampled(BENT))

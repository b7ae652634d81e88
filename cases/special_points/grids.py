"""Integer coordinates: interpolation at a node, and what floor and round do there.

Between nodes floor, ceil and round are constant and their derivatives 0. At a node two cells meet:
where the interpolant is smooth across, the slope of one cell is right; where it is not, it is a
kink between two slopes.
"""

import numpy as np

import xgrad

DE_BOOR = "de Boor 2001, A Practical Guide to Splines, revised ed., chapter 3; "
KEYS = "Keys 1981, Cubic convolution interpolation, IEEE Trans. ASSP 29, 1153-1160, eq. 15"
AUTODIFF = ("torch.reverse*", "torch.forward*", "jax.reverse*", "jax.forward*")
LINE = (0.5, 1.25, 2.0, 2.75, 3.5)  # ¾ apart
BENT = (0.5, 1.5, 1.0, 3.0, -1.0)


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


def values_at(xp, data, k):
    """data[k] for whole numbers k that are floats: a sum over all nodes, so that k stays one."""
    nodes = xp.astype(xp.arange(data.shape[0]), data.dtype)
    return xp.sum(xp.where(nodes == k, data, xp.zeros_like(data)))


@xgrad.case(wrt="x", operators=("gradient",), source=DE_BOOR + "eq. III.1")
def interpolated_by_ceil(xp, x, data):  # x (), data (n,) -> ()
    """(⌈x⌉ − x) d[⌊x⌋] + (x − ⌊x⌋) d[⌈x⌉], d[x] at a node, of data on a line: slope ¾.

    At a node both weights are 0, so that the value has a branch of its own.
    """
    low, high = xp.floor(x), xp.ceil(x)
    between = (high - x) * values_at(xp, data, low) + (x - low) * values_at(xp, data, high)
    return xp.where(low == high, values_at(xp, data, low), between)


@xgrad.case(wrt="x", operators=("gradient",), source=DE_BOOR + "eq. III.1")
def interpolated_by_floor(xp, x, data):  # x (), data (n,) -> ()
    """d[⌊x⌋] + (x − ⌊x⌋) (d[⌊x⌋ + 1] − d[⌊x⌋]) of data on a line: slope ¾ at a node too."""
    low = xp.floor(x)
    first, second = values_at(xp, data, low), values_at(xp, data, low + 1)
    return first + (x - low) * (second - first)


@xgrad.case(wrt="x", operators=("gradient",), source=DE_BOOR + "section IX on B-splines of order 2")
def interpolated_by_hats(xp, x, data):  # x (), data (n,) -> ()
    """Σ d_k max(0, 1 − |x − k|) of data on a line: three hats bend at a node, the sum does not."""
    nodes = xp.astype(xp.arange(data.shape[0]), data.dtype)
    hats = xp.maximum(xp.zeros_like(data), 1 - xp.abs(x - nodes))
    return xp.sum(data * hats)


for _case in (interpolated_by_ceil, interpolated_by_floor, interpolated_by_hats):
    _case.point("node")(at(x=2.0, data=LINE))

    @_case.formula("gradient")
    def slope_of_line(xp, x, data):
        """½ (d₃ − d₁), which the data on a line have on both sides of 2."""
        return (data[3] - data[1]) / 2


for _method in AUTODIFF:
    interpolated_by_ceil.known(
        _method, "at a node both weights vanish, and their derivatives cancel"
    )
for _method in ("jax.reverse", "jax.forward"):
    interpolated_by_hats.known(_method, "|x|' = 1 at 0 tilts the middle hat, whose slopes are ±1")


@xgrad.case(wrt="x", operators=("gradient",), source=DE_BOOR + "eq. III.1")
def interpolated_at_bend(xp, x, data):  # x (), data (n,) -> ()
    """Linear interpolation at a node where the data bend: slopes −½ and 2."""
    low = xp.floor(x)
    first, second = values_at(xp, data, low), values_at(xp, data, low + 1)
    return first + (x - low) * (second - first)


interpolated_at_bend.point("node")(at(x=2.0, data=BENT))


def cubic(xp, x, data):
    """Keys' interpolant, C¹: the cubic through two nodes with central differences as slopes."""
    low = xp.floor(x)
    t = x - low
    a, b, c, d = (values_at(xp, data, low + k) for k in (-1, 0, 1, 2))
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


@xgrad.case(wrt="x", operators=("gradient",), source=KEYS)
def cubic_slope(xp, x, data):  # x (), data (n,) -> ()
    """Keys' cubic convolution at a node: the slope is the central difference of the data."""
    return cubic(xp, x, data)


cubic_slope.point("node")(at(x=2.0, data=BENT))
cubic_slope.formula("gradient")(lambda xp, x, data: (data[3] - data[1]) / 2)


@xgrad.case(wrt="x", operators=("hessian",), source=KEYS)
def cubic_curvature(xp, x, data):  # x (), data (n,) -> ()
    """Keys' cubic convolution at a node: its second derivative jumps there."""
    return cubic(xp, x, data)


cubic_curvature.point("node")(at(x=2.0, data=BENT))


@xgrad.case(
    wrt="x",
    operators=("gradient",),
    source="Allen & Tildesley 2017, Computer Simulation of Liquids, 2nd ed., section 1.6.3",
)
def nearest_image(xp, x):  # x (n,) -> ()
    """Σ(x − round x)², the minimum image: smooth at whole numbers, slopes ±1 halfway between."""
    return xp.sum((x - xp.round(x)) ** 2)


nearest_image.point("halfway")(at(x=[0.5, 1.5, 2.25]))


@xgrad.case(
    wrt="x",
    operators=("derivative",),
    source="Muller 2016, Elementary Functions, 3rd ed., section 11: range reduction",
)
def exponential_by_reduction(xp, x):  # x (n,) -> (n,)
    """2^⌊x⌋ · 2^(x − ⌊x⌋) at whole numbers: smooth, the derivative is 2ˣ log 2."""
    low, log2 = xp.floor(x), xp.log(xp.asarray(2.0))
    return xp.exp(low * log2) * xp.exp((x - low) * log2)


exponential_by_reduction.point("whole")(at(x=[-1.0, 0.0, 3.0]))
exponential_by_reduction.formula("derivative")(
    lambda xp, x: xp.exp(x * xp.log(xp.asarray(2.0))) * xp.log(xp.asarray(2.0))
)

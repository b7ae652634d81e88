"""The functions of `xp`: what each does with elements, along which axes, and what kinds share."""

from __future__ import annotations

import difflib
import inspect
import string
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from xgrad.errors import Unsupported, UsageError

# What the standard lacks; every framework offers every name.
EXTRAS = ("angle", "complex", "digamma", "einsum", "erf", "erfc", "expit", "expm", "lgamma",
          "log_softmax", "logsumexp", "polygamma", "scan", "segment_sum", "softmax",
          "softplus")  # fmt: skip

# Derivatives inside a function, of f(xp, x, *others) in x; every framework has them too.
DERIVATIVES = ("gradient", "hessian", "jacobian", "jvp", "vjp")


class Function(NamedTuple):
    """What is known of a function by its name: see the table below."""

    kind: str
    axes: str


# Movement puts elements elsewhere, or makes constants; order compares them, and picks or tells by
# what it finds; the rest is arithmetic, as is every function that is not listed.
MOVEMENT, ORDER, ARITHMETIC = "movement", "order", "arithmetic"
# Each element for itself, all along some axes (reduced, or kept), each matrix of a stack.
EACH, REDUCED, ALONG, MATRICES, SHAPE = "each", "reduced", "along", "matrices", "shape"

# fmt: off
_TABLE = (
    (MOVEMENT,   EACH,     "astype where zeros_like ones_like full_like empty_like"),
    (MOVEMENT,   ALONG,    "expand_dims squeeze flip"),
    (MOVEMENT,   MATRICES, "matrix_transpose tril triu diagonal"),
    (MOVEMENT,   SHAPE,    "reshape permute_dims moveaxis roll tile repeat broadcast_to unstack "
                           "broadcast_arrays meshgrid concat stack take take_along_axis "
                           "fftshift ifftshift asarray zeros ones full eye empty arange"),
    (ORDER,      EACH,     "equal not_equal less less_equal greater greater_equal"),
    (ORDER,      EACH,     "logical_and logical_or logical_not logical_xor isfinite isnan isinf "
                           "maximum minimum clip sign signbit"),
    (ORDER,      REDUCED,  "max min any all count_nonzero"),
    (ORDER,      ALONG,    "sort argsort argmax argmin"),
    (ORDER,      SHAPE,    "searchsorted nonzero"),
    (ARITHMETIC, EACH,     "abs negative positive copysign complex real imag conj floor ceil "
                           "trunc round floor_divide remainder bitwise_and bitwise_or"),
    (ARITHMETIC, EACH,     "add subtract multiply divide pow square sqrt reciprocal hypot exp "
                           "expm1 log log1p log2 log10 logaddexp sin cos tan asin acos atan "
                           "angle atan2 sinh cosh tanh asinh acosh atanh erf erfc expit "
                           "softplus lgamma digamma polygamma"),
    (ARITHMETIC, REDUCED,  "sum prod mean var std logsumexp"),
    (ARITHMETIC, ALONG,    "softmax log_softmax cumulative_sum cumulative_prod "
                           "fft ifft rfft irfft"),
    (ARITHMETIC, MATRICES, "expm inv det cholesky slogdet eigh eigvalsh svd svdvals qr pinv "
                           "matrix_power trace matrix_norm"),
    (ARITHMETIC, SHAPE,    "linspace diff matmul tensordot vecdot einsum segment_sum solve outer "
                           "cross vector_norm fftn ifftn fftfreq rfftfreq"),
)
# fmt: on

FUNCTIONS = {n: Function(kind, axes) for kind, axes, names in _TABLE for n in names.split()}
COMPARISONS = frozenset(_TABLE[4][2].split())
# Arithmetic whose results every type holds that holds the arguments.
UNROUNDED = frozenset(_TABLE[9][2].split())
EXACT = UNROUNDED | {n for n, f in FUNCTIONS.items() if f.kind != ARITHMETIC}
# Backward-stable routines: the exact result for a slightly different matrix.
ROUTINES = frozenset(
    ["solve", *(n for n, f in FUNCTIONS.items() if f == Function(ARITHMETIC, MATRICES))]
) - {"trace", "matrix_norm"}


def axes_of(name: str) -> str:
    """Along which axes a function works, `shape` where its name says nothing."""
    return FUNCTIONS[name].axes if name in FUNCTIONS else SHAPE


class Lacking(AttributeError, Unsupported):
    """A function of the standard, or an extra, that a framework does not have."""


def missing(kind: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for a function that a framework lacks; with the nearest names of what is none."""
    if name in FUNCTIONS or name in EXTRAS or name in DERIVATIVES:
        return Lacking(f"{kind} has no {name!r} for this framework")
    near = difflib.get_close_matches(name, list(known))
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return AttributeError(f"{kind} has no {name!r} for this framework{hint}")


class Gathered:
    """The functions of modules as one object: the names behind their `_HELPERS`."""

    def __init__(self, *modules: Any):
        for module in modules:
            names = {n: v for n, v in vars(module).items() if not n.startswith("_")}
            vars(self).update({n: v for n, v in names.items() if n not in module._HELPERS})

    def __getattr__(self, name: str) -> Any:
        raise missing("xp", name, [*vars(self), "pi", "e"])


def require_xp_first(name: str, f: Callable[..., Any]) -> None:
    """Raise `UsageError` for a function inside that does not take the namespace first."""
    parameters = list(inspect.signature(f).parameters.values())
    if not parameters or (parameters[0].name != "xp" and parameters[0].kind.name[:3] != "VAR"):
        said = ", ".join(p.name for p in parameters)
        raise UsageError(f"xp.{name}(f): got f({said}); write it f(xp, x, ...), as a case is")


def require_constant(value: Any) -> None:
    """Raise `TypeError` for lists of arrays: NumPy would read the numbers, a constant."""
    if isinstance(value, (list, tuple)):
        for each in value:
            require_constant(each)
    elif hasattr(value, "shape") and not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError("xp.asarray makes constants: join arrays with xp.stack or xp.concat")


def einsum_names(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """The index names of each operand and of the result, ellipses spelled out."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow:
        once = [c for c in sorted(set(inputs) - set(",.")) if inputs.count(c) == 1]
        output = ("..." if "..." in inputs else "") + "".join(once)
    free = [c for c in string.ascii_letters if c not in inputs]
    extra = [n - len(t.replace("...", "")) for t, n in zip(terms, ndims, strict=True)]
    widest = max([n for t, n in zip(terms, extra, strict=True) if "..." in t], default=0)

    def spelled(term: str, count: int) -> str:
        return term.replace("...", "".join(free[widest - count : widest]))

    return [spelled(t, n) for t, n in zip(terms, extra, strict=True)], spelled(output, widest)


def cross_product(xp: Any, a: Any, b: Any, axis: int = -1) -> Any:
    """The vector product in three dimensions, in elementary steps."""
    a, b = xp.broadcast_arrays(a, b)
    x, y = xp.moveaxis(a, axis, -1), xp.moveaxis(b, axis, -1)
    parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return xp.moveaxis(xp.stack(parts, axis=-1), -1, axis)


def require_segments(segment_ids: np.ndarray, num_segments: int) -> None:
    """Raise `IndexError` for an id beyond the segments: NumPy would count from the end."""
    if np.any((segment_ids < 0) | (segment_ids >= num_segments)):
        raise IndexError(f"segment_sum: an id is not in range({num_segments})")


def _rows(x: Any) -> list[Any]:
    return [x[i, ...] for i in range(x.shape[0])]


def python_scan(
    stack: Callable[[list[Any]], Any], unstack: Callable[[Any], Iterable[Any]] = _rows
) -> Callable[..., Any]:
    """`scan(step, carry, xs)` as a Python loop: step(carry, x) -> (carry, y), the ys stacked."""

    def rows_of(xs: Any, length: int | None) -> Iterable[Any]:
        if xs is None:
            return [None] * (length or 0)
        if isinstance(xs, tuple):
            return zip(*(unstack(each) for each in xs), strict=True)
        return unstack(xs)

    def scan(step: Callable[..., Any], carry: Any, xs: Any, length: int | None = None) -> Any:
        ys = []
        for x in rows_of(xs, length):
            carry, y = step(carry, x)
            ys.append(y)
        if not ys or ys[0] is None:
            return carry, None
        if isinstance(ys[0], tuple):
            return carry, tuple(stack([y[k] for y in ys]) for k in range(len(ys[0])))
        return carry, stack(ys)

    return scan

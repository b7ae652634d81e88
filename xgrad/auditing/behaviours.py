"""What a framework must do beside its `xp`: arrays to and fro, structures, operators, devices.

Each check raises `Wrong` with what it found, or whatever the framework raises.
"""

# ruff: noqa: E501  the table reads as one

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from xgrad.auditing.expressions import DATA
from xgrad.errors import Unavailable
from xgrad.frameworks import Framework, Transforms, leaves
from xgrad.numbers import EPS, rounded

SLACK = 256  # epsilons of the largest element: dozens of roundings in well-conditioned mathematics


class Wrong(Exception):
    """A result that is not what it must be; the message has the number."""


class Behaviour(NamedTuple):
    """One row: what is checked, how, and what does not work without it."""

    group: str
    name: str
    check: Callable[[Framework, str], None]
    needed: str


def require_close(framework: Framework, got: Any, want: Any, dtype: str) -> None:
    """Raise `Wrong` where an array has another shape, dtype or value than this one of NumPy."""
    want = np.asarray(want)
    shape, kind, _ = framework.describe(got)
    if tuple(shape) != want.shape:
        raise Wrong(f"shape {tuple(shape)}, wanted {want.shape}")
    require_kind(kind, want, dtype)
    host = np.asarray(framework.get(got))
    if want.dtype.kind not in "fc":
        if not np.array_equal(host, want):
            raise Wrong(f"{np.sum(host != want)} of {want.size} elements are others than NumPy's")
        return
    gap = np.abs(host - want)
    scale = np.max(np.abs(want), initial=0.0)
    eps = EPS.get(dtype, EPS["float64"])
    if not np.all(gap <= SLACK * eps * scale):
        worst = np.max(gap) if np.all(np.isfinite(gap)) else np.nan
        raise Wrong(f"off by {worst / scale if scale else worst:.1e} of the largest element, "
                    f"wanted {SLACK * eps:.1e}")  # fmt: skip


def require_kind(kind: str, want: np.ndarray, dtype: str) -> None:
    """Raise `Wrong` where floats are not in the case's dtype, or integers are none."""
    wanted = {"f": dtype, "b": "bool", "i": "int", "u": "int", "c": "complex"}[want.dtype.kind]
    if not kind.startswith(wanted) or (want.dtype.kind == "f" and kind != dtype):
        raise Wrong(f"dtype {kind}, wanted {wanted}{'64' if wanted == 'int' else ''}")


def require_same(got: np.ndarray, want: Any, said: str) -> None:
    """Raise `Wrong` where an array on the host is not exactly this one."""
    if np.shape(got) != np.shape(want) or not np.array_equal(got, want, equal_nan=True):
        raise Wrong(said)


# --- arrays --------------------------------------------------------------------------------------


def _exact(framework: Framework, dtype: str) -> None:
    for name in ("x", "z", "o", "t"):
        put = framework.put(DATA[name], dtype)
        shape, kind, device = framework.describe(put)
        if (tuple(shape), kind, device) != (DATA[name].shape, dtype, "cpu"):
            raise Wrong(
                f"describe gives {shape}, {kind}, {device}; put {DATA[name].shape}, {dtype}"
            )
        got = framework.get(put)
        if got.dtype != np.float64:
            raise Wrong(f"get gives {got.dtype}, wanted float64, which holds every other float")
        require_same(got, rounded(DATA[name], dtype), "get does not return what was put")


def _others(framework: Framework, dtype: str) -> None:
    for name, kind in {"k": "int64", "b": "bool"}.items():
        put = framework.put(DATA[name], dtype)
        if framework.describe(put)[1] != kind:
            raise Wrong(f"{kind} is put as {framework.describe(put)[1]}")
        require_same(framework.get(put), DATA[name], f"{kind} comes back as other numbers")


def _copies(framework: Framework, dtype: str) -> None:
    for value in (1.0, 1, True):
        source = np.array([value, value])
        put = framework.put(source, dtype)
        source[0] = 0
        require_same(framework.get(put)[0], value, "put shares memory with the array it was given")


def _strides(framework: Framework, dtype: str) -> None:
    whole = rounded(np.arange(24.0).reshape(4, 6), dtype)
    for view in (
        whole[::-1, ::2],
        whole.T,
        np.asfortranarray(whole),
        np.broadcast_to(whole[0], (3, 6)),
    ):
        require_same(framework.get(framework.put(view, dtype)), view, "strides are not followed")


def _extremes(framework: Framework, dtype: str) -> None:
    values = np.array([np.nan, np.inf, -np.inf, -0.0, 1.0])
    got = framework.get(framework.put(values, dtype))
    require_same(got, values, "NaN or infinity is lost")
    require_same(np.signbit(got), np.signbit(values), "the sign of zero is lost")


def _arrays(framework: Framework, dtype: str) -> None:
    if not framework.is_array(framework.put(DATA["x"], dtype)):
        raise Wrong("is_array denies what put made")
    for value in (1.0, "x", None, (1.0,), [1.0]):
        if framework.is_array(value):
            raise Wrong(f"is_array takes {value!r} for an array")


def _refuses(framework: Framework, dtype: str) -> None:
    try:
        framework.require_device("no_such_device")
    except Unavailable:
        return
    raise Wrong("require_device does not raise Unavailable for a device that is not there")


def _places(framework: Framework, dtype: str) -> None:
    for device in framework.devices():
        kind = device.partition(":")[0]
        with framework.scope(device):
            xp = framework.namespace(dtype, device)
            x = framework.put(DATA["x"], dtype, device)
            for array in (x, 2 * x, xp.ones(3), xp.asarray(0.5), xp.arange(3)):
                if framework.describe(array)[2] != kind:
                    raise Wrong(
                        f"an array on {device} is said to be on {framework.describe(array)[2]}"
                    )


def _precision(framework: Framework, dtype: str) -> None:
    a = rounded(np.random.default_rng(0).normal(size=(128, 128)), dtype)
    xp = framework.namespace(dtype)
    got = framework.get(xp.matmul(framework.put(a, dtype), framework.put(a, dtype)))
    error = np.max(np.abs(got - a @ a)) / np.max(np.abs(a) @ np.abs(a))
    if error > 16 * EPS[dtype]:
        raise Wrong(f"a product of matrices is off by {error:.1e} of its terms: shorter inside?")


def _repeats(framework: Framework, dtype: str) -> None:
    xp = framework.namespace(dtype)
    x = framework.put(np.random.default_rng(0).normal(size=(64, 64)), dtype)
    first, again = (framework.get(xp.sum(xp.exp(xp.matmul(x, x) / 64))) for _ in range(2))
    require_same(first, again, f"two calls differ by {abs(first - again):.1e}")


def _lacks(framework: Framework, dtype: str) -> None:
    try:
        _ = framework.namespace(dtype).a_name_that_nobody_has
    except AttributeError:
        return
    raise Wrong("xp has a name that nobody has: a missing function must raise AttributeError")


def _batches(framework: Framework, dtype: str) -> None:
    rows = np.arange(12.0).reshape(4, 3)
    xp = framework.namespace(dtype)
    f = framework.batch(lambda xp, row, rest: xp.sum(row * row) + rest, xp)
    got = f(framework.put(rows, dtype), framework.put(np.asarray(1.0), dtype))
    require_close(framework, got, (rows * rows).sum(1) + 1, dtype)


# --- what transforms promise ----------------------------------------------------------------------


def _several(x: Any, y: Any) -> Any:
    return x * y, (x.T + 1, y * y * y)


def _given(framework: Framework, dtype: str) -> tuple[Any, Any]:
    """x and y of shape (2, 2), in sixteenths: what follows is exact in any dtype."""
    x = np.array([[1.0, -2.0], [0.5, 4.0]])
    y = np.array([[2.0, 1.0], [-1.0, 0.25]])
    return framework.put(x, dtype), framework.put(y, dtype)


def _compare(framework: Framework, dtype: str, got: Any, want: list[Any]) -> None:
    if len(got) != len(want):
        raise Wrong(f"{len(got)} results, wanted {len(want)}")
    for one, other in zip(got, want, strict=True):
        if not framework.is_array(one):
            raise Wrong(
                f"{type(one).__name__} in place of an array: of what nothing depends on, zeros"
            )
        require_close(framework, one, other, dtype)


def _structure(value: Any) -> Any:
    return tuple(map(_structure, value)) if isinstance(value, tuple) else ()


def _pull_several(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, y = _given(framework, dtype)
    hx, hy = framework.get(x), framework.get(y)
    value, back = transforms.vjp(_several, (x, y), again=False)
    if _structure(value) != ((), ((), ())):
        raise Wrong("vjp does not return the value in the structure that the function has")
    for factor in (1.0, 2.0):  # the map may be called again
        got = back((factor * x, (y, x)))
        _compare(
            framework, dtype, got, [factor * hx * hy + hy.T, factor * hx * hx + 3 * hy**2 * hx]
        )


def _push_several(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, y = _given(framework, dtype)
    hx, hy = framework.get(x), framework.get(y)
    got = transforms.jvp(_several, (x, y), (y, x))
    if _structure(got) != ((), ((), ())):
        raise Wrong("jvp does not return tangents in the structure of the value")
    _compare(framework, dtype, leaves(got), [hy * hy + hx * hx, hy.T, 3 * hy**2 * hx])


def _pull_unused(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, y = _given(framework, dtype)
    zero = np.zeros((2, 2))
    got = transforms.pull(lambda x, y: 3 * x, (x, y), x, again=False)
    _compare(framework, dtype, got, [3 * framework.get(x), zero])
    constant = transforms.pull(lambda x, y: framework.namespace(dtype).ones((2,)), (x, y),
                               x[0], again=False)  # fmt: skip
    _compare(framework, dtype, constant, [zero, zero])


def _push_unused(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, y = _given(framework, dtype)
    got = transforms.jvp(lambda x, y: framework.namespace(dtype).ones((2,)), (x, y), (y, x))
    _compare(framework, dtype, [got], [np.zeros(2)])


def _pull_twice(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, _ = _given(framework, dtype)
    got = transforms.pull(lambda a, b: a * b * b, (x, x), x, again=False)
    host = framework.get(x)
    _compare(framework, dtype, got, [host**3, 2 * host**3])


def _push_twice(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, y = _given(framework, dtype)
    host, v = framework.get(x), framework.get(y)
    got = transforms.jvp(lambda a, b: a * b * b, (x, x), (y, x))
    _compare(framework, dtype, [got], [v * host**2 + 2 * host**3])


def _pull_scalar(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, y = _given(framework, dtype)
    xp = framework.namespace(dtype)
    got = transforms.pull(lambda x, y: xp.sum(x * x * y), (x, y), again=True)
    hx, hy = framework.get(x), framework.get(y)
    _compare(framework, dtype, got, [2 * hx * hy, hx * hx])


def _maps(framework: Framework, dtype: str, transforms: Transforms) -> None:
    x, _ = _given(framework, dtype)
    got = transforms.vmap(lambda row: (2 * row, (row * row,)))(x)
    host = framework.get(x)
    if _structure(got) != ((), ((),)):
        raise Wrong("vmap does not stack leaf by leaf")
    _compare(framework, dtype, leaves(got), [2 * host, host * host])


Promise = Callable[[Framework, str, Transforms], None]


def _of(mode: str, promise: Promise) -> Callable[[Framework, str], None]:
    """The check of a promise for every variant of a mode."""

    def check(framework: Framework, dtype: str) -> None:
        for variant in getattr(framework, mode):
            promise(framework, dtype, framework.transforms(mode, variant))

    return check


_DIFFERENCES = "differences in this framework"
_EVERYTHING = "every method"
# fmt: off
ALWAYS = (
    Behaviour("arrays", "float arrays are put and got exactly", _exact, _EVERYTHING),
    Behaviour("arrays", "integers and truth values stay as they are", _others, "cases with labels, indices or masks"),
    Behaviour("arrays", "put makes a copy", _copies, _EVERYTHING),
    Behaviour("arrays", "strides of the host", _strides, "inputs that are views"),
    Behaviour("arrays", "NaN, infinity, signed zero", _extremes, "verdicts on functions that overflow"),
    Behaviour("arrays", "is_array", _arrays, _EVERYTHING),
    Behaviour("arrays", "a missing name raises AttributeError", _lacks, "rows that say what is missing"),
    Behaviour("devices", "arrays are where they were put and made", _places, "methods on that device"),
    Behaviour("devices", "a device that is not there is Unavailable", _refuses, "`unavailable` rows"),
    Behaviour("precision", "products in full precision inside `scope`", _precision, "verdicts in float32"),
    Behaviour("determinism", "two calls are alike", _repeats, _EVERYTHING),
    Behaviour("batch", "a function over rows", _batches, _DIFFERENCES),
)
MODES = {
    "reverse": (
        Behaviour("reverse mode", "tuples: cotangents in the structure of the value", _of("reverse", _pull_several), "functions of several values"),
        Behaviour("reverse mode", "zeros where nothing depends on an input", _of("reverse", _pull_unused), "cases with an input that a branch leaves out"),
        Behaviour("reverse mode", "one array given as two inputs", _of("reverse", _pull_twice), "functions at x, x"),
        Behaviour("reverse mode", "of a scalar along 1", _of("reverse", _pull_scalar), "gradients"),
        Behaviour("reverse mode", "vmap", _of("reverse", _maps), "jacobian, hessian, laplacian"),
    ),
    "forward": (
        Behaviour("forward mode", "tuples: tangents in the structure of the value", _of("forward", _push_several), "functions of several values"),
        Behaviour("forward mode", "zeros where nothing depends on an input", _of("forward", _push_unused), "cases with an input that a branch leaves out"),
        Behaviour("forward mode", "one array given as two inputs", _of("forward", _push_twice), "functions at x, x"),
        Behaviour("forward mode", "vmap", _of("forward", _maps), "jacobian, hessian, laplacian"),
    ),
}
# fmt: on

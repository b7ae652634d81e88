"""What a call of SciPy's and HIPS autograd's checks asks: of functions that NumPy alone runs."""

# ruff: noqa: E501  the table reads as one

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xgrad.checking.originals import Asked, Options
from xgrad.problem import name_of, numpy_case

WIDE: Options = {"dtypes": ("float64",), "devices": ("cpu",)}


# --- SciPy ----------------------------------------------------------------------------------------


def asked_by_check_grad(
    func: Callable[..., Any],
    grad: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    **_: Any,
) -> Asked:
    """The user's gradient, or the Jacobian of several values, as a formula."""
    x = np.asarray(x0, dtype=np.float64)
    y = np.asarray(func(x.copy(), *args))
    shape, operator = ((), "gradient") if y.size == 1 else (y.shape, "jacobian")
    made = numpy_case(
        lambda x: np.reshape(np.asarray(func(x, *args), dtype=np.float64), shape),
        name_of(func),
        x,
    )

    def formula(xp: Any, x: Any) -> Any:
        return np.reshape(np.asarray(grad(x, *args), dtype=np.float64), (*shape, *x.shape))

    made.formula(operator, name="grad", frameworks=("numpy",))(formula)
    asked = {"operators": (operator,), "methods": ("numpy.formula:grad",), **WIDE}
    return Asked(made, None, (asked,))


# --- HIPS autograd --------------------------------------------------------------------------------


def asked_by_autograd(
    fun: Callable[..., Any],
    argnum: int | Sequence[int] = 0,
    nary_op_args: tuple[Any, ...] = (),
    nary_op_kwargs: Mapping[str, Any] | None = None,
) -> Callable[[tuple[Any, ...], dict[str, Any]], Asked]:
    """autograd's own derivatives of a function of numbers, of whatever nesting, at a point."""
    given = {**dict(zip(("modes", "order"), nary_op_args, strict=False)), **(nary_op_kwargs or {})}
    modes, order = given.get("modes") or ("fwd", "rev"), given.get("order", 2)

    def at(args: tuple[Any, ...], keywords: dict[str, Any]) -> Asked:
        function, x = _of_reals(fun, argnum, args, keywords)
        made, asked = numpy_case(function, name_of(fun), x), []
        for each in (f for f in _FORMULAS if f.mode in modes and f.order <= order):
            formula = each.derive(function)
            made.formula(each.operator, name=each.name, frameworks=("numpy",))(formula)
            method = f"numpy.formula:{each.name}"
            asked.append({"operators": (each.operator,), "methods": (method,), **WIDE})
        return Asked(made, None, tuple(asked))

    return at


def _of_reals(
    fun: Callable[..., Any],
    argnum: int | Sequence[int],
    args: tuple[Any, ...],
    keywords: dict[str, Any],
) -> tuple[Callable[[Any], Any], np.ndarray]:
    """The function as one of a vector of real numbers with a vector as its value; the vector."""
    import autograd.numpy as anp
    from autograd.misc import flatten

    several = not isinstance(argnum, int)
    places = tuple(argnum) if isinstance(argnum, Sequence) else (argnum,)
    flat, unflatten = flatten(tuple(args[k] for k in places) if several else args[places[0]])
    size, paired = flat.size, np.iscomplexobj(flat)

    def function(v: Any) -> Any:
        x = unflatten(v[:size] + 1j * v[size:] if paired else v)
        given = list(args)
        for place, value in zip(places, x if several else (x,), strict=True):
            given[place] = value
        y = _vector(anp, fun(*given, **keywords))
        return anp.concatenate([anp.real(y), anp.imag(y)]) if anp.iscomplexobj(y) else y

    start = np.asarray(flat)
    return function, np.concatenate([start.real, start.imag]) if paired else start.astype(float)


def _vector(anp: Any, y: Any) -> Any:
    """The numbers of a value, leaf by leaf."""
    if hasattr(y, "keys"):
        y = [y[key] for key in sorted(y.keys())]
    if isinstance(y, (list, tuple)) or type(y).__name__ == "SequenceBox":
        return anp.concatenate([_vector(anp, each) for each in y])
    return anp.ravel(y)


# --- by autograd, of a function of one vector -----------------------------------------------------


def _vjp(f: Any, x: Any) -> Any:
    from autograd import make_vjp

    return make_vjp(f)(x)[0]


def _jvp(f: Any, x: Any) -> Any:
    from autograd import make_jvp

    along = make_jvp(f)(x)
    return lambda v: along(v)[1]


def _table(rows: list[Any], shape: tuple[int, ...]) -> Any:
    return np.reshape(np.array(rows, dtype=np.float64), shape)


def _rows(f: Any) -> Any:
    def jacobian(xp: Any, x: Any) -> Any:
        back, size = _vjp(f, x), np.size(f(x))
        return _table([back(row) for row in np.eye(size)], (size, x.size))

    return jacobian


def _columns(f: Any) -> Any:
    def jacobian(xp: Any, x: Any) -> Any:
        along = _jvp(f, x)
        return _table([along(v) for v in np.eye(x.size)], (x.size, np.size(f(x)))).T

    return jacobian


def _generic(like: np.ndarray) -> np.ndarray:
    """A direction where no rule branches, as some do at zeros."""
    return np.cos(1.0 + np.arange(like.size))


class _Formula(NamedTuple):
    mode: str
    order: int
    name: str
    operator: str
    derive: Callable[[Any], Any]


# A derivative of first order is linear in its direction too: the check differentiates it by that.
# fmt: off
_FORMULAS = (
    _Formula("rev", 1, "reverse",         "jacobian",      _rows),
    _Formula("fwd", 1, "forward",         "jacobian",      _columns),
    _Formula("rev", 2, "reverse_twice",   "weighted_hvp",  lambda f: lambda xp, x, v, w: _vjp(lambda x: _vjp(f, x)(w), x)(v)),
    _Formula("fwd", 2, "forward_twice",   "directional_2", lambda f: lambda xp, x, v: _jvp(lambda x: _jvp(f, x)(v), x)(v)),
    _Formula("rev", 2, "reverse_linear",  "jvp",           lambda f: lambda xp, x, v: _vjp(_vjp(f, x), _generic(f(x)))(v)),
    _Formula("fwd", 2, "forward_linear",  "jvp",           lambda f: lambda xp, x, v: _jvp(_jvp(f, x), _generic(x))(v)),
)
# fmt: on

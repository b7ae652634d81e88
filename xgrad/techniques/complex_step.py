"""The complex step: f(x + ihv) has the derivative in its imaginary part, without a difference.

Squire and Trapp 1998, Using complex variables to estimate derivatives of real functions, SIAM
Review 40(1), 110-112. Right where f is analytic; operations that are not say so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks import Framework, Transforms
from xgrad.frameworks._namespace import Namespace
from xgrad.frameworks.numpy import EXTRAS
from xgrad.operators import Operator
from xgrad.problem import Case
from xgrad.setting import Setting
from xgrad.techniques import Compute, Result, Technique
from xgrad.techniques._transforms import FromJvp

STEP = {"float64": 2.0**-200, "float32": 2.0**-40}
_COMPLEX = {"float64": np.complex128, "float32": np.complex64}


def _real(x: Any) -> Any:
    return np.real(x)


def _refuse(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **keywords: Any) -> Any:
        raise Unsupported(f"{name} is not analytic here, so the complex step does not apply")

    return refuse


def _real_only(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(x: Any, *args: Any, **keywords: Any) -> Any:
        if np.iscomplexobj(x):
            _refuse(name)()
        return function(x, *args, **keywords)

    return apply


def _abs(x: Any) -> Any:
    """The branch of |x| by the sign of the real part, which is analytic away from 0."""
    return np.where(_real(x) < 0, -x, x) if np.iscomplexobj(x) else np.abs(x)


def _hypot(a: Any, b: Any) -> Any:
    return np.sqrt(a * a + b * b)


def _var(x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    centred = x - np.mean(x, axis=axis, keepdims=True)
    count = centred.size // max(1, np.mean(x, axis=axis, keepdims=True).size)
    return np.sum(centred * centred, axis=axis, keepdims=keepdims) / (count - correction)


def _std(x: Any, **keywords: Any) -> Any:
    return np.sqrt(_var(x, **keywords))


def _expit(x: Any) -> Any:
    return np.where(_real(x) >= 0, 1 / (1 + np.exp(-_abs(x))), 1 - 1 / (1 + np.exp(-_abs(x))))


def _softplus(x: Any) -> Any:
    return np.where(_real(x) >= 0, x, 0 * x) + np.log1p(np.exp(-_abs(x)))


def _astype(x: Any, dtype: Any, copy: bool = True) -> Any:
    if np.iscomplexobj(x):
        if np.dtype(dtype).kind == "f":
            return x
        _refuse("astype to integers")()
    return np.astype(x, dtype)


def _vecdot(a: Any, b: Any, axis: int = -1) -> Any:
    return np.sum(a * b, axis=axis)


def _vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if ord != 2:
        _refuse(f"vector_norm of order {ord}")()
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


class _Linalg:
    """numpy.linalg without what conjugates."""

    vecdot, vector_norm = staticmethod(_vecdot), staticmethod(_vector_norm)

    def __getattr__(self, name: str) -> Any:
        function = getattr(np.linalg, name)
        analytic = ("det", "inv", "solve", "matmul", "tensordot", "trace", "diagonal", "outer",
                    "matrix_transpose", "cross", "matrix_power")  # fmt: skip
        return function if name in analytic else _real_only(f"linalg.{name}", function)


def _extras() -> dict[str, Any]:
    import scipy.special

    stepwise = ("sign", "floor", "ceil", "trunc", "round", "remainder", "floor_divide", "atan2")
    return {
        **EXTRAS,
        **{name: _real_only(name, getattr(np, _NUMPY.get(name, name))) for name in stepwise},
        "abs": _abs,
        "hypot": _hypot,
        "var": _var,
        "std": _std,
        "astype": _astype,
        "vecdot": _vecdot,
        "expit": _expit,
        "softplus": _softplus,
        "logaddexp": lambda a, b: b + _softplus(a - b),
        "logsumexp": _logsumexp,
        "log_softmax": lambda x, axis=-1: x - _logsumexp(x, axis=axis, keepdims=True),
        "lgamma": lambda x: scipy.special.loggamma(x),
        "real": _refuse("real"),
        "imag": _refuse("imag"),
        "conj": _refuse("conj"),
        "linalg": _Linalg(),
    }


_NUMPY = {"atan2": "arctan2"}


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.max(_real(x), axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


class _Step(Transforms):
    """jvp by one complex evaluation."""

    def __init__(self, dtype: str):
        self.dtype = dtype

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """Im f(x + ihv) / h."""
        h = STEP[self.dtype]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                y = f(*(x + (1j * h) * v for x, v in zip(xs, vs, strict=True)))
            except np.exceptions.ComplexWarning as error:
                raise Unsupported(f"not analytic: {error}") from None
        real = np.finfo(_COMPLEX[self.dtype]).dtype
        return np.asarray(np.imag(y) / h, dtype=real)

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """Only the jvp is native."""
        raise NotImplementedError

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """A loop."""
        return lambda rows: np.stack([f(row) for row in rows])


class ComplexStep(Technique):
    """First-order operators of analytic functions, to the last digit."""

    name = "complex_step"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """Where the framework has a complex namespace."""
        return {"": True} if framework.analytic else {}

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """A second derivative would need a difference again."""
        return operator.order == 1

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator derived from complex evaluations; raises `Unsupported` otherwise."""
        if operator.order != 1:
            raise Unsupported("the complex step has first derivatives only")
        if setting.dtype not in STEP:
            raise Unsupported(f"there is no complex type for {setting.dtype}")
        real: Namespace = framework.namespace(setting.dtype, device)
        xp = Namespace(real.base, real.dtype, _extras())
        d = FromJvp(real, _Step(setting.dtype))

        def compute(at: Setting) -> Result:
            given = at.arguments(framework, device)
            v, w = at.directions(operator, framework, device)
            f = at.function(replace(given, xp=xp))
            derived = operator.derive(d, f, v, w, at.x_shapes[0])
            return Result(native=derived(*given.xs))

        return compute


TECHNIQUE = ComplexStep()

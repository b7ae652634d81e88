"""HIPS autograd: NumPy with a tape, reverse and forward mode on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.frameworks.base import Framework, Transforms
from xgrad.frameworks.inside import derivatives_inside
from xgrad.frameworks.namespace import Namespace
from xgrad.frameworks.numpy_like import NumpyLike, elementary_extras


def _boxed(value: Any) -> Any:
    """A tuple as one that the tape sees: it takes a plain one for a constant."""
    from autograd.builtins import tuple as traced

    return traced([_boxed(v) for v in value]) if isinstance(value, tuple) else value


class Tape(Transforms):
    """`autograd.core.make_vjp` and `make_jvp`, of one tuple of all inputs."""

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """Recorded once; the map back is made of operations that can be recorded too."""
        from autograd.core import make_vjp

        back, y = make_vjp(lambda inputs: _boxed(f(*inputs)), xs)
        return y, lambda w: _narrowed(back(_boxed(w)), xs)

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """Of the functions that have a rule for it."""
        from autograd.core import make_jvp

        y, tangent = make_jvp(lambda inputs: _boxed(f(*inputs)), _boxed(xs))(_boxed(vs))
        return _narrowed(tangent, y)

    def stack(self, arrays: list[Any]) -> Any:
        """`autograd.numpy.stack`."""
        import autograd.numpy as anp

        return anp.stack(arrays)


def _narrowed(tangent: Any, like: Any) -> Any:
    """A derivative in the dtype of what it is one of: rules for float32 make float64 of some."""
    if isinstance(like, (tuple, list)):
        return tuple(_narrowed(a, b) for a, b in zip(tangent, like, strict=True))
    return tangent if tangent.dtype == like.dtype else tangent.astype(like.dtype)


def _base() -> NumpyLike:
    """autograd.numpy, with other ways for functions that have no rule there."""
    import autograd.numpy as anp

    def take(x: Any, indices: Any, axis: int | None = None) -> Any:
        return x[(slice(None),) * ((axis or 0) % len(x.shape)) + (indices,)]

    def flip(x: Any, axis: Any = None) -> Any:
        axes = range(len(x.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        at = {k % len(x.shape) for k in axes}
        return x[tuple(slice(None, None, -1 if k in at else 1) for k in range(len(x.shape)))]

    def broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
        return x * anp.ones(shape, dtype=x.dtype)

    def broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        return tuple(broadcast_to(a, shape) for a in arrays)

    def sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        return base.take_along_axis(x, base.argsort(x, axis, descending), axis)

    base = NumpyLike(anp, take=take, flip=flip, broadcast_to=broadcast_to,
                     broadcast_arrays=broadcast_arrays, sort=sort)  # fmt: skip
    return base


def _extras(base: NumpyLike) -> dict[str, Callable[..., Any]]:
    import autograd.scipy.special as special

    return elementary_extras(base) | {
        "angle": base.angle,
        "complex": lambda re, im: re + 1j * im,
        "erf": special.erf,
        "erfc": special.erfc,
        "lgamma": special.gammaln,
        "digamma": special.psi,
        "polygamma": lambda n, x: special.polygamma(n, x).astype(x.dtype),
    }


class HipsAutograd(Framework):
    """autograd.numpy with the standard's names, and autograd.scipy.special."""

    name = "autograd"
    package = "autograd"
    reverse = ("",)
    forward = ("",)
    host_only = True
    contestant = False
    ready = True
    no_rule = ("JVP of ", "VJP of ", "Can't handle extra leading dims",
               "includes output subscript")  # fmt: skip

    def namespace(self, dtype: str, device: str = "cpu") -> Namespace:
        """Its functions, differentiable as far as they have rules."""
        base = _base()
        xp = Namespace(base, np.dtype(dtype).type, _extras(base))
        vars(xp).update(derivatives_inside(xp, Tape()))
        return xp

    def put(self, array: np.ndarray, dtype: str, device: str = "cpu") -> np.ndarray:
        """A copy."""
        return np.array(array, dtype=dtype if array.dtype.kind == "f" else array.dtype)

    def get(self, array: Any) -> np.ndarray:
        """The array itself, floats widened."""
        host = np.asarray(array)
        return host.astype(np.float64) if host.dtype.kind == "f" else host

    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """As NumPy has it."""
        return np.shape(array), str(np.asarray(array).dtype), "cpu"

    def is_array(self, value: Any) -> bool:
        """An array of NumPy, or one that is recorded."""
        from autograd.extend import Box

        return isinstance(value, (np.ndarray, np.generic, Box))

    def transforms(self, mode: str, variant: str = "") -> Transforms:
        """Both modes."""
        return Tape()


FRAMEWORK = HipsAutograd()

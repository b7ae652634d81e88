"""MLX: lazy arrays with composable transforms; judged on the CPU, where it has float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks.base import Framework, Transforms, leaves
from xgrad.frameworks.inside import derivatives_inside
from xgrad.frameworks.namespace import Namespace
from xgrad.frameworks.numpy_like import NumpyLike, elementary_extras


class Lazy(Transforms):
    """`mx.vjp`, `mx.jvp` and a loop in place of `mx.vmap`."""

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """The value, and a map that evaluates f anew: MLX keeps no tape between calls."""
        y = f(*xs)
        return y, lambda w: self.pull(f, xs, w, again=again)

    def pull(self, f: Any, xs: tuple[Any, ...], w: Any = None, *, again: bool) -> Any:
        """`mx.vjp`, which takes flat lists of values."""
        import mlx.core as mx

        if w is None:
            w = mx.ones_like(f(*xs))
        return tuple(mx.vjp(lambda *a: leaves(f(*a)), list(xs), leaves(w))[1])

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """`mx.jvp`, in the structure of the value."""
        import mlx.core as mx

        seen: list[Any] = []

        def flat(*a: Any) -> list[Any]:
            seen[:] = [f(*a)]
            return leaves(*seen)

        tangents = iter(mx.jvp(flat, list(xs), list(vs))[1])

        def shaped(y: Any) -> Any:
            return tuple(map(shaped, y)) if isinstance(y, tuple) else next(tangents)

        return shaped(seen[0])

    def stack(self, arrays: list[Any]) -> Any:
        """`mx.stack`."""
        import mlx.core as mx

        return mx.stack(arrays)


def _integers(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that counts, in 64 bits."""

    def counted(*args: Any, **keywords: Any) -> Any:
        import mlx.core as mx

        return function(*args, **keywords).astype(mx.int64)

    return counted


def _base() -> NumpyLike:
    import mlx.core as mx

    def arange(*args: Any, dtype: Any = None) -> Any:
        return mx.array(np.arange(*args), dtype=dtype or mx.int64)

    def asarray(data: Any, dtype: Any = None) -> Any:
        return mx.array(np.asarray(data), dtype=dtype)

    def svd(a: Any, full_matrices: bool = True) -> Any:
        u, s, v = mx.linalg.svd(a)
        n = min(a.shape[-2:])
        return (u, s, v) if full_matrices else (u[..., :, :n], s, v[..., :n, :])

    def argsort(*args: Any, **keywords: Any) -> Any:
        return NumpyLike.argsort(base, *args, **keywords).astype(mx.int64)

    own = {n: getattr(mx.linalg, n) for n in dir(mx.linalg) if not n.startswith("_")}
    linalg = SimpleNamespace(**own | {"svd": svd})
    standard = [
        "take_along_axis",
        "matrix_transpose",
        "unstack",
        "cumulative_prod",
        "astype",
        "isdtype",
    ]
    counts = ("searchsorted", "argmax", "argmin")
    base = NumpyLike(
        mx, linalg, argsort=argsort, arange=arange, asarray=asarray, bool=mx.bool_, fft=_fourier(),
        **{n: getattr(mx, n) for n in standard}, **{n: _integers(getattr(mx, n)) for n in counts},
    )  # fmt: skip
    return base


def _require_short(x: Any) -> None:
    """Raise `Unsupported` for what would be complex numbers of float64."""
    import mlx.core as mx

    if x.dtype == mx.float64:
        raise Unsupported("MLX has no complex numbers of float64")


def _fourier() -> SimpleNamespace:
    import mlx.core as mx

    def of(name: str) -> Callable[..., Any]:
        def transform(x: Any, *args: Any, **keywords: Any) -> Any:
            _require_short(x)
            return getattr(mx.fft, name)(x, *args, **keywords)

        return transform

    return SimpleNamespace(**{n: of(n) for n in ("fft", "ifft", "rfft", "irfft")})


def _extras(base: NumpyLike) -> dict[str, Callable[..., Any]]:
    import mlx.core as mx

    def complex_(re: Any, im: Any) -> Any:
        _require_short(re)
        return re + 1j * im

    return elementary_extras(base) | {
        "logsumexp": mx.logsumexp,
        "softmax": lambda x, axis=-1: mx.softmax(x, axis=axis, precise=True),
        "expit": mx.sigmoid,
        "erf": mx.erf,
        "complex": complex_,
    }


class Mlx(Framework):
    """`mlx.core`, which follows the standard for the most part."""

    name = "mlx"
    package = "mlx"
    reverse = ("",)
    forward = ("",)
    host_only = True
    contestant = False
    no_rule = ("Not implemented for", "JVP not yet implemented", "JVP is not implemented",
               "Cannot calculate VJP", "not yet supported", "Cannot index mlx array")  # fmt: skip

    def namespace(self, dtype: str, device: str = "cpu") -> Namespace:
        """Its functions, and those that follow from them."""
        import mlx.core as mx

        base = _base()
        xp = Namespace(base, getattr(mx, dtype), _extras(base))
        vars(xp).update(derivatives_inside(xp, Lazy()))
        return xp

    def put(self, array: np.ndarray, dtype: str, device: str = "cpu") -> Any:
        """A copy."""
        import mlx.core as mx

        array = np.asarray(array, order="C")
        return mx.array(array, dtype=getattr(mx, dtype) if array.dtype.kind == "f" else None)

    def get(self, array: Any) -> np.ndarray:
        """On the host, floats widened."""
        host = np.array(array)
        return host.astype(np.float64) if host.dtype.kind == "f" else host

    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """`mx.bool_` is `bool`, as NumPy has it."""
        named = str(array.dtype).removeprefix("mlx.core.").rstrip("_")
        return tuple(array.shape), named, "cpu"

    def is_array(self, value: Any) -> bool:
        """An array, computed or not."""
        import mlx.core as mx

        return isinstance(value, mx.array)

    def wait(self, result: Any) -> Any:
        """`mx.eval`."""
        import mlx.core as mx

        mx.eval(*leaves(result)) if result is not None else None
        return result

    def seed(self, seed: int) -> None:
        """`mx.random.seed`."""
        import mlx.core as mx

        mx.random.seed(seed)

    @contextmanager
    def scope(self, device: str = "cpu") -> Iterator[None]:
        """On the CPU: a GPU of MLX has no float64."""
        import mlx.core as mx

        with mx.stream(mx.cpu):
            yield

    def transforms(self, mode: str, variant: str = "") -> Transforms:
        """Both modes."""
        return Lazy()


FRAMEWORK = Mlx()

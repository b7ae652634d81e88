"""TensorFlow: a gradient tape, and an accumulator of tangents, on operations as they are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from xgrad.frameworks.base import Framework, Transforms
from xgrad.frameworks.inside import FromVjp, transformed
from xgrad.frameworks.namespace import Namespace
from xgrad.frameworks.numpy_like import NumpyLike, elementary_extras


def _library() -> Any:
    """TensorFlow, its arrays behaving as NumPy's: for all of the process, as TensorFlow has it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.experimental.numpy.experimental_enable_numpy_behavior(dtype_conversion_mode="all")
    return tf


def _whole(g: Any) -> Any:
    """A gradient with all its elements: that of a gather keeps some only."""
    return _library().convert_to_tensor(g)


class Eager(Transforms):
    """`GradientTape` and `ForwardAccumulator`, zeros where nothing is connected."""

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """Recorded once, and kept for any number of cotangents."""
        tf = _library()
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(xs)
            y = f(*xs)

        def back(w: Any) -> tuple[Any, ...]:
            found = tape.gradient(y, xs, output_gradients=w, unconnected_gradients="zero")
            return tuple(_whole(g) for g in found)

        return y, back

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """Tangents beside the values."""
        tf = _library()
        own = tuple(tf.identity(x) for x in xs)  # a tensor that is given twice has two tangents
        with tf.autodiff.ForwardAccumulator(own, vs) as tangents:
            y = f(*own)
        return tf.nest.map_structure(lambda a: tangents.jvp(a, unconnected_gradients="zero"), y)

    def stack(self, arrays: list[Any]) -> Any:
        """`tf.stack`."""
        return _library().stack(arrays)


def _linalg(tf: Any) -> SimpleNamespace:
    """`tf.linalg` as NumPy has it."""
    own = tf.linalg

    def svd(a: Any, full_matrices: bool = True) -> Any:
        s, u, v = own.svd(a, full_matrices=full_matrices)
        return u, s, own.adjoint(v)

    return SimpleNamespace(
        inv=own.inv, det=own.det, cholesky=own.cholesky, slogdet=own.slogdet, eigh=own.eigh,
        svd=svd, pinv=own.pinv, qr=lambda a, mode="reduced": own.qr(a, mode == "complete"),
        solve=lambda a, b: own.solve(*_broadcast(tf, a, b)),
    )  # fmt: skip


def _broadcast(tf: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Stacks of matrices over the same axes."""
    axes = tf.broadcast_static_shape(a.shape[:-2], b.shape[:-2])
    return tf.broadcast_to(a, axes + a.shape[-2:]), tf.broadcast_to(b, axes + b.shape[-2:])


def _base(tf: Any) -> NumpyLike:
    names = tf.experimental.numpy
    fft = {n: getattr(tf.signal, n) for n in ("fft", "ifft", "fftshift", "ifftshift")}

    def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = None) -> Any:
        return tf.constant(np.eye(n, m, k), dtype=dtype)  # that of tnp does not take every k

    return NumpyLike(
        names, _linalg(tf), fft=SimpleNamespace(**fft), eye=eye, bool=tf.bool,
        tanh=tf.tanh, astype=lambda x, dtype: tf.cast(x, dtype),
        cumulative_prod=lambda x, axis=None: tf.math.cumprod(x, axis=axis or 0),
        unstack=lambda x, axis=0: tuple(tf.unstack(x, axis=axis)),
    )  # fmt: skip


def _extras(tf: Any, base: NumpyLike) -> dict[str, Callable[..., Any]]:
    def polygamma(n: int, x: Any) -> Any:
        return tf.math.polygamma(tf.constant(float(n), x.dtype), x)

    return elementary_extras(base) | {
        "angle": tf.math.angle,
        "complex": lambda re, im: tf.complex(*names_broadcast(tf, re, im)),
        "expit": tf.sigmoid,
        "erf": tf.math.erf,
        "erfc": tf.math.erfc,
        "lgamma": tf.math.lgamma,
        "digamma": tf.math.digamma,
        "polygamma": polygamma,
        "expm": tf.linalg.expm,
        "segment_sum": lambda data, ids, n: tf.math.unsorted_segment_sum(data, ids, n),
    }


def names_broadcast(tf: Any, *arrays: Any) -> Any:
    return tf.experimental.numpy.broadcast_arrays(*arrays)


class TensorFlow(Framework):
    """`tf.experimental.numpy` with the standard's names, and `tf.math`."""

    name = "tensorflow"
    package = "tensorflow"
    dtypes = ("float64", "float32")
    reverse = ("",)
    forward = ("",)
    contestant = False
    convention = "of w TensorFlow's own vjp is ∂/∂re + i ∂/∂im of Re Σ w̅ y"
    no_rule = ("No gradient defined for operation", "LookupError")

    def version(self) -> str:
        """Of the module: the package that brings it has several names."""
        return str(_library().__version__)

    def devices(self) -> tuple[str, ...]:
        """`cpu`, and `cuda` for what TensorFlow calls a GPU."""
        count = len(_library().config.list_logical_devices("GPU"))
        return ("cpu", *(("cuda",) if count else ()), *(f"cuda:{i}" for i in range(count)))

    def _device(self, name: str) -> str:
        kind, _, index = name.partition(":")
        return f"{'GPU' if kind == 'cuda' else 'CPU'}:{index or 0}"

    def namespace(self, dtype: str, device: str = "cpu") -> Namespace:
        """Its functions, constants on the device of `scope`."""
        tf = _library()
        base = _base(tf)
        xp = Namespace(base, getattr(tf, dtype), _extras(tf, base), convert=tf.constant)
        vars(xp).update(transformed(xp, FromVjp(xp, Eager())))
        return xp

    def put(self, array: np.ndarray, dtype: str, device: str = "cpu") -> Any:
        """A fresh tensor."""
        tf = _library()
        with tf.device(self._device(device)):
            kind = getattr(tf, dtype) if array.dtype.kind == "f" else None
            return tf.constant(array.copy(), dtype=kind)

    def get(self, array: Any) -> np.ndarray:
        """On the host, floats widened."""
        host = np.asarray(array)
        return host.astype(np.float64) if host.dtype.kind == "f" else host

    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """`cuda` for a GPU."""
        place = "cuda" if "GPU" in array.device else "cpu"
        return tuple(array.shape), array.dtype.name, place

    def is_array(self, value: Any) -> bool:
        """A tensor."""
        return bool(_library().is_tensor(value))

    def wait(self, result: Any) -> Any:
        """Until the device has done what was asked of it."""
        _library().experimental.async_wait() if False else None
        return result

    def seed(self, seed: int) -> None:
        """`tf.random.set_seed`."""
        _library().random.set_seed(seed)

    @contextmanager
    def scope(self, device: str = "cpu") -> Iterator[None]:
        """Products in full float32, on the device."""
        tf = _library()
        own = tf.config.experimental
        before = own.tensor_float_32_execution_enabled()
        own.enable_tensor_float_32_execution(False)
        try:
            with tf.device(self._device(device)):
                yield
        finally:
            own.enable_tensor_float_32_execution(before)

    def transforms(self, mode: str, variant: str = "") -> Transforms:
        """Both modes."""
        return Eager()


FRAMEWORK = TensorFlow()

"""TensorFlow: a gradient tape, and an accumulator of tangents, on operations as they are called."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from math import log
from types import SimpleNamespace
from typing import Any

import numpy as np

from xgrad.frameworks.base import Framework, Transforms
from xgrad.frameworks.inside import derivatives_inside
from xgrad.frameworks.namespace import Namespace
from xgrad.frameworks.numpy_like import NumpyLike, elementary_extras


@cache
def _library() -> Any:
    """TensorFlow, its arrays behaving as NumPy's: for all of the process, as TensorFlow has it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.experimental.numpy.experimental_enable_numpy_behavior(dtype_conversion_mode="all")
    return tf


def _whole(g: Any) -> Any:
    """A gradient with all its elements: that of a gather keeps some only."""
    return _library().convert_to_tensor(g)


def _apart(xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Each one a tensor of its own: one that is given twice is two inputs."""
    return tuple(_library().identity(x) for x in xs)


class Eager(Transforms):
    """`GradientTape` and `ForwardAccumulator`, zeros where nothing is connected."""

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """Recorded once, and kept for any number of cotangents."""
        tf = _library()
        own = _apart(xs)
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(own)
            y = f(*own)

        def back(w: Any) -> tuple[Any, ...]:
            found = tape.gradient(y, own, output_gradients=w, unconnected_gradients="zero")
            return tuple(_whole(g) for g in found)

        return y, back

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """Tangents beside the values."""
        tf = _library()
        own = _apart(xs)
        with tf.autodiff.ForwardAccumulator(own, vs) as tangents:
            y = f(*own)

        def of(part: Any) -> Any:
            return _whole(tangents.jvp(part, unconnected_gradients="zero"))

        return tf.nest.map_structure(of, y)

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

    def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = None) -> Any:
        return tf.constant(np.eye(n, m, k), dtype=dtype)  # that of tnp does not take every k

    def arange(*args: Any, dtype: Any = None) -> Any:
        return tf.constant(np.arange(*args), dtype=dtype)

    def linspace(*args: Any, dtype: Any = None, **keywords: Any) -> Any:
        return tf.constant(np.linspace(*args, **keywords), dtype=dtype)

    return NumpyLike(
        names, _linalg(tf), fft=_fourier(tf), eye=eye, arange=arange, linspace=linspace,
        bool=tf.bool, astype=tf.cast, searchsorted=tf.searchsorted,
        log2=lambda x: tf.math.log(x) / log(2), log10=lambda x: tf.math.log(x) / log(10),
        add=operator.add, subtract=operator.sub, multiply=operator.mul, divide=operator.truediv,
        cumulative_prod=lambda x, axis=None: tf.math.cumprod(x, axis=axis or 0),
        unstack=lambda x, axis=0: tuple(tf.unstack(x, axis=axis)),
    )  # fmt: skip


def _fourier(tf: Any) -> SimpleNamespace:
    """`tf.signal`, whose plain transforms take complex numbers only."""
    own = tf.signal

    def wide(x: Any) -> Any:
        return x if x.dtype.is_complex else tf.complex(x, tf.zeros_like(x))

    def irfft(x: Any, n: int | None = None) -> Any:
        return own.irfft(x, [n or 2 * (x.shape[-1] - 1)])

    return SimpleNamespace(fft=lambda x: own.fft(wide(x)), ifft=lambda x: own.ifft(wide(x)),
                           rfft=own.rfft, irfft=irfft)  # fmt: skip


def _extras(tf: Any, base: NumpyLike) -> dict[str, Callable[..., Any]]:
    def polygamma(n: int, x: Any) -> Any:
        return tf.math.polygamma(tf.constant(float(n), x.dtype), x)

    return elementary_extras(base) | {
        "angle": tf.math.angle,
        "complex": lambda re, im: tf.complex(*base.broadcast_arrays(re, im)),
        "expit": tf.sigmoid,
        "erf": tf.math.erf,
        "erfc": tf.math.erfc,
        "lgamma": tf.math.lgamma,
        "digamma": tf.math.digamma,
        "polygamma": polygamma,
        "expm": tf.linalg.expm,
        "segment_sum": lambda data, ids, n: tf.math.unsorted_segment_sum(data, ids, n),
    }


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
        vars(xp).update(derivatives_inside(xp, Eager()))
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
        """Until a GPU has done what was asked of it; on the CPU a call returns when it is done."""
        if len(self.devices()) > 1:
            _library().test.experimental.sync_devices()
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

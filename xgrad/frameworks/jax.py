"""JAX: its transforms under jit, on any device that it names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from operator import methodcaller
from typing import Any

import numpy as np

from xgrad.errors import Unsupported, UsageError
from xgrad.frameworks.base import Children, Framework, Transforms
from xgrad.frameworks.inside import transformed
from xgrad.frameworks.jax_alike import alike, forget_alike
from xgrad.frameworks.jax_programs import kept_programs
from xgrad.frameworks.namespace import Namespace

# What a caller may have set to find mistakes of their own, and its usual value.
_USUAL = {"debug_nans": False, "debug_infs": False, "disable_jit": False,
          "check_tracer_leaks": False, "numpy_dtype_promotion": "standard",
          "numpy_rank_promotion": "allow", "transfer_guard": "allow"}  # fmt: skip
TRACED = (
    "called inside a transform of JAX (jit, grad, vmap, …), where arrays are traced and have no "
    "numbers: call it outside"
)
_PLATFORMS = {"cuda": "gpu", "rocm": "gpu"}  # how jax.devices() calls them


def _wide_as(w: Any, y: Any) -> Any:
    """A cotangent in the dtype of a value that is wider than the inputs: JAX takes no other."""
    import jax.numpy as jnp

    return w.astype(y.dtype) if jnp.promote_types(w.dtype, y.dtype) == y.dtype else w


class Jax(Transforms):
    """`jax.jvp`, `jax.vjp` and `jax.vmap`."""

    def jvp(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """`jax.jvp`."""
        import jax

        return jax.jvp(f, xs, vs)[1]

    def vjp(self, f: Any, xs: tuple[Any, ...], *, again: bool) -> Any:
        """`jax.vjp`."""
        import jax

        return jax.vjp(f, *xs)

    def pull(self, f: Any, xs: tuple[Any, ...], w: Any = None, *, again: bool) -> Any:
        """`jax.vjp`, called."""
        import jax

        y, back = jax.vjp(f, *xs)
        return back(jax.numpy.ones_like(y) if w is None else jax.tree.map(_wide_as, w, y))

    def taylor(self, f: Any, xs: tuple[Any, ...], vs: tuple[Any, ...], order: int) -> Any:
        """`jax.experimental.jet`; raises `Unsupported` for a primitive without a rule there."""
        import jax
        from jax.experimental.jet import jet

        zeros = [[0 * v] * (order - 1) for v in vs]
        series = tuple([v, *rest] for v, rest in zip(vs, zeros, strict=True))
        try:
            return jet(f, xs, series)[1][-1]
        except KeyError as error:  # of its table of rules
            raise Unsupported(f"jax.experimental.jet has no rule for {error.args[0]}") from None
        except jax.errors.UnexpectedTracerError:  # of JAX 0.10, in a custom_jvp under jit
            raise Unsupported("jax.experimental.jet loses a tracer in a custom_jvp here") from None

    def stack(self, arrays: list[Any]) -> Any:
        """`jax.numpy.stack`."""
        import jax

        return jax.numpy.stack(arrays)

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """`jax.vmap`; a loop where a primitive has no batching rule."""
        import jax

        many = jax.vmap(f)

        def mapped(rows: Any) -> Any:
            try:
                return many(rows)
            except NotImplementedError:
                return jax.lax.map(f, rows)

        return mapped


def _extras() -> dict[str, Callable[..., Any]]:
    import jax
    import jax.numpy as jnp
    import jax.scipy.linalg as linalg
    import jax.scipy.special as special

    return {
        "angle": jnp.angle,
        "complex": lambda re, im: jax.lax.complex(*jnp.broadcast_arrays(re, im)),
        "logsumexp": lambda x, axis=None, keepdims=False: special.logsumexp(
            x, axis=axis, keepdims=keepdims
        ),
        "log_softmax": lambda x, axis=-1: jax.nn.log_softmax(x, axis=axis),
        "softmax": lambda x, axis=-1: jax.nn.softmax(x, axis=axis),
        "softplus": jax.nn.softplus,
        "expit": jax.nn.sigmoid,
        "erf": special.erf,
        "erfc": special.erfc,
        "lgamma": special.gammaln,
        "digamma": special.digamma,
        "polygamma": special.polygamma,
        "expm": linalg.expm,
        "segment_sum": jax.ops.segment_sum,
        "einsum": jnp.einsum,
        "scan": jax.lax.scan,
    }


def _require_no_trace() -> None:
    from jax._src.core import trace_state_clean

    if not trace_state_clean():
        raise UsageError(TRACED)


def _wait_for_each(result: tuple[Any, ...]) -> None:
    for array in result:
        array.block_until_ready()


class JaxFramework(Framework):
    """jax.numpy, which follows the array API itself; 64-bit floats inside `scope` only."""

    name = "jax"
    package = "jax"
    dtypes = ("float64", "float32", "bfloat16", "float16")
    reverse = ("",)
    forward = ("",)
    taylor = True
    takes_numpy = True
    widens = True
    convention = "of w JAX's own vjp is ∂/∂re − i ∂/∂im of Re Σ w y"
    no_rule = (
        "to a custom_vjp function",
        "Reverse-mode differentiation does not work for lax.",
        "is not supported by dot_general",
    )

    def devices(self) -> tuple[str, ...]:
        """`cpu`, and `cuda` and the like where a plugin sees one."""
        import jax

        kind = jax.default_backend()
        if kind == "cpu":
            return ("cpu",)
        name = "cuda" if kind == "gpu" else kind
        return ("cpu", name, *(f"{name}:{d.id}" for d in jax.devices()))

    def _device(self, name: str) -> Any:
        import jax

        kind, _, index = name.partition(":")
        return jax.devices(_PLATFORMS.get(kind, kind))[int(index or 0)]

    def flags(self) -> dict[str, str]:
        """64-bit floats and the precision of products, inside `scope`."""
        import jax

        with self.scope():
            return {
                "64-bit floats": str(jax.config.jax_enable_x64),
                "product precision": str(jax.config.jax_default_matmul_precision),
            }

    def namespace(self, dtype: str, device: str = "cpu") -> Namespace:
        """jax.numpy, and the special functions of jax.scipy."""
        import jax
        import jax.numpy as jnp

        xp = Namespace(jnp, jnp.dtype(dtype), _extras(), convert=jnp.asarray)
        vars(xp).update(transformed(xp, jax))
        return xp

    def put(self, array: np.ndarray, dtype: str, device: str = "cpu") -> Any:
        """A committed array on the device."""
        import jax
        import jax.numpy as jnp

        kind = jnp.dtype(dtype) if array.dtype.kind == "f" else array.dtype
        return jax.device_put(array.astype(kind), self._device(device))

    def get(self, array: Any) -> np.ndarray:
        """On the host; float64 holds every other float exactly."""
        import jax
        import jax.numpy as jnp

        if isinstance(array, jax.core.Tracer):
            raise UsageError(TRACED)
        host = np.asarray(array)
        return host.astype(np.float64) if jnp.issubdtype(array.dtype, jnp.floating) else host

    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """The device by the name that torch users know."""
        platform = next(iter(array.devices())).platform
        return tuple(array.shape), str(array.dtype), "cuda" if platform == "gpu" else platform

    def is_array(self, value: Any) -> bool:
        """A JAX array."""
        import jax

        return isinstance(value, jax.Array)

    def looks_of(
        self, f: Callable[..., Any], xs: tuple[Any, ...]
    ) -> tuple[tuple[int, ...], bool] | str:
        """By tracing, where f can be: run as it is, each of its operations would be compiled."""
        import jax

        def array(*xs: Any) -> Any:
            y = f(*xs)
            if not self.is_array(y):
                raise TypeError(type(y).__name__)
            return y

        with suppress(Exception):
            y = jax.eval_shape(array, *xs)
            return tuple(y.shape), y.dtype.kind == "c"
        return super().looks_of(f, xs)

    def is_sparse(self, value: Any) -> bool:
        """BCOO, BCSR and their like: pytrees of their stored values and of where those are."""
        sparse = sys.modules.get("jax.experimental.sparse")
        return sparse is not None and isinstance(value, sparse.JAXSparse)

    def children(self, value: Any) -> Children | None:
        """Of any registered pytree: a dataclass, a BCOO matrix, a module of Equinox or Flax."""
        import jax

        trees = jax.tree_util
        found, made = trees.tree_flatten_with_path(value, is_leaf=lambda v: v is not value)
        if trees.treedef_is_leaf(made):
            return None
        parts = {trees.keystr(path).replace("<flat index ", "").replace(">", ""): child
                 for path, child in found}  # fmt: skip
        if self.is_sparse(value):
            parts = {".data" if k == "[0]" else k: child for k, child in parts.items()}
        return parts, partial(trees.tree_unflatten, made)

    def wait(self, result: Any) -> Any:
        """Block until every leaf is there."""
        import jax

        return jax.block_until_ready(result)

    def quick_wait(self, result: Any) -> Callable[[Any], Any] | None:
        """`block_until_ready` of an array, or of each one of a flat tuple."""
        if hasattr(result, "block_until_ready"):
            return methodcaller("block_until_ready")
        if isinstance(result, tuple) and all(hasattr(a, "block_until_ready") for a in result):
            return _wait_for_each
        return None

    def forget(self) -> None:
        """`jax.clear_caches`, and what is kept of programs that were traced."""
        import jax

        forget_alike()
        jax.clear_caches()

    def device_peak(
        self, run: Callable[..., Any], arguments: tuple[Any, ...], device: str
    ) -> float | None:
        """Results and temporaries of the compiled program, as XLA laid them out.

        The allocator's `peak_bytes_in_use` cannot be reset, and so shows the largest program only.
        """
        if not hasattr(run, "lower"):
            return None
        planned = run.lower(*arguments).compile().memory_analysis()
        if planned is None:
            return None
        return float(planned.temp_size_in_bytes + planned.output_size_in_bytes)

    @contextmanager
    def scope(self, device: str = "cpu") -> Iterator[None]:
        """64-bit floats, full-precision products, the device, `kept_programs`: in this block."""
        import jax

        with (
            jax.enable_x64(True),
            jax.default_matmul_precision("highest"),
            jax.default_device(self._device(device)),
            kept_programs(),
        ):
            yield

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Without its checks for debugging and its strict modes; raises `UsageError` in a trace."""
        import jax

        _require_no_trace()
        with ExitStack() as stack:
            for name, usual in _USUAL.items():
                if hasattr(jax, name):
                    stack.enter_context(getattr(jax, name)(usual))
            yield

    def transforms(self, mode: str, variant: str = "") -> Transforms:
        """JAX has one set."""
        return Jax()

    def compile(self, f: Callable[..., Any], variant: str = "") -> Callable[..., Any]:
        """`jax.jit`, as its users run it."""
        import jax

        return jax.jit(f)

    def traces(self, variant: str) -> bool:
        """Always: everything runs under jit."""
        return True

    def traced(self, run: Callable[..., Any], given: tuple[Any, ...]) -> Callable[..., Any]:
        """Without a call where it is jitted; what was compiled of an equal program, if one was."""
        return alike(run, given) if hasattr(run, "trace") else super().traced(run, given)

    def batch(self, f: Callable[[Any, Any, Any], Any], xp: Any) -> Callable[[Any, Any], Any]:
        """`jax.vmap` under `jax.jit`."""
        import jax

        return jax.jit(jax.vmap(partial(f, xp), in_axes=(0, None)))


FRAMEWORK = JaxFramework()

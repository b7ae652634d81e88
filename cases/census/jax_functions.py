"""Every differentiable function of JAX's own library, at inputs from its domain.

Public functions of `jax.numpy`, `jax.scipy`, `jax.lax`, `jax.nn` and optax's losses that take
floats to floats. Which of a list of simple inputs a function gets stands in `jax_functions.csv`,
made by `python cases/census/jax_functions.py`: the first at which it is finite and moves. Besides,
the same with other numbers, complex ones, and floats in multiples of a half, where kinks are. The
table has the dtypes too, of functions that decline some.

Source: the signatures and documentation of JAX.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.problem import Known, Sample, make_operation, write_call

HERE = Path(__file__).resolve()
TABLE = HERE.with_suffix(".csv")
SEPARATOR = "; "  # between the points of a function, and its dtypes
DTYPES = ("float64", "float32", "bfloat16", "float16")
MODULES = (
    "jax.nn", "jax.scipy.special", "jax.numpy", "jax.numpy.linalg", "jax.scipy.linalg",
    "jax.numpy.fft", "jax.lax", "jax.lax.linalg", "jax.scipy.signal", "jax.scipy.integrate",
    "optax.losses", "optax.projections",
)  # fmt: skip
# What reads files, draws, or takes functions that say what is computed.
_LEFT_OUT = """save savez load loadtxt fromfile frombuffer fromstring set_printoptions printoptions
    get_printoptions from_dlpack array_repr array_str seterr cond while_loop scan fori_loop
    map switch custom_root custom_linear_solve custom_gradient rng_uniform psum
    DotDimensionNumbers Precision ConvDimensionNumbers"""
LEFT_OUT = frozenset(_LEFT_OUT.split())


def _some(*shape: int, seed: int = 4) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(0.1, 0.9, shape)


_SPD = _some(4, 4) @ _some(4, 4).T + np.diag([1.0, 2.0, 3.0, 4.0])
_FLAGS = np.array([True, False, True, True, False])
_COUNTS = np.array([1, 0, 2, 1, 3])
# Keywords that functions need, and inputs where the list has none that show something of them.
PARTICULAR: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "apply_over_axes": ((jnp.sum, _some(3, 4), (0,)), {}),
    "associative_scan": ((jnp.multiply, _some(5)), {}),
    "bessel_jn": ((_some(5),), {"v": 4}),
    **{f"binom.{name}": ((_COUNTS, 4, _some(5)), {}) for name in ("pmf", "logpmf")},
    **{f"betabinom.{name}": ((_COUNTS, 4, _some(5), _some(5, seed=5)), {})
       for name in ("pmf", "logpmf")},
    "broadcast_to": ((_some(5),), {"shape": (3, 5)}),
    "choose": ((np.array([1, 0, 1]), [_some(3), _some(3, seed=5)]), {"mode": "clip"}),
    "clamp": ((_some(5) / 4, _some(5, seed=5), _some(5) / 4 + 0.5), {}),
    "compress": ((_FLAGS, _some(5)), {"size": 3}),
    "conv": ((_some(2, 3, 6, 6), _some(4, 3, 3, 2), (1, 2), "SAME"), {}),
    "conv_general_dilated_local": (
        (_some(1, 2, 4, 4), _some(3, 8, 3, 3), (1, 1), "VALID", (2, 2)), {}
    ),
    "conv_general_dilated_patches": ((_some(1, 2, 4, 4), (2, 2), (1, 1), "VALID"), {}),
    "ctc_loss": ((_some(1, 6, 4), np.zeros((1, 6)), np.array([[1, 2]]), np.zeros((1, 2))), {}),
    "dirichlet.logpdf": ((np.array([0.2, 0.3, 0.5]), _some(3)), {}),
    "dot_product_attention": (tuple(_some(3, 2, 5, 2, 4)), {}),
    "dynamic_slice": ((_some(4, 4), (1, 0), (2, 4)), {}),
    "dynamic_update_slice": ((_some(4, 4), _some(2, 2), (1, 1)), {}),
    "extract": ((_FLAGS, _some(5)), {"size": 3}),
    "fill_diagonal": ((_some(4, 4), _some(4)), {"inplace": False}),
    "hyp1f1": (tuple(_some(2, seed=k) for k in (4, 5, 6)), {}),
    "hyp2f1": (tuple(_some(2, seed=k) for k in (4, 5, 6, 7)), {}),
    "lstsq": ((_some(5, 3), _some(5)), {}),
    "lu_solve": (((_SPD, np.array([1, 1, 3, 3], dtype=np.int32)), _some(4)), {}),
    **{f"multiclass_{name}_loss": ((_some(3, 4), np.array([0, 3, 1])), {})
       for name in ("hinge", "perceptron")},
    "multivariate_normal.logpdf": ((_some(4), _some(4, seed=5), _SPD), {}),
    "ntxent": ((_some(4, 3), np.array([0, 0, 1, 1])), {}),
    "permute_dims": ((_some(2, 3, 4), (1, 2, 0)), {}),
    "place": ((_some(5), _FLAGS, _some(3)), {"inplace": False}),
    "polar": ((_some(4, 4),), {"method": "svd"}),
    "polyfit": ((_some(5), _some(5, seed=5), 2), {}),
    "put": ((_some(5), np.array([1, 3]), _some(2)), {"inplace": False}),
    "put_along_axis": ((_some(3, 4), np.array([[1], [0], [2]]), _some(3, 1), 1),
                       {"inplace": False}),
    "ragged_dot": ((_some(3, 4), _some(2, 4, 5), np.array([2, 1], dtype=np.int32)), {}),
    "reduce_window": ((_some(4, 4), 0.0, jax.lax.add, (2, 2), (1, 1), "VALID"), {}),
    "roots": ((np.array([1.0, -3.0, 1.0, 4.0]),), {"strip_zeros": False}),
    "select": ((_FLAGS, _some(5), _some(5, seed=5)), {}),
    "select_n": ((_FLAGS, _some(5), _some(5, seed=5)), {}),
    "sph_harm_y": ((np.array([3]), np.array([1]), _some(1), _some(1, seed=5)), {"n_max": 4}),
    "tridiagonal_solve": ((_some(5), _some(5, seed=5) + 2, _some(5, seed=6), _some(5, 2)), {}),
    "triangular_solve": ((_SPD, _some(4, 2)), {"left_side": True}),
    "truncnorm.logpdf": ((_some(5), -1.0, 2.0), {}),
    "uniform.logpdf": ((_some(5), -_some(5, seed=5), _some(5, seed=6) + 2), {}),
}  # fmt: skip
# Functions of Hermitian matrices that read one half, and are differentiated as reading both.
HERMITIAN = {"cholesky", "cho_factor"}
# Functions whose vectors have a sign, or a phase, that no equation tells: their elements' sizes.
UP_TO_PHASE = {"eigh", "eig", "svd"}
# What JAX documents, or its project holds to be right.
_ZERO = "of x⁰ at 0 its project holds NaN to be right (jax #12409)"
LIMITS = {
    "stop_gradient": "it is there to have none",
    **dict.fromkeys(("power", "pow", "float_power"), _ZERO),
}


# --- inputs --------------------------------------------------------------------------------------


@cache
def inputs() -> list[tuple[Any, ...]]:
    """Arguments to try, simple ones first."""
    rng = np.random.default_rng(3)

    def some(*shape: int) -> Any:
        return jnp.asarray(rng.uniform(0.1, 0.9, shape))

    v, u, t, s = some(5), some(5), some(5), some(5)
    m = some(4, 4)
    m = m @ m.T + jnp.diag(jnp.array([1.0, 2.0, 3.0, 4.0]))
    n, w, columns, stack = some(4, 4), some(4), some(4, 2), some(2, 3, 4)
    counts, five = jnp.array([1, 0, 2, 1, 3]), jnp.array([1, 2, 3, 4, 5])
    heads = some(2, 5, 2, 4)
    flags = jnp.array([True, False, True, True, False])
    probabilities = jnp.array([0.2, 0.3, 0.5])
    return [
        (v,), (v, u), (v, u, t), (v, u, t, s), (v, u, t, s, some(5)), (m,), (m, w), (m, n),
        (m, columns), (m, n, w), (stack,), (2, v), (v, 2), (five, v), (v, five), (counts, v),
        (counts, v, u), (counts, v, u, t), (counts, 4, v), (counts, 4, v, u),
        (counts, v, jnp.zeros(5, dtype=int)), ([v, u],), ([m, n],), ((5,), v), (v, (5, 1)),
        (some(3), some(3)), (some(6),), (v, 0), (m, 0), (m, 1, 0), (m, 0, 1), (m, 1), (2.0, v, u),
        (v, 2.0), (jnp.sin, v), (lambda x: x * x, 0, m), (w, some(4), m), (m, (2, 3)),
        ("ij,jk->ik", m, n), ("ij->i", m), (v, jnp.linspace(0.0, 1.0, 7), some(7)),
        (jnp.array([0.1, 0.35, 0.55]),), (some(4, 1),), (stack, (0, 1)), (stack, 0),
        (probabilities, jnp.array([1.0, 2.0, 3.0])), (5, probabilities),
        (jnp.array([1, 2, 1]), 4, probabilities), (some(8),), (jnp.array([0.3]), m), (v, flags),
        (flags, v, u), (jnp.array([2, 1, 0]), v), (v, jnp.array([2, 1, 0])), (0.2, 1.1, 7),
        (some(), some(), 5), ([flags], [v]), (jnp.array([3, 1, 0, 2]), m),
        (some(2, 6, 6), some(2, 3, 3)), (some(6, 6), some(3, 3)), (heads, heads[::-1], heads),
        (some(2, 6), jnp.zeros((2, 6)), jnp.array([[1, 2], [1, 1]]), jnp.zeros((2, 2))),
        (jnp.sort(v),), (v + 1.0,), (1.5, 1.7, 2.9, v), (m, w, True),
        (some(4, 3), jnp.array([0, 0, 1, 1])), (some(1, 6, 4), jnp.zeros((1, 6)),
         jnp.array([[1, 2]]), jnp.zeros((1, 2))), (v, jnp.array(1)), (some(3, 4), some(2, 4, 5),
         jnp.array([2, 1], dtype=jnp.int32)), ((m, True), w), (some(5, 3),), (some(6, 4), 2),
        (v + 2.0, u), (w, w, m),
    ]  # fmt: skip


def with_imaginary_parts(arguments: Any) -> Any:
    """The same, complex: Hermitian where symmetric, other numbers and integers as they are."""
    leaves, tree = jax.tree.flatten(arguments)
    rng = np.random.default_rng(6)

    def added(a: Any) -> Any:
        if not is_float_array(a):
            return a
        part = rng.uniform(0.1, 0.9, a.shape)
        if a.ndim == 2 and a.shape[0] == a.shape[1] and np.allclose(a, a.T):
            part = (part - part.T) / 2
        return jnp.asarray(a + 1j * part)

    return jax.tree.unflatten(tree, [added(a) for a in leaves])


def is_float_array(a: Any) -> bool:
    return hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.floating)


def is_complex_array(a: Any) -> bool:
    return hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.complexfloating)


def _other_numbers(a: np.ndarray) -> np.ndarray:
    """Near the first ones, whose domain they share; symmetric where these are."""
    moved = a * (1 + np.sin(np.arange(1.0, a.size + 1)).reshape(a.shape) / 16)
    square = a.ndim == 2 and a.shape[0] == a.shape[1]
    return (moved + moved.T) / 2 if square and np.allclose(a, a.T) else moved


def _to_halves(a: np.ndarray) -> np.ndarray:
    return np.round(2 * a) / 2


# --- functions -----------------------------------------------------------------------------------


def functions() -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Every public function of the modules, once."""
    stats = importlib.import_module("jax.scipy.stats")
    parts = [n for n in dir(stats) if inspect.ismodule(getattr(stats, n)) and n[0] != "_"]
    seen = set()
    for module in (*MODULES, *(f"jax.scipy.stats.{part}" for part in parts)):
        try:
            names = vars(importlib.import_module(module))
        except ImportError:  # optax is not everywhere
            continue
        for name in sorted(names):
            function = names[name]
            odd = name.startswith("_") or name in LEFT_OUT or not callable(function)
            if not odd and not inspect.isclass(function) and id(function) not in seen:
                seen.add(id(function))
                yield module, name, function


def _spelt(a: Any) -> str:
    return f"jnp.array({a.tolist()}, dtype={str(a.dtype)!r})"


def call_of(
    function: Callable[..., Any], arguments: Any, label: str = "", named: Any = None
) -> Sample:
    """A function of its float arrays alone, with those of its values that are floats."""
    leaves, tree = jax.tree.flatten(arguments)
    short = label.rpartition(".")[2]
    at = [i for i, a in enumerate(leaves) if is_float_array(a) or is_complex_array(a)]
    at = at or [i for i, a in enumerate(leaves) if isinstance(a, float)]

    def call(*x: Any) -> Any:
        whole = list(leaves)
        for i, each in zip(at, x, strict=True):
            whole[i] = each
        outs = jax.tree.leaves(function(*jax.tree.unflatten(tree, whole)))
        if short in UP_TO_PHASE:
            outs = [jnp.abs(o) if jnp.ndim(o) == 2 else o for o in outs]
        floats = [o for o in outs if jnp.issubdtype(jnp.result_type(o), jnp.inexact)]
        return floats[0] if len(floats) == 1 else floats

    names = {id(leaves[i]): f"x{k}" for k, i in enumerate(at)}
    setup = f"import {label.rpartition('.')[0]}"
    written = write_call(label, arguments, named or {}, names, _spelt, setup)
    structure = {"x0": "hermitian"} if short in HERMITIAN else None
    apart = len(names) == len(at)  # no array is given twice: it is differentiated in either place
    told = apart and short not in UP_TO_PHASE
    return Sample(
        call, tuple(np.asarray(leaves[i]) for i in at), written if told else None, structure
    )


def particular(module: str, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs and keywords that a function has of its own."""
    short = f"{module.rpartition('.')[2]}.{name}"
    return PARTICULAR.get(short) or PARTICULAR.get(name) or ((), {})


def samples(module: str, name: str, function: Callable[..., Any], at: int) -> dict[str, Sample]:
    """Its calls by the names of their points; `at` is the place in the list of inputs."""
    given, named = particular(module, name)
    function = partial(function, **named) if named else function
    with jax.enable_x64(True):
        given = given or inputs()[at]
        label = f"{module}.{name}"
        made = {"sample 1": call_of(function, given, label, named)}
        for point, moved in (("sample 2", _other_numbers), ("halves", _to_halves)):
            x = tuple(moved(a) for a in made["sample 1"].inputs)
            if _is_fit(made["sample 1"].function, x):
                made[point] = made["sample 1"]._replace(inputs=x)
        pairs = call_of(function, with_imaginary_parts(given), label, named)
        if any(map(np.iscomplexobj, pairs.inputs)) and _is_fit(pairs.function, pairs.inputs):
            made["complex 1"] = pairs
    for each in made.values():
        each.function.__name__ = label
    return made


def _is_fit(call: Callable[..., Any], x: tuple[Any, ...]) -> bool:
    """Whether a call is finite, and can be differentiated at all."""
    try:
        jax.eval_shape(lambda *each: jax.vjp(call, *each)[1](call(*each)), *x)
        return all(bool(jnp.all(jnp.isfinite(y))) for y in jax.tree.leaves(call(*x)))
    except Exception:  # any of many: these inputs are not for this function
        return False


def _moves(call: Callable[..., Any], x: tuple[Any, ...]) -> bool:
    near = [a * (1 + 1e-3 * (1 + j)) + 1e-4 for j, a in enumerate(x)]
    here, there = jax.tree.leaves(call(*x)), jax.tree.leaves(call(*near))
    return any(a.shape == b.shape and bool(jnp.any(a != b))
               for a, b in zip(here, there, strict=True))  # fmt: skip


def fitting(module: str, name: str, function: Callable[..., Any]) -> int | None:
    """The first of the list at which a function is finite and moves; −1 for its own inputs."""
    given, named = particular(module, name)
    function = partial(function, **named) if named else function
    for k, arguments in [(-1, given)] if given else enumerate(inputs()):
        try:
            call, x, *_ = call_of(function, arguments)
            if x and _is_fit(call, x) and _moves(call, x):
                return k
        except Exception:  # these inputs are not for this function
            continue
    return None


def offered(call: Callable[..., Any], x: tuple[Any, ...]) -> tuple[str, ...]:
    """The dtypes that a function takes; none where it takes all."""
    found = []
    for dtype in DTYPES:
        try:
            jax.eval_shape(call, *(a.astype(dtype) if is_float_array(a) else a for a in x))
            found.append(dtype)
        except (TypeError, ValueError):  # how JAX declines a dtype
            continue
    return () if len(found) == len(DTYPES) else tuple(found)


def write_table() -> None:
    """Find inputs for every function anew, as after a new version of JAX: in half an hour."""
    with TABLE.open("w", newline="") as file, jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("function", "inputs", "points", "dtypes"))
        for k, (module, name, function) in enumerate(functions()):
            at = fitting(module, name, function)
            print(f"{module}.{name}: {at}", file=sys.stderr, flush=True)
            if at is not None:
                points = samples(module, name, function, at)
                dtypes = offered(*points["sample 1"][:2])
                told = (SEPARATOR.join(points), SEPARATOR.join(dtypes))
                rows.writerow((f"{module}.{name}", at, *told))
            if k % 100 == 99:
                jax.clear_caches()


def _made(module: str, name: str, function: Callable[..., Any], row: dict[str, str]) -> Any:
    draw = partial(samples, module, name, function, int(row["inputs"]))
    names, dtypes = row["points"].split(SEPARATOR), row["dtypes"].split(SEPARATOR)
    limits = [Known("jax.*", LIMITS[name], must_show=False)] if name in LIMITS else []
    return make_operation(
        f"{module}.{name}", "jax", HERE, draw, limits, names=names, dtypes=filter(None, dtypes)
    )


if __name__ == "__main__":
    jax.config.update("jax_traceback_filtering", "off")  # most inputs do not fit, each an error
    write_table()
else:
    with TABLE.open(newline="") as _file:
        _rows = {row["function"]: row for row in csv.DictReader(_file)}
    for _module, _name, _function in functions():
        _label = f"{_module}.{_name}"
        if _label in _rows:
            globals()[f"_{_label}"] = _made(_module, _name, _function, _rows[_label])

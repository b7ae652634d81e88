"""Expressions of the array standard: their data, and what each framework makes of them."""

import numpy as np

from xgrad.auditing.expressions import lines_of as lines
from xgrad.frameworks import find_framework
from xgrad.numbers import Ball

__all__ = ["DATA", "FLOATS", "NAMES", "evaluate", "host", "leaves", "lines", "require_agreement"]

NAMES = ("numpy", "torch", "jax", "ball")
FLOATS = ("numpy", "torch", "jax")

_rng = np.random.default_rng(20240607)
_root = _rng.normal(size=(4, 4))
DATA = {
    "x": _rng.normal(size=(3, 4)),
    "y": _rng.normal(size=(3, 4)),
    "p": _rng.uniform(0.2, 2.0, size=(3, 4)),
    "q": _rng.uniform(-0.9, 0.9, size=(3, 4)),
    "r": _rng.integers(-2, 3, size=(3, 4)) / 2,  # ties and halves
    "t": _rng.normal(size=(2, 3, 4)),
    "u": _rng.normal(size=4),
    "v": _rng.normal(size=4),
    "w": _rng.normal(size=3),
    "c": _rng.normal(size=(5, 3)),
    "z": np.asarray(0.7),
    "s": _root @ _root.T + 4 * np.eye(4),
    "a": _root + 3 * np.eye(4),
    "m": _rng.normal(size=(2, 4, 4)) + 3 * np.eye(4),
    "o": np.zeros((0, 4)),
    "k": _rng.integers(-3, 4, size=(3, 4)),
    "n": _rng.integers(1, 5, size=(3, 4)),
    "i": np.array([2, 0, 0, 1, 2]),
    "j": np.argsort(_rng.normal(size=(3, 4)), axis=1),
    "b": _rng.normal(size=(3, 4)) > 0,
}


def leaves(value):
    """The arrays of nested tuples and lists, in order."""
    if isinstance(value, (tuple, list)):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


def evaluate(name, expression, dtype="float64", **data):
    """The results of an expression in one framework, as its arrays."""
    framework = find_framework(name)
    with framework.scope():
        put = {k: framework.put(v, dtype) for k, v in (data or DATA).items()}
        return leaves(eval(expression, {"xp": framework.namespace(dtype), **put}))


def host(name, results):
    """Results on the host."""
    framework = find_framework(name)
    return [framework.get(r) if framework.is_array(r) else np.asarray(r) for r in results]


def require_agreement(name, expression, rtol=1e-13, **data):
    """The same shapes, kinds and values as with NumPy; floats of balls stay balls."""
    results = evaluate(name, expression, **data)
    wants = host("numpy", evaluate("numpy", expression, **data))
    for got, want, native in zip(host(name, results), wants, results, strict=True):
        assert (got.shape, got.dtype.kind) == (want.shape, want.dtype.kind)
        assert isinstance(native, Ball) == (name == "ball" and want.dtype.kind == "f")
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)

"""A JAX function that is traced once, and called as its jaxpr after that."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple


class Trace(NamedTuple):
    """The jaxpr as a function of the arrays, and how its results are put together."""

    call: Callable[..., list[Any]]
    rebuild: Callable[[list[Any]], Any]


class Once:
    """A function of pytrees, called in Python once for arrays of the same shapes and dtypes.

    All else in its arguments is part of the trace. A function that cannot be traced is called as
    it is.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self._traces: dict[Hashable, Trace | None] = {}
        self._kept: list[Any] = []  # what traces hold, so that its ids stay its own

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        import jax

        leaves, tree = jax.tree.flatten((args, keywords))
        places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]
        arrays = [leaves[k] for k in places]
        settings = jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision
        key = (*settings, tree, *(_kind(leaf, isinstance(leaf, jax.Array)) for leaf in leaves))
        if key not in self._traces:
            self._kept += [leaf for leaf in leaves if not isinstance(leaf, jax.Array)]
            try:
                self._traces[key] = self._traced(leaves, tree, places)
            except Exception:
                self._traces[key] = None
        trace = self._traces[key]
        if trace is None:
            return self.function(*args, **keywords)
        return trace.rebuild(trace.call(*arrays))

    def _traced(self, leaves: list[Any], tree: Any, places: list[int]) -> Trace:
        import jax
        from jax.extend.core import jaxpr_as_fun

        found: dict[str, Any] = {}

        def flat(*arrays: Any) -> list[Any]:
            whole = list(leaves)
            for k, array in zip(places, arrays, strict=True):
                whole[k] = array
            args, keywords = jax.tree.unflatten(tree, whole)
            made, found["tree"] = jax.tree.flatten(self.function(*args, **keywords))
            found["leaves"] = [None if isinstance(a, jax.Array) else a for a in made]
            return [a for a in made if isinstance(a, jax.Array)]

        avals = [jax.ShapeDtypeStruct(a.shape, a.dtype, weak_type=_is_weak(a))
                 for a in (leaves[k] for k in places)]  # fmt: skip
        call = jaxpr_as_fun(jax.make_jaxpr(flat)(*avals))

        def rebuild(results: list[Any]) -> Any:
            arrays = iter(results)
            made = [next(arrays) if a is None else a for a in found["leaves"]]
            return jax.tree.unflatten(found["tree"], made)

        return Trace(call, rebuild)


def _kind(leaf: Any, traced: bool) -> Hashable:
    """What a trace depends on: an array's shape and dtype, a plain number or word, or who it is."""
    if traced:
        return leaf.shape, leaf.dtype, _is_weak(leaf)
    plain = isinstance(leaf, (bool, int, float, complex, str))
    return type(leaf), leaf if plain else id(leaf)


def _is_weak(array: Any) -> bool:
    """Whether its dtype gives way to others; keys of random numbers do not say."""
    return bool(getattr(array, "weak_type", False))

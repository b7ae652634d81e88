"""Nested arguments and values taken apart: their arrays by name, and how to put them together."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from xgrad.frameworks import Children, Framework


@dataclass(frozen=True)
class Tree:
    """A nested value: its leaves by name, and how to make it of others; the rest stays as it is.

    `sparse` names the arrays that keep some of their elements, with the leaf of what they keep.
    """

    leaves: dict[str, Any]
    rebuild: Callable[[Mapping[str, Any]], Any]
    sparse: dict[str, str] = dataclasses.field(default_factory=dict)


def _any(value: Any) -> bool:
    return True


def take_apart(
    value: Any,
    name: str,
    framework: Framework | None = None,
    picks: Callable[[Any], bool] = _any,
    read: Callable[[Any], Any] | None = None,
) -> Tree:
    """Lists, tuples, mappings, dataclasses and the framework's own containers in their leaves.

    Leaves are named as they are reached (`p.layers[0]`). Those that `picks` leaves out stay where
    they are, and a container without any is passed on as the object that it is. `read` comes first.
    """
    value = value if read is None else read(value)
    found = _children(value, framework)
    if found is None:
        picked = picks(value)
        return Tree({name: value}, lambda given: given[name]) if picked else _kept(value)
    parts, make = found
    trees = [take_apart(v, name + suffix, framework, picks, read) for suffix, v in parts.items()]
    leaves = {k: v for tree in trees for k, v in tree.leaves.items()}
    if parts and not leaves:
        return _kept(value)
    sparse = {k: v for tree in trees for k, v in tree.sparse.items()}
    if framework is not None and framework.is_sparse(value):
        sparse = {name: next(iter(leaves))}
    return Tree(leaves, lambda given: make([tree.rebuild(given) for tree in trees]), sparse)


def _kept(value: Any) -> Tree:
    return Tree({}, lambda given: value)


def is_namedtuple(value: Any) -> bool:
    """Whether a value is a tuple with named parts: one argument, no list of them."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _children(value: Any, framework: Framework | None) -> Children | None:
    """The parts of a container by what stands behind its name, and how to make it of others."""
    if value is None or isinstance(value, (str, bytes, type)):
        return None
    if isinstance(value, (list, tuple)):
        return _items(value)
    registered = framework.children(value) if framework and type(value) is not dict else None
    if registered is not None:
        return registered
    if isinstance(value, Mapping):
        return {f".{k}": v for k, v in value.items()}, partial(_mapping, value)
    if dataclasses.is_dataclass(value):
        fields = {f".{f.name}": getattr(value, f.name) for f in dataclasses.fields(value)}
        return fields, partial(_dataclass, value)
    return None


def _items(value: Any) -> Children:
    if is_namedtuple(value):
        return dict(zip((f".{f}" for f in value._fields), value, strict=True)), type(value)._make
    return {f"[{i}]": v for i, v in enumerate(value)}, type(value)


def _mapping(like: Mapping[Any, Any], values: list[Any]) -> Any:
    """A mapping of the same type, a defaultdict or an OrderedDict among them."""
    named = dict(zip(like, values, strict=True))
    if type(like) is dict:
        return named
    if not hasattr(like, "update"):
        return type(like)(named)  # type: ignore[call-arg]
    made = copy.copy(like)
    made.update(named)
    return made


def _dataclass(like: Any, values: list[Any]) -> Any:
    """A copy with other fields: `__init__` may check what holds of the user's arrays only."""
    made = copy.copy(like)
    for field, value in zip(dataclasses.fields(like), values, strict=True):
        object.__setattr__(made, field.name, value)
    return made

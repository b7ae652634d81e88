"""A port beside its original: one function in torch and in JAX, each judged by its own program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import Framework
from xgrad.problem import (
    OPERATORS,
    AtHand,
    Case,
    Setting,
    find_framework_of,
    find_framework_of_code,
    name_of,
    require_no_state,
    take_apart,
    take_at_hand,
)
from xgrad.referee import PortReferee, describe_sameness

Taken = tuple[Case, list[AtHand]]


def frameworks_of_port(
    function: Callable[..., Any], inputs: Any, like: Callable[..., Any]
) -> tuple[Framework, Framework] | None:
    """The two frameworks of a function and its original; None where they are of one."""
    given = find_framework_of(None, inputs)
    own, other = find_framework_of_code(function), find_framework_of_code(like)
    own, other = own or (given if other else None), other or (given if own else None)
    return (own, other) if own and other and own.name != other.name else None


def take_port(
    function: Callable[..., Any],
    inputs: Any,
    like: Callable[..., Any],
    pair: tuple[Framework, Framework],
    wrt: tuple[str, ...],
) -> tuple[Taken, Taken]:
    """Both as cases of the same numbers; raises `UsageError` where they do not take the same."""
    require_no_state(function, like)
    given = find_framework_of(None, inputs)
    both = [function, like]
    first = 1 if given is not None and given.name == pair[1].name else 0
    taken: dict[int, Taken] = {}
    for k in (first, 1 - first):
        there = _converted(inputs, pair[k])
        chosen = wrt if k == first else _same_places(taken[first], both[k], there, pair[k])
        taken[k] = take_at_hand(both[k], there, pair[k], chosen)
    port, original = taken[0], taken[1]
    _require_alike(port[0], original[0])
    port[0].original = original[0]
    return port, original


def tell_sameness(port: Case, original: Case, dtype: str) -> None:
    """Say in the rows of both whether they are the same function."""
    referee = PortReferee(_at(port, dtype), port.framework, "cpu")
    truth = referee.truth(OPERATORS["value"])
    if truth.kind == "none":
        return  # its row has the reason
    for one, other in ((port, original), (original, port)):
        one.notes.insert(0, describe_sameness(truth.digits, f"{other.name} of {other.framework}"))


def _at(case: Case, dtype: str) -> Setting:
    return Setting.make(case, "small", "given", dtype, 0)


def _require_alike(port: Case, original: Case) -> None:
    """Raise where the values of the two cannot be set beside each other."""
    try:
        one, other = _at(port, "float64").y_shape, _at(original, "float64").y_shape
    except Exception:
        return  # the methods tell what is wrong
    if one != other:
        raise UsageError(
            f"{port.name} returns shape {one} and {original.name} {other}: a port returns what "
            "its original does"
        )


def _same_places(given: Taken, function: Any, inputs: Any, framework: Framework) -> tuple[str, ...]:
    """What of the other function's arguments stands where the differentiated ones do."""
    case, (own,) = given
    names = list(take_at_hand(function, inputs, framework, ())[1][0].arguments)
    if len(names) != len(own.arguments):
        raise UsageError(f"{name_of(function)}: a port takes the arguments of its original")
    places = dict(zip(own.arguments, names, strict=True))
    for name in (n for n in case.wrt if n not in places):
        raise unknown(f"input of {name_of(function)}", name, places)
    return tuple(n if n in names else places[n] for n in case.wrt)


def _converted(inputs: Any, framework: Framework) -> Any:
    """The inputs with arrays of the framework, whatever they were given as."""
    source = find_framework_of(None, inputs)

    def is_other(value: Any) -> bool:
        foreign = source is not None and source.name != framework.name and source.is_array(value)
        return foreign or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub")

    def put(value: Any) -> Any:
        array = value if isinstance(value, np.ndarray) or source is None else source.get(value)
        return framework.put(np.asarray(array), str(value.dtype).removeprefix("torch."))

    tree = take_apart(inputs, "x", source, is_other)
    with framework.scope("cpu"):
        return tree.rebuild({k: put(v) for k, v in tree.leaves.items()})

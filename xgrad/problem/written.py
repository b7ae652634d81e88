"""Sample calls as text: what a short program needs to make them again without xgrad."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

NAMED = re.compile(r"torch\.\w+")  # what prints as the name that Python knows it by


class Written(NamedTuple):
    """A call as an expression of variables, and the lines that come before it."""

    call: str
    setup: str = ""


def variable(name: str) -> str:
    """The Python name of an input: `args_0` of `args[0]`."""
    return re.sub(r"\W+", "_", name).strip("_")


def write_call(
    function: str,
    args: Any,
    kwargs: Mapping[str, Any],
    names: Mapping[int, str],
    array: Callable[[Any], str] | None = None,
    setup: str = "",
) -> Written | None:
    """The call of a function by its name; None where an argument cannot be spelt.

    `names` has those of the inputs by their identity, `array` spells other arrays.
    """
    try:
        texts = [_spelt(a, names, array) for a in args]
        texts += [f"{k}={_spelt(v, names, array)}" for k, v in kwargs.items()]
    except ValueError:
        return None
    return Written(f"{function}({', '.join(texts)})", setup)


def _spelt(value: Any, names: Mapping[int, str], array: Callable[[Any], str] | None) -> str:
    if id(value) in names:
        return variable(names[id(value)])
    if type(value) in (list, tuple):
        inner = ", ".join(_spelt(v, names, array) for v in value)
        return f"[{inner}]" if type(value) is list else f"({inner}{',' * (len(value) == 1)})"
    if type(value) is dict:
        return f"{{{', '.join(f'{k!r}: {_spelt(v, names, array)}' for k, v in value.items())}}}"
    plain = value is None or type(value) in (bool, int, str, complex, slice)
    if plain or (type(value) is float and math.isfinite(value)) or NAMED.fullmatch(repr(value)):
        return repr(value)
    if array is not None and hasattr(value, "dtype"):
        return array(value)
    raise ValueError(f"{type(value).__name__} cannot be spelt")

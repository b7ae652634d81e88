"""Options as Python gives them, checked in the words of the command line."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from xgrad.errors import UsageError, unknown
from xgrad.numbers import DTYPES

P = ParamSpec("P")
R = TypeVar("R")
Dtypes = str | type | np.dtype | Iterable[Any]  # names, or what NumPy, torch and JAX call them


def worded(function: Callable[P, R]) -> Callable[P, R]:
    """A function that tells an unknown option, or a missing argument, as a `UsageError`."""
    signature = inspect.signature(function)
    options = [k for k, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY]

    @functools.wraps(function)
    def checked(*args: P.args, **keywords: P.kwargs) -> R:
        __tracebackhide__ = True
        for name in keywords:
            if name not in signature.parameters:
                raise unknown(f"option of {function.__name__}", name, options)
        try:
            signature.bind(*args, **keywords)
        except TypeError as error:
            raise UsageError(f"{function.__name__}: {error}: {_written(signature)}") from None
        return function(*args, **keywords)

    return checked


def _written(signature: inspect.Signature) -> str:
    """The arguments of a call: `(function, inputs, *, …)`."""
    named = [k for k, p in signature.parameters.items() if p.kind is not p.KEYWORD_ONLY]
    return f"call it as ({', '.join(named)}, *, options by name)"


def names_in(option: str, given: Any) -> tuple[str, ...] | None:
    """One name or several as a tuple, None of None; raises `UsageError` for anything else."""
    if given is None:
        return None
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, Iterable) or not all(isinstance(n, str) for n in (*names,)):
        raise UsageError(f"{option}={given!r}: give a name, or several: {option}=('a', 'b')")
    return tuple(names)


def split_names(texts: Iterable[str]) -> tuple[str, ...] | None:
    """The names of an option that is repeatable and comma-separated; None where there are none."""
    return tuple(v.strip() for text in texts for v in text.split(",") if v.strip()) or None


def dtype_names(given: Any) -> tuple[str, ...] | None:
    """Names of dtypes, of texts or of what NumPy, torch and JAX call them; None of None."""
    if given is None:
        return None
    several = isinstance(given, Iterable) and not isinstance(given, (str, type, np.dtype))
    return tuple(_dtype_name(each) for each in (given if several else (given,)))


def _dtype_name(given: Any) -> str:
    if isinstance(given, str):
        return given
    if type(given).__module__ == "torch":
        return _known(str(given).removeprefix("torch."))
    try:
        return _known(np.dtype(given).name if given is not None else "None")
    except TypeError:
        raise unknown("dtype", repr(given), DTYPES) from None


def _known(name: str) -> str:
    if name not in DTYPES:
        raise unknown("dtype", name, DTYPES)
    return name


def require_kind(option: str, given: Any, kind: type, remedy: str) -> None:
    """Raise `UsageError` where an option is neither left out nor of its kind."""
    if given is not None and (not isinstance(given, kind) or isinstance(given, bool)):
        raise UsageError(f"{option}={given!r}: give {remedy}")

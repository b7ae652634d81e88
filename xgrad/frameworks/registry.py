"""All frameworks by name: ours, those of third parties, and optional ones where they are named."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from xgrad.errors import Unavailable, UsageError, unknown
from xgrad.frameworks.base import Framework
from xgrad.frameworks.third_parties import FRAMEWORKS, plugins, require_named

OURS = ("numpy", "torch", "jax", "ball")
# Extras of this package that run only where a method names them, each in a file of `optional`.
OPTIONAL = {"autograd": "hips_autograd", "mlx": "mlx", "tensorflow": "tensorflow"}


def frameworks(named: Iterable[str] = ()) -> dict[str, Framework]:
    """All frameworks by name: ours, then those of entry points in `xgrad.frameworks`.

    An optional one is among them where a method of `named` spells it out: `autograd.reverse` does,
    `*.reverse` does not.
    """
    if not _FRAMEWORKS:
        for name in OURS:
            _FRAMEWORKS[name] = _load(name)
        plugins(FRAMEWORKS, _add)
    asked = dict.fromkeys(method.partition(".")[0] for method in named)
    found = {name: _optional(name) for name in asked if name in OPTIONAL}
    return _FRAMEWORKS | found if found else _FRAMEWORKS


def _load(module: str) -> Framework:
    made: Framework = importlib.import_module(f"xgrad.frameworks.{module}").FRAMEWORK
    return made


def _optional(name: str) -> Framework:
    return _load(f"optional.{OPTIONAL[name]}")


def _add(name: str, value: Any) -> None:
    require_named(name, value, Framework, {**_FRAMEWORKS, **OPTIONAL})
    _FRAMEWORKS[name] = value


_FRAMEWORKS: dict[str, Framework] = {}


def find_framework(name: str) -> Framework:
    """The framework of that name: numpy, torch, jax, ball, an optional one, or a plugin's.

    It is there whether its package is installed or not (`require` tells). Raises `UsageError` with
    the nearest names.
    """
    if name in OPTIONAL:
        return _optional(name)
    if name not in frameworks():
        raise unknown("framework", name, {**frameworks(), **OPTIONAL})
    return frameworks()[name]


def require_installed(named: Iterable[str]) -> None:
    """Raise `UsageError`, with the line to type, where methods name an optional one that is not."""
    for name in dict.fromkeys(method.partition(".")[0] for method in named):
        if name in OPTIONAL:
            try:
                _optional(name).require()
            except Unavailable as absent:
                raise UsageError(f"framework {name!r}: {absent}") from None

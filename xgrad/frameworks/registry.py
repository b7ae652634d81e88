"""All frameworks by name: ours, and those of third parties."""

from __future__ import annotations

import importlib
from typing import Any

from xgrad.errors import unknown
from xgrad.frameworks.base import Framework
from xgrad.frameworks.third_parties import FRAMEWORKS, plugins, require_named


def frameworks() -> dict[str, Framework]:
    """All frameworks by name: ours, then those of entry points in `xgrad.frameworks`."""
    if not _FRAMEWORKS:
        for name in ("numpy", "torch", "jax", "ball"):
            module = importlib.import_module(f"xgrad.frameworks.{name}")
            _FRAMEWORKS[name] = module.FRAMEWORK
        plugins(FRAMEWORKS, _add)
    return _FRAMEWORKS


def _add(name: str, value: Any) -> None:
    require_named(name, value, Framework, _FRAMEWORKS)
    _FRAMEWORKS[name] = value


_FRAMEWORKS: dict[str, Framework] = {}


def find_framework(name: str) -> Framework:
    """The framework of that name; raises `UsageError` with the nearest names."""
    if name not in frameworks():
        raise unknown("framework", name, frameworks())
    return frameworks()[name]

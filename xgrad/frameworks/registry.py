"""All frameworks by name: ours, and those of third parties."""

from __future__ import annotations

import importlib
import importlib.metadata

from xgrad.errors import unknown
from xgrad.frameworks.base import Framework


def frameworks() -> dict[str, Framework]:
    """All frameworks by name: ours, then those of entry points in `xgrad.frameworks`."""
    if not _FRAMEWORKS:
        for name in ("numpy", "torch", "jax", "ball"):
            module = importlib.import_module(f"xgrad.frameworks.{name}")
            _FRAMEWORKS[name] = module.FRAMEWORK
        for entry in importlib.metadata.entry_points(group="xgrad.frameworks"):
            _FRAMEWORKS[entry.name] = entry.load()
    return _FRAMEWORKS


_FRAMEWORKS: dict[str, Framework] = {}


def find_framework(name: str) -> Framework:
    """The framework of that name; raises `UsageError` with the nearest names."""
    if name not in frameworks():
        raise unknown("framework", name, frameworks())
    return frameworks()[name]

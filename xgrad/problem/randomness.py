"""Random numbers that functions draw by themselves: seeded before each call, and seen."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

import numpy as np

from xgrad.frameworks import Framework, frameworks


def seed_all(seed: int) -> None:
    """Seed the generators that functions share: Python's, NumPy's, and the frameworks' in use."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the very generator that a function may draw from
    for framework in _in_use():
        framework.seed(seed)


def draws(call: Callable[[], object]) -> bool:
    """Whether a call takes random numbers from any of them: its value may not show it."""
    before = _states()
    call()
    return _states() != before


def _states() -> list[bytes]:
    numpy = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - as below
    found = [repr(random.getstate()).encode(), numpy["key"].tobytes(), repr(numpy["pos"]).encode()]
    return found + [framework.random_state() for framework in _in_use()]


def _in_use() -> list[Framework]:
    return [f for f in frameworks().values() if f.package in sys.modules]

"""Ball arithmetic as a framework: the referee's array library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np

from xgrad.frameworks.base import Framework
from xgrad.numbers import BITS, DTYPES, NAMESPACE, Ball, ball, midpoint, precision


class BallFramework(Framework):
    """The referee's library: nearly exact, no differentiation rule, one device."""

    name = "ball"
    dtypes = DTYPES  # of the inputs, taken exactly
    host_only = True
    ready = True
    exact = True
    contestant = False

    def version(self) -> str:
        """python-flint's version."""
        return flint.__version__

    def namespace(self, dtype: str = "", device: str = "cpu") -> Any:
        """The functions of xp on ball arrays."""
        return NAMESPACE

    def put(self, array: np.ndarray, dtype: str = "", device: str = "cpu") -> Any:
        """Floats exactly, integers and booleans as they are."""
        return ball(array) if array.dtype.kind == "f" else array.copy()

    def get(self, array: Any) -> np.ndarray:
        """The midpoints as float64."""
        return midpoint(array)

    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """Ball arrays have the dtype `ball`."""
        kind = "ball" if isinstance(array, Ball) else str(np.asarray(array).dtype)
        return tuple(np.shape(array) if not isinstance(array, Ball) else array.shape), kind, "cpu"

    def is_array(self, value: Any) -> bool:
        """A ball array."""
        return isinstance(value, Ball)

    @contextmanager
    def scope(self, device: str = "cpu") -> Iterator[None]:
        """At least 256 bits."""
        with precision(max(BITS, flint.ctx.prec)):
            yield


FRAMEWORK = BallFramework()

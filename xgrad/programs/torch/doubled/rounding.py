"""Monte-Carlo arithmetic on double-double numbers: the same errors as in balls, all at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from xgrad.numbers import Doubled
from xgrad.programs.torch.rounding import Rounding


class RoundingPairs(Rounding):
    """What `Rounding` does, of pairs."""

    def _is_numbers(self, made: Any) -> bool:
        return isinstance(made, Doubled)

    def _moved(self, made: Any, sizes: Any, scale: float) -> Any:
        drawn = torch.from_numpy(np.asarray(self._drawn(tuple(made.shape), scale)))
        moved = made + Doubled.of(torch.nan_to_num(sizes.high, posinf=0.0, neginf=0.0) * drawn)
        finite = torch.isfinite(made.high)
        pairs = (moved.high, made.high), (moved.low, made.low)
        return Doubled(*(torch.where(finite, m, t) for m, t in pairs))

    def _size(self, a: Any) -> Any:
        return Doubled.of(torch.abs(a.high)) if isinstance(a, Doubled) else a

    def _near(self, a: Any, units: float) -> Any:
        """a, moved by so many units in the scale of each matrix's largest element."""
        if not isinstance(a, Doubled) or not a.high.numel():
            return a
        sizes = torch.nan_to_num(torch.abs(a.high), posinf=0.0)
        over = tuple(range(max(0, sizes.ndim - 2), sizes.ndim))
        largest = torch.amax(sizes, over, keepdim=True) if over else sizes
        scale = units * self.unit * math.sqrt(max(a.shape[-2:], default=1))
        drawn = torch.from_numpy(np.asarray(self._drawn(tuple(a.shape), scale)))
        return a + Doubled.of(largest * drawn)

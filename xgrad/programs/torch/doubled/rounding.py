"""Monte-Carlo arithmetic on double-double numbers: the same errors as in balls, all at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from xgrad.numbers import EPS, Doubled
from xgrad.programs.torch.arithmetic.rule import EXACT, ROUTINE, SUM, Rule


class RoundingPairs:
    """What `Rounding` does, of pairs."""

    def __init__(self, dtype: str, seed: int = 0):
        self.unit = EPS[dtype] / 2
        self.rng = np.random.default_rng(seed)

    def apply(self, rule: Rule, args: list[Any], named: dict[str, Any]) -> Any:
        """What the rule returns, rounded."""
        if rule.rounding == ROUTINE:
            args = [self._near(a) for a in args]
        made = rule.function(*args, **named)
        if rule.rounding == EXACT:
            return made
        if rule.rounding == SUM:
            sizes = rule.function(*map(_size, args), **{k: _size(v) for k, v in named.items()})
            return self._moved(made, sizes, rule, args, named)
        return self._moved(made, made, rule, args, named)

    def _moved(self, made: Any, sizes: Any, rule: Rule, args: Any, named: Any) -> Any:
        if isinstance(made, tuple):
            pairs = zip(made, sizes, strict=True)
            return tuple(self._moved(m, s, rule, args, named) for m, s in pairs)
        if not isinstance(made, Doubled):
            return made
        scale = self.unit * math.sqrt(rule.terms(*args, made, **named))
        error = torch.nan_to_num(sizes.high, posinf=0.0, neginf=0.0) * self._drawn(made, scale)
        moved = made + Doubled.of(error)
        finite = torch.isfinite(made.high)
        return Doubled(*(torch.where(finite, m, t) for m, t in
                         ((moved.high, made.high), (moved.low, made.low))))  # fmt: skip

    def _drawn(self, like: Doubled, scale: float) -> torch.Tensor:
        drawn = self.rng.random(tuple(like.shape))
        return torch.from_numpy(np.asarray((2 * drawn - 1) * scale))

    def _near(self, a: Any) -> Any:
        """a, moved by half a unit in the scale of each row's largest element."""
        if not isinstance(a, Doubled) or not a.high.numel():
            return a
        sizes = torch.nan_to_num(torch.abs(a.high), posinf=0.0)
        over = tuple(range(max(0, sizes.ndim - 2), sizes.ndim))
        largest = torch.amax(sizes, over, keepdim=True) if over else sizes
        scale = self.unit * math.sqrt(max(a.shape[-2:], default=1))
        return a + Doubled.of(largest * self._drawn(a, scale))


def _size(a: Any) -> Any:
    """|a| in floats."""
    return Doubled.of(torch.abs(a.high)) if isinstance(a, Doubled) else a

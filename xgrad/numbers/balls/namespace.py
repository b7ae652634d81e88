"""The functions of `xp` on ball arrays: the standard's names and the extras."""

from __future__ import annotations

from typing import Any

from flint import arb

from xgrad.numbers.balls import algebra, derivatives, elementwise, fourier, reductions, shapes
from xgrad.numbers.balls.array import Ball, wrap
from xgrad.numbers.functions import missing


class _Module:
    """The names above as one object, constants in the precision of the moment."""

    pi = property(lambda self: wrap(arb.pi()))
    e = property(lambda self: wrap(arb(1).exp()))

    def __init__(self, names: dict[str, Any]):
        vars(self).update(names)
        self.fft = fourier.fft

    def __getattr__(self, name: str) -> Any:
        raise missing("xp", name, [*vars(self), "pi", "e"])


NAMESPACE = _Module(
    {
        name: value
        for module in (elementwise, shapes, reductions, algebra, derivatives)
        for name, value in vars(module).items()
        if name not in module._HELPERS and not name.startswith("_")
    }
)
Ball.namespace = NAMESPACE

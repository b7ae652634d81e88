"""The functions of `xp` on doubled arrays: the standard's names and the extras."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb

from xgrad.numbers.doubled import algebra, elementwise, reductions, shapes
from xgrad.numbers.doubled.array import Doubled
from xgrad.numbers.doubled.tables import constant
from xgrad.numbers.functions import missing


class _Module:
    """The names above as one object; what is missing raises, so that balls can take over."""

    def __init__(self, names: dict[str, Any]):
        vars(self).update(names)
        self.pi = Doubled(*map(np.asarray, constant(arb.pi)))
        self.e = Doubled(*map(np.asarray, constant(lambda: arb(1).exp())))

    def __getattr__(self, name: str) -> Any:
        raise missing("xp", name, vars(self))


DOUBLED = _Module(
    {
        name: value
        for module in (elementwise, shapes, reductions, algebra)
        for name, value in vars(module).items()
        if name not in module._HELPERS and not name.startswith("_")
    }
)
Doubled.namespace = DOUBLED

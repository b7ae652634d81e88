"""The functions of `xp` on doubled arrays; what is missing raises, so that balls can take over."""

from __future__ import annotations

import numpy as np
from flint import arb

from xgrad.numbers.doubled import algebra, elementwise, reductions, shapes
from xgrad.numbers.doubled.array import Doubled
from xgrad.numbers.doubled.tables import constant
from xgrad.numbers.functions import Gathered


class _Namespace(Gathered):
    """The names above as one object, and constants."""

    pi = Doubled(*map(np.asarray, constant(arb.pi)))
    e = Doubled(*map(np.asarray, constant(lambda: arb(1).exp())))


DOUBLED = _Namespace(elementwise, shapes, reductions, algebra)
Doubled.namespace = DOUBLED

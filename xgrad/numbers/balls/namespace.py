"""The functions of `xp` on ball arrays: the standard's names and the extras."""

from __future__ import annotations

from flint import arb

from xgrad.numbers.balls import algebra, derivatives, elementwise, fourier, reductions, shapes
from xgrad.numbers.balls.array import Ball, wrap
from xgrad.numbers.functions import Gathered


class _Namespace(Gathered):
    """The names above as one object, constants in the precision of the moment."""

    pi = property(lambda self: wrap(arb.pi()))
    e = property(lambda self: wrap(arb(1).exp()))
    fft = fourier.fft


NAMESPACE = _Namespace(elementwise, shapes, reductions, algebra, derivatives)
Ball.namespace = NAMESPACE

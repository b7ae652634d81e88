"""Planted mistakes, and who notices: the judge's own test, on any case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.numbers import rounded
from xgrad.problem import Operator, Setting, generator

SIGNIFICANT = 1e-3  # of the largest element: what a mistake in one element is planted in

Change = Callable[["Plot"], "np.ndarray | None"]


@dataclass(frozen=True)
class Plot:
    """What a mistake is planted in: the right result, flat, and where it came from."""

    right: np.ndarray
    operator: Operator
    setting: Setting
    rng: np.random.Generator

    def pick(self, count: int = 1) -> np.ndarray | None:
        """Flat indices of elements that matter, None where there are too few."""
        size = np.abs(self.right.reshape(-1))
        large = np.flatnonzero(size > SIGNIFICANT * np.max(size, initial=0.0))
        return self.rng.choice(large, count, replace=False) if large.size >= count else None

    def changed(self, index: Any, value: Any) -> np.ndarray:
        """The right result with some flat elements replaced."""
        copy = self.right.copy().reshape(-1)
        copy[index] = value
        return copy.reshape(self.right.shape)

    @property
    def tables(self) -> list[tuple[slice, tuple[int, ...]]]:
        """The pieces of the flat result that are two-dimensional, neither axis of length 1."""
        if self.operator.layout in ("yx", "xx"):
            found = [(slice(0, self.right.size), self.right.shape)]
        elif self.operator.layout == "x":
            edges = np.cumsum([0, *(a.size for a in self.setting.x)]).tolist()
            shapes = self.setting.x_shapes
            found = [
                (slice(a, b), s) for a, b, s in zip(edges[:-1], edges[1:], shapes, strict=True)
            ]
        else:
            found = [(slice(0, self.right.size), self.setting.y_shape)]
        return [(part, shape) for part, shape in found if len(shape) == 2 and min(shape) > 1]


@dataclass(frozen=True)
class Mutant:
    """A mistake that people make: what it does, and what the hint must contain to name it."""

    name: str
    change: Change
    named: tuple[str, ...]  # empty where no pattern has a name


def _one(plot: Plot, change: Callable[[float], float]) -> np.ndarray | None:
    index = plot.pick()
    if index is None:
        return None
    return plot.changed(index, change(float(plot.right.reshape(-1)[index[0]])))


def _swapped(plot: Plot) -> np.ndarray | None:
    index = plot.pick(2)
    return None if index is None else plot.changed(index, plot.right.reshape(-1)[index[::-1]])


def _shifted(plot: Plot) -> np.ndarray | None:
    return np.roll(plot.right, 1) if plot.right.size > 1 else None


def _by_columns(plot: Plot) -> np.ndarray | None:
    """A matrix written out by columns where rows are asked."""
    if not plot.tables:
        return None
    part, shape = plot.tables[0]
    block = plot.right.reshape(-1)[part].reshape(shape)
    return plot.changed(part, block.T.reshape(-1))


def _antisymmetric(plot: Plot) -> np.ndarray | None:
    """The antisymmetric part with the other sign; of a vector, every second element's sign."""
    for part, shape in plot.tables:
        if shape[0] == shape[1]:
            block = plot.right.reshape(-1)[part].reshape(shape)
            return plot.changed(part, block.T.reshape(-1))
    if plot.right.size < 2:
        return None
    return plot.changed(slice(1, None, 2), -plot.right.reshape(-1)[1::2])


def _one_input(plot: Plot) -> np.ndarray | None:
    """One input's whole gradient left out."""
    if plot.operator.layout != "x" or len(plot.setting.x) < 2:
        return None
    return plot.changed(slice(0, plot.setting.x[0].size), 0.0)


def _rows(plot: Plot) -> float:
    """The length that a mean takes: the first axis of the differentiated input."""
    shape = plot.setting.x_shapes[0]
    return float(shape[0]) if shape else 1.0


def _times(factor: float) -> Change:
    return lambda plot: factor * plot.right


def _times_length(power: int) -> Change:
    return lambda plot: plot.right * _rows(plot) ** power if _rows(plot) > 1 else None


# fmt: off
MUTANTS = (
    Mutant("one sign",              lambda p: _one(p, lambda v: -v),              ("sign",)),
    Mutant("all signs",             _times(-1.0),                                 ("sign",)),
    Mutant("factor 2",              _times(2.0),                                  ("factor 2 ", "factor 2", "n/2")),
    Mutant("factor 1/2",            _times(0.5),                                  ("factor 2 ", "factor 2")),
    Mutant("factor n",              _times_length(1),                             ("factor",)),
    Mutant("mean for sum",          _times_length(-1),                            ("factor",)),
    Mutant("layout by columns",     _by_columns,                                  ("transpose", "layout")),
    Mutant("two elements swapped",  _swapped,                                     ("swapped", "transpose", "layout", "shifted")),
    Mutant("one element zeroed",    lambda p: _one(p, lambda v: 0.0),             ("zero",)),
    Mutant("shifted by one",        _shifted,                                     ("shifted", "swapped", "permuted", "transpose")),
    Mutant("scaled by 1 + 1e-5",    _times(1 + 1e-5),                             ("factor 1 + 1e-05",)),
    Mutant("one element 1 + 1e-3",  lambda p: _one(p, lambda v: v * (1 + 1e-3)),  ("one element",)),
    Mutant("one element 1 + 1e-5",  lambda p: _one(p, lambda v: v * (1 + 1e-5)),  ("one element",)),
    Mutant("antisymmetric sign",    _antisymmetric,                               ("transpose", "sign")),
    Mutant("one input left out",    _one_input,                                   ("zero", "gradient of")),
)
# fmt: on


def plant(mutant: Mutant, right: np.ndarray, operator: Operator, setting: Setting) -> Any:
    """The mistaken result in the dtype, None where the mistake does not apply."""
    rng = generator(setting.seed, setting.case.name, operator.name, mutant.name)
    changed = mutant.change(Plot(right, operator, setting, rng))
    return None if changed is None else rounded(np.asarray(changed), setting.dtype)

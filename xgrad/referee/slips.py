"""What is wrong with one gradient that is known in balls, element by element, beside the right one.

Both are known to many more digits than floats have, so that a pattern is no matter of luck.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.errors import agreeing
from xgrad.referee.tangents import product

CLOSE = 1e-20  # of the largest element: what is the same
REMEDY = "0 times infinity is NaN; give it an input there that it has a derivative at"


@dataclass(frozen=True)
class Slip:
    """One wrong gradient: of which input, to how many digits it agrees, and how it looks."""

    of: str
    digits: float
    hint: str = ""

    def __str__(self) -> str:
        said = f"the gradient of its {self.of}, {agreeing(self.digits)}"
        return f"{said} ({self.hint})" if self.hint else said


@dataclass(frozen=True)
class Endless:
    """A gradient that is NaN or infinite, of which input, and at how many of its elements.

    `masked` where what comes in there is zero: the result is left out, by a `where` or a mask.
    """

    of: str
    count: int
    size: int
    masked: bool = False

    def __str__(self) -> str:
        said = f"the gradient of its {self.of} is NaN or infinite"
        if self.size > 1:
            said += f" at {self.count} of {self.size} elements"
        return said + (f", where its result is left out: {REMEDY}" if self.masked else "")


def slip_of(name: str, got: np.ndarray, want: np.ndarray, size: float | None = None) -> Slip:
    """What a gradient has in place of the right one; `size` is that of its terms, where known."""
    top = max(_top(want), size or 0.0)
    gap = _top(got - want)
    if not gap:
        return Slip(name, np.inf)
    if not top:
        return Slip(name, 0.0, "it should be zero")
    digits = max(0.0, float(-np.log10(gap / top)))
    return Slip(name, digits, _looks(got, want) if size is None else "")


@dataclass(frozen=True)
class Product:
    """A random direction, and the product that the right gradient has with it.

    `turned` is that with the direction transposed, of the last two axes where they are alike.
    """

    direction: np.ndarray
    right: Any
    turned: Any = None

    @classmethod
    def of(cls, direction: np.ndarray, slope: Callable[[np.ndarray], Any]) -> Product:
        """With the slopes that are asked for."""
        turned = slope(direction.swapaxes(-1, -2)) if _is_square(direction) else None
        return cls(direction, slope(direction), turned)


def slip_along(name: str, got: np.ndarray, products: Sequence[Product]) -> Slip:
    """The same of a gradient whose right one is known by its products with random directions."""
    mine = [product(got, p.direction) for p in products]
    size = max([t for _, t in mine] + [abs(float(p.right)) for p in products])
    gap = max(abs(float(m - p.right)) for (m, _), p in zip(mine, products, strict=True))
    if not gap:
        return Slip(name, np.inf)
    digits = max(0.0, float(-np.log10(gap / size)))
    return Slip(name, digits, _looks_along([m for m, _ in mine], products, CLOSE * size))


def _looks_along(mine: list[Any], products: Sequence[Product], close: float) -> str:
    """The pattern that gives all of the products; empty where none does."""
    right = np.array([p.right for p in products], dtype=object)
    got = np.array(mine, dtype=object)
    if _top(got) <= close:
        return "zero"
    if _top(right) <= close:
        return "it should be zero"
    if _top(got + right) <= close:
        return "sign of all elements"
    if all(p.turned is not None for p in products):
        turned = np.array([p.turned for p in products], dtype=object)
        if _top(got - turned) <= close:
            return "transpose"
    return _factor(got, right, close)


def _is_square(a: np.ndarray) -> bool:
    return a.ndim >= 2 and a.shape[-1] == a.shape[-2]


def _looks(got: np.ndarray, want: np.ndarray) -> str:
    """The pattern that gives the gradient; empty where none does."""
    close = CLOSE * (_top(want) + _top(got))

    def same(a: np.ndarray, b: np.ndarray) -> bool:
        return _top(a - b) <= close

    if _top(got) == 0.0:
        return "zero"
    if same(got, -want):
        return "the sign" if got.size == 1 else "sign of all elements"
    if _is_square(got) and same(got, want.swapaxes(-1, -2)):
        return "transpose"
    wrong = [k for k, b in enumerate(np.reshape(got - want, -1)) if abs(float(b)) > close]
    if len(wrong) == 1 and got.size > 1:
        return "one element"
    return _factor(got.reshape(-1), want.reshape(-1), close) if got.size > 1 else ""


def _factor(got: np.ndarray, want: np.ndarray, close: float) -> str:
    k = int(np.argmax([abs(float(b)) for b in want]))
    ratio = got[k] / want[k]
    if _top(got - want * ratio) > close:
        return ""
    off = float(ratio - 1)
    if abs(off) < 1e-2:
        return f"a factor of 1 {'+' if off > 0 else '−'} {abs(off):.3g}"
    return f"a factor of {float(ratio):.6g}"


def _top(a: Any) -> float:
    return float(np.max([abs(complex(b)) for b in np.reshape(a, -1)], initial=0.0))

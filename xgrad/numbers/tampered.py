"""Arrays in whose arithmetic one operation goes wrong: planted mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xgrad.numbers.arrays import Passing, bare
from xgrad.numbers.lifting import Lifting


@dataclass(frozen=True)
class Spoiling:
    """A kind of mistake: which operations it can befall, and what becomes of the result."""

    name: str
    operations: frozenset[str]
    fits: Callable[[list[Any]], bool]
    spoil: Callable[[str, Any, list[Any], Any], Any]  # operation, function, operands, result


class Tampered(Lifting):
    """`xp` in which the operation number `target` of a kind is spoiled."""

    def __init__(
        self, base: Any, is_array: Callable[[Any], bool], spoiling: Spoiling, target: int = -1
    ):
        super().__init__(base)
        self.is_array, self.spoiling, self.target = is_array, spoiling, target
        self.seen = 0

    def apply(self, name: str, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """The function, spoiled where its turn has come."""
        plain = [bare(a) for a in args]
        result = function(*plain, **{k: bare(v) for k, v in keywords.items()})
        if name in self.spoiling.operations and self.spoiling.fits(plain):
            if self.seen == self.target:
                result = self.spoiling.spoil(name, function, plain, result)
            self.seen += 1
        return self.wrapped(result)

    def wrap(self, value: Any) -> Any:
        """The framework's arrays; other values pass."""
        return Passing(value, self) if self.is_array(value) else value

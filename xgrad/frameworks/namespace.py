"""The array namespace `xp` that a case sees: the array API standard and a short list of extras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xgrad.numbers import EXTRAS, missing, require_constant

# Creation functions, with the position of dtype-less data: the case's dtype is their default.
_CREATION = ("zeros", "ones", "full", "empty", "eye", "linspace")


class Namespace:
    """An array library as `xp`, with the case's dtype and device as defaults of new arrays."""

    def __init__(
        self,
        base: Any,
        dtype: Any,
        extras: Mapping[str, Callable[..., Any]],
        *,
        new: Mapping[str, Any] | None = None,
        convert: Callable[..., Any] | None = None,
    ):
        """`new` are keywords for creation functions; `convert` puts constants on the device."""
        self.base = base
        self.dtype = dtype
        self._new = dict(new or {})
        self._convert = convert
        vars(self).update(extras)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self._creation(name) if name in _CREATION else getattr(self.base, name)
        except AttributeError:
            raise missing("xp", name, [*EXTRAS, *dir(self.base)]) from None
        vars(self)[name] = value
        return value

    def _creation(self, name: str) -> Callable[..., Any]:
        function = getattr(self.base, name)

        def create(*args: Any, dtype: Any = None, **keywords: Any) -> Any:
            return function(*args, dtype=dtype or self.dtype, **self._new, **keywords)

        return create

    def arange(self, *args: Any, dtype: Any = None, **keywords: Any) -> Any:
        """Integers stay integers; with a float argument, the case's dtype."""
        if dtype is None and any(isinstance(a, float) for a in args):
            dtype = self.dtype
        return self.base.arange(*args, dtype=dtype, **self._new, **keywords)

    def asarray(self, value: Any, dtype: Any = None, **keywords: Any) -> Any:
        """A constant on the case's device: floats in the case's dtype, integers as they are."""
        if isinstance(value, (np.ndarray, np.generic, list, tuple, int, float, bool)):
            require_constant(value)
            data = np.array(value)
            made = self.base.asarray(data)  # torch.compile cannot see NumPy's dtype
            kind = dtype or (self.dtype if self.base.isdtype(made.dtype, "real floating") else None)
            if self._convert is not None:
                return self._convert(data) if kind is None else self._convert(data, kind)
            return self.base.asarray(data, dtype=kind)
        return value if dtype is None else self.base.astype(value, dtype)

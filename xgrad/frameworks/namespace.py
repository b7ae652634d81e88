"""The array namespace `xp` that a case sees: the array API standard and a short list of extras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np

from xgrad.numbers import EXTRAS, missing, require_constant

# Creation functions, with the position of dtype-less data: the case's dtype is their default.
_CREATION = ("zeros", "ones", "full", "empty", "eye", "linspace")


class Namespace:
    """An array library as `xp`, with the case's dtype and device as defaults of new arrays.

    Names are looked up among `extras`, then in the library; what neither has raises an
    `AttributeError` with the nearest names, which makes a row `unsupported`.
    """

    def __init__(
        self,
        base: Any,
        dtype: Any,
        extras: Mapping[str, Callable[..., Any]],
        *,
        new: Mapping[str, Any] | None = None,
        convert: Callable[..., Any] | None = None,
    ):
        """`base` is a module, or the name of one that is imported at first use.

        `new` are keywords for creation functions; `convert` puts constants on the device.
        """
        self._base = base
        self.dtype = dtype
        self._new = dict(new or {})
        self._convert = convert
        vars(self).update(extras)

    @property
    def base(self) -> Any:
        """The library's own namespace."""
        if isinstance(self._base, str):
            self._base = import_module(self._base)
        return self._base

    @property
    def complex_dtype(self) -> Any:
        """The complex type whose parts have the case's dtype."""
        return (self.base.zeros((), dtype=self.dtype) * 1j).dtype

    @cached_property
    def fft(self) -> Any:
        """Fourier transforms, frequencies in the case's dtype and on its device."""
        names = {n: getattr(self.base.fft, n) for n in dir(self.base.fft) if not n.startswith("_")}
        for name in ("fftfreq", "rfftfreq"):
            names[name] = partial(self._frequencies, getattr(np.fft, name))
        return SimpleNamespace(**names)

    def _frequencies(self, function: Callable[..., Any], n: int, d: float = 1.0) -> Any:
        return self.asarray(function(n, d))

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
        if isinstance(value, (np.ndarray, np.generic, list, tuple, int, float, complex)):
            require_constant(value)
            data = np.array(value)
            made = self.base.asarray(data)  # torch.compile cannot see NumPy's dtype
            kind = dtype or self._kind_of(made.dtype)
            if self._convert is not None:
                return self._convert(data) if kind is None else self._convert(data, kind)
            return self.base.asarray(data, dtype=kind)
        return value if dtype is None else self.base.astype(value, dtype)

    def _kind_of(self, dtype: Any) -> Any:
        """The case's own type of floats or complex numbers; None of others."""
        if self.base.isdtype(dtype, "real floating"):
            return self.dtype
        return self.complex_dtype if self.base.isdtype(dtype, "complex floating") else None

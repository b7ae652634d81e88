"""Loops over memory in Python, which Numba compiles and keeps on disk."""

from __future__ import annotations

import hashlib
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xgrad.numbers.doubled.tracing import Trace
from xgrad.numbers.kept import cache_root, write_whole

IMPORT = 0.5  # seconds until Numba is there

Loop = Callable[..., Any]


def is_available(spent: float) -> bool:
    """Whether there is Numba, loaded or worth loading after so many seconds without."""
    return ("numba" in sys.modules or spent > IMPORT) and _works()


@cache
def _works() -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            import numba
    except Exception:  # it is not there, or does not know this version of NumPy
        return False
    return not getattr(numba.config, "DISABLE_JIT", False)


class Source(NamedTuple):
    """A function `loop` in Python that returns a whole number, and the tables t0, t1, … of it."""

    text: str
    arguments: str  # a letter for each, see `_types`
    tables: Sequence[np.ndarray]

    def compiled(self) -> Loop:
        """What Numba makes of it, read from disk where it was made before."""
        from numba import njit, types

        from xgrad.numbers.doubled import native

        scope: dict[str, Any] = {"inf": math.inf, "nan": math.nan, "int64": np.int64}
        scope |= {"rint": np.rint, "floor": np.floor, "sqrt": np.sqrt}
        scope |= {f"t{k}": table for k, table in enumerate(self.tables)}
        scope |= {name: getattr(native, name) for name in native.NAMES}
        scope["__name__"] = native.__name__  # of a module that Numba finds again
        file = self._file()
        exec(compile(self.text, str(file or "<loop>"), "exec"), scope)
        signature = types.int64(*map(_types().__getitem__, self.arguments))
        with warnings.catch_warnings(action="ignore"):
            made: Loop = njit(signature, error_model="numpy", cache=file is not None)(scope["loop"])
        return made

    @property
    def is_kept(self) -> bool:
        """Whether it was compiled before, by this processor's like or another."""
        folder = _folder()
        return folder is not None and any((folder / "__pycache__").glob(f"{self._digest}.*.nbi"))

    @property
    def _digest(self) -> str:
        made = hashlib.sha256((self.text + self.arguments + _native()).encode())
        for table in self.tables:
            made.update(np.ascontiguousarray(table).tobytes())
        return f"loop_{made.hexdigest()[:20]}"

    def _file(self) -> Path | None:
        """Where Numba looks for the source, beside which it keeps what it makes of it."""
        folder = _folder()
        if folder is None:
            return None
        file = folder / f"{self._digest}.py"
        if not file.exists():
            write_whole(file, self.text.encode())
        return file if file.exists() else None


@cache
def _types() -> dict[str, Any]:
    """Starts, rows and matrices that are read, numbers, rows and matrices that are written."""
    from numba import types

    def read(kind: Any, ndim: int) -> Any:
        return types.Array(kind, ndim, "C", readonly=True)

    real = types.float64
    read_ones = {"s": read(types.int64, 1), "r": read(real, 1), "m": read(real, 2)}
    return {**read_ones, "n": real, "w": real[::1], "W": real[:, ::1]}


@cache
def _native() -> str:
    return Path(__file__).with_name("native.py").read_text(encoding="utf-8")


@cache
def _folder() -> Path | None:
    """Where loops are kept; None where nothing can be written."""
    folder = cache_root() / "xgrad" / "loops"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return folder if os.access(folder, os.W_OK) else None
    return None


# --- the loops -----------------------------------------------------------------------------------

# Rows begin where starts say; of a kind `e` there is an element for each of a row's, of `o` one.
_OF_ELEMENTS = """
def loop({starts}, {given}, high, low):
    odd = 0
    length = high.size // max(1, start0.size)
    for row in range(start0.size):
        {taken}
        made_high = high[row * length : (row + 1) * length]
        made_low = low[row * length : (row + 1) * length]
        for i in range(length):
            {elements}
            {steps}
            made_high[i], made_low[i] = {high}, {low}
            odd += select(({low} - {low} == 0.0) & ({high} != 0.0), 0, 1)
    return odd
"""
_TAKEN = {
    "e": ("row_{0} = given_{0}[start{1}[row] : start{1}[row] + length]", "{0} = row_{0}[i]"),
    "o": ("{0} = given_{0}[start{1}[row]]", ""),
}

_OF_ROWS = """
def loop(high, low, factors, {numbers}, sums):
    for row in range(high.shape[0]):
        factor = factors[row]
        {begun}
        for i in range(high.shape[1]):
            h0, l0 = high[row, i], low[row, i]
            {steps}
            {added}
        {ended}
    return 0
"""


def part_names(count: int) -> list[str]:
    """The names of both parts of each pair."""
    return [f"{part}{k}" for k in range(count) for part in "hl"]


def of_elements(trace: Trace, kinds: str) -> Source:
    """A loop over the rows of arrays of such kinds: how many results are 0 or not finite."""
    every = [(name, k) for k in range(len(kinds)) for name in (f"h{k}", f"l{k}")]
    taken = [[line.format(*each) for line in _TAKEN[kinds[each[1]]]] for each in every]
    high, low = trace.results
    source = _OF_ELEMENTS.format(
        starts=", ".join(f"start{k}" for k in range(len(kinds))),
        given=", ".join(f"given_{name}" for name, _ in every),
        taken=_lines(8, [line for line, _ in taken]),
        elements=_lines(12, [line for _, line in taken if line]),
        steps=_lines(12, trace.steps),
        high=high,
        low=low,
    )
    return Source(source, "s" * len(kinds) + "r" * len(every) + "ww", trace.tables)


def of_rows(trace: Trace) -> Source:
    """A loop that sums what steps make along each row."""
    sums = range(len(trace.results))
    source = _OF_ROWS.format(
        numbers=", ".join(f"number{k}" for k in sums),
        begun=_lines(8, [f"s{k} = 0.0" for k in sums]),
        steps=_lines(12, trace.steps),
        added=_lines(12, [f"s{k} = added(s{k}, {trace.results[k]})" for k in sums]),
        ended=_lines(8, [f"sums[{k}, row] = s{k}" for k in sums]),
    )
    return Source(source, "mmr" + "n" * len(sums) + "W", trace.tables)


def _lines(indent: int, lines: Sequence[str]) -> str:
    return ("\n" + " " * indent).join(lines)

"""A result that is right along symmetric or triangular matrices, where the input is one."""

from __future__ import annotations

import numpy as np

from xgrad.judging.pieces import Evidence
from xgrad.problem import STRUCTURES


def along_structures(e: Evidence) -> str:
    """The words to give as `structure=`, where they make the result right; empty elsewhere."""
    setting, name = e.setting, ""
    if e.operator.layout not in ("x", "yx") or setting.case.legal is not None:
        return ""
    found = {}
    blocks = [_blocks(e, a) for a in (e.got, e.want, e.tolerance)]
    for name, x, got, want, tolerance in zip(setting.case.wrt, setting.x, *blocks, strict=True):
        if np.all(np.abs(got - want) <= tolerance):
            continue
        word = "" if name in setting.complexes else _word(x, got - want, tolerance)
        if not word:
            return ""
        found[name] = word
    said = ", ".join(f"{word.replace('_', ' ')} {k}" for k, word in found.items())
    given = ", ".join(f'"{k}": "{word}"' for k, word in found.items())
    return f"right along {said} only: structure={{{given}}}" if found else ""


def _blocks(e: Evidence, array: np.ndarray) -> list[np.ndarray]:
    """The shares of the inputs, of every value (values, *x)."""
    table = np.asarray(array).reshape(-1, e.setting.x_size)
    rows = [e.setting.split(row, np) for row in table]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _word(x: np.ndarray, gap: np.ndarray, tolerance: np.ndarray) -> str:
    """The structure that the input has and that takes the gap away."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return ""
    for word, structure in STRUCTURES.items():
        allowed = np.abs(structure.pull(np, tolerance))
        same = np.array_equal(structure.make(np, x), x)
        if same and np.all(np.abs(structure.pull(np, gap)) <= allowed):
            return word
    return ""

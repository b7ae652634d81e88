"""Cases × methods: the lines of the matrix, and the rows behind its cells as compact data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from xgrad.publication.cells import LOOKS
from xgrad.table import COLUMNS

PLACE = ("label", "operator", "size", "dtype", "device", "seed")
FILTERS = ("field", "operator", "dtype", "device", "size")
USUAL = ("reverse", "forward", "formula", "differences", "complex_step")


@dataclass(frozen=True)
class Line:
    """One line: a case and an operator at one place, and a row (or None) for each method."""

    place: dict[str, Any]
    cells: list[dict[str, Any] | None]

    @property
    def text(self) -> str:
        """What the text filter searches, in lower case."""
        return f"{self.place['label']} {self.place['operator']} {self.place['title']}".lower()


@dataclass(frozen=True)
class Matrix:
    """All lines, the methods across, and the choices of each filter that has any."""

    methods: list[str]
    lines: list[Line]
    filters: dict[str, list[str]]
    words: list[str]
    constant: str  # what all lines have in common

    @property
    def varying(self) -> list[str]:
        """What a line tells beside its case and operator."""
        return [k for k in ("dtype", "device", "size") if k in self.filters]


def make_matrix(rows: list[dict[str, Any]], titles: dict[str, str]) -> Matrix:
    """Of rows as `cells.listed` gives them, except those of broken files, which have no method."""
    rows = [r for r in rows if r["method"]]
    methods = sort_methods(rows)
    lines: dict[Any, dict[str, Any]] = {}
    for row in rows:
        lines.setdefault(tuple(row[k] for k in PLACE), {})[row["method"]] = row
    made = []
    for line in lines.values():
        first = next(iter(line.values()))
        names = (*PLACE, "field", "case", "point")
        place = {k: first[k] for k in names} | {"title": titles.get(first["case"], "")}
        made.append(Line(place, [line.get(m) for m in methods]))
    made.sort(key=lambda line: (line.place["field"], line.place["case"]))
    found = {k: list(dict.fromkeys(str(r[k]) for r in rows)) for k in FILTERS}
    filters = {k: sorted(v) if k == "field" else v for k, v in found.items() if len(v) > 1}
    seen = {r["word"] for r in rows}
    words = [x.word for x in LOOKS.values() if x.word in seen]
    alike = [f"{k} {v[0]}" for k, v in found.items() if len(v) == 1 and v[0] and k != "field"]
    return Matrix(methods, made, filters, words, ", ".join(alike))


def sort_methods(rows: list[dict[str, Any]]) -> list[str]:
    """By framework in the order met, the usual techniques first; methods of few cases come last."""
    cases: dict[str, set[str]] = {}
    for r in rows:
        cases.setdefault(r["method"], set()).add(r["case"])
    met = list(cases)
    few = len({r["case"] for r in rows}) / 3
    frameworks = list(dict.fromkeys(m.partition(".")[0] for m in met))

    def key(method: str) -> tuple[bool, int, int, bool, int]:
        framework, _, technique = method.partition(".")
        kind, _, variant = technique.partition(":")
        rank = USUAL.index(kind) if kind in USUAL else len(USUAL)
        rare = len(cases[method]) < few
        return rare, frameworks.index(framework), rank, bool(variant), met.index(method)

    return sorted(met, key=key)


def to_data(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """All columns of all rows for the page's script: texts once each, rows as numbers.

    A number that JSON lacks (NaN, infinity) is its name as a text, or null for NaN.
    """
    names = [c.name for c in COLUMNS] + ["method", "word", "symbol", "style", "command"]
    texts: dict[str, int] = {}
    kinds = [0 if c.dtype == "str" else 1 for c in COLUMNS] + [0] * 5

    def coded(value: Any, kind: int) -> Any:
        return texts.setdefault(value, len(texts)) if kind == 0 else number(value)

    data = [[coded(r[n], k) for n, k in zip(names, kinds, strict=True)] for r in rows]
    told = [*COLUMNS[9:], *COLUMNS[:9]]  # the place last: the title has it
    about = {c.name: [c.unit, c.meaning] for c in told}
    return {"names": names, "kinds": kinds, "texts": list(texts), "rows": data, "about": about}


def number(value: float) -> Any:
    """A number as JSON can say it."""
    if isinstance(value, int) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)

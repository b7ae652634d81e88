"""Cases × methods: the lines of the matrix, and the rows behind its cells as compact data."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from typing import Any

from xgrad.publication.cells import LOOKS
from xgrad.table import COLUMNS

PLACE = ("label", "operator", "size", "dtype", "device", "seed")
FILTERS = ("field", "operator", "dtype", "device", "size")
OF_LINES = ("case", "size", "point", "operator", "device", "dtype", "seed")
OF_ROWS = [c.name for c in COLUMNS if c.name not in {*OF_LINES, "framework", "technique"}]
FEW = 3  # significant digits of a measured error in the details of a cell
DIGITS = {"got": 7, "want": 7}
USUAL = ("reverse", "forward", "formula", "differences", "complex_step")


@dataclass(frozen=True)
class Line:
    """One line: a case and an operator at one place, and a row (or None) for each method."""

    place: dict[str, Any]
    cells: list[dict[str, Any] | None]


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


def to_data(matrix: Matrix, links: dict[str, str]) -> dict[str, Any]:
    """What the page's script draws: columns of all lines, and of the rows behind their cells.

    The rows stand in the order of the lines and of the methods `at` which a line has one. A `look`
    is what a cell shows. Measured numbers have the digits that a reader compares; the downloads
    have all. `identifiers` are how the cases are named in a command.
    """
    rows = [r for line in matrix.lines for r in line.cells if r]
    kinds = list(dict.fromkeys((r["word"], r["symbol"], r["style"]) for r in rows))
    lines: dict[str, list[Any]] = {
        name: [line.place[name] for line in matrix.lines] for name in (*OF_LINES, "label", "title")
    }
    lines["field"] = [line.place["field"] for line in matrix.lines]
    lines["link"] = [links[case] for case in lines["case"]]
    lines["command"], lines["options"] = map(list, zip(*map(_command, matrix.lines), strict=True))
    lines["at"] = [[c for c, r in enumerate(line.cells) if r] for line in matrix.lines]
    found: dict[str, list[Any]] = {name: [r[name] for r in rows] for name in OF_ROWS}
    for name in (c.name for c in COLUMNS if c.dtype == "float64"):
        found[name] = [_number(v, DIGITS.get(name, FEW)) for v in found[name]]
    found["look"] = [
        [r["number"], r["share"], kinds.index((r["word"], r["symbol"], r["style"]))] for r in rows
    ]
    told = [*COLUMNS[9:], *COLUMNS[:9]]  # the place last: the title has it
    return {
        "methods": matrix.methods, "quoted": list(map(shlex.quote, matrix.methods)),
        "varying": matrix.varying, "kinds": kinds,
        "cells": len(rows),
        "lines": {name: packed(values) for name, values in lines.items()},
        "rows": {name: packed(values) for name, values in found.items()},
        "about": {c.name: [c.unit, c.meaning] for c in told},
    }  # fmt: skip


def _command(line: Line) -> tuple[str, str]:
    """The parts of the command before and after the method, which is all that tells cells apart."""
    words = shlex.split(next(r["command"] for r in line.cells if r))
    return shlex.join(words[:4]), shlex.join(words[5:])  # xgrad explain CASE OPERATOR METHOD …


def packed(values: list[Any]) -> dict[str, Any]:
    """A column in few characters: what `all` have, or `values`, each once where `at` tells which.

    Lists among them are values too.
    """
    keys = [json.dumps(v, ensure_ascii=False) for v in values]
    first = dict(zip(reversed(keys), reversed(values), strict=True))
    places = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    if len(places) == 1:
        return {"all": values[0]}
    at = [places[key] for key in keys]
    if sum(map(len, keys)) <= sum(map(len, places)) + sum(len(str(k)) for k in at):
        return {"values": values}
    return {"values": [first[key] for key in places], "at": at}


def _number(value: float, digits: int) -> Any:
    """A number as JSON can say it: NaN is null, infinities are texts."""
    if math.isnan(value):
        return None
    return float(f"{value:.{digits}g}") if math.isfinite(value) else str(value)

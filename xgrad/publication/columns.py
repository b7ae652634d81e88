"""Unit and meaning of the columns that published tables have beyond those of saved runs."""

# ruff: noqa: E501  the table of columns reads as one

from __future__ import annotations

from collections.abc import Iterable

from xgrad.table import COLUMNS, Column

# fmt: off
DERIVED = (
    Column("method",          "str",     "", "framework.technique, with its variant"),
    Column("count",           "int64",   "rows", "that have digits"),
    Column("min",             "float64", "decimal digits", "the fewest of agreement"),
    Column("median",          "float64", "decimal digits", "of agreement"),
    Column("max",             "float64", "decimal digits", "the most of agreement"),
    Column("rows",            "int64",   "rows", "of the agreement table"),
    Column("reason",          "str",     "", "why the difference is understood, in the words of the case"),
    Column("what",            "str",     "", "the convention"),
    Column("element",         "str",     "", "the element at the kink"),
    Column("left slope",      "str",     "of the result", "the derivative from below"),
    Column("right slope",     "str",     "of the result", "the derivative from above"),
    Column("differ",          "str",     "", "≠ where two methods that differentiate programs disagree"),
    Column("sizes",           "int64",   "sizes", "that the exponent is fitted to"),
    Column("smallest",        "int64",   "inputs", "of the smallest size"),
    Column("largest",         "int64",   "inputs", "of the largest size"),
    Column("exponent",        "float64", "1", "p of seconds ≈ c · inputsᵖ"),
    Column("exponent_low",    "float64", "1", "where its 95% interval begins"),
    Column("exponent_high",   "float64", "1", "where it ends"),
    Column("digits before",   "float64", "decimal digits", "of agreement in the earlier run"),
    Column("digits after",    "float64", "decimal digits", "of agreement in the later run"),
    Column("change",          "float64", "decimal digits", "won, or lost where negative"),
    Column("shown before",    "str",     "decimal digits", "as the earlier run's pages show them"),
    Column("shown after",     "str",     "decimal digits", "as the later run's pages show them"),
    Column("verdict before",  "str",     "", "in the earlier run"),
    Column("verdict after",   "str",     "", "in the later run"),
    Column("operation",       "str",     "", "of the framework"),
    Column("outcome",         "str",     "", "what its worst sample shows"),
    Column("outcome before",  "str",     "", "in the earlier run"),
    Column("outcome after",   "str",     "", "in the later run"),
    Column("samples",         "int64",   "samples", "that were judged"),
    Column("alike",           "int64",   "samples", "that have the verdict of the worst one"),
    Column("checker",         "str",     "", "whose verdict is counted"),
    Column("setting",         "str",     "", "of the checker"),
    Column("function",        "str",     "", "whose gradient the mistake is planted in"),
    Column("mutant",          "str",     "", "the mistake; `right` is none"),
    Column("points",          "int64",   "points", "at which the function was checked"),
    Column("felt",            "int64",   "points", "at which the mistake changes the gradient"),
    Column("below",           "int64",   "points", "at which the change is too small for the dtype"),
    Column("accused",         "int64",   "points", "at which the right gradient was called wrong"),
    Column("caught",          "int64",   "points", "at which the wrong gradient was called wrong"),
    Column("effective",       "int64",   "points", "at which it was, and the right gradient was not"),
)
# fmt: on


def named(columns: Iterable[str], known: Iterable[Column] = ()) -> list[Column]:
    """What each column of a table is; those with a dot in their name are methods."""
    told = {c.name: c for c in (*COLUMNS, *DERIVED, *known)}
    method = "what this method returned, or its digits of agreement and verdict"
    return [
        told.get(name) or Column(name, "str", "", method if "." in name else "") for name in columns
    ]

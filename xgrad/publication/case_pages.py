"""A case's page: its agreement table, and how far its methods can be from each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from xgrad.publication.cells import cut
from xgrad.publication.tables import escaped, framed, html_table, to_html

SHOWN = {
    "method": "method", "dtype": "dtype", "device": "device", "size": "size", "point": "point",
    "number": "digits", "word": "verdict", "error": "error", "tolerance": "tolerance",
    "ulps": "ulps", "worst": "worst element", "got": "got", "want": "truth", "referee": "referee",
    "said": "notes",
}  # fmt: skip
KEPT = ("method", "number", "word", "error", "tolerance", "said")  # shown even where all alike
PAIRED = ("operator", "size", "point", "dtype", "device", "seed")


def general(value: float) -> str:
    """A number in a table, with the digits that tell it from its neighbours there."""
    return "" if math.isnan(value) else f"{value:.7g}"


def short(value: float) -> str:
    """An error or a tolerance."""
    return "" if math.isnan(value) else "0" if value == 0 else f"{value:.1e}"


FORMATS = {
    "error": short, "tolerance": short, "got": general, "truth": general,
    "ulps": lambda u: "" if math.isnan(u) else f"{u:.2g}",
}  # fmt: skip


def agreement_tables(rows: list[dict[str, Any]]) -> list[tuple[str, Markup]]:
    """For each operator of a case the table of all its rows."""
    operators = dict.fromkeys(r["operator"] for r in rows)
    return [(o, _agreement([r for r in rows if r["operator"] == o], o)) for o in operators]


def _agreement(rows: list[dict[str, Any]], operator: str) -> Markup:
    for r in rows:
        said = filter(None, (r["hint"] and f"looks like: {r['hint']}", r["message"]))
        r["said"] = cut("; ".join(said))
    frame = pd.DataFrame({c: [r[c] for r in rows] for c in SHOWN})
    alike = [c for c in frame if c not in KEPT and frame[c].nunique(dropna=False) == 1]
    told = [f"{SHOWN[c]} {frame[c].iloc[0]}" for c in map(str, alike) if _is_text(frame[c].iloc[0])]
    frame = frame.drop(columns=alike).rename(columns=dict(SHOWN))
    styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
    styles["verdict"] = [f"chip {r['style']}" for r in rows]
    symbols = {r["word"]: r["symbol"] for r in rows}
    frame["verdict"] = [f"{symbols[w]} {w}" for w in frame["verdict"]]
    caption = ", ".join([operator, *told])
    return to_html(frame, caption, formats=FORMATS, styles=styles)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value not in ("", "random")


def pair_tables(rows: list[dict[str, Any]]) -> Iterator[tuple[str, Markup]]:
    """For each place the bounds of max |a − b| between methods a and b that have an error.

    Both errors are max |got − truth| over the same elements, so that the triangle inequality gives
    |error_a − error_b| ≤ max |a − b| ≤ error_a + error_b.
    """
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        if row["status"] == "ok" and math.isfinite(row["error"]):
            groups.setdefault(tuple(row[k] for k in PAIRED), []).append(row)
    for key, group in groups.items():
        if len(group) > 1:
            yield _place(key), _pairs(group, _place(key))


def _place(key: tuple[Any, ...]) -> str:
    operator, size, point, dtype, device, seed = key
    at = f" at {point}" if point not in ("", "random") else ""
    again = f", seed {seed}" if seed else ""
    return f"{operator}{at}, {dtype} on {device}, size {size}{again}"


def _pairs(group: list[dict[str, Any]], place: str) -> Markup:
    """Above the diagonal at most, below it at least."""
    names, errors = [r["method"] for r in group], [r["error"] for r in group]
    lines = [
        [f"<td>{escaped(name)}"]
        + ["<td>·" if i == j else f"<td>{short(a + b if i < j else abs(a - b))}"
           for j, b in enumerate(errors)]
        for i, (name, a) in enumerate(zip(names, errors, strict=True))
    ]  # fmt: skip
    return framed(html_table("data pairs", ["method", *names], lines), place)

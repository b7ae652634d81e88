"""Results in a notebook: the verdict first, in the site's colours, by day and by night."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from html import escape
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from xgrad.judging import AGREES, BOUNDED, LEAST, VERDICTS, is_failure
from xgrad.table import KNOWN, records
from xgrad.telling.report import apart, error_text, label_of, method_of
from xgrad.telling.results import are_timings, rows_in, summary_of
from xgrad.telling.timings import factor, quantity

if TYPE_CHECKING:
    from xgrad.running import Results

LONGEST = 160  # characters of a message; all of it shows under the pointer
SEVERAL = ("size", "device", "seed", "threads")  # columns where they differ

_LAYOUT = """
.xgrad{overflow-x:auto}
.xgrad table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.xgrad th,.xgrad td{padding:.25em .6em;vertical-align:top;white-space:nowrap}
.xgrad th,.xgrad td{text-align:left!important}
.xgrad thead th{border-bottom:1px solid currentColor}
.xgrad .number{text-align:right!important}
.xgrad .said{white-space:normal;min-width:14em;max-width:44em}
.xgrad .worst{white-space:normal;min-width:11em}
.xgrad b{padding:.05em .5em;border-radius:.4em;border:1px solid currentColor}
.xgrad p{margin:.4em 0}
"""


def _style() -> str:
    """Day unless the page or the reader's system says night; a chip has both of its colours."""
    colours = {"day": lambda v: v.day, "night": lambda v: v.night}

    def rules(of: str, where: str = "") -> str:
        chosen = ((v.name, colours[of](v)) for v in VERDICTS.values())
        return "".join(
            f"{where}.xgrad b.{name}{{background:{back};color:{ink}}}"
            for name, (back, ink) in chosen
        )

    night = "".join(
        rules("night", where) for where in ('[data-jp-theme-light="false"] ', ".vscode-dark ")
    )
    system = f"@media (prefers-color-scheme:dark){{{rules('night')}}}"
    day = "".join(
        rules("day", where) for where in ('[data-jp-theme-light="true"] ', ".vscode-light ")
    )
    return f"<style>{_LAYOUT}{rules('day')}{system}{night}{day}</style>"


# --- cells ---------------------------------------------------------------------------------------


def _verdict(row: Mapping[str, Any]) -> str:
    verdict = VERDICTS.get(row["verdict"])
    if verdict is None:
        return f"<b>{escape(row['status'] or 'no verdict')}</b>"
    known = ", known" if row["message"].startswith(KNOWN) else ""
    return f'<b class="{verdict.name}">{verdict.symbol} {verdict.name}{known}</b>'


def _digits(row: Mapping[str, Any]) -> str:
    return error_text(row["error"]) if math.isnan(row["digits"]) else f"{row['digits']:.1f}"


def _worst(row: Mapping[str, Any]) -> str:
    if not row["worst"] or math.isnan(row["want"]):
        return ""
    if row["verdict"] in (AGREES, BOUNDED):  # the same as far as anybody reads
        return f"{row['worst']}: got {row['got']:.4e}, want {row['want']:.4e}"
    return f"{row['worst']}: {apart(row['got'], row['want'])}"


def _said(row: Mapping[str, Any]) -> str:
    """The hint, and the message behind it; what is long shows whole under the pointer."""
    hint = f"looks like: {row['hint']}" if row.get("hint") else ""
    text = "; ".join(filter(None, (hint, row["message"])))
    if len(text) <= LONGEST:
        return escape(text)
    short = text[: LONGEST - 1].rstrip()
    return f'<span title="{escape(text, quote=True)}">{escape(short)}…</span>'


def _plain(value: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: escape(str(value(row)))


Cell = tuple[str, str, Callable[[Mapping[str, Any]], str]]  # heading, class, what it says as HTML

_PLACE: tuple[Cell, ...] = (
    ("verdict", "", _verdict),
    ("case", "", _plain(label_of)),
    ("operator", "", _plain(lambda row: row["operator"])),
    ("method", "", _plain(lambda row: method_of(row) if row["framework"] else "")),
    ("dtype", "", _plain(lambda row: row["dtype"])),
)
_VERDICTS: tuple[Cell, ...] = (
    ("digits", "number", _plain(_digits)),
    ("worst element", "worst", _plain(_worst)),
    ("hint or message", "said", _said),
)
_TIMINGS: tuple[Cell, ...] = (
    ("derivative", "number", _plain(lambda row: quantity(row["derivative"], "s"))),
    ("value", "number", _plain(lambda row: quantity(row["value"], "s"))),
    ("÷ value", "number", _plain(lambda row: factor(row["ratio"]))),
    ("÷ formula", "number", _plain(lambda row: factor(row["per_formula"]))),
    ("first call", "number", _plain(lambda row: quantity(row["first_call"], "s"))),
    ("message", "said", _said),
)


# --- the table -----------------------------------------------------------------------------------


def results_html(results: Results) -> str:
    """The rows as a table with a summary; nothing where they are no whole rows.

    Of more rows than pandas shows, those that fail come first.
    """
    import pandas as pd

    kept = rows_in(results)
    if not kept:
        return ""
    frame = kept.frame()
    frame.attrs = results.attrs
    timed = are_timings(frame)
    labelled = list(zip(results.index, records(frame), strict=True))
    several = [n for n in SEVERAL if n in frame and frame[n].nunique() > 1]
    distinct = [(name, "", _plain(itemgetter(name))) for name in several]
    cells = (*_PLACE, *distinct, *(_TIMINGS if timed else _VERDICTS))
    most = pd.get_option("display.max_rows") or len(labelled)
    more = ""
    if len(labelled) > most:
        labelled.sort(key=lambda pair: _rank(pair[1], timed))
        more = f"<p>{most:,} of {len(labelled):,} rows, those that fail first</p>"
    head = "".join(f'<th class="{style}">{name}</th>' for name, style, _ in cells)
    body = "".join(_line(label, row, cells) for label, row in labelled[:most])
    summary = "".join(f"<p>{escape(line)}</p>" for line in summary_of(frame))
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="xgrad">{_style()}{table}{more}{summary}</div>'


def _line(label: Any, row: Mapping[str, Any], cells: tuple[Cell, ...]) -> str:
    told = "".join(f'<td class="{style}">{said(row)}</td>' for _, style, said in cells)
    return f"<tr><th>{escape(str(label))}</th>{told}</tr>"


def _rank(row: Mapping[str, Any], timed: bool) -> int:
    """What fails, what could not be judged, the rest."""
    if not timed and is_failure(row, LEAST):
        return 0
    verdict = VERDICTS.get(row["verdict"])
    return 2 if verdict and verdict.tells else 1

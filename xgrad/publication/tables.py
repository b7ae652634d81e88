"""Frames as HTML, Markdown, LaTeX, CSV and Parquet: pandas writes, names are escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from xgrad.errors import UsageError
from xgrad.publication.columns import named
from xgrad.table import Column, write_frame

if TYPE_CHECKING:
    import pandas as pd

LONG = 48  # characters of a text that goes on in the next line
ACCENTED = "À-ÏÑ-ÖØ-ïñ-öø-ýÿ"  # letters that LaTeX reads as they are
FIRST = 400  # lines of a long table on a page
LATEX = str.maketrans({
    "−": "$-$", "×": r"$\times$", "·": r"$\cdot$", "±": r"$\pm$", "≈": r"$\approx$", "≤": r"$\le$",
    "–": "--", "—": "---", "…": r"\dots{}", "µ": r"$\mu$", "÷": r"$\div$", "’": "'",
    "✗": r"$\times$", "°": r"$\circ$", "§": r"\S{}",
})  # fmt: skip


def to_html(
    frame: pd.DataFrame,
    caption: str,
    *,
    formats: Mapping[str, Callable[[Any], str]] | None = None,
    styles: pd.DataFrame | None = None,
    links: Mapping[str, Callable[[Any], Markup]] | None = None,
) -> Markup:
    """A table that scrolls inside its own frame; every text in it is escaped.

    `formats` by column show numbers, `links` by column make markup of their own, `styles` has a
    class of the style sheet for each cell.
    """
    from pandas.io.formats.style import Styler

    shown = frame.reset_index(drop=True)
    styler = Styler(shown, uuid="t", cell_ids=False).hide(axis="index")
    styler.format(escape="html", na_rep="")
    for column, form in (formats or {}).items():
        if column in shown:
            styler.format(partial(_escaped, form), subset=[column])
    for column, make in (links or {}).items():
        styler.format(partial(_marked, make), subset=[column])
    styler.format_index(escape="html", axis="columns")
    classes = _classes(shown) if styles is None else _classes(shown) + " " + styles.to_numpy()
    styler.set_td_classes(classes)
    text = _plain(styler.to_html(doctype_html=False, table_attributes='class="data"'), shown)
    body = text.replace(
        '<table class="data">', f'<table class="data"><caption>{html.escape(caption)}</caption>', 1
    )
    return framed(body, caption)


def first_lines(
    frame: pd.DataFrame, caption: str, *, styles: pd.DataFrame | None = None, **shown: Any
) -> Markup:
    """`to_html` of as many lines as a page takes; the caption tells how many there are."""
    if len(frame) > FIRST:
        caption += f": the first {FIRST} of {len(frame):,}; the download has all"
    styles = None if styles is None else styles.head(FIRST)
    return to_html(frame.head(FIRST), caption, styles=styles, **shown)


def _escaped(form: Callable[[Any], str], value: Any) -> str:
    return html.escape(form(value))


def _marked(make: Callable[[Any], Markup], value: Any) -> str:
    return str(make(value).__html__())


def framed(table: str, label: str) -> Markup:
    """A table that scrolls by itself, by keyboard too."""
    about = f'class="scroll" tabindex="0" role="region" aria-label="{html.escape(label)}"'
    return Markup(f"<div {about}>{table}</div>")


def _classes(frame: pd.DataFrame) -> pd.DataFrame:
    """The class of each cell: numbers stand to the right, long texts go on in the next line."""
    found = frame.astype(object).copy()
    for column, kind in zip(frame.columns, _kinds(frame), strict=True):
        found[column] = [
            f"{kind} long" if isinstance(v, str) and len(v) > LONG else kind for v in frame[column]
        ]
    return found


def _kinds(frame: pd.DataFrame) -> list[str]:
    return ["number" if t.kind in "fiu" else "text" for t in frame.dtypes]


def _plain(text: str, frame: pd.DataFrame) -> str:
    """Styler's HTML without the classes and ids that only its own style sheets use."""
    kinds = iter(_kinds(frame))
    text = re.sub(r"<style[^>]*>.*?</style>\s*", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'<table id="T_t"', "<table", text, count=1)
    text = re.sub(r' id="T_t_[^"]*"', "", text)
    heading = r'<th class="col_heading level0 col\d+"\s*>'
    text = re.sub(heading, lambda _: f'<th scope="col" class="{next(kinds)}">', text)
    return re.sub(r' class="data row\d+ col\d+ ?', ' class="', text)


def to_markdown(frame: pd.DataFrame, align: Sequence[str] | None = None) -> str:
    """A pipe table without padding, so that a changed row is one changed line.

    `align` has `left` or `right` for each column.
    """
    texts = frame.map(markdown_text).rename(columns=markdown_text)
    text = texts.to_markdown(index=False, disable_numparse=True, colalign=align)
    return re.sub(r"-{4,}", "---", re.sub(r" {2,}", " ", text))


def markdown_text(value: Any) -> str:
    """A text on one line of Markdown, also within a table: escaped."""
    one_line = " ".join(str(value).split())
    return html.escape(one_line, quote=False).replace("|", "\\|").replace("`", "\\`")


def to_latex(frame: pd.DataFrame, caption: str, label: str) -> str:
    """A booktabs table for \\input, by pandas: texts are escaped, letters that TeX lacks spelt."""
    styler = frame.style.hide(axis="index")
    styler.format(latex_text, na_rep="").format_index(latex_text, axis="columns")
    formats = "".join("r" if str(t)[:3] in ("flo", "int") else "l" for t in frame.dtypes)
    text = styler.to_latex(
        hrules=True, caption=latex_text(caption), label=label, position_float="centering",
        column_format=formats,
    )  # fmt: skip
    return str(text)


def latex_text(value: Any) -> str:
    """A text on one line of LaTeX: escaped, letters that TeX lacks spelt."""
    text = " ".join(str(value).split())
    found = re.sub(r"[\\{}&%$#_~^<>\[\]]", lambda m: _SPECIAL[m[0]], text).translate(LATEX)
    return re.sub(rf"[^\x00-\x7f{ACCENTED}]", lambda m: f"{{[}}U+{ord(m[0]):04X}{{]}}", found)


_SPECIAL = {c: f"\\{c}" for c in "{}&%$#_"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}",
    "[": "{[}", "]": "{]}",  # which a line of a table must not begin with
}  # fmt: skip


def write_data(frame: pd.DataFrame, stem: Path, known: Sequence[Column] = ()) -> None:
    """`stem`.csv, and `stem`.parquet with unit and meaning in the metadata of its columns.

    `known` are columns beyond those of the agreement table and of what is derived from it.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    write_frame(frame, stem.parent, named(map(str, frame), known), stem.name)


def write_csv(frame: pd.DataFrame, file: Path) -> None:
    """Rows that are part of a table which the site has as Parquet too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(file, index=False)


def write_text(path: Path, text: str) -> None:
    """Write a file and the folders above it; raises `UsageError` where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None

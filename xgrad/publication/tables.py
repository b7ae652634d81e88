"""Frames as HTML, Markdown, LaTeX, CSV and Parquet: names are escaped."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
MEASURED = ("error", "relative_error", "ulps", "digits", "tolerance", "noise", "multiple")
DIGITS = 6  # significant ones of these in a CSV; the Parquet has all
COLUMNS = 40  # of a table, which may stand to the right
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
    formats, links = formats or {}, links or {}
    columns = []
    for name, column in zip(map(str, frame), (frame[c] for c in frame), strict=True):
        values = column.tolist()
        if name in links:
            texts = [str(links[name](v).__html__()) for v in values]
        else:
            texts = [escaped(formats.get(name, _shown)(v)) for v in values]
        given = [""] * len(values) if styles is None else styles[name].tolist()
        columns.append([_cell(*each) for each in zip(texts, values, given, strict=True)])
    numbers = [k for k, t in enumerate(frame.dtypes, start=1) if t.kind in "fiu"]
    kinds = " ".join(["data", *(f"r{k}" for k in numbers)])
    head = f"<caption>{escaped(caption)}</caption>"
    return framed(html_table(kinds, map(str, frame), zip(*columns, strict=True), head), caption)


def html_table(
    kinds: str, names: Iterable[str], lines: Iterable[Iterable[str]], caption: str = ""
) -> str:
    """A table in as few characters as HTML needs: thousands of lines stand on the pages of a site.

    `lines` are of cells as HTML, each from its `<td>`; `kinds` are classes, `r3` among them sets
    the third column to the right.
    """
    heads = "".join(f"<th>{escaped(name)}" for name in names)
    body = "".join(f"<tr>{''.join(line)}" for line in lines)
    return f'<table class="{kinds}">{caption}<thead><tr>{heads}<tbody>{body}</table>'


def style_of_columns() -> str:
    """The classes of tables that set a column to the right, for the style sheet."""
    return "".join(
        f".r{k} :is(td,th):nth-child({k}){{text-align:right}}" for k in range(1, COLUMNS + 1)
    )


def _cell(text: str, value: Any, style: str) -> str:
    """A cell of its own class, where it has one; long texts go on in the next line."""
    long = isinstance(value, str) and len(value) > LONG
    classes = f"{style} long".strip() if long else style
    return f'<td class="{classes}">{text}' if classes else f"<td>{text}"


def _shown(value: Any) -> str:
    """A value that has no format: nothing where there is none."""
    if isinstance(value, float):
        return "" if value != value else f"{value:f}"
    return "" if value is None else str(value)


def escaped(text: str) -> str:
    """A text between tags, where quotes mean nothing."""
    return html.escape(text, quote=False)


def first_lines(
    frame: pd.DataFrame, caption: str, *, styles: pd.DataFrame | None = None, **shown: Any
) -> Markup:
    """`to_html` of as many lines as a page takes; the caption tells how many there are."""
    if len(frame) > FIRST:
        caption += f": the first {FIRST} of {len(frame):,}; the download has all"
    styles = None if styles is None else styles.head(FIRST)
    return to_html(frame.head(FIRST), caption, styles=styles, **shown)


def framed(table: str, label: str) -> Markup:
    """A table that scrolls by itself, by keyboard too."""
    about = f'class="scroll" tabindex="0" role="region" aria-label="{html.escape(label)}"'
    return Markup(f"<div {about}>{table}</div>")


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


def write_data(
    frame: pd.DataFrame, stem: Path, known: Sequence[Column] = (), *, gzipped: bool = False
) -> None:
    """`stem`.csv, and `stem`.parquet with unit and meaning in the metadata of its columns.

    `known` are columns beyond those of the agreement table and of what is derived from it. The CSV
    has `DIGITS` significant digits of measured errors, which make most of its size. A `gzipped`
    table of tens of thousands of rows that are nearly alike is `stem`.csv.gz.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    short = {c: [float(f"{v:.{DIGITS}g}") for v in frame[c]] for c in MEASURED if c in frame}
    columns, read = named(map(str, frame), known), frame.assign(**short)
    _, csv = write_frame(frame, stem.parent, columns, stem.name, read)
    if gzipped:
        csv.with_suffix(".csv.gz").write_bytes(gzip.compress(csv.read_bytes(), mtime=0))
        csv.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a file and the folders above it; raises `UsageError` where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None

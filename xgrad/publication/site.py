"""The static site: one folder for each run at a permanent place, comparisons, and an index."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import re
import shutil
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from xgrad.errors import UsageError, counted
from xgrad.publication import comparison, detection, tables
from xgrad.publication.cells import style_of_verdicts
from xgrad.publication.census_pages import pages_of
from xgrad.publication.guide_pages import INDEX, guide_pages
from xgrad.publication.operations import STYLES
from xgrad.publication.overview import save_overview
from xgrad.publication.reading import ABOUT, Run
from xgrad.publication.typesetting import typeset
from xgrad.running import find_version

BEGIN, END = "<!-- xgrad publish -->", "<!-- /xgrad publish -->"  # lines of a file of one's own
DETECTION = "detection.html"
TOLD = {"name", "date", "commit", "machine", "saved", "cases", "methods", "rows", "devices",
        "counts", "pages"}  # fmt: skip


class Site:
    """A folder of pages; published runs that are there already keep their places."""

    def __init__(self, folder: Path):
        """Raises `UsageError` where the folder cannot be one."""
        self.folder = folder
        try:
            (folder / "runs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"--to {folder} cannot be a folder ({error.strerror}): choose another"
            ) from None

    @cached_property
    def templates(self) -> jinja2.Environment:
        """The templates, which escape whatever they are given."""
        made = jinja2.Environment(
            loader=jinja2.PackageLoader("xgrad.publication"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters |= {"breakable": _breakable, "typeset": typeset}
        made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}  # in the order given
        return made

    @cached_property
    def sheet(self) -> str:
        """The name of the style sheet that all pages share.

        A checksum is part of it, so that pages published before keep the one that they were made
        with.
        """
        css = str(_asset("style.css")) + style_of_verdicts() + tables.style_of_columns()
        name = f"style-{zlib.crc32(css.encode()):08x}.css"
        (self.folder / name).write_text(css, encoding="utf-8")
        return name

    def render(self, file: Path, template: str, root: str, /, **context: Any) -> None:
        """Write one page; `root` leads from it to the site's index."""
        given = {"nav": [], "base": root, "path": "", "run": None, "scripts": (), **context}
        given |= {
            "sheet": self.sheet,
            "version": find_version(),
            "root": root,
        }
        given["script"] = Markup().join(map(_asset, given["scripts"]))
        given["script_hash"] = _hash(given["script"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.templates.get_template(template).render(given), encoding="utf-8")

    def add(self, run: Run) -> Path:
        """Publish a run at its place; what was published there of the same rows is replaced."""
        fingerprint = hashlib.sha256((run.folder / "rows.parquet").read_bytes()).hexdigest()[:16]
        run.name = self._place(run.name, fingerprint)
        part = self.folder / "runs" / f".{run.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        about = pages_of(run, part, self.render).write()
        (part / ABOUT).write_text(json.dumps(about | {"rows_of": fingerprint}, indent=1) + "\n")
        final = self.folder / "runs" / run.name
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
        return final

    def _place(self, name: str, fingerprint: str) -> str:
        """The name, numbered where other rows have that place already."""
        for k in itertools.count(1):
            tried = name if k == 1 else f"{name}-{k}"
            folder = self.folder / "runs" / tried
            if not folder.exists() or _read(folder / ABOUT).get("rows_of") == fingerprint:
                return tried
        raise AssertionError

    def compare(self, before: Run, after: Run) -> dict[str, str]:
        """A page of two runs side by side; returns its path and title."""
        stem = f"compare/{before.name}--{after.name}"
        found = comparison.compare(before, after)
        told = comparison.changed(found.frame)
        moved = comparison.compare_operations(before, after)
        speed = comparison.compare_speed(before, after)
        heading = f"{before.label} beside {after.label}"
        self.render(
            self.folder / f"{stem}.html", "compare.html", "../", title=heading, heading=heading,
            apart=tables.to_html(comparison.apart(before, after), "what differs"),
            refused=found.refused, told=found.told, least=comparison.LEAST,
            census=bool(before.census and after.census), moved=_moved(moved),
            movements=Counter(moved["what"]) if len(moved) else {},
            changes=_changes(told), stem=stem.partition("/")[2],
            slow_refused=speed.refused, slow_told=speed.told,
            slow_changes=tables.to_html(speed.frame, "changed") if len(speed.frame) else "",
        )  # fmt: skip
        if not found.refused:
            tables.write_data(found.frame, self.folder / stem)
        if len(moved):
            tables.write_data(moved, self.folder / f"{stem}-operations")
        lost = comparison.regressions(found.frame)
        changes = f"{counted(lost, 'regression')}, {counted(len(told), 'change')}"
        note = (found.refused and "not comparable") or changes
        return {"path": f"{stem}.html", "title": f"{heading}: {note}"}

    def add_detection(self, frame: pd.DataFrame) -> None:
        """The page of detection power, and its counts."""
        title = "Detection power · xgrad"
        context = detection.detection_page(frame)
        self.render(self.folder / DETECTION, "detection.html", "", title=title, **context)
        tables.write_data(frame, self.folder / "data" / "detection")

    def add_history(self, folder: Path) -> None:
        """A copy of asv's own site; raises `UsageError` for a folder that is none."""
        if not ((folder / "index.html").exists() and (folder / "index.json").exists()):
            raise UsageError(
                f"--history {folder} is no site of asv: give the html_dir that asv publish wrote"
            )
        final = self.folder / "history"
        if folder.resolve() != final.resolve():
            shutil.rmtree(final, ignore_errors=True)
            shutil.copytree(folder, final)

    def add_guide(self) -> None:
        """The pages of the guide, each with the topics above."""
        nav = [{"path": f"{INDEX}.html", "title": "Guide"}]
        for name, content in guide_pages().items():
            path = f"{name}.html"
            self.render(
                self.folder / "guide" / path, "guide.html", "../", title=f"{name} · xgrad guide",
                nav=nav, base="", path=path, content=content,
            )  # fmt: skip

    @property
    def more(self) -> list[dict[str, str]]:
        """The pages of the site that belong to no run, of those that are there."""
        every = (
            (f"guide/{INDEX}.html", "Guide", "what a verdict rests on, and how to get one"),
            (DETECTION, "Detection power", "the same mistakes before other checkers"),
            ("history/index.html", "History", "every benchmark over the commits, by asv; it needs "
             "a web server: python -m http.server in that folder"),
        )  # fmt: skip
        return [
            {"path": path, "title": title, "told": told}
            for path, title, told in every
            if (self.folder / path).exists()
        ]

    def write_index(self, comparisons: list[dict[str, str]]) -> Path:
        """The landing page, of all runs that are published in the folder."""
        known = [_read(p) for p in (self.folder / "runs").glob(f"*/{ABOUT}")]
        known = [r for r in known if r.keys() >= TOLD]
        known = sorted(known, key=lambda r: (r["date"], r["saved"], r["name"]), reverse=True)
        frame = pd.DataFrame(
            {
                "run": [r["name"] for r in known],
                "date": [r["date"] for r in known],
                "commit": [r["commit"] for r in known],
                "cases": [r["cases"] for r in known],
                "rows": [r["rows"] for r in known],
                "verdicts": [_said(r["counts"]) for r in known],
                "machine": [r["machine"] for r in known],
            }
        )
        latest = {r.get("kind", "cases"): r for r in reversed(known)}
        page = self.folder / "index.html"
        self.render(
            page, "index.html", "", title="xgrad: derivatives, and who is right about them",
            latest=sorted(latest.values(), key=lambda r: r.get("kind", "cases") != "cases"),
            comparisons=comparisons, more=self.more,
            table=tables.to_html(frame, "published runs", links={"run": _run_link}),
        )  # fmt: skip
        return page


def publish(
    results: Sequence[str | Path],
    to: str | Path | None = None,
    *,
    markdown_file: Path | None = None,
    latex_file: Path | None = None,
    detection_file: Path | None = None,
    history: Path | None = None,
    picture_file: Path | None = None,
) -> list[Path]:
    """Publish saved runs as a site in the folder `to`, and the latest as Markdown and LaTeX.

    A picture of the latest, cases × methods, goes to `picture_file` (png, svg or pdf).

    A Markdown file that has the lines `<!-- xgrad publish -->` and `<!-- /xgrad publish -->` keeps
    what stands outside of them.

    The site shows the counts of `detection_file` and asv's site `history` too, where given.

    Returns the files to look at first. Raises `UsageError` for folders that hold no saved run and
    for places that cannot be written.
    """
    from xgrad.publication.reading import read_runs

    runs = read_runs(results)
    made = []
    if to is not None:
        try:
            made.append(_write_site(Path(to), runs, detection_file, history))
        except OSError as error:
            raise UsageError(f"--to {to} cannot be written: {error.strerror}") from None
    latest = pages_of(runs[-1])
    for path, text in ((markdown_file, latest.markdown), (latex_file, latest.latex)):
        if path is not None:
            tables.write_text(path, _within(path, text()))
            made.append(path)
    if picture_file is not None:
        save_overview(latest.rows, picture_file)
        made.append(picture_file)
    return made


def _write_site(
    folder: Path, runs: list[Run], detection_file: Path | None, history: Path | None
) -> Path:
    counts = None if detection_file is None else detection.read_detection(detection_file)
    site = Site(folder)
    if counts is not None:
        site.add_detection(counts)
    if history is not None:
        site.add_history(history)
    site.add_guide()
    alike = defaultdict[str, list[Run]](list)
    for run in runs:
        site.add(run)
        alike[run.kind].append(run)
    pairs = [site.compare(*two) for some in alike.values() for two in itertools.pairwise(some)]
    return site.write_index(pairs)


def _within(path: Path, text: str) -> str:
    """The text, in place of what stands between the marks of a file that has them."""
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        return text
    below = re.sub(r"^(?=#)", "#", text.strip(), flags=re.MULTILINE)  # under the file's heading
    return f"{head}{begin}\n{below}\n{end}{tail}"


def _changes(frame: pd.DataFrame) -> Any:
    if frame.empty:
        return ""
    shown = frame.drop(columns=["digits before", "digits after", "seed"])
    shown = shown.rename(columns={"shown before": "before", "shown after": "after"})
    change = {"change": lambda v: "" if v != v else f"{v:+.1f}"}
    return tables.first_lines(shown, "cells that changed, lost digits first", formats=change)


def _moved(frame: pd.DataFrame) -> Any:
    """Operations that changed, in the colours of their outcomes."""
    if frame.empty:
        return ""
    shown = frame.drop(columns="device") if frame["device"].nunique() == 1 else frame
    styles = pd.DataFrame("", index=shown.index, columns=shown.columns)
    for name in ("outcome before", "outcome after"):
        styles[name] = [f"chip {STYLES[outcome]}" for outcome in shown[name]]
    digits = dict.fromkeys(("change", "digits before", "digits after"), _one_decimal)
    caption = "operations that changed, the worse first"
    return tables.first_lines(shown, caption, formats=digits, styles=styles)


def _one_decimal(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def _run_link(name: str) -> Markup:
    return Markup('<a href="runs/{0}/index.html">{0}</a>').format(name)


def _said(counts: list[dict[str, Any]]) -> str:
    return ", ".join(f"{c['rows']:,} {c['word']}" for c in counts)


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after _ : and @."""
    text = str(escape(name))
    return Markup("".join(f"{c}<wbr>" if c in "_:@" else c for c in text))


def _asset(name: str) -> Markup:
    """A file of our own, as it is: it goes into pages unescaped."""
    return Markup((files("xgrad.publication") / "static" / name).read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    """What the page's policy lets run: this script and no other."""
    digest = hashlib.sha256(str(script).encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}

"""The pages of a census: operations in place of the matrix, and Markdown for a repository."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from xgrad.publication import operations as ops
from xgrad.publication import pages, summary
from xgrad.publication.reading import Run
from xgrad.publication.run_pages import RunPages
from xgrad.publication.tables import to_html, write_data
from xgrad.running import PROGRAM_PLACE
from xgrad.telling import OUTCOMES

SHOWN = 20  # findings of one kind on the first page: all of them are in the Markdown


def pages_of(run: Run, folder: Path = Path(), render: Callable[..., None] = print) -> RunPages:
    """The pages that a run has: those of a census where it is one."""
    return (CensusPages if run.census else RunPages)(run, folder, render)


class CensusPages(RunPages):
    """The pages of a run that judges every operation of a framework."""

    FRONT = "Operations"
    CALLED = "operations"
    overview = ""  # hundreds of operations in a few methods: their counts say more

    @property
    def text(self) -> str:
        """The file name of its Markdown."""
        return f"census_{self.run.census.replace(', ', '_')}.md"

    @cached_property
    def operations(self) -> ops.Operations:
        """Operations × what was asked of them."""
        return ops.make_operations(self.rows)

    @cached_property
    def findings(self) -> list[ops.Finding]:
        """What stands out."""
        return ops.find_findings(self.rows)

    def _front_tables(self, data: Path) -> None:
        write_data(ops.operations_frame(self.operations), data / "operations")
        (data / self.text).write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """Counts, what stands out, and the operations that are right."""
        return summary.census_markdown(self.run, self.operations, self.findings)

    def _index(self) -> tuple[str, str, dict[str, Any]]:
        asked = self.operations.asked
        rank = {name: str(k) for k, name in enumerate(OUTCOMES)}
        lines = self.operations.lines.values()
        return "Operations", "operations.html", {
            "framework": self.run.census, "operations": self.operations, "asked": asked,
            "codes": ["".join(rank[c.outcome if c else OUTCOMES[-1]] for c in x) for x in lines],
            "about": {"columns": [[a.derivative, a.numbers] for a in asked], "outcomes": OUTCOMES},
            "kinds": list(self._kinds()), "outcomes": OUTCOMES, "usual": ops.STYLES["right"],
            "counts": _counts_table(ops.counts_frame(self.operations)), "links": self.links,
            "legend": self._legend(), "markdown": f"data/{self.text}",
            "scripts": ("table.js", "operations.js"),
        }  # fmt: skip

    def _findings(self, case: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Its findings, each at the sample of its program, else at its worst."""
        saved = self.run.about(case)["programs"]
        programs = {tuple(p[k] for k in PROGRAM_PLACE): p["text"] for p in saved}
        told = []
        for finding in ops.find_findings(rows):
            places = {tuple(r[k] for k in PROGRAM_PLACE): r for r in finding.rows}
            at = next((place for place in places if place in programs), None)
            row = finding.worst if at is None else places[at]
            about = pages.describe(self.run, row, rows, len(finding.rows) - 1)
            told.append(
                about | {"word": finding.kind, "program": "" if at is None else programs[at]}
            )
        return told

    def _kinds(self) -> Any:
        """Each kind of finding: its name, its style, those shown, and how many more there are."""
        for kind in dict.fromkeys(f.kind for f in self.findings):
            found = [f for f in self.findings if f.kind == kind]
            yield kind, found[0].worst["style"], found[:SHOWN], len(found[SHOWN:])


def _counts_table(frame: pd.DataFrame) -> Markup:
    """How many operations show what, in the colours of outcomes."""
    styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for outcome, style in ops.STYLES.items():
        styles[outcome] = [style if n else "" for n in frame[outcome]]
    shown = {outcome: lambda n: str(n) if n else "·" for outcome in ops.STYLES}
    return to_html(frame, "operations by their worst sample", formats=shown, styles=styles)

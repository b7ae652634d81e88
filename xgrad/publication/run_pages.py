"""All pages and tables of one run, written into its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from xgrad.publication import case_pages, cells, pages, plots, source_problems, speed, summary
from xgrad.publication.matrix import Matrix, make_matrix, to_data
from xgrad.publication.overview import draw_overview
from xgrad.publication.reading import Run, slug
from xgrad.publication.tables import first_lines, to_html, write_data
from xgrad.running import CURVE_COLUMNS, CURVES, ENVIRONMENT
from xgrad.table import Column, make_frame, records
from xgrad.telling import EVIDENCE, failures, summarise
from xgrad.timing import TIMING_COLUMNS, fit_exponents

CARDS = 150  # failures on their page
MANY = 12  # cases, from which on a picture of all of them says something


class RunPages:
    """The pages of a run; which there are depends on what it saved."""

    FRONT = "Matrix"  # what the first page is called
    CALLED = "cases"  # what there are many of

    def __init__(self, run: Run, folder: Path = Path(), render: Callable[..., None] = print):
        self.run, self.folder, self._render = run, folder, render

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows with how each is shown."""
        return cells.listed(self.run)

    @cached_property
    def matrix(self) -> Matrix:
        """Cases × methods."""
        titles = {name: case["title"] for name, case in self.run.cases.items()}
        return make_matrix(self.rows, titles)

    @cached_property
    def by_case(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each case that have a method."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            if row["method"]:
                found.setdefault(row["case"], []).append(row)
        return found

    @cached_property
    def stems(self) -> dict[str, str]:
        """A file name for each case, no two alike even where letter case does not count."""
        found: dict[str, str] = {}
        taken: set[str] = set()
        for case in self.by_case:
            stem, k = slug(case), 2
            while stem.lower() in taken:
                stem, k = f"{slug(case)}-{k}", k + 1
            taken.add(stem.lower())
            found[case] = stem
        return found

    @cached_property
    def links(self) -> dict[str, str]:
        """The page of each case."""
        return {case: f"cases/{stem}.html" for case, stem in self.stems.items()}

    @cached_property
    def overview(self) -> str:
        """The picture of all cases, as text of SVG, where they are many."""
        many = len(self.stems) >= MANY and (self.run.rows["verdict"] != "").any()
        return str(draw_overview(self.rows)) if many else ""

    @cached_property
    def problems(self) -> list[dict[str, Any]]:
        """The published checks that the run redoes."""
        return source_problems.redo(self.run, self.rows)

    @cached_property
    def conventions(self) -> pd.DataFrame:
        """What methods return at kinks."""
        if not (self.run.rows["verdict"] == "convention").any():
            return pd.DataFrame()
        return pages.find_conventions(self.run, self.matrix.methods)

    @cached_property
    def nav(self) -> list[dict[str, str]]:
        """The pages that this run has."""
        every = (
            ("index.html", self.FRONT, True),
            ("source.html", "Source problems", bool(self.problems)),
            ("conventions.html", "Conventions", len(self.conventions) > 0),
            ("failures.html", "Failures", True),
            ("speed.html", "Speed", self.run.timings is not None),
            ("method.html", "Method", True),
            ("environment.html", "Environment", True),
        )
        return [{"path": path, "title": title} for path, title, there in every if there]

    @property
    def machine(self) -> str:
        """The processor, for a footer."""
        return str(self.run.environment.get("processor") or "")

    def write(self) -> dict[str, Any]:
        """Write everything; returns what the index says of the run."""
        self._tables()
        for item in self.nav:
            name = item["path"].removesuffix(".html")
            title, template, context = getattr(self, f"_{name}")()
            self._page(item["path"], template, title, **context)
        for case in self.stems:
            self._case(case)
        return self._about()

    def _page(self, path: str, template: str, title: str, **context: Any) -> None:
        up = "../" * path.count("/")
        self._render(
            self.folder / path, template, f"{up}../../", base=up, path=path, nav=self.nav,
            run=self.run, machine=self.machine, title=f"{title} · {self.run.label} · xgrad",
            **context,
        )  # fmt: skip

    def _about(self) -> dict[str, Any]:
        run = self.run
        counts = [
            {"word": look.counted(n), "symbol": look.symbol, "style": look.style, "rows": n}
            for look, n in pages.counts(self.rows)
        ]
        return {
            "name": run.name, "date": run.date, "commit": run.commit, "machine": self.machine,
            "saved": str((run.folder / "rows.parquet").stat().st_mtime_ns),
            "kind": run.kind, "overview": self.overview, "cases": len(self.stems),
            "called": self.CALLED,
            "methods": len(self.matrix.methods),
            "rows": len(self.rows),
            "devices": sorted(set(run.rows["device"]) - {""}), "counts": counts, "pages": self.nav,
        }  # fmt: skip

    # --- tables ----------------------------------------------------------------------------------

    def _tables(self) -> None:
        """Every table of the pages as CSV and Parquet."""
        data = self.folder / "data"
        write_data(self.run.rows, data / "rows")
        write_data(self._spans(), data / "methods")
        write_data(make_frame(failures(records(self.run.rows))), data / "failures")
        for name, frame, known in self._optional():
            if len(frame):
                write_data(frame, data / name, known, gzipped=name == CURVES)
        self._front_tables(data)
        text = json.dumps(self.run.environment, indent=2) + "\n"
        (data / ENVIRONMENT).write_text(text)

    def _front_tables(self, data: Path) -> None:
        """What the first page shows, as tables."""
        write_data(summary.matrix_frame(self.matrix), data / "matrix")
        (data / "agreement.md").write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """The run as Markdown."""
        return summary.markdown(self.run, self.rows)

    def latex(self) -> str:
        """The run as LaTeX."""
        return summary.latex(self.run, self.matrix)

    def _optional(self) -> Iterator[tuple[str, pd.DataFrame, Sequence[Column]]]:
        """Name, rows and columns of the tables that a run may have."""
        yield "known", pages.known_differences(self.run), ()
        yield "missing", pages.not_run(self.run), ()
        yield "conventions", self.conventions, ()
        if self.run.curves is not None:
            yield CURVES, self.run.curves, CURVE_COLUMNS
        if self.run.timings is not None:
            yield "timings", self.run.timings, TIMING_COLUMNS
            yield "exponents", fit_exponents(self.run.timings), TIMING_COLUMNS

    def _spans(self) -> pd.DataFrame:
        """The numbers of the picture: digits of each method and dtype."""
        frame = self.run.rows.assign(method=[r["method"] for r in self.rows])
        found = frame[frame["digits"].notna()].groupby(["method", "dtype"], sort=False)["digits"]
        return found.agg(["count", "min", "median", "max"]).reset_index()

    # --- pages: each gives its title, its template and what that shows -------------------------

    def _index(self) -> tuple[str, str, dict[str, Any]]:
        m = self.matrix
        dtypes = m.filters.get("dtype", [])
        return "Matrix", "matrix.html", {
            "overview": Markup(self.overview), "matrix": m,
            "data": to_data(m, self.links),
            "scripts": ("table.js", "rows.js", "matrix.js"),
            "links": self.links, "found": pages.counts(self.rows), "legend": self._legend(),
            "summary": summarise(self.run.rows), "first_dtype": dtypes[0] if dtypes else "",
            "plot": plots.draw_digits(self.run.rows, m.methods),
        }  # fmt: skip

    def _legend(self) -> Any:
        looks = [look for look, _ in pages.counts(self.rows)]
        frame = pd.DataFrame({"word": [f"{x.symbol} {x.word}" for x in looks],
                              "meaning": [x.meaning for x in looks]})  # fmt: skip
        styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
        styles["word"] = [f"chip {x.style}" for x in looks]
        return to_html(frame, "verdicts and statuses", styles=styles)

    def _source(self) -> tuple[str, str, dict[str, Any]]:
        context = {"problems": self.problems, "links": self.links}
        return "The source problems", "source.html", context

    def _conventions(self) -> tuple[str, str, dict[str, Any]]:
        frame, told = pages.shown_conventions(self.conventions)
        return "Conventions", "conventions.html", {"table": first_lines(frame, f"kinks: {told}")}

    def _failures(self) -> tuple[str, str, dict[str, Any]]:
        known, missing = pages.known_differences(self.run), pages.not_run(self.run)
        found = pages.find_failures(self.run)
        return "Failures", "failures.html", {
            "failures": found[:CARDS], "hidden": len(found[CARDS:]), "links": self.links,
            "known": first_lines(known, "known differences") if len(known) else "",
            "missing": first_lines(missing, "without an outcome") if len(missing) else "",
        }  # fmt: skip

    def _speed(self) -> tuple[str, str, dict[str, Any]]:
        assert self.run.timings is not None
        env, fitted = self.run.timing_environment, speed.exponents(self.run.timings)
        return "Speed", "speed.html", {
            "scripts": ("speed.js",),
            "plots": list(speed.case_plots(self.run.timings)),
            "wholes": list(speed.whole_plots(self.run.timings)),
            "methods": speed.methods_of(self.run.timings),
            "cases": list(dict.fromkeys(map(str, self.run.timings["case"]))),
            "tables": speed.speed_tables(self.run.timings),
            "summary": speed.describe(self.run.timings, env),
            "where": f"Measured on {env.get('processor') or 'a machine without a name'}.",
            "exponents": to_html(fitted, "fitted exponents") if len(fitted) else "",
            "columns": to_html(speed.column_table(), "numbers of a timing"),
        }  # fmt: skip

    def _method(self) -> tuple[str, str, dict[str, Any]]:
        seen = self.run.rows["referee"].str.partition(":")[0].value_counts()
        told = [(EVIDENCE.get(str(k), str(k)), f"{n:,}") for k, n in seen.items() if k]
        frame = pd.DataFrame(told, columns=["judged by", "rows of this run"])
        return "Method", "method.html", {
            "evidence": to_html(frame, "the evidence"), "legend": self._legend(),
            "columns": to_html(pages.column_table(), "columns of the agreement table"),
        }  # fmt: skip

    def _environment(self) -> tuple[str, str, dict[str, Any]]:
        found = [(n, to_html(t, n)) for n, t in pages.environment_tables(self.run)]
        return "Environment", "environment.html", {"tables": found}

    def _case(self, case: str) -> None:
        """A case's page."""
        stem = f"cases/{self.stems[case]}"
        mine = self.by_case[case]
        operators = dict.fromkeys(r["operator"] for r in mine)
        about = self.run.about(case)
        timed = self._timed(case)
        usual = next((r["command"] for r in mine if r["status"] == "ok"), mine[0]["command"])
        self._page(
            f"{stem}.html", "case.html", case, case=about,
            tables=case_pages.agreement_tables(mine),
            ids={o: f"agreement-{slug(o)}" for o in operators},
            pairs=list(case_pages.pair_tables(mine)),
            findings=self._findings(case, mine),
            commands=[cells.run_command(about["identifier"]), usual], curve=self._curve(case),
            **timed,
        )  # fmt: skip

    def _findings(self, case: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What its page tells first: nothing, where the page of failures tells it."""
        return []

    def _curve(self, case: str) -> dict[str, Any]:
        """The step curve of a case, and what it is of; nothing where none has an error."""
        if self.run.curves is None:
            return {}
        mine = self.run.curves[self.run.curves["case"] == case]
        if not mine["relative_error"].between(0.0, math.inf, inclusive="neither").any():
            return {}  # none was saved, or each step is exact
        first = mine.iloc[0]
        label = f"{case}: {first['operator']}, {first['element']} = {first['truth']:.8g}"
        about = {"label": label, "scheme": first["scheme"]}
        return {**about, "plot": plots.draw_curve(mine, f"Step curve of {label}")}

    def _timed(self, case: str) -> dict[str, Any]:
        nothing = {"plots": [], "timings": "", "exponents": ""}
        if self.run.timings is None:
            return nothing
        mine = self.run.timings[self.run.timings["case"] == case]
        if not (mine["derivative"] > 0).any():
            return nothing
        fitted = speed.exponents(mine)
        return {
            "plots": list(speed.case_plots(mine)),
            "timings": speed.timing_table(mine, f"{case}: what a derivative costs"),
            "exponents": to_html(fitted, "fitted exponents") if len(fitted) else "",
        }

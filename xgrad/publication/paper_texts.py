"""A paper's table as text: booktabs with notes, Markdown, and the same cells as data."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xgrad.errors import UsageError
from xgrad.publication.cells import cut
from xgrad.publication.tables import latex_text, markdown_text, to_markdown, write_text
from xgrad.telling import factor

if TYPE_CHECKING:
    import pandas as pd

DASH = "–"
RIGHT = ("agrees", "bounded")  # what has a time
ABSENT = ("not here", "unavailable")
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
TITLES = {
    "digits": "digits of agreement with the referee",
    "time": "time of one call",
    "ratio": "its ratio to that of the same framework's formula",
}
HEADS = {"digits": "digits", "time": "time", "ratio": "÷ formula"}
ZERO, NOISY = "°", "§"
LONGEST = 120  # characters of a reason in a note
NOTES = {  # what a mark says; symbols of verdicts are those of the site
    "✗": "wrong",
    "!": "failed",
    "≈": "right mathematics, lost digits",
    "~": "inconclusive: it could not be judged, and is neither right nor wrong",
    "?": "not judged: there is no referee",
    "±": "a kink, where no single derivative is right",
    ZERO: "the truth is zero, and has no digits to agree in",
    "≤": "differences that meet the truth within the bound that they claim: right",
    NOISY: "a noisy timing: interquartile range over 10%, or other processes on the core",
}
PLAIN = ("≤", NOISY)  # marks whose note says all


class Shown(NamedTuple):
    """What a cell shows: a number (or nothing), and marks beside it."""

    text: str
    marks: str = ""


class Made(NamedTuple):
    """Where verdicts and timings were made, on how many threads, and of how many seeds."""

    verdicts: str
    timings: str
    threads: str
    seeds: str


@dataclass(frozen=True)
class Line:
    """A case at one place; by method its verdict, and its timing if there is one."""

    case: str
    label: str
    operator: str
    size: str
    dtype: str
    device: str
    rows: dict[str, tuple[dict[str, Any], dict[str, Any] | None]]


@dataclass(frozen=True)
class PaperTable:
    """Cases × methods, each case with a line for each quantity.

    `alone` are timings that have no verdict in the runs.
    """

    lines: tuple[Line, ...]
    methods: tuple[str, ...]
    show: tuple[str, ...]
    names: dict[str, str]
    made: Made
    alone: tuple[dict[str, Any], ...]

    def __post_init__(self) -> None:
        told: dict[str, str] = {}
        for method in self.methods:
            other = told.setdefault(self._name(method), method)
            if other != method:
                raise UsageError(f"{self._name(method)!r} would name both {other} and {method}")

    def __str__(self) -> str:
        return self.markdown()

    def _repr_markdown_(self) -> str:
        return self.markdown()

    @property
    def caption(self) -> str:
        """What the numbers are, of what, and the commit, machine and versions on record."""
        title = ", ".join(TITLES[q] for q in self.show)
        same = [f"{k} {v}" if k == "size" else v for k, v in self._constant.items()]
        parts = [*same, self.made.seeds]
        what = f"{title[:1].upper()}{title[1:]}: {', '.join(filter(None, parts))}."
        medians = f"Times are medians, {self.made.threads}." if self.made.threads else ""
        return " ".join(filter(None, (what, medians, self._origin)))

    @property
    def _origin(self) -> str:
        """Commits, machines and versions on record; of timings apart where they differ."""
        verdicts, timings = self.made.verdicts, self.made.timings
        if self.show == ("digits",) or timings == verdicts:
            return verdicts
        return f"Verdicts: {verdicts} Timings: {timings}"

    @property
    def notes(self) -> list[str]:
        """What stands below: a note for each mark, and which rows had no number or no partner."""
        marks = [f"{mark} {text}" for mark, text in self._marked()]
        left_out = "; ".join(self._left_out())
        return [
            *marks,
            *([f"Without a number in these runs: {left_out}"] if left_out else []),
            *self.unpaired,
        ]

    @property
    def unpaired(self) -> list[str]:
        """The rows of one run that have no partner in the other, or one that says otherwise."""
        if self.show == ("digits",):
            return []
        none, apart = [], []
        for line in self.lines:
            pairs = {m: line.rows[m] for m in self.methods if m in line.rows}
            judged = {m: p for m, p in pairs.items() if p[0]["word"] not in ABSENT}
            lone = [self._name(m) for m, (_, timing) in judged.items() if timing is None]
            if lone:
                said = "every method" if len(lone) == len(judged) > 1 else ", ".join(lone)
                none.append(f"{self._place(line)} ({said})")
            for method, (row, timing) in judged.items():
                where = self._place(line, method)
                if timing is None:
                    continue
                if (row["word"] in RIGHT) != (timing["derivative"] > 0):
                    said = timing["verdict"] or timing["status"]
                    apart.append(f"{where} ({row['word']}, there {said})")
        lines: dict[str, list[str]] = {}
        for row in self.alone:
            place = [self._name(row[k]) for k in ("label", "operator", "size", "dtype", "device")]
            lines.setdefault(", ".join(place), []).append(self._name(row["method"]))
        alone = [f"{place} ({', '.join(methods)})" for place, methods in lines.items()]
        told = {
            "Judged, and in no run of timings": none,
            "Judged otherwise where it was timed, so that no time is shown": apart,
            "Timed, and in no run of verdicts, so that it is left out": alone,
        }
        return [f"{what}: {'; '.join(places)}" for what, places in told.items() if places]

    @property
    def frame(self) -> pd.DataFrame:
        """The same cells as data: a row for each case and method, times in seconds."""
        import pandas as pd

        origin = self._origin
        return pd.DataFrame(
            {
                "case": self._case(line),
                **{k: getattr(line, k) for k in ("operator", "size", "dtype", "device")},
                "method": self._name(method),
                **{q: self._value(q, line, method) for q in self.show},
                "verdict": row["word"],
                "note": _reason(row) if row["word"] != "agrees" else "",
                "made": origin,
            }
            for line in self.lines
            for method in self.methods
            if (row := line.rows.get(method, (None,))[0])
        )

    def latex(self, label: str = "tab:derivatives") -> str:
        """A booktabs table for \\input; its numbers stand at the decimal point."""
        heads = [latex_text(h) for h in self._heads]
        heads += [rf"\multicolumn{{2}}{{c}}{{{latex_text(self._name(m))}}}" for m in self.methods]
        body: list[str] = []
        for line in self.lines:
            body += [r"\addlinespace"] if body and len(self.show) > 1 else []
            for names, cells in self._grid(line):
                told = [_name_in_latex(n) for n in names] + [_in_latex(c) for c in cells]
                body.append(" & ".join(told) + r" \\")
        columns = "l" * len(self._heads) + "r@{}l" * len(self.methods)
        notes = [latex_text(note) for note in self.notes]
        below = [r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize\raggedright"]
        return "\n".join([
            r"% needs \usepackage{booktabs}",
            r"\begin{table}", r"\centering", rf"\caption{{{latex_text(self.caption)}}}",
            rf"\label{{{label}}}", rf"\begin{{tabular}}{{{columns}}}", r"\toprule",
            " & ".join(heads) + r" \\", r"\midrule", *body, r"\bottomrule", r"\end{tabular}",
            *([*below, *(f"{note}.\\par" for note in notes), r"\end{minipage}"] if notes else []),
            r"\end{table}", "",
        ])  # fmt: skip

    def markdown(self) -> str:
        """A pipe table below its caption and above its notes."""
        import pandas as pd

        heads = [*self._heads, *map(self._name, self.methods)]
        rows = [
            [*names, *(f"{c.text or DASH} {c.marks}".strip() for c in cells)]
            for line in self.lines
            for names, cells in self._grid(line)
        ]
        align = ["left"] * len(self._heads) + ["right"] * len(self.methods)
        parts = [markdown_text(self.caption), to_markdown(pd.DataFrame(rows, columns=heads), align)]
        notes = "\n".join(f"- {markdown_text(note)}." for note in self.notes)
        return "\n\n".join([*parts, *([notes] if notes else [])]) + "\n"

    def csv(self) -> str:
        """The same cells as data, with each one's verdict and note; empty where there is none."""
        return str(self.frame.to_csv(index=False))

    def save(self, *files: str | Path) -> list[Path]:
        """Write FILE.tex, .md or .csv; raises `UsageError` for another suffix."""
        paths = [Path(file) for file in files]
        texts = {
            ".tex": lambda path: self.latex(f"tab:{re.sub('[^A-Za-z0-9]', '-', path.stem)}"),
            ".md": lambda _: self.markdown(),
            ".csv": lambda _: self.csv(),
        }
        for path in paths:
            if path.suffix not in texts:
                raise UsageError(f"{path} is no table for a paper: name it .tex, .md or .csv")
        for path in paths:
            write_text(path, texts[path.suffix](path))
        return paths

    # --- names ----------------------------------------------------------------------------------

    def _name(self, name: str) -> str:
        return self.names.get(name, name)

    def _case(self, line: Line) -> str:
        if line.label in self.names:
            return self.names[line.label]
        return self._name(line.case) + line.label.removeprefix(line.case)

    @property
    def _constant(self) -> dict[str, str]:
        """What all lines have in common."""
        kinds = ("operator", "dtype", "device", "size")
        seen = {k: {getattr(line, k) for line in self.lines} for k in kinds}
        return {k: next(iter(v)) for k, v in seen.items() if len(v) == 1}

    @property
    def _varying(self) -> list[str]:
        return [k for k in ("operator", "size", "dtype", "device") if k not in self._constant]

    @property
    def _heads(self) -> list[str]:
        return ["case", *self._varying, *([""] if self.show != ("digits",) else [])]

    def _place(self, line: Line, method: str = "") -> str:
        told = [getattr(line, k) for k in self._varying]
        return ", ".join([self._case(line), *told, *([self._name(method)] if method else [])])

    # --- cells ----------------------------------------------------------------------------------

    def _grid(self, line: Line) -> Iterator[tuple[list[str], list[Shown]]]:
        """The lines of a case that have a number or a mark: its names, and a cell per method."""
        names = [self._case(line), *(getattr(line, k) for k in self._varying)]
        for quantity in self.show:
            unit = self._unit(line) if quantity == "time" else ""
            said = f"time ({unit})" if unit else HEADS[quantity]
            extra = [said] if self.show != ("digits",) else []
            cells = self._cells(quantity, line, unit)
            if any(cells):
                yield [*names, *extra], [cell or Shown("") for cell in cells]
                names = [""] * len(names)

    def _cells(self, quantity: str, line: Line, unit: str = "") -> list[Shown | None]:
        """A cell for each method, None where it would be a bare dash."""
        cells = (self._cell(quantity, line, method, unit) for method in self.methods)
        return [cell if any(cell) else None for cell in cells]

    def _left_out(self) -> Iterator[str]:
        """The lines that would be dashes alone, but for those that no run of timings has."""
        for line in self.lines:
            lacking = [q for q in self.show if not any(self._cells(q, line))]
            if len(lacking) == len(self.show):
                yield self._place(line)
                continue
            timed = any(timing for _, timing in line.rows.values())
            kept = [HEADS[q] for q in lacking if timed or q == "digits"]
            if kept:
                yield f"{self._place(line)} ({', '.join(kept)})"

    def _cell(self, quantity: str, line: Line, method: str, unit: str = "") -> Shown:
        if method not in line.rows:
            return Shown("")
        row, timing = line.rows[method]
        if quantity == "digits":
            return _digits(row)
        value = self._value(quantity, line, method)
        if timing is None or math.isnan(value):
            return Shown("")
        return Shown(factor(value / UNITS.get(unit, 1.0)), NOISY if timing["noisy"] else "")

    def _value(self, quantity: str, line: Line, method: str) -> float:
        """The number behind a cell, NaN where none was measured of a right method."""
        row, timing = line.rows.get(method, ({"digits": math.nan, "word": ""}, None))
        if quantity == "digits":
            return float(row["digits"]) if row.get("number") else math.nan
        if timing is None or row["word"] not in RIGHT or not timing["derivative"] > 0:
            return math.nan
        return float(timing["derivative" if quantity == "time" else "per_formula"])

    def _unit(self, line: Line) -> str:
        """The unit in which the middle one of the line's times is between 1 and 1000."""
        times = [t for m in self.methods if (t := self._value("time", line, m)) == t]
        if not times:
            return ""
        middle = statistics.median_low(times)
        return next((u for u, scale in UNITS.items() if middle >= 0.9995 * scale), "ns")

    # --- notes ----------------------------------------------------------------------------------

    def _marked(self) -> Iterator[tuple[str, str]]:
        """Each mark of the table with its note, and the dash."""
        told: dict[str, list[str]] = {}
        dash = False
        for line in self.lines:
            for quantity in self.show:
                cells = self._cells(quantity, line)
                for method, cell in zip(self.methods, cells, strict=True) if any(cells) else ():
                    dash |= not (cell and cell.text)
                    for mark in cell.marks if cell else "":
                        places = told.setdefault(mark, [])
                        if mark not in PLAIN:
                            reason = _reason(line.rows[method][0])
                            where = self._place(line, method)
                            places.append(f"{where} ({reason})" if reason else where)
        for mark, meaning in NOTES.items():
            if mark in told:
                yield mark, ": ".join(filter(None, (meaning, "; ".join(told[mark]))))
        if dash:
            yield DASH, "no number: not measured, or the method does not apply"


def _digits(row: dict[str, Any]) -> Shown:
    """Digits, and the verdict's mark where it is not plainly right."""
    mark = "" if row["word"] in ("agrees", *ABSENT) else row["symbol"]
    if row["number"] and not math.isnan(row["digits"]):
        return Shown(row["number"], mark)
    if row["number"] == "exact":
        return Shown(row["number"], mark)
    return Shown("", ZERO if row["word"] == "agrees" else mark)


def _reason(row: dict[str, Any]) -> str:
    """Why a cell has a mark, in a line."""
    if row["word"] == "agrees":
        return f"error {row['error']:.0e}"
    said = " ".join((row["hint"] or row["message"]).split())
    if not said and row["worst"] and row["word"] == "disagrees":
        said = f"{row['worst']}: got {row['got']:.5g}, want {row['want']:.5g}"
    failed = row["word"] if row["symbol"] == "!" else ""
    return cut(": ".join(filter(None, (failed, said))), LONGEST)


def _in_latex(cell: Shown) -> str:
    """A cell in two columns that meet at the decimal point."""
    mark = rf"\textsuperscript{{{latex_text(cell.marks)}}}" if cell.marks else ""
    if not cell.text[:1].isdigit() and not cell.text.startswith("-"):
        return rf"\multicolumn{{2}}{{c}}{{{latex_text(cell.text or DASH)}{mark}}}"
    whole, point, rest = cell.text.partition(".")
    return f"{whole} & {point}{rest}{mark}"


def _name_in_latex(name: str) -> str:
    """A name, which `\\\\` of the line above must not take for its star."""
    return f"{{}}{latex_text(name)}" if name.startswith("*") else latex_text(name)

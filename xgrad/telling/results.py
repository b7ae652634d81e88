"""Results as text, as a matrix and as a picture."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError, counted, unknown
from xgrad.judging import LEAST, VERDICTS
from xgrad.table import COLUMNS, Rows, records
from xgrad.telling.report import (
    LEGEND,
    SHOWN,
    WIDTH,
    cell_text,
    failure_text,
    grouped_failures,
    label_of,
    matrices,
    method_of,
    summarise,
)
from xgrad.telling.timings import TIMING_LEGEND, quantity, summarise_timings, timing_tables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from xgrad.running import Results

APART = ("point", "size", "dtype", "device", "seed", "threads")  # levels where they differ
MOST = 3000  # cells of a picture that have their text
GREY = ("#f3f4f1", "#5c656e")  # of what has no verdict


def rows_in(frame: pd.DataFrame) -> Rows | None:
    """The rows of a frame that holds verdicts or timings, nothing less and nothing more."""
    from xgrad.timing import TIMING_COLUMNS

    for columns in (COLUMNS, TIMING_COLUMNS):
        if frame.columns.is_unique and set(frame.columns) == {c.name for c in columns}:
            made = Rows(columns)
            try:
                made.add(records(frame))
            except (TypeError, ValueError):  # other values, as of a frame that was stacked
                return None
            return made
    return None


def are_timings(frame: pd.DataFrame) -> bool:
    """Whether rows are timings."""
    return "derivative" in frame


def failures_told(
    frame: pd.DataFrame, identifier: Callable[[str], str], least: float = LEAST
) -> list[str]:
    """What failed, alike once, the first ten in full; `identifier` has a case's by its name."""
    rows, grouped = records(frame), grouped_failures(frame, least)
    told = []
    for row, more in grouped[:SHOWN]:
        text = failure_text(row, rows, identifier(row["case"]))
        told.append(text + (f"\n  ({counted(more, 'more row')} alike)" if more else ""))
    if len(grouped) > SHOWN:
        hidden = counted(len(grouped) - SHOWN, "more failure")
        told.append(f"… and {hidden}, all in the rows")
    return told


def summary_of(frame: pd.DataFrame) -> list[str]:
    """The lines that a command ends with."""
    if are_timings(frame):
        return summarise_timings(frame, frame.attrs.get("environment", {}))
    return summarise(frame)


def results_text(results: Results) -> str:
    """What the terminal shows of the rows; nothing where they are no whole rows."""
    rows = rows_in(results)
    if not rows:
        return ""
    frame, width = rows.frame(), shutil.get_terminal_size((WIDTH, 24)).columns
    frame.attrs = results.attrs
    told: list[str] = []
    if are_timings(frame):
        tables, legend = timing_tables(frame), TIMING_LEGEND
    else:
        tables, legend = matrices(frame, width), LEGEND
        told = failures_told(frame, lambda case: _identifier(results, case))
    shown = [*(_printed(t, width) for t in tables), *([legend] if tables else [])]
    return "\n\n".join([*shown, *told, "\n".join(summary_of(frame))])


def _identifier(results: Results, name: str) -> str:
    """How the command line names a case of a file; nothing of what it cannot find."""
    found = results.subjects.get(name, ())
    return found[0].identifier if len(found) == 1 else ""


def _printed(table: Any, width: int) -> str:
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, width=width, highlight=False, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip("\n").split("\n"))


# --- as a matrix ---------------------------------------------------------------------------------


def mark_of(row: Mapping[str, Any]) -> str:
    """What a cell says: digits with the verdict's mark, or the time of what is right."""
    if "derivative" in row:
        return quantity(row["derivative"], "s") or row["verdict"] or row["status"]
    return cell_text(row)[0]


def results_matrix(results: pd.DataFrame, of: str | None = None) -> pd.DataFrame:
    """Cases down, methods across; raises `UsageError` for a column that is not there."""
    if of is not None and of not in results:
        raise unknown("column", of, map(str, results.columns))
    return _spread(results, (lambda row: row[of]) if of else mark_of, None if of else "")


def _spread(frame: pd.DataFrame, value: Callable[[Any], Any], empty: Any) -> pd.DataFrame:
    """One value of each row, by what tells the rows apart."""
    import pandas as pd

    from xgrad.timing import TIMING_COLUMNS

    columns = TIMING_COLUMNS if are_timings(frame) else COLUMNS
    lacking = [c.name for c in columns if c.name not in frame]
    if lacking:
        raise UsageError(f"a matrix needs whole rows; this frame lacks {', '.join(lacking)}")
    rows = [row for row in records(frame) if row["framework"]]
    several = [n for n in APART if len({row.get(n) for row in rows}) > 1 and n != "point"]
    keys = ["case", "operator", *several]
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = (label_of(row), *(row[name] for name in keys[1:]))
        lines.setdefault(place, {}).setdefault(method_of(row), value(row))
    methods = dict.fromkeys(method_of(row) for row in rows)
    table = [[line.get(m, empty) for m in methods] for line in lines.values()]
    index = pd.MultiIndex.from_tuples(list(lines), names=keys) if lines else None
    return pd.DataFrame(table, index=index, columns=pd.Index(methods, name="method"))


# --- as a picture --------------------------------------------------------------------------------


def results_picture(results: pd.DataFrame, axes: Axes | None = None) -> Axes:
    """The matrix in the colours of the verdicts."""
    marks = results_matrix(results)
    inks = _spread(results, _colours, ("#ffffff", "#ffffff")).to_numpy().tolist()
    height, width = marks.shape
    if not marks.size:
        raise UsageError("there are no rows of methods to draw")
    if axes is None:
        import matplotlib.pyplot as plt

        size = (3.2 + 0.75 * width, 1.6 + 0.24 * height)
        _, axes = plt.subplots(figsize=size, layout="constrained")
    from matplotlib.colors import to_rgb

    axes.imshow([[to_rgb(back) for back, _ in line] for line in inks], aspect="auto")
    for k, line in enumerate(marks.to_numpy() if marks.size <= MOST else ()):
        for j, text in enumerate(line):
            ink = inks[k][j][1]
            axes.text(j, k, text, color=ink, ha="center", va="center", fontsize=8)
    axes.set_xticks(range(width), marks.columns, rotation=40, ha="left", fontsize=8)
    axes.set_yticks(range(height), [" ".join(map(str, at)) for at in marks.index], fontsize=8)
    axes.set_xticks([k - 0.5 for k in range(1, width)], minor=True)
    axes.set_yticks([k - 0.5 for k in range(1, height)], minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0, top=False, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    return axes


def _colours(row: Mapping[str, Any]) -> tuple[str, str]:
    verdict = VERDICTS.get(row["verdict"])
    return verdict.day if verdict else GREY

"""Detection power beside other checkers: the saved counts as a page's tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from xgrad.errors import UsageError
from xgrad.publication.tables import to_html

if TYPE_CHECKING:
    import pandas as pd

RIGHT = "right"  # the mutant that is none
WHO = ["dtype", "checker", "setting"]
COUNTS = ["points", "felt", "below", "accused", "caught", "effective"]


def read_detection(file: Path) -> pd.DataFrame:
    """The counts of a file that `benchmarks/peers.py` wrote; raises `UsageError` for others."""
    import pandas as pd

    try:
        frame = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    if missing := sorted({*WHO, "function", "mutant", *COUNTS} - set(frame)):
        raise UsageError(
            f"{file} holds no detection counts, it lacks {', '.join(missing)}: "
            "benchmarks/peers.py writes them"
        )
    return frame


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """For each checker and setting: right gradients accused, mistakes caught and effective."""
    import pandas as pd

    lines = []
    for key, rows in frame.groupby(WHO, sort=False):
        right, wrong = rows[rows.mutant == RIGHT], rows[rows.mutant != RIGHT]
        felt = int(wrong.felt.sum())
        lines.append(
            {
                **dict(zip(WHO, key, strict=True)),
                "right ones accused": f"{int(right.accused.sum())} of {int(right.points.sum())}",
                "mistakes caught": f"{int(wrong.caught.sum())} of {felt}",
                "effective": f"{int(wrong.effective.sum())} of {felt}",
                "effective %": 100 * wrong.effective.sum() / felt if felt else float("nan"),
            }
        )
    return pd.DataFrame(lines)


def by_mistake(frame: pd.DataFrame, dtype: str) -> pd.DataFrame:
    """Percent of each kind of mistake that each checker at its best setting effectively catches."""
    import pandas as pd

    here = frame[(frame.dtype == dtype) & (frame.mutant != RIGHT)]
    counts = here.groupby(["checker", "setting", "mutant"], sort=False)[["effective", "felt"]].sum()
    totals = counts.groupby(["checker", "setting"], sort=False).sum()
    share = totals["effective"] / totals["felt"]
    best = share.groupby("checker", sort=False).idxmax()
    columns = {}
    for checker, setting in best:
        rows = counts.xs((checker, setting), level=("checker", "setting"))
        columns[f"{checker} ({setting})"] = 100 * rows["effective"] / rows["felt"]
    return pd.DataFrame(columns).reset_index(names="mistake")


def detection_page(frame: pd.DataFrame) -> dict[str, Any]:
    """What the template shows: the summary, and a table of mistakes for each dtype."""
    dtypes = list(dict.fromkeys(frame["dtype"]))
    return {
        "table": to_html(
            summary(frame), "all checkers and settings", formats={"effective %": _one}
        ),
        "mistakes": [(dtype, _mistakes(frame, dtype)) for dtype in dtypes],
        "functions": frame["function"].nunique(),
        "points": int(frame.loc[frame.mutant == RIGHT, "points"].max()),
    }


def _mistakes(frame: pd.DataFrame, dtype: str) -> Markup:
    found = by_mistake(frame, dtype)
    formats = {str(c): _whole for c in found.columns[1:]}
    return to_html(found, f"{dtype}: effective, in percent", formats=formats)


def _one(value: float) -> str:
    return "" if value != value else f"{value:.1f}"


def _whole(value: float) -> str:
    return "" if value != value else f"{value:.0f}"

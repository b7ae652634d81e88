"""What `run`, `check` and `time_cases` return: a pandas frame that shows and explains itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xgrad.problem import Case
    from xgrad.referee import Budget

TELLING = "xgrad.telling"  # how rows are told; a floor above, loaded when somebody looks at them


class Subject(NamedTuple):
    """What rows are of: enough to judge one of them again.

    `identifier` is how the command line names it; empty for a function at hand.
    """

    case: Case
    budget: Budget | None
    identifier: str


class Results(pd.DataFrame):
    """Rows of verdicts or timings: a pandas frame in every respect, and it shows what matters.

    A notebook shows the verdicts in colour, `print` the terminal's table; slices of a few columns,
    and frames with other columns, are shown by pandas. The frame holds on to its cases, and with
    them to functions and inputs at hand, so that rows can be explained; copies and parts of it do
    as well, a pickle or a file does not.
    """

    _metadata = ["_subjects"]  # noqa: RUF012  pandas reads the name
    _subjects: Mapping[str, tuple[Subject, ...]] = {}  # of none, until told

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        cases: Iterable[Case],
        budget: Budget | None,
        *,
        at_hand: bool = False,
    ) -> Results:
        """A frame with the cases that its rows are of; `at_hand` where they lie in no case file."""
        made, subjects = cls(frame), dict[str, tuple[Subject, ...]]()
        for case in cases:
            identifier = case.identifier if case.path and not at_hand else ""
            subject = Subject(case, budget, identifier)
            subjects[case.name] = (*subjects.get(case.name, ()), subject)
        object.__setattr__(made, "_subjects", subjects)
        return made

    @property
    def subjects(self) -> Mapping[str, tuple[Subject, ...]]:
        """What rows are of, by the column `case`; a function and what it is a port of share one."""
        return self._subjects

    # --- looked at -------------------------------------------------------------------------------

    def __str__(self) -> str:
        return str(import_module(TELLING).results_text(self) or super().__str__())

    def _repr_html_(self) -> str | None:
        shown = pd.get_option("display.notebook_repr_html")
        html: str = import_module(TELLING).results_html(self) if shown else ""
        return html or super()._repr_html_()  # type: ignore[misc]

    def explain(self, row: Any) -> Any:
        """A row in detail, by its label in the index or its position: judged again, here.

        What `xgrad explain` prints; a notebook draws the step curve below it. Raises `UsageError`
        where there is no such row, or where what it is of is gone.
        """
        return import_module(TELLING).explain_row(self, row)

    def matrix(self, of: str | None = None) -> pd.DataFrame:
        """Cases down, methods across: what the terminal's table says, or the column `of`.

        Where dtypes, sizes, points, devices or seeds differ they are levels of the index.
        """
        return import_module(TELLING).results_matrix(self, of)

    def picture(self, ax: Axes | None = None) -> Axes:
        """The matrix as a picture in the colours of the verdicts, drawn as pandas draws plots.

        `plot` is pandas' own, and stays so.
        """
        return import_module(TELLING).results_picture(self, ax)

    # --- handed on -------------------------------------------------------------------------------

    @property
    def _constructor(self) -> Callable[..., Results]:
        return Results

    def __finalize__(self, other: Any, method: str | None = None, **kwargs: Any) -> Results:
        made: Results = super().__finalize__(other, method, **kwargs)  # type: ignore[misc]
        joined = getattr(other, "input_objs", None) or getattr(other, "objs", None) or ()
        parts = [f._subjects for f in joined if isinstance(f, Results)]
        if parts:
            every = {
                name: tuple(dict.fromkeys(s for part in parts for s in part.get(name, ())))
                for name in dict.fromkeys(name for part in parts for name in part)
            }
            object.__setattr__(made, "_subjects", every)
        return made

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {k: v for k, v in state.items() if k != "_subjects"}  # functions do not pickle

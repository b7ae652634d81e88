"""Who watches a run in this process: the notebook that it is called in, if there is one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from xgrad.running.costs import Costs, Estimate

if TYPE_CHECKING:
    from xgrad.running.planning import Cell
    from xgrad.running.workers import Ended

TELLING = "xgrad.telling"  # a floor above, loaded where somebody looks


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def watched(
    cells: Sequence[Cell], lanes: int | None = 0, *, known: bool = True
) -> Iterator[tuple[Callable[[int, str], None], Estimate | None]]:
    """What is told of cells done and of what goes on, which a notebook shows as a bar.

    With it the estimate of the time left, to be told of the cells that ended; none of cells that
    are not `known`: they are of functions at hand.
    """
    if not in_notebook():
        yield (lambda done, text: None), None
        return
    estimate = Estimate(Costs.here(), cells, lanes) if known else None
    with import_module(TELLING).notebook_progress(len(cells), estimate) as tell:
        yield tell, estimate


def followed(
    done: Iterable[Ended],
    cells: Sequence[Cell],
    lanes: int | None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[Ended]:
    """Cells as they end, told to `progress`, or to the notebook where there is none."""
    if progress is not None:
        for k, ended in enumerate(done, start=1):
            yield ended
            progress(k, len(cells), ended.cell.case)
        return
    with watched(cells, lanes) as (tell, estimate):
        for k, ended in enumerate(done, start=1):
            yield ended
            if estimate is not None:
                estimate.add(ended)
            tell(k, f"{ended.cell.case} {ended.cell.size} {ended.cell.dtype}")

"""Sizes as a ladder: the power of the number of inputs with which a method's time grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xgrad.timing.spread import exponent

if TYPE_CHECKING:
    import pandas as pd

SAME = ("case", "point", "operator", "framework", "technique", "device", "dtype", "seed", "threads")
FITTED = (*SAME, "sizes", "smallest", "largest", "exponent", "exponent_low", "exponent_high")


def fit_exponents(frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each method that was timed at three numbers of inputs or more.

    `exponent` is p of seconds ≈ c·inputsᵖ, with the ends of its 95% interval; `smallest` and
    `largest` are numbers of inputs. A wide interval says that no single power fits, as where the
    overhead of calls ends within the ladder.
    """
    import pandas as pd

    rows = []
    timed = frame[frame["derivative"] > 0]
    for key, part in timed.groupby(list(SAME), sort=False):
        inputs = part["inputs"]
        if inputs.nunique() < 3:
            continue
        found = exponent(inputs.tolist(), part["derivative"].tolist())
        ends = int(inputs.min()), int(inputs.max())
        rows.append((*key, inputs.nunique(), *ends, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=list(FITTED))

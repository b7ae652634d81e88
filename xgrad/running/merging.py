"""The rows of several runs in one folder, such as those of its shards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.running.census import CENSUS_COLUMNS
from xgrad.running.curves import CURVE_COLUMNS, CURVES
from xgrad.running.description import join_cases
from xgrad.running.storage import RunFolder, write_text
from xgrad.table import PLACE, read_frame, write_frame

if TYPE_CHECKING:
    import pandas as pd


def merge(folders: Sequence[Path], made: RunFolder) -> tuple[pd.DataFrame, tuple[Any, Any]]:
    """The rows of several runs in a new folder, a cell that several hold once.

    What pages tell of the cases, and step curves, come along. Raises `UsageError` for a folder
    without saved cells, or rows.
    """
    import pandas as pd

    frames = [read_frame(folder) for folder in folders]
    whole = pd.concat(frames, ignore_index=True).drop_duplicates(
        subset=list(PLACE), ignore_index=True
    )
    out = made.path
    write_text(out / "sources.json", json.dumps([str(f) for f in folders], indent=2) + "\n")
    join_cases(folders, out)
    files = [folder / f"{CURVES}.parquet" for folder in folders]
    if curves := [pd.read_parquet(file) for file in files if file.exists()]:
        joined = pd.concat(curves, ignore_index=True).drop_duplicates(ignore_index=True)
        write_frame(joined, out, CURVE_COLUMNS, CURVES)
    return whole, made.close(whole, CENSUS_COLUMNS)

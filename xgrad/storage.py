"""A run's folder: its cells as they end, its rows as tables, the environment they ran in."""

from __future__ import annotations

import datetime
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from xgrad import environment
from xgrad.errors import UsageError
from xgrad.table import write_frame

if TYPE_CHECKING:
    import pandas as pd

    from xgrad.planning import Cell, Row

CELLS, ENVIRONMENT = "cells.jsonl", "environment.json"


class RunFolder:
    """Rows on disk as soon as their cell ends, so that a broken run goes on where it stopped."""

    def __init__(self, path: Path, *, resume: bool):
        """Open a folder; raises `UsageError` where it cannot be written or holds another run."""
        self.path = path
        self._require_writable()
        if (path / CELLS).exists() and not resume:
            raise UsageError(f"{path} holds a run already: add --resume, or choose another --out")
        self._end_torn_line()

    def _end_torn_line(self) -> None:
        """Keep the next record apart from one that was cut off in the middle."""
        file = self.path / CELLS
        if file.exists() and not file.read_bytes().endswith(b"\n"):
            with file.open("a") as opened:
                opened.write("\n")

    def _require_writable(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            if self.path.exists() and not self.path.is_dir():
                raise UsageError(f"--out {self.path} is a file: name a folder") from None
            raise UsageError(
                f"--out {self.path} cannot be written ({error.strerror}): choose another folder"
            ) from None

    def finished(self) -> dict[str, list[Row]]:
        """The rows of the cells that ended, by the cell's key; a torn last line is left out."""
        found: dict[str, list[Row]] = {}
        file = self.path / CELLS
        for line in file.read_text().splitlines() if file.exists() else []:
            try:
                record = json.loads(line)
                found[record["cell"]] = record["rows"]
            except (json.JSONDecodeError, KeyError, TypeError):
                continue
        return found

    def add(self, cell: Cell, rows: list[Row]) -> None:
        """Append one cell's rows."""
        with (self.path / CELLS).open("a") as file:
            file.write(json.dumps({"cell": cell.key, "rows": rows}) + "\n")

    def close(self, frame: pd.DataFrame) -> tuple[Path, Path]:
        """Write the tables and the environment; returns the paths of the Parquet and CSV files."""
        text = json.dumps(environment.describe(), indent=2) + "\n"
        (self.path / ENVIRONMENT).write_text(text)
        return write_frame(frame, self.path)


def new_folder(root: Path = Path("results/runs")) -> Path:
    """`<date>-<commit>` below the root, numbered where it is taken."""
    name = f"{datetime.date.today():%Y-%m-%d}-{environment.commit().rstrip('+') or 'none'}"
    path, k = root / name, 2
    while path.exists():
        path, k = root / f"{name}-{k}", k + 1
    return path

"""A run's folder: its cells as they end, its rows as tables, the environment they ran in."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import weakref
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError, counted
from xgrad.running.environment import describe_machine, find_commit
from xgrad.table import COLUMNS, Column, write_frame

if TYPE_CHECKING:
    import pandas as pd

    from xgrad.running.planning import Cell, Row

CELLS, ENVIRONMENT, LOCK = "cells.jsonl", "environment.json", ".lock"


def make_record(cell: Cell, rows: list[Row]) -> bytes:
    """A cell that ended, as one line of JSON with a checksum."""
    text = json.dumps({"cell": cell.key, "rows": rows})
    return f'{text[:-1]}, "crc": {zlib.crc32(text.encode())}}}'.encode()


def read_record(line: bytes) -> tuple[str, list[Row]] | None:
    """The cell's key and its rows; None for what is torn or damaged."""
    try:
        record = json.loads(line)
        crc = record.pop("crc", None)  # which older versions did not write
        if crc is not None and crc != zlib.crc32(json.dumps(record).encode()):
            return None
        key, rows = record["cell"], record["rows"]
        return (key, rows) if all(r.keys() >= {"case", "dtype"} for r in rows) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class RunFolder:
    """Rows on disk as soon as their cell ends, so that a broken run goes on where it stopped."""

    def __init__(self, path: Path, *, resume: bool):
        """Open a folder; raises `UsageError` where it cannot be written or holds another run."""
        self.path = path
        self._require_writable()
        self.release: Callable[[], Any] = _nothing
        self._lock()
        if (path / CELLS).exists() and not resume:
            raise UsageError(f"{path} holds a run already: add --resume, or choose another --out")
        self._end_torn_line()

    @property
    def name(self) -> str:
        """How messages and commands name it."""
        return str(self.path)

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
        """The rows of the cells that ended, by the cell's key; a damaged line is left out."""
        file = self.path / CELLS
        lines = file.read_bytes().split(b"\n") if file.exists() else []
        return dict(filter(None, map(read_record, lines)))

    def add(self, cell: Cell, rows: list[Row]) -> None:
        """Append one cell's rows, safe when it returns; raises `UsageError` for a full disk."""
        file = self.path / CELLS
        try:
            with file.open("ab") as opened:
                opened.write(make_record(cell, rows) + b"\n")
                opened.flush()
                os.fsync(opened.fileno())
        except OSError as error:
            safe = counted(len(self.finished()), "cell")
            raise UsageError(
                f"{file} cannot be written ({error.strerror}): {safe} of this run are safe there; "
                f"make room and go on with --out {self.path} --resume"
            ) from None

    def _lock(self) -> None:
        """Keep other runs out while this object lives; raises `UsageError` where one is in."""
        try:
            import fcntl
        except ImportError:  # a system without such locks
            return
        held = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
            raise UsageError(
                f"another run is writing to {self.path}: wait for its end, or choose another --out"
            ) from None
        self.release = weakref.finalize(self, _unlock, held, self.path / LOCK)  # lets others in

    def close(
        self, frame: pd.DataFrame, columns: Sequence[Column] = COLUMNS, *, load: bool = True
    ) -> tuple[Path, Path]:
        """Write tables and environment, let others in; returns the paths of Parquet and CSV.

        Without `load` no framework is loaded to tell of itself.
        """
        machine = describe_machine(load=load)
        write_text(self.path / ENVIRONMENT, json.dumps(machine, indent=2) + "\n")
        paths = write_frame(frame, self.path, columns)
        self.release()
        return paths


def _nothing() -> None:
    """Where there is no lock."""


def _unlock(held: int, file: Path) -> None:
    file.unlink(missing_ok=True)
    os.close(held)


def write_text(path: Path, text: str) -> None:
    """The whole file or none."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)


def require_types(found: Any, types: Mapping[str, type | tuple[type, ...]], path: Path) -> None:
    """Raise `UsageError` where a file holds something of another type than xgrad writes there."""
    if not isinstance(found, dict):
        raise UsageError(f"{path} was not written by xgrad: {found!r:.40} has no names")
    for name, kind in types.items():
        if name in found and not isinstance(found[name], kind):
            raise UsageError(
                f"{path} was not written by xgrad: {name} is {type(found[name]).__name__}"
            )


def read_environment(folder: Path) -> dict[str, Any]:
    """Where a saved run was made, nothing where it does not say; raises `UsageError`."""
    file = folder / ENVIRONMENT
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    require_types(found, dict.fromkeys(("versions", "variables", "frameworks"), dict), file)
    for framework in found.get("frameworks", {}).values():
        require_types(framework, {"devices": list, "flags": dict}, file)
    return dict(found)


def new_folder(root: Path) -> Path:
    """`<date>-<commit>` below the root, numbered where it is taken."""
    name = f"{datetime.date.today():%Y-%m-%d}-{find_commit().rstrip('+') or 'none'}"
    path, k = root / name, 2
    while path.exists():
        path, k = root / f"{name}-{k}", k + 1
    return path

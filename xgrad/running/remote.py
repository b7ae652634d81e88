"""A run's folder on a file system that fsspec knows, such as s3://bucket/run."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgrad.errors import UsageError, install_word
from xgrad.running.storage import RunFolder, make_record, read_record
from xgrad.table import COLUMNS, Column

if TYPE_CHECKING:
    import pandas as pd

    from xgrad.running.planning import Cell, Row

CELLS = "cells"  # a folder with one file for each cell: such systems cannot append


def is_url(place: str | Path) -> bool:
    """Whether a place is a URL rather than a path."""
    return isinstance(place, str) and "://" in place


class RemoteFolder(RunFolder):
    """Each cell is a file of its own as soon as it ends; tables are written here and copied.

    Object stores have no locks: two runs into one place do cells twice, and lose none.
    """

    def __init__(self, url: str, *, resume: bool):
        """Open a folder; raises `UsageError` where it cannot be written or holds another run."""
        self._files, self._root = _file_system(url)
        self._url = url.rstrip("/")
        staging = Path(tempfile.mkdtemp(prefix="xgrad-"))
        self._clean = weakref.finalize(self, shutil.rmtree, staging, ignore_errors=True)
        super().__init__(staging, resume=False)
        with _told(f"--out {url} cannot be written"):
            self._files.makedirs(f"{self._root}/{CELLS}", exist_ok=True)
            self._files.pipe_file(f"{self._root}/.writable", b"")
            self._files.rm_file(f"{self._root}/.writable")
        if self._saved() and not resume:
            raise UsageError(f"{url} holds a run already: add --resume, or choose another --out")

    def _lock(self) -> None:
        """None: the folder here is nobody else's, and the place there has no locks."""

    @property
    def name(self) -> str:
        """The URL."""
        return self._url

    def _saved(self) -> list[str]:
        with _told(f"{self._url} cannot be read"):
            self._files.invalidate_cache()
            return sorted(self._files.glob(f"{self._root}/{CELLS}/*.json"))

    def finished(self) -> dict[str, list[Row]]:
        """The rows of the cells that ended, by the cell's key; a damaged file is left out."""
        return dict(filter(None, (read_record(self._files.cat_file(f)) for f in self._saved())))

    def add(self, cell: Cell, rows: list[Row]) -> None:
        """Write one cell's rows, safe when it returns."""
        name = hashlib.sha256(cell.key.encode()).hexdigest()
        with _told(f"{self._url} cannot be written; what ended is safe there, go on with --resume"):
            self._files.pipe_file(f"{self._root}/{CELLS}/{name}.json", make_record(cell, rows))

    def close(
        self, frame: pd.DataFrame, columns: Sequence[Column] = COLUMNS, *, load: bool = True
    ) -> tuple[Any, Any]:
        """Copy tables, environment and what pages tell; returns the URLs of Parquet and CSV."""
        tables = super().close(frame, columns, load=load)
        with _told(f"{self._url} cannot be written; the cells are safe there, go on with --resume"):
            for file in sorted(self.path.iterdir()):
                self._files.put_file(str(file), f"{self._root}/{file.name}")
        parquet, csv = (f"{self._url}/{file.name}" for file in tables)
        self._clean()
        return parquet, csv


@contextmanager
def fetched(places: tuple[str | Path, ...]) -> Iterator[tuple[Path, ...]]:
    """The folders of runs as local ones: what lies at a URL is copied for as long as it is used."""
    with tempfile.TemporaryDirectory(prefix="xgrad-") as folder:
        yield tuple(
            _copy(str(place), Path(folder, str(k))) if is_url(place) else Path(place)
            for k, place in enumerate(places)
        )


def _copy(url: str, folder: Path) -> Path:
    """The files of a run at a URL, without its cells."""
    files, root = _file_system(url)
    folder = folder / root.rstrip("/").rpartition("/")[2]  # whose name may have the date
    folder.mkdir(parents=True)
    with _told(f"{url} cannot be read"):
        for file in files.find(root, maxdepth=1):
            name = Path(file).name
            files.get_file(file, str(folder / name))
    if not any(folder.iterdir()):
        raise UsageError(f"no saved rows in {url}: give a folder that xgrad run wrote")
    return folder


def _file_system(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError(
            f"{url} needs fsspec, which is not installed: pip install {install_word('cluster')}"
        ) from None
    try:
        files, root = url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:
        raise UsageError(f"{url} cannot be opened: {error}") from None
    return files, str(root).rstrip("/")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever a file system raises as a `UsageError`: each has errors of its own."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{what} ({type(error).__name__}: {error})") from None

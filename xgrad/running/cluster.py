"""Cells on a Dask cluster: cases travel as their files, rows come back as cells end."""

from __future__ import annotations

import hashlib
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING

from xgrad.errors import UsageError, install_word
from xgrad.running.environment import find_version
from xgrad.running.planning import Cell, Row
from xgrad.running.workers import CRASHED, Job, Limits, Pool, Work
from xgrad.techniques import ERROR

if TYPE_CHECKING:
    from distributed import Client, Future

WAIT = 60.0  # seconds for a scheduler to answer, and for its first worker
LOOK = 2.0  # seconds without a cell that ends, after which the cluster is looked at
LOST = 300.0  # seconds without any worker, after which a run ends
AHEAD = 4  # cells on their way for each thread of the cluster: more would only fill the scheduler
AGAIN = 25  # times that a cell is given away; Dask counts a lost worker against all its cells
GPU = "GPU"  # the Dask resource of a worker that has one


@dataclass(frozen=True)
class Cluster:
    """The address of a Dask scheduler, and the TLS files that it asks for."""

    address: str
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


def do_on_cluster(
    work: Work, cells: Sequence[Cell], cluster: Cluster, limits: Limits | None = None
) -> Iterator[tuple[Cell, list[Row]]]:
    """Do some work at cells on a cluster, and yield the rows of each cell as it ends.

    Each thread of a Dask worker keeps a process of its own for the cells, with the time and memory
    limits of a local run. Cells of workers that are lost are done again. Raises `UsageError` where
    the scheduler does not answer, has no worker, or goes away.
    """
    with connected(cluster) as client:
        try:
            yield from _Run(client, work, limits or Limits()).rows(cells)
        except OSError as error:
            raise UsageError(
                f"the cluster at {cluster.address} went away ({error}): what ended is safe"
            ) from None


@contextmanager
def connected(cluster: Cluster) -> Iterator[Client]:
    """A client of a cluster that has workers."""
    try:
        from distributed import Client
        from distributed.security import Security
    except ImportError:
        raise UsageError(
            f"a scheduler needs Dask, which is not installed: pip install {install_word('cluster')}"
        ) from None
    files = {
        "tls_ca_file": cluster.tls_ca,
        "tls_client_cert": cluster.tls_cert,
        "tls_client_key": cluster.tls_key,
    }
    given = {name: str(file) for name, file in files.items() if file is not None}
    try:
        security = Security(require_encryption=True, **given) if given else None
        client = Client(cluster.address, timeout=WAIT, security=security, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise UsageError(f"no Dask scheduler answers at {cluster.address} ({said})") from None
    try:
        _require_workers(client, cluster.address)
        yield client
    finally:
        client.close()


def _require_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WAIT)
    except TimeoutError:
        raise UsageError(
            f"the scheduler at {address} has no worker after {WAIT:g} s: dask worker {address}"
        ) from None


class _Run:
    """The cells of one run on their way through a cluster."""

    def __init__(self, client: Client, work: Work, limits: Limits):
        self.client, self.work, self.limits = client, work, limits
        self.files: dict[str, Future] = {}
        self.given: dict[str, int] = {}  # how often a cell was given away
        self.seen = time.monotonic()  # when there was a worker

    def rows(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, list[Row]]]:
        """The rows of each cell as it ends; no more cells are on their way than threads can use."""
        waiting, pending = iter(cells), {}
        ended: Queue[Future] = Queue()

        def give(cell: Cell | None) -> None:
            if cell is not None:
                future = self._submitted(cell)
                pending[future.key] = cell
                future.add_done_callback(ended.put)

        for _ in range(AHEAD * max(1, sum(self.client.nthreads().values()))):
            give(next(waiting, None))
        while pending:
            future = self._next(ended)
            cell = pending.pop(future.key)
            found = self._result(future, cell)
            if found is None:
                give(cell)
                continue
            yield cell, found
            give(next(waiting, None))

    def _next(self, ended: Queue[Future]) -> Future:
        """The next cell that ends."""
        while True:
            try:
                return ended.get(timeout=LOOK)
            except Empty:
                self._require_anybody()

    def _require_anybody(self) -> None:
        """Raise where nobody is left to do the cells, and has not been for a long time."""
        self._require_scheduler()
        now = time.monotonic()
        if self.client.nthreads():
            self.seen = now
        elif now - self.seen > LOST:
            raise UsageError(
                f"the cluster has had no worker for {LOST:g} s: what ended is safe; start workers "
                "and go on with --resume"
            )

    def _require_scheduler(self) -> None:
        if self.client.status != "running":
            raise OSError(f"its scheduler is gone: the client is {self.client.status}")

    def _gathered(self, future: Future) -> list[Row]:
        """What a cell returned, which is made again where its worker was lost before it told."""
        while True:
            try:
                return list(future.result(timeout=LOOK))
            except TimeoutError as error:
                if future.status == "error":  # it is the task's own
                    raise RuntimeError(f"TimeoutError: {error}") from None
                self._require_anybody()

    def _submitted(self, cell: Cell) -> Future:
        self.given[cell.key] = self.given.get(cell.key, 0) + 1
        resources = {GPU: 1} if self._needs_gpu(cell) else None
        return self.client.submit(
            done, self.work, self._file(cell.path), cell, self.limits, find_version(),
            pure=False, resources=resources,
        )  # fmt: skip

    def _needs_gpu(self, cell: Cell) -> bool:
        """Whether a worker with a GPU must take it, where any worker says that it has one."""
        return cell.device.startswith("cuda") and self._some_gpu

    @cached_property
    def _some_gpu(self) -> bool:
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return any(GPU in w.get("resources", {}) for w in workers)

    def _file(self, path: str) -> Future:
        """A case file on the cluster, as a task, so that a lost one is made again."""
        if path not in self.files:
            data = Path(path).read_bytes()
            key = f"xgrad-{hashlib.sha256(data).hexdigest()[:24]}-{Path(path).name}"
            self.files[path] = self.client.submit(CaseFile, Path(path).name, data, key=key)
        return self.files[path]

    def _result(self, future: Future, cell: Cell) -> list[Row] | None:
        """The rows of a cell; None where its worker was lost and it is to be done again."""
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        try:
            return self._gathered(future)
        except (KilledWorker, CancelledError) as error:
            self._require_scheduler()
            if self.given[cell.key] < AGAIN:
                return None
            said = f"its worker was lost {AGAIN} times: {error}"
            return [{**cell.place, "status": CRASHED, "message": said}]
        except OtherVersion as error:
            raise UsageError(f"{error} and this is {find_version()}: install one version") from None
        except ModuleNotFoundError as error:
            raise UsageError(
                f"a worker of the cluster has not all that this needs ({error}): "
                f"install xgrad {find_version()} there"
            ) from None
        except (OSError, UsageError):
            raise
        except Exception as error:
            said = f"the cluster could not do it: {type(error).__name__}: {error}"
            return [{**cell.place, "status": ERROR, "message": said}]


# --- on the cluster ------------------------------------------------------------------------------


@dataclass(frozen=True)
class CaseFile:
    """A case file by value."""

    name: str
    data: bytes


class OtherVersion(Exception):
    """A worker has another xgrad than who asks it."""


def done(work: Work, file: CaseFile, cell: Cell, limits: Limits, version: str) -> list[Row]:
    """The rows of a cell, judged in the process that this thread keeps."""
    if version != find_version():
        from distributed import get_worker

        raise OtherVersion(f"the worker {get_worker().address} has xgrad {find_version()}")
    here = replace(cell, path=str(_unpacked(file)))
    (ended,) = _pool(limits).do(work, [Job(here)])
    return ended.rows


@lru_cache(maxsize=256)
def _unpacked(file: CaseFile) -> Path:
    """The file on this machine, in a folder that ends with the worker."""
    digest = hashlib.sha256(file.data).hexdigest()[:24]
    path = Path(_folder().name, digest, file.name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(file.data)
    return path


@lru_cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="xgrad-")


_LOCAL = threading.local()


def _pool(limits: Limits) -> Pool:
    """The pool of this thread: one process that stays for the next cell."""
    # Dask's worker is a daemon, which may have no children; ours end with it all the same
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    if getattr(_LOCAL, "limits", None) != limits:
        if hasattr(_LOCAL, "pool"):
            _LOCAL.pool.stop()
        _LOCAL.limits, _LOCAL.pool = limits, Pool(1, limits)
    pool: Pool = _LOCAL.pool
    return pool

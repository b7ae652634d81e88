"""Programs that JAX compiled, kept on disk: one that was met before is read, not compiled again.

JAX's own persistent cache, which goes by the program, the compiler and its options, so that what is
read is what would be compiled. Where its users have one, or have switched it off
(`JAX_ENABLE_COMPILATION_CACHE=false`), theirs stands. JAX writes its files in place; here processes
share a folder, so that each is written whole or not at all.

Source: docs.jax.dev/en/latest/persistent_compilation_cache.html.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from xgrad.numbers import cache_root, write_whole

LARGEST = 500e6  # bytes in the folder; where it holds more, those written first are deleted
# Everything is kept: small programs are what a check compiles.
_ALL = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


@contextmanager
def kept_programs() -> Iterator[None]:
    """Compiling is reading inside of this block, where it can be; afterwards all is as before."""
    import jax
    from jax._src import compilation_cache as theirs

    config = jax.config
    has_one = config.jax_compilation_cache_dir or not config.jax_enable_compilation_cache
    kept = None if has_one or jax.default_backend() != "cpu" else _kept(cache_root())
    if kept is None:
        yield
        return
    ours = {"jax_compilation_cache_dir": str(kept._path), **_ALL}
    before = {name: getattr(config, name) for name in ours}
    for name, value in ours.items():
        config.update(name, value)
    theirs.reset_cache()
    theirs._cache = kept
    try:
        yield
    finally:
        for name, value in before.items():
            config.update(name, value)
        theirs.reset_cache()


class Kept:
    """A folder of compiled programs, as JAX asks for them: by a key."""

    def __init__(self, folder: Path):
        self._path = folder
        self._is_shrunk = False

    def get(self, key: str) -> bytes | None:
        """None of what is not there."""
        with suppress(OSError):
            return (self._path / key).read_bytes()
        return None

    def put(self, key: str, value: bytes) -> None:
        """Whole or not at all, also where others write the same; who writes first makes room."""
        if not self._is_shrunk:
            self._is_shrunk = True
            self.shrink()
        write_whole(self._path / key, value)

    def shrink(self) -> None:
        """Delete what was written first, where there is too much."""
        files = []
        with os.scandir(self._path) as entries:
            for entry in entries:
                with suppress(OSError):  # another process deleted it
                    files.append((entry.stat().st_mtime, entry.stat().st_size, entry.path))
        left = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if left <= LARGEST:
                return
            Path(file).unlink(missing_ok=True)
            left -= size


@cache
def _kept(root: Path) -> Kept | None:
    """What is kept below a folder; None where it cannot be written."""
    with suppress(OSError):
        folder = root / "xgrad" / _about()
        folder.mkdir(parents=True, exist_ok=True)
        return Kept(folder)
    return None


def _about() -> str:
    """The version and the machine: a program for one processor does not run on each other."""
    import jaxlib

    machine = hashlib.sha256(f"{platform.machine()} {_processor()}".encode()).hexdigest()[:12]
    return f"jaxlib-{jaxlib.__version__}-{machine}"


def _processor() -> str:
    """What instructions it has, as far as the system tells."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return platform.processor()

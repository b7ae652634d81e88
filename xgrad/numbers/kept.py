"""Files of what was compiled, which processes of a machine share."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def cache_root() -> Path:
    """The folder of the user's caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def write_whole(file: Path, content: bytes) -> None:
    """Whole or not at all, also where others write the same, or nothing can be written."""
    with suppress(OSError), tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as new:
        new.write(content)
        new.close()
        Path(new.name).replace(file)

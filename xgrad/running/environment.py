"""Where a run happened: versions, processor, devices, threads, flags."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from xgrad.errors import Unavailable
from xgrad.frameworks import OPTIONAL, Framework, frameworks

PACKAGES = ("xgrad", "numpy", "scipy", "pandas", "array-api-compat", "python-flint", "numba",
            "torch", "jax", "jaxlib", "ml_dtypes", *OPTIONAL, "tensorflow-cpu")  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "XLA_FLAGS", "JAX_PLATFORMS",
           "CUDA_VISIBLE_DEVICES")  # fmt: skip


@dataclass(frozen=True)
class Presence:
    """One framework on this machine, or what to install for it."""

    name: str
    version: str
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    flags: dict[str, str]
    remedy: str


def look_at(framework: Framework) -> Presence:
    """What a framework says of itself; a broken installation is told, not raised."""
    try:
        framework.require()
        return Presence(
            framework.name,
            framework.version(),
            framework.devices(),
            framework.dtypes,
            framework.flags(),
            "",
        )
    except Unavailable as reason:
        return Presence(framework.name, "", (), (), {}, str(reason))
    except Exception as error:
        said = f"{framework.name} is installed and does not load: {type(error).__name__}: {error}"
        return Presence(framework.name, framework.version(), (), (), {}, said)


def find_devices(methods: Collection[str] | None = None) -> tuple[str, ...]:
    """Every kind of device that a framework of these methods (default: any) sees, the CPU first.

    Methods are names or patterns; a framework that runs none of them is not loaded for it.
    """
    asked = [method.partition(".")[0] for method in methods or ("*",)]
    own = [f for name, f in frameworks(asked).items() if any(fnmatchcase(name, a) for a in asked)]
    seen = [d for f in own for d in look_at(f).devices if ":" not in d]
    return tuple(dict.fromkeys(["cpu", *seen]))


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def find_commit(folder: Path | None = None) -> str:
    """The short commit of a folder's checkout, with + where it is changed; empty outside one."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=7", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_version(package: str = "xgrad") -> str:
    """The installed version of a package, empty where it is not installed (a bare checkout)."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def describe_machine(*, load: bool = True) -> dict[str, Any]:
    """All of it, as plain data: nothing else of the process's environment is recorded.

    Without `load` only frameworks that are loaded tell of their devices.
    """
    seen = [look_at(f) for f in frameworks().values() if load or f.package in sys.modules]
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "versions": {package: find_version(package) for package in PACKAGES},
        "variables": {k: os.environ[k] for k in THREADS if k in os.environ},
        "frameworks": {p.name: {"devices": list(p.devices), "flags": p.flags} for p in seen},
        "commit": find_commit(),
    }

"""The optional parts of an installation: what each brings, what is missing, how to get it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from xgrad.errors import install_word
from xgrad.running.environment import find_version

NAME = re.compile(r"[\w.-]+")  # at the start of a requirement
BRINGS = {
    "torch": "PyTorch: autograd, its modules and operations",
    "jax": "JAX: grad, jvp, custom rules",
    "compiled": "compiled loops of numbers in double-double (numba), in place of NumPy's passes",
    "autograd": "HIPS autograd, where a method names it",
    "mlx": "MLX, where a method names it",
    "tensorflow": "TensorFlow, where a method names it",
    "contestants": "libraries whose own derivatives some cases judge",
    "models": "networks of Equinox and Flax, to be checked",
    "cluster": "runs on a Dask cluster, results at URLs",
    "bench": "the tracked benchmarks (asv)",
    "peers": "other checkers of derivatives, for benchmarks/peers.py",
    "test": "what the tests need",
}


@dataclass(frozen=True)
class Extra:
    """An optional part, and those of its packages that are missing here."""

    name: str
    brings: str
    missing: tuple[str, ...]

    @property
    def remedy(self) -> str:
        """The command that installs it; empty where nothing is missing."""
        return f"pip install {install_word(self.name)}" if self.missing else ""


def find_extras() -> list[Extra]:
    """Every optional part; none where xgrad itself is not installed."""
    try:
        needed = distribution("xgrad").requires or []
    except PackageNotFoundError:
        return []
    found = []
    for name, brings in BRINGS.items():
        mine = [r for r in needed if re.search(rf"extra == ['\"]{name}['\"]", r)]
        packages = {m[0] for r in mine if (m := NAME.match(r)) and m[0] != "xgrad"}
        found.append(Extra(name, brings, tuple(sorted(p for p in packages if not find_version(p)))))
    return found

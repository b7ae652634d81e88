"""What it takes to import xgrad and the frameworks that it measures."""

from . import cells
from .profiles import find_profile


class Frameworks(cells.Cells):
    """Each framework's own import, as the measuring process saw it."""

    params = ("torch", "jax")
    param_names = ("framework",)

    def setup(self, cache: cells.Cache, name: str) -> None:
        """Skip a framework that is not installed."""
        if not cache["about"]["import_seconds"].get(name):
            raise NotImplementedError(f"{name} is not installed")

    def track_framework(self, cache: cells.Cache, name: str) -> float:
        """Seconds from nothing loaded to the framework's package imported."""
        return cache["about"]["import_seconds"][name]

    track_framework.unit = "seconds"
    track_framework.version = "1"


def timeraw_xgrad() -> str:
    """`import xgrad` in a new process, neither torch nor JAX with it."""
    return "import xgrad"


timeraw_xgrad.version = "1"
timeraw_xgrad.number = 1
timeraw_xgrad.repeat = (3, find_profile().starts, 5.0)
timeraw_xgrad.rounds = 1


# Functions whose first check in a process is timed, by the name of their framework.
FIRST = {
    "torch": "import torch; x = torch.ones(4, requires_grad=True); f = lambda x: x.sin().sum()",
    "jax": "import jax.numpy as jnp; x = jnp.ones(4); f = lambda x: jnp.sin(x).sum()",
}


def timeraw_first_check(framework: str) -> tuple[str, str]:
    """`import xgrad` and the first check of a small function; the framework is there before."""
    return "import xgrad; xgrad.check(f, x)", FIRST[framework]


timeraw_first_check.params = list(FIRST)
timeraw_first_check.param_names = ["framework"]
timeraw_first_check.version = "1"
timeraw_first_check.number = 1
timeraw_first_check.repeat = (3, find_profile().starts, 20.0)
timeraw_first_check.rounds = 1

"""What it takes to import xgrad and the frameworks that it measures."""

from . import cells


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
timeraw_xgrad.repeat = (3, 10, 5.0)
timeraw_xgrad.rounds = 1

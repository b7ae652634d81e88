"""What is measured: the cells of each profile, known without importing xgrad.

asv tells a benchmark its parameters by their number, so that they must be the same at every
commit: they come from this file and from the case files beside it, never from the xgrad that is
installed.
"""

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

CASES = Path(__file__).parents[2] / "cases"
APART = "conventions"  # the field of kinks, which have no single truth
PROFILE, DEVICE = "XGRAD_PROFILE", "XGRAD_DEVICE"  # environment variables
BOTH = ("float64", "float32")
USUAL = ("numpy.formula", "torch.reverse", "torch.formula", "jax.reverse", "jax.formula")


@dataclass(frozen=True)
class Place:
    """One cell of the suite; without an operator, the first that the case lists."""

    case: str
    operator: str
    size: str
    dtype: str
    method: str

    @classmethod
    def of(cls, task: str, size: str, dtype: str, method: str) -> "Place":
        """The cell of asv's parameters; a task is `case operator`, or a case alone."""
        case, _, operator = task.partition(" ")
        return cls(case, operator, size, dtype, method)


@dataclass(frozen=True)
class Profile:
    """A dense product of cells, with the seconds that one of them may take.

    The agreement run beside it takes the same dtypes, `judged` sizes and the cases of `expression`.
    A process that is timed from its start is started up to `starts` times, and checks grow through
    `inputs`.
    """

    tasks: tuple[str, ...]
    sizes: tuple[str, ...]
    dtypes: tuple[str, ...]
    methods: tuple[str, ...]
    limit: float
    judged: tuple[str, ...] = ("small",)
    expression: str = ""
    starts: int = 10
    inputs: tuple[int, ...] = (1_000, 10_000, 100_000)

    @property
    def axes(self) -> list[tuple[str, ...]]:
        """asv's parameters, in the order of `AXES`."""
        return [self.tasks, self.sizes, self.dtypes, self.methods]

    def places(self) -> Iterator[Place]:
        """Every cell."""
        return (Place.of(*values) for values in product(*self.axes))

    def selection(self) -> list[str]:
        """The agreement run, as arguments of `xgrad run`."""
        named = ["-k", self.expression] if self.expression else []
        return [*named, "--size", ",".join(self.judged), "--dtype", ",".join(self.dtypes)]


AXES = ("case", "size", "dtype", "method")


@cache
def shipped_cases(folder: Path = CASES) -> tuple[str, ...]:
    """The names of all cases in the case files of a checkout, read without running them."""
    files = sorted(f for f in folder.glob("*/*.py") if f.parent.name != APART)
    names = (name for file in files for name in _decorated(ast.parse(file.read_text("utf-8"))))
    return tuple(dict.fromkeys(names))


def _decorated(tree: ast.Module) -> Iterator[str]:
    """Functions under `@xgrad.case(…)`."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            heads = (ast.unparse(d).partition("(")[0] for d in node.decorator_list)
            if "xgrad.case" in heads:
                yield node.name


def _smoke() -> Profile:
    return Profile(
        tasks=("softmax_cross_entropy gradient", "sigmoid_layer gradient"),
        sizes=("small",),
        dtypes=("float64",),
        methods=("numpy.formula", "torch.reverse", "jax.reverse"),
        limit=1.0,
        expression="softmax_cross_entropy or sigmoid_layer",
        starts=3,
        inputs=(1_000, 10_000),
    )


def _nightly() -> Profile:
    return Profile(
        tasks=(
            "sine derivative",
            "softmax_cross_entropy gradient",
            "tsne_kl gradient",
            "mlp_input gradient",
            "sigmoid_layer gradient",
            "causal_attention vjp",
            "layer_norm vjp",
            "gmm gradient",
            "gaussian_process gradient",
            "logistic_regression hessian",
            "chained_rosenbrock hvp",
            "lennard_jones gradient",
        ),
        sizes=("small", "medium"),
        dtypes=BOTH,
        methods=USUAL,
        limit=5.0,
    )


def _full() -> Profile:
    return Profile(
        tasks=shipped_cases(),
        sizes=("small", "medium", "large"),
        dtypes=BOTH,
        methods=(*USUAL, "torch.forward", "jax.forward"),
        limit=10.0,
        judged=("small", "medium"),
    )


PROFILES = {"smoke": _smoke, "nightly": _nightly, "full": _full}


def find_profile(name: str | None = None) -> Profile:
    """A profile by its name, or the one that the environment asks for; `nightly` by default."""
    wanted = name or os.environ.get(PROFILE) or "nightly"
    if wanted not in PROFILES:
        raise SystemExit(f"{PROFILE}={wanted}: there are {', '.join(PROFILES)}")
    return PROFILES[wanted]()


def find_device() -> str:
    """The device that the environment asks for; the CPU by default."""
    return os.environ.get(DEVICE) or "cpu"

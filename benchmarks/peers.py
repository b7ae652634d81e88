"""What existing derivative checkers notice beside xgrad: same functions, mistakes and points.

    OMP_NUM_THREADS=1 python benchmarks/peers.py --seeds 3

Every checker gets each function in its own framework, at the same rounded inputs, with a backward
pass that returns a given gradient: the right one, or the right one with a planted mistake. A
mistake is effectively caught where the checker rejects it and accepts its right twin. Tables go to
`results/detection.md` and `.csv` in about three minutes. `--tune` prints what the settings called
best were chosen from, searched at other points, in about half an hour.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import itertools
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import xgrad
from xgrad.auditing import FORMULA, SAME
from xgrad.environment import describe
from xgrad.evaluation import OK, Outcome, evaluate
from xgrad.frameworks import find_framework
from xgrad.mutation import MUTANTS, Mutant, plant
from xgrad.operators import OPERATORS
from xgrad.problem import Case
from xgrad.setting import Setting
from xgrad.verdict import DISAGREES, Judge

GRADIENT = OPERATORS["gradient"]
DTYPES = ("float64", "float32")
ROUNDS = 3  # of timing, interleaved
RIGHT, LEFT_OUT = "right", "left out"  # in the column of mutants
TUNING = (1001, 1002)  # seeds of the points where best settings are searched
RESULTS = Path(__file__).parents[1] / "results"
SHIPPED = ("tsne_kl", "linear_layer", "mean_squared_error", "sigmoid_layer", "mlp_input",
           "softmax_cross_entropy", "product", "square")  # fmt: skip

# --- functions beside the shipped ones ------------------------------------------------------------


@xgrad.case
def log_sum_exp(xp, x):  # x (10,) -> ()
    return xp.logsumexp(x)


log_sum_exp.inputs(lambda rng: {"x": 2 * rng.normal(size=10)})
log_sum_exp.formula("gradient")(lambda xp, x: xp.softmax(x))


@xgrad.case
def rosenbrock(xp, x):  # x (8,) -> ()
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@rosenbrock.formula("gradient")
def rosenbrock_gradient(xp, x):
    t = 200 * (x[1:] - x[:-1] ** 2)
    zero = xp.zeros((1,))
    return xp.concat([-2 * x[:-1] * t - 2 * (1 - x[:-1]), zero]) + xp.concat([zero, t])


rosenbrock.inputs(lambda rng: {"x": rng.normal(size=8)})


@xgrad.case
def stiff(xp, x, k):  # x (8,), k (8,) -> ()
    return xp.sum(xp.exp(k * x))


stiff.inputs(lambda rng: {"x": rng.uniform(-0.2, 0.2, size=8), "k": np.linspace(1, 50, 8)})
stiff.formula("gradient")(lambda xp, x, k: k * xp.exp(k * x))


@xgrad.case
def log_determinant(xp, A):  # A (4, 4) -> ()
    return xp.linalg.slogdet(xp.matmul(A, A.T) + xp.eye(4))[1]


@log_determinant.formula("gradient")
def log_determinant_gradient(xp, A):
    return 2 * xp.matmul(xp.linalg.inv(xp.matmul(A, A.T) + xp.eye(4)), A)


log_determinant.inputs(lambda rng: {"A": rng.normal(size=(4, 4))})


@xgrad.case
def scales(xp, x, s):  # x (9,), s (9,) -> ()
    return xp.sum((x / s) ** 2) / 2


@scales.inputs
def draw_scales(rng):
    s = 10.0 ** np.arange(-8, 9, 2)
    return {"x": s * rng.normal(size=9), "s": s}


scales.formula("gradient")(lambda xp, x, s: x / s / s)


@xgrad.case
def cancelling(xp, x):  # x (10,) -> (), always 1
    return xp.sum(xp.softmax(x))


@cancelling.formula("gradient")
def cancelling_gradient(xp, x):
    s = xp.softmax(x)
    return s - s * xp.sum(s)


cancelling.inputs(lambda rng: {"x": rng.normal(size=10)})

OWN = (log_sum_exp, rosenbrock, stiff, log_determinant, scales, cancelling)


def functions() -> list[Case]:
    """The shipped cases of a scalar with a gradient formula, and the ones of this file."""
    return [*(xgrad.load_cases(name)[0] for name in SHIPPED), *OWN]


# --- a function at a point, as a checker meets it -------------------------------------------------


@dataclass
class Place:
    """One function at one point in one dtype, with what xgrad finds out about it."""

    setting: Setting
    kept: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def judge(self) -> Judge:
        """A judge that has seen nothing yet."""
        return Judge(self.setting, "cpu")

    @cached_property
    def bare_judge(self) -> Judge:
        """One that is told the function alone, as the other checkers are."""
        bare = replace(self.setting.case, formulas=[])
        return Judge(replace(self.setting, case=bare), "cpu")

    def once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """What does not depend on the claimed gradient, computed once."""
        if key not in self.kept:
            self.kept[key] = compute()
        return self.kept[key]

    @cached_property
    def right(self) -> np.ndarray:
        """The certified formula as NumPy computes it in the dtype, flat."""
        assert self.judge.truth(GRADIENT).kind == "certified", self.setting
        return np.asarray(evaluate(FORMULA, GRADIENT, self.setting, "cpu").flat)

    def share(self, flat: np.ndarray) -> float:
        """The effect of a mistake over the tolerance; NaN where there is no effect."""
        truth = self.judge.truth(GRADIENT)
        effect = truth.error(flat)
        if np.max(effect) <= SAME * np.max(np.abs(truth.high)):
            return float("nan")
        tolerance = self.judge.weigh(FORMULA, GRADIENT, Outcome(OK, self.right)).tolerance
        with np.errstate(all="ignore"):
            return float(np.nanmax(effect / tolerance))

    def planted(self, mutants: tuple[Mutant, ...]) -> Iterator[Mistake]:
        """Mistakes that have an effect: name, gradient, effect over tolerance."""
        for mutant in mutants:
            flat = plant(mutant, self.judge.truth(GRADIENT).high, GRADIENT, self.setting)
            if flat is not None and not np.isnan(share := self.share(flat)):
                yield mutant.name, flat, share

    def meet(self, name: str, g: np.ndarray) -> tuple[Callable[..., Any], Any, Any]:
        """The function, its point and the claimed gradient in a framework's arrays."""
        framework, dtype = find_framework(name), self.setting.dtype
        arguments = self.setting.arguments(framework, "cpu")
        parts = tuple(framework.put(p, dtype) for p in self.setting.split(g, np))
        return self.setting.function(arguments), arguments.xs, parts

    def flat(self) -> Callable[[np.ndarray], float]:
        """The function of one float64 vector, evaluated by NumPy in the dtype."""
        f, xs, _ = self.meet("numpy", self.setting.flat_x)
        kind = xs[0].dtype
        return lambda x: float(f(*self.setting.split(np.asarray(x).astype(kind), np)))


# --- the checkers: whether each accepts a gradient ------------------------------------------------


def passes(check: Callable[[], Any]) -> bool:
    """Whether a check that asserts is content."""
    try:
        check()
    except AssertionError:
        return False
    return True


def torch_gradcheck(place: Place, g: np.ndarray, **options: Any) -> bool:
    """PyTorch: the gradient is an `autograd.Function`'s backward pass."""
    import torch

    f, xs, parts = place.meet("torch", g)

    class Claimed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *xs):
            return f(*xs)

        @staticmethod
        def backward(ctx, w):
            return tuple(w * p for p in parts)

    inputs = tuple(x.requires_grad_() for x in xs)
    return torch.autograd.gradcheck(Claimed.apply, inputs, raise_exception=False, **options)


def jax_check_grads(place: Place, g: np.ndarray, **options: Any) -> bool:
    """JAX: the gradient is a `custom_vjp`, which has a reverse mode only."""
    import jax
    from jax.test_util import check_grads

    with find_framework("jax").scope():
        f, xs, parts = place.meet("jax", g)
        claimed = jax.custom_vjp(f)
        claimed.defvjp(lambda *xs: (f(*xs), None), lambda _, w: tuple(w * p for p in parts))
        return passes(lambda: check_grads(claimed, xs, order=1, modes=("rev",), **options))


def scipy_check_grad(
    place: Place, g: np.ndarray, *, atol: float, rtol: float = 0.0, **options: Any
) -> bool:
    """SciPy: it returns the norm of the error, and what is small is for the user to say."""
    from scipy.optimize import check_grad

    error = check_grad(place.flat(), lambda x: g, place.setting.flat_x, **options)
    return bool(error < atol + rtol * np.linalg.norm(g))


def numdifftools_gradient(place: Place, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """The gradient by extrapolated differences, and its own estimate of the error."""
    import numdifftools

    def compute() -> tuple[np.ndarray, np.ndarray]:
        differences = numdifftools.Gradient(place.flat(), full_output=True, **options)
        found = differences(place.setting.flat_x)
        return np.ravel(found.estimate), np.ravel(found.error_estimate)

    return place.once(tuple(options.items()), compute)


def numdifftools_allclose(place: Place, g: np.ndarray) -> bool:
    """numdifftools as its documentation compares."""
    found, _ = numdifftools_gradient(place)
    return bool(np.allclose(g, found))


def numdifftools_estimated(
    place: Place, g: np.ndarray, *, times: float, rtol: float, **options: Any
) -> bool:
    """numdifftools within so many of its own error estimates and a share of each element."""
    found, error = numdifftools_gradient(place, **options)
    return bool(np.all(np.abs(found - g) <= times * error + rtol * np.abs(g)))


def autograd_check_grads(place: Place, g: np.ndarray, **options: Any) -> bool:
    """HIPS autograd: a primitive with both modes, so that its inside is plain NumPy."""
    import autograd.numpy as anp
    from autograd.extend import defjvp, defvjp, primitive
    from autograd.test_util import check_grads

    f, xs, parts = place.meet("numpy", g)
    claimed = primitive(lambda *xs: f(*xs))
    defvjp(claimed, *(lambda y, *xs, p=p: lambda w: w * p for p in parts))
    defjvp(claimed, *(lambda v, y, *xs, p=p: anp.sum(v * p) for p in parts))
    np.random.seed(place.setting.seed)  # noqa: NPY002  its directions come from there
    return passes(lambda: check_grads(claimed, tuple(range(len(xs))), **options)(*xs))


def xgrad_weigh(place: Place, g: np.ndarray) -> bool:
    """xgrad with the case's formula, which it certifies first."""
    made = place.judge.weigh(FORMULA, GRADIENT, Outcome(OK, g))
    return made.row["verdict"] != DISAGREES


def xgrad_weigh_bare(place: Place, g: np.ndarray) -> bool:
    """xgrad without a formula: the definition along every coordinate."""
    made = place.bare_judge.weigh(FORMULA, GRADIENT, Outcome(OK, g))
    return made.row["verdict"] != DISAGREES


# --- the table of checkers ------------------------------------------------------------------------

Options = dict[str, Any]


@dataclass(frozen=True)
class Peer:
    """One checker with one setting: the options in each dtype, and where they are from."""

    name: str
    setting: str
    package: str
    check: Callable[..., bool]
    why: str
    float64: Options = field(default_factory=dict)
    float32: Options = field(default_factory=dict)

    @property
    def missing(self) -> bool:
        """Whether it is not installed."""
        return importlib.util.find_spec(self.package) is None

    def accepts(self, place: Place, g: np.ndarray, options: Options | None = None) -> bool:
        """Whether the checker takes a gradient for right; its warnings are dropped."""
        chosen = getattr(self, place.setting.dtype) if options is None else options
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return bool(self.check(place, g, **chosen))


SEARCHED = "best of a grid at other points"
FAST = {"fast_mode": True}
ABSOLUTE = {"atol": 1e-5}
REVERSE = {"modes": ["rev"], "order": 1}
PEERS = (
    Peer("torch gradcheck", "default", "torch", torch_gradcheck,
         "eps 1e-6, rtol 1e-3, atol 1e-5: for double precision, says its documentation"),
    Peer("torch gradcheck", "fast mode", "torch", torch_gradcheck, "one random direction",
         FAST, FAST),
    Peer("torch gradcheck", "best", "torch", torch_gradcheck,
         SEARCHED + "; eps 3e-4, atol 5e-5 of PyTorch's PR 168902 for float32 is on it",
         {"eps": 1e-6, "rtol": 1e-6, "atol": 1e-8}, {"eps": 3e-3, "rtol": 1e-2, "atol": 5e-5}),
    Peer("jax check_grads", "default", "jax", jax_check_grads,
         "modes rev, order 1; eps 1e-4, tolerances 1e-5 or 2e-3 by dtype; not jitted"),
    Peer("jax check_grads", "best", "jax", jax_check_grads,
         SEARCHED + "; modes rev, order 1; not jitted",
         {"eps": 1e-6, "rtol": 1e-9, "atol": 1e-9}, {"eps": 1e-3, "rtol": 2e-3, "atol": 5e-4}),
    Peer("scipy check_grad", "below 1e-5", "scipy", scipy_check_grad,
         "epsilon 1.49e-8, and the error below 1e-5 as people ask", ABSOLUTE, ABSOLUTE),
    Peer("scipy check_grad", "best", "scipy", scipy_check_grad,
         SEARCHED + "; error below atol + rtol ‖g‖; there is no central difference",
         {"epsilon": 1e-8, "rtol": 1e-6, "atol": 1e-8},
         {"epsilon": 3.45e-4, "rtol": 1e-2, "atol": 1e-3}),
    Peer("numdifftools", "allclose", "numdifftools", numdifftools_allclose,
         "Gradient, and np.allclose as its documentation compares"),
    Peer("numdifftools", "best", "numdifftools", numdifftools_estimated,
         SEARCHED + "; error within `times` its own estimate + rtol times the element",
         {"order": 6, "base_step": 0.5, "times": 10, "rtol": 1e-7},
         {"order": 2, "base_step": 0.5, "num_steps": 5, "times": 10, "rtol": 0}),
    Peer("autograd check_grads", "reverse", "autograd", autograd_check_grads, "one mode, order 1",
         REVERSE, REVERSE),
    Peer("autograd check_grads", "default", "autograd", autograd_check_grads,
         "both modes, order 2; a step and tolerances of 1e-6 are fixed"),
    Peer("xgrad", "function alone", "xgrad", xgrad_weigh_bare,
         "what the others get: the definition along every coordinate; rounding is read off the "
         "methods of torch and JAX, and compiling those is most of the cost"),
    Peer("xgrad", "with formula", "xgrad", xgrad_weigh,
         "the case's formula is certified; this is what the costs are relative to"),
)  # fmt: skip

# --- searching the best settings ------------------------------------------------------------------

Grid = dict[str, tuple[Any, ...]]
GRIDS: dict[tuple[str, str], Grid] = {
    ("torch gradcheck", "float64"): {
        "eps": (1e-7, 1e-6, 1e-5, 1e-4), "rtol": (1e-7, 1e-6, 1e-5, 1e-4, 1e-3),
        "atol": (1e-9, 1e-8, 1e-7, 1e-6, 1e-5)},
    ("torch gradcheck", "float32"): {
        "eps": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "rtol": (3e-4, 1e-3, 1e-2, 1e-1),
        "atol": (1e-5, 5e-5, 3e-4, 1e-3, 1e-2, 1e-1)},
    ("jax check_grads", "float64"): {
        "eps": (1e-7, 1e-6, 1e-5, 1e-4, 1e-3), "rtol": (1e-9, 1e-8, 1e-7, 1e-6, 1e-5),
        "atol": (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)},
    ("jax check_grads", "float32"): {
        "eps": (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "rtol": (1e-5, 1e-4, 5e-4, 2e-3, 1e-2),
        "atol": (1e-5, 1e-4, 5e-4, 2e-3, 1e-2)},
    ("scipy check_grad", "float64"): {
        "epsilon": (1e-9, 1e-8, 1.49e-8, 1e-7, 1e-6), "direction": ("all", "random"), "rng": (0,),
        "rtol": (0, 1e-7, 1e-6, 1e-5, 1e-4), "atol": (1e-8, 1e-7, 1e-6, 1e-5)},
    ("scipy check_grad", "float32"): {
        "epsilon": (1e-4, 3.45e-4, 1e-3, 1e-2), "direction": ("all", "random"), "rng": (0,),
        "rtol": (0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "atol": (1e-4, 1e-3, 1e-2)},
    ("numdifftools", "float64"): {
        "order": (2, 4, 6, 8), "base_step": (0.1, 0.5, 2.0), "times": (0, 1, 3, 10, 100),
        "rtol": (0, 1e-11, 1e-9, 1e-7, 1e-6)},
    ("numdifftools", "float32"): {
        "order": (2, 4), "base_step": (0.1, 0.25, 0.5, 2.0, 8.0), "num_steps": (3, 5, 8, 15),
        "times": (3, 10, 30, 100), "rtol": (0, 1e-4, 1e-3)},
}  # fmt: skip


def tune() -> None:
    """Print the settings of each grid that are effective most often, best first."""
    for (name, dtype), grid in GRIDS.items():
        peer = next(p for p in PEERS if p.name == name and p.setting == "best")
        places = [p for p in make_places(TUNING) if p.setting.dtype == dtype]
        felt = [[flat for _, flat, share in p.planted(MUTANTS) if share > 1] for p in places]
        every = [dict(zip(grid, v, strict=True)) for v in itertools.product(*grid.values())]
        found = [(*score(peer, options, places, felt), options) for options in every]
        total = sum(map(len, felt))
        for effective, accused, options in sorted(found, key=lambda f: (-f[0], f[1]))[:6]:
            print(f"{name} {dtype}: {effective} of {total}, accused {accused}: {options}")


def score(
    peer: Peer, options: Options, places: list[Place], felt: list[list[np.ndarray]]
) -> tuple[int, int]:
    """How many mistakes a setting effectively catches, and how many right gradients it accuses."""
    fine = [peer.accepts(place, place.right, options) for place in places]
    caught = (
        not peer.accepts(place, flat, options)
        for place, mistakes, ok in zip(places, felt, fine, strict=True)
        for flat in mistakes
        if ok
    )
    return sum(caught), fine.count(False)


# --- measuring ------------------------------------------------------------------------------------

Row = dict[str, Any]
Mistake = tuple[str, np.ndarray, float]  # name, gradient, effect over tolerance
WHO = ["checker", "setting", "dtype"]
PLACE = ["dtype", "function", "seed"]


def make_places(seeds: Iterable[int], cases: Iterable[Case] = ()) -> list[Place]:
    """Every function at every seed's point in both dtypes."""
    every = itertools.product(DTYPES, tuple(cases) or functions(), seeds)
    return [Place(Setting.make(c, "small", "random", dtype, seed)) for dtype, c, seed in every]


def measure(
    places: list[Place], peers: Iterable[Peer], mutants: tuple[Mutant, ...] = MUTANTS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each checker says of each gradient, and the seconds that it takes."""
    said, seconds = [], []
    for place in places:
        mistakes = list(place.planted(mutants))
        for peer in peers:
            said += [{**label(peer, place), **row} for row in ask(peer, place, mistakes)]
        seconds += clock(peers, place, mistakes)
    return pd.DataFrame(said), pd.DataFrame(seconds)


def label(peer: Peer, place: Place) -> Row:
    """Who was asked, and where."""
    at = place.setting
    return {"checker": peer.name, "setting": peer.setting, "dtype": at.dtype,
            "function": at.case.name, "seed": at.seed}  # fmt: skip


def ask(peer: Peer, place: Place, mistakes: list[Mistake]) -> list[Row]:
    """A row for the right gradient and one for each mistake, or why the checker cannot run."""
    try:
        accused = not peer.accepts(place, place.right)
        caught = [not peer.accepts(place, flat) for _, flat, _ in mistakes]
    except Exception as error:
        return [{"mutant": LEFT_OUT, "reason": f"{type(error).__name__}: {error}"}]
    rows = [{"mutant": RIGHT, "share": np.nan, "accused": accused, "caught": False}]
    for (name, _, share), seen in zip(mistakes, caught, strict=True):
        rows.append({"mutant": name, "share": share, "accused": accused, "caught": seen})
    return [{**row, "effective": row["caught"] and not accused} for row in rows]


def clock(peers: Iterable[Peer], place: Place, mistakes: list[Mistake]) -> list[Row]:
    """Median seconds of one check from scratch, the checkers taking turns.

    Of a right gradient, and for xgrad, which looks closer before it disagrees, of a wrong one.
    """
    wrong = [flat for _, flat, share in mistakes if share > 1][:1]
    jobs = [(peer, RIGHT, place.right) for peer in peers]
    jobs += [(peer, "wrong", flat) for peer in peers if peer.name == "xgrad" for flat in wrong]
    rounds = [[seconds_of(peer, place, g) for peer, _, g in jobs] for _ in range(ROUNDS)]
    return [
        {**label(peer, place), "gradient": which, "seconds": statistics.median(times)}
        for (peer, which, _), times in zip(jobs, zip(*rounds, strict=True), strict=True)
    ]


def seconds_of(peer: Peer, place: Place, g: np.ndarray) -> float:
    """Time of one check with nothing kept from before; NaN where the checker cannot run."""
    fresh = Place(place.setting)
    started = time.perf_counter()
    try:
        peer.accepts(fresh, g)
    except Exception:
        return float("nan")
    return time.perf_counter() - started


# --- tables ---------------------------------------------------------------------------------------


def summarise(said: pd.DataFrame, seconds: pd.DataFrame) -> pd.DataFrame:
    """One row for each checker, setting and dtype, in the order of the table of checkers."""
    cost = costs(seconds)
    rows = [
        {**dict(zip(WHO, who, strict=True)), **counts(group), **cost.loc[who].to_dict()}
        for who, group in said.groupby(WHO, sort=False)
    ]
    return pd.DataFrame(rows).sort_values("dtype", ascending=False, kind="stable")


def counts(group: pd.DataFrame) -> Row:
    """The counts of one checker in one dtype."""
    right = group[group.mutant == RIGHT]
    felt, below = group[group.share > 1], group[group.share <= 1]
    left_out = sorted(set(group[group.mutant == LEFT_OUT].function))
    return {
        "accused": share_of(right.accused),
        "caught": share_of(felt.caught),
        "effective": share_of(felt.effective),
        "effective %": round(100 * felt.effective.mean(), 1),
        "below resolution": share_of(below.effective),
        "left out": ", ".join(left_out) or "none",
    }


def share_of(flags: pd.Series) -> str:
    """How many are true, of how many."""
    return f"{int(flags.sum())} of {len(flags)}"


def costs(seconds: pd.DataFrame) -> pd.DataFrame:
    """Median milliseconds of a check, and its median ratio to xgrad's of the same gradient."""
    right = seconds[seconds.gradient == RIGHT]
    ours = right[(right.checker == "xgrad") & (right.setting == "with formula")]
    both = right.merge(ours[[*PLACE, "seconds"]], on=PLACE, suffixes=("", "_ours"))
    both["cost"] = both.seconds / both.seconds_ours
    both["ms"] = 1e3 * both.seconds
    return both.groupby(WHO)[["ms", "cost"]].median().round(2)


def detail(said: pd.DataFrame) -> pd.DataFrame:
    """One row for each checker, setting, dtype, function and mutant, counted over the points."""
    asked = said[said.mutant != LEFT_OUT]
    felt = asked.share > 1
    asked = asked.assign(points=1, felt=felt, below=asked.share <= 1,
                         caught=felt & asked.caught.astype(bool),
                         effective=felt & asked.effective.astype(bool),
                         accused=asked.accused.astype(bool))  # fmt: skip
    columns = ["points", "felt", "below", "accused", "caught", "effective"]
    return asked.groupby([*WHO, "function", "mutant"], sort=False)[columns].sum().reset_index()


def by_mistake(said: pd.DataFrame, dtype: str) -> pd.DataFrame:
    """Percent of each mistake that the best setting of each checker effectively catches."""
    best = {p.name: p.setting for p in PEERS}  # the last row of a name is its best
    chosen = said[
        (said.dtype == dtype) & (said.share > 1) & (said.setting == said.checker.map(best))
    ]
    percent = chosen.assign(percent=100.0 * chosen.effective.astype(float))
    table = percent.pivot_table(index="mutant", columns="checker", values="percent", sort=False)
    return table.round(0).astype(int).rename_axis(None, axis=1).reset_index()


def missed(said: pd.DataFrame) -> pd.DataFrame:
    """What xgrad accused, and what it missed with the effect over the tolerance."""
    ours = said[said.checker == "xgrad"]
    accused = (ours.mutant == RIGHT) & ours.accused.astype(bool)
    overlooked = (ours.share > 1) & ~ours.effective.astype(bool)
    return ours[accused | overlooked][["setting", *PLACE, "mutant", "share"]]


def settings_table() -> pd.DataFrame:
    """The options of each checker, and where they are from."""
    return pd.DataFrame(
        {"checker": p.name, "setting": p.setting, "float64": written(p.float64),
         "float32": written(p.float32), "what": p.why} for p in PEERS
    )  # fmt: skip


def written(options: Options) -> str:
    """Options as one types them."""
    return ", ".join(f"{name}={value}" for name, value in options.items())


# --- the page -------------------------------------------------------------------------------------

PAGE = """# Detection power of derivative checkers

Made by `{command}` in {minutes:.1f} minutes.

{functions} functions at {seeds} points each, in float64 and float32, with the mistakes of
`xgrad.mutation`. Every checker gets the function in its own framework at the same rounded inputs,
and a backward pass that returns the right gradient (the certified formula as NumPy computes it in
the dtype) or the truth with a mistake.

- *accused*: right gradients rejected. *caught*: mistakes rejected. *effective*: mistakes rejected
  whose right twin is accepted.
- *below resolution*: effective on mistakes with an effect below xgrad's tolerance, counted apart
  as `xgrad audit` does. In float64 all of them are mistakes planted in a gradient of exactly 0:
  numbers such as 1e-232, which only a tolerance of 0 rejects.
- *cost*: median time of one check over that of xgrad's complete check with the formula (referee,
  truth, noise, verdict) of the same gradient, in turns in one process.
- *best* settings were searched on grids (`--tune`) over the same functions at other points, for
  the most effective: more than a user can know, and an upper bound for one setting.
- xgrad *with formula* is given what the others are not, the right formula, and tells rounding from
  mistakes by its errors at points around; *function alone* is given what the others are.

{summary}

## Effective on each mistake, percent, best settings

float64:

{float64}

float32:

{float32}

## What xgrad accused or missed

{missed}

A check of xgrad's that ends in `disagrees` costs {wrong:.1f} times one that ends in `agrees`
(median, with formula).

## Settings

{settings}

## Machine

{machine}
"""


def write_page(
    said: pd.DataFrame, seconds: pd.DataFrame, out: Path, command: str, minutes: float
) -> None:
    """Write `detection.md` and `detection.csv`."""
    wrong = missed(said)
    text = PAGE.format(
        command=command,
        minutes=minutes,
        functions=said.function.nunique(),
        seeds=said.seed.nunique(),
        summary=written_table(summarise(said, seconds)),
        float64=by_mistake(said, "float64").to_markdown(index=False),
        float32=by_mistake(said, "float32").to_markdown(index=False),
        missed=wrong.to_markdown(index=False) if len(wrong) else "Nothing.",
        wrong=cost_of_wrong(seconds),
        settings=settings_table().to_markdown(index=False),
        machine=machine(),
    )
    (out / "detection.md").write_text(text)
    detail(said).to_csv(out / "detection.csv", index=False)


def written_table(summary: pd.DataFrame) -> str:
    """The main table in Markdown, times with two decimals."""
    decimals = [".2f" if name in ("ms", "cost") else ".1f" for name in summary.columns]
    return summary.to_markdown(index=False, floatfmt=decimals)


def cost_of_wrong(seconds: pd.DataFrame) -> float:
    """Time of xgrad's check of a wrong gradient over that of a right one."""
    ours = seconds[(seconds.checker == "xgrad") & (seconds.setting == "with formula")]
    table = ours.pivot_table(index=PLACE, columns="gradient", values="seconds")
    return float((table["wrong"] / table[RIGHT]).median())


def machine() -> str:
    """Where this ran, with the versions of all checkers."""
    found = describe()
    others = {p: importlib.metadata.version(p) for p in ("numdifftools", "autograd")}
    versions = {k: v for k, v in {**found["versions"], **others}.items() if v}
    found["versions"] = ", ".join(f"{k} {v}" for k, v in versions.items())
    return "\n".join(f"- {key}: {value}" for key, value in found.items())


def main() -> None:
    """Measure and write, or search settings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="points of each function")
    parser.add_argument("--tune", action="store_true", help="search the best settings instead")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the tables go")
    chosen = parser.parse_args()
    if absent := sorted({p.package for p in PEERS if p.missing}):
        parser.exit(2, f"not installed: pip install {' '.join(absent)}\n")
    if chosen.tune:
        return tune()
    started = time.perf_counter()
    said, seconds = measure(make_places(range(chosen.seeds)), PEERS)
    command = f"OMP_NUM_THREADS=1 python benchmarks/peers.py --seeds {chosen.seeds}"
    write_page(said, seconds, chosen.out, command, (time.perf_counter() - started) / 60)
    print(summarise(said, seconds).to_string(index=False))
    return None


if __name__ == "__main__":
    main()

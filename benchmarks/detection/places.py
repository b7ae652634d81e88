"""The functions that checkers are asked about, at points, with planted mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

import xgrad
from xgrad.auditing.cells import FORMULA, SAME, mistaken
from xgrad.auditing.mutation import Mutant, plant
from xgrad.frameworks import find_framework
from xgrad.judging import Again, Judge
from xgrad.problem import OPERATORS, Case, Setting
from xgrad.techniques import OK, Outcome, evaluate

GRADIENT = OPERATORS["gradient"]
SHIPPED = ("tsne_kl", "linear_layer", "mean_squared_error", "sigmoid_layer", "mlp_input",
           "softmax_cross_entropy", "product", "square")  # fmt: skip
Mistake = tuple[str, np.ndarray, float]  # name, gradient, effect over tolerance

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


# By the id of the array, which is kept: what was planted in it.
_PLANTED: dict[int, tuple[Mutant, np.ndarray]] = {}


def again(g: np.ndarray) -> Again | None:
    """The same mistake elsewhere, where xgrad looks too; None of a right gradient."""
    mutant, _ = _PLANTED.get(id(g), (None, None))
    return mutant and partial(mistaken, mutant, GRADIENT)


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
                _PLANTED[id(flat)] = mutant, flat
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

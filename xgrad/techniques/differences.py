"""Finite differences: extrapolated with a bound of their own, or as people write them by hand.

Central differences on a ladder of steps, extrapolated to step 0 (Richardson 1911; Ridders 1982,
Advances in Engineering Software 4(2), 75-76). The rounding noise of the function is measured from
differences of nearby values, as Moré and Wild 2011 (SIAM J. Sci. Comput. 33(3), 1292-1314) do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, prod
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks import Framework
from xgrad.operators import Operator
from xgrad.problem import Case, generator
from xgrad.setting import EPS, Setting, scale, spacing
from xgrad.techniques import Compute, Result, Technique, parse_step
from xgrad.techniques._stencil import Stencil, combine, plan, points, unit_length

RATIO = 4.0  # between neighbouring steps of the ladder
LEVELS = 6
FIRST = 2.0**-3  # the longest step, relative to the inputs
RUNGS = 2  # ladders tried, each below the one before, where the first does not settle
ROWS = 4_096  # evaluations in one batch, at most
ELEMENTS = 2**21  # numbers in one batch of inputs, at most
WORK = 4e9  # numbers evaluated by one operator, at most
SAFETY = 8.0  # of the bound over the estimated error


@dataclass
class Sampler:
    """The function at rows of flat float64 points, evaluated in the dtype, in batches."""

    framework: Framework
    setting: Setting
    device: str

    def __post_init__(self) -> None:
        arguments = self.setting.arguments(self.framework, self.device)
        f = self.setting.function(arguments)
        xp = arguments.xp

        def flat(row: Any) -> Any:
            return xp.reshape(f(*self.setting.split(row, xp)), (-1,))

        self._batched = self.framework.batch(flat)
        constants = [a.size for a in self.setting.inputs.values() if isinstance(a, np.ndarray)]
        width = max(1, sum(constants), prod(self.setting.y_shape))
        self.rows = int(max(1, min(ROWS, ELEMENTS // width)))
        self.evaluations = 0

    @property
    def x(self) -> np.ndarray:
        """The point, flat."""
        return self.setting.flat_x

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Values (rows, y) at points (rows, x) that the dtype holds."""
        found = []
        for start in range(0, len(rows), self.rows):
            part = rows[start : start + self.rows]
            short = self.rows - len(part) if len(rows) > self.rows else 0
            padded = np.concatenate([part, np.repeat(part[:1], short, axis=0)])
            put = self.framework.put(padded, self.setting.dtype, self.device)
            found.append(self.framework.get(self._batched(put))[: len(part)])
        self.evaluations += len(rows)
        return np.concatenate(found)

    def held(self, rows: np.ndarray) -> np.ndarray:
        """The nearest points that the dtype holds."""
        kind = self.setting.dtype
        return rows if kind == "float64" else self.framework.get(self.framework.put(rows, kind))


def noise(sample: Sampler, rng: np.random.Generator, lines: int = 4, count: int = 8) -> np.ndarray:
    """The rounding noise of each value: high differences of values on short random lines.

    The k-th difference of a smooth function at such spacing vanishes, that of independent noise of
    variance s² has variance s² C(2k, k); k = 4 to 6 are used, and the largest line counts.
    """
    x, eps = sample.x, EPS[sample.setting.dtype]
    size = scale(x)
    steps = 64 * eps * (np.arange(count) - count / 2)
    rows = [
        x + t * size * direction
        for direction in rng.uniform(0.5, 1, (lines, x.size)) * rng.choice([-1, 1], (lines, x.size))
        for t in steps
    ]
    values = sample(sample.held(np.array(rows))).reshape(lines, count, -1)
    estimates = [
        np.sqrt(np.mean(np.diff(values, n=k, axis=1) ** 2, axis=1) / comb(2 * k, k))
        for k in (4, 5, 6)
    ]
    measured = np.max(np.median(estimates, axis=0), axis=0)
    return np.maximum(2 * measured, 0.5 * eps * np.max(np.abs(values), axis=(0, 1)))


@dataclass
class Ladder:
    """Differences along one tuple of directions at every step, values (levels, y)."""

    slopes: np.ndarray
    rounding: np.ndarray


def climb(
    sample: Sampler, stencil: Stencil, tuples: list[Any], first: float, rough: np.ndarray
) -> list[Ladder]:
    """Evaluate the stencil for all tuples of directions at all steps of a ladder, in batches."""
    plans = []
    rows: list[np.ndarray] = []
    x = sample.x
    for directions in tuples:
        sizes = [unit_length(x, d, floor=1.0) for d in directions]
        for level in range(LEVELS):
            h = first * RATIO**-level
            steps = tuple(h * s * d for s, d in zip(sizes, directions, strict=True))
            if stencil.elementwise:
                steps = tuple(h * scale(x) for _ in directions)
            plan = [sample.held(p) for p in points(x, steps)]
            plans.append((_width(plan, directions, steps, stencil), len(plan)))
            rows += plan
    values = sample(np.array(rows))
    out, start = [], 0
    for k in range(len(tuples)):
        slopes, rounding = [], []
        for level in range(LEVELS):
            width, count = plans[k * LEVELS + level]
            slopes.append(combine(list(values[start : start + count]), width))
            rounding.append(count * rough / np.abs(width))
            start += count
        out.append(Ladder(np.array(slopes), np.array(rounding)))
    return out


def _width(plan: list[np.ndarray], directions: Any, steps: Any, stencil: Stencil) -> Any:
    """The full width of the difference, as the rounded points have it."""
    if len(plan) == 2:
        moved = plan[0] - plan[1]
        if stencil.elementwise:
            return moved
        return float(np.dot(moved, directions[0]) / np.dot(directions[0], directions[0]))
    first = (plan[0] + plan[1] - plan[2] - plan[3]) / 2
    second = (plan[0] - plan[1] + plan[2] - plan[3]) / 2
    if stencil.elementwise:
        return first * second
    d, e = directions
    return float(np.dot(first, d) / np.dot(d, d) * np.dot(second, e) / np.dot(e, e))


def extrapolate(ladder: Ladder) -> tuple[np.ndarray, np.ndarray]:
    """The best entry of Richardson's tableau and its estimated error, for each value.

    The estimate is the larger distance to the two entries that it was made from, or to rounding
    noise as the tableau amplifies it.
    """
    table = [ladder.slopes]
    rounding = [ladder.rounding]
    best = ladder.slopes[0]
    error = np.full(best.shape, np.inf)
    for j in range(1, len(ladder.slopes)):
        factor = RATIO ** (2 * j)
        coarse, fine = table[-1][:-1], table[-1][1:]
        entry = fine + (fine - coarse) / (factor - 1)
        noise_here = (factor * rounding[-1][1:] + rounding[-1][:-1]) / (factor - 1)
        guess = np.maximum(np.abs(entry - fine), np.abs(entry - coarse) / factor) + noise_here
        for value, size in zip(entry, guess, strict=True):
            better = size < error
            best = np.where(better, value, best)
            error = np.where(better, size, error)
        table.append(entry)
        rounding.append(noise_here)
    return best, error


class Differences(Technique):
    """The function at neighbouring points, and nothing else."""

    name = "differences"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """Extrapolated, and the plain schemes, which run only when asked for."""
        return {"": True, "forward": False, "central": False}

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """The plain schemes are of first order."""
        return operator.order == 1 or (operator.order == 2 and not variant)

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator's stencil; `forward` and `central` take an absolute step after `@`."""
        scheme, _, text = variant.partition("@")
        if text and not scheme:
            raise Unsupported(
                "extrapolated differences choose their steps: name forward or central"
            )
        if operator.order == 0:
            raise Unsupported("the value is not a derivative")
        if scheme and operator.order != 1:
            raise Unsupported(f"the {scheme} scheme has first derivatives only")
        if setting.case.legal is not None and operator.directions != "v":
            raise Unsupported("unit vectors are no legal directions of this case")
        stencil = plan(operator, setting)
        if framework.exact:
            return _defined(framework, operator, scheme)
        _require_affordable(operator, setting, stencil)
        if not scheme:
            return lambda at: extrapolated(Sampler(framework, at, device), stencil)
        step = parse_step(f"differences:{variant}", text) if text else None
        return lambda at: fixed_step(Sampler(framework, at, device), stencil, scheme, step)


def _defined(framework: Framework, operator: Operator, scheme: str) -> Compute:
    """Where arithmetic is so long that steps are no compromise: the definition itself."""
    from xgrad.definition import define

    if scheme:
        raise Unsupported(f"{framework.name} needs no {scheme} scheme: its differences are exact")
    return lambda at: Result(flat=define(operator, at))


def _require_affordable(operator: Operator, setting: Setting, stencil: Stencil) -> None:
    n = setting.x_size
    wide = max([n, *(a.size for a in setting.inputs.values() if isinstance(a, np.ndarray))])
    work = float(n) ** stencil.free * 2**operator.order * LEVELS * wide
    if work > WORK:
        raise Unsupported(
            f"{n:,} inputs: differences would evaluate {work:.0e} numbers; "
            "jvp and hvp take one direction at any size"
        )


def extrapolated(sample: Sampler, stencil: Stencil) -> Result:
    """All directions on a ladder of steps; those that do not settle on another one below."""
    rng = generator(sample.setting.seed, "noise")
    with np.errstate(all="ignore"):
        rough = noise(sample, rng)
        x = sample.x
        tuples = stencil.directions(x.size)
        indices = _needed(stencil, x.size)
        best: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        todo, first = indices, FIRST
        for _ in range(RUNGS):
            ladders = climb(sample, stencil, [tuples[i] for i in todo], first, rough)
            for i, ladder in zip(todo, ladders, strict=True):
                best[i] = _better(best.get(i), extrapolate(ladder))
            todo = [i for i in todo if _unsettled(*best[i], EPS[sample.setting.dtype] ** (1 / 3))]
            first *= RATIO**-LEVELS
            if not todo:
                break
    order = _mirror(stencil, x.size)
    values = np.array([best[order[i]][0] for i in range(len(tuples))])
    errors = np.array([best[order[i]][1] for i in range(len(tuples))])
    bound = SAFETY * stencil.assemble_bounds(errors, x.size)
    bound = np.where(np.isnan(bound), np.inf, bound)
    return Result(
        flat=stencil.assemble(values, x.size),
        bound=bound,
        note=f"{sample.evaluations:,} evaluations",
    )


def _needed(stencil: Stencil, n: int) -> list[int]:
    """Indices of the tuples to evaluate: one triangle of a symmetric table."""
    return sorted(set(_mirror(stencil, n)))


def _mirror(stencil: Stencil, n: int) -> list[int]:
    """For each tuple, the tuple that has its value."""
    if not stencil.symmetric:
        return list(range(n**stencil.free))
    return [min(i * n + j, j * n + i) for i in range(n) for j in range(n)]


def _better(old: Any, new: Any) -> Any:
    if old is None:
        return new
    take = new[1] < old[1]
    return np.where(take, new[0], old[0]), np.where(take, new[1], old[1])


def _unsettled(value: np.ndarray, error: np.ndarray, share: float) -> bool:
    """Whether some error is more than this share of the largest value."""
    size = np.max(np.abs(value), initial=0.0)
    return bool(np.any(~(error <= share * size)) and np.any(~np.isfinite(value) | (size > 0)))


def fixed_step(sample: Sampler, stencil: Stencil, scheme: str, step: float | None) -> Result:
    """The plain scheme with one absolute step, as written by hand, and why it is off.

    Its bound is the distance to extrapolated differences and their bound, and the rounding noise
    over the step.
    """
    dtype = sample.setting.dtype
    h = step or EPS[dtype] ** (1 / 2 if scheme == "forward" else 1 / 3)
    x = sample.x
    tuples = (
        [np.ones(x.size)] if stencil.elementwise else [d for (d,) in stencil.directions(x.size)]
    )
    rows = []
    for d in tuples:
        rows += [sample.held(x + h * d), sample.held(x - h * d) if scheme == "central" else x]
    with np.errstate(all="ignore"):
        values = sample(np.array(rows))
        width = 2 * h if scheme == "central" else h
        slopes = (values[0::2] - values[1::2]) / width
    reference = extrapolated(sample, stencil)
    rough = noise(sample, generator(sample.setting.seed, "noise"))
    flat = stencil.assemble(slopes, x.size)
    share = 2 * rough / width + np.max(np.abs(slopes), axis=0) * max(
        spacing(float(np.max(np.abs(x), initial=0.0)), dtype) / width, EPS[dtype]
    )
    rounding = stencil.assemble_bounds(np.broadcast_to(share, slopes.shape), x.size)
    assert reference.bound is not None
    bound = np.abs(flat - reference.flat) + reference.bound + rounding
    lost = float(np.max(rounding, initial=0.0))
    return Result(
        flat=flat,
        bound=bound,
        note=(
            f"step {h:.0e}: rounding noise {np.max(rough):.1e} of f over the step is up to "
            f"{lost:.1e}; step error {float(np.max(np.abs(flat - reference.flat))):.1e} in all"
        ),
    )


TECHNIQUE = Differences()

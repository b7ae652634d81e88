"""Finite differences: extrapolated with a bound of their own, or as people write them by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from xgrad.errors import Unsupported
from xgrad.frameworks import Framework
from xgrad.problem import Case, Operator, Setting
from xgrad.techniques.base import Compute, Result, Staged, Technique, parse_step
from xgrad.techniques.ladder import LEVELS, Ladder, Reach, climb, extrapolate, probes, steps
from xgrad.techniques.sampling import COUNT, LINES, Sampler, Trace, batch, noise
from xgrad.techniques.stencil import Stencil, plan, points
from xgrad.techniques.transforms import tree_map

SHRINKS = (1.0, 2.0**-5, 2.0**-10, 2.0**-15)  # of the first steps, where the function fails there
RUNGS = 8  # each continues the one before, where that did not settle
WORK = 4e9  # numbers evaluated by one operator, at most
SAFETY = 16.0  # of the bound over the estimated error
SAFETY_IN_SHORT = 8.0  # in shorter types, whose rounding noise is most of the estimate


class Differences(Technique):
    """The function at neighbouring points, and nothing else."""

    name = "differences"

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """Extrapolated, and the plain schemes, which run only when asked for.

        Unasked, the extrapolated ones run in NumPy: the function is the same in every framework.
        """
        if framework.exact:
            return {"": True}
        alone = case is not None and bool(case.framework)
        return {"": framework.host_only or alone, "forward": False, "central": False}

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """The plain schemes are of first order."""
        return operator.order == 1 or (operator.order > 1 and not variant)

    def takes_step(self, variant: str) -> bool:
        """The plain schemes."""
        return variant in ("forward", "central")

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The operator's stencil; `forward` and `central` take an absolute step after `@`."""
        scheme, _, text = variant.partition("@")
        step = parse_step(f"{framework.name}.differences:{variant}", text) if text else None
        if text and not scheme:
            raise Unsupported(
                "extrapolated differences choose their steps: name forward or central"
            )
        if operator.order == 0:
            raise Unsupported("the value is not a derivative")
        if scheme and operator.order != 1:
            raise Unsupported(f"the {scheme} scheme has first derivatives only")
        stencil = plan(operator, setting)  # others have directions of their own: see put
        if setting.case.legal is not None and any(isinstance(slot, str) for slot in stencil.slots):
            raise Unsupported("unit vectors are no legal directions of this case; jvp takes one")
        if framework.exact:
            return _defined(operator)
        _require_affordable(setting, stencil)
        batched = batch(framework, setting, device, by_hand=bool(scheme))
        start: Start = plain_start
        if framework.traces("") and not scheme:
            start = compiled_start(framework, setting, device, stencil, batched)

        def put(at: Setting) -> tuple[Sampler, Stencil]:
            return Sampler(framework, at, device, batched), plan(operator, at)

        if not scheme:
            return Staged(
                put, partial(extrapolated, start=start), _require_resolved, recorded=False
            )
        return Staged(
            put,
            lambda sample, there: (sample, there, by_hand(sample, there, scheme, step)),
            lambda done: fixed_step(done, scheme, step),
            recorded=False,
        )


def _defined(operator: Operator) -> Compute:
    """Where arithmetic is so long that steps are no compromise: the definition itself."""
    from xgrad.techniques.definition import define

    return lambda at: Result(flat=define(operator, at))


def _require_affordable(setting: Setting, stencil: Stencil) -> None:
    n = setting.x_size
    arrays = [a.size for a in setting.inputs.values() if isinstance(a, np.ndarray)]
    wide = max([n, prod(setting.y_shape), *arrays])
    work = float(n) ** stencil.free * 2**stencil.order * LEVELS * wide
    if work > WORK:
        raise Unsupported(
            f"{n:,} inputs: differences would evaluate {work:.0e} numbers; "
            "jvp takes one direction at any size"
        )


def _require_resolved(result: Result) -> Result:
    assert result.bound is not None
    if result.bound.size and np.all(np.isinf(result.bound)):
        raise Unsupported(
            "no step resolves a slope: the function is not finite on both sides of the point, or "
            "its rounding noise is as large as its values"
        )
    return result


First = Callable[[np.ndarray], tuple[Any, Reach, Ladder, Any]]
Start = Callable[[Sampler, Stencil], First]


def plain_start(sample: Sampler, stencil: Stencil, shrink: float = 1.0) -> First:
    """For tuples of directions: noise, how far to go, the first rung, values and errors of it."""
    rough = noise(sample)

    def first(numbers: np.ndarray) -> tuple[Any, Reach, Ladder, Any]:
        reach = Reach.of(sample.x, stencil, numbers).scaled(shrink)
        ladder = climb(sample, stencil, numbers, steps(reach, 0), rough)
        return rough, reach, ladder, extrapolate(ladder)

    return first


def compiled_start(
    framework: Framework, setting: Setting, device: str, planned: Stencil, batched: Any
) -> Start:
    """The same in one compiled call, for frameworks that trace."""
    xp = framework.namespace("float64", device)

    def whole(x: Any, rest: Any, given: Any, numbers: Any, lines: Any) -> Any:
        sample, stencil = Trace(xp, x, rest, lines, setting, batched), planned.along(given)
        rough, reach = noise(sample), Reach.of(x, stencil, numbers, xp)
        ladder = climb(sample, stencil, numbers, steps(reach, 0), rough)
        return rough, reach, (ladder.slopes, ladder.rounding), extrapolate(ladder, xp)

    run = framework.compile(whole)

    def start(sample: Sampler, stencil: Stencil) -> First:
        def first(numbers: np.ndarray) -> tuple[Any, Reach, Ladder, Any]:
            found = run(sample.x, sample.rest, stencil.given, numbers, sample.lines)
            sample.evaluations += len(numbers) * LEVELS * 2**stencil.order + LINES * COUNT
            rough, reach, ladder, best = tree_map(framework.get, found)
            return rough, Reach(*reach), Ladder(*ladder), best

        return first

    return start


def extrapolated(sample: Sampler, stencil: Stencil, start: Start = plain_start) -> Result:
    """All directions on a ladder of steps, the first as long as the function answers to."""
    if start is not plain_start:
        return _extrapolated(sample, stencil, start)
    failure: Exception | None = None
    for shrink in SHRINKS:
        try:
            return _extrapolated(sample, stencil, partial(plain_start, shrink=shrink))
        except Exception as error:  # outside of its domain a function may raise what it likes
            failure = failure or error
    assert failure is not None
    raise failure


def _extrapolated(sample: Sampler, stencil: Stencil, start: Start) -> Result:
    """All directions on a ladder of steps, continued below for those that do not settle."""
    n = sample.x.size
    order = _mirror(stencil, n)
    found = np.zeros((2, len(order), prod(sample.setting.y_shape)))
    with np.errstate(all="ignore"):
        first = start(sample, stencil)
        for numbers in sample.blocks(np.unique(order), LEVELS * 2**stencil.order):
            rough, reach, ladder, best = first(numbers)
            if (probed := probes(sample, stencil, numbers, reach, rough)) is not None:
                ladder.limit(*probed)
                best = extrapolate(ladder)
            found[:, numbers] = best
            _continue(sample, stencil, numbers, reach, ladder, rough, found)
        values, errors = found[:, order]
        safety = SAFETY if sample.setting.dtype == "float64" else SAFETY_IN_SHORT
        bound = safety * stencil.assemble_bounds(errors, n)
    return Result(
        flat=stencil.assemble(values, n),
        bound=np.where(np.isnan(bound), np.inf, bound),
        note=f"{sample.evaluations:,} evaluations",
    )


def _continue(
    sample: Sampler,
    stencil: Stencil,
    numbers: np.ndarray,
    reach: Reach,
    ladder: Ladder,
    rough: Any,
    found: np.ndarray,
) -> None:
    """Continue the ladders that shorter steps may improve; values and errors go to `found`."""
    for rung in range(1, RUNGS):
        left = np.any(~(found[1, numbers] <= ladder.rounding[-1]), axis=1)
        if not left.any():
            break
        numbers, ladder, reach = numbers[left], ladder.of(left), reach.of_those(left)
        made = climb(sample, stencil, numbers, steps(reach, rung), rough)
        ladder = ladder.continued(made)
        found[:, numbers] = extrapolate(ladder)


def _mirror(stencil: Stencil, n: int) -> np.ndarray:
    """For each tuple, the tuple that has its value: one triangle of a symmetric table."""
    every = np.arange(n**stencil.free)
    return np.minimum(every, every % n * n + every // n) if stencil.symmetric else every


def by_hand(sample: Sampler, stencil: Stencil, scheme: str, step: float | None) -> np.ndarray:
    """The plain scheme with one absolute step, in the dtype, in the flat layout."""
    h, width = _held_step(sample, scheme, step)
    with np.errstate(all="ignore"):
        slopes = _slopes(sample, stencil, scheme, h, width)
        return stencil.assemble(slopes, sample.x.size)


def fixed_step(
    done: tuple[Sampler, Stencil, np.ndarray], scheme: str, step: float | None
) -> Result:
    """What the plain scheme gave, and its bound: that of extrapolated ones and the distance."""
    sample, stencil, flat = done
    h, width = _held_step(sample, scheme, step)
    with np.errstate(all="ignore"):
        reference = extrapolated(sample, stencil)
        assert reference.bound is not None
        apart = np.abs(flat - reference.flat)
        rough = noise(sample)
        bound = apart + reference.bound
    return Result(
        flat=flat,
        bound=np.where(np.isnan(bound), np.inf, bound),
        note=(
            f"step {h:.0e}: rounding noise {np.max(rough):.1e} of f over the step is up to "
            f"{2 * np.max(rough) / width:.1e}; error {np.max(apart):.1e} in all"
        ),
    )


def _held_step(sample: Sampler, scheme: str, step: float | None) -> tuple[float, float]:
    """The step as the dtype has it, given or the usual compromise, and what it divides by."""
    power = 1 / 2 if scheme == "forward" else 1 / 3
    h = float(sample.held(np.asarray(step or sample.eps**power)))
    if h == 0.0 or not np.isfinite(h):
        raise Unsupported(f"the step {step:.0e} is {h} in {sample.setting.dtype}: take another one")
    return h, 2 * h if scheme == "central" else h


def _slopes(sample: Sampler, stencil: Stencil, scheme: str, h: float, width: float) -> np.ndarray:
    """(f(x + h) − f(x − h)) / 2h or (f(x + h) − f(x)) / h along each direction, rows of y.

    Each operation is rounded to the dtype; float64 in between is long enough to change nothing.
    """
    n, found = sample.x.size, []
    for block in sample.blocks(np.arange(n**stencil.free), 2):
        (directions,) = stencil.block(block, n)
        ahead, behind = points(sample.x, (sample.held(h * directions),))
        back = (
            sample.held(behind) if scheme == "central" else np.broadcast_to(sample.x, ahead.shape)
        )
        values = sample(np.concatenate([sample.held(ahead), back]))
        slopes = sample.held(values[: len(block)] - values[len(block) :])
        found.append(sample.held(slopes / width))
    return np.concatenate(found)


TECHNIQUE = Differences()

"""All that is timed at one setting on one device, measured together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xgrad.frameworks import Framework, find_framework
from xgrad.problem import Arguments, Case, Operator, Setting
from xgrad.running import Row
from xgrad.techniques import (
    ERROR,
    Compute,
    Method,
    Staged,
    describe_error,
    find_target,
    prepare_value,
)
from xgrad.timing import clock, spread
from xgrad.timing.clock import Call, Loop, Subject
from xgrad.timing.memory import find_peak

Key = tuple[str, ...]  # of a subject: what is timed, of which operator or framework, by what


class SharedSetting(Setting):
    """A setting that puts its inputs on a device once, for all that is timed there."""

    def __init__(self, setting: Setting):
        s = setting
        super().__init__(s.case, s.size, s.point, s.dtype, s.seed, s.inputs, s.complexes)
        self._shared: dict[Key, Arguments] = {}

    def arguments(self, framework: Framework, device: str, dtype: str | None = None) -> Arguments:
        """The same arrays of the framework every time."""
        key = framework.name, device, dtype or self.dtype
        if key not in self._shared:
            self._shared[key] = super().arguments(framework, device, dtype)
        return self._shared[key]


@dataclass(frozen=True)
class Timed:
    """A method of an operator that is timed; `formula` is what it is compared with, if anything."""

    operator: Operator
    method: Method
    formula: Method | None

    @property
    def framework(self) -> Framework:
        """The method's."""
        return find_framework(self.method.framework)

    def key(self, what: str = "derivative") -> Key:
        """The subject of its derivative or throughput."""
        return what, self.operator.name, str(self.method)


class Bench:
    """One setting on one device: the subjects, and the numbers that come of them."""

    def __init__(self, setting: Setting, device: str, rng: np.random.Generator):
        self.setting = setting
        self.device = device
        self.rng = rng  # of the order of the rounds and of the bootstrap
        self.subjects: dict[Key, Subject] = {}
        self._computes: dict[Key, tuple[Framework, Compute]] = {}

    def rows(self, timed: Iterable[Timed], limit: float) -> list[Row]:
        """The numbers of each, or what went wrong."""
        listed = list(timed)
        firsts = [self._tried(self._first_call, each) for each in listed]
        for each in listed:
            self._add(each)
        clock.measure(
            list(self.subjects.values()), lambda: SharedSetting(self.setting), self.rng, limit
        )
        return [
            self._numbers(each, first) | self._tried(self._peak, each)
            for each, first in zip(listed, firsts, strict=True)
        ]

    # --- subjects --------------------------------------------------------------------------------

    def _add(self, each: Timed) -> None:
        """Prepare all that a method's numbers come from."""
        at, device = self.setting, self.device
        framework, key = each.framework, _value_key(at.case, each.method)
        target = find_target(framework, key[2], at.case)
        self._prepare(key, framework, lambda: prepare_value(framework, key[2], at, device, target))
        for method in filter(None, (each.method, each.formula)):
            start = partial(method.prepare, each.operator, at, device)
            self._prepare(Timed(each.operator, method, None).key(), framework, start)
        if device != "cpu" and each.key() in self._computes:
            queue = Subject(partial(self._queue, each.key()), partial(framework.scope, device))
            self.subjects[each.key("throughput")] = queue

    def _prepare(self, key: Key, framework: Framework, start: Callable[[], Compute]) -> None:
        """Make something a subject; what goes wrong is the subject's fault."""
        if key in self.subjects:
            return
        subject = Subject(partial(self._loop, key), partial(framework.scope, self.device))
        with subject.kept(), framework.scope(self.device):
            self._computes[key] = framework, start()
        self.subjects[key] = subject

    def _loop(self, key: Key, at: Setting) -> Loop:
        framework, compute = self._computes[key]
        run, arguments = steps(compute, at)
        return partial(clock.block, make_call(framework, self.device, run, arguments))

    def _queue(self, key: Key, at: Setting) -> Loop:
        framework, compute = self._computes[key]
        run, arguments = steps(compute, at)
        framework.wait(run(*arguments))
        return partial(clock.stream, partial(run, *arguments), framework.wait)

    # --- numbers ---------------------------------------------------------------------------------

    def _tried(self, number: Callable[[Timed], Row], each: Timed) -> Row:
        """A number as part of a row, or the error in its place."""
        try:
            with each.framework.scope(self.device):
                return number(each)
        except (Exception, SystemExit) as error:
            return self._failed(error)

    def _failed(self, error: BaseException) -> Row:
        return {"status": ERROR, "message": f"timing: {describe_error(error, self.setting)}"}

    def _first_call(self, each: Timed) -> Row:
        """The first call of the method prepared anew, nothing of it traced before."""

        def start() -> Call:
            each.framework.forget()
            compute = each.method.prepare(each.operator, self.setting, self.device)
            run, arguments = steps(compute, self.setting)
            return lambda: each.framework.wait(run(*arguments))

        return {"first_call": clock.first_call(start)}

    def _peak(self, each: Timed) -> Row:
        if each.key() not in self._computes:
            return {}
        framework, compute = self._computes[each.key()]
        run, arguments = steps(compute, self.setting)
        found = find_peak(framework, self.device, run, arguments)
        return {} if found is None else {"peak_memory": found}

    def _numbers(self, each: Timed, first: Row) -> Row:
        own = self.subjects[each.key()]
        if own.fault is not None:
            return self._failed(own.fault)
        value = self.subjects[_value_key(self.setting.case, each.method)]
        formula = []
        if each.formula:
            formula = self.subjects[Timed(each.operator, each.formula, None).key()].samples
        many = self.subjects.get(each.key("throughput"))
        return {
            **first,
            "derivative": spread.median(own.samples),
            "value": spread.median(value.samples),
            **_named("ratio", spread.ratio(own.samples, value.samples, self.rng)),
            **_named("per_formula", spread.ratio(own.samples, formula, self.rng)),
            "iqr": spread.quartile_range(own.samples),
            "noisy": any(s.doubtful or spread.is_noisy(s.samples) for s in (own, value)),
            "disturbed": own.disturbed,
            "repeats": len(own.samples),
            "calls": own.number,
            "throughput": 1 / spread.median(many.samples) if many else float("nan"),
            "samples": json.dumps([float(f"{s:.6g}") for s in own.samples]),
        }


def _named(name: str, found: spread.Estimate) -> Row:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _value_key(case: Case, method: Method) -> Key:
    """The function itself, as the method's users evaluate it: eager, compiled, or a library's."""
    framework = find_framework(method.framework)
    own = find_target(framework, method.variant, case) or (
        framework.traces(method.variant) and not framework.traces("")
    )
    return "value", method.framework, method.variant if own else ""


def steps(compute: Compute, at: Setting) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """What runs in the timed region, and its arguments; all of it, where no steps are told."""
    if isinstance(compute, Staged):
        return compute.run, compute.put(at)
    return (lambda here: compute(here).native), (at,)


def find_wait(framework: Framework, device: str, result: Any) -> Callable[[Any], Any] | None:
    """The quickest wait for all of a result like this one; None where the call itself waits."""
    if framework.ready and device == "cpu":
        return None
    parts = result if isinstance(result, tuple) else (result,)
    if not any(framework.is_array(p) or isinstance(p, tuple) for p in parts):
        return None  # finished on the host
    return framework.quick_wait(result) or framework.wait


def make_call(
    framework: Framework, device: str, run: Callable[..., Any], arguments: tuple[Any, ...]
) -> Call:
    """A call that ends when its whole result is there, after one that shows how to wait for it."""
    wait = find_wait(framework, device, framework.wait(run(*arguments)))
    if wait is None:
        return partial(run, *arguments)
    return lambda: wait(run(*arguments))

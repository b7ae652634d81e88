"""The ways to differentiate, one file each: what a technique knows about mathematics."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from xgrad.errors import UsageError, unknown
from xgrad.frameworks import (
    TECHNIQUES,
    Framework,
    broken_plugins,
    find_framework,
    frameworks,
    leave_out,
    plugins,
    require_installed,
    require_named,
)
from xgrad.problem import Case, Operator, Setting
from xgrad.techniques.base import Compute, Technique, parse_step


@dataclass(frozen=True)
class Method:
    """A framework and a technique, written `torch.reverse` or `torch.reverse:func`."""

    framework: str
    technique: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.framework}.{self.label}"

    @property
    def label(self) -> str:
        """The technique with its variant, as the table's column has it."""
        return f"{self.technique}:{self.variant}" if self.variant else self.technique

    @property
    def takes_step(self) -> bool:
        """Whether `@step` may follow."""
        return techniques()[self.technique].takes_step(self.variant)

    @property
    def family(self) -> str:
        """The name without a step size: `numpy.differences:central` of `…@1e-4`."""
        return str(self).partition("@")[0]

    def prepare(self, operator: Operator, setting: Setting, device: str) -> Compute:
        """The technique's preparation on this framework."""
        framework = find_framework(self.framework)
        return techniques()[self.technique].prepare(
            framework, self.variant, operator, setting, device
        )


OURS = ("reverse", "forward", "formula", "differences", "complex_step", "invariance")
_TECHNIQUES: dict[str, Technique] = {}


def techniques() -> dict[str, Technique]:
    """All techniques by name: ours, then those of entry points in `xgrad.techniques`."""
    if not _TECHNIQUES:
        for name in OURS:
            module = importlib.import_module(f"xgrad.techniques.{name}")
            _TECHNIQUES[name] = module.TECHNIQUE
        plugins(TECHNIQUES, _add)
    return _TECHNIQUES


def _add(name: str, value: Any) -> None:
    require_named(name, value, Technique, _TECHNIQUES)
    _TECHNIQUES[name] = value


def _variants(technique: Technique, framework: Framework, case: Case | None) -> dict[str, bool]:
    """The variants of a technique; none where a third party's fails to say."""
    try:
        return dict(technique.variants(framework, case))
    except Exception as error:
        if technique.name in OURS:
            raise
        leave_out(TECHNIQUES, technique.name, error)
        return {}


def methods_of(case: Case | None, named: Iterable[str] = ()) -> dict[Method, bool]:
    """Every method of a case (or of any case), and whether its variant is a usual one.

    Those of an optional framework are among them where `named` spells it out.
    """
    return {
        Method(framework.name, technique.name, variant): usual
        for framework in frameworks(named).values()
        if not (case and case.framework) or framework.name == case.framework
        for technique in techniques().values()
        for variant, usual in _variants(technique, framework, case).items()
    }


def choose_methods(case: Case, patterns: tuple[str, ...] | None) -> list[Method]:
    """The methods of a case that match the patterns; without patterns, the usual ones.

    Unusual ones need a pattern with a colon or a whole technique: `torch.*` leaves
    `torch.reverse:compiled` and `torch.differences` out, `torch.reverse:*` and `*.differences`
    have them. `@step` sets the step of a plain difference.
    """
    every = methods_of(case, case.methods if patterns is None else patterns)
    if patterns is None:
        usual = [m for m, on in every.items() if on and find_framework(m.framework).contestant]
        return usual + [m for m in _matching(every, case.methods) if m not in usual]
    return _matching(every, patterns)


def _matching(every: dict[Method, bool], patterns: tuple[str, ...]) -> list[Method]:
    chosen: dict[Method, None] = {}
    for pattern in patterns:
        name, at, step = pattern.partition("@")
        whole = ":" in name or not set(name.partition(".")[2]) & set("*?[")
        for method, usual in every.items():
            if at and not method.takes_step:
                continue
            if fnmatchcase(str(method), name) and (usual or whole):
                stepped = Method(method.framework, method.technique, f"{method.variant}@{step}")
                chosen[stepped if at else method] = None
    return list(chosen)


def require_methods(cases: list[Case], patterns: tuple[str, ...]) -> None:
    """Raise `UsageError`, with the nearest names, for a pattern that no case can match."""
    known = {str(m) for case in cases for m in methods_of(case)} if patterns else set()
    if known.issuperset(patterns):
        return
    require_installed(patterns)
    every = {str(m): m for case in [None, *cases] for m in methods_of(case, patterns)}
    for pattern in patterns:
        name, at, step = pattern.partition("@")
        found = [method for text, method in every.items() if fnmatchcase(text, name)]
        if not found:
            _require_whole(name)
            raise unknown("method", pattern, every)
        if at and not any(method.takes_step for method in found):
            able = ", ".join(f"{text}@{step}" for text, m in every.items() if m.takes_step)
            raise UsageError(f"{name} takes no step; these do: {able}")
        if at:
            parse_step(pattern, step)


def _require_whole(name: str) -> None:
    """Raise `UsageError` where a method is of a plugin that could not be used."""
    framework, _, technique = name.partition(".")
    for part in (framework, technique.partition(":")[0]):
        for broken in broken_plugins(part) if part else ():
            raise UsageError(f"there is no method {name}: {broken}")

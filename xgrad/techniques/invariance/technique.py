"""The technique of presentations, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import numpy as np

from xgrad.errors import Unavailable, Unsupported, unknown
from xgrad.frameworks import Framework, find_framework
from xgrad.problem import Arguments, Case, Operator, Setting, outputs_of, parameters_in
from xgrad.techniques.base import Compute, Staged, Technique
from xgrad.techniques.invariance.presentation import Presentation, Run, ValueDiffers
from xgrad.techniques.invariance.tables import PRESENTATIONS
from xgrad.techniques.methods import Method
from xgrad.techniques.transforms import find_target

INVARIANCE = "invariance"
ALL, USUAL = "all", "usual"  # in place of names
OF = " of "  # between a presentation and the library function that it is of


class _Function:
    """A case as a function of other inputs and the differentiated ones; with its outputs apart."""

    def __init__(self, setting: Setting, xp: Any, target: Any):
        self._setting, self._xp, self._target = setting, xp, target
        several = outputs_of(target or setting.case.function)
        self.outputs = several and self._several

    def __call__(self, rest: dict[str, Any], *xs: Any) -> Any:
        return self._called(self._target, rest, xs)

    @property
    def given(self) -> list[bool]:
        """Of each differentiated input, whether a caller lays it out: a module does parameters."""
        case = self._setting.case
        own = parameters_in(self._target or case.function)
        return [name not in own for name in case.wrt]

    def _several(self, rest: dict[str, Any], *xs: Any) -> Any:
        return self._called(outputs_of(self._target or self._setting.case.function), rest, xs)

    @property
    def count(self) -> int:
        """How many outputs there are."""
        several = self.outputs
        if several is None:
            return 1
        framework = find_framework(self._setting.case.framework)
        with framework.scope():
            given = self._setting.arguments(framework, "cpu")
            return len(several(given.rest, *given.xs))

    def _called(self, target: Any, rest: dict[str, Any], xs: tuple[Any, ...]) -> Any:
        static = self._setting.static
        return self._setting.function(Arguments(self._xp, xs, rest, static), target)(*xs)


class Invariance(Technique):
    """The same numbers presented otherwise: layouts, calls, transforms."""

    name = INVARIANCE

    def variants(self, framework: Framework, case: Case | None) -> dict[str, bool]:
        """All presentations that the framework has, of the function and of library functions."""
        known = PRESENTATIONS.get(framework.name, {})
        own = (
            [i.name for i in case.implementations if i.framework == framework.name] if case else []
        )
        return dict.fromkeys(_labels(known, [*own, ""]), False)

    def applies(self, variant: str, operator: Operator, case: Case) -> bool:
        """To the operator that it is judged by: of a scalar's or another's first order both."""
        asked = _rows_called(variant)[0].operator
        return operator.name == asked if asked else operator.name in ("gradient", "vjp")

    def prepare(
        self, framework: Framework, variant: str, operator: Operator, setting: Setting, device: str
    ) -> Compute:
        """The computation; raises `Unsupported` where it means nothing, or raising is right."""
        name, _, library = variant.partition(OF)
        shown = PRESENTATIONS[framework.name][name]
        xp = framework.namespace(setting.dtype, device)
        call = _Function(setting, xp, find_target(framework, library, setting.case))
        reason = shown.needs(setting, call)
        if reason:
            raise Unsupported(reason)

        def put(at: Setting) -> tuple[Any, ...]:
            given = at.arguments(framework, device)
            v, w = at.directions(operator, framework, device)
            one = framework.put(np.ones(()), at.dtype, device)
            return given.xs, given.rest, v, one if operator.name == "gradient" else w

        return Staged(put, partial(_refusing, shown, shown.make(call)), recorded=shown.recorded)


def _refusing(shown: Presentation, run: Run, *given: Any) -> Any:
    try:
        return run(*given)
    except (ValueDiffers, Unavailable):
        raise
    except Exception as error:
        if any(text in str(error) for text in shown.refuses):
            raise Unsupported(f"raises, which is loud: {type(error).__name__}: {error}") from error
        raise


TECHNIQUE = Invariance()


# --- names ----------------------------------------------------------------------------------------


def _labels(names: Iterable[str], libraries: Iterable[str]) -> list[str]:
    return [f"{n}{OF}{i}" if i else n for i in libraries for n in names]


def _rows_called(variant: str) -> list[Presentation]:
    name = variant.partition(OF)[0]
    return [rows[name] for rows in PRESENTATIONS.values() if name in rows]


def presentation_of(method: Method) -> Presentation:
    """The row that a method is of."""
    return PRESENTATIONS[method.framework][method.variant.partition(OF)[0]]


def plain_of(method: Method) -> Method:
    """Reverse mode of the same function, presented as usual."""
    return Method(method.framework, "reverse", method.variant.partition(OF)[2])


def require_presentations(asked: Iterable[str], framework: str = "") -> None:
    """Raise `UsageError`, with the nearest names, for a name or pattern that nothing has."""
    tables = [PRESENTATIONS[framework]] if framework in PRESENTATIONS else PRESENTATIONS.values()
    known = [ALL, USUAL, *dict.fromkeys(name for rows in tables for name in rows)]
    for name in asked:
        if not any(fnmatchcase(each, name) for each in known):
            raise unknown("invariance", name, known)


def choose_presentations(setting: Setting, asked: tuple[str, ...]) -> list[Method]:
    """The presentations of a case that names, patterns, `all` or `usual` ask for.

    Of library functions where the case has some, else of its own. Those that mean nothing for the
    function are left out, unless they are named.
    """
    found = []
    for name, rows in PRESENTATIONS.items() if asked else ():
        if setting.case.framework in ("", name):
            own = [i.name for i in setting.case.implementations if i.framework == name] or [""]
            for library in own:
                chosen = [r for r in rows.values() if _is_chosen(r, setting, name, library, asked)]
                found += [Method(name, INVARIANCE, v)
                          for v in _labels([r.name for r in chosen], [library])]  # fmt: skip
    return found


def _is_chosen(
    row: Presentation, setting: Setting, framework: str, library: str, asked: tuple[str, ...]
) -> bool:
    words = {ALL: not row.named, USUAL: len(setting.x) <= row.unasked}
    if row.name in asked:
        return True
    if not any(words[a] if a in words else fnmatchcase(row.name, a) for a in asked):
        return False
    target = find_target(find_framework(framework), library, setting.case)
    return not row.needs(setting, _Function(setting, None, target))

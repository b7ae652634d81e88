"""The referee: for every operator the truth, with the evidence that it rests on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Self

import numpy as np

from xgrad.errors import BudgetExceeded, NotElementwise
from xgrad.frameworks import find_framework
from xgrad.numbers import BITS, LEDGER, Ball, ball, budget, in_full, precision
from xgrad.problem import OPERATORS, Arguments, Operator, Setting, flatten
from xgrad.programs import recognising
from xgrad.referee.beside import meets_branches, with_branches
from xgrad.referee.candidates import (
    Candidate,
    attempted,
    find_candidate,
    find_contraction,
    formula_candidate,
)
from xgrad.referee.certificate import Certifier
from xgrad.referee.diagonal import diagonal
from xgrad.referee.doubled import IN_PAIRS, FormulaInPairs, InPairs, formula_in_pairs
from xgrad.referee.grades import APPROXIMATE, CERTIFIED
from xgrad.referee.holomorphic import require_holomorphic
from xgrad.referee.longer import in_longer_floats
from xgrad.referee.noise import measured
from xgrad.referee.own import OwnDerivative, find_own
from xgrad.referee.truth import PROBES, Truth, at_kink, finished, taken
from xgrad.techniques import (
    ONES,
    Definition,
    Planner,
    Stencil,
    apply_formula,
    flat_function,
    plan,
)

BEYOND = "a kink, and every coordinate is beyond the budget"


@dataclass(frozen=True)
class Budget:
    """What the referee may spend on one operator: nominal seconds on one core, and memory.

    With `quick` a torch function of any size is certified in double-double, where it can be.
    """

    seconds: float = 20.0
    gigabytes: float = 4.0
    quick: bool = False


class Referee:
    """The truth about one setting, operator by operator; what they share is evaluated once."""

    candidate = "the formula"  # in words
    branches = True  # whether it looks for those that meet at the point

    def __init__(self, setting: Setting, limits: Budget | None = None):
        self.setting = setting
        self.limits = limits or Budget()
        self.framework = find_framework("ball")
        self.x = setting.flat_x
        self._truths: dict[tuple[str, bool], Truth] = {}
        self._refuted: dict[tuple[str, str], float | None] = {}
        self._definitions: dict[tuple[bool, bool, int], Definition] = {}
        self._certifier = Certifier(setting, self._definition)

    def along(self, setting: Setting) -> Self:
        """The referee at the same inputs and another cotangent, which shares what rests on none."""
        made = copy(self)
        made.setting = setting
        made._truths = {k: t for k, t in self._truths.items() if not OPERATORS[k[0]].directions}
        made._refuted = {}
        made._certifier = Certifier(setting, made._definition)
        for kept in ("_derivative", "_pairs"):  # they know their cotangent
            made.__dict__.pop(kept, None)
        return made

    def _budget(self) -> AbstractContextManager[Any]:
        return budget(self.limits.seconds, self.limits.gigabytes)

    def _contracted(self, operator: Operator) -> Truth | None:
        """What a result that is known makes it: w J, and of a scalar H v from w H v; or None."""
        source, make = _MADE_OF.get(operator.name, ("", None))
        known = self._truths.get((source, False))
        if make is None or known is None or known.exact is None or known.directions:
            return None
        scalar = self.setting.y_shape == () and known.kind == "certified"
        if operator.name == "hvp" and not scalar:
            return None
        with precision(BITS):
            truth = taken(known, partial(make, ball(self.setting.w)))
        if truth.kind == "certified":
            self._add_noise(operator, truth)
        return truth

    def truth(self, operator: Operator, *, independent: bool = False) -> Truth:
        """The truth of an operator with its certificate, kept for the next call.

        `independent` asks for the definition along every direction, whatever the formula says:
        for judging the formula itself in balls. Raises `NotElementwise`.
        """
        key = operator.name, independent
        if key not in self._truths:
            known = None if independent else self._contracted(operator) or self._in_pairs(operator)
            self._truths[key] = known or self._find(operator, independent)
        return self._truths[key]

    @cached_property
    def _pairs(self) -> InPairs | None:
        """The case in double-double; None where balls are cheap, or it cannot be run so."""
        return formula_in_pairs(self.setting, quick=self.limits.quick)

    def _in_pairs(self, operator: Operator) -> Truth | None:
        """The candidate in double-double, certified; None where there is a doubt."""
        if operator.name not in IN_PAIRS:
            return None
        with self._budget():
            return self._pairs.truth(operator) if self._pairs else None

    def _find(self, operator: Operator, independent: bool) -> Truth:
        try:
            with self._budget():
                truth, right = self._in_balls(operator, independent)
        except BudgetExceeded as reason:
            truth, right = (
                in_longer_floats(operator, self.setting, f"beyond the budget: {reason}"),
                True,
            )
        except NotElementwise:
            raise
        except Exception as error:
            return Truth("none", f"{type(error).__name__} in ball arithmetic: {error}")
        if truth.kind == "kink":
            right = self._meets_beside(operator, truth)
        if right and not independent and truth.kind != "none":
            self._add_noise(operator, truth)
        return truth

    def _meets_beside(self, operator: Operator, truth: Truth) -> bool:
        """Whether the candidate is right wherever there is no kink."""
        compute = self._find_candidate(operator)
        made = attempted(partial(self._evaluate, compute), BITS) if compute else "is missing"
        return not isinstance(made, str) and truth.meets(made)

    def refuted_digits(self, operator: Operator, variant: str) -> float | None:
        """To how many digits a formula and the truth agree in balls, where that refutes it.

        None for one that is right up to constants rounded to floats, for library code, and where
        the truth is not known element by element.
        """
        key = operator.name, variant
        if key not in self._refuted:
            try:
                with self._budget():
                    self._refuted[key] = self._refutes(operator, variant)
            except Exception:  # one that fails in balls is judged as it runs
                self._refuted[key] = None
        return self._refuted[key]

    def _refutes(self, operator: Operator, variant: str) -> float | None:
        formula = self.setting.case.find_formula(operator.name, variant)
        if formula is None or formula.frameworks is not None:
            return None
        compute = formula_candidate(formula.function, operator, self.setting)
        truth = self.truth(operator)
        if truth.exact is None and isinstance(self._pairs, FormulaInPairs):
            digits = self._pairs.agreed(compute, truth)
            return digits if digits < APPROXIMATE.least else None
        return self.refutation(operator, self._evaluate(compute, BITS))

    def refutation(self, operator: Operator, candidate: Ball) -> float | None:
        """To how many digits a formula's result in balls meets the truth; None where it is right.

        And where that cannot be said: of a truth that is not known element by element.
        """
        truth = self.truth(operator)
        if truth.kind not in ("certified", "definition") or truth.exact is None:
            return None
        if self.setting.case.legal is not None:
            return None  # it may differ from the truth along directions that nobody may go
        gap = np.max(truth.error(candidate), initial=0.0)
        size = np.max(np.abs(truth.high), initial=0.0)
        terms = 0.0 if truth.noise is None else np.max(truth.noise, initial=0.0)
        if not size > 10.0**-CERTIFIED.least * terms or not np.isfinite(gap) or gap == 0.0:
            return None
        digits = max(0.0, float(-np.log10(gap / size)))
        return digits if digits < APPROXIMATE.least else None

    # --- in balls ------------------------------------------------------------------------------

    def _in_balls(self, operator: Operator, independent: bool) -> tuple[Truth, bool]:
        """The truth, and whether the candidate that it came from or was checked with is right."""
        compute = self._find_candidate(operator)
        if operator.order == 0:
            assert compute is not None
            return finished("definition", self._evaluate(compute, BITS)), True
        if operator.of == "elementwise" and self.setting.unit is not None:
            require_holomorphic(operator, self.setting, self._definition(operator)[0])
        elif operator.of == "elementwise" and operator.order > 1:
            self._require_first(operator)
        if independent:
            return self._defined(operator), False
        if compute is None:
            truth = self._borrowed(operator)
            return truth or self._defined(operator), truth is not None
        truth = self._certified(operator, compute)
        if truth.kind != "none":
            return truth, truth.kind == "certified"
        failure = truth
        truth = self._defined(operator)
        truth.note = "; ".join(filter(None, (failure.note, truth.note)))
        truth.digits, truth.stops = failure.digits, failure.stops
        return truth, False

    def _evaluate(self, compute: Candidate, bits: int) -> Ball:
        """A candidate in ball arithmetic of so many bits."""
        with precision(bits):
            v = tuple(ball(a) for a in self.setting.v)
            return ball(in_full(compute)(self._arguments, v, ball(self.setting.w)))

    @cached_property
    def _arguments(self) -> Arguments:
        return self.setting.arguments(self.framework, "cpu")

    def _definition(self, operator: Operator, attempt: int = 0) -> tuple[Definition, Stencil]:
        """What to take differences of, and along what: the certified gradient for second order."""
        if operator.order == 2 and operator.of in ("scalar", "potential"):
            gradient = OPERATORS["gradient"]
            known = self._flat_gradient()
            if known is not None and self.truth(gradient).kind == "certified":
                stencil = plan(operator, self.setting, Planner(gradient_known=True))
                return self._kept_definition(attempt, known), stencil
        return self._kept_definition(attempt), plan(operator, self.setting)

    def _kept_definition(
        self, attempt: int, known: Callable[[Ball], Ball] | None = None
    ) -> Definition:
        """Differences of the function, or of a gradient that is known; operators share values."""
        key = known is not None, recognising(), attempt
        if key not in self._definitions:
            self._definitions[key] = (
                Definition(known, self.x, attempt)
                if known is not None
                else Definition(self._flat(), self.x, attempt, self.setting.x_shapes, self._centre)
            )
        return self._definitions[key]

    _centre: Callable[[], Ball] | None = None  # the value at x, where it is kept

    def _flat(self) -> Callable[[Ball], Ball]:
        """The function as one of flat balls."""
        return flat_function(self.setting, self._arguments)

    def _flat_gradient(self) -> Callable[[Ball], Ball] | None:
        """The candidate of the gradient, as a function of flat balls; None where there is none."""
        gradient = OPERATORS["gradient"]
        formula = self.setting.case.reference_formula("gradient")
        if formula is None:
            return None

        def known(a: Arguments) -> Any:
            result = apply_formula(formula.function, gradient, self.setting, a)
            return flatten(gradient, self.setting, result, a.xp)

        return flat_function(self.setting, self._arguments, known)

    def _find_candidate(self, operator: Operator) -> Candidate | None:
        return find_candidate(operator, self.setting)

    def _certified(self, operator: Operator, compute: Candidate) -> Truth:
        """A candidate that the definition confirms, or why it does not."""
        evaluate = partial(self._evaluate, compute)
        return self._certifier.confirmed(operator, evaluate, self.candidate)

    @cached_property
    def _derivative(self) -> OwnDerivative | None:
        """What an installed framework makes of the function."""
        return find_own(self.setting)

    def _borrowed(self, operator: Operator) -> Truth | None:
        """Without a formula: a framework's own derivative, where the definition confirms it.

        Along legal directions alone another may differ from it and be as right.
        """
        if self.setting.case.legal is not None:
            return None
        compute = self._derivative.compute(operator) if self._derivative else None
        if self._derivative is None or compute is None:
            return None
        truth = self._certifier.confirmed_own(self._derivative, operator, compute)
        return truth if truth.kind == "certified" else None

    def _defined(self, operator: Operator) -> Truth:
        """The definition along every coordinate, or along a few random directions."""
        definition, stencil = self._definition(operator)
        if stencil.elementwise:
            return self._elementwise(operator, definition, stencil)
        if self.setting.case.legal is not None and stencil.free:
            return self._along_probes(definition, stencil, "legal directions only")
        try:
            slopes = definition.slopes(stencil)
            if self.branches:
                slopes = with_branches(definition, stencil, self.setting, slopes)
        except BudgetExceeded as reason:
            LEDGER.spent = 0
            return self._along_probes(definition, stencil, f"beyond the budget: {reason}")
        if slopes.kinked:
            return at_kink(slopes)
        return finished("definition", slopes.central)

    def _along_probes(self, definition: Definition, stencil: Stencil, reason: str) -> Truth:
        rng = self.setting.generator("probes")
        if meets_branches(definition, stencil, self.setting, points=1):
            return Truth("none", BEYOND)
        LEDGER.spent = 0  # looking for branches is no part of what probes may cost
        found, chosen = [], []
        for _ in range(PROBES):
            directions = [self.setting.draw_flat_direction(rng) for _ in range(stencil.free)]
            slopes = definition.slopes(stencil.filled(directions))
            if slopes.kinked:
                return Truth("none", BEYOND)
            found.append(slopes.central.data.reshape(-1))
            chosen.append(directions)
        note = f"{PROBES} random directions, {reason}"
        truth = finished("probes", ball(np.concatenate(found)), note)
        truth.directions = chosen
        return truth

    def _elementwise(self, operator: Operator, definition: Definition, stencil: Stencil) -> Truth:
        """One direction gives all elements, a second one shows whether the Jacobian is diagonal."""
        found = diagonal(operator, self.setting, definition, stencil)
        return at_kink(found) if found.kinked else finished("definition", found.central)

    def _require_first(self, operator: Operator) -> None:
        """Raise `NotElementwise` for the first derivative: a linear map's second one is no help."""
        definition, _ = self._definition(operator)
        diagonal(operator, self.setting, definition, Stencil((ONES,)))

    # --- rounding ------------------------------------------------------------------------------

    def _add_noise(self, operator: Operator, truth: Truth) -> None:
        """noise_i = the largest |sample_i − truth_i| over samples in noisy arithmetic.

        A formula of a sum may be simpler than the sum (a curl that is 0): the terms count too. A
        framework's own derivative is sampled on demand.
        """
        formula = find_candidate(operator, self.setting)
        if formula is None:
            assert self._derivative is not None
            truth.noises = self._derivative.noises(operator, truth)
            return
        truth.noise = measured(formula, self.setting, truth)
        terms = find_contraction(operator, self.setting)
        if terms is not None and operator.layout in ("", "y") and truth.noise is not None:
            of_terms = measured(terms, self.setting, truth)
            if of_terms is not None:
                truth.noise = np.maximum(truth.noise, of_terms)


def _times(w: Ball, jacobian: Ball) -> Ball:
    xp = jacobian.namespace
    return xp.tensordot(xp.reshape(w, (-1,)), jacobian, axes=1)


# By operator, of which other one's result it is made, and how.
_MADE_OF: dict[str, tuple[str, Callable[[Ball, Ball], Ball]]] = {
    "vjp": ("jacobian", _times),
    "hvp": ("weighted_hvp", lambda w, product: product / w),
}

"""The referee on a function of torch or JAX: its own program, run in balls.

The definition judges the framework's own derivative, run in balls too; where they meet to forty
digits that is the truth for every element. Balls are trusted where they reproduce what the
framework computes in float64; elsewhere, and where an operation has no rule, weaker evidence is
asked, and the row says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from xgrad.errors import BudgetExceeded, NotElementwise
from xgrad.numbers import BITS, EPS, Ball, ball, budget, midpoint, precision
from xgrad.problem import OPERATORS, Operator, Setting
from xgrad.programs import Escape
from xgrad.referee.blame import UNTOLD, find_faults
from xgrad.referee.derivatives import (
    ONE,
    PULLED,
    forward_digits,
    in_parts,
    joined,
    lifted,
    parts_at,
    value_of,
)
from xgrad.referee.detached import CONSTANT, advice, hold, told
from xgrad.referee.doubled import FROM, FROM_QUICK, ProgramInPairs, in_pairs
from xgrad.referee.equations import find_equation_faults
from xgrad.referee.faults import Fault
from xgrad.referee.grades import APPROXIMATE
from xgrad.referee.own import Compute, OwnDerivative
from xgrad.referee.referee import Budget, Referee
from xgrad.referee.truth import NEAR, Truth, is_near
from xgrad.referee.weaker import WIDE, DifferencesReferee
from xgrad.techniques import OK, Prepared

CHEAP = 0.1  # nominal seconds of the candidate in balls, within which they decide
ROUNDINGS = 1e3  # of a shorter type, where the function runs in no longer one
NUDGE = 1e-9  # of numbers that leave the program, to see whether they do more than steer
SHARE = 0.1  # of the gap in balls that the float64 of a refuted derivative shows at least


class ProgramReferee(Referee):
    """The truth about a function that exists in one framework only."""

    def __init__(
        self,
        setting: Setting,
        framework: str,
        device: str,
        limits: Budget | None = None,
        weaker: DifferencesReferee | None = None,
        compiled: dict[str, Prepared] | None = None,
    ):
        """`weaker` and `compiled` are what referees of the same function share."""
        super().__init__(setting, limits)
        self.own = framework
        self.device = device
        self.candidate = f"{framework}'s own derivative"
        self.weaker = weaker or DifferencesReferee(setting, framework, device, compiled)
        self._candidates: dict[str, np.ndarray] = {}
        self._held: Any = None  # the program with what it detaches held
        self._faults: dict[str, list[Fault]] = {}
        self.unblamed: dict[str, str] = {}  # by operator, why no rule can be named
        self.whole: Referee | None = None  # that of f, where this is that of ⟨w, f⟩

    def in_dtype(self, dtype: str) -> ProgramReferee:
        """The referee at the same inputs in another dtype, which shares what is computed."""
        weaker, at = self.weaker.in_dtype(dtype), self.setting.in_dtype(dtype)
        return type(self)(at, self.own, self.device, self.limits, weaker)

    def along(self, setting: Setting) -> Self:
        """The referee at the same inputs and another cotangent, which shares what rests on none."""
        made = super().along(setting)
        made.weaker = self.weaker.along(setting)
        made._candidates, made._faults = {}, {}
        return made

    def truth(self, operator: Operator, *, independent: bool = False) -> Truth:
        """The truth of an operator by balls, or by weaker evidence with the reason."""
        key = operator.name, False
        if key not in self._truths:
            if self.whole is not None and operator.name == "hvp":
                self._truths[key] = self.whole.truth(OPERATORS["weighted_hvp"])
            else:
                self._truths[key] = self._contracted(operator) or self._found(operator)
        return self._truths[key]

    def refuted_by(self, operator: Operator, technique: str) -> float | None:
        """Digits of the framework's own reverse or forward mode where the definition refutes it.

        In balls; its float64 must show a gap of that size, or a rule of ours may be at fault.
        """
        truth = self.truth(operator)
        known = truth.kind in ("definition", "probes") and truth.bound is None
        if not known or technique not in _MODES:
            return None
        if (operator.name, technique) not in self._refuted:
            with self._derivative.inside():
                found = _MODES[technique](self, operator, truth)
            felt = self._felt(technique, operator, truth)
            wrong = found < APPROXIMATE.least and felt > SHARE * 10.0**-found
            self._refuted[operator.name, technique] = found if wrong else None
        return self._refuted[operator.name, technique]

    def _felt(self, technique: str, operator: Operator, truth: Truth) -> float:
        """How far float64 is from the truth, of its largest element."""
        native, near = self._native(technique, operator)
        if native is None or not (near <= NEAR or self._narrowed):
            return 0.0
        seen = np.asarray(truth.seen(native))
        return truth.gap(seen) if seen.shape == truth.high.shape else 0.0

    def _forward_digits(self, operator: Operator, truth: Truth) -> float:
        if truth.directions:
            return np.inf
        return forward_digits(self.setting, self._program, operator, truth.high)

    def _reverse_digits(self, operator: Operator, truth: Truth) -> float:
        """To how many digits the candidate met the definition."""
        known = operator.name in self._candidates and np.isfinite(truth.digits)
        return truth.digits if known else np.inf

    # --- what is detached ------------------------------------------------------------------------

    @property
    def holds(self) -> bool:
        """Whether what the function detaches is held fixed, as its author claims."""
        return self.setting.case.detached == CONSTANT

    def _held_said(self, truth: Truth) -> Truth:
        """With what was held, where that was asked for."""
        said = told(self._held) if self.holds and self._held is not None else ""
        truth.note = "; ".join(filter(None, (truth.note, said)))
        return truth

    def _narrowness_said(self, operator: Operator, truth: Truth) -> Truth:
        """With where digits go that float64 has and the function has not."""
        if not self._narrowed or EPS[self.setting.dtype] >= EPS[_dtype(self._narrowed)]:
            return truth
        value, _ = self._native("formula", OPERATORS["value"])
        native, _ = self._native("reverse", operator)
        pairs = (self._near, value), (self._candidates.get(operator.name), native)
        if all(a is None or b is None or is_near(a, b, NEAR) for a, b in pairs):
            return truth
        said = f"the function computes in {self._narrowed}"
        note = "; ".join(filter(None, (truth.note, said)))
        return replace(truth, note=note, narrowed=_dtype(self._narrowed))

    @cached_property
    def detached(self) -> str:
        """What to say of values that the function takes out of its derivative, if it does."""
        if self.holds or self._unfit:
            return ""
        try:
            with self._derivative.inside(), self._budget():
                drawn = self.setting.draw_flat_direction(self.setting.generator("detached"))
                at, along = (in_parts(self.setting, ball(a)) for a in (self.x, drawn))
                return advice(self._program, at, along)
        except UNTOLD:
            return ""  # said of a row that has its verdict already

    def faults(self, operator: Operator) -> list[Fault]:
        """The rules that make the framework's reverse mode wrong; none where none can be named."""
        if operator.name not in self._faults:
            try:
                self._faults[operator.name] = self._blamed(operator)
            except UNTOLD as reason:  # the verdict stands without it
                self._faults[operator.name] = []
                self.unblamed[operator.name] = f"no blame: {type(reason).__name__}: {reason}"
        return self._faults[operator.name]

    def _blamed(self, operator: Operator) -> list[Fault]:
        rng = self.setting.generator("blame")
        with self._derivative.inside(), precision(BITS), self._budget():
            x = parts_at(self.setting)
            if hasattr(self._program, "parts"):
                return find_equation_faults(self._program, x, rng, operator.order)
            if operator.name not in PULLED:
                return []
            program, w = PULLED[operator.name](self.setting, self._program, rng)
            return find_faults(program, x, w, rng)

    # --- by balls, or else -----------------------------------------------------------------------

    def _found(self, operator: Operator) -> Truth:
        """By balls where they can tell and are to be trusted, else by weaker evidence.

        In double-double first where balls are dear: what has a doubt there has none yet.
        """
        truth = None if self._run_ahead(operator) else self._in_pairs(operator)
        if truth is not None:
            return self._narrowness_said(operator, truth)
        reason = self._unfit
        if not reason:
            with self._derivative.inside():
                truth = self._find(operator, False)
                reason = truth.note if truth.kind == "none" else self._doubt(operator, truth)
            if not reason:
                return self._held_said(self._narrowness_said(operator, truth))
        if self.holds:
            return Truth("none", f'detached="{CONSTANT}" is judged in balls alone; {reason}')
        truth = self.weaker.truth(operator)
        return replace(truth, note="; ".join(filter(None, (truth.note, reason))))

    def _run_ahead(self, operator: Operator) -> bool:
        """The candidate, in whose run the value is seen; whether balls have it for little."""
        compute = self._derivative.compute(operator)
        if self._program is None or compute is None or operator.name not in _SEEING:
            return False
        seconds = CHEAP if self._has_many else self.limits.seconds
        with self._derivative.inside(), budget(seconds, self.limits.gigabytes):
            definition, stencil = self._definition(operator)
            try:
                self._derivative.evaluate(compute, definition.bits(stencil.order))
            except BudgetExceeded:
                self._derivative.forget_dear()
                return False
            except Exception:
                return not self._has_many
        return True

    @property
    def _has_many(self) -> bool:
        """Whether there are so many inputs that double-double may cost less than balls."""
        return self.setting.x_size >= (FROM_QUICK if self.limits.quick else FROM)

    def _defined(self, operator: Operator) -> Truth:
        """The definition; of many inputs in double-double, which finds the few that are off."""
        truth = self._in_pairs(operator) if self._has_many else None
        return truth or super()._defined(operator)

    @cached_property
    def _pairs(self) -> ProgramInPairs | None:
        """The function in double-double; None where balls are cheap, or it cannot be run so."""
        if not self._has_many or self.holds or self.setting.case.legal is not None:
            return None
        with self._derivative.inside():
            return in_pairs(self._derivative)

    def _in_pairs(self, operator: Operator) -> Truth | None:
        """The own derivative in double-double, certified; None where there is a doubt."""
        if self._pairs is None:
            return None
        with self._derivative.inside(), self._budget():
            truth = self._pairs.truth(operator)
            if truth is None:
                return None
            own = self._pairs.candidate(operator) if truth.directions else None
            self._candidates[operator.name] = truth.high if own is None else np.asarray(own.high)
            return None if self._doubt(operator, truth) else truth

    def _values(self, x: Ball) -> Ball:
        """The function, with nothing held."""
        return joined(self._program.value(in_parts(self.setting, x)))

    @cached_property
    def _derivative(self) -> OwnDerivative:
        return OwnDerivative(self.setting, self.own)

    @property
    def _program(self) -> Any:
        return self._derivative.program

    @cached_property
    def _narrowed(self) -> str:
        """In what shorter type the function computes in float64, and where; or nothing."""
        program = self._pairs.program if self._pairs else self._program
        look = getattr(program, "narrowed", None)
        told = look(lifted(program, self.setting.x)) if look else ""
        kind, at, place = told.partition(" at ")
        return kind + at + Path(place).name

    @property
    def _near(self) -> np.ndarray:
        """The value that the program has in exact numbers, as floats."""
        return self._pairs.value if self._pairs else midpoint(self._value)

    @cached_property
    def _value(self) -> Ball:
        """The function's value at the point."""
        with precision(BITS):
            return self._derivative.value()

    def _centre(self) -> Ball:
        return self._derivative.value()

    @cached_property
    def _unfit(self) -> str:
        """Why the program cannot be run in balls; empty where it can."""
        try:
            with self._derivative.inside(), precision(BITS):
                if self._program is None:
                    return f"{self.own} has no balls"
                self._require_whole()
        except Exception as error:
            return f"not in balls: {type(error).__name__}: {error}"
        return ""

    def _require_whole(self) -> None:
        """Raise `Escape` where a result rests on a number that has left the program."""
        _ = self._value
        cuts = getattr(getattr(self._program, "last", None), "cuts", ())
        if cuts:
            before = value_of(self.setting, self._program)
            moved = value_of(self.setting, replace(self._program, nudge=NUDGE))
            if np.any(midpoint(moved) != midpoint(before)):
                raise Escape(f"a result rests on {cuts[0].what}, at {cuts[0].where}")

    def _flat(self) -> Callable[[Ball], Ball]:
        """The program; where detached values are held, as at x in the digits of the first call."""
        program = None if self.holds else self._program

        def flat(x: Ball) -> Ball:
            nonlocal program
            if program is None:
                program = self._held = hold(self._program, parts_at(self.setting))
            return joined(program.value(in_parts(self.setting, x)))

        return flat

    def _flat_gradient(self) -> Callable[[Ball], Ball] | None:
        if self.holds:
            return None  # it holds nothing beside x
        return lambda x: joined(self._program.vjp(in_parts(self.setting, x), ONE))

    def _find_candidate(self, operator: Operator) -> Compute | None:
        return self._derivative.compute(operator)

    def _evaluate(self, compute: Any, bits: int) -> Ball:
        return self._derivative.evaluate(compute, bits)

    def _certified(self, operator: Operator, compute: Any) -> Truth:
        truth = self._certifier.confirmed_own(self._derivative, operator, compute)
        if truth.kind == "certified":
            self._candidates[operator.name] = truth.high
        else:
            self._keep(operator, compute)
        return truth

    def _keep(self, operator: Operator, compute: Any) -> None:
        """What the derivative is in balls, to be set beside float64."""
        try:
            self._candidates[operator.name] = midpoint(self._evaluate(compute, BITS))
        except (BudgetExceeded, NotElementwise):
            raise
        except Exception:
            self._candidates.pop(operator.name, None)

    def _add_noise(self, operator: Operator, truth: Truth) -> None:
        truth.noises = self._derivative.noises(operator, truth)

    def _doubt(self, operator: Operator, truth: Truth) -> str:
        """Why balls are not to be trusted here; empty where they are."""
        value, near = self._native("formula", OPERATORS["value"])
        if value is not None and not is_near(self._near, value, near):
            return "values in balls and in floats differ: a ball rule, or a kernel"
        own = self._candidates.get(operator.name)
        native, near = self._native("reverse", operator)
        if truth.kind == "kink" or own is None or native is None or is_near(own, native, near):
            return ""
        if self.holds:
            return "derivatives in balls and in floats differ"
        if self.weaker.confirms(operator, truth, NEAR):
            return ""
        return "derivatives in balls and in floats differ: a ball rule, or a kernel"

    def _native(self, technique: str, operator: Operator) -> tuple[np.ndarray | None, float]:
        """What the framework itself makes of it, and how near balls must come.

        In float64, or in the dtype that is judged where the function runs in no other.
        """
        for dtype in dict.fromkeys((WIDE, self.setting.dtype)):
            found = self.weaker.run(technique, operator, dtype)
            if found.status == OK:
                short = dtype if dtype != WIDE else _dtype(self._narrowed)
                near = ROUNDINGS * EPS[short] if short else NEAR
                return np.asarray(found.flat, dtype=np.float64), near
        return None, 0.0


def _dtype(narrowed: str) -> str:
    """`float32` of `float32 at file:line`."""
    return narrowed.partition(" ")[0]


_SEEING = ("gradient", "vjp", "jvp", "jacobian", "weighted_hvp")  # those of the function itself
# By technique, to how many digits its result in exact numbers meets the truth.
_MODES: dict[str, Callable[[ProgramReferee, Operator, Truth], float]] = {
    "reverse": ProgramReferee._reverse_digits,
    "forward": ProgramReferee._forward_digits,
}

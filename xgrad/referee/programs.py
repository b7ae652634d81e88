"""The referee on a function of torch or JAX: its own program, run in balls.

The definition judges the framework's own derivative, run in balls too; where they meet to forty
digits that is the truth for every element. Balls are trusted where they reproduce what the
framework computes in float64; elsewhere, and where an operation has no rule, weaker evidence is
asked, and the row says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Self

import numpy as np

from xgrad.errors import BudgetExceeded, NotElementwise
from xgrad.frameworks import find_framework
from xgrad.numbers import (
    BITS,
    EPS,
    LEDGER,
    SECONDS_PER_ELEMENT,
    Ball,
    ball,
    budget,
    midpoint,
    precision,
)
from xgrad.problem import OPERATORS, Operator, Setting
from xgrad.programs import Escape, find_program, recognised_constants, rounded_program
from xgrad.referee.blame import Fault, find_faults
from xgrad.referee.candidates import Candidate
from xgrad.referee.derivatives import CANDIDATES, ONE, PULLED, in_parts, joined, parts_at, value_of
from xgrad.referee.detached import CONSTANT, advice, hold, told
from xgrad.referee.equations import find_custom_faults
from xgrad.referee.noise import Samples
from xgrad.referee.ports import NEARBY, common_digits
from xgrad.referee.referee import FLOATS, Budget, Referee
from xgrad.referee.truth import Truth, finished, is_near
from xgrad.referee.weaker import WIDE, DifferencesReferee
from xgrad.techniques import OK, Prepared

NEAR = 1e-10  # of the largest element: what balls and float64 may differ by
ROUNDINGS = 1e3  # of a shorter type, where the function runs in no longer one
NUDGE = 1e-9  # of numbers that leave the program, to see whether they do more than steer
SAMPLES, FEWEST = 6, 3  # of noise
NOISE_BITS = 128
NOISE_SECONDS = 2.0  # nominal: beyond, the noise is that of results at points nearby
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
        self._spent = 0  # operations of the last candidate
        self._held: Any = None  # the program with what it detaches held
        self._faults: dict[str, list[Fault]] = {}

    def in_dtype(self, dtype: str) -> ProgramReferee:
        """The referee at the same inputs in another dtype, which shares what is computed."""
        weaker, at = self.weaker.in_dtype(dtype), self.setting.in_dtype(dtype)
        return ProgramReferee(at, self.own, self.device, self.limits, weaker)

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
            self._truths[key] = self._contracted(operator) or self._found(operator)
        return self._truths[key]

    def refuted_by(self, operator: Operator, technique: str) -> float | None:
        """Digits of the framework's own reverse or forward mode where the definition refutes it.

        In balls; its float64 must show a gap of that size, or a rule of ours may be at fault.
        """
        truth = self.truth(operator)
        if operator.order == 0:  # of a port, at points nearby too
            return truth.digits if truth.kind == "definition" and truth.digits < FLOATS else None
        if truth.kind != "definition" or truth.exact is None or technique not in _MODES:
            return None
        if (operator.name, technique) not in self._refuted:
            with self._inside():
                found = _MODES[technique](self, operator, truth)
            felt = self._felt(technique, operator, truth)
            wrong = found < FLOATS and felt > SHARE * 10.0**-found
            self._refuted[operator.name, technique] = found if wrong else None
        return self._refuted[operator.name, technique]

    def _felt(self, technique: str, operator: Operator, truth: Truth) -> float:
        """How far float64 is from the truth, in its largest element."""
        native, near = self._native(technique, operator)
        if native is None or near > NEAR or native.shape != truth.high.shape:
            return 0.0
        size = float(np.max(np.abs(truth.high), initial=0.0)) or 1.0
        return float(np.max(truth.error(native), initial=0.0)) / size

    def _forward_digits(self, operator: Operator, truth: Truth) -> float:
        """To how many digits forward mode meets the truth along a random direction."""
        flat = self.setting.draw_flat_direction(self.setting.generator("forward"))
        asked = operator.name == "jvp"
        parts = self.setting.v if asked else self.setting.split(flat, np)
        if operator.name not in ("jvp", "gradient", "jacobian"):
            return np.inf
        try:
            with precision(BITS):
                v = [ball(part).data for part in parts]
                along = joined(self._program.jvp(parts_at(self.setting), v))
        except Exception:
            return np.inf  # it has no forward mode
        table = np.reshape(truth.high, (-1, 1 if asked else self.setting.x_size))
        terms = table * (1.0 if asked else flat)
        gap = np.max(np.abs(midpoint(along) - np.sum(terms, axis=1)), initial=0.0)
        size = np.max(np.sum(np.abs(terms), axis=1), initial=0.0)
        return float(-np.log10(gap / size)) if gap > 0 and size > 0 else np.inf

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
        if self.holds and self._held is not None:
            truth.note = "; ".join(filter(None, (truth.note, told(self._held))))
        return truth

    @cached_property
    def detached(self) -> str:
        """What to say of values that the function takes out of its derivative, if it does."""
        if self.holds or self._unfit:
            return ""
        try:
            with self._inside(), budget(self.limits.seconds, self.limits.gigabytes):
                drawn = self.setting.draw_flat_direction(self.setting.generator("detached"))
                at, along = (in_parts(self.setting, ball(a)) for a in (self.x, drawn))
                return advice(self._program, at, along)
        except Exception:
            return ""  # said of a row that has its verdict already

    def faults(self, operator: Operator) -> list[Fault]:
        """The rules that make the framework's reverse mode wrong; none where none can be named."""
        if operator.name not in self._faults:
            try:
                self._faults[operator.name] = self._blamed(operator)
            except Exception:  # the verdict stands without it
                self._faults[operator.name] = []
        return self._faults[operator.name]

    def _blamed(self, operator: Operator) -> list[Fault]:
        asked, rng = PULLED.get(operator.name), self.setting.generator("blame")
        if asked is None:
            return []
        with self._inside(), precision(BITS), budget(self.limits.seconds, self.limits.gigabytes):
            x = parts_at(self.setting)
            if hasattr(self._program, "traced"):
                program, w = asked(self.setting, self._program, rng)
                return find_faults(program, x, w, rng)
            return find_custom_faults(self._program, x, rng) if operator.order == 1 else []

    # --- by balls, or else -----------------------------------------------------------------------

    def _found(self, operator: Operator) -> Truth:
        """By balls where they can tell and are to be trusted, else by weaker evidence."""
        if operator.order == 0 and self._original is not None:
            return self._ported(self._original)
        reason = self._unfit
        if not reason:
            with self._inside():
                truth = self._find(operator, False)
                reason = truth.note if truth.kind == "none" else self._doubt(operator, truth)
            if not reason:
                return self._held_said(truth)
        if self.holds:
            said = f'detached="{CONSTANT}" is judged in balls alone'
            return Truth("none", f"{said}; {reason}")
        truth = self.weaker.truth(operator)
        return replace(truth, note="; ".join(filter(None, (truth.note, reason))))

    @cached_property
    def _original(self) -> ProgramReferee | None:
        """The referee of what the function is a port of, at the same inputs."""
        case, own = self.setting.case.original, self.setting
        if case is None:
            return None
        rest = Setting.make(case, own.size, own.point, own.dtype, own.seed).inputs
        inputs = {**rest, **dict(zip(case.wrt, own.x, strict=True))}
        at = Setting(case, own.size, own.point, own.dtype, own.seed, inputs)
        return ProgramReferee(at, case.framework, "cpu", self.limits)

    def _ported(self, original: ProgramReferee) -> Truth:
        """The original's value in balls, with the digits to which the port is the same function."""
        value, exact = OPERATORS["value"], []
        for each in (self, original):
            reason = each._unfit
            if not reason:
                with each._inside(), precision(BITS):
                    exact.append(each._value)
                    reason = each._doubt(value, Truth("definition"))
            if reason:
                return Truth("none", f"a port is judged in balls alone; {each.own}: {reason}")
        rng = self.setting.generator("nearby")
        draws = [self.setting.draw_flat_direction(rng) for _ in range(NEARBY)]
        with self._inside(), original._inside():
            found = common_digits(self._values, original._values, self.x, draws)
        self._candidates["value"] = midpoint(exact[0])
        return finished("definition", exact[1], digits=found)

    def _values(self, x: Ball) -> Ball:
        """The function, with nothing held."""
        return joined(self._program.value(in_parts(self.setting, x)))

    @cached_property
    def _program(self) -> Any:
        arguments = self.setting.arguments(find_framework(self.own), "cpu", dtype=WIDE)
        return find_program(self.own, self.setting.function(arguments))

    @cached_property
    def _value(self) -> Ball:
        """The function's value at the point."""
        with precision(BITS):
            return value_of(self.setting, self._program)

    @cached_property
    def _unfit(self) -> str:
        """Why the program cannot be run in balls; empty where it can."""
        try:
            with self._inside(), precision(BITS):
                if self._program is None:
                    return f"{self.own} has no balls"
                self._require_whole()
        except Exception as error:
            return f"not in balls: {type(error).__name__}: {error}"
        return ""

    def _require_whole(self) -> None:
        """Raise `Escape` where a result rests on a number that has left the program."""
        before = self._value
        cuts = getattr(getattr(self._program, "last", None), "cuts", ())
        if cuts:
            moved = value_of(self.setting, replace(self._program, nudge=NUDGE))
            if np.any(midpoint(moved) != midpoint(before)):
                raise Escape(f"a result rests on {cuts[0].what}, at {cuts[0].where}")

    @contextmanager
    def _inside(self) -> Iterator[None]:
        with find_framework(self.own).scope("cpu"), np.errstate(all="ignore"):
            yield

    # --- what the referee asks for ---------------------------------------------------------------

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

    def _find_candidate(self, operator: Operator) -> Candidate | None:
        made = CANDIDATES.get(operator.name)
        return partial(made, self.setting) if made else None

    def _evaluate(self, compute: Candidate, bits: int) -> Ball:
        before = LEDGER.spent
        with precision(bits):
            made = ball(compute(self._program))
        self._spent = LEDGER.spent - before
        return made

    def _certified(self, operator: Operator, compute: Candidate) -> Truth:
        """With constants recognised in a second pass, where rounded ones may be what is missing."""
        truth = super()._certified(operator, compute)
        as_floats = truth.digits
        if truth.kind == "none" and as_floats >= FLOATS:
            with recognised_constants():
                truth = super()._certified(operator, compute)
        if truth.kind != "certified":
            self._keep(operator, compute)
            return truth
        truth.by = f"{self.candidate} in balls"
        truth.note = f"{self.candidate} in balls, {truth.digits:.0f} digits"
        if as_floats != truth.digits:
            truth.note += f" with constants recognised, {as_floats:.0f} as floats"
        self._candidates[operator.name] = truth.high
        return truth

    def _keep(self, operator: Operator, compute: Candidate) -> None:
        """What the derivative is in balls, to be set beside float64."""
        try:
            self._candidates[operator.name] = midpoint(self._evaluate(compute, BITS))
        except (BudgetExceeded, NotElementwise):
            raise
        except Exception:
            self._candidates.pop(operator.name, None)

    def _add_noise(self, operator: Operator, truth: Truth) -> None:
        """On demand, for most results agree without it; and where it costs little."""
        afforded = NOISE_SECONDS / max(self._spent * SECONDS_PER_ELEMENT, 1e-9)
        if afforded >= FEWEST:
            draw = partial(self._sampled, operator, truth)
            truth.noises = Samples(draw, int(min(afforded, SAMPLES)))

    def _sampled(self, operator: Operator, truth: Truth, k: int) -> np.ndarray | None:
        """Errors of the same program in which every operation rounds at random."""
        compute = self._find_candidate(operator)
        assert compute is not None
        seed = int(self.setting.generator("rounding").integers(2**31)) + k
        program = rounded_program(self._program, self.own, self.setting.dtype, seed)
        try:
            with self._inside(), precision(NOISE_BITS):
                error = truth.error(ball(compute(program)))
        except Exception:
            return None
        return error if np.all(np.isfinite(error)) else None

    # --- balls beside float64 --------------------------------------------------------------------

    def _doubt(self, operator: Operator, truth: Truth) -> str:
        """Why balls are not to be trusted here; empty where they are."""
        value, near = self._native("formula", OPERATORS["value"])
        if value is not None and not is_near(midpoint(self._value), value, near):
            return "values in balls and in floats differ: a ball rule, or a kernel"
        own = self._candidates.get(operator.name)
        native, near = self._native("reverse", operator)
        if truth.kind == "kink" or own is None or native is None or is_near(own, native, near):
            return ""
        if self.holds:
            return "derivatives in balls and in floats differ"
        witness = self.weaker.truth(operator)
        if witness.kind == "definition" and witness.bound is not None:
            gap = np.abs(witness.high - truth.high)
            if np.all(gap <= witness.bound + NEAR * np.max(np.abs(truth.high), initial=0.0)):
                return ""
        return "derivatives in balls and in floats differ: a ball rule, or a kernel"

    def _native(self, technique: str, operator: Operator) -> tuple[np.ndarray | None, float]:
        """What the framework itself makes of it, and how near balls must come.

        In float64, or in the dtype that is judged where the function runs in no other.
        """
        for dtype in dict.fromkeys((WIDE, self.setting.dtype)):
            found = self.weaker.run(technique, operator, dtype)
            if found.status == OK:
                near = NEAR if dtype == WIDE else ROUNDINGS * EPS[dtype]
                return np.asarray(found.flat, dtype=np.float64), near
        return None, 0.0


_MODES: dict[str, Callable[[ProgramReferee, Operator, Truth], float]] = {
    "reverse": ProgramReferee._reverse_digits,
    "forward": ProgramReferee._forward_digits,
}

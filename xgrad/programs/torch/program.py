"""A torch function run as it is in balls, with its own derivatives."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import numpy as np
import torch
import torch.autograd.forward_ad as forward
from torch.utils._python_dispatch import _get_current_dispatch_mode
from torch.utils._pytree import tree_leaves

from xgrad.frameworks import find_framework, random_numbers_kept
from xgrad.programs.graphs import Graph, Look
from xgrad.programs.torch.boxes import decode, encode, is_float
from xgrad.programs.torch.freezing import Frozen
from xgrad.programs.torch.keeping import NoRoom
from xgrad.programs.torch.kinds import BALLS, DOUBLED, Arithmetic
from xgrad.programs.torch.mode import ExactMode
from xgrad.programs.torch.recording import Tape
from xgrad.programs.torch.rounding import Rounding
from xgrad.programs.torch.tracing import Trace
from xgrad.programs.torch.watching import Cut, Watch

_TORCH: Any = find_framework("torch")
# `torch.autograd.grad`, without the comparison of shapes for which that imports sympy.
_backward = torch.autograd.graph._engine_run_backward

Arrays = Sequence[np.ndarray]
Weights = Arrays | Callable[[list[np.ndarray]], Arrays]


@dataclass
class Run:
    """What was seen in one run: operations with how often they came, and numbers that left."""

    counts: Counter[str] = field(default_factory=Counter)
    cuts: list[Cut] = field(default_factory=list)
    differentiable: list[bool] = field(default_factory=list)  # for each output
    elementary: int = 0  # operations on single numbers, and numbers made

    @property
    def operations(self) -> int:
        """How many operations were done in balls."""
        return self.counts.total()


def _with_room(method: Callable[..., Any]) -> Any:
    """Once more with new tensors in float64, where one was too narrow for what it was to hold."""

    @wraps(method)
    def tried(self: TorchProgram, *args: Any) -> Any:
        try:
            return method(self, *args)
        except NoRoom:
            if self.wide:
                raise
            self.wide.append(True)
            return method(self, *args)

    return tried


@dataclass
class TorchProgram:
    """`function` of the differentiated tensors, evaluated and differentiated in balls.

    Points, directions and results are object arrays of `flint.arb` or `acb`, one for each tensor
    of floats: the precision is that of the context. Results are those outputs that are floats.
    Raises `NoBallRule` for an operation that has no rule, and `Escape` where balls leave torch.
    Tensors that are not differentiated are left as they were. A number that `.item()` takes is
    the midpoint times 1 + `nudge`: where that moves a result, the number does more than steer.
    """

    function: Callable[..., Any]
    seed: int = 0
    rounding: Rounding | None = None
    tape: Tape | None = None
    frozen: Frozen | None = None
    nudge: float = 0.0
    trace: Trace | None = None
    arithmetic: Arithmetic = BALLS
    last: Run = field(default_factory=Run)
    wide: list[bool] = field(default_factory=list, repr=False)  # filled once new tensors must be
    seen: list[Any] | None = field(default=None, repr=False)  # the function's last values
    pulled: list[Any] | None = field(default=None, repr=False)  # and wᵀ J(x) of the last `hvp`
    _differentiable: list[bool] = field(default_factory=list, repr=False)
    _narrowed: str | None = field(default=None, repr=False)  # of the function's last value

    def lift(self, array: Any) -> Any:
        """Floats as the program's numbers."""
        return self.arithmetic.table.lift(array)

    def in_pairs(self) -> TorchProgram:
        """The program in double-double numbers: 31 digits, for arrays of any size."""
        return replace(self, arithmetic=DOUBLED, last=Run())

    def rounded(self, dtype: str, seed: int) -> TorchProgram:
        """The program in which every operation rounds at random as the dtype would."""
        return replace(self, rounding=self.arithmetic.rounding(dtype, seed))

    @_with_room
    def value(self, x: Arrays) -> list[np.ndarray]:
        """f(x)."""
        with self._inside():
            self._outputs(self._leaves(x))
            assert self.seen is not None
            return self.seen

    def narrowed(self, x: Arrays) -> str:
        """Where a value is made one of a shorter type, `float32 at file:line`; or nothing."""
        if self._narrowed is None:
            self.value(x)
        return self._narrowed or ""

    def vjp(self, x: Arrays, w: Weights) -> list[np.ndarray]:
        """wᵀ J(x), by the program's own backward."""
        return self.value_and_vjp(x, w)[1]

    @_with_room
    def value_and_vjp(self, x: Arrays, w: Weights) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """f(x) and wᵀ J(x); w may be a function of the values."""
        with self._inside():
            leaves = self._leaves(x)
            outputs = self._outputs(leaves)
            values = self.seen or []
            weights = [encode(v) for v in (w(values) if callable(w) else w)]
            if self.trace is not None:
                self.trace.pull(outputs, weights)
            made = [decode(g) for g in _pulled(outputs, leaves, weights)]
            if self.trace is not None:
                self.trace.take(leaves, made)
            return values, made

    def vjps(self, x: Arrays, rows: Iterable[Arrays]) -> list[list[np.ndarray]]:
        """wᵀ J(x) for each w of `rows`, with one run of the function."""
        return self._vjps(x, list(rows))

    @_with_room
    def _vjps(self, x: Arrays, rows: list[Arrays]) -> list[list[np.ndarray]]:
        with self._inside():
            leaves = self._leaves(x)
            outputs = self._outputs(leaves)
            weights = ([encode(a) for a in w] for w in rows)
            return [[decode(g) for g in _pulled(outputs, leaves, w, keep=True)]
                    for w in weights]  # fmt: skip

    @_with_room
    def jvp(self, x: Arrays, v: Arrays) -> list[np.ndarray]:
        """J(x) v, by forward mode."""
        with self._inside(), forward.dual_level():
            duals = [
                forward.make_dual(leaf.detach(), encode(along))
                for leaf, along in zip(self._leaves(x), v, strict=True)
            ]
            tangents = [forward.unpack_dual(y) for y in self._outputs(duals)]
            return [
                self.arithmetic.table.zeros(t.primal.shape)
                if t.tangent is None
                else decode(t.tangent)
                for t in tangents
            ]

    def hvp(self, x: Arrays, w: Arrays, v: Arrays) -> list[np.ndarray]:
        """The derivative of vᵀ (wᵀ J(x)) in x: the program's backward, differentiated."""
        once = self.gradient(w)
        made = once.vjp(x, v)
        self.last, self.pulled = once.last, once.seen
        return made

    def hvps(self, x: Arrays, w: Arrays, rows: Iterable[Arrays]) -> list[list[np.ndarray]]:
        """`hvp` for each v of `rows`."""
        return self.gradient(w).vjps(x, rows)

    def directional(self, x: Arrays, v: Arrays, order: int) -> list[np.ndarray]:
        """dᵏ/dtᵏ f(x + tv) of that order: the gradient in w of a k-fold slope of ⟨w, f⟩."""

        def slope(*leaves: torch.Tensor) -> torch.Tensor:
            w, at = leaves[: -len(x)], leaves[-len(x) :]
            outputs = [y for y in tree_leaves(self.function(*at)) if is_float(y)]
            along, taken = [encode(a) for a in v], _inner(w, outputs)
            for _ in range(order):
                pulled = _pulled([taken], list(at), [torch.ones_like(taken)], keep=True, again=True)
                taken = _inner(along, pulled)
            return taken

        ones = [np.ones_like(y) for y in self.value(x)]
        one = [np.ones_like(ones[0].reshape(-1)[:1]).reshape(())]
        return replace(self, function=slope, last=Run()).vjp([*ones, *x], one)[: len(ones)]

    def gradient(self, w: Arrays) -> TorchProgram:
        """The program that computes wᵀ J(x), to be differentiated itself."""

        def differentiated(*leaves: torch.Tensor) -> list[torch.Tensor]:
            outputs = self._watched(leaves)
            return _pulled(outputs, list(leaves), [encode(a) for a in w], keep=True, again=True)

        return replace(self, function=differentiated, last=Run())

    def frozen_at(self, x: Arrays) -> TorchProgram:
        """The program in which values behind a `detach` are those at x, wherever it is run.

        And those that it computes under its own `no_grad`.
        """
        recorded = Frozen()
        replace(self, frozen=recorded, last=Run()).value(x)
        held = replace(recorded, replaying=True)
        return replace(self, frozen=held, last=Run())

    def traced(
        self, x: Arrays, w: Weights | None = None, looks: Mapping[int, Look] | None = None
    ) -> Graph:
        """The backward graph at x with the values on it, and the cotangents where w is given.

        `looks` are shown single steps, by their keys, while the run stands there.
        """
        trace = Trace(dict(looks or {}))
        made = replace(self, trace=trace, last=Run())
        _ = made.value(x) if w is None else made.vjp(x, w)
        return trace.graph

    def _leaves(self, x: Arrays) -> list[torch.Tensor]:
        return [encode(a).requires_grad_() for a in x]

    def _watched(self, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The outputs; what is seen on the way is kept."""
        outputs = [y for y in tree_leaves(self.function(*leaves)) if is_float(y)]
        mode = _get_current_dispatch_mode()
        assert isinstance(mode, ExactMode)
        self._narrowed, self.seen = mode.narrowed, [decode(y) for y in outputs]
        return outputs

    def _outputs(self, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        outputs = self._watched(leaves)
        self._differentiable = [bool(y.requires_grad) for y in outputs]
        if self.trace is not None:
            self.trace.end(outputs)
        return outputs

    @contextmanager
    def _inside(self) -> Iterator[ExactMode]:
        """Everything in balls and seeded; afterwards all is as it was."""
        if self.frozen is not None:
            self.frozen.start()
        how = self.rounding, self.tape, self.frozen, self.nudge, self.trace
        mode = ExactMode(self.arithmetic, *how, wide=bool(self.wide))
        with ExitStack() as stack:
            stack.enter_context(_TORCH.dispatch_kept())
            stack.enter_context(self.arithmetic.table.open())
            stack.enter_context(_seeded(self.seed, wide=bool(self.wide)))
            stack.callback(mode.journal.restore)
            for listener in (self.tape, self.trace):
                if listener is not None:
                    stack.enter_context(listener.inside.listening())
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(torch.enable_grad())
            if "torch._dynamo" in sys.modules:  # what was compiled runs as it was written
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            stack.enter_context(Watch(self.frozen))
            stack.enter_context(mode)
            try:
                yield mode
            finally:
                self.last = Run(mode.counts, mode.cuts, self._differentiable, mode.elementary)


def _inner(a: Iterable[torch.Tensor], b: Iterable[torch.Tensor]) -> torch.Tensor:
    """⟨a, b⟩ of tensors in order."""
    return torch.stack([(p * q).sum() for p, q in zip(a, b, strict=True)]).sum()


@contextmanager
def _seeded(seed: int, *, wide: bool) -> Iterator[None]:
    """Random numbers from a seed, where asked new tensors in float64; as before afterwards."""
    dtype = torch.get_default_dtype()
    with random_numbers_kept(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # of the CPU alone: the others take a traceback
        np.random.seed(seed)  # noqa: NPY002 - what programs use is kept as found
        if wide:
            torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def _pulled(
    outputs: list[torch.Tensor],
    leaves: list[torch.Tensor],
    weights: list[torch.Tensor],
    *,
    keep: bool = False,
    again: bool = False,
) -> list[torch.Tensor]:
    """wᵀ J for each leaf, zeros where nothing depends on it."""
    pairs = [(y, w.to(y.dtype)) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    made: Sequence[Any] = [None] * len(leaves)
    if pairs:
        ys, ws = zip(*pairs, strict=True)
        made = _backward(ys, ws, keep, again, tuple(leaves), True, accumulate_grad=False)
    return [
        torch.zeros_like(leaf) if g is None else g for g, leaf in zip(made, leaves, strict=True)
    ]

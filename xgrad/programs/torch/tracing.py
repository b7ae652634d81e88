"""The backward graph of a run: what each node's results were, what it received and what it sent.

A node gets its number in the sequence before its operation is done. So the first operation that is
seen after is the node's own, or the first one inside of a custom function's `forward`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.autograd import function as functions
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from xgrad.programs.graphs import Edge, Graph, Look, Replay, Step, ordinal
from xgrad.programs.torch.boxes import decode, encode, is_boxed, is_float
from xgrad.programs.torch.recording import Inside
from xgrad.programs.torch.watching import where

Function = torch.autograd.Function


@dataclass
class Call:
    """The operation of a node as it was seen: its tensors with a gradient, and those without."""

    operation: str
    where: str
    module: str
    custom: bool
    given: list[tuple[Any, int, str]]  # whose result it is, which one, and what it is called
    cut: list[tuple[str, np.ndarray]]


@dataclass
class Trace:
    """Records a run; `looks` are shown the steps whose keys they have."""

    looks: dict[int, Look] = field(default_factory=dict)
    inside: Inside = field(default_factory=Inside)
    graph: Graph = field(default_factory=Graph)
    recording: bool = True
    start: int = field(default_factory=torch.autograd._get_sequence_nr)
    _calls: dict[int, Call] = field(default_factory=dict)
    _values: dict[tuple[Any, int], np.ndarray] = field(default_factory=dict)
    _numbers: dict[Any, int] = field(default_factory=dict)

    # --- forward ---------------------------------------------------------------------------------

    def see(self, mode: Any, func: Any, args: Any, kwargs: Any) -> None:
        """Note the values that come in, and whose operation this is."""
        for t in tree_leaves((args, kwargs)):
            if is_float(t) and t.requires_grad:
                self._keep(t)
        key = torch.autograd._get_sequence_nr() - 1 - self.start
        if key < 0 or key in self._calls:
            return
        frame = _applied()
        named = _of_function(frame) if frame is not None else _of_operation(func, args, kwargs)
        self._calls[key] = Call(
            str(func),
            where(frame),
            self.inside.now,
            frame is not None,
            [(*_source(t), name) for name, t in named if t.requires_grad],
            [(name, decode(t)) for name, t in named if not t.requires_grad and is_boxed(t)],
        )
        if key in self.looks:
            with self._aside(), mode, _same_random_numbers():
                call = _function(frame) if frame is not None else (func, args, kwargs)
                self.looks[key](_replay(*call))

    def _keep(self, t: torch.Tensor) -> None:
        key = _source(t)
        if key not in self._values:
            self._values[key] = decode(t)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        self.recording = False
        try:
            yield
        finally:
            self.recording = True

    def end(self, outputs: Sequence[torch.Tensor]) -> None:
        """Number the graph from the outputs down."""
        self.recording = False
        roots = [y for y in outputs if y.requires_grad]
        for y in roots:
            self._keep(y)
        waiting: list[tuple[Any, int | None]] = [(_node(y), None) for y in roots]
        at = 0
        while at < len(waiting):
            node, before = waiting[at]
            at += 1
            if node in self._numbers:
                continue
            number = self._numbers[node] = len(self._numbers)
            if hasattr(node, "variable"):
                continue
            self.graph.steps[number] = self._step(node, before)
            waiting += [(to, number) for to, _ in node.next_functions if to is not None]
        self._number_edges()

    def _number_edges(self) -> None:
        for node, number in self._numbers.items():
            if number in self.graph.steps:
                step = self.graph.steps[number]
                step.inputs = tuple(
                    None if to is None else (self._numbers[to], k) for to, k in node.next_functions
                )
        named = {_origin(node): number for node, number in self._numbers.items()}
        for (source, k), value in self._values.items():
            if source in named:
                self.graph.values[named[source], k] = value

    def _step(self, node: Any, before: int | None) -> Step:
        key = node._sequence_nr() - self.start
        call = self._calls.get(key)
        maker = getattr(node, "_forward_cls", None)
        name = f"{maker.__name__}.backward" if maker is not None else _plain_name(node)
        step = Step(name, key, before=before)
        if call is None or call.custom != (maker is not None):
            return step
        if maker is None:
            step.name = f"{call.operation.rpartition('.')[0]} ({node.name()})"
        step.where, step.module, step.cut = call.where, call.module, tuple(call.cut)
        step.labels = _labels(node, call)
        return step

    # --- backward --------------------------------------------------------------------------------

    def pull(self, outputs: Sequence[torch.Tensor], weights: Sequence[torch.Tensor]) -> None:
        """Listen to every node, before the backward starts from the outputs."""
        for y, w in zip(outputs, weights, strict=True):
            if y.requires_grad:
                edge = self._numbers[_node(y)], y.output_nr
                self.graph.given.setdefault(edge, []).append(decode(w))
        for node, number in self._numbers.items():
            if number in self.graph.steps:
                node.register_hook(partial(self._passed, self.graph.steps[number]))

    def _passed(self, step: Step, sent: Any, received: Any) -> None:
        sent = sent if isinstance(sent, (tuple, list)) else (sent,)
        step.received = tuple(None if g is None else decode(g) for g in received)
        step.sent = tuple(None if g is None else decode(g) for g in sent)

    def take(self, leaves: Sequence[torch.Tensor], made: Sequence[np.ndarray]) -> None:
        """The gradients that came out."""
        named = {_origin(node): number for node, number in self._numbers.items()}
        for leaf, gradient in zip(leaves, made, strict=True):
            source, k = _source(leaf)
            if source in named:
                edge: Edge = named[source], k
                self.graph.taken[edge] = gradient


# --- what a tensor is the result of ---------------------------------------------------------------


class _Leaf:
    """An input of the graph, known by its tensor."""

    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor

    def __hash__(self) -> int:
        return id(self.tensor)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Leaf) and self.tensor is other.tensor


def _source(t: torch.Tensor) -> tuple[Any, int]:
    return (_Leaf(t), 0) if t.grad_fn is None else (t.grad_fn, t.output_nr)


def _origin(node: Any) -> Any:
    return _Leaf(node.variable) if hasattr(node, "variable") else node


def _node(t: torch.Tensor) -> Any:
    return torch.autograd.graph.get_gradient_edge(t).node


def _plain_name(node: Any) -> str:
    return str(node.name())


def _labels(node: Any, call: Call) -> tuple[str, ...]:
    """What the inputs that a node sends gradients to are called."""
    left, found = list(call.given), []
    for to, k in node.next_functions:
        here = next((g for g in left if to is not None and (_origin(to), k) == g[:2]), None)
        found.append("" if here is None else here[2])
        if here is not None:
            left.remove(here)
    return tuple(found)


# --- custom functions, and operations -------------------------------------------------------------


def _applied() -> Any:
    """The frame that applies the outermost custom function which is running; or None."""
    frame, found = sys._getframe(1), None
    while frame is not None:
        if frame.f_code is functions.Function.apply.__func__.__code__:
            found = frame
        frame = frame.f_back  # type: ignore[assignment]
    return found


def _of_function(frame: Any) -> list[tuple[str, torch.Tensor]]:
    """The floats among the arguments of a custom function, with what they are called."""
    cls, args = frame.f_locals["cls"], frame.f_locals["args"]
    skipped = 0 if _sets_up(cls) else 1
    names = list(inspect.signature(cls.forward).parameters)[skipped:]
    return [(_called(k, names), t) for k, t in enumerate(args) if is_float(t)]


def _sets_up(cls: Any) -> bool:
    """Whether `forward` takes no context."""
    return cls.setup_context is not Function.setup_context


def _called(k: int, names: Sequence[str]) -> str:
    return f"{ordinal(k)} ({names[k]})" if k < len(names) else ordinal(k)


def _of_operation(func: Any, args: Any, kwargs: Any) -> list[tuple[str, torch.Tensor]]:
    """The floats among the arguments of an operation, in the order of its schema."""
    names = [a.name for a in func._schema.arguments]
    found = []
    for k, name in enumerate(names):
        value = args[k] if k < len(args) else kwargs.get(name)
        several = value if isinstance(value, (list, tuple)) else [value]
        for row, t in enumerate(several):
            if is_float(t):
                where_in = f"[{row}]" if several is value else ""
                found.append((_called(k, names) + where_in, t))
    return found


class _Context:
    """What a `forward` may do to its context, without effect."""

    def __init__(self, count: int):
        self.needs_input_grad = (True,) * count

    def _nothing(self, *args: Any) -> None: ...

    save_for_backward = save_for_forward = mark_dirty = _nothing
    mark_non_differentiable = set_materialize_grads = _nothing


Again = tuple[Callable[..., Any], Any, Any]


def _function(frame: Any) -> Again:
    cls, args = frame.f_locals["cls"], frame.f_locals["args"]
    if _sets_up(cls):
        return cls.forward, args, {}
    return partial(cls.forward, _Context(len(args))), args, {}


def _replay(function: Callable[..., Any], args: Any, kwargs: Any) -> Replay:
    """The function of its tensors that have a gradient; random numbers are the same each time."""
    leaves, tree = tree_flatten((args, kwargs))
    places = [k for k, t in enumerate(leaves) if is_float(t) and t.requires_grad]
    state = torch.random.get_rng_state()

    def compute(arrays: list[np.ndarray]) -> list[np.ndarray]:
        given = [encode(decode(t)) if is_float(t) else t for t in leaves]
        for k, array in zip(places, arrays, strict=True):
            given[k] = encode(array)
        positional, named = tree_unflatten(given, tree)
        torch.random.set_rng_state(state)
        with torch.no_grad():
            made = function(*positional, **named)
        return [decode(t) for t in tree_leaves(made) if is_float(t)]

    return Replay([decode(leaves[k]) for k in places], compute)


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Afterwards the program draws what it would have drawn."""
    state = torch.random.get_rng_state()
    try:
        yield
    finally:
        torch.random.set_rng_state(state)

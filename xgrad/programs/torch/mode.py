"""The dispatch mode: torch's operations become movement, order or arithmetic of exact numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch._refs.fft
import torch._refs.linalg
import torch._refs.nn.functional
import torch._refs.special
from torch._decomp import decomposition_table
from torch._library.custom_ops import OPDEFS
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from xgrad.numbers import LEDGER
from xgrad.programs.failures import Escape, NoBallRule
from xgrad.programs.scalars import is_complex
from xgrad.programs.torch.arithmetic import Rule, results_in
from xgrad.programs.torch.boxes import Table, decode, is_boxed, is_float, nearest
from xgrad.programs.torch.composed import COMPOSED, pullback
from xgrad.programs.torch.freezing import Frozen, is_meant
from xgrad.programs.torch.keeping import HALF, Journal, floats_in, require_room
from xgrad.programs.torch.kinds import Arithmetic
from xgrad.programs.torch.movement import ARITHMETIC_OVERLOADS, AT_MIDPOINTS, MOVEMENT
from xgrad.programs.torch.order import COMPARED, order
from xgrad.programs.torch.recording import Tape
from xgrad.programs.torch.rounding import Rounding
from xgrad.programs.torch.sparse import by_dense, reads_sparse
from xgrad.programs.torch.tracing import Trace
from xgrad.programs.torch.watching import Cut, where

aten = torch.ops.aten
NARROW = {
    torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16",
    torch.complex64: "float32", torch.complex32: "float16",
}  # fmt: skip
Act = Callable[["ExactMode", Any, str, tuple[Any, ...], dict[str, Any]], Any]


class ExactMode(TorchDispatchMode):
    """What torch does inside is done in numbers of a table.

    `counts` says how often what was, `elementary` how many operations on single numbers that were,
    and numbers made. Constants of a shorter type are rounded as torch rounds them; new tensors are
    all `wide`, where numbers are to be written to them.
    """

    def __init__(
        self,
        arithmetic: Arithmetic,
        rounding: Rounding | None = None,
        tape: Tape | None = None,
        frozen: Frozen | None = None,
        nudge: float = 0.0,
        trace: Trace | None = None,
        *,
        wide: bool = False,
    ):
        super().__init__()
        self.wide = wide
        self.table, self.rules = arithmetic.table, arithmetic.rules
        self.nudge, self.trace = nudge, trace
        self.rounding, self.tape, self.frozen = rounding, tape, frozen
        self.counts: Counter[str] = Counter()
        self.elementary = 0
        self.narrowed = ""  # the first cast of floats to a shorter type
        self.cuts: list[Cut] = []
        self.journal = Journal()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nobody compiles in here, and the wrapper takes time

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name, act, written = _ACTS.get((self.table, func)) or _classified(self, func)
        for k, key in written:
            self.journal.keep(args[k] if k < len(args) else kwargs.get(key))
        asked = kwargs.get("dtype")
        if not self.wide and self._is_constant(act, args, kwargs, asked):
            with torch._C.DisableTorchFunction():
                return func(*args, **kwargs)
        if asked in HALF:
            kwargs = {**kwargs, "dtype": HALF[asked]}
        if act is _convert and asked in NARROW and is_float(args[0]) and not self.narrowed:
            self.narrowed = f"{NARROW[asked]} at {where()}"
        with torch._C.DisableTorchFunction():
            if self.trace is not None and self.trace.recording:
                self.trace.see(self, func, args, kwargs)
            try:
                if self.frozen is not None and self.frozen.reads:
                    onto = tuple(args[k] if k < len(args) else kwargs.get(key)
                                 for k, key in written)  # fmt: skip
                    args, kwargs = self.frozen.read((args, kwargs), onto)
                if act not in _NATIVE and reads_sparse((*args, *kwargs.values())):
                    return by_dense(self, func, args, kwargs, bool(written))
                return act(self, func, name, args, kwargs)
            except Escape as escape:
                if escape.args[0].startswith("in "):
                    raise
                raise type(escape)(f"in {func}, at {where()}: {escape}") from escape
            except RecursionError as endless:
                raise NoBallRule(f"{func} is defined by itself") from endless

    def _is_constant(self, act: Act, args: Any, kwargs: Any, asked: Any) -> bool:
        """Whether floats of a shorter type are made of such alone, which are never boxes."""
        narrow = floats_in((*args, *kwargs.values()))
        if asked not in HALF:
            return narrow == {True}
        return False not in narrow or (act is _convert and not is_boxed(args[0]))


# --- kinds of operations -------------------------------------------------------------------------


def _move(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if name in ("real", "imag") and not args[0].is_complex():
        return args[0]
    if name == "neg" and args[0].is_complex():
        return _calculate(mode, func, name, args, kwargs)
    if name == "detach" and mode.frozen is not None and is_meant(args[0]):
        return mode.frozen.detached(args[0], func(*args, **kwargs))
    if name == "embedding" and mode.frozen is not None:
        return mode.frozen.padded(func(*args, **kwargs), *args)
    return func(*args, **kwargs)


def _overwrite(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Movement in place."""
    for given in args[1:]:
        require_room(args[0], given)
    if name == "copy_" and not is_float(args[0]) and is_float(args[1]):
        args = (args[0], nearest(args[1]), *args[2:])
    return func(*args, **kwargs)


def _convert(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Casts: floats stay what they are, integers are those of the midpoints."""
    x, dtype = args[0], kwargs.get("dtype", args[1] if len(args) > 1 else None)
    dtype = HALF.get(dtype, dtype) if isinstance(dtype, torch.dtype) else None
    if not is_float(x):
        return func(*args, **kwargs)
    if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        return nearest(x).to(dtype)
    complex_ = dtype.is_complex if dtype is not None else x.is_complex()
    kwargs = {"memory_format": kwargs.get("memory_format")}
    return aten._to_copy.default(x, dtype=torch.complex128 if complex_ else torch.float64, **kwargs)


def _take(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """A number for control flow: it is the midpoint, and what is computed from it is constant."""
    t = args[0]
    if not is_float(t):
        return func(t)
    value = nearest(t).item()
    if not is_boxed(t):
        return value
    mode.cuts.append(Cut(".item()", where(), value))
    return value * (1 + mode.nudge)


def _order(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if not has_floats((*args, *kwargs.values())):
        return func(*args, **kwargs)
    mode.counts[name] += 1
    made = order(mode.table, func, name, args, kwargs)
    if mode.tape is not None:
        mode.tape.note(str(func), (args, kwargs), made)
    return made


def _ask(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    kept = 1 if name.endswith("_") else 0
    near = tree_map(lambda t: nearest(t) if is_float(t) else t, args[kept:])
    return func(*args[:kept], *near, **kwargs)


def _calculate(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if not has_floats((*args, *kwargs.values())):
        return func(*args, **kwargs)
    mode.counts[name] += 1
    rule = mode.rules[name]
    taken = _numbers if rule.numbers else partial(_arrays, mode.table)
    given, named = [taken(a) for a in args], {k: taken(v) for k, v in kwargs.items()}
    if mode.rounding is None:
        balls = rule.function(*given, **named)
    else:
        balls = mode.rounding.apply(rule, given, named)
    elementary = rule.cost(balls, given, named)
    results = results_in(balls)
    mode.elementary += elementary + results
    LEDGER.charge(mode.table.price(elementary, results))
    mixed = any(is_complex(a) for a in given if isinstance(a, np.ndarray))
    made = _tensors(mode.table, balls, mixed)
    if rule.numbers and isinstance(made, torch.Tensor):
        made = _laid_out(made, args)
    if mode.tape is not None:
        mode.tape.note(str(func), (args, kwargs), made)
    return made


def _compose(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    with mode:
        return COMPOSED[name](*args, **kwargs)


def _decompose(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """torch's own decomposition, or the derivative of the operation's."""
    if not has_floats((*args, *kwargs.values())):
        return func(*args, **kwargs)
    with mode:
        made = func.decompose(*args, **kwargs)
        if made is NotImplemented:
            made = _transposed(func, name, args, kwargs)
    return made


def _by_table(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if not has_floats((*args, *kwargs.values())):
        return func(*args, **kwargs)
    with mode:
        return decomposition_table[func](*args, **kwargs)


def _mutate(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """The functional operation, and its results copied to where the schema says."""
    if not has_floats((*args, *kwargs.values())):
        return func(*args, **kwargs)
    outs = [a.name for a in func._schema.arguments if a.is_out and a.name in kwargs]
    targets = [kwargs[k] for k in outs] or [args[0]]
    kwargs = {k: v for k, v in kwargs.items() if k not in outs}
    packet = getattr(aten, name if outs else name[:-1], None)
    if packet is None:
        raise NoBallRule(str(func))
    with mode:
        results = packet(*args, **kwargs)
    results = results if isinstance(results, (tuple, list)) else (results,)
    for target, result in zip(targets, results, strict=False):
        require_room(target, result)
        if outs and target.shape != result.shape:
            aten.resize_.default(target, result.shape)
        _overwrite(mode, aten.copy_.default, "copy_", (target, result), {})
    return targets[0] if len(targets) == 1 else tuple(targets)


def _for_each(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """`_foreach_X` of lists: X of each."""
    packet = getattr(aten, name.removeprefix("_foreach_"))
    rows = len(args[0])
    with mode:
        made = [
            packet(*(a[k] if isinstance(a, (list, tuple)) else a for a in args), **kwargs)
            for k in range(rows)
        ]
    return None if name.endswith("_") else made


def _by_definition(mode: ExactMode, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """An operation that was defined in Python."""
    with mode:
        return OPDEFS[func._schema.name]._init_fn(*args, **kwargs)


def _transposed(func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """A missing `X_backward`: the decomposition of X, differentiated by autograd."""
    packet = getattr(aten, name.removesuffix("_backward"), None)
    forms = [getattr(packet, n) for n in packet.overloads() if n != "vec"] if packet else []
    table = [decomposition_table[f] for f in forms if f in decomposition_table
             and not f._schema.is_mutable]  # fmt: skip
    names = [a.name for a in func._schema.arguments]
    given = dict(zip(names, args, strict=False)) | kwargs
    if not name.endswith("_backward") or not table or len(names) < 2:
        raise NoBallRule(str(func))
    grad = given.pop(names[0])
    if names[1] in ("self", "input"):
        x = given.pop(names[1])
    elif "input_size" in given:  # linear, so that any point will do
        x = torch.zeros(given.pop("input_size"), dtype=torch.float64)
    else:
        raise NoBallRule(str(func))
    return pullback(lambda x: table[0](x, *given.values()), grad, x)[0]


# --- which kind an operation is ------------------------------------------------------------------

_ACTS: dict[tuple[Table, Any], tuple[str, Act, tuple[tuple[int, str], ...]]] = {}


def _classified(mode: ExactMode, func: Any) -> tuple[str, Act, tuple[tuple[int, str], ...]]:
    """The name, what to do, and which arguments are written to; remembered."""
    name = func.overloadpacket.__name__
    arguments = func._schema.arguments
    written = tuple(
        (k, a.name)
        for k, a in enumerate(arguments)
        if a.alias_info is not None and a.alias_info.is_write
    )
    found = name, _act(mode.rules, func, name, bool(written)), written
    return _ACTS.setdefault((mode.table, func), found)


_NATIVE = (_move, _overwrite, _convert)  # on sparse tensors too
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
_CASTS = ("_to_copy", "to", "convert_element_type")


def _is_composite(func: Any) -> bool:
    """Whether torch takes it apart itself, which in inference mode it leaves to the mode."""
    try:
        return bool(func.has_kernel_for_dispatch_key(_COMPOSITE))
    except RuntimeError:  # a twin that only scripts have
        return False


def _act(rules: dict[str, Rule], func: Any, name: str, written: bool) -> Act:
    known = func.namespace in ("aten", "prims")
    arithmetic = f"{name}.{func._overloadname}" in ARITHMETIC_OVERLOADS
    out = any(a.is_out for a in func._schema.arguments)
    rows: tuple[tuple[Any, Act], ...] = (
        (name == "_local_scalar_dense", _take),
        (known and _is_composite(func), _decompose),
        (name in MOVEMENT and not arithmetic and not out, _overwrite if written else _move),
        (name in _CASTS and not written, _convert),
        (name in COMPARED and name not in rules and not written, _order),
        (name in AT_MIDPOINTS and not out, _ask),
        (known and name in COMPOSED and not out, _compose),
        (known and name in rules and not written, _calculate),
        (name.startswith("_foreach_") and not out, _for_each),
        (known and written and (out or name.endswith("_")), _mutate),
        (func in decomposition_table, _by_table),
        (func._schema.name in OPDEFS, _by_definition),
    )
    return next((act for holds, act in rows if holds), _decompose)


# --- tensors and arrays --------------------------------------------------------------------------


def has_floats(values: Any) -> bool:
    """Whether any is a tensor of floats."""
    return any(is_float(v) or (isinstance(v, (list, tuple)) and has_floats(v)) for v in values)


def _numbers(value: Any) -> Any:
    """Tensors and numbers as balls."""
    if isinstance(value, torch.Tensor) or (
        isinstance(value, (int, float, complex)) and not isinstance(value, bool)
    ):
        return decode(value)
    return value


def _arrays(table: Table, value: Any) -> Any:
    """Tensors of floats as numbers, others as the rules of a table take them."""
    if isinstance(value, torch.Tensor):
        return decode(value) if is_float(value) else table.others(value)
    if isinstance(value, (list, tuple)):
        return [_arrays(table, v) for v in value]
    return value


def _tensors(table: Table, value: Any, mixed: bool) -> Any:
    """Numbers as tensors; where they may be real and complex, all are made complex."""
    if isinstance(value, (tuple, list)):
        return tuple(_tensors(table, v, mixed) for v in value)
    return None if value is None else table.tensors(value, mixed)


def _laid_out(made: torch.Tensor, args: Any) -> torch.Tensor:
    """With the strides of an argument of its shape, as elementwise kernels keep them."""
    for t in args:
        if isinstance(t, torch.Tensor) and t.shape == made.shape:
            if t.layout != torch.strided or t.is_contiguous():
                return made
            return torch.empty_like(t, dtype=made.dtype).copy_(made)
    return made

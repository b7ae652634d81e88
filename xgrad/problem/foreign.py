"""Functions that exist in one framework only, as cases: torch functions, modules, JAX functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from xgrad.errors import UsageError
from xgrad.frameworks import Framework, frameworks
from xgrad.numbers import EPS, real_dtype
from xgrad.problem.arguments import Call, bind, name_of
from xgrad.problem.cases import Case, make_foreign
from xgrad.problem.modules import (
    buffers_kept,
    buffers_of,
    called_with,
    is_module,
    libraries_of,
    parameters_of,
)
from xgrad.problem.pairs import is_complex, parted
from xgrad.problem.randomness import seed_all
from xgrad.problem.sparse import require_known, stored_notes
from xgrad.problem.structures import require_structures, structure_notes, structured
from xgrad.problem.trees import Tree, take_apart

NAMES = ("torch", "jax")  # frameworks whose own functions can be checked
_NUMBERS = ("float", "bfloat", "complex", "int", "uint", "bool")  # dtypes of arrays that are inputs


def find_framework_of(function: Any, inputs: Any) -> Framework | None:
    """The framework whose arrays the inputs hold, or whose function it is; or None.

    A function of JAX is known by its code too, for JAX takes NumPy arrays.
    """
    types = {_package(type(leaf)) for leaf in take_apart(inputs, "x").leaves.values()}
    types |= {_package(type(v)) for v in _values(inputs)}
    for homes in (types, {_package(type(function)), _package(function)}):
        found = next((n for n in NAMES if homes & {n, f"{n}lib"}), "")
        if found:
            return frameworks()[found]
    if is_module(function):
        return frameworks()["torch"]
    reached = libraries_of(function)
    taking = [n for n in NAMES if frameworks()[n].takes_numpy and {n, f"{n}lib"} & reached]
    return frameworks()[taking[0]] if taking else None


def find_framework_of_code(function: Any) -> Framework | None:
    """The framework that a function is written in, as its code says; None where it does not."""
    homes = {_package(type(function)), _package(function)}
    homes |= {"torch"} if is_module(function) else libraries_of(function)
    found = [n for n in NAMES if homes & {n, f"{n}lib"}]
    return frameworks()[found[0]] if len(found) == 1 else None


def _values(inputs: Any) -> list[Any]:
    """The arguments themselves: a registered container may hide its arrays."""
    if isinstance(inputs, Mapping):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]


def _package(value: Any) -> str:
    return str(getattr(value, "__module__", "") or "").partition(".")[0]


@dataclass
class AtHand:
    """A function of a framework with its arguments taken apart, called anew with other arrays."""

    function: Callable[..., Any]
    framework: Framework
    call: Call
    trees: dict[str, Tree]
    parameters: dict[str, Any] = field(default_factory=dict)
    buffers: dict[str, Any] = field(default_factory=dict)
    changing: list[Any] = field(default_factory=list)  # modules whose buffers a call changes
    seed: int | None = None  # set before each call, where the function is random
    constant: frozenset[int] = frozenset()  # of several values those that require no gradient
    structure: Mapping[str, str] = field(default_factory=dict)  # of matrices, by input

    @classmethod
    def of(cls, function: Callable[..., Any], framework: Framework, call: Call) -> AtHand:
        """Taken apart; raises `UsageError` for arrays that cannot be judged."""

        def picks(value: Any) -> bool:
            return _is_input(framework, value)

        for name, value in call.values.items():
            for leaf, array in take_apart(value, name, framework).leaves.items():
                require_known(framework, name_of(function), leaf, array)
        trees = {k: take_apart(v, k, framework, picks) for k, v in call.values.items()}
        made = cls(function, framework, call, trees)
        made.parameters = made._named_apart(parameters_of(function))
        made.buffers = made._named_apart(buffers_of(function))
        return made

    def _named_apart(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Without what stays the module's own; `self.w` where an argument is called w."""
        kept = {k: v for k, v in state.items() if _is_input(self.framework, v)}
        return {f"self.{k}" if k in self.arguments else k: v for k, v in kept.items()}

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The arrays among the arguments, by name."""
        return {k: v for tree in self.trees.values() for k, v in tree.leaves.items()}

    @property
    def inputs(self) -> dict[str, Any]:
        """All arrays: of arguments, parameters and buffers."""
        return {**self.arguments, **self.parameters, **self.buffers}

    @property
    def on_host(self) -> dict[str, Any]:
        """Them in NumPy."""
        own = self.framework
        return {k: own.get(v) if own.is_array(v) else v for k, v in self.inputs.items()}

    def __call__(self, xp: Any, /, **named: Any) -> Any:
        y = _one_value(self.outputs(xp, **named), xp)
        return self._narrowed(y, named, xp) if self.framework.widens else y

    def outputs(self, xp: Any, /, **named: Any) -> list[Any]:
        """Its values that are differentiated, one by one."""
        with ExitStack() as stack:
            if self.changing:
                stack.enter_context(buffers_kept(self.changing))
            if self.seed is not None:
                seed_all(self.seed)
            given = structured(xp, self.structure, named) if self.structure else named
            found = _values_of(self.framework, name_of(self.function), self._called(given))
        return [value for k, value in enumerate(found) if k not in self.constant]

    def returned(self, **named: Any) -> Any:
        """What the function itself returns."""
        return self._called(named)

    def _narrowed(self, y: Any, named: Mapping[str, Any], xp: Any) -> Any:
        """A value that 64-bit constants have widened, in the dtype of the arguments."""
        if not any(_is_number(v) for v in named.values()) or not _is_number(y):
            return y
        return xp.astype(y, xp.complex_dtype if is_complex(y) else xp.dtype)

    def _called(self, named: Mapping[str, Any]) -> Any:
        try:
            return self._run(named)
        except RuntimeError as error:
            taped = self.framework.taped(named, error)
            if taped is None:
                raise
        return self._run(taped)

    def _run(self, named: Mapping[str, Any]) -> Any:
        rebuilt = {k: tree.rebuild(named) for k, tree in self.trees.items()}
        args, keywords = self.call.arranged(rebuilt)
        if not is_module(self.function):
            return self.function(*args, **keywords)
        held = {k: named[k] for k in (*self.parameters, *self.buffers)}
        state = {k.removeprefix("self.") if k in held and k.startswith("self.") else k: v
                 for k, v in held.items()}  # fmt: skip
        return called_with(self.function, state, args, keywords)

    # --- what is differentiated -------------------------------------------------------------------

    def floats(self, among: Mapping[str, Any]) -> list[str]:
        """The names of arrays of floats and complex numbers."""
        return [k for k, v in among.items() if _is_number(v)]

    @property
    def differentiated(self) -> tuple[str, ...]:
        """Of the arguments all floats, those that require a gradient where some do; parameters."""
        floats = self.floats(self.arguments)
        asked = [k for k in floats if _requires_gradient(self.arguments[k])]
        own = [k for k in self.floats(self.parameters) if _requires_gradient(self.parameters[k])]
        return (*(asked or floats), *own)

    def leaves_of(self, wrt: tuple[str, ...]) -> tuple[str, ...]:
        """The inputs that are named; an argument's name stands for all floats that it holds."""
        trees = {k: self.floats(tree.leaves) for k, tree in self.trees.items()}
        return tuple(leaf for name in wrt for leaf in trees.get(name) or (name,))

    def left_out(self, chosen: tuple[str, ...]) -> dict[str, str]:
        """What of floats and complex numbers is not differentiated, and why."""
        floats = self.floats({**self.arguments, **self.parameters})
        found = {k: "requires no gradient" for k in floats if k not in chosen}
        for name, value in self.call.values.items():
            if type(value) in (float, complex):
                found[name] = f"a Python {type(value).__name__}"
        return found

    @property
    def converted(self) -> list[str]:
        """Arguments that were given as NumPy arrays."""
        return [k for k, v in self.arguments.items() if not self.framework.is_array(v)]

    def dtype(self, chosen: tuple[str, ...]) -> str:
        """The widest of the dtypes in which the differentiated inputs were given."""
        given = {real_dtype(_dtype(self.inputs[k])) for k in chosen if k in self.inputs}
        return min(given & set(EPS), key=lambda k: EPS[k], default="float64")

    @property
    def device(self) -> str:
        """Where the arrays are."""
        arrays = [v for v in self.inputs.values() if self.framework.is_array(v)]
        return self.framework.describe(arrays[0])[2] if arrays else "cpu"


def make_foreign_case(
    function: Callable[..., Any],
    inputs: Any,
    framework: Framework,
    wrt: tuple[str, ...],
    like: Callable[..., Any] | None = None,
) -> Case:
    """A case of a framework's own function at given arguments: one, a tuple of them, or a dict.

    Differentiated are the float arrays, of torch those that require a gradient where some do, and
    a module's parameters; `wrt` names others. With `like`, a plain function of the same arguments
    is the case, and `function` its implementation. Raises `UsageError` where there is nothing to
    differentiate.
    """
    return take_at_hand(function, inputs, framework, wrt, like)[0]


def take_at_hand(
    function: Callable[..., Any],
    inputs: Any,
    framework: Framework,
    wrt: tuple[str, ...],
    like: Callable[..., Any] | None = None,
    structure: Mapping[str, str] | None = None,
) -> tuple[Case, list[AtHand]]:
    """The same, with the functions as they are called: the case's own, and that of `like`.

    `structure` has words for inputs that are such matrices, as `problem.structures` lists them.
    """
    if like is not None:
        require_no_state(function, like)
    plain = AtHand.of(like or function, framework, bind(like or function, inputs))
    wrt = plain.leaves_of(wrt)
    chosen = wrt or plain.differentiated
    _require_chosen(plain, chosen, wrt)
    name = name_of(like or function)
    plain.structure = structure or {}
    require_structures(name, plain.structure, plain.on_host, chosen)
    made = make_foreign(_as_function(plain), name, chosen, plain.on_host, framework.name)
    made.notes += _notes(plain, () if wrt else chosen) + structure_notes(plain.structure)
    if like is None:
        return made, [plain]
    fused = AtHand.of(function, framework, _same_call(function, inputs, plain.call))
    xp = framework.namespace("float64")
    made.implementation(framework.name, name=name_of(function))(lambda **named: fused(xp, **named))
    return made, [plain, fused]


def numpy_case(function: Callable[[np.ndarray], Any], name: str, x: np.ndarray) -> Case:
    """A case of a function of one NumPy array that nothing else can run, not even balls."""

    def call(xp: Any, /, *, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            raise TypeError(f"{name} takes arrays of NumPy, not {type(x).__name__}")
        return function(x)

    return make_foreign(call, name, ("x",), {"x": x}, "numpy")


def _as_function(at_hand: AtHand) -> Callable[..., Any]:
    """A plain function, as a case has one."""

    def call(xp: Any, /, **named: Any) -> Any:
        return at_hand(xp, **named)

    vars(call).update(
        outputs=at_hand.outputs, returned=at_hand.returned, parameters=at_hand.parameters
    )
    return call


def outputs_of(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The same function with its values one by one, where it is one at hand; or None."""
    return getattr(function, "outputs", None)


def returned_by(function: Any, **named: Any) -> Any:
    """What the function itself returns that a case of one at hand is made of."""
    return function.returned(**named)


def parameters_in(function: Callable[..., Any]) -> frozenset[str]:
    """The inputs that a module holds, of a function at hand: it laid them out itself."""
    return frozenset(getattr(function, "parameters", ()))


def _same_call(function: Any, inputs: Any, call: Call) -> Call:
    """The call of another function of the same arguments: by name where names were given."""
    return bind(function, inputs) if isinstance(inputs, Mapping) else call


def _notes(at_hand: AtHand, chosen: tuple[str, ...]) -> list[str]:
    """What the rows say of how the arguments were taken."""
    left = at_hand.left_out(chosen) if chosen else {}
    whole = f"the inputs are taken as one argument, {next(iter(at_hand.call.values))}"
    said = [f"{k} ({why})" for k, why in left.items()]
    more = [f"and {len(said) - 4} more"] if len(said) > 5 else []
    found = [f"not differentiated: {', '.join(said[: 4 if more else 5] + more)}"] if said else []
    found += stored_notes(at_hand.trees.values(), at_hand.floats(at_hand.arguments))
    found += [whole] if at_hand.call.whole else []
    if at_hand.converted:
        names = ", ".join(at_hand.converted)
        found.append(f"NumPy arrays are passed as arrays of {at_hand.framework.name}: {names}")
    return found


def require_no_state(*functions: Any) -> None:
    """Raise `UsageError` for a module where functions are compared."""
    for function in functions:
        if is_module(function):
            raise UsageError(
                f"{name_of(function)}: like= compares functions; make the module's parameters "
                "arguments of one (torch.func.functional_call)"
            )


# --- what cannot be judged ------------------------------------------------------------------------


def _require_chosen(at_hand: AtHand, chosen: tuple[str, ...], wrt: tuple[str, ...]) -> None:
    """Raise where there is nothing to differentiate, or something that is not supported."""
    name, own = name_of(at_hand.function), at_hand.framework
    leaves = {k: leaf for k, v in at_hand.call.values.items()
              for k, leaf in take_apart(v, k, own).leaves.items()}  # fmt: skip
    if not chosen:
        raise UsageError(f"{name}: no input is an array of floats to differentiate"
                         f"{_kinds(at_hand, leaves)}")  # fmt: skip
    for k in chosen:
        if k not in at_hand.inputs:
            raise UsageError(f"{name}: wrt {k!r} is no input: {', '.join(at_hand.inputs)}")


def _kinds(at_hand: AtHand, leaves: Mapping[str, Any]) -> str:
    """What the arguments are instead."""
    own = at_hand.framework
    said = [f"{k} is {_dtype(v) if hasattr(v, 'dtype') else type(v).__name__}"
            for k, v in list(leaves.items())[:4]]  # fmt: skip
    return f" ({', '.join(said)}): give arrays of {own.name}" if said else ""


def _dtype(value: Any) -> str:
    return str(getattr(value, "dtype", "")).removeprefix("torch.")


def _is_number(value: Any) -> bool:
    return "float" in _dtype(value) or is_complex(value)


def _is_input(framework: Framework, value: Any) -> bool:
    """Whether a value is an array that varies with the dtype: others are passed on as they are."""
    if framework.is_array(value):
        return _dtype(value).startswith(_NUMBERS)
    return framework.takes_numpy and isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def _requires_gradient(value: Any) -> bool:
    return bool(getattr(value, "requires_grad", False))


def _values_of(framework: Framework, name: str, value: Any) -> list[Any]:
    """The one value, or of several those that are arrays of floats.

    Complex ones are joined as pairs of reals; of sparse arrays of torch all elements are taken, of
    those of JAX the stored ones.
    """
    leaves = take_apart(value, "y", framework, read=framework.dense).leaves
    parts = [p for p in leaves.values() if p is not None]
    arrays = [p for p in parts if framework.is_array(p)]
    if len(parts) == 1:
        return parts
    floats = [p for p in arrays if _is_number(p)]
    if not floats:
        raise UsageError(f"{name} returns no array of floats: there is nothing to differentiate")
    return floats


def _one_value(values: list[Any], xp: Any) -> Any:
    """One array: several are joined in one vector, complex ones as pairs of reals."""
    if len(values) == 1:
        return values[0]
    return xp.concat([xp.reshape(parted(xp, p), (-1,)) for p in values])

"""What a case is: a function, its inputs, its formulas, its source."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from xgrad.errors import CaseError, unknown
from xgrad.problem.operators import OPERATORS
from xgrad.problem.written import Written

RANDOM = "random"  # the name of the point that `inputs` draws


@dataclass(frozen=True)
class Formula:
    """A hand-derived result for one operator of a case: `function(xp, **inputs)`.

    It returns an array in the operator's shape, a tuple in `wrt` order for several inputs;
    `frameworks` are the only ones that it runs on, None for all.
    """

    function: Callable[..., Any]
    operator: str
    name: str
    frameworks: tuple[str, ...] | None
    default: bool


@dataclass(frozen=True)
class Implementation:
    """The same function as some library provides it: `function(**inputs)`, arrays of a framework.

    That framework differentiates it, as the method `torch.reverse:name`.
    """

    function: Callable[..., Any]
    framework: str
    name: str


@dataclass(frozen=True)
class Known:
    """A difference that is known and explained: where it shows, and why.

    One that `must_show` is an error once it is gone; another belongs to some versions only.
    """

    methods: str
    reason: str
    operator: str = ""
    point: str = ""
    dtype: str = ""
    must_show: bool = True

    def covers(self, method: str, operator: str, point: str, dtype: str) -> bool:
        """Whether the difference is expected there; patterns and empty texts match widely."""
        asked = ((self.operator, operator), (self.point, point), (self.dtype, dtype))
        return fnmatchcase(method, self.methods) and all(a in ("", b) for a, b in asked)


@dataclass(eq=False)
class Case:
    """A reference problem; made by the decorator `xgrad.case`, called like its function.

    `case(xp, x, …)` is the value. `inputs`, `formula`, `implementation`, `point` and `direction`
    decorate what belongs to it; `inputs_at(size, point, seed)` draws NumPy arrays by name. What it
    holds is as the decorator takes it, and `path` the file that it lies in, None in a notebook.
    """

    function: Callable[..., Any]
    name: str
    wrt: tuple[str, ...]
    sizes: dict[str, dict[str, Any]]
    operators: tuple[str, ...] | None
    methods: tuple[str, ...]
    source: str
    path: Path | None
    draw: Callable[..., Mapping[str, Any]] | None = None
    formulas: list[Formula] = field(default_factory=list)
    implementations: list[Implementation] = field(default_factory=list)
    points: dict[str, Callable[..., Mapping[str, Any]]] = field(default_factory=dict)
    legal: Callable[..., Any] | None = None
    knowns: list[Known] = field(default_factory=list)
    framework: str = ""  # the only one that has the function, where it is not NumPy-style
    detached: str = ""  # "constant": what the function detaches is held fixed, as it claims
    original: Case | None = None  # what it is a port of, in another framework
    written: Written | None = None  # its call as text, where it is a sample that can be spelt
    notes: list[str] = field(default_factory=list)  # said in the message of each judged row
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False)  # made of it, by others

    def __call__(self, xp: Any, *args: Any, **inputs: Any) -> Any:
        return self.function(xp, *args, **inputs)

    def __repr__(self) -> str:
        return f"<case {self.name}>"

    @property
    def mathematics(self) -> str:
        """The case's own docstring, or its file's; the wrapper of a function at hand has none."""
        module = None if self.framework else inspect.getmodule(self.function)
        return (inspect.getdoc(self.function) or (module and inspect.getdoc(module)) or "").strip()

    @property
    def title(self) -> str:
        """Its first paragraph, in one line."""
        return self.mathematics.split("\n\n")[0].replace("\n", " ")

    @property
    def identifier(self) -> str:
        """`path::name`, as the command line takes it."""
        return f"{display_path(self.path)}::{self.name}" if self.path else self.name

    def inputs(self, function: Callable[..., Mapping[str, Any]]) -> Callable[..., Any]:
        """Decorate `draw(rng, **size) -> {name: array}`: random float64 or integer inputs."""
        self.draw = function
        return function

    def formula(
        self,
        operator: str,
        *,
        name: str = "",
        frameworks: Iterable[str] | None = None,
        default: bool = True,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate a hand-derived result `(xp, **inputs) -> array`, a tuple for several `wrt`.

        `name` tells several formulas of one operator apart; `frameworks` limits a formula that
        wraps somebody's library code; `default=False` keeps it out of a run that does not name it.
        A formula takes `v` and `w` too where its operator is along them (`xgrad list`).
        """
        if operator not in OPERATORS:
            raise unknown(f"operator of a formula of case {self.name}", operator, OPERATORS)
        if any(f.operator == operator and f.name == name for f in self.formulas):
            raise CaseError(
                f"case {self.name}: two formulas for {operator} are called {name!r}; "
                "give one of them another name: @case.formula(operator, name=...)"
            )
        only = None if frameworks is None else tuple(frameworks)
        self._require_frameworks(only or ())

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.formulas.append(Formula(function, operator, name, only, default))
            return function

        return register

    def implementation(
        self, framework: str, *, name: str
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate `(**inputs) -> value`: the same function as a library of `framework` has it."""
        self._require_frameworks([framework])

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.implementations.append(Implementation(function, framework, name))
            return function

        return register

    def _require_frameworks(self, names: Iterable[str]) -> None:
        from xgrad.frameworks import OPTIONAL, frameworks

        known = {*frameworks(), *OPTIONAL}
        for name in names:
            if name not in known:
                raise unknown(f"framework in case {self.name}", name, known)

    def point(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate `(**size) -> {name: array}`: a fixed point next to the random ones."""
        if name == RANDOM or name in self.points:
            raise CaseError(f"case {self.name}: point {name!r} exists already; choose another name")

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.points[name] = function
            return function

        return register

    def direction(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate `(rng, **inputs) -> direction(s)`: the legal ones of constrained inputs.

        One array for one `wrt`, a tuple in `wrt` order for several.
        """
        self.legal = function
        return function

    def known(
        self, methods: str, reason: str, *, operator: str = "", point: str = "", dtype: str = ""
    ) -> None:
        """List a difference that is understood: its rows do not fail, and fail once it is gone.

        `methods` is a pattern such as `torch.reverse*`; without `operator`, `point` or `dtype`
        the difference is expected at all of them.
        """
        if operator and operator not in OPERATORS:
            raise unknown(f"operator of a known difference of {self.name}", operator, OPERATORS)
        self.knowns.append(Known(methods, reason, operator, point, dtype))

    def find_formula(self, operator: str, name: str = "") -> Formula | None:
        """The formula of an operator by its name, or None."""
        found = [f for f in self.formulas if f.operator == operator and f.name == name]
        return found[0] if found else None

    def reference_formula(self, operator: str) -> Formula | None:
        """The formula that the referee tries to certify: the unnamed, else the first default."""
        every = [f for f in self.formulas if f.operator == operator and f.frameworks is None]
        return self.find_formula(operator) or next((f for f in every if f.default), None)

    def takes(self, dtype: str) -> bool:
        """Whether there is anything to ask in a dtype: mathematics is there in all."""
        return True

    def places(self, sizes: Iterable[str]) -> list[tuple[str, str]]:
        """The (size, point) pairs to visit, a point without sizes of its own only once."""
        wanted = [s for s in self.sizes if s in set(sizes)]
        drawn = self.draw is not None or not self.points  # without either, the error is told there
        pairs = [(size, RANDOM) for size in wanted] if drawn else []
        for name, function in self.points.items():
            scaled = bool(set(inspect.signature(function).parameters) & self._size_names())
            pairs += [(size, name) for size in (wanted if scaled else wanted[:1])]
        return pairs

    def at(self, point: str) -> Case:
        """The case at one of its points: itself, unless each of them is a function of its own."""
        return self

    def _size_names(self) -> set[str]:
        return {name for parameters in self.sizes.values() for name in parameters}

    def inputs_at(self, size: str, point: str = RANDOM, seed: int = 0) -> dict[str, Any]:
        """The inputs by name, as arrays of 64-bit numbers, checked against the signature.

        Raises `UsageError` for a size or point that the case has not, `CaseError` for missing,
        surplus or non-numeric inputs.
        """
        if size not in self.sizes:
            raise unknown(f"size of case {self.name}", size, self.sizes)
        given = self.sizes[size]
        if point == RANDOM:
            return _checked_inputs(self, self._drawn(seed, size))
        if point not in self.points:
            raise unknown(f"point of case {self.name}", point, [RANDOM, *self.points])
        function = self.points[point]
        taken = inspect.signature(function).parameters
        drawn = function(**{k: v for k, v in given.items() if k in taken})
        return _checked_inputs(self, drawn)

    def _drawn(self, seed: int, size: str) -> Any:
        if self.draw is None:
            raise CaseError(
                f"case {self.name} has no inputs: "
                "add @case.inputs with draw(rng, ...) or a @case.point"
            )
        rng, given = generator(seed, self.name, size, RANDOM), self.sizes[size]
        try:
            inspect.signature(self.draw).bind(rng, **given)
        except TypeError as error:
            raise CaseError(
                f"case {self.name}: inputs cannot be drawn at size {size!r}: {error}; "
                f"write {self.draw.__name__}(rng{''.join(f', {name}' for name in given)})"
            ) from None
        return self.draw(rng, **given)


def case(
    function: Callable[..., Any] | None = None,
    /,
    *,
    wrt: str | Iterable[str] = (),
    sizes: Mapping[str, Mapping[str, Any]] | None = None,
    operators: Iterable[str] | str | None = None,
    methods: Iterable[str] = (),
    source: str = "",
    name: str | None = None,
) -> Any:
    """Make a case of `function(xp, ...)`, NumPy-style math with the array namespace first.

    `wrt` names the inputs to differentiate (default: the first), `sizes` the parameters of
    `inputs` (smallest first), `operators` what is asked (default: gradient for a scalar, jacobian
    otherwise), `methods` patterns of methods that are off by default and wanted here, `source`
    the literature. Raises `CaseError` where a name does not fit the signature.
    """

    def decorate(target: Callable[..., Any]) -> Case:
        label: str = name or target.__name__
        parameters = list(inspect.signature(target).parameters)
        if len(parameters) < 2:
            raise CaseError(f"case {label}: the signature is (xp, input, ...); got {parameters}")
        chosen = (wrt,) if isinstance(wrt, str) else tuple(wrt)
        chosen = chosen or (parameters[1],)
        asked = (operators,) if isinstance(operators, str) else operators
        asked = None if asked is None else tuple(asked)
        _require_names(label, parameters[1:], chosen, asked or (), sizes or {})
        file = inspect.getsourcefile(target)
        return Case(
            function=target,
            name=label,
            wrt=chosen,
            sizes={k: dict(v) for k, v in (sizes or {"small": {}}).items()},
            operators=asked,
            methods=tuple(methods),
            source=source,
            path=Path(file).resolve() if file and Path(file).exists() else None,
        )

    return decorate if function is None else decorate(function)


def _require_names(
    label: str,
    inputs: list[str],
    wrt: tuple[str, ...],
    operators: tuple[str, ...],
    sizes: Mapping[str, Any],
) -> None:
    """Raise for a name of a case that means nothing."""
    for each in wrt:
        if each not in inputs:
            raise CaseError(f"case {label}: wrt {each!r} is no input; inputs: {', '.join(inputs)}")
        if wrt.count(each) > 1:
            raise CaseError(f"case {label}: wrt names {each!r} twice; once is enough")
    for operator in operators:
        if operator not in OPERATORS:
            raise unknown(f"operator of case {label}", operator, OPERATORS)
    for size, given in sizes.items():
        if not isinstance(given, Mapping):
            raise CaseError(
                f"case {label}: size {size!r} is {given!r}; name what it is the size of: "
                f"{{'n': {given!r}}}"
            )


def make_foreign(
    function: Callable[..., Any],
    name: str,
    wrt: tuple[str, ...],
    given: Mapping[str, Any],
    framework: str,
) -> Case:
    """A case of `function(xp, **named)` that one framework alone can run, at a point `given`."""
    made = Case(function, name, wrt, {"small": {}}, None, (), "", None, framework=framework)
    made.point("given")(lambda: dict(given))
    return made


def generator(seed: int, *words: str) -> np.random.Generator:
    """A random generator that depends on the seed and the words, and on nothing else."""
    return np.random.default_rng([seed, *(zlib.crc32(word.encode()) for word in words)])


def display_path(path: Path) -> str:
    """A path as a reader would type it here: relative where it lies below this folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _checked_inputs(case: Case, drawn: Any) -> dict[str, Any]:
    parameters = dict(list(inspect.signature(case.function).parameters.items())[1:])
    if not isinstance(drawn, Mapping):
        raise CaseError(
            f"case {case.name}: inputs returned {type(drawn).__name__}; "
            f"return a dict with {', '.join(parameters)}"
        )
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        parameters = dict.fromkeys(drawn, inspect.Parameter("any", inspect.Parameter.KEYWORD_ONLY))
    required = {k for k, p in parameters.items() if p.default is inspect.Parameter.empty}
    for missing in sorted(required - set(drawn)):
        raise CaseError(f"case {case.name}: inputs lack {missing!r}; return it in the dict")
    for surplus in sorted(set(drawn) - set(parameters)):
        raise CaseError(f"case {case.name}: input {surplus!r} is no parameter of the function")
    return {name: _checked_input(case, name, value) for name, value in drawn.items()}


def _checked_input(case: Case, name: str, value: Any) -> Any:
    wanted = name in case.wrt
    if isinstance(value, (bool, int, str)) and not wanted:
        return value  # a static parameter, never differentiated or traced
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc":
        raise CaseError(
            f"case {case.name}: input {name!r} has dtype {array.dtype}; give floats, integers or "
            "complex numbers"
        )
    if wanted and array.dtype.kind not in "fc":
        raise CaseError(
            f"case {case.name}: input {name!r} is differentiated and has dtype {array.dtype}; "
            f"return it as floats: {name}.astype(float)"
        )
    wide = {"f": np.float64, "c": np.complex128}.get(array.dtype.kind)
    return array if wide is None else array.astype(wide)

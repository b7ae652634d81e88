"""One point of one case, as every method meets it: inputs rounded to the dtype, directions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from math import prod
from typing import Any, NamedTuple

import numpy as np

from xgrad.errors import CaseError
from xgrad.frameworks import Framework, find_framework, leaves
from xgrad.numbers import REAL_DTYPES, rounded
from xgrad.problem.cases import Case, generator
from xgrad.problem.operators import Function, Operator, Shape
from xgrad.problem.pairs import is_complex, joined, parted


class Arguments(NamedTuple):
    """The inputs of a case as one framework's arrays: differentiated, other, and static ones."""

    xp: Any
    xs: tuple[Any, ...]
    rest: dict[str, Any]
    static: dict[str, Any]


@dataclass
class Setting:
    """A case at a size, a point, a dtype and a seed.

    `inputs` are float64 arrays that the dtype holds exactly, so that all methods and the referee
    see the same numbers; those named in `complexes` are pairs of reals, as `problem.pairs` says.
    """

    case: Case
    size: str
    point: str
    dtype: str
    seed: int
    inputs: dict[str, Any]
    complexes: frozenset[str] = frozenset()
    weighs: Setting | None = None  # the setting of f, where this is that of ⟨w, f⟩
    _issued: list[Arguments] | None = None
    _spaces: dict[tuple[str, str, str], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def make(cls, case: Case, size: str, point: str, dtype: str, seed: int) -> Setting:
        """Draw the inputs and round them; raises `CaseError` where they do not fit the case."""
        case = case.at(point)
        drawn = case.inputs_at(size, point, seed)
        inputs = {
            k: rounded(parted(np, v), dtype) if isinstance(v, np.ndarray) else v
            for k, v in drawn.items()
        }
        complexes = frozenset(k for k, v in drawn.items() if is_complex(v))
        return cls(case, size, point, dtype, seed, inputs, complexes)

    def moved(self, inputs: dict[str, Any]) -> Setting:
        """The same setting, directions included, at other inputs."""
        place = self.size, self.point, self.dtype, self.seed
        other = Setting(self.case, *place, inputs, self.complexes)
        for name in ("y_shape", "y_complex", "v", "w"):
            other.__dict__[name] = getattr(self, name)
        return other

    def beside(self) -> Setting:
        """The same setting with every differentiated input a little further from zero."""
        nearer = {k: np.asarray(self.inputs[k] * (1 + 2.0**-4)) for k in self.case.wrt}
        near = {k: rounded(a, self.dtype) for k, a in nearer.items()}
        return self.moved({**self.inputs, **near})

    def in_dtype(self, dtype: str) -> Setting:
        """The same inputs and directions in another dtype, which must hold them."""
        other = self.moved(self.inputs)
        other.dtype = dtype
        return other

    @property
    def kind(self) -> Hashable:
        """What compiled code may depend on beside the dtype: shapes, inputs that are no arrays."""
        described = (
            (k, v.shape, v.dtype.str) if isinstance(v, np.ndarray) else (k, repr(v))
            for k, v in self.inputs.items()
        )
        return tuple(described)

    @property
    def fixed(self) -> Hashable:
        """What the function of the differentiated inputs alone depends on beside them."""
        rest = ((k, v) for k, v in self.inputs.items() if k not in self.case.wrt)
        return tuple(
            (k, v.shape, v.dtype.str, blake2b(v.tobytes()).digest())
            if isinstance(v, np.ndarray)
            else (k, repr(v))
            for k, v in rest
        )

    @property
    def x(self) -> tuple[np.ndarray, ...]:
        """The differentiated inputs."""
        return tuple(self.inputs[name] for name in self.case.wrt)

    @property
    def x_shapes(self) -> list[Shape]:
        """Their shapes."""
        return [a.shape for a in self.x]

    @property
    def flat_x(self) -> np.ndarray:
        """Them in one float64 vector."""
        return np.concatenate([a.reshape(-1) for a in self.x])

    def split(self, flat: Any, xp: Any) -> tuple[Any, ...]:
        """A flat array of the inputs in its parts."""
        edges = np.cumsum([0, *(prod(s) for s in self.x_shapes)]).tolist()
        pairs = zip(edges[:-1], edges[1:], self.x_shapes, strict=True)
        return tuple(xp.reshape(flat[a:b], s) for a, b, s in pairs)

    @property
    def x_size(self) -> int:
        """Their elements together."""
        return sum(a.size for a in self.x)

    @cached_property
    def y_shape(self) -> Shape:
        """The shape of the value; of a complex one that of pairs."""
        shape, in_pairs = self._value
        return (*shape, 2) if in_pairs else shape

    @cached_property
    def y_complex(self) -> bool:
        """Whether the value is complex."""
        return self._value[1]

    @property
    def typed(self) -> bool:
        """Whether there is a type for every input: none is made of two short floats."""
        return not self.complexes or self.dtype in REAL_DTYPES.values()

    @property
    def unit(self) -> np.ndarray | None:
        """The flat direction (1, 0) for each complex number, where the value has such; else None.

        Along it an elementwise holomorphic map has its complex derivative.
        """
        if not self.y_complex:
            return None
        named = zip(self.case.wrt, self.x, strict=True)
        pattern = {True: [1.0, 0.0], False: [1.0]}
        return np.concatenate([np.resize(pattern[k in self.complexes], x.size) for k, x in named])

    @cached_property
    def _value(self) -> tuple[Shape, bool]:
        """The shape of the value and whether it is complex, seen in NumPy where it runs there.

        Kept for settings of the same inputs.
        """
        key = "value", self.size, self.point, self.dtype, self.seed, self.kind
        if key not in self.case.kept:
            self.case.kept[key] = self._seen()
        found: tuple[Shape, bool] = self.case.kept[key]
        return found

    def _seen(self) -> tuple[Shape, bool]:
        framework = find_framework(self.case.framework or "numpy")
        kind = self.dtype if self.case.framework and self.typed else "float64"
        with np.errstate(all="ignore"), framework.scope():
            arguments = self.arguments(framework, "cpu", dtype=kind)

            def called(*xs: Any) -> Any:
                return self.case.function(arguments.xp, **self.named(arguments, xs))

            found = framework.looks_of(called, arguments.xs)
        if isinstance(found, str):
            raise CaseError(f"case {self.case.name} returns {found}; return one array of floats")
        return found

    @cached_property
    def v(self) -> tuple[np.ndarray, ...]:
        """The direction v of operators: legal, seeded, rounded to the dtype."""
        rng = self.generator("v")
        return tuple(rounded(a, self.dtype) for a in self.draw_direction(rng))

    @property
    def flat_v(self) -> np.ndarray:
        """The direction in one vector."""
        return np.concatenate([part.reshape(-1) for part in self.v])

    @cached_property
    def w(self) -> np.ndarray:
        """The cotangent w of operators: seeded, rounded to the dtype."""
        rng = self.generator("w")
        return rounded(np.asarray(rng.normal(size=self.y_shape)), self.dtype)

    def generator(self, *words: str) -> np.random.Generator:
        """Random numbers of the point, whatever the function is called."""
        shapes = (str(shape) for shape in self.x_shapes)
        return generator(self.seed, self.size, self.point, *shapes, *words)

    def draw_direction(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """A random direction: the case's own where it has legal ones, else in the scale of x."""
        if self.case.legal is None:
            return tuple(rng.uniform(0.5, 1, a.shape) * rng.choice([-1, 1], a.shape) * scale(a)
                         for a in self.x)  # fmt: skip
        drawn = self.case.legal(rng, **{k: self._natural(k) for k in self.inputs})
        parts = [parted(np, p) for p in (drawn if isinstance(drawn, tuple) else (drawn,))]
        shapes = [np.shape(p) for p in parts]
        if shapes != self.x_shapes:
            raise CaseError(
                f"case {self.case.name}: direction returned shapes {shapes}; "
                f"wanted {self.x_shapes}, as {', '.join(self.case.wrt)}"
            )
        return tuple(np.asarray(p, dtype=np.float64) for p in parts)

    def draw_flat_direction(self, rng: np.random.Generator) -> np.ndarray:
        """The same in one vector."""
        return np.concatenate([part.reshape(-1) for part in self.draw_direction(rng)])

    def arguments(self, framework: Framework, device: str, dtype: str | None = None) -> Arguments:
        """Fresh arrays of the framework on the device."""
        kind = dtype or self.dtype
        place = framework.name, kind, device
        if place not in self._spaces:
            self._spaces[place] = framework.namespace(kind, device)
        xp = self._spaces[place]
        arrays = {k: v for k, v in self.inputs.items() if isinstance(v, np.ndarray)}
        put = {k: framework.put(v, kind, device) for k, v in arrays.items()}
        xs = tuple(put.pop(name) for name in self.case.wrt)
        made = Arguments(xp, xs, put, self.static)
        if self._issued is not None:
            self._issued.append(made)
        return made

    def _natural(self, name: str) -> Any:
        """An input as the case drew it, rounded."""
        value = self.inputs[name]
        return value[..., 0] + 1j * value[..., 1] if name in self.complexes else value

    def named(self, arguments: Arguments, xs: tuple[Any, ...] | None = None) -> dict[str, Any]:
        """All inputs by name, as the case takes them: complex ones joined."""
        xs = arguments.xs if xs is None else xs
        given = {**dict(zip(self.case.wrt, xs, strict=True)), **arguments.rest, **arguments.static}
        return given | {k: joined(arguments.xp, given[k]) for k in self.complexes}

    def joined(self, xp: Any, v: Any = None, w: Any = None) -> Any:
        """A direction of the inputs, a tuple, or of the value, as formulas take it."""
        if v is None:
            return joined(xp, w) if self.y_complex else w
        return tuple(joined(xp, part) if name in self.complexes else part
                     for name, part in zip(self.case.wrt, v, strict=True))  # fmt: skip

    @contextmanager
    def watched(self) -> Iterator[list[Arguments]]:
        """Collect the arguments given out inside, to see afterwards whether they were changed."""
        self._issued = []
        try:
            yield self._issued
        finally:
            self._issued = None

    @property
    def static(self) -> dict[str, Any]:
        """The inputs that are no arrays: numbers and texts that choose what is computed."""
        return {k: v for k, v in self.inputs.items() if not isinstance(v, np.ndarray)}

    def directions(
        self, operator: Operator, framework: Framework, device: str, dtype: str | None = None
    ) -> tuple[Any, Any]:
        """v and w as the framework's arrays, None where the operator takes none."""
        v = w = None
        kind = dtype or self.dtype
        if "v" in operator.directions:
            v = tuple(framework.put(a, kind, device) for a in self.v)
        if "w" in operator.directions:
            w = framework.put(self.w, kind, device)
        return v, w

    def function(self, arguments: Arguments, target: Callable[..., Any] | None = None) -> Function:
        """The case as a function of the differentiated inputs alone, all of them real.

        `target(xp, **inputs)` stands in for the case's own function where it is given.
        """
        call = target or self.case.function

        def f(*xs: Any) -> Any:
            return parted(arguments.xp, call(arguments.xp, **self.named(arguments, xs)))

        return f


def scale(x: Any, xp: Any = np) -> Any:
    """The magnitude of each element, 1 where it is zero."""
    return xp.where(x == 0, 1.0, xp.abs(x))


def flatten(operator: Operator, setting: Setting, parts: Any, xp: Any = np) -> Any:
    """The result of an operator in its flat layout: (), (x,), (y,), (y, x) or (x, x).

    `parts` are arrays of `xp`: one, a tuple in `wrt` order, or for (x, x) a tuple of tuples.
    Raises `ValueError` where their shapes are not the operator's.
    """
    _require_shapes(operator, setting, parts)
    sizes = [a.size for a in setting.x]
    if operator.layout == "x":
        return xp.concat([xp.reshape(p, (-1,)) for p in parts])
    if operator.layout == "yx":
        height = prod(setting.y_shape)
        return xp.concat([xp.reshape(p, (height, -1)) for p in parts], axis=1)
    if operator.layout == "xx":
        rows = [
            xp.concat([xp.reshape(b, (m, n)) for b, n in zip(row, sizes, strict=True)], axis=1)
            for row, m in zip(parts, sizes, strict=True)
        ]
        return xp.concat(rows, axis=0)
    return xp.reshape(parts, (-1,)) if operator.layout == "y" else xp.reshape(parts, ())


def _require_shapes(operator: Operator, setting: Setting, parts: Any) -> None:
    y, xs = setting.y_shape, setting.x_shapes
    shapes: dict[str, list[Shape]] = {
        "x": list(xs),
        "yx": [(*y, *x) for x in xs],
        "xx": [(*a, *b) for a in xs for b in xs],
        "y": [y],
        "": [()],
    }
    wanted = shapes[operator.layout]
    given = [tuple(np.shape(p) if isinstance(p, float) else p.shape) for p in leaves(parts)]
    if given != wanted:
        if len(wanted) == len(given) == 1:
            raise ValueError(f"wrong shape: got {given[0]}, {operator.name} has {wanted[0]}")
        raise ValueError(f"wrong shapes: got {given}, {operator.name} has {wanted}")

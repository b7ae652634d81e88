"""The array libraries, one file each: what a framework knows about arrays."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from xgrad.errors import Unavailable, install_word

Children = tuple[dict[str, Any], Callable[[list[Any]], Any]]


def leaves(value: Any) -> list[Any]:
    """The arrays of nested tuples, in order: what is no tuple is one, whatever it is."""
    return [a for each in value for a in leaves(each)] if isinstance(value, tuple) else [value]


def stacked(results: list[Any], stack: Callable[[list[Any]], Any]) -> Any:
    """Results of one structure, stacked leaf by leaf."""
    if isinstance(results[0], tuple):
        return tuple(stacked(list(column), stack) for column in zip(*results, strict=True))
    return stack(results)


class Transforms:
    """The primitives of a framework that differentiates: vjp, or jvp, or both.

    A function takes and returns arrays; it may return a tuple of them, nested ones too. A tangent
    and a cotangent of its value have the structure of the value, those of its inputs are a tuple
    with one for each: zeros, not None, where nothing depends on an input.
    """

    def jvp(self, f: Callable[..., Any], xs: tuple[Any, ...], vs: tuple[Any, ...]) -> Any:
        """The directional derivative of f at xs along vs, in the structure of f(*xs)."""
        raise NotImplementedError

    def vjp(
        self, f: Callable[..., Any], xs: tuple[Any, ...], *, again: bool
    ) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
        """f(*xs), and the map from a cotangent to a tuple of cotangents of xs.

        `again` says that the result is differentiated once more.
        """
        raise NotImplementedError

    def pull(
        self, f: Callable[..., Any], xs: tuple[Any, ...], w: Any = None, *, again: bool
    ) -> tuple[Any, ...]:
        """That map at one cotangent, nothing kept for another; without w, of a scalar along 1."""
        y, back = self.vjp(f, xs, again=again)
        return back(self.one_like(y) if w is None else w)

    def one_like(self, y: Any) -> Any:
        """The cotangent 1 of a scalar."""
        return 0 * y + 1

    def taylor(
        self, f: Callable[..., Any], xs: tuple[Any, ...], vs: tuple[Any, ...], order: int
    ) -> Any:
        """dᵏ/dtᵏ f(xs + t vs) at t = 0 of that order, by one series."""
        raise NotImplementedError

    def stack(self, arrays: list[Any]) -> Any:
        """Arrays of one shape along a new first axis, for `vmap` as it is here."""
        raise NotImplementedError

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """f over a leading axis of its one argument, results stacked leaf by leaf: a loop here."""
        return lambda rows: stacked([f(row) for row in rows], self.stack)


_NUMBERS = (float, int, complex)


class Framework(ABC):
    """An array library that can run a case: its arrays, its `xp`, and the transforms it has.

    A dtype is named as in `xgrad.numbers.DTYPES`, a device as the library does (`cpu`, `cuda:0`).
    What must be written is `namespace`, `put`, `get`, `describe` and `is_array`, and `transforms`
    for derivatives; the rest has defaults. A function that is missing raises
    `Unsupported`, a package or device that is not here `Unavailable`: both become rows.
    """

    name: str
    package: str = ""  # what must be installed
    dtypes: tuple[str, ...] = ("float64", "float32")
    reverse: tuple[str, ...] = ()  # variants that offer a vjp, "" for the plain one
    forward: tuple[str, ...] = ()  # variants that offer a jvp
    taylor = False  # whether there are series of higher order
    compiled = False  # whether `compiled` variants exist beside the eager ones
    host_only = False  # knows no device but the CPU
    exact = False  # arithmetic so long that a difference is the derivative
    analytic = False  # whether a complex namespace exists
    contestant = True  # takes part in a run that names no method
    ready = False  # on the CPU a call returns when its work is done
    takes_numpy = False  # its functions take NumPy arrays for their own
    widens = False  # what a function makes by itself may be wider in `scope` than for its user
    convention = ""  # what its own vjp of complex numbers is, in a few words
    no_rule: tuple[str, ...] = ()  # what errors say where a function lacks a rule for a mode

    def require(self) -> None:
        """Raise `Unavailable`, with what to install, where the package is missing."""
        if self.package and importlib.util.find_spec(self.package) is None:
            raise Unavailable(
                f"{self.package} is not installed: pip install {install_word(self.package)}"
            )

    def version(self) -> str:
        """The installed version, or an empty text."""
        try:
            return importlib.metadata.version(self.package or self.name)
        except importlib.metadata.PackageNotFoundError:
            return ""

    def devices(self) -> tuple[str, ...]:
        """The devices that are present, as this framework names them."""
        return ("cpu",)

    def require_device(self, device: str) -> None:
        """Raise `Unavailable` where the framework is missing or does not see the device."""
        self.require()
        if device != "cpu" and device not in self.devices():  # looking costs more than a gradient
            seen = ", ".join(self.devices())
            raise Unavailable(f"{self.name} sees no device {device!r} here; it sees: {seen}")

    def flags(self) -> dict[str, str]:
        """Settings that decide numbers: threads, reduced-precision products, determinism."""
        return {}

    @abstractmethod
    def namespace(self, dtype: str, device: str = "cpu") -> Any:
        """The `xp` that a case sees; arrays that it makes have the dtype and the device."""

    @abstractmethod
    def put(self, array: np.ndarray, dtype: str, device: str = "cpu") -> Any:
        """A float array in this dtype, any other as it is, on the device."""

    @abstractmethod
    def get(self, array: Any) -> np.ndarray:
        """The array on the host: floats as float64, any other as it is."""

    @abstractmethod
    def describe(self, array: Any) -> tuple[tuple[int, ...], str, str]:
        """Shape, dtype name and device name of a native array."""

    @abstractmethod
    def is_array(self, value: Any) -> bool:
        """Whether a value is one of this framework's arrays."""

    def looks_of(
        self, f: Callable[..., Any], xs: tuple[Any, ...]
    ) -> tuple[tuple[int, ...], bool] | str:
        """The shape of f(*xs), and whether it is complex; its type's name if it is no number."""
        y = f(*xs)
        if self.is_array(y):
            shape, dtype, _ = self.describe(y)
            return tuple(shape), dtype.startswith("complex")
        return ((), isinstance(y, complex)) if isinstance(y, _NUMBERS) else type(y).__name__

    def connected(self, f: Callable[..., list[Any]], xs: tuple[Any, ...]) -> list[bool]:
        """Which of several values have a derivative by the framework's own account: all here."""
        return [True for _ in f(*xs)]

    def taped(self, named: Mapping[str, Any], error: Exception) -> Mapping[str, Any] | None:
        """The arrays with a tape, for want of which a function failed that differentiates inside.

        None where that is not why, or the arrays have one.
        """
        return None

    def is_sparse(self, value: Any) -> bool:
        """Whether an array, or a container that stands for one, keeps some of its elements only."""
        return False

    def dense(self, value: Any) -> Any:
        """An array with all of its elements; what is no sparse array as it is."""
        return value

    def children(self, value: Any) -> Children | None:
        """The parts of a container that is registered with the framework, None of anything else.

        By what stands behind the name (`.w`, `[0]`), with a function that makes it of others.
        """
        return None

    def seed(self, seed: int) -> None:  # noqa: B027 - there is nothing to do by default
        """Seed the random numbers that its functions draw by themselves."""

    def random_state(self) -> bytes:
        """The state of its random numbers, where it has one."""
        return b""

    def wait(self, result: Any) -> Any:
        """Return once the work behind the result is done."""
        return result

    def quick_wait(self, result: Any) -> Callable[[Any], Any] | None:
        """A wait for results of this structure that does not walk them as a tree, if there is one.

        For calls of microseconds the walk costs as much as the call.
        """
        return None

    def forget(self) -> None:  # noqa: B027 - there is nothing to do by default
        """Empty the caches of traced and compiled functions."""

    def device_peak(
        self, run: Callable[..., Any], arguments: tuple[Any, ...], device: str
    ) -> float | None:
        """Bytes on a device at the peak of a call, beyond the inputs; None where nobody tells."""
        return None

    @contextmanager
    def scope(self, device: str = "cpu") -> Iterator[None]:
        """Full precision, the device, no gradient bookkeeping left behind."""
        yield

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """What the caller has switched on is out of the way, and on again afterwards.

        Raises `UsageError` inside one of the framework's own transforms.
        """
        yield

    @contextmanager
    def as_installed(self) -> Iterator[None]:
        """Its defaults as they are after an import, for mathematics that chose none."""
        yield

    def transforms(self, mode: str, variant: str = "") -> Transforms:
        """The primitives for `reverse` or `forward`, in one variant."""
        raise NotImplementedError(f"{self.name} does not differentiate")

    def compile(self, f: Callable[..., Any], variant: str = "") -> Callable[..., Any]:
        """f traced and compiled where the framework or the variant does that."""
        return f

    def traces(self, variant: str) -> bool:
        """Whether `compile` records a function at the point where it is first called."""
        return False

    def traced(self, run: Callable[..., Any], given: tuple[Any, ...]) -> Callable[..., Any]:
        """What `compile` made, recorded for arguments like these, by a call."""
        self.wait(run(*given))
        return run

    def batch(self, f: Callable[[Any, Any, Any], Any], xp: Any) -> Callable[[Any, Any], Any]:
        """f(xp, row, rest) over rows, rest the same: one call where the framework can, or a loop.

        f may be given another `xp` than this one, which batches what it does.
        """
        return lambda rows, rest: xp.stack([f(xp, row, rest) for row in rows])

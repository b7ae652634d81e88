"""Functions that are watched wherever they have been imported: their code is replaced in place."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

Undo = Callable[[], None]


def _stand_in(*args: Any, _called: Any, **keywords: Any) -> Any:
    __tracebackhide__ = True
    return _called(*args, **keywords)


def stand_in(function: FunctionType, watch: Callable[[Callable[..., Any]], Any]) -> Undo:
    """Have every reference to a function, held by whomever, call `watch(original)` instead.

    Returns what puts it back as it was.
    """
    code, defaults, keywords = function.__code__, function.__defaults__, function.__kwdefaults__
    signature = inspect.signature(function)
    inner = FunctionType(
        code, function.__globals__, function.__name__, defaults, function.__closure__
    )
    inner.__kwdefaults__, inner.__doc__ = keywords, function.__doc__
    own = dict(vars(function))
    inner.__dict__.update(own)

    def undo() -> None:
        function.__code__, function.__defaults__ = code, defaults
        function.__kwdefaults__ = keywords
        vars(function).clear()
        vars(function).update(own)

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__code__ = _stand_in.__code__.replace(co_freevars=code.co_freevars)
    function.__defaults__, function.__kwdefaults__ = None, {"_called": watch(inner)}
    return undo


class Arrivals(MetaPathFinder):
    """Modules told of as soon as they are there: at once, or when somebody imports them."""

    def __init__(self, told: Mapping[str, Callable[[ModuleType], None]]):
        self.told = dict(told)

    def watch(self) -> None:
        """Tell of those that are loaded, and look out for the others."""
        for name in self.told.keys() & sys.modules.keys():
            self._tell(sys.modules[name])
        sys.meta_path.insert(0, self)

    def leave(self) -> None:
        """Look out for no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the others find, with word to us once it has run."""
        if name not in self.told:
            return None
        found = self._found_by(sys.meta_path, name, path, target)
        if found is not None and found.loader is not None:
            loader, run = found.loader, found.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                self._tell(module)

            loader.exec_module = exec_module  # type: ignore[method-assign]
        return found

    def _tell(self, module: ModuleType) -> None:
        self.told.pop(module.__name__, lambda _: None)(module)

    def _found_by(self, finders: Iterable[Any], *asked: Any) -> ModuleSpec | None:
        others = (f for f in finders if f is not self and hasattr(f, "find_spec"))
        return next((spec for f in others if (spec := f.find_spec(*asked)) is not None), None)

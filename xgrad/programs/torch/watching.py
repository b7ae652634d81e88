"""What numbers leave for and where: calls that take the elements of a tensor out of torch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from xgrad.programs.failures import Escape
from xgrad.programs.torch.boxes import is_boxed, is_float
from xgrad.programs.torch.freezing import Frozen

_OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]))
_RUNS = str(Path(__file__).with_name("program.py"))  # outside of it is who asked, not the program

TAKING: dict[Callable[..., Any], str] = {
    torch.Tensor.numpy: ".numpy()",
    torch.Tensor.tolist: ".tolist()",
    torch.Tensor.__array__: "np.asarray",
    torch.Tensor.__dlpack__: "DLPack",
}

_DATA = torch.Tensor.data.__get__  # a `detach` in other words


@dataclass(frozen=True)
class Cut:
    """A number that left as a float, so that no derivative passes: what took it, where, and it."""

    what: str
    where: str
    value: complex


def where(frame: Any = None) -> str:
    """The line of the program that runs: the innermost one that is neither torch's nor ours.

    Outside of `frame`, where that is given.
    """
    frame = sys._getframe(1) if frame is None else frame
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = None if frame.f_code.co_filename == _RUNS else frame.f_back
    if frame is None:
        return "torch itself"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class Watch(TorchFunctionMode):
    """Raises `Escape` where boxes would leave torch; tells where gradients are stopped."""

    def __init__(self, frozen: Frozen | None = None):
        super().__init__()
        self.frozen = frozen

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in TAKING and is_float(args[0]) and _holds_boxes(args[0]):
            raise Escape(f"{TAKING[func]} takes balls out of torch, at {where()}")
        if self.frozen is not None:
            if func is torch._C._set_grad_enabled:
                self.frozen.switch(args[0])
            elif func is _DATA:
                return args[0].detach()
        return func(*args, **(kwargs or {}))


def _holds_boxes(t: torch.Tensor) -> bool:
    with torch._C.DisableTorchFunction():
        return not torch._C._functorch.is_functorch_wrapped_tensor(t) and is_boxed(t)

"""What the timer must know of a framework beyond what the framework says: one row for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

from xgrad._timing.memory import host_peak
from xgrad.frameworks import Framework

Wait = Callable[[Any], Any]


def _nothing() -> None:
    """No caches to empty."""


@dataclass(frozen=True)
class Probe:
    """How a framework is waited for, made to forget, and asked for its memory.

    `ready` says that on the CPU a call returns when its work is done. `quick_wait` waits for a
    result of that structure without walking it as a tree: for calls of microseconds the walk costs
    as much as the call. `forget` empties the caches of traced and compiled functions.
    `device_peak(run, arguments, device)` is in bytes, beyond the inputs, or None.
    """

    ready: bool = False
    quick_wait: Callable[[Any], Wait | None] = lambda result: None
    forget: Callable[[], None] = _nothing
    device_peak: Callable[[Callable[..., Any], tuple[Any, ...], str], float | None] = (
        lambda run, arguments, device: None
    )


def find_wait(framework: Framework, device: str, result: Any) -> Wait | None:
    """The quickest wait for all of a result like this one; None where the call itself waits."""
    probe = find_probe(framework)
    if probe.ready and device == "cpu":
        return None
    parts = result if isinstance(result, tuple) else (result,)
    if not any(framework.is_array(p) or isinstance(p, tuple) for p in parts):
        return None  # finished on the host
    return probe.quick_wait(result) or framework.wait


def find_peak(
    framework: Framework, device: str, run: Callable[..., Any], arguments: tuple[Any, ...]
) -> float | None:
    """Bytes at the peak of one call beyond those before it, on the host or on the device."""
    if device != "cpu":
        return find_probe(framework).device_peak(run, arguments, device)
    return host_peak(lambda: framework.wait(run(*arguments)))


def _torch_peak(run: Callable[..., Any], arguments: tuple[Any, ...], device: str) -> float | None:
    """By the allocator's own count, which can be reset."""
    import torch

    memory = torch.xpu if device.startswith("xpu") else torch.cuda
    if not device.startswith(("cuda", "xpu")):
        return None
    memory.synchronize(device)
    before = memory.memory_allocated(device)
    memory.reset_peak_memory_stats(device)
    run(*arguments)
    memory.synchronize(device)
    return float(memory.max_memory_allocated(device) - before)


def _jax_wait(result: Any) -> Wait | None:
    if hasattr(result, "block_until_ready"):
        return methodcaller("block_until_ready")
    if isinstance(result, tuple) and all(hasattr(a, "block_until_ready") for a in result):
        return _wait_for_each
    return None


def _wait_for_each(result: tuple[Any, ...]) -> None:
    for array in result:
        array.block_until_ready()


def _jax_forget() -> None:
    import jax

    jax.clear_caches()


def _jax_peak(run: Callable[..., Any], arguments: tuple[Any, ...], device: str) -> float | None:
    """Results and temporaries of the compiled program, as XLA laid them out.

    The allocator's `peak_bytes_in_use` cannot be reset, and so shows the largest program only.
    """
    if not hasattr(run, "lower"):
        return None
    planned = run.lower(*arguments).compile().memory_analysis()
    if planned is None:
        return None
    return float(planned.temp_size_in_bytes + planned.output_size_in_bytes)


PROBES = {
    "numpy": Probe(ready=True),
    "ball": Probe(ready=True),
    "torch": Probe(ready=True, device_peak=_torch_peak),
    "jax": Probe(quick_wait=_jax_wait, forget=_jax_forget, device_peak=_jax_peak),
}


def find_probe(framework: Framework) -> Probe:
    """The row of a framework; others are waited for in their own way, every time."""
    return PROBES.get(framework.name, Probe())

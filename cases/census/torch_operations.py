"""Every differentiable operation of torch, at samples of its own test database.

Up to three samples of each, spread over those that are small, two of complex numbers, and one whose
floats are rounded to multiples of a half: ties, zeros and whole numbers, where kinks are.

Source: `torch.testing._internal.common_methods_invocations.op_db`.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_leaves, tree_map

from xgrad.problem import Known, Sample, Written, make_operation, take_apart, write_call

DATABASE = "torch.testing._internal.common_methods_invocations"
LARGEST = 1_000  # differentiated elements of a sample
LOOKED_AT = 100  # samples of an operation, of which some small ones are taken
REALS, COMPLEXES = 3, 2  # samples that are taken
LARGE = 9.0  # in place of infinity


def limit(reason: str, methods: str = "torch.*", **place: str) -> tuple[Known, ...]:
    """What torch documents, or its own tests leave out, and where."""
    return (Known(methods, reason, **place, must_show=False),)


REPEATED = limit("indices that repeat: one of the values they stand for is kept")
CHUNKED = tuple(
    known
    for operator in ("jvp", "weighted_hvp")
    for known in limit("of the chunked path torch documents reverse mode alone: 0, without a word",
                       operator=operator)
)  # fmt: skip
LIMITS = {
    "as_strided_scatter": limit("elements of the view that overlap: gradcheck refuses it too"),
    "nn.functional.linear_cross_entropy.chunked": CHUNKED,
    "nn.functional.linear_cross_entropy.chunked_none": CHUNKED,
    "linalg.norm.subgradients_at_zero": limit("subgradients of norms at 0"),
    "nn.functional.max_unpool1d": REPEATED,
    "nn.functional.max_unpool2d": REPEATED,
    "nn.functional.max_unpool3d": REPEATED,
}


def named(op: Any) -> str:
    """`torch.` and its name in the database, with the variant of the test."""
    return ".".join(filter(None, ("torch", op.name, op.variant_test_name)))


def named_type(dtype: torch.dtype) -> str:
    """As xgrad calls it."""
    return str(dtype).removeprefix("torch.")


def samples(op: Any) -> dict[str, Sample]:
    """Its calls by the names of their points."""
    made = {}
    if torch.float64 in op.dtypes:
        real = drawn(op, torch.float64, REALS)
        made |= {f"sample {k}": _call(op, s) for k, s in enumerate(real, start=1)}
        made |= {point: _call(op, s) for point, s in _in_halves(op, sorted(real, key=_size)[:1])}
    if torch.complex128 in op.supported_backward_dtypes("cpu"):
        for k, s in enumerate(drawn(op, torch.complex128, COMPLEXES), start=1):
            made[f"complex {k}"] = _call(op, s)
    return made


def drawn(op: Any, dtype: torch.dtype, count: int) -> list[Any]:
    """Samples with something to differentiate that is small, spread over all of them."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = op.sample_inputs("cpu", dtype, requires_grad=True)
        looked_at = list(itertools.islice(every, LOOKED_AT))
    finite = [s.transform(_without_infinities) for s in looked_at]
    full = [s for s in finite if min(_sizes(s), default=0) and "dtype" not in s.kwargs]
    small = [s for s in full if _size(s) <= LARGEST] or sorted(full, key=_size)[:1]
    step = max(1, (len(small) - 1) / max(1, count - 1))
    spread = [small[round(k * step)] for k in range(count) if round(k * step) < len(small)]
    return [s for s in spread if _is_function(op, s)]


def _without_infinities(value: Any) -> Any:
    """A tensor to differentiate at; there is no derivative at infinity."""
    if not (isinstance(value, torch.Tensor) and value.requires_grad) or _is_finite(value):
        return value
    return value.detach().nan_to_num(0.0, LARGE, -LARGE).requires_grad_()


def _size(sample: Any) -> int:
    return sum(_sizes(sample))


def _sizes(sample: Any) -> list[int]:
    """Elements of each tensor that is differentiated."""
    tensors = (t for t in _leaves(sample) if isinstance(t, torch.Tensor))
    return [t.numel() for t in tensors if t.requires_grad]


def _leaves(sample: Any) -> list[Any]:
    return tree_leaves((sample.input, sample.args, sample.kwargs))


def _call(op: Any, sample: Any) -> Sample:
    """The operation as the database calls it for gradients."""
    wrapped: Callable[..., Any] = op.gradcheck_wrapper

    def function(input: Any, args: Any, kwargs: Any) -> Any:
        args, kwargs = tree_map(_own, (args, kwargs))
        return sample.output_process_fn_grad(wrapped(op.get_op(), input, *args, **kwargs))

    function.__name__ = named(op)
    return Sample(function, (sample.input, sample.args, sample.kwargs), _written(op, sample))


def _written(op: Any, sample: Any) -> Written | None:
    """The call as text: by the operation's name, or by its entry in the database."""
    parts = {"input": sample.input, "args": sample.args, "kwargs": sample.kwargs}
    tensors = [(k, t) for part, v in parts.items() for k, t in take_apart(v, part).leaves.items()
               if isinstance(t, torch.Tensor)]  # fmt: skip
    names = {id(t): k for k, t in tensors}
    args, kwargs, token = (sample.input, *sample.args), sample.kwargs, object()
    as_it_is = _returns(lambda: sample.output_process_fn_grad(token), token)
    if not as_it_is or len(names) < len(tensors):
        return None
    plain = _returns(lambda: op.gradcheck_wrapper(lambda *a, **k: (a, k), token), ((token,), {}))
    if plain and _returns(lambda: attrgetter(op.name)(torch), op.get_op()):
        return write_call(f"torch.{op.name}", args, kwargs, names)
    entry = f"o for o in op_db if (o.name, o.variant_test_name) == {op.name, op.variant_test_name}"
    setup = f"from {DATABASE} import op_db\n\nop = next({entry})"
    call = write_call("op.gradcheck_wrapper", args, kwargs, names, setup=setup)
    return call and call._replace(call=call.call.replace("(", "(op.get_op(), ", 1))


def _returns(call: Callable[[], Any], wanted: Any) -> bool:
    try:
        return bool(call() == wanted)
    except Exception:  # whatever it says of what is no tensor
        return False


def _own(value: Any) -> Any:
    """What is not differentiated may be changed in place (`running_mean`): a copy of it."""
    plain = isinstance(value, torch.Tensor) and not value.requires_grad
    return value.clone() if plain else value


def _in_halves(op: Any, found: list[Any]) -> list[tuple[str, Any]]:
    """Samples with floats in multiples of a half, where the operation is finite there."""
    try:
        made = [s.transform(_to_halves) for s in found]
        return [("halves", s) for s in made if all(map(_is_finite, _values(op, s)))]
    except Exception:  # whatever an operation says of what is outside of its domain
        return []


def _to_halves(value: Any) -> Any:
    if not (isinstance(value, torch.Tensor) and value.is_floating_point()):
        return value
    halves = (2 * value.detach()).round() / 2
    return halves.requires_grad_(value.requires_grad)


def _is_function(op: Any, sample: Any) -> bool:
    """Whether it is one of numbers alone: some read the storage beyond a tensor."""
    try:
        _values(op, sample.transform(lambda t: t.clone() if isinstance(t, torch.Tensor) else t))
    except Exception:
        return False
    return True


def _values(op: Any, sample: Any) -> list[Any]:
    call = _call(op, sample)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return tree_leaves(call.function(*call.inputs))


def _is_finite(value: Any) -> bool:
    dense = isinstance(value, torch.Tensor) and value.layout is torch.strided
    return not dense or bool(torch.isfinite(value).all())


for _op in op_db:
    if _op.supports_autograd:
        _draw, _limits = partial(samples, _op), LIMITS.get(named(_op).removeprefix("torch."), ())
        _types = {named_type(t.to_real()) for t in _op.supported_backward_dtypes("cpu")}
        _made = make_operation(
            named(_op), "torch", Path(__file__).resolve(), _draw, _limits, dtypes=_types
        )
        globals()[f"_{named(_op)}"] = _made

"""The presentations of each framework: name, computation, and the remedy where only it is wrong."""

# ruff: noqa: E501  the table reads as one

from __future__ import annotations

from typing import Any

from xgrad.problem import Setting
from xgrad.techniques.invariance import jax_calls, torch_calls, torch_layouts
from xgrad.techniques.invariance.presentation import (
    EVERYWHERE,
    Presentation,
    along_ones,
    constant_rows,
    in_bfloat16,
    weighed,
)
from xgrad.techniques.invariance.torch_layouts import eagerly

FEW = 4  # inputs up to which each alone is no great cost
ANY: tuple[str, ...] = ("",)  # whatever is raised: it is loud

READS_G = "the backward reads grad_output as contiguous: call grad_output.contiguous()"
READS_X = "the forward reads its inputs as contiguous: call x.contiguous(), and save that"
NEEDS = "the backward mistakes which gradients are asked: compute each one by ctx.needs_input_grad[k] alone, in the place of its input"
UNUSED = "the backward cannot do without some cotangents: treat None as zeros, or leave ctx.set_materialize_grads(True)"
STATE = (
    "calls leave something behind that the next one finds: keep what backward needs on ctx alone"
)
TWICE = "the backward's own derivative is wrong: write it with differentiable operations of saved tensors, or mark it @once_differentiable"
BATCHED = "the batching rule is wrong: look at in_dims (None, other axes), or set generate_vmap_rule = True"


# --- what a function must have --------------------------------------------------------------------


def _several_values(s: Setting, call: Any) -> str:
    return "" if len(s.w.reshape(-1)) > 1 else "one value has one cotangent, without a layout"


def _two_axes(s: Setting, call: Any) -> str:
    return "" if sum(n > 1 for n in s.y_shape) > 1 else "the value has not two axes"


def _two_elements(s: Setting, call: Any) -> str:
    return "" if any(x.ndim and x.size > 1 for x in s.x) else "every input is one number"


def _last_axes(s: Setting, call: Any) -> str:
    return (
        ""
        if any(x.ndim and x.shape[-1] > 1 for x in s.x)
        else "no input has a last axis of some length"
    )


def _images(s: Setting, call: Any) -> str:
    return "" if any(x.ndim == 4 for x in s.x) else "no input has four axes"


def _two_inputs(s: Setting, call: Any) -> str:
    return "" if len(s.x) > 1 else "there is one input"


def _three_inputs(s: Setting, call: Any) -> str:
    return "" if len(s.x) > 2 else "there are no three inputs"


def _several_outputs(s: Setting, call: Any) -> str:
    return "" if call.count > 1 else "there is one output"


# --- the tables -----------------------------------------------------------------------------------


def _torch(name: str, compute: Any, remedy: str, *options: Any, **more: Any) -> Presentation:
    return Presentation(name, eagerly(compute, *options), remedy, **more)


t, c, j = torch_layouts, torch_calls, jax_calls

# fmt: off
TORCH = (
    _torch("cotangent expanded", t.summed, f"`y.sum().backward()` sends one number expanded, and {READS_G}", needs=_several_values, at=along_ones, unasked=EVERYWHERE),
    _torch("cotangent strided", t.cotangent, READS_G, t.strided, needs=_several_values, unasked=EVERYWHERE),
    _torch("cotangent transposed", t.cotangent, READS_G, t.transposed, needs=_two_axes),
    _torch("cotangent offset", t.cotangent, "the backward reads the storage of grad_output from its start: add grad_output.storage_offset(), or use data_ptr()", t.offset),
    _torch("cotangent kept", t.kept, "the backward writes into grad_output, which is not its own: write into a new tensor"),
    _torch("cotangent zero", t.zero, "a cotangent of zeros gives something else than zeros: the backward must be linear in grad_output"),
    _torch("cotangent undefined", t.undefined, UNUSED),
    Presentation("outputs one by one", t.outputs_one_by_one, UNUSED, needs=_several_outputs),
    Presentation("inputs strided", t.inputs(t.strided), READS_X, needs=_two_elements, unasked=EVERYWHERE, refuses=ANY),
    Presentation("inputs expanded", t.inputs(t.expanded), READS_X, needs=_last_axes, at=constant_rows, refuses=ANY),
    Presentation("inputs offset", t.inputs(t.offset), "the forward reads the storage of its inputs from its start: add x.storage_offset(), or use data_ptr()"),
    Presentation("inputs channels-last", t.inputs(t.channels_last), READS_X, needs=_images, refuses=ANY),
    _torch("inputs one by one", t.one_by_one, NEEDS, needs=_two_inputs, unasked=FEW, refuses=("does not require grad", "not have been used in the graph")),
    _torch("inputs in pairs", t.in_pairs, NEEDS, needs=_three_inputs, refuses=("does not require grad", "not have been used in the graph")),
    _torch("backward twice", c.twice, "the backward changes what it reads: write into new tensors, and leave ctx and saved tensors as they are"),
    Presentation("double backward", c.of_inputs, TWICE, at=weighed, operator="hvp", refuses=ANY),
    Presentation("double backward cotangent", c.of_cotangent, TWICE, operator="jvp", refuses=ANY),
    _torch("checkpoint", c.checkpointed, STATE, False),
    _torch("checkpoint reentrant", c.checkpointed, STATE, True, refuses=("is incompatible with",)),
    _torch("saved tensors changed", c.changed, "the backward reads tensors that were changed since, unseen: ctx.save_for_backward(x) in place of ctx.x = x"),
    _torch("torch.func", c.transformed, "setup_context leaves out or changes what forward's ctx had: save the same there", refuses=ANY),
    _torch("vmap", c.mapped, BATCHED, refuses=ANY),
    _torch("vmap cotangents", c.mapped_cotangents, f"in the backward pass {BATCHED}", refuses=ANY),
    Presentation("compiled", c.compiled, "torch.compile traces another function: look for Python state and numbers that a trace freezes", named=True),
    Presentation("autocast", c.autocast, "under autocast the types differ: decorate forward with torch.amp.custom_fwd and backward with custom_bwd", at=in_bfloat16, named=True),
)

JAX = (
    Presentation("eager", j.eager, "the function does something else where arrays are traced (isinstance(x, Tracer), a cache, NumPy): do the same in both", unasked=EVERYWHERE, recorded=False),
    Presentation("jit inside", j.jit_inside, "the function does something else where a jitted call of it is differentiated: keep no state between traces"),
    Presentation("vmap", j.mapped, "the batching rule is wrong: look at in_batched, and at axes other than the first", refuses=ANY),
    Presentation("checkpoint", j.checkpointed, "the function is not the same when it is traced again: keep no state between traces"),
    Presentation("linearize", j.linearized, "the rule does something else where it is linearised: keep tangents linear, and no state between traces"),
    Presentation("linear_transpose", j.transposed, "the jvp rule and its transpose differ from the vjp: write one rule, or make them one another's transpose", refuses=ANY),
    Presentation("inputs one by one", j.one_by_one, "the rule mistakes symbolic zeros and unperturbed inputs: instantiate them, one by one", needs=_two_inputs),
    Presentation("tangents one by one", j.tangents_one_by_one, "the jvp rule mistakes symbolic zeros: instantiate them (SymbolicZero.instantiate)", needs=_two_inputs, operator="jvp", refuses=ANY),
    Presentation("outputs one by one", j.outputs_one_by_one, "the rule mistakes the symbolic zeros of unused outputs: instantiate them", needs=_several_outputs),
    Presentation("donated", j.donated, "the function keeps its arguments beyond the call, whose memory is given away: keep copies"),
    Presentation("shard_map", j.on_devices, "the function does something else on several devices: look for collectives and device state"),
)
# fmt: on

PRESENTATIONS: dict[str, dict[str, Presentation]] = {
    "torch": {row.name: row for row in TORCH},
    "jax": {row.name: row for row in JAX},
}

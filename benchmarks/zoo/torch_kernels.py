"""Broken kernels of torch, one for each presentation: right in plain use, wrong in that one.

Each is made by `make(broken)`, which returns a function and its inputs; `make(False)` is the mended
twin. What a GPU kernel does with a raw pointer is done here with `as_strided`.
"""

from __future__ import annotations

import collections

import torch
from torch.autograd import Function

ZOO = {}


def breaks(name):
    """Decorate a maker: its kernel is wrong in the presentation of that name."""

    def register(make):
        ZOO[name] = make
        return make

    return register


def inputs(*shapes):
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(s, generator=generator, dtype=torch.float64) + 0.5 for s in shapes)


def pointed(t):
    """What lies behind the pointer of a tensor, read as if it were contiguous; zeros beyond."""
    there = t.untyped_storage().nbytes() // t.element_size() - t.storage_offset()
    seen = torch.as_strided(t, (min(there, t.numel()),), (1,), t.storage_offset())
    return torch.cat((seen, seen.new_zeros(t.numel() - seen.numel()))).view(t.shape)


def is_dense(t):
    """Whether the storage holds the elements and no more."""
    return t.untyped_storage().nbytes() == t.numel() * t.element_size()


def product(read_x=lambda x: x, read_g=lambda g: g, backward=None, materialize=True):
    """sin(x) w, with other eyes for inputs and cotangents, or another backward pass."""

    class Product(Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.set_materialize_grads(materialize)
            ctx.save_for_backward(x, w)
            return torch.sin(read_x(x)) * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return (backward or pull)(ctx, read_g(g), read_x(x), w)

    def pull(ctx, g, x, w):
        return g * torch.cos(x) * w, (g * torch.sin(x)).sum(tuple(range(g.ndim - 1)))

    return Product.apply


PLACE = ((3, 4), (4,))


# --- cotangents -----------------------------------------------------------------------------------


@breaks("cotangent expanded")
def takes_stride_zero_for_one(broken):
    def read(g):
        return pointed(g) if broken and g.stride(-1) == 0 else g

    return product(read_g=read), inputs(*PLACE)


@breaks("cotangent strided")
def reads_contiguous_memory(broken):
    return product(read_g=lambda g: pointed(g if broken else g.contiguous())), inputs(*PLACE)


@breaks("cotangent transposed")
def reads_dense_memory_in_order(broken):
    def read(g):
        return pointed(g) if broken and is_dense(g) else g

    return product(read_g=read), inputs(*PLACE)


@breaks("cotangent offset")
def reads_from_the_start_of_the_storage(broken):
    class Total(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.sin(x).sum()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            start = 0 if broken else g.storage_offset()
            return torch.as_strided(g, (), (), start) * torch.cos(x)

    return Total.apply, inputs((5,))


@breaks("cotangent kept")
def writes_into_the_cotangent(broken):
    def backward(ctx, g, x, w):
        h = g if broken and 0 not in g.stride() else g.clone()
        pulled_w = (h * torch.sin(x)).sum(0)
        return h.mul_(torch.cos(x) * w), pulled_w

    return product(backward=backward), inputs(*PLACE)


@breaks("cotangent zero")
def divides_by_the_size_of_the_cotangent(broken):
    def read(g):
        size = g.abs().max()
        size = size if broken else torch.where(size == 0, 1.0, size)
        return g / size * size

    return product(read_g=read), inputs(*PLACE)


@breaks("cotangent undefined")
def takes_none_for_ones(broken):
    def backward(ctx, g, x, w):
        if g is None:
            if not broken:
                return None, None
            g = torch.ones_like(x)
        return g * torch.cos(x) * w, (g * torch.sin(x)).sum(0)

    return product(backward=backward, materialize=False), inputs(*PLACE)


@breaks("outputs one by one")
def forgets_the_first_output_without_the_second(broken):
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x)
            return torch.sin(x), torch.exp(x)

        @staticmethod
        def backward(ctx, g, h):
            (x,) = ctx.saved_tensors
            if broken and h is None:
                return None
            g = torch.zeros_like(x) if g is None else g
            h = torch.zeros_like(x) if h is None else h
            return g * torch.cos(x) + h * torch.exp(x)

    return lambda x: Both.apply(x), inputs((5,))


# --- inputs ---------------------------------------------------------------------------------------


@breaks("inputs strided")
def reads_its_input_as_contiguous(broken):
    return product(read_x=lambda x: pointed(x if broken else x.contiguous())), inputs(*PLACE)


@breaks("inputs expanded")
def takes_stride_zero_of_an_input_for_one(broken):
    def read(x):
        return pointed(x) if broken and x.stride(-1) == 0 else x

    return product(read_x=read), inputs(*PLACE)


@breaks("inputs offset")
def reads_its_input_from_the_start_of_the_storage(broken):
    def read(x):
        return torch.as_strided(x, x.shape, x.stride(), 0 if broken else x.storage_offset())

    return product(read_x=read), inputs(*PLACE)


@breaks("inputs channels-last")
def reads_images_in_order(broken):
    def read(x):
        return pointed(x) if broken and is_dense(x) else x

    return product(read_x=read), inputs((2, 3, 2, 4), (4,))


@breaks("inputs one by one")
def returns_gradients_in_the_first_places(broken):
    def backward(ctx, g, x, w):
        pulls = (lambda: g * torch.cos(x) * w, lambda: (g * torch.sin(x)).sum(0))
        asked = [pull() for pull, need in zip(pulls, ctx.needs_input_grad, strict=True) if need]
        if broken:
            return (*asked, None)[:2]
        return tuple(asked.pop(0) if need else None for need in ctx.needs_input_grad)

    return product(backward=backward), inputs(*PLACE)


@breaks("inputs in pairs")
def shares_a_term_of_two_inputs(broken):
    class Chain(Function):
        @staticmethod
        def forward(ctx, x, y, z):
            ctx.save_for_backward(x, y, z)
            return x * y * z

        @staticmethod
        def backward(ctx, g):
            x, y, z = ctx.saved_tensors
            shared = g * z
            if broken and ctx.needs_input_grad == (True, True, False):
                shared = g
            return shared * y, shared * x, g * x * y

    return Chain.apply, inputs((4,), (4,), (4,))


# --- calls ----------------------------------------------------------------------------------------


@breaks("backward twice")
def overwrites_what_it_kept(broken):
    class Total(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.kept = torch.exp(x)
            ctx.save_for_backward(x)
            return ctx.kept.sum()

        @staticmethod
        def backward(ctx, g):
            if broken:
                return ctx.kept.mul_(2).mul_(g) / 2
            return torch.exp(ctx.saved_tensors[0]) * g

    return Total.apply, inputs((5,))


@breaks("double backward")
def detaches_what_it_saved(broken):
    def backward(ctx, g, x, w):
        x = x.detach() if broken else x
        return g * torch.cos(x) * w, (g * torch.sin(x)).sum(0)

    return product(backward=backward), inputs(*PLACE)


@breaks("double backward cotangent")
def detaches_the_cotangent(broken):
    return product(read_g=lambda g: g.detach() if broken else g), inputs(*PLACE)


@breaks("checkpoint")
def approximates_inside_of_a_backward_pass(broken):
    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            inside = torch._C._current_graph_task_id() != -1
            y = torch.exp(x * (1 + 1e-6) if broken and inside else x)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    return Exp.apply, inputs((5,))


@breaks("checkpoint reentrant")
def reuses_what_a_call_without_gradients_left(broken):
    left = []
    plain = product()

    def function(x, w):
        if broken and not torch.is_grad_enabled():
            left.append(x.detach())
        at = left.pop() if left and torch.is_grad_enabled() else x
        return plain(at, w)

    return function, inputs(*PLACE)


@breaks("saved tensors changed")
def saves_on_ctx(broken):
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(*() if broken else (x,))
            ctx.x = x if broken else None
            return x * x

        @staticmethod
        def backward(ctx, g):
            x = ctx.x if broken else ctx.saved_tensors[0]
            return 2 * g * x

    return Square.apply, inputs((5,))


# --- transforms -----------------------------------------------------------------------------------


def composable(factor=1.0, map_pull=None, map_forward=None):
    """sin(x) w with `setup_context` and batching rules."""

    class Pull(Function):
        @staticmethod
        def forward(g, x, w):
            return factor * g * torch.cos(x) * w, (g * torch.sin(x)).sum(0)

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def vmap(info, dims, g, x, w):
            return map_pull(Pull.apply, info, dims, g, x, w)

    class Map(Function):
        generate_vmap_rule = map_forward is None

        @staticmethod
        def forward(x, w):
            return torch.sin(x) * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            if map_pull is not None:
                return Pull.apply(g, x, w)
            return factor * g * torch.cos(x) * w, (g * torch.sin(x)).sum(tuple(range(g.ndim - 1)))

    if map_forward is not None:
        Map.vmap = staticmethod(lambda *given: map_forward(Map.apply, *given))
    return Map.apply


@breaks("torch.func")
def falls_back_to_another_rule(broken):
    plain, other = composable(), composable(factor=1 + 1e-6 if broken else 1.0)

    def function(x, w):
        return (other if torch._C._functorch.is_functorch_wrapped_tensor(x) else plain)(x, w)

    return function, inputs(*PLACE)


@breaks("vmap")
def maps_first_axes_only(broken):
    def rule(apply, info, dims, x, w):
        def moved(a, dim):
            if dim is None:
                return [a] * info.batch_size
            return a.unbind(0 if broken and a.shape[0] == info.batch_size else dim)

        pairs = zip(moved(x, dims[0]), moved(w, dims[1]), strict=True)
        return torch.stack([apply(a, b) for a, b in pairs]), 0

    return composable(map_forward=rule), inputs((3, 3), (3,))


@breaks("vmap cotangents")
def maps_the_first_cotangent_only(broken):
    def rule(apply, info, dims, g, x, w):
        rows = g.movedim(dims[0], 0)
        found = [apply(rows[0 if broken else k], x, w) for k in range(info.batch_size)]
        return tuple(torch.stack(column) for column in zip(*found, strict=True)), (0, 0)

    return composable(map_pull=rule), inputs(*PLACE)


@breaks("compiled")
def is_another_function_where_it_is_compiled(broken):
    def function(x):
        y = torch.sin(x)
        return y + 1e-6 * x if broken and torch.compiler.is_compiling() else y

    return function, inputs((5,))


@breaks("autocast")
def scales_under_autocast(broken):
    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.scale = 2.0 if broken and torch.is_autocast_enabled("cpu") else 1.0
            ctx.save_for_backward(x)
            return torch.sin(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.cos(x) * ctx.scale

    return Half.apply, inputs((5,))


@breaks("sizes")
def works_in_blocks_of_four(broken):
    Sizes = collections.namedtuple("Sizes", "block")

    class Blocks(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.sizes = Sizes(4)
            ctx.save_for_backward(x)
            return torch.sin(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            pulled = g * torch.cos(x)
            rest = len(x) % ctx.sizes.block
            if broken and rest and len(x) > ctx.sizes.block:
                pulled[-rest:] = 0
            return pulled

    return Blocks.apply, inputs((4,))

"""Functions of torch with a kink, and a slope of one's own there."""

import torch


def relu_with(slope):
    """relu whose derivative at 0 is a number of one's own."""

    class Relu(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.relu(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.where(x > 0, 1.0, torch.where(x == 0, slope, 0.0)).to(g.dtype)

    return Relu.apply

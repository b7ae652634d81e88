"""Fused kernels in PyTorch with a backward pass of their own, right and subtly wrong.

Each computes in float32 what it reads and writes in a 16-bit type, as kernels do on a GPU: softmax
cross-entropy with label smoothing (Szegedy et al. 2016, arXiv:1512.00567, section 7) and RMS norm
(Zhang & Sennrich 2019, arXiv:1910.07467, equation 4). Wrong are: sums accumulated in the input's
type and a term that is left out.
"""

from __future__ import annotations

import torch

EPSILON = 1e-6
SMOOTHING = 0.1


def long(dtype: torch.dtype) -> torch.dtype:
    """The type that a kernel computes in."""
    return torch.promote_types(dtype, torch.float32)


def accumulated(terms: torch.Tensor, dim: int, dtype: torch.dtype) -> torch.Tensor:
    """Σ terms along an axis, one after the other, the running sum held in `dtype`."""
    total = torch.zeros_like(terms.select(dim, 0), dtype=dtype)
    for term in terms.unbind(dim):
        total = total + term.to(dtype)
    return total.to(terms.dtype)


def rms_norm(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """w ∘ x / √(mean x² + ε), operation by operation: x (n, d), w (d,) -> (n, d)."""
    return w * x * torch.rsqrt(torch.mean(x * x, dim=-1, keepdim=True) + EPSILON)


class RMSNorm(torch.autograd.Function):
    """RMS norm in one pass; the backward pass adds up in float32."""

    @staticmethod
    def sums(terms: torch.Tensor, dim: int, kind: torch.dtype) -> torch.Tensor:
        """How it adds up: in the type of the terms."""
        return terms.sum(dim)

    @staticmethod
    def forward(ctx, x, w):
        x_, w_ = x.to(long(x.dtype)), w.to(long(x.dtype))
        scale = torch.rsqrt(torch.mean(x_ * x_, dim=-1, keepdim=True) + EPSILON)
        ctx.save_for_backward(x, w, scale)
        return (w_ * x_ * scale).to(x.dtype)

    @classmethod
    def backward(cls, ctx, g):
        """dx = s (gw − x̂ mean(gw ∘ x̂)) with x̂ = s x, dw = Σ g ∘ x̂."""
        x, w, scale = ctx.saved_tensors
        kind = long(x.dtype)
        g_, unit = g.to(kind), x.to(kind) * scale
        gw = g_ * w.to(kind)
        mean = cls.sums(gw * unit, -1, x.dtype)[..., None] / x.shape[-1]
        dx = scale * (gw - unit * mean)
        return dx.to(x.dtype), cls.sums(g_ * unit, 0, x.dtype).to(w.dtype)


class RMSNormShortSums(RMSNorm):
    """RMS norm whose backward pass adds up in the input's type."""

    sums = staticmethod(accumulated)


class RMSNormMissingTerm(RMSNorm):
    """RMS norm whose backward pass forgets that the norm moves with x."""

    @classmethod
    def backward(cls, ctx, g):
        x, w, scale = ctx.saved_tensors
        kind = long(x.dtype)
        g_ = g.to(kind)
        dw = (g_ * x.to(kind) * scale).sum(0)
        return (scale * g_ * w.to(kind)).to(x.dtype), dw.to(w.dtype)


def cross_entropy(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Softmax cross-entropy with smoothed labels, summed: z (n, C), labels (n,) -> ()."""
    logs = torch.log_softmax(z, dim=-1)
    chosen = torch.take_along_dim(logs, labels[:, None], dim=-1)[:, 0]
    return -torch.sum((1 - SMOOTHING) * chosen + SMOOTHING * torch.mean(logs, dim=-1))


class CrossEntropy(torch.autograd.Function):
    """Softmax cross-entropy fused with its gradient, in float32 inside."""

    @staticmethod
    def sums(terms: torch.Tensor, dim: int, kind: torch.dtype) -> torch.Tensor:
        """How it adds up: in the type of the terms."""
        return terms.sum(dim)

    smoothing = SMOOTHING

    @classmethod
    def forward(cls, ctx, z, labels):
        z_ = z.to(long(z.dtype))
        top = z_.amax(-1, keepdim=True)
        ctx.save_for_backward(z, labels)
        logs = z_ - top - torch.log(torch.exp(z_ - top).sum(-1, keepdim=True))
        chosen = torch.take_along_dim(logs, labels[:, None], dim=-1)[:, 0]
        return -((1 - SMOOTHING) * chosen + SMOOTHING * logs.mean(-1)).sum().to(z.dtype)

    @classmethod
    def backward(cls, ctx, g):
        """p − (1 − s) [label] − s / C, with p the softmax."""
        z, labels = ctx.saved_tensors
        z_ = z.to(long(z.dtype))
        e = torch.exp(z_ - z_.amax(-1, keepdim=True))
        p = e / cls.sums(e, -1, z.dtype)[..., None]
        hot = torch.nn.functional.one_hot(labels, z.shape[-1]).to(p.dtype)
        slope = p - (1 - SMOOTHING) * hot - cls.smoothing / z.shape[-1]
        return (g.to(p.dtype) * slope).to(z.dtype), None


class CrossEntropyShortSums(CrossEntropy):
    """Cross-entropy whose softmax adds up in the input's type."""

    sums = staticmethod(accumulated)


class CrossEntropyMissingTerm(CrossEntropy):
    """Cross-entropy whose backward pass forgets to spread the smoothed labels."""

    smoothing = 0.0

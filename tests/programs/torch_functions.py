"""Functions and modules that people write in torch, right ones and wrong ones."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

DOUBLE = torch.float64


class Draws:
    """Tensors from one seed."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape):
        return torch.randn(shape, dtype=DOUBLE, generator=self.generator)

    def positive(self, *shape):
        return torch.rand(shape, dtype=DOUBLE, generator=self.generator) + 0.5


def of_module(module, *arguments):
    """A module as a function of its floating arguments and its parameters."""
    module = module.double()
    names, parameters = zip(*module.named_parameters(), strict=True)
    floats = [a for a in arguments if a.is_floating_point()]

    def function(*tensors):
        given = iter(tensors)
        args = [next(given) if a.is_floating_point() else a for a in arguments]
        held = dict(zip(names, given, strict=True))
        return torch.func.functional_call(module, held, tuple(args))

    return function, [*floats, *(p.detach() for p in parameters)]


class CrossEntropy(torch.autograd.Function):
    """Softmax cross-entropy; `shift` is a mistake in the number of rows."""

    @staticmethod
    def forward(ctx, z, labels, shift):
        logp = z - z.logsumexp(1, keepdim=True)
        ctx.save_for_backward(logp, labels)
        ctx.shift = shift
        return -logp.gather(1, labels[:, None]).mean()

    @staticmethod
    def backward(ctx, g):
        logp, labels = ctx.saved_tensors
        p = logp.exp()
        p[torch.arange(len(labels)), labels] -= 1
        return g * p / (len(labels) + ctx.shift), None, None


class RMSNorm(torch.autograd.Function):
    """Root-mean-square norm; without `eps_behind`, the derivative forgets eps."""

    @staticmethod
    def forward(ctx, x, w, eps, eps_behind):
        r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, w, r)
        ctx.eps_behind = eps_behind
        return x * r * w

    @staticmethod
    def backward(ctx, g):
        x, w, r = ctx.saved_tensors
        gw = g * w
        cube = r.pow(3) if ctx.eps_behind else r / x.pow(2).mean(-1, keepdim=True)
        dx = r * gw - x * cube * (gw * x).mean(-1, keepdim=True)
        return dx, (g * x * r).sum(0), None, None


class SwiGLU(torch.autograd.Function):
    """a · sigmoid(a) · b; `slip` is a relative mistake in one factor."""

    @staticmethod
    def forward(ctx, a, b, slip):
        ctx.save_for_backward(a, b)
        ctx.slip = slip
        return a * torch.sigmoid(a) * b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        s = torch.sigmoid(a)
        return g * b * s * (1 + a * (1 - s)), g * a * s * (1 + ctx.slip), None


class MixedGELU(torch.autograd.Function):
    """The exact GELU with the derivative of its approximation."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return F.gelu(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.ops.aten.gelu_backward(g, x, approximate="tanh")


class NumPyInside(torch.autograd.Function):
    """sin by NumPy."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.cos()


class First(nn.Module):
    """The first result of a module."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *arguments):
        return self.inner(*arguments)[0]


class Attention(nn.Module):
    """Masked self-attention."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        mask = ~torch.tril(torch.ones(4, 4)).bool()
        return self.attention(x, x, x, attn_mask=mask)[0]


class Embedded(nn.Module):
    """The mean of embeddings, mapped."""

    def __init__(self, padding):
        super().__init__()
        self.embedding, self.linear = nn.Embedding(6, 4, padding_idx=padding), nn.Linear(4, 2)

    def forward(self, tokens):
        return self.linear(self.embedding(tokens).mean(1))


def in_place(x):
    y = x.clone()
    y[0].mul_(2.0)
    y[:, 1] += x[:, 0].exp()
    y.view(-1)[::2].sub_(1.0)
    y[y > 0.5] *= 3
    z = torch.zeros(4, 4, dtype=DOUBLE)
    z[1:3, :] = y[:2]
    z.diagonal().add_(x.sum())
    z.t()[0].copy_(x[0])
    return z.sin().sum() + y.cumsum(0).prod(1).sum()


def control_flow(x):
    s = x
    for _ in range(10):
        if s.norm() > 1.5:
            s = s * 0.5
        elif s.sum() > 0:
            s = s.sin() + 0.1
        else:
            s = s.exp()
    return s.sum()


def newton(a):
    z = torch.ones_like(a)
    for _ in range(8):
        z = z - (z * z - a) / (2 * z)
    return z.sum()


def gaussian_process(x, y, scale, noise):
    d = (x[:, None] - x[None]).pow(2).sum(-1)
    k = torch.exp(-d / (2 * scale**2)) + noise * torch.eye(len(x), dtype=DOUBLE)
    low = torch.linalg.cholesky(k)
    a = torch.cholesky_solve(y[:, None], low)
    half = len(x) / 2 * math.log(2 * math.pi)
    return 0.5 * (y @ a[:, 0]) + low.diagonal().log().sum() + half


def multivariate_normal(mean, a, x):
    covariance = a @ a.T + torch.eye(3, dtype=DOUBLE)
    normal = torch.distributions.MultivariateNormal(mean, covariance_matrix=covariance)
    return normal.log_prob(x).sum()


def distributions(a, b, x):
    d = torch.distributions
    number = torch.tensor(3.0, dtype=DOUBLE)
    terms = (
        d.Gamma(a, b).log_prob(x),
        d.Beta(a, b).log_prob(torch.sigmoid(x)),
        d.StudentT(a + 2).log_prob(x),
        d.Poisson(b).log_prob(number),
        d.Normal(a, b).log_prob(x),
        d.LogNormal(a, b).log_prob(x),
        d.VonMises(a, b).log_prob(x),
        d.NegativeBinomial(a, logits=b).log_prob(number),
    )
    return sum(t.sum() for t in terms) + d.kl_divergence(d.Dirichlet(a), d.Dirichlet(b))


def reparametrised(mean, scale):
    return torch.distributions.Normal(mean, scale.exp()).rsample().pow(3).sum()


def gradient_penalty(w, x):
    y = torch.tanh(x @ w).pow(3).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    return g.pow(2).sum()


def hessian_trace(x):
    inner = torch.func.hessian(lambda x: (x.sin() * x.flip(0).exp()).sum())
    return inner(x).diagonal().sum()


def checkpointed(w, x):
    return checkpoint(lambda a: torch.tanh(a @ w).sin(), x, use_reentrant=False).sum()


def half_inside(x, w):
    h = x.to(torch.float32)
    h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)
    return (w * h.to(x.dtype)).sum()


def lotka_volterra(y, k):
    def f(y):
        return torch.stack([k[0] * y[0] - k[1] * y[0] * y[1], k[2] * y[0] * y[1] - k[3] * y[1]])

    dt = 0.1
    for _ in range(8):
        k1 = f(y)
        k2 = f(y + dt / 2 * k1)
        k3 = f(y + dt / 2 * k2)
        k4 = f(y + dt * k3)
        y = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y.sum()


def decompositions(a):
    values, vectors = torch.linalg.eigh(a + a.T)
    return (
        values.pow(3).sum()
        + vectors.pow(2)[0].sum()
        + torch.linalg.svd(a)[1].prod()
        + torch.linalg.qr(a)[1].sum()
        + torch.linalg.slogdet(a)[1]
        + torch.linalg.solve(a, a[0]).sum()
        + torch.linalg.inv(a).sum()
        + torch.linalg.det(a)
    )


def filtered(x):
    weights = torch.linspace(1, 2, 5, dtype=DOUBLE)
    return torch.fft.irfft(torch.fft.rfft(x) * weights, n=8).sin().sum()


def hooked(x):
    y = x.sin()
    y.register_hook(lambda g: g * 1)
    return (y * x).sum()


def quantised(x):
    """Straight through: the value is rounded, the derivative is not."""
    return ((x + (x.round() - x).detach()) * x).sum()


def rotary(q, k):
    at = torch.arange(4, dtype=DOUBLE)[:, None] * torch.tensor([1.0, 0.1], dtype=DOUBLE)
    turn = torch.polar(torch.ones_like(at), at)

    def turned(x):
        z = torch.view_as_complex(x.reshape(2, 4, 2, 2).contiguous())
        return torch.view_as_real(z * turn).flatten(-2)

    return (turned(q) @ turned(k).transpose(-1, -2)).softmax(-1)


def contrastive(a, b):
    a, b = F.normalize(a), F.normalize(b)
    z = a @ b.T / 0.07
    labels = torch.arange(len(a))
    return (F.cross_entropy(z, labels) + F.cross_entropy(z.T, labels)) / 2


def soft_sort(x, target):
    ranks = torch.sigmoid((x[:, None] - x[None]) / 0.1).sum(1)
    return (ranks - target).pow(2).mean()

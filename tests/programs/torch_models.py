"""Things that people write in torch: functions with the tensors that they are differentiated in."""

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
        return torch.stack(
            [k[0] * y[0] - k[1] * y[0] * y[1], k[2] * y[0] * y[1] - k[3] * y[1]]
        )

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


LABELS = torch.tensor([0, 3, 1, 4, 2, 2])
TOKENS = torch.tensor([[1, 2, 2], [0, 4, 1]])
WORDS = torch.tensor([[1, 2, 2], [3, 1, 0]])
CLASSES = Draws(1).positive(5)
CERTIFIED, REFUTED, KINK, CUT, ESCAPE = "certified", "refuted", "kink", "cut", "escape"


def _activations():
    return nn.Sequential(
        *(nn.Linear(5, 8), nn.GELU(), nn.Linear(8, 8), nn.Mish(), nn.Linear(8, 8), nn.ELU()),
        *(nn.Linear(8, 3), nn.Softplus(), nn.Hardswish()),
    )


def _image_net():
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 4, 3, groups=2, stride=2, padding=1), nn.AdaptiveAvgPool2d(1)),
        nn.Flatten(),
    )


def _transformer(**options):
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **options)


# Each makes a function and its tensors, and is found to be as it says.
MODELS = {
    "MLP": (lambda D: of_module(nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)), D.normal(4, 5)), CERTIFIED),
    "MLP of five activations": (lambda D: of_module(_activations(), D.normal(4, 5)), CERTIFIED),
    "LayerNorm": (lambda D: of_module(nn.LayerNorm(6), D.normal(3, 6)), CERTIFIED),
    "GroupNorm": (lambda D: of_module(nn.GroupNorm(2, 4), D.normal(2, 4, 3)), CERTIFIED),
    "InstanceNorm": (lambda D: of_module(nn.InstanceNorm1d(3, affine=True), D.normal(2, 3, 5)), CERTIFIED),
    "RMSNorm module": (lambda D: of_module(nn.RMSNorm(6), D.normal(3, 6)), CERTIFIED),
    "masked attention": (lambda D: of_module(Attention(), D.normal(2, 4, 8)), CERTIFIED),
    "image network": (lambda D: of_module(_image_net(), D.normal(2, 2, 6, 6)), CERTIFIED),
    "transposed convolution": (lambda D: of_module(nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), D.normal(1, 2, 4, 4)), CERTIFIED),
    "convolution in one axis": (lambda D: of_module(nn.Conv1d(2, 4, 3, dilation=2), D.normal(2, 2, 8)), CERTIFIED),
    "LSTM": (lambda D: of_module(First(nn.LSTM(3, 4, 2, batch_first=True)), D.normal(2, 4, 3)), CERTIFIED),
    "GRU both ways": (lambda D: of_module(First(nn.GRU(3, 4, bidirectional=True)), D.normal(4, 2, 3)), CERTIFIED),
    "RNN": (lambda D: of_module(First(nn.RNN(3, 4)), D.normal(4, 2, 3)), CERTIFIED),
    "transformer layer": (lambda D: of_module(_transformer(dropout=0.0), D.normal(2, 4, 8)), CERTIFIED),
    "transformer layer with dropout": (lambda D: of_module(_transformer(dropout=0.1, activation="gelu"), D.normal(2, 4, 8)), CERTIFIED),
    "embedding": (lambda D: of_module(Embedded(None), TOKENS), CERTIFIED),
    "embedding that reads its padding": (lambda D: of_module(Embedded(0), TOKENS), REFUTED),
    "bag of embeddings": (lambda D: of_module(nn.EmbeddingBag(6, 4), TOKENS), CERTIFIED),
    "bilinear form": (lambda D: of_module(nn.Bilinear(3, 4, 2), D.normal(5, 3), D.normal(5, 4)), CERTIFIED),
    "smoothed cross entropy": (lambda D: (lambda z: F.cross_entropy(z, LABELS, weight=CLASSES, label_smoothing=0.1), [D.normal(6, 5)]), CERTIFIED),
    "CTC": (lambda D: (lambda z: F.ctc_loss(z.log_softmax(2), WORDS, torch.tensor([6, 5]), torch.tensor([3, 2])), [D.normal(6, 2, 5)]), CERTIFIED),
    "causal attention": (lambda D: (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [D.normal(1, 2, 4, 3) for _ in range(3)]), CERTIFIED),
    "rotary attention": (lambda D: (rotary, [D.normal(2, 4, 4), D.normal(2, 4, 4)]), CERTIFIED),
    "contrastive loss": (lambda D: (contrastive, [D.normal(4, 3), D.normal(4, 3)]), CERTIFIED),
    "soft ranks": (lambda D: (soft_sort, [D.normal(5), D.normal(5)]), CERTIFIED),
    "cross entropy by hand": (lambda D: (lambda z: CrossEntropy.apply(z, LABELS, 0.0), [D.normal(6, 5)]), CERTIFIED),
    "cross entropy off by 1e-9": (lambda D: (lambda z: CrossEntropy.apply(z, LABELS, 1e-9), [D.normal(6, 5)]), REFUTED),
    "RMS norm by hand": (lambda D: (lambda x, w: RMSNorm.apply(x, w, 1e-6, True), [D.normal(4, 6), D.normal(6)]), CERTIFIED),
    "RMS norm that forgets eps": (lambda D: (lambda x, w: RMSNorm.apply(x, w, 1e-6, False), [D.normal(4, 6), D.normal(6)]), REFUTED),
    "SwiGLU by hand": (lambda D: (lambda a, b: SwiGLU.apply(a, b, 0.0), [D.normal(4, 6), D.normal(4, 6)]), CERTIFIED),
    "SwiGLU off by 1e-12": (lambda D: (lambda a, b: SwiGLU.apply(a, b, 1e-12), [D.normal(4, 6), D.normal(4, 6)]), REFUTED),
    "GELU with another's derivative": (lambda D: (MixedGELU.apply, [D.normal(4, 6)]), REFUTED),
    "NumPy inside a function": (lambda D: (NumPyInside.apply, [D.normal(4)]), ESCAPE),
    "in place and aliased": (lambda D: (in_place, [D.normal(3, 4)]), CERTIFIED),
    "control flow": (lambda D: (control_flow, [D.normal(5)]), CERTIFIED),
    "Newton's steps": (lambda D: (newton, [D.positive(3)]), CERTIFIED),
    "Gaussian process": (lambda D: (gaussian_process, [D.normal(5, 2), D.normal(5), D.positive(), D.positive()]), CERTIFIED),
    "multivariate normal": (lambda D: (multivariate_normal, [D.normal(3), D.normal(3, 3), D.normal(2, 3)]), CERTIFIED),
    "nine distributions": (lambda D: (distributions, [D.positive(3) for _ in range(3)]), CERTIFIED),
    "reparametrised samples": (lambda D: (reparametrised, [D.normal(3), D.normal(3)]), CERTIFIED),
    "gradient penalty": (lambda D: (gradient_penalty, [D.normal(3, 2), D.normal(4, 3)]), CERTIFIED),
    "trace of a Hessian": (lambda D: (hessian_trace, [D.normal(3)]), CERTIFIED),
    "jvp inside": (lambda D: (lambda x, v: torch.func.jvp(lambda x: x.sin() * x.exp(), (x,), (v,))[1].sum(), [D.normal(3), D.normal(3)]), CERTIFIED),
    "vmap inside": (lambda D: (lambda w, x: torch.vmap(lambda a: torch.tanh(w @ a).prod())(x).sum(), [D.normal(3, 3), D.normal(2, 3)]), CERTIFIED),
    "checkpoint": (lambda D: (checkpointed, [D.normal(3, 2), D.normal(4, 3)]), CERTIFIED),
    "hooks": (lambda D: (hooked, [D.normal(3)]), CERTIFIED),
    "float32 inside": (lambda D: (half_inside, [D.normal(3, 4), D.normal(4)]), "ball or kernel"),
    "Runge-Kutta": (lambda D: (lotka_volterra, [D.positive(2), D.positive(4)]), CERTIFIED),
    "decompositions": (lambda D: (decompositions, [D.normal(4, 4)]), CERTIFIED),
    "filter by Fourier": (lambda D: (filtered, [D.normal(8)]), CERTIFIED),
    "spectrogram": (lambda D: (lambda x: torch.stft(x, 8, window=torch.hann_window(8, dtype=DOUBLE), return_complex=True).abs().pow(2).log1p().sum(), [D.normal(32)]), CERTIFIED),
    "straight through": (lambda D: (quantised, [D.normal(4) * 3]), REFUTED),
    "relu at 0": (lambda D: (torch.relu, [torch.tensor([0.0, 1.0], dtype=DOUBLE)]), KINK),
    "maximum of equals": (lambda D: (torch.max, [torch.tensor([1.0, 1.0, 0.5], dtype=DOUBLE)]), KINK),
    "norm at 0": (lambda D: (torch.norm, [torch.zeros(3, dtype=DOUBLE)]), KINK),
    "item in a result": (lambda D: (lambda x: x.sum() * x[0].item(), [D.normal(3)]), CUT),
    "item that steers": (lambda D: (lambda x: x.exp() if x[0].item() > 0 else x.sin(), [D.normal(3)]), CERTIFIED),
}


def made(name):
    """A model's function and tensors, the same each time, and what they are found to be."""
    make, verdict = MODELS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return *make(Draws(0)), verdict

"""Things that people write in torch, with the tensors that they are differentiated in."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch_functions import (
    DOUBLE,
    Attention,
    CrossEntropy,
    Draws,
    Embedded,
    First,
    MixedGELU,
    NumPyInside,
    RMSNorm,
    SwiGLU,
    checkpointed,
    contrastive,
    control_flow,
    decompositions,
    distributions,
    filtered,
    gaussian_process,
    gradient_penalty,
    half_inside,
    hessian_trace,
    hooked,
    in_place,
    lotka_volterra,
    multivariate_normal,
    newton,
    of_module,
    quantised,
    reparametrised,
    rotary,
    soft_sort,
)

LABELS = torch.tensor([0, 3, 1, 4, 2, 2])
TOKENS = torch.tensor([[1, 2, 2], [0, 4, 1]])
WORDS = torch.tensor([[1, 2, 2], [3, 1, 0]])
CLASSES = Draws(1).positive(5)
# What is found of reverse mode in float64, and by what.
CERTIFIED, REFUTED = ("agrees", "certified"), ("disagrees", "definition")
KINK = ("convention", "kink")
KERNEL, NARROW = ("disagrees", "certified"), ("unstable", "certified")  # a right rule, lost digits
OUTSIDE, CUT = ("agrees", "definition"), ("disagrees", "definition")  # not in balls


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
    "MLP": (
        lambda D: of_module(
            nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)), D.normal(4, 5)
        ),
        CERTIFIED,
    ),
    "MLP of five activations": (lambda D: of_module(_activations(), D.normal(4, 5)), CERTIFIED),
    "LayerNorm": (lambda D: of_module(nn.LayerNorm(6), D.normal(3, 6)), CERTIFIED),
    "GroupNorm": (lambda D: of_module(nn.GroupNorm(2, 4), D.normal(2, 4, 3)), CERTIFIED),
    "InstanceNorm": (
        lambda D: of_module(nn.InstanceNorm1d(3, affine=True), D.normal(2, 3, 5)),
        CERTIFIED,
    ),
    "RMSNorm module": (lambda D: of_module(nn.RMSNorm(6), D.normal(3, 6)), CERTIFIED),
    "masked attention": (lambda D: of_module(Attention(), D.normal(2, 4, 8)), CERTIFIED),
    "image network": (lambda D: of_module(_image_net(), D.normal(2, 2, 6, 6)), CERTIFIED),
    "transposed convolution": (
        lambda D: of_module(
            nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), D.normal(1, 2, 4, 4)
        ),
        CERTIFIED,
    ),
    "convolution in one axis": (
        lambda D: of_module(nn.Conv1d(2, 4, 3, dilation=2), D.normal(2, 2, 8)),
        CERTIFIED,
    ),
    "LSTM": (
        lambda D: of_module(First(nn.LSTM(3, 4, 2, batch_first=True)), D.normal(2, 4, 3)),
        CERTIFIED,
    ),
    "GRU both ways": (
        lambda D: of_module(First(nn.GRU(3, 4, bidirectional=True)), D.normal(4, 2, 3)),
        CERTIFIED,
    ),
    "RNN": (lambda D: of_module(First(nn.RNN(3, 4)), D.normal(4, 2, 3)), CERTIFIED),
    "transformer layer": (
        lambda D: of_module(_transformer(dropout=0.0), D.normal(2, 4, 8)),
        CERTIFIED,
    ),
    "transformer layer with dropout": (
        lambda D: of_module(_transformer(dropout=0.1, activation="gelu"), D.normal(2, 4, 8)),
        CERTIFIED,
    ),
    "embedding": (lambda D: of_module(Embedded(None), TOKENS), CERTIFIED),
    "embedding that reads its padding": (lambda D: of_module(Embedded(0), TOKENS), REFUTED),
    "bag of embeddings": (lambda D: of_module(nn.EmbeddingBag(6, 4), TOKENS), CERTIFIED),
    "bilinear form": (
        lambda D: of_module(nn.Bilinear(3, 4, 2), D.normal(5, 3), D.normal(5, 4)),
        CERTIFIED,
    ),
    "smoothed cross entropy": (
        lambda D: (
            lambda z: F.cross_entropy(z, LABELS, weight=CLASSES, label_smoothing=0.1),
            [D.normal(6, 5)],
        ),
        CERTIFIED,
    ),
    "CTC": (
        lambda D: (
            lambda z: F.ctc_loss(
                z.log_softmax(2), WORDS, torch.tensor([6, 5]), torch.tensor([3, 2])
            ),
            [D.normal(6, 2, 5)],
        ),
        CERTIFIED,
    ),
    "causal attention": (
        lambda D: (
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            [D.normal(1, 2, 4, 3) for _ in range(3)],
        ),
        CERTIFIED,
    ),
    "rotary attention": (lambda D: (rotary, [D.normal(2, 4, 4), D.normal(2, 4, 4)]), CERTIFIED),
    "contrastive loss": (lambda D: (contrastive, [D.normal(4, 3), D.normal(4, 3)]), CERTIFIED),
    "soft ranks": (lambda D: (soft_sort, [D.normal(5), D.normal(5)]), CERTIFIED),
    "cross entropy by hand": (
        lambda D: (lambda z: CrossEntropy.apply(z, LABELS, 0.0), [D.normal(6, 5)]),
        CERTIFIED,
    ),
    "cross entropy off by 1e-9": (
        lambda D: (lambda z: CrossEntropy.apply(z, LABELS, 1e-9), [D.normal(6, 5)]),
        REFUTED,
    ),
    "RMS norm by hand": (
        lambda D: (lambda x, w: RMSNorm.apply(x, w, 1e-6, True), [D.normal(4, 6), D.normal(6)]),
        CERTIFIED,
    ),
    "RMS norm that forgets eps": (
        lambda D: (lambda x, w: RMSNorm.apply(x, w, 1e-6, False), [D.normal(4, 6), D.normal(6)]),
        REFUTED,
    ),
    "SwiGLU by hand": (
        lambda D: (lambda a, b: SwiGLU.apply(a, b, 0.0), [D.normal(4, 6), D.normal(4, 6)]),
        CERTIFIED,
    ),
    "SwiGLU off by 1e-12": (
        lambda D: (lambda a, b: SwiGLU.apply(a, b, 1e-12), [D.normal(4, 6), D.normal(4, 6)]),
        REFUTED,
    ),
    "GELU with another's derivative": (lambda D: (MixedGELU.apply, [D.normal(4, 6)]), REFUTED),
    "NumPy inside a function": (lambda D: (NumPyInside.apply, [D.normal(4)]), OUTSIDE),
    "in place and aliased": (lambda D: (in_place, [D.normal(3, 4)]), CERTIFIED),
    "control flow": (lambda D: (control_flow, [D.normal(5)]), CERTIFIED),
    "Newton's steps": (lambda D: (newton, [D.positive(3)]), CERTIFIED),
    "Gaussian process": (
        lambda D: (gaussian_process, [D.normal(5, 2), D.normal(5), D.positive(), D.positive()]),
        CERTIFIED,
    ),
    "multivariate normal": (
        lambda D: (multivariate_normal, [D.normal(3), D.normal(3, 3), D.normal(2, 3)]),
        CERTIFIED,
    ),
    "nine distributions, whose digamma keeps nine digits": (
        lambda D: (distributions, [D.positive(3) for _ in range(3)]),
        KERNEL,
    ),
    "digamma, whose derivative has nine digits in float64": (
        lambda D: (torch.digamma, [torch.tensor([1.1], dtype=DOUBLE)]),
        KERNEL,
    ),
    "reparametrised samples": (lambda D: (reparametrised, [D.normal(3), D.normal(3)]), CERTIFIED),
    "gradient penalty": (lambda D: (gradient_penalty, [D.normal(3, 2), D.normal(4, 3)]), CERTIFIED),
    "trace of a Hessian": (lambda D: (hessian_trace, [D.normal(3)]), CERTIFIED),
    "jvp inside": (
        lambda D: (
            lambda x, v: torch.func.jvp(lambda x: x.sin() * x.exp(), (x,), (v,))[1].sum(),
            [D.normal(3), D.normal(3)],
        ),
        CERTIFIED,
    ),
    "vmap inside": (
        lambda D: (
            lambda w, x: torch.vmap(lambda a: torch.tanh(w @ a).prod())(x).sum(),
            [D.normal(3, 3), D.normal(2, 3)],
        ),
        CERTIFIED,
    ),
    "checkpoint": (lambda D: (checkpointed, [D.normal(3, 2), D.normal(4, 3)]), CERTIFIED),
    "hooks": (lambda D: (hooked, [D.normal(3)]), CERTIFIED),
    "float32 inside": (lambda D: (half_inside, [D.normal(3, 4), D.normal(4)]), NARROW),
    "Runge-Kutta": (lambda D: (lotka_volterra, [D.positive(2), D.positive(4)]), CERTIFIED),
    "decompositions": (lambda D: (decompositions, [D.normal(4, 4)]), CERTIFIED),
    "filter by Fourier": (lambda D: (filtered, [D.normal(8)]), CERTIFIED),
    "spectrogram": (
        lambda D: (
            lambda x: (
                torch.stft(x, 8, window=torch.hann_window(8, dtype=DOUBLE), return_complex=True)
                .abs()
                .pow(2)
                .log1p()
                .sum()
            ),
            [D.normal(32)],
        ),
        CERTIFIED,
    ),
    "straight through": (lambda D: (quantised, [D.normal(4) * 3]), REFUTED),
    "relu at 0": (lambda D: (torch.relu, [torch.tensor([0.0, 1.0], dtype=DOUBLE)]), KINK),
    "maximum of equals": (
        lambda D: (torch.max, [torch.tensor([1.0, 1.0, 0.5], dtype=DOUBLE)]),
        KINK,
    ),
    "norm at 0": (lambda D: (torch.norm, [torch.zeros(3, dtype=DOUBLE)]), KINK),
    "item in a result": (lambda D: (lambda x: x.sum() * x[0].item(), [D.normal(3)]), CUT),
    "item that steers": (
        lambda D: (lambda x: x.exp() if x[0].item() > 0 else x.sin(), [D.normal(3)]),
        CERTIFIED,
    ),
}


def made(name):
    """A model's function and tensors, the same each time, and what is found of it."""
    make, verdict = MODELS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return *make(Draws(0)), verdict

"""What networks are made of, in other torch operations: activations, losses, normalisation.

torch's own forms of these import its compiler, or sympy, for longer than a check takes. Each is the
documented definition, and beside it its derivative by hand as ATen's kernels take it (torch 2.13,
aten/src/ATen/native: Activation.cpp, BinaryOps.cpp, Loss*.cpp, SoftMax.cpp, layer_norm.cpp).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
where = torch.where

# --- activations ---------------------------------------------------------------------------------


def _elu(x: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Tensor:
    """Clevert et al. 2016, Fast and accurate deep network learning by ELUs, eq. 15."""
    return where(x > 0, x * scale, torch.expm1(x * input_scale) * (alpha * scale))


def _elu_backward(g: Tensor, alpha: float, scale: float, input_scale: float, is_result: bool,
                  x: Tensor) -> Tensor:  # fmt: skip
    low = alpha * scale
    slope = x + low if is_result else torch.exp(x * input_scale) * low
    return where(x <= 0, g * input_scale * slope, g * scale)


def _celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Barron 2017, Continuously differentiable exponential linear units, eq. 2."""
    return _elu(x, alpha, 1.0, 1 / alpha)


def _leaky_backward(g: Tensor, x: Tensor, slope: float, is_result: bool) -> Tensor:
    return where(x > 0, g, g * slope)


def _softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(βx)) / β, and x where βx is above the threshold."""
    scaled = x * beta
    return where(scaled > threshold, x, torch.log1p(torch.exp(scaled)) / beta)


def _softplus_backward(g: Tensor, x: Tensor, beta: float, threshold: float) -> Tensor:
    scaled = x * beta
    return where(scaled > threshold, g, g * torch.sigmoid(scaled))


def _mish(x: Tensor) -> Tensor:
    """Misra 2020, Mish: a self regularized non-monotonic activation function, eq. 1."""
    return x * torch.tanh(_softplus(x))


def _glu(x: Tensor, dim: int = -1) -> Tensor:
    """Dauphin et al. 2017, Language modeling with gated convolutional networks, eq. 1."""
    a, b = x.chunk(2, dim)
    return a * torch.sigmoid(b)


def _glu_backward(g: Tensor, x: Tensor, dim: int) -> Tensor:
    a, b = x.chunk(2, dim)
    s = torch.sigmoid(b)
    return torch.cat([s * g, (1 - s) * s * a * g], dim)


def _log_sigmoid(x: Tensor) -> tuple[Tensor, Tensor]:
    """min(0, x) − log(1 + exp(−|x|)), and the exponential."""
    z = torch.exp(-torch.abs(x))
    return torch.minimum(x.new_zeros(()), x) - torch.log1p(z), z


def _log_sigmoid_backward(g: Tensor, x: Tensor, kept: Tensor) -> Tensor:
    z = kept if kept.numel() else torch.exp(-torch.abs(x))
    part = z / (1 + z)
    return g * where(x < 0, 1 - part, part)


def _hardtanh_backward(g: Tensor, x: Tensor, low: float, high: float) -> Tensor:
    return where((x <= low) | (x >= high), 0.0, g)


def _hardswish(x: Tensor) -> Tensor:
    """Howard et al. 2019, Searching for MobileNetV3, section 5.2."""
    return x * torch.clamp(torch.clamp(x + 3, min=0), max=6) / 6


def _hardswish_backward(g: Tensor, x: Tensor) -> Tensor:
    return where(x <= -3, 0.0, where(x < 3, g * (x / 3 + 0.5), g))


def _hardshrink(x: Tensor, width: float = 0.5) -> Tensor:
    return where(torch.abs(x) <= width, 0.0, x)


def _softshrink(x: Tensor, width: float = 0.5) -> Tensor:
    return where(torch.abs(x) > width, x - torch.sign(x) * width, x * 0)


def _shrink_backward(g: Tensor, x: Tensor, width: float) -> Tensor:
    return where(torch.abs(x) <= width, 0.0, g)


def _logit(x: Tensor, eps: float | None = None) -> Tensor:
    x = x if eps is None else where(x < eps, eps, where(x > 1 - eps, 1 - eps, x))
    return torch.log(x / (1 - x))


def _logit_backward(g: Tensor, x: Tensor, eps: float | None = None) -> Tensor:
    low, outside = (0.0, math.nan) if eps is None else (eps, 0.0)
    return where((x >= low) & (x <= 1 - low), g / (x * (1 - x)), outside)


def _softmax_backward(g: Tensor, y: Tensor, dim: int, dtype: Any) -> Tensor:
    """y ⊙ (g − ⟨g, y⟩): Bishop 2006, eq. 4.106."""
    product = g * y
    return (product - y * product.sum(dim, keepdim=True)).contiguous()


def _log_softmax_backward(g: Tensor, y: Tensor, dim: int, dtype: Any) -> Tensor:
    return g - torch.exp(y) * g.sum(dim, keepdim=True)


def _lerp(x: Tensor, y: Tensor, weight: Any) -> Tensor:
    """x + w (y − x), from the end that is nearer."""
    w = weight if isinstance(weight, Tensor) else x.new_full((), weight)
    far = torch.abs(w) >= 0.5
    return where(far, w - 1, w) * (y - x) + where(far, y, x)


# --- losses --------------------------------------------------------------------------------------

_REDUCED: tuple[Callable[[Tensor], Tensor], ...] = (lambda x: x, torch.mean, torch.sum)
MEAN = 1


def _share(x: Tensor, reduction: int) -> float:
    """What one of the losses counts in the whole."""
    return 1 / x.numel() if reduction == MEAN else 1.0


def _mse(x: Tensor, y: Tensor, reduction: int = MEAN) -> Tensor:
    return _REDUCED[reduction]((x - y) ** 2)


def _mse_backward(g: Tensor, x: Tensor, y: Tensor, reduction: int) -> Tensor:
    return (x - y) * g * (2 * _share(x, reduction))


def _smooth_l1(x: Tensor, y: Tensor, reduction: int = MEAN, beta: float = 1.0) -> Tensor:
    """Girshick 2015, Fast R-CNN, eq. 3, of width β."""
    z = torch.abs(x - y)
    return _REDUCED[reduction](where(z < beta, z * z * 0.5 / beta, z - 0.5 * beta))


def _smooth_l1_backward(g: Tensor, x: Tensor, y: Tensor, reduction: int, beta: float) -> Tensor:
    d, g = x - y, g * _share(x, reduction)
    return where(torch.abs(d) < beta, g * d / beta, g * torch.sign(d))


def _huber(x: Tensor, y: Tensor, reduction: int = MEAN, delta: float = 1.0) -> Tensor:
    """Huber 1964, Robust estimation of a location parameter, example (iii) of section 7."""
    z = torch.abs(x - y)
    return _REDUCED[reduction](where(z < delta, z * z * 0.5, (z - 0.5 * delta) * delta))


def _huber_backward(g: Tensor, x: Tensor, y: Tensor, reduction: int, delta: float) -> Tensor:
    d, g = x - y, g * _share(x, reduction)
    return where(d < -delta, -g * delta, where(d > delta, g * delta, g * d))


def _bce(x: Tensor, y: Tensor, weight: Tensor | None = None, reduction: int = MEAN) -> Tensor:
    """−y log x − (1 − y) log(1 − x): Bishop 2006, eq. 4.90; logarithms below −100 are −100."""
    low = x.new_full((), -100.0)
    losses = (y - 1) * torch.maximum(torch.log1p(-x), low) - y * torch.maximum(torch.log(x), low)
    return _REDUCED[reduction](losses if weight is None else losses * weight)


def _bce_backward(g: Tensor, x: Tensor, y: Tensor, weight: Tensor | None = None,
                  reduction: int = MEAN) -> Tensor:  # fmt: skip
    made = g * (x - y) / torch.clamp(x * (1 - x), min=1e-12)
    made = made if weight is None else made * weight
    return made / x.numel() if reduction == MEAN else made


def _bce_of_logits(x: Tensor, y: Tensor, weight: Tensor | None = None,
                   positive: Tensor | None = None, reduction: int = MEAN) -> Tensor:  # fmt: skip
    logs = _log_sigmoid(x)[0]
    losses = (1 - y) * x - (logs if positive is None else ((positive - 1) * y + 1) * logs)
    return _REDUCED[reduction](losses if weight is None else losses * weight)


def _soft_margin(x: Tensor, y: Tensor, reduction: int = MEAN) -> Tensor:
    return _REDUCED[reduction](torch.log1p(torch.exp(-x * y)))


def _soft_margin_backward(g: Tensor, x: Tensor, y: Tensor, reduction: int = MEAN) -> Tensor:
    made = y * g * (torch.sigmoid(y * x) - 1)
    return made / x.numel() if reduction == MEAN else made


def _classes(x: Tensor, target: Tensor, ignored: int) -> tuple[int, Tensor, Tensor]:
    """The axis of classes, which targets count, and the class of each, 0 where none does."""
    counted = target != ignored
    return int(x.dim() > 1), counted, where(counted, target, 0)


def _nll(x: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignored: int) -> Any:
    """−Σ w x[target], over Σ w for a mean: Bishop 2006, eq. 4.108."""
    axis, counted, at = _classes(x, target, ignored)
    losses = -x.gather(axis, at.unsqueeze(axis)).squeeze(axis)
    weights = counted.to(x.dtype)
    if weight is not None:
        losses, weights = losses * weight[at], where(counted, weight[at], 0.0)
    losses = where(counted, losses, 0.0)
    if reduction == 0:
        return losses, x.new_zeros(()) if axis else weights.sum()
    total = weights.sum()
    return (losses.sum() / total if reduction == MEAN else losses.sum()), total


def _nll_backward(g: Tensor, x: Tensor, target: Tensor, weight: Tensor | None, reduction: int,
                  ignored: int, total: Tensor) -> Tensor:  # fmt: skip
    target = target[0] if x.dim() == 1 and target.dim() else target
    axis, counted, at = _classes(x, target, ignored)
    g = g / total if reduction == MEAN else g
    g = where(counted, g if weight is None else g * weight[at], 0.0).unsqueeze(axis)
    return torch.zeros_like(x).scatter(axis, at.unsqueeze(axis), -1.0) * g


# --- normalisation and attention -----------------------------------------------------------------


def _layer_norm(x: Tensor, shape: Any, weight: Tensor | None, bias: Tensor | None,
                eps: float) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Ba, Kiros & Hinton 2016, Layer normalization, eq. 4."""
    x = x.contiguous()
    over = list(range(x.dim() - len(shape), x.dim()))
    variance, mean = torch.var_mean(x, dim=over, unbiased=False, keepdim=True)
    scale = torch.rsqrt(variance + eps)
    y = (x - mean) * scale
    y = y if weight is None else y * weight
    return y if bias is None else y + bias, mean, scale


def _layer_norm_backward(g: Tensor, x: Tensor, shape: Any, mean: Tensor, scale: Tensor,
                         weight: Tensor | None, bias: Tensor | None,
                         wanted: Any) -> tuple[Tensor | None, ...]:  # fmt: skip
    """(ĝ − mean ĝ − x̂ mean(ĝ x̂)) / σ, with ĝ = g w."""
    if not x.numel():
        sizes = (x.shape, tuple(shape), tuple(shape))
        return tuple(x.new_zeros(s) if w else None for s, w in zip(sizes, wanted, strict=True))
    g, x, axis = g.contiguous(), x.contiguous(), x.dim() - len(shape)
    inside, outside = list(range(axis, x.dim())), list(range(axis))
    mean, scale = (t.reshape(*x.shape[:axis], *[1] * len(shape)) for t in (mean, scale))
    normal = (x - mean) * scale
    given, n = g if weight is None else g * weight, math.prod(shape)
    inner = given * n - given.sum(inside, True) - normal * (given * normal).sum(inside, True)
    return (
        scale / n * inner if wanted[0] else None,
        _over(g * normal, outside) if wanted[1] and weight is not None else None,
        _over(g, outside) if wanted[2] and bias is not None else None,
    )


def _over(x: Tensor, axes: list[int]) -> Tensor:
    return x.sum(axes) if axes else x.clone()


def _flash(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0, causal: bool = False, *,
           attn_mask: Tensor | None = None, scale: float | None = None) -> Any:  # fmt: skip
    """Vaswani et al. 2017, Attention is all you need, eq. 1, laid out as the kernel does."""
    grouped = q.size(1) != k.size(1)
    with torch.overrides.enable_reentrant_dispatch(), torch.no_grad():  # torch takes it apart
        made, weights = aten._scaled_dot_product_attention_math.default(
            q, k, v, attn_mask, dropout, causal, None, scale=scale, enable_gqa=grouped
        )
    return made.permute(2, 0, 1, 3).contiguous().permute(1, 2, 0, 3), weights


def _safe_softmax(x: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """The softmax, and zeros of what is −∞ throughout."""
    none = torch.all(x.eq(-math.inf), dim=dim, keepdim=True)
    y = torch.softmax(x, dim=dim)
    return where(none, torch.zeros_like(y), y)


NETWORKS: dict[str, Callable[..., Any]] = {
    "elu": _elu,
    "elu_backward": _elu_backward,
    "celu": _celu,
    "leaky_relu": lambda x, slope=0.01: where(x > 0, x, x * slope),
    "leaky_relu_backward": _leaky_backward,
    "softplus": _softplus,
    "softplus_backward": _softplus_backward,
    "mish": _mish,
    "silu": lambda x: x * torch.sigmoid(x),
    "glu": _glu,
    "glu_backward": _glu_backward,
    "log_sigmoid_forward": _log_sigmoid,
    "log_sigmoid_backward": _log_sigmoid_backward,
    "hardtanh_backward": _hardtanh_backward,
    "hardswish": _hardswish,
    "hardswish_backward": _hardswish_backward,
    "hardshrink": _hardshrink,
    "hardshrink_backward": _shrink_backward,
    "softshrink": _softshrink,
    "softshrink_backward": _shrink_backward,
    "lerp": _lerp,
    "logit": _logit,
    "logit_backward": _logit_backward,
    "_softmax_backward_data": _softmax_backward,
    "_log_softmax_backward_data": _log_softmax_backward,
    "mse_loss": _mse,
    "mse_loss_backward": _mse_backward,
    "smooth_l1_loss": _smooth_l1,
    "smooth_l1_loss_backward": _smooth_l1_backward,
    "huber_loss": _huber,
    "huber_loss_backward": _huber_backward,
    "binary_cross_entropy": _bce,
    "binary_cross_entropy_backward": _bce_backward,
    "binary_cross_entropy_with_logits": _bce_of_logits,
    "soft_margin_loss": _soft_margin,
    "soft_margin_loss_backward": _soft_margin_backward,
    "nll_loss_forward": _nll,
    "nll_loss2d_forward": _nll,
    "nll_loss_backward": _nll_backward,
    "nll_loss2d_backward": _nll_backward,
    "native_layer_norm": _layer_norm,
    "native_layer_norm_backward": _layer_norm_backward,
    "_scaled_dot_product_flash_attention_for_cpu": _flash,
    "_safe_softmax": _safe_softmax,
    "trace": lambda x: x.diagonal().sum(),
}

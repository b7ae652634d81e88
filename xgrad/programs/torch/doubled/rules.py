"""Rules of arithmetic in double-double; what is missing torch takes apart, or is left to balls."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from xgrad.numbers import DOUBLED as xp
from xgrad.numbers import Doubled
from xgrad.programs.torch.arithmetic.rule import (
    Rule,
    each,
    exact,
    inner,
    relative,
    routine,
    spread,
    sums,
)
from xgrad.programs.torch.doubled.table import number

aten = torch.ops.aten

# --- each element --------------------------------------------------------------------------------

_SAME = """exp expm1 exp2 log log1p log2 log10 sqrt reciprocal square sin cos tan asin acos atan
    sinh cosh tanh asinh acosh atanh erf erfc lgamma digamma"""
_STEPS = {"sign": xp.sign, "sgn": xp.sign, "abs": xp.abs, "absolute": xp.abs, "neg": xp.negative,
          "floor": xp.floor, "ceil": xp.ceil, "trunc": xp.trunc}  # fmt: skip
_ROUNDED: dict[str | None, Callable[[Any], Any]] = {
    None: lambda q: q,
    "trunc": xp.trunc,
    "floor": xp.floor,
}


def _add(a: Any, b: Any, alpha: Any = None) -> Any:
    return a + (b if alpha is None else b * alpha)


def _sub(a: Any, b: Any, alpha: Any = None) -> Any:
    return a - (b if alpha is None else b * alpha)


def _div(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    return _ROUNDED[rounding_mode](a / b)


def _pow(a: Any, b: Any) -> Any:
    plain = not b.shape and not float(b.low)  # a number of Python's, whose products are exact
    return xp.pow(a, float(b.high) if plain else b)


def _above(g: Any, x: Any, threshold: Any) -> Any:
    return xp.where(x > threshold, g, 0.0)


def _tail(x: Any) -> Any:
    """Φ(x), by the half of erfc that keeps its digits."""
    return xp.erfc(-x / xp.sqrt(Doubled.of(2.0))) / 2


def _inner(x: Any) -> Any:
    return xp.sqrt(2 / xp.pi) * (x + x * x * x * number(0.044715))


def _inner_slope(x: Any) -> Any:
    return xp.sqrt(2 / xp.pi) * (1 + x * x * number(0.044715) * 3)


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return x / 2 * (1 + xp.tanh(_inner(x)))
    return x * _tail(x)


def _gelu_backward(g: Any, x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        t = xp.tanh(_inner(x))
        return g * ((1 + t) / 2 + x / 2 * (1 - t * t) * _inner_slope(x))
    return g * (_tail(x) + x * xp.exp(-x * x / 2) / xp.sqrt(xp.pi * 2))


# --- sums and products ---------------------------------------------------------------------------


def _axes(x: Any, dim: Any) -> tuple[int, ...]:
    """The axes that torch means: all of them where none is named."""
    if dim is None or (isinstance(dim, (list, tuple)) and not dim):
        return tuple(range(x.ndim))
    named = [dim] if isinstance(dim, int) else dim
    return tuple(d % x.ndim for d in named) if x.ndim else ()


def _sum(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    axes = _axes(x, dim)
    return xp.sum(x, axis=axes, keepdims=keepdim) if axes else x


def _mean(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    n = math.prod(x.shape[a] for a in _axes(x, dim))
    return _sum(x, dim, keepdim) / (n or math.nan)


def _var_mean(x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False,
              correction: Any = None) -> Any:  # fmt: skip
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    taken = (1 if correction is None else correction) if unbiased is None else int(unbiased)
    centre = _mean(x, dim, True)
    rest = math.prod(x.shape[a] for a in _axes(x, dim)) - taken
    squares = _sum(xp.square(x - centre), dim, keepdim)
    variance = squares / (rest if rest > 0 else 0.0)
    return variance, centre if keepdim else _mean(x, dim)


def _norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    ord = 2 if ord is None else ord
    if ord == 2:
        return xp.sqrt(_sum(xp.square(x), dim, keepdim))
    if ord == 1:
        return _sum(xp.abs(x), dim, keepdim)
    raise NotImplementedError(f"norms of order {ord} in double-double")


def _exponentials(x: Any, dim: int) -> tuple[Any, Any]:
    """x less its largest along an axis, and the exponentials."""
    axis = _axes(x, dim)
    shifted = x - Doubled.of(torch.amax(x.high, axis, keepdim=True)) if axis else x - x
    return shifted, xp.exp(shifted)


def _softmax(x: Any, dim: int, *ignored: Any) -> Any:
    e = _exponentials(x, dim)[1]
    return e / _sum(e, dim, True) if x.ndim else e


def _log_softmax(x: Any, dim: int, *ignored: Any) -> Any:
    shifted, e = _exponentials(x, dim)
    return shifted - xp.log(_sum(e, dim, True)) if x.ndim else shifted


def _logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    axes = _axes(x, dim)
    largest = Doubled.of(torch.amax(x.high, axes, keepdim=True)) if axes else x
    total = xp.log(_sum(xp.exp(x - largest), dim, True)) + largest if axes else x
    return total if keepdim or not axes else xp.reshape(total, _sum(x, dim).shape)


def _matmul(a: Any, b: Any, out_dtype: Any = None) -> Any:
    return xp.matmul(a, b)


def _addmm(x: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    made = xp.matmul(a, b)
    made = made if alpha == 1 else made * alpha
    return made + (x if beta == 1 else x * beta)


# --- sums at positions ---------------------------------------------------------------------------

SLICES = 4  # that hold the digits of numbers of one scale


def exact_slices(x: Any, terms: int) -> list[torch.Tensor]:
    """Tensors whose sums of so many terms are exact in float64; together they are x.

    Each is a multiple of a unit that is the same for all elements, so small against 2^53 that the
    sums fit. Rump, Ogita & Oishi 2008, Accurate floating-point summation, part I.
    """
    bits = 52 - max(1, terms).bit_length()
    largest = float(torch.max(torch.abs(x.high))) if x.high.numel() else 0.0
    if not largest or not math.isfinite(largest):
        return [x.high, x.low]
    top = math.frexp(largest)[1]
    rest, low, made = x.high, x.low, []
    for k in range(1, SLICES + 1):
        shift = math.ldexp(1.5, top - k * bits + 52)
        part = (rest + shift) - shift
        made.append(part)
        rest = rest - part
        if k == 1:
            total = rest + low  # TwoSum: the low part joins once the first digits are gone
            away = total - rest
            low = (rest - (total - away)) + (low - away)
            rest = total
        elif k == 2:
            rest = rest + low
    return made


def _summed(parts: list[torch.Tensor]) -> Any:
    made = Doubled.of(parts[-1])
    for part in reversed(parts[:-1]):
        made = made + part
    return made


def _at_positions(base: Any, values: Any, terms: int, add: Callable[..., torch.Tensor]) -> Any:
    """base and values added up by one of torch's own functions, slice by slice."""
    slices = exact_slices(values, terms)
    zero = torch.zeros(tuple(base.shape), dtype=torch.float64)
    return base + _summed([add(zero, part) for part in slices])


def _scatter_add(x: Any, dim: int, index: torch.Tensor, src: Any) -> Any:
    return _at_positions(x, src, index.numel(), lambda z, s: z.scatter_add(dim, index, s))


def _index_add(x: Any, dim: int, index: torch.Tensor, source: Any, alpha: Any = 1) -> Any:
    given = source if alpha == 1 else source * alpha
    return _at_positions(x, given, index.numel(), lambda z, s: z.index_add(dim, index, s))


def _index_put(x: Any, indices: Any, values: Any, accumulate: bool = False, *ignored: Any) -> Any:
    wide = list(indices)
    if accumulate:
        count = max((i.numel() for i in wide if i is not None), default=1)
        return _at_positions(x, values, count * 2,
                             lambda z, s: aten.index_put(z, wide, s, True))  # fmt: skip
    pairs = (x.high, values.high), (x.low, values.low)
    put = (aten.index_put(part, wide, v) for part, v in pairs)
    return Doubled(*put)


def _embedding_backward(g: Any, indices: torch.Tensor, rows: int, padding: int, scale: bool) -> Any:
    if scale:
        raise NotImplementedError("scale_grad_by_freq in double-double")
    flat, at = xp.reshape(g, (-1, g.shape[-1])), indices.reshape(-1)
    base = Doubled.of(torch.zeros(rows, g.shape[-1], dtype=torch.float64))
    kept = torch.nonzero(at != padding).reshape(-1)
    return _index_add(base, 0, at[kept], Doubled(flat.high[kept], flat.low[kept]))


# --- the table -----------------------------------------------------------------------------------


def _compared(flags: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda a, b: flags(a, b)


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    x = x if min is None else xp.where(x < min, min, x)
    return x if max is None else xp.where(x > max, max, x)


RULES: dict[str, Rule] = {
    **each(**{name: getattr(xp, name) for name in _SAME.split()}),
    **exact(**_STEPS),
    **exact(
        threshold_backward=_above,
        relu=lambda x: xp.where(x > 0, x, 0.0),
        clamp=_clamp,
        clamp_min=lambda x, low: _clamp(x, low),
        clamp_max=lambda x, high: _clamp(x, None, high),
        maximum=lambda a, b: xp.where(b > a, b, a),
        minimum=lambda a, b: xp.where(b < a, b, a),
        lt=_compared(lambda a, b: a < b),
        le=_compared(lambda a, b: a <= b),
        gt=_compared(lambda a, b: a > b),
        ge=_compared(lambda a, b: a >= b),
        eq=_compared(lambda a, b: a == b),
        ne=_compared(lambda a, b: a != b),
    ),
    **each(
        add=_add,
        sub=_sub,
        rsub=lambda a, b, alpha=None: _sub(b, a, alpha),
        mul=lambda a, b: a * b,
        div=_div,
        true_divide=_div,
        divide=_div,
        pow=_pow,
        atan2=xp.atan2,
        hypot=xp.hypot,
        logaddexp=xp.logaddexp,
        rsqrt=lambda x: 1 / xp.sqrt(x),
        sigmoid=xp.expit,
        gelu=_gelu,
        gelu_backward=_gelu_backward,
        tanh_backward=lambda g, y: g * (1 - y * y),
        sigmoid_backward=lambda g, y: g * (y * (1 - y)),
    ),
    **sums(spread, sum=_sum, mean=_mean),
    **sums(lambda x, *rest: float(x.size), dot=lambda a, b: _sum(a * b)),
    **sums(lambda x, dim, *rest, **named: float(x.shape[dim] if x.ndim else 1),
           cumsum=lambda x, dim, dtype=None: xp.cumulative_sum(x, axis=dim) if x.ndim else x),
    **relative(spread, linalg_vector_norm=_norm, norm=_norm),
    **sums(inner, mm=_matmul, bmm=_matmul, mv=_matmul),
    **sums(lambda x, a, *rest, **named: float(max(1, a.shape[-1])), addmm=_addmm, baddbmm=_addmm),
    **sums(lambda x, *rest, **named: max(1.0, math.sqrt(rest[-1].size)), scatter_add=_scatter_add,
           index_add=_index_add, index_put=_index_put, _unsafe_index_put=_index_put,
           embedding_dense_backward=_embedding_backward),
    **routine(
        var=lambda *a, **k: _var_mean(*a, **k)[0],
        std=lambda *a, **k: xp.sqrt(_var_mean(*a, **k)[0]),
        var_mean=_var_mean,
        logsumexp=_logsumexp,
        _softmax=_softmax,
        _log_softmax=_log_softmax,
    ),
}  # fmt: skip

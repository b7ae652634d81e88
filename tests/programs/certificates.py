"""A torch function's own gradient in balls against the definition, and against its float64.

The definition is one-sided on both sides of the point, along one random direction; where it meets
the gradient on one side only there is a kink. Both checks together make a certificate.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from flint import acb, arb
from torch.utils._pytree import tree_leaves

from xgrad.numbers import precision
from xgrad.programs import Escape, NoBallRule, Run, TorchProgram, recognised_constants
from xgrad.programs.constants import as_array, exact_array

BITS, STEP = 384, 170
MORE_BITS = 1536  # where programs hold ±finfo.max for infinity, beside which nothing else is seen
ENOUGH = 40  # digits of a certificate
FLOATS = 13.5  # digits that constants rounded to float64 leave
NUDGE = 1e-9  # of numbers that `.item()` takes
NEAR = 1e-9  # of the largest element: float64 against balls


@dataclass(frozen=True)
class Certificate:
    """What was found: `certified`, `refuted`, or why neither."""

    verdict: str
    digits: float = math.nan
    note: str = ""
    operations: int = 0
    gradient: list = field(default_factory=list, repr=False)

    @property
    def certified(self):
        return self.verdict == "certified"


def certify(function, tensors, seed=0, floats=True):
    """The certificate of a function of these tensors, with constants recognised if that helps."""
    try:
        found = _certificate(function, tensors, seed, floats)
        if found.verdict in ("refuted", "imprecise", "not finite", "kink"):
            more = _certificate(function, tensors, seed, floats, MORE_BITS)
            return more if more.certified else found
        if found.verdict != "rounded constants":
            return found
        with recognised_constants():
            again = _certificate(function, tensors, seed, floats)
        if again.digits >= ENOUGH:
            return replace(
                again, note=f"constants recognised; {found.digits:.1f} as floats; {again.note}"
            )
        return replace(found, note=f"{again.digits:.1f} digits with constants recognised")
    except NoBallRule as missing:
        return Certificate("no rule", note=str(missing))
    except Escape as escape:
        return Certificate("escape", note=str(escape))


def is_float(t):
    return isinstance(t, torch.Tensor) and (t.is_floating_point() or t.is_complex())


def drawn(rng, shape, is_complex):
    """Random numbers that are not small."""
    v = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    if is_complex:
        v = v + 1j * rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    return np.asarray(v)


def inner(w, y):
    """Re wᴴ y."""
    total = arb(0)
    for a, b in zip(w.reshape(-1), y.reshape(-1), strict=True):
        if isinstance(a, acb) or isinstance(b, acb):
            total += (acb(a).conjugate() * b).real
        else:
            total += a * b
    return total


def sizes(array):
    return np.array([float(acb(a).abs_upper()) for a in array.reshape(-1)])


def is_finite(arrays):
    return all(a.is_finite() for array in arrays for a in array.reshape(-1))


def _weights(seed):
    def weights(values):
        rng = np.random.default_rng(seed + 1)
        return [
            exact_array(drawn(rng, y.shape, y.size and isinstance(y.flat[0], acb))) for y in values
        ]

    return weights


def _certificate(function, tensors, seed, floats, bits=BITS):
    rng = np.random.default_rng(seed)
    if any(t.layout != torch.strided for t in tensors):
        return Certificate("no rule", note="a sparse tensor is differentiated")
    program = TorchProgram(function, seed=seed)
    with precision(bits):
        x = [exact_array(t.detach().resolve_conj().resolve_neg().numpy()) for t in tensors]
        v = [exact_array(drawn(rng, tuple(t.shape), t.is_complex())) for t in tensors]
        share = [exact_array(rng.uniform(0.5, 1.0, tuple(t.shape))) for t in tensors]
        other = [as_array(a * s) for a, s in zip(v, share, strict=True)]
        weights = _weights(seed)
        y, g = program.value_and_vjp(x, weights)
        operations = program.last.operations
        cuts = sorted({cut.what for cut in program.last.cuts})
        passed = program.last.differentiable
        w = [a if p else as_array(a * 0) for a, p in zip(weights(y), passed, strict=True)]
        if not any(passed):
            return Certificate("certified", 77.0, "no output depends on an input", operations, g)
        if not is_finite(g) or not is_finite(_chosen(y, passed)):
            return Certificate("not finite", operations=operations)
        if cuts and _moved(replace(program, nudge=NUDGE, last=Run()).value(x), y):
            return Certificate("cut", note=f"a result comes from {', '.join(cuts)}")
        h = arb(2) ** -STEP
        ahead = program.value([as_array(p + a * h) for p, a in zip(x, v, strict=True)])
        behind = program.value([as_array(p - a * h) for p, a in zip(x, other, strict=True)])
        if not is_finite(_chosen(ahead, passed)) or not is_finite(_chosen(behind, passed)):
            return Certificate("not finite", note="beside the point", operations=operations)
        right = _slope(w, ahead, y, h)
        left = _slope(w, y, behind, h)
        to_right, to_left = _contracted(g, v), _contracted(g, other)
        value_scale = sum(float((sizes(a) * sizes(b)).sum()) for a, b in zip(w, y, strict=True))
        scale = max(
            sum(float((sizes(a) * sizes(b)).sum()) for a, b in zip(g, v, strict=True)),
            *(abs(float(s)) for s in (right, left)),
            1e-20 * value_scale,
        )
        if _all_contain_zero(g, right, left, to_right, to_left):
            return Certificate("certified", 77.0, "zero", operations, g)
        digits, ahead_, behind_ = (
            _digits(got - want, scale)
            for got, want in (
                (to_right + to_left, right + left),
                (to_right, right),
                (to_left, left),
            )
        )
        doubt = float((right + left).rad()) / scale if scale else 0.0
        found = Certificate("certified", digits, "", operations, g)
        if digits >= ENOUGH:
            wrong = _against_floats(function, tensors, seed, y, g, w, value_scale) if floats else ""
            return replace(found, verdict="ball or kernel", note=wrong) if wrong else found
        note = f"left {behind_:.0f} right {ahead_:.0f} digits"
        jump = 1e25 * max(value_scale, abs(float(to_right)), 1e-300)
        if max(ahead_, behind_) >= ENOUGH or max(abs(float(right)), abs(float(left))) > jump:
            return replace(found, verdict="kink", note=note)
        if doubt > 1e-30:
            return replace(found, verdict="imprecise", note=f"radius {doubt:.0e}")
        if digits >= FLOATS:
            return replace(found, verdict="rounded constants", note=note)
        if _is_kink(program, x, v, y, h, passed):
            return replace(found, verdict="kink", note=f"{note}; one-sided slopes differ")
        return replace(found, verdict="refuted", note=note)


def _moved(values, before):
    pairs = zip(values, before, strict=True)
    return any(not (b - a).contains(0) for x, y in pairs for a, b in
               zip(map(acb, x.reshape(-1)), map(acb, y.reshape(-1)), strict=True))  # fmt: skip


def _all_contain_zero(g, *slopes):
    """Whether nothing is known to differ from zero, and nothing is known badly."""
    small = all(s.contains(0) and s.rad() < 1e-50 for s in slopes)
    return small and all(acb(a).contains(0) for array in g for a in array.reshape(-1))


def _slope(w, a, b, h):
    return sum((inner(u, as_array(p - q)) for u, p, q in zip(w, a, b, strict=True)), arb(0)) / h


def _contracted(g, v):
    return sum((inner(a, b) for a, b in zip(g, v, strict=True)), arb(0))


def _digits(gap, scale):
    size = abs(float(gap.mid()))
    return 77.0 if size == 0 else -math.log10(size / scale) if scale else 77.0


def _chosen(values, passed):
    return [a for a, p in zip(values, passed, strict=True) if p]


def _is_kink(program, x, v, y, h, passed):
    """Whether the slopes along v and −v differ in some output."""
    sides = []
    for step in (h, -h):
        there = program.value([as_array(p + a * step) for p, a in zip(x, v, strict=True)])
        pairs = zip(_chosen(there, passed), _chosen(y, passed), strict=True)
        sides.append([as_array((a - o) / step) for a, o in pairs])
    gap = max(
        (sizes(as_array(a - b)).max(initial=0.0) for a, b in zip(*sides, strict=True)), default=0
    )
    size = max((sizes(a).max(initial=0.0) for a in sides[0]), default=0)
    return gap > 1e-18 * size


def _near(balls):
    return np.array([complex(acb(a)) for a in balls.reshape(-1)])


def _against_floats(function, tensors, seed, y, g, w, value_scale):
    """Where torch's own float64 differs, or nothing."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - what programs use
        leaves = [t.detach().clone().requires_grad_() for t in tensors]
        outputs = [t for t in tree_leaves(function(*leaves)) if is_float(t)]
        pairs = [(o, torch.from_numpy(_near(a)).reshape(o.shape).to(o.dtype))
                 for o, a in zip(outputs, w, strict=True) if o.requires_grad]  # fmt: skip
        made = [None] * len(leaves)
        if pairs:
            ys, ws = zip(*pairs, strict=True)
            made = torch.autograd.grad(ys, leaves, ws, allow_unused=True)
    grads = [torch.zeros_like(x) if a is None else a for a, x in zip(made, leaves, strict=True)]
    eps = max(torch.finfo(t.dtype).eps for t in (*tensors, *outputs))
    near = max(NEAR, 4 * eps * 1.0 if eps > 1e-15 else 0.0)
    checks = (("value", y, outputs, 1e-6), ("gradient", g, grads, 1e-6 * value_scale))
    for what, balls, floats, least in checks:
        gap = _gap(balls, floats, least)
        if gap > near:
            return f"{what} in float64 differs by {gap:.0e} of the largest element"
    return ""


def _plain(t):
    wide = torch.complex128 if t.is_complex() else torch.float64
    return torch.zeros(t.shape, dtype=wide).copy_(t.detach().to_dense()).numpy().reshape(-1)


def _gap(balls, floats, least):
    pairs = [(_near(b), _plain(f)) for b, f in zip(balls, floats, strict=True) if b.size]
    size = max([least, *(np.abs(b).max() for b, _ in pairs)])
    return max((float(np.abs(b - f).max()) for b, f in pairs), default=0.0) / max(size, 1e-300)

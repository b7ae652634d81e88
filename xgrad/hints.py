"""What a wrong result looks like: a known pattern, or nothing rather than a guess."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from xgrad.operators import Operator
from xgrad.setting import Setting

CLOSE = 1e-3  # how near, relative to the mistake, a pattern must explain the result


@dataclass(frozen=True)
class Evidence:
    """A wrong result beside the truth, flat, with the tolerance of each element."""

    got: np.ndarray
    want: np.ndarray
    tolerance: np.ndarray
    operator: Operator
    setting: Setting

    @property
    def wrong(self) -> np.ndarray:
        """Which elements are beyond tolerance."""
        with np.errstate(invalid="ignore"):
            return ~(np.abs(self.got - self.want) <= self.tolerance)

    def explains(self, candidate: np.ndarray) -> bool:
        """Whether a pattern applied to the truth gives the result, up to rounding."""
        if candidate.shape != self.got.shape:
            return False
        gap = np.abs(self.got - candidate)
        mistake = np.abs(self.got - self.want)
        return bool(np.all(gap <= np.maximum(4 * self.tolerance, CLOSE * mistake)))


def find_hint(evidence: Evidence) -> str:
    """The first pattern that explains the result, most specific first; empty where none does."""
    if not np.all(np.isfinite(evidence.got)) or not evidence.wrong.any():
        return ""
    with np.errstate(all="ignore"):
        return next((hint for rule in _RULES if (hint := rule(evidence))), "")


def _zeroed(e: Evidence) -> str:
    wrong = e.wrong
    if np.any(e.got[wrong] != 0):
        return ""
    return _counted("zeroed", int(wrong.sum()), e.got.size, "everything is zero")


def _signs(e: Evidence) -> str:
    wrong = e.wrong
    if not e.explains(np.where(wrong, -e.want, e.want)):
        return ""
    big = np.abs(e.want) > e.tolerance
    if np.array_equal(wrong & big, big):
        return "sign of all elements" if big.sum() > 1 or e.got.size == 1 else "one sign"
    return _counted("sign", int(wrong.sum()), e.got.size, "sign of all elements")


def _counted(what: str, count: int, size: int, every: str) -> str:
    if count == size and size > 1:
        return every
    if count == 1:
        return "one sign" if what == "sign" else f"one element {what}"
    return f"sign of {count} elements" if what == "sign" else f"{count} elements {what}"


def _factor(e: Evidence) -> str:
    ratio = _ratio(e.got, e.want)
    if ratio is None or not e.explains(ratio * e.want):
        return ""
    if e.got.size == 1 and "≈" in name_factor(ratio, _dimensions(e)):
        return ""  # any two numbers have a ratio
    return _factor_text(ratio, e)


def _factor_text(ratio: float, e: Evidence) -> str:
    """`constant factor 4 too small`: what the result has too much or too little of."""
    size = abs(ratio)
    large = name_factor(size if size > 1 else 1 / size, _dimensions(e))
    sign = ", and the sign of all elements" if ratio < 0 else ""
    return f"constant factor {large} too {'large' if size > 1 else 'small'}{sign}"


def _ratio(got: np.ndarray, want: np.ndarray) -> float | None:
    """The factor by least squares, or None where the truth is zero."""
    total = float(np.sum(want * want))
    return float(np.sum(got * want) / total) if total > 0 else None


def _dimensions(e: Evidence) -> dict[str, int]:
    """Lengths that a forgotten or doubled mean would bring in, by name."""
    found: dict[str, int] = {}
    for name, value in e.setting.case.sizes.get(e.setting.size, {}).items():
        if isinstance(value, int) and not isinstance(value, bool):
            found[name] = value
    for name, array in e.setting.inputs.items():
        if isinstance(array, np.ndarray):
            for axis, length in enumerate(array.shape):
                found.setdefault(f"{name}.shape[{axis}]", length)
            found.setdefault(f"{name}.size", array.size)
    rows = int(np.prod(e.setting.y_shape, dtype=np.int64))
    if rows > 1:
        found.setdefault("y.size", rows)
    return {k: v for k, v in found.items() if v > 1}


def name_factor(ratio: float, dimensions: dict[str, int]) -> str:
    """The simplest number near a ratio above 1: 2 to 4, a dimension, a fraction, else digits."""

    def near(value: float) -> bool:
        return abs(ratio / value - 1) < 1e-4

    named: list[tuple[float, str]] = [(n, name) for name, n in dimensions.items()]
    named += [(2 * n, f"2 {name}") for name, n in dimensions.items()]
    named += [(n / 2, f"{name}/2") for name, n in dimensions.items() if n > 2]
    named += [(n / (n - 1), f"{name}/({name} − 1)") for name, n in dimensions.items() if n > 2]
    texts = [text for value, text in named if near(value)]
    for k in (2, 3, 4):
        if near(k):
            return f"{k}" + (f" (perhaps {texts[0]})" if texts else "")
    simple = Fraction(ratio).limit_denominator(16)
    exact = near(float(simple)) and simple.numerator <= 64
    if texts:
        return f"{ratio:.6g} = {texts[0]}"
    return str(simple) if exact else f"≈ {ratio:.7g}"


def _transpose(e: Evidence) -> str:
    for name, part, shape in _parts(e):
        got, want = e.got.reshape(-1)[part], e.want.reshape(-1)[part]
        if len(shape) != 2 or min(shape) < 2:
            continue
        rest = e.want.reshape(-1).copy()
        rest[part] = want.reshape(shape).T.reshape(-1)
        if e.explains(rest.reshape(e.want.shape)):
            return (
                f"transpose of {name}"
                if shape[0] == shape[1]
                else f"layout of {name}, read by columns"
            )
        if not np.array_equal(got, want):
            rest[part] = want.reshape(shape[::-1]).T.reshape(-1)
            if e.explains(rest.reshape(e.want.shape)):
                return f"layout of {name}, read by columns"
    return ""


def _parts(e: Evidence) -> list[tuple[str, slice, tuple[int, ...]]]:
    """The pieces of the flat result: one for each input, or the table itself."""
    if e.operator.layout == "x":
        out, start = [], 0
        for name, shape in zip(e.setting.case.wrt, e.setting.x_shapes, strict=True):
            size = int(np.prod(shape, dtype=np.int64))
            out.append((name, slice(start, start + size), shape))
            start += size
        return out
    shape = e.setting.y_shape if e.operator.layout == "y" else e.got.shape
    return [(e.operator.name, slice(0, e.got.size), shape)]


def _moved(e: Evidence) -> str:
    wrong = np.flatnonzero(e.wrong.reshape(-1))
    got, want = e.got.reshape(-1), e.want.reshape(-1)
    if len(wrong) == 2:
        swapped = want.copy()
        swapped[wrong] = want[wrong[::-1]]
        if e.explains(swapped.reshape(e.want.shape)):
            return "two elements swapped"
    for name, part, shape in _parts(e):
        block = want[part].reshape(shape)
        for axis in range(len(shape)):
            for by in (1, -1):
                rolled = want.copy()
                rolled[part] = np.roll(block, by, axis=axis).reshape(-1)
                if e.explains(rolled.reshape(e.want.shape)):
                    return f"{name} shifted by one"
    if len(wrong) > 2:
        order, back = np.argsort(got[wrong]), np.argsort(want[wrong])
        permuted = want.copy()
        permuted[wrong[order]] = want[wrong[back]]
        if e.explains(permuted.reshape(e.want.shape)):
            return f"{len(wrong)} elements permuted"
    return ""


def _one_input(e: Evidence) -> str:
    """All that is wrong lies in one input, and a pattern explains that part."""
    parts = _parts(e)
    if len(parts) < 2:
        return ""
    wrong = e.wrong.reshape(-1)
    hit = [(name, part) for name, part, _ in parts if wrong[part].any()]
    if len(hit) != 1:
        return ""
    name, part = hit[0]
    got, want = e.got.reshape(-1)[part], e.want.reshape(-1)[part]
    ratio = _ratio(got, want)
    if ratio is not None:
        rest = e.want.reshape(-1).copy()
        rest[part] = ratio * want
        if e.explains(rest.reshape(e.want.shape)) and got.size > 1:
            return f"the gradient of {name} alone, {_factor_text(ratio, e)}" if ratio else ""
    return f"the gradient of {name} alone" if wrong[part].mean() > 0.5 else ""


def _one_element(e: Evidence) -> str:
    wrong = e.wrong.reshape(-1)
    if wrong.sum() != 1 or wrong.size == 1:
        return ""
    k = int(np.flatnonzero(wrong)[0])
    got, want = e.got.reshape(-1)[k], e.want.reshape(-1)[k]
    return f"one element, off by a factor of {got / want:.7g}" if want else "one element"


def _added(e: Evidence) -> str:
    """A constant, or a multiple of the inputs, too much or too little."""
    gap = e.got - e.want
    if gap.size < 3:
        return ""
    middle = float(np.median(gap))
    if middle and e.explains(e.want + middle):
        return f"an additive constant {middle:.3g} too much"
    if e.operator.layout == "x":
        x = np.concatenate([a.reshape(-1) for a in e.setting.x])
        ratio = _ratio(gap, x)
        if ratio and e.explains(e.want + ratio * x):
            return f"a term {abs(ratio):.3g} x {'too much' if ratio > 0 else 'missing'}"
    return ""


def _low_precision(e: Evidence) -> str:
    """Small errors of random size and sign everywhere, as float32 leaves them in float64."""
    if e.setting.dtype != "float64" or e.got.size < 4:
        return ""
    relative = np.abs(e.got - e.want) / np.max(np.abs(e.want))
    signs = np.sign(e.got - e.want)[e.wrong]
    mixed = 0.1 < np.mean(signs > 0) < 0.9
    typical = float(np.median(relative[e.wrong]))
    if e.wrong.mean() > 0.5 and mixed and 1e-10 < typical < 1e-6:
        return "lower precision inside: errors as float32 makes them"
    return ""


_RULES = (
    _zeroed,
    _signs,
    _factor,
    _transpose,
    _moved,
    _one_element,
    _one_input,
    _added,
    _low_precision,
)

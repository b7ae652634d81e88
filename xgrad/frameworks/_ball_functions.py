"""The functions of `xp` on ball arrays: the standard's names and the extras, elementwise by Arb."""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Callable
from typing import Any

import flint
import numpy as np
from flint import arb

from xgrad.frameworks._namespace import python_scan
from xgrad.frameworks.ball import LEDGER, Ball, ball, midpoint, wrap

Array = Any


def is_ball(*values: Any) -> bool:
    """Whether any argument is a ball array."""
    return builtins.any(isinstance(v, Ball) for v in values)


def raw(value: Any) -> Any:
    """An object array for arithmetic with balls: Python numbers inside are exact."""
    if isinstance(value, Ball):
        return value.data
    if isinstance(value, (int, float)):
        return value
    array = np.asarray(value)
    return array if array.dtype == object else array.astype(object)


# --- elementwise -------------------------------------------------------------------------------


def _unary(function: Callable[[Any], Any], plain: Callable[..., Any] | None = None) -> Any:
    """Lift a function of one arb; `plain` serves integers where the result stays integer."""
    lifted = np.frompyfunc(function, 1, 1)

    def apply(x: Array) -> Array:
        if plain is not None and not isinstance(x, Ball):
            return plain(x)
        return wrap(lifted(ball(x).data))

    return apply


def _binary(function: Callable[[Any, Any], Any], plain: Callable[..., Any] | None = None) -> Any:
    """Lift a binary operation; integers among themselves stay with NumPy's `plain`."""

    def apply(a: Array, b: Array) -> Array:
        if plain is not None and not is_ball(a, b):
            return plain(a, b)
        x, y = raw(a), raw(b)
        LEDGER.charge(np.broadcast(x, y).size)
        return wrap(function(x, y))

    return apply


def _lift2(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return np.frompyfunc(lambda a, b: function(arb(a), arb(b)), 2, 1)


def _power(a: arb, b: arb) -> arb:
    if b.is_exact() and b.is_integer():
        return a ** int(b.unique_fmpz())
    return a**b


def _floor_of(function: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """Steps taken at the midpoint, so that a ball around an integer has one answer."""
    return lambda a: function(a.mid())


def _sign(a: arb) -> arb:
    middle = a.mid()
    return arb((middle > 0) - (middle < 0))


def _round_even(a: arb) -> arb:
    middle = a.mid()
    low = middle.floor()
    above = middle - low
    half = arb(1) / 2
    up = above > half or (above == half and int(low.unique_fmpz()) % 2 == 1)
    return low + 1 if up else low


def _expit(a: arb) -> arb:
    return 1 / (1 + (-a).exp())


def _softplus(a: arb) -> arb:
    return a.exp().log1p() if a.mid() < 0 else a + (-a).exp().log1p()


def _remainder(a: arb, b: arb) -> arb:
    return a - b * (a / b).mid().floor()


exp, log, sqrt = _unary(arb.exp), _unary(arb.log), _unary(arb.sqrt)
expm1, log1p = _unary(arb.expm1), _unary(arb.log1p)
sin, cos, tan = _unary(arb.sin), _unary(arb.cos), _unary(arb.tan)
asin, acos, atan = _unary(arb.asin), _unary(arb.acos), _unary(arb.atan)
sinh, cosh, tanh = _unary(arb.sinh), _unary(arb.cosh), _unary(arb.tanh)
asinh, acosh, atanh = _unary(arb.asinh), _unary(arb.acosh), _unary(arb.atanh)
log2 = _unary(lambda a: a.log() / arb(2).log())
log10 = _unary(lambda a: a.log() / arb(10).log())
erf, erfc = _unary(arb.erf), _unary(arb.erfc)
lgamma, digamma = _unary(arb.lgamma), _unary(arb.digamma)
expit, softplus = _unary(_expit), _unary(_softplus)
abs = _unary(lambda a: a if a.mid() >= 0 else -a, np.abs)
negative, positive = _unary(lambda a: -a, np.negative), _unary(lambda a: a, np.positive)
square = _unary(lambda a: a * a, np.square)
reciprocal = _unary(lambda a: 1 / a)
sign = _unary(_sign, np.sign)
floor = _unary(_floor_of(arb.floor), np.floor)
ceil = _unary(_floor_of(arb.ceil), np.ceil)
trunc = _unary(lambda a: a.mid().floor() if a.mid() >= 0 else a.mid().ceil(), np.trunc)
round = _unary(_round_even, np.round)

add = _binary(np.add, np.add)
subtract = _binary(np.subtract, np.subtract)
multiply = _binary(np.multiply, np.multiply)
pow = _binary(_lift2(_power), np.power)
divide = _binary(lambda a, b: np.divide(raw(ball(a)), b))
remainder = _binary(_lift2(_remainder), np.remainder)
floor_divide = _binary(_lift2(lambda a, b: (a / b).mid().floor()), np.floor_divide)
atan2 = _binary(_lift2(arb.atan2))
hypot = _binary(_lift2(lambda a, b: (a * a + b * b).sqrt()))
maximum = _binary(_lift2(lambda a, b: b if a.mid() < b.mid() else a), np.maximum)
minimum = _binary(_lift2(lambda a, b: b if b.mid() < a.mid() else a), np.minimum)
logaddexp = _binary(
    _lift2(lambda a, b: a + _softplus(b - a) if b.mid() < a.mid() else b + _softplus(a - b))
)


def _compare(function: Callable[[Any, Any], bool], plain: Callable[..., Any]) -> Any:
    """Compare midpoints: every comparison has an answer, and kinks show in the slopes."""
    lifted = np.frompyfunc(lambda a, b: function(arb(a).mid(), arb(b).mid()), 2, 1)

    def apply(a: Array, b: Array) -> Array:
        if not is_ball(a, b):
            return plain(a, b)
        return np.asarray(lifted(raw(a), raw(b)), dtype=bool)

    return apply


less = _compare(lambda a, b: a < b, np.less)
less_equal = _compare(lambda a, b: a <= b, np.less_equal)
greater = _compare(lambda a, b: a > b, np.greater)
greater_equal = _compare(lambda a, b: a >= b, np.greater_equal)
equal = _compare(lambda a, b: a == b, np.equal)
not_equal = _compare(lambda a, b: not (a == b), np.not_equal)


def _question(function: Callable[[arb], bool], plain: Callable[..., Any]) -> Any:
    lifted = np.frompyfunc(function, 1, 1)
    return lambda x: np.asarray(lifted(x.data), dtype=bool) if isinstance(x, Ball) else plain(x)


isfinite = _question(lambda a: a.is_finite(), np.isfinite)
isnan = _question(lambda a: a.is_nan() or a.mid().is_nan(), np.isnan)
isinf = _question(lambda a: not a.is_finite() and not a.is_nan(), np.isinf)
logical_and, logical_or, logical_not = np.logical_and, np.logical_or, np.logical_not


def where(condition: Array, a: Array, b: Array) -> Array:
    """Elements of a where the condition holds, else of b."""
    if not is_ball(a, b):
        if not builtins.any(isinstance(v, float) for v in (a, b)):
            return np.where(condition, a, b)
        a, b = ball(a), ball(b)
    return wrap(np.where(condition, raw(ball(a)), raw(ball(b))))


def clip(x: Array, min: Any = None, max: Any = None) -> Array:
    """x limited to [min, max]."""
    x = x if min is None else maximum(x, min)
    return x if max is None else minimum(x, max)


# --- reductions --------------------------------------------------------------------------------


def _reduction(function: Callable[..., Any], empty: int | None = None) -> Any:
    def apply(x: Array, axis: Any = None, keepdims: bool = False, **ignored: Any) -> Array:
        if not isinstance(x, Ball):
            return function(np.asarray(x), axis=axis, keepdims=keepdims)
        LEDGER.charge(x.size)
        return ball(function(x.data, axis=axis, keepdims=keepdims))

    return apply


sum, prod = _reduction(np.sum), _reduction(np.prod)
max, min = _reduction(np.max), _reduction(np.min)
any, all, count_nonzero = np.any, np.all, np.count_nonzero


def _length(x: Array, axis: Any) -> int:
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return int(np.prod([x.shape[a] for a in axes], dtype=np.int64))


def mean(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Σx / n."""
    return sum(ball(x), axis=axis, keepdims=keepdims) / _length(x, axis)


def var(x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """Σ(x − mean)² / (n − correction)."""
    centred = square(x - mean(x, axis=axis, keepdims=True))
    return sum(centred, axis=axis, keepdims=keepdims) / (_length(x, axis) - correction)


def std(x: Array, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """√var."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _accumulate(function: Callable[..., Any]) -> Any:
    def apply(x: Array, axis: int | None = None, include_initial: bool = False) -> Array:
        along = 0 if axis is None else axis
        if not isinstance(x, Ball):
            return function(x, axis=along)
        return wrap(function(x.data, axis=along))

    return apply


cumulative_sum, cumulative_prod = _accumulate(np.cumsum), _accumulate(np.cumprod)


def logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """log Σ exp(x): needs no shift, the exponents are unbounded."""
    return log(sum(exp(x), axis=axis, keepdims=keepdims))


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / Σ exp(x)."""
    e = exp(x)
    return e / sum(e, axis=axis, keepdims=True)


def log_softmax(x: Array, axis: int = -1) -> Array:
    """x − log Σ exp(x)."""
    return x - logsumexp(x, axis=axis, keepdims=True)


def _positions(x: Array) -> Any:
    """For sorting: the rank of each midpoint, so that NumPy need not compare balls."""
    return np.frompyfunc(lambda a: a.mid(), 1, 1)(x.data) if isinstance(x, Ball) else x


def argsort(x: Array, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """Indices that sort by midpoint."""
    order = _positions(negative(x) if descending else x)
    return np.argsort(order, axis=axis, kind="stable")


def sort(x: Array, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """Sorted by midpoint."""
    return take_along_axis(x, argsort(x, axis=axis, descending=descending), axis=axis)


def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the first largest midpoint."""
    return np.argmax(_positions(x), axis=axis, keepdims=keepdims)


def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the first smallest midpoint."""
    return np.argmin(_positions(x), axis=axis, keepdims=keepdims)


# --- products and linear algebra ---------------------------------------------------------------


def _matrix(data: np.ndarray) -> Any:
    return flint.arb_mat([[arb(e) for e in row] for row in data.tolist()])


def _from_matrix(matrix: Any) -> np.ndarray:
    rows, columns = matrix.nrows(), matrix.ncols()
    data = np.empty(rows * columns, dtype=object)
    data[:] = matrix.entries()
    return data.reshape(rows, columns)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    LEDGER.charge(a.shape[0] * a.shape[1] * b.shape[1] // 8)  # block products cost less
    if 0 in a.shape or 0 in b.shape:
        return raw(zeros((a.shape[0], b.shape[1])))
    return _from_matrix(_matrix(a) * _matrix(b))


def matmul(a: Array, b: Array) -> Array:
    """Matrix product, stacked over leading axes."""
    if not is_ball(a, b):
        return np.matmul(a, b)
    x, y = raw(ball(a)), raw(ball(b))
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    if left.ndim == 2 and right.ndim == 2:
        out = _product(left, right)
    else:
        lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left = np.broadcast_to(left, lead + left.shape[-2:])
        right = np.broadcast_to(right, lead + right.shape[-2:])
        out = np.empty((*lead, left.shape[-2], right.shape[-1]), dtype=object)
        for index in np.ndindex(*lead):
            out[index] = _product(left[index], right[index])
    if x.ndim == 1:
        out = out[..., 0, :]
    return wrap(out[..., 0] if y.ndim == 1 else out)


def tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    """Sum of products over the last axes of a and the first of b, or over named axes."""
    x, y = ball(a), ball(b)
    if isinstance(axes, int):
        left, right = list(range(x.ndim - axes, x.ndim)), list(range(axes))
    else:
        left, right = ([k % x.ndim for k in axes[0]], [k % y.ndim for k in axes[1]])
    rest_x = [k for k in range(x.ndim) if k not in left]
    rest_y = [k for k in range(y.ndim) if k not in right]
    inner = int(np.prod([x.shape[k] for k in left], dtype=np.int64))
    m = np.transpose(x.data, rest_x + left).reshape(-1, inner)
    n = np.transpose(y.data, right + rest_y).reshape(inner, -1)
    shape = [x.shape[k] for k in rest_x] + [y.shape[k] for k in rest_y]
    return wrap(_product(m, n).reshape(shape))


def vecdot(a: Array, b: Array, axis: int = -1) -> Array:
    """Σ a·b along an axis."""
    return sum(multiply(a, b), axis=axis)


def einsum(subscripts: str, *operands: Array) -> Array:
    """Sums of products by index names, two operands at a time."""
    if not is_ball(*operands):
        return np.einsum(subscripts, *operands)
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if "->" not in subscripts:
        once = [c for c in sorted(set(inputs) - {","}) if inputs.count(c) == 1]
        output = "".join(once)
    arrays = [ball(o).data for o in operands]
    while len(terms) > 1:
        left, right = terms.pop(0), terms.pop(0)
        kept = set("".join(terms)) | set(output)
        middle = "".join(c for c in dict.fromkeys(left + right) if c in kept)
        arrays.insert(0, _contract(left, arrays.pop(0), right, arrays.pop(0), middle))
        terms.insert(0, middle)
    return wrap(_reduce(terms[0], arrays[0], output))


def _diagonal_names(term: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """Merge repeated index names of one operand by taking diagonals."""
    for name in dict.fromkeys(term):
        while term.count(name) > 1:
            first, second = term.index(name), term.index(name, term.index(name) + 1)
            array = np.diagonal(array, axis1=first, axis2=second)
            term = "".join(c for i, c in enumerate(term) if i not in (first, second)) + name
    return term, array


def _reduce(term: str, array: np.ndarray, output: str) -> np.ndarray:
    term, array = _diagonal_names(term, array)
    drop = tuple(i for i, c in enumerate(term) if c not in output)
    if drop:
        array = np.asarray(np.sum(array, axis=drop), dtype=object)
    left = [c for c in term if c in output]
    return np.transpose(array, [left.index(c) for c in output])


def _contract(left: str, a: np.ndarray, right: str, b: np.ndarray, output: str) -> np.ndarray:
    left, a = _diagonal_names(left, a)
    right, b = _diagonal_names(right, b)
    shared = [c for c in left if c in right]
    batch = [c for c in shared if c in output]
    inner = [c for c in shared if c not in output]
    a, left = _sum_out(left, a, set(right) | set(output))
    b, right = _sum_out(right, b, set(left) | set(output))
    outer_a = [c for c in left if c not in right]
    outer_b = [c for c in right if c not in left]
    size = dict(zip(left + right, a.shape + b.shape, strict=True))

    def arranged(term: str, array: np.ndarray, groups: list[list[str]]) -> np.ndarray:
        order = [term.index(c) for group in groups for c in group]
        shape = [int(np.prod([size[c] for c in group], dtype=np.int64)) for group in groups]
        return np.transpose(array, order).reshape(shape)

    x = arranged(left, a, [batch, outer_a, inner])
    y = arranged(right, b, [batch, inner, outer_b])
    out = matmul(Ball(x), Ball(y)).data
    names = batch + outer_a + outer_b
    out = out.reshape([size[c] for c in names])
    return np.transpose(out, [names.index(c) for c in output])


def _sum_out(term: str, array: np.ndarray, kept: set[str]) -> tuple[np.ndarray, str]:
    drop = tuple(i for i, c in enumerate(term) if c not in kept)
    if drop:
        array = np.asarray(np.sum(array, axis=drop), dtype=object)
    return array, "".join(c for c in term if c in kept)


class _Linalg:
    """The `linalg` part of the namespace."""

    matmul, tensordot, vecdot = staticmethod(matmul), staticmethod(tensordot), staticmethod(vecdot)

    @staticmethod
    def _each(function: Callable[[Any], Any], x: Array) -> Array:
        """Apply to every matrix of a stack."""
        data = ball(x).data
        LEDGER.charge(data.size * data.shape[-1])
        lead = data.shape[:-2]
        results = [function(data[index]) for index in np.ndindex(*lead)]
        first = np.asarray(results[0], dtype=object)
        out = np.empty((len(results), *first.shape), dtype=object)
        for i, result in enumerate(results):
            out[i] = result
        return wrap(out.reshape(lead + first.shape))

    def det(self, x: Array) -> Array:
        """Determinant."""
        return self._each(lambda m: _matrix(m).det(), x)

    def inv(self, x: Array) -> Array:
        """Inverse."""
        return self._each(lambda m: _from_matrix(_matrix(m).inv()), x)

    def slogdet(self, x: Array) -> tuple[Array, Array]:
        """Sign and log |det|."""
        det = self.det(x)
        return sign(det), log(abs(det))

    def solve(self, a: Array, b: Array) -> Array:
        """X with a X = b; b is a vector where it has one axis."""
        right = ball(b)
        vector = right.ndim == 1
        matrix = right.data[:, None] if vector else right.data
        if ball(a).ndim != 2 or matrix.ndim != 2:
            return matmul(self.inv(a), b)
        LEDGER.charge(matrix.size * matrix.shape[0])
        out = _from_matrix(_matrix(ball(a).data).solve(_matrix(matrix)))
        return wrap(out[:, 0] if vector else out)

    def cholesky(self, x: Array, upper: bool = False) -> Array:
        """The lower factor L with L Lᵀ = x, column by column."""

        def factor(m: np.ndarray) -> np.ndarray:
            n = len(m)
            lower = raw(zeros((n, n)))
            for j in range(n):
                row = lower[j, :j]
                lower[j, j] = (m[j, j] - builtins.sum(row * row)).sqrt()
                rest = m[j + 1 :, j] - (lower[j + 1 :, :j] * row).sum(axis=1)
                lower[j + 1 :, j] = rest / lower[j, j]
            return lower.T if upper else lower

        return self._each(factor, x)

    def trace(self, x: Array, offset: int = 0) -> Array:
        """Sum of the diagonal."""
        return sum(self.diagonal(x, offset=offset), axis=-1)

    def diagonal(self, x: Array, offset: int = 0) -> Array:
        """The diagonal of the last two axes."""
        return wrap(np.diagonal(x.data, offset=offset, axis1=-2, axis2=-1).copy())

    def matrix_transpose(self, x: Array) -> Array:
        """The last two axes swapped."""
        return matrix_transpose(x)

    def outer(self, a: Array, b: Array) -> Array:
        """a bᵀ."""
        return a[:, None] * b[None, :]

    def cross(self, a: Array, b: Array, axis: int = -1) -> Array:
        """The vector product in three dimensions."""
        a, b = broadcast_arrays(ball(a), ball(b))
        x, y = moveaxis(a, axis, -1), moveaxis(b, axis, -1)
        parts = [x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
        return moveaxis(stack(parts, axis=-1), -1, axis)

    def vector_norm(
        self, x: Array, axis: Any = None, keepdims: bool = False, ord: float = 2
    ) -> Array:
        """(Σ|x|^ord)^(1/ord), the largest element for ord = inf."""
        if ord == 2:
            return sqrt(sum(square(x), axis=axis, keepdims=keepdims))
        if ord == float("inf"):
            return max(abs(x), axis=axis, keepdims=keepdims)
        return pow(sum(pow(abs(x), ord), axis=axis, keepdims=keepdims), 1 / ball(ord))

    def matrix_norm(self, x: Array, keepdims: bool = False, ord: Any = "fro") -> Array:
        """The Frobenius norm."""
        if ord != "fro":
            raise NotImplementedError(f"ball arithmetic has no matrix norm of order {ord!r}")
        return sqrt(sum(square(x), axis=(-2, -1), keepdims=keepdims))


linalg = _Linalg()

# --- shapes ------------------------------------------------------------------------------------


def _shaped(function: Callable[..., Any]) -> Any:
    """A NumPy function that only moves elements."""

    def apply(x: Array, *args: Any, **keywords: Any) -> Array:
        if not isinstance(x, Ball):
            return function(x, *args, **keywords)
        return wrap(function(x.data, *args, **keywords))

    return apply


reshape, squeeze, expand_dims = _shaped(np.reshape), _shaped(np.squeeze), _shaped(np.expand_dims)
flip, roll, tile, repeat = _shaped(np.flip), _shaped(np.roll), _shaped(np.tile), _shaped(np.repeat)
permute_dims, moveaxis = _shaped(np.transpose), _shaped(np.moveaxis)
broadcast_to, take_along_axis = _shaped(np.broadcast_to), _shaped(np.take_along_axis)
matrix_transpose = _shaped(lambda x: np.swapaxes(x, -1, -2))
nonzero = np.nonzero


def take(x: Array, indices: Array, axis: int = 0) -> Array:
    """Elements at integer positions along an axis."""
    return _shaped(np.take)(x, np.asarray(indices), axis=axis)


def _triangle(mask: Callable[..., Any]) -> Any:
    def apply(x: Array, k: int = 0) -> Array:
        return where(mask(np.ones(x.shape[-2:], dtype=bool), k=k), x, zeros(x.shape))

    return apply


tril, triu = _triangle(np.tril), _triangle(np.triu)


def _joined(function: Callable[..., Any]) -> Any:
    def apply(arrays: Any, axis: int | None = 0) -> Array:
        if not is_ball(*arrays):
            return function(list(arrays), axis=axis)
        return wrap(function([ball(a).data for a in arrays], axis=axis))

    return apply


concat, stack = _joined(np.concatenate), _joined(np.stack)


def broadcast_arrays(*arrays: Array) -> list[Array]:
    """All arrays in their common shape."""
    shape = np.broadcast_shapes(*(np.shape(raw(a)) for a in arrays))
    return [broadcast_to(a, shape) for a in arrays]


def unstack(x: Array, axis: int = 0) -> tuple[Array, ...]:
    """The slices along an axis."""
    return tuple(moveaxis(x, axis, 0))


def meshgrid(*arrays: Array, indexing: str = "xy") -> list[Array]:
    """Coordinate arrays."""
    grids = np.meshgrid(*(raw(a) for a in arrays), indexing=indexing)  # type: ignore[call-overload]
    return [wrap(g) if is_ball(a) else g for g, a in zip(grids, arrays, strict=True)]


def diff(x: Array, axis: int = -1, n: int = 1) -> Array:
    """Differences of neighbours along an axis."""
    return _shaped(np.diff)(x, n=n, axis=axis)


scan = python_scan(stack)

# --- creation and types ------------------------------------------------------------------------

float64 = float32 = dtype = "ball"
int64, int32, bool = np.int64, np.int32, np.bool_
inf, nan, newaxis = float("inf"), float("nan"), None
pi, e = arb.pi, lambda: arb(1).exp()  # replaced by the namespace: they depend on the precision


def _is_float(kind: Any) -> builtins.bool:
    return kind == "ball" or (kind is not None and np.dtype(kind).kind == "f")


def asarray(value: Any, dtype: Any = None, **ignored: Any) -> Array:
    """Floats become balls exactly; integers and booleans stay with NumPy."""
    if isinstance(value, Ball):
        return value
    data = np.asarray(value)
    if _is_float(dtype) or (dtype is None and data.dtype.kind not in "iub"):
        return ball(data)
    return data if dtype is None else data.astype(dtype)


def astype(x: Array, kind: Any, copy: builtins.bool = True) -> Array:
    """To floats exactly; to integers by truncation of the midpoint."""
    if _is_float(kind):
        return ball(x)
    return midpoint(x).astype(kind)


# Constants of an immutable type: one object serves all elements.
_ONE, _ZERO = (np.array([arb(k), None], dtype=object)[0] for k in (1, 0))


def _creation(function: Callable[..., Any]) -> Any:
    def apply(*args: Any, dtype: Any = None, **keywords: Any) -> Array:
        whole = dtype is not None and not _is_float(dtype)
        made = function(*args, dtype=dtype if whole else bool, **keywords)
        return made if whole else wrap(np.where(made, _ONE, _ZERO))

    return apply


zeros, ones, eye = _creation(np.zeros), _creation(np.ones), _creation(np.eye)
empty = zeros


def full(shape: Any, value: Any, dtype: Any = None) -> Array:
    """An array of one value."""
    if dtype is not None and not _is_float(dtype):
        return np.full(shape, value, dtype=dtype)
    return broadcast_to(ball(value), shape)


def linspace(start: float, stop: float, num: int, endpoint: builtins.bool = True) -> Array:
    """Evenly spaced numbers, exactly divided."""
    steps = num - 1 if endpoint else num
    return start + ball(np.arange(num)) * (ball(stop) - start) / builtins.max(steps, 1)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Array:
    """Integers where all arguments are, else balls."""
    args = (0, start, step) if stop is None else (start, stop, step)
    made = np.arange(*args)
    return ball(made) if made.dtype.kind == "f" or _is_float(dtype) else made.astype(dtype or int)


def zeros_like(x: Array, dtype: Any = None) -> Array:
    """Zeros in the shape of x."""
    return zeros(np.shape(raw(x)), dtype=dtype or (None if isinstance(x, Ball) else x.dtype))


def ones_like(x: Array, dtype: Any = None) -> Array:
    """Ones in the shape of x."""
    return ones(np.shape(raw(x)), dtype=dtype or (None if isinstance(x, Ball) else x.dtype))


def full_like(x: Array, value: Any, dtype: Any = None) -> Array:
    """One value in the shape of x."""
    return full(np.shape(raw(x)), value, dtype=dtype)


def isdtype(kind: Any, wanted: Any) -> builtins.bool:
    """Whether a dtype is of a kind, as the standard names them."""
    return _is_float(kind) if wanted == "real floating" else np.isdtype(np.dtype(kind), wanted)


class _Info:
    """`finfo` of 256-bit floats, in float64 where it fits."""

    eps = 2.0**-256
    tiny = smallest_normal = 5e-324
    max, min = 1.7e308, -1.7e308


def finfo(kind: Any) -> _Info:
    """Limits of the type."""
    return _Info()


class _Module:
    """The names above as one object, constants in the precision of the moment."""

    def __getattr__(self, name: str) -> Any:
        if name == "pi":
            return wrap(arb.pi())
        if name == "e":
            return wrap(arb(1).exp())
        if name in globals() and not name.startswith("_"):
            return globals()[name]
        near = difflib.get_close_matches(name, [n for n in globals() if not n.startswith("_")])
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise AttributeError(f"xp has no {name!r} for this framework{hint}")


NAMESPACE = _Module()
Ball.namespace = NAMESPACE

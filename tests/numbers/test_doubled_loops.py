"""Loops in place of NumPy's passes: the same bits, of any layout, once they are worth compiling."""

import gc

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from pair_numbers import seeds, spread

from xgrad.numbers import Doubled, reused_memory
from xgrad.numbers.doubled import compiling, elementwise, loops, memory, products, rows, tracing

pytest.importorskip("numba", reason="loops are compiled by numba")

KERNELS = {
    name.strip("_"): made.kernel
    for name, made in vars(elementwise).items()
    if hasattr(made, "kernel")
}
ODD = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1.7e308, 0.5, 2.0])


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory):
    """A folder of our own for what is compiled here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        compiling._folder.cache_clear()
        yield compiling._folder()
    compiling._folder.cache_clear()


def looped(kernel, *parts):
    """What a loop makes of parts, compiled for them."""
    kind = rows.kinds_of([np.shape(p) for p in parts[::2]])
    if kind not in kernel._loops:
        kernel._loops[kind] = kernel.source(kind).compiled()
    return kernel.looped(kernel._loops[kind], *parts)


def require_same(kernel, *parts):
    """Raise `AssertionError` where a loop makes other bits than NumPy."""
    with np.errstate(all="ignore"):
        want = kernel.passes(*parts)
    got = looped(kernel, *parts)
    full = ~(np.abs(want[0]) < 2.0**-968)  # below, the bits of pairs end somewhere
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-323)
        np.testing.assert_array_equal(mine[full], theirs[full])
        np.testing.assert_array_equal(np.signbit(mine[full]), np.signbit(theirs[full]))


def count_of(kernel):
    """How many numbers a function takes."""
    return kernel._of_floats.__code__.co_argcount - 1


def parts_of(*numbers):
    """High and low parts in turn."""
    return [part for x in numbers for part in (x.high, x.low)]


def drawn(rng, count, size=500):
    """Numbers of many sizes, of both signs, and those that are odd in every combination."""
    usual = [spread(rng, 1e-3, 20.0, (size,), logarithmic=True) for _ in range(count)]
    signs = [rng.choice([-1.0, 1.0], size) for _ in range(count)]
    odd = np.meshgrid(*[ODD] * count)
    return [
        Doubled(np.append(x.high * s, o), np.append(x.low * s, np.zeros(o.size)))
        for x, s, o in zip(usual, signs, map(np.ravel, odd), strict=True)
    ]


@pytest.mark.many(6)
@pytest.mark.parametrize("name", KERNELS)
def test_a_loop_makes_the_bits_that_passes_make(name):
    kernel, rng = KERNELS[name], np.random.default_rng(sum(map(ord, name)))
    require_same(kernel, *parts_of(*drawn(rng, count_of(kernel))))


def test_every_function_of_pairs_has_a_loop():
    assert {"add", "multiply", "divide", "exp", "log", "erf", "lgamma", "power"} <= set(KERNELS)
    for kernel in KERNELS.values():
        assert kernel.trace.steps


SHAPES = st.lists(st.integers(0, 20), max_size=3).map(tuple)


@st.composite
def broadcasting(draw):
    """Two shapes that broadcast, and how each array lies in memory."""
    shape = draw(SHAPES)
    one = [1 if draw(st.booleans()) else n for n in shape][draw(st.integers(0, len(shape))) :]
    both = [shape, tuple(one)]
    return draw(st.permutations(both)), draw(st.sampled_from(("rows", "columns", "gaps", "fixed")))


def lying(rng, shape, how):
    """An array of random numbers in rows, in columns, with gaps, or that nobody may write to."""
    if how == "gaps":
        return (
            rng.normal(size=(*shape[:-1], 2 * shape[-1]))[..., ::2]
            if shape
            else rng.normal(size=())
        )
    made = np.array(rng.normal(size=shape), order="F" if how == "columns" else "C")
    made.flags.writeable = how != "fixed"
    return made


@settings(deadline=None)
@given(broadcasting(), seeds())
def test_arrays_of_any_layout_that_broadcast(case, rng):
    (left, right), how = case
    a, b = lying(rng, left, how), lying(rng, right, how)
    if np.ndim(a) or np.ndim(b):
        require_same(products.ADD, a, a * 1e-17, b, b * 1e-17)


@given(st.sampled_from(((30, 2), (40, 30), (20, 3, 30), (1, 25))), seeds())
@settings(deadline=None, max_examples=20)
def test_what_a_loop_made_is_added_in_the_order_it_lies_in(shape, rng):
    x, y = (spread(rng, -1, 1, (shape[-1],)), spread(rng, -1, 1, (*shape[:-1], 1)))
    high, low = looped(products.ADD, *parts_of(x, y))
    require_same(products.ADD, high, low, high, low)
    require_same(products.ADD, high.T, low.T, low.T, 0.0 * low.T)


def test_torch_has_the_same_in_its_own_arrays():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y = spread(rng, -1, 1, (5, 40)), spread(rng, -1, 1, (40,))
    want = products.ADD.passes(*parts_of(x, y))
    made = looped(products.ADD, *map(torch.asarray, parts_of(x, y)))
    for mine, theirs in zip(made, want, strict=True):
        assert isinstance(mine, torch.Tensor)
        np.testing.assert_array_equal(mine.numpy(), theirs)


@given(seeds(), st.sampled_from(((0,), (1,), (0, 1), (0, 2), (0, 1, 2))), st.integers(1, 400))
@settings(deadline=None, max_examples=20)
def test_sums_in_loops_are_those_in_passes(rng, along, length):
    x = spread(rng, -1e9, 1e9, (4, length, 5))
    terms = np.prod([x.shape[a] for a in along])
    if terms <= 4:
        return
    want = products.total((x.high, x.low), along)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops.Sums, "_is_worth_it", lambda self, kind: True)
        got = products.total((x.high, x.low), along)
        assert all(s._loops for s in [products._sums(*key) for key in [_last(terms)]])
    np.testing.assert_array_equal(got, want)


def _last(terms):
    bits = min(51, 53 - int(np.ceil(np.log2(terms))))
    return -(-(products._WANTED + 53 - bits) // bits), 52 // bits


# --- the nearest mistakes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step", "wrong"),
    [
        ("multiply", "fma(h0, h1, ", "0.0 * fma(h0, h1, "),
        ("add", "v13 = v6 + v7", "v13 = 0.0 + v7"),
        ("log", "whole_log2(", "1.0 + whole_log2("),
        ("exp", "rint(", "floor("),
    ],
)
def test_a_wrong_step_shows(name, step, wrong):
    kernel = KERNELS[name]
    count = count_of(kernel)
    source = kernel.source("e" * count)
    assert step in source.text
    loop = source._replace(text=source.text.replace(step, wrong, 1)).compiled()
    rng = np.random.default_rng(1)
    parts = parts_of(*(spread(rng, 0.1, 3.0) for _ in range(count)))
    got, want = kernel.looped(loop, *parts), kernel.passes(*parts)
    assert not np.array_equal(got[1], want[1])


def test_a_function_that_asks_whether_a_number_is_small_has_no_loop():
    with pytest.raises(TypeError, match="neither true nor false"):
        tracing.traced(lambda x: [x if x < 1 else -x], ["x"])


# --- when loops come in ---------------------------------------------------------------------------


def a_kernel():
    """One that nobody else has used."""
    return loops.Kernel(lambda x, y: (x[0] + y[0], x[1] + y[1]), lambda xp, a, b: a + b)


NUMBERS = [np.ones(8) for _ in range(4)]


def test_a_loop_comes_when_passes_took_as_long_as_compiling(monkeypatch):
    clock = iter(np.arange(0.0, 100.0, 0.05))
    monkeypatch.setattr(loops, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(loops._Rented, "everything", 10.0)
    kernel = a_kernel()
    for _ in range(4):
        kernel(*NUMBERS)
    assert not kernel._loops
    for _ in range(4):
        kernel(*NUMBERS)
    assert list(kernel._loops) == ["ee"]
    again = a_kernel()  # what is kept on disk is worth reading at once
    for _ in range(2):
        again(*NUMBERS)
    assert list(again._loops) == ["ee"]


def test_nothing_is_imported_before_it_is_worth_it(monkeypatch):
    monkeypatch.setattr(loops._Rented, "everything", 0.1)
    monkeypatch.delitem(compiling.sys.modules, "numba", raising=False)
    assert not compiling.is_available(0.1)


def test_passes_go_on_without_numba(monkeypatch):
    monkeypatch.setattr(compiling, "_works", lambda: False)
    monkeypatch.setattr(loops._Rented, "everything", 100.0)
    kernel = a_kernel()
    kernel._spent["ee"] = 100.0
    assert kernel(*NUMBERS)[0][0] == 2.0
    assert not kernel._loops


def test_passes_go_on_where_compiling_fails(monkeypatch):
    def fails(self):
        raise OSError("no space left")

    monkeypatch.setattr(compiling.Source, "compiled", fails)
    monkeypatch.setattr(loops._Rented, "everything", 100.0)
    kernel = a_kernel()
    kernel._spent["ee"] = 100.0
    assert kernel(*NUMBERS)[0][0] == 2.0
    assert kernel._prices["ee"] == np.inf


def test_what_was_compiled_is_read_in_another_process(kept):
    source = products.ADD.source("ee")
    source.compiled()
    assert source.is_kept
    assert "def loop" in (kept / f"{source._digest}.py").read_text()
    assert source.compiled().stats.cache_hits


def test_loops_work_where_nothing_can_be_kept(monkeypatch):
    monkeypatch.setattr(compiling, "_folder", lambda: None)
    source = products.MULTIPLY.source("ee")
    assert not source.is_kept
    made = products.MULTIPLY.looped(source.compiled(), *NUMBERS)
    np.testing.assert_array_equal(made, products.MULTIPLY.passes(*NUMBERS))


# --- memory ---------------------------------------------------------------------------------------


def test_memory_is_given_away_when_the_last_array_is_gone():
    shape = (2, memory.LEAST)
    with reused_memory():
        first = memory.empty(shape)
        row, address = first[1].reshape(2, -1).T, first.ctypes.data
        row[:] = 7.0
        del first
        gc.collect()
        second = memory.empty(shape)
        assert second.ctypes.data != address  # a row of the first is still in use
        second[:] = 1.0
        assert (row == 7.0).all()
        del row
        gc.collect()
        assert memory.empty(shape).ctypes.data == address


def test_memory_is_given_back_at_the_end():
    with reused_memory():
        made = memory.empty((2, memory.LEAST))
    made[:] = 3.0
    assert memory._waiting.get() is None
    assert (made == 3.0).all()

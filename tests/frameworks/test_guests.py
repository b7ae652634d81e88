"""A check in somebody's process: right whatever is switched on there, and leaving it on."""

import random
import subprocess
import sys
import textwrap
import warnings
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest

import xgrad
from xgrad.errors import UsageError

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")


class Doubling(torch.overrides.TorchFunctionMode):
    """A caller's mode that doubles sines: none of our business."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        return made * 2 if function in (torch.sin, torch.Tensor.sin) else made


class Failing(torch.utils._python_dispatch.TorchDispatchMode):
    """A caller's mode under which no operation can be called."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        raise RuntimeError("an operation was seen")


@contextmanager
def set_to(get, put, value):
    before = get()
    put(value)
    try:
        yield
        assert get() == value, "what the caller had set is not as it was"
    finally:
        put(before)


def default_device(device):
    return set_to(lambda: torch.get_default_device().type, torch.set_default_device, device)


def default_dtype(dtype):
    return set_to(torch.get_default_dtype, torch.set_default_dtype, dtype)


def deterministic():
    return set_to(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
    )


def products(precision):
    return set_to(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, precision)


def new_products():
    holder = torch.backends.cuda.matmul
    return set_to(
        lambda: holder.fp32_precision, lambda p: setattr(holder, "fp32_precision", p), "tf32"
    )


@contextmanager
def warnings_as_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        assert warnings.filters[0][0] == "error"


@contextmanager
def numpy_errors():
    with np.errstate(all="raise"):
        yield
        assert set(np.geterr().values()) == {"raise"}


@contextmanager
def anomaly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mode = torch.autograd.set_detect_anomaly(True)
    with mode:
        yield
        assert torch.is_anomaly_enabled()


@contextmanager
def fake_tensors():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        yield


AROUND = {
    "nothing": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "anomaly": anomaly,
    "deterministic": deterministic,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default float64": lambda: default_dtype(torch.float64),
    "default float16": lambda: default_dtype(torch.float16),
    "default device": lambda: default_device("meta"),
    "products in bfloat16": lambda: products("medium"),
    "products in tf32": lambda: products("high"),
    "function mode": Doubling,
    "dispatch mode": Failing,
    "fake tensors": fake_tensors,
    "warnings as errors": warnings_as_errors,
    "NumPy errors": numpy_errors,
    "jax debug_nans": lambda: jax.debug_nans(True),
    "jax disable_jit": lambda: jax.disable_jit(True),
    "jax strict promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "jax rank promotion": lambda: jax.numpy_rank_promotion("raise"),
    "jax transfer guard": lambda: jax.transfer_guard("disallow"),
    "jax default device": lambda: jax.default_device(jax.devices("cpu")[0]),
}
if hasattr(torch.backends.cuda.matmul, "fp32_precision"):
    AROUND["products by the new interface"] = new_products


class Sine(torch.autograd.Function):
    """Its backward is right, or, where `factor` is not 1, wrong."""

    factor = 1.0

    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return torch.sin(A @ x).sum() / torch.arange(1, 4).sum()

    @classmethod
    def backward(cls, ctx, w):
        x, A = ctx.saved_tensors
        c = torch.cos(A @ x) * w / 6
        return cls.factor * (A.T @ c), torch.outer(c, x)


class Wrong(Sine):
    """Off by a thousandth."""

    factor = 1.001


def mathematics(xp, x, A):  # x (n,), A (m, n) -> ()
    share = xp.sum(xp.arange(1, 3)) / xp.asarray(4)  # of integers
    return xp.sum(xp.sin(xp.matmul(A, x))) * share


def gradient(xp, x, A):
    c = xp.cos(xp.matmul(A, x)) * 0.75
    return xp.matmul(A.T, c)


def traced(x, A):
    return jax.numpy.sin(A @ x).sum() / 6


@jax.custom_vjp
def traced_wrong(x, A):
    return traced(x, A)


traced_wrong.defvjp(
    lambda x, A: (traced(x, A), (x, A)),
    lambda kept, w: tuple(1.001 * g for g in jax.vjp(traced, *kept)[1](w)),
)

RNG = np.random.default_rng(0)
X, A = RNG.normal(size=4), RNG.normal(size=(3, 4))
TENSORS = torch.tensor(X), torch.tensor(A)
with jax.enable_x64(True):
    ARRAYS = jax.numpy.asarray(X), jax.numpy.asarray(A)


def torch_function(function, *dtypes):
    xgrad.assert_agreement(function.apply, TENSORS, dtypes=dtypes, methods="torch.reverse")


def case(factor):
    def formula(xp, x, A):
        return factor * gradient(xp, x, A)

    options = {"formula": formula, "devices": ("cpu",), "methods": ("torch.*", "numpy.formula")}
    frame = xgrad.check(mathematics, {"x": X, "A": A}, wrt="x", **options)
    assert set(frame["status"]) == {"ok"}, list(frame["message"])
    formulas = frame[frame["technique"] == "formula"]
    assert set(formulas["verdict"]) == {"agrees" if factor == 1 else "disagrees"}
    rest = frame[frame["technique"] != "formula"]
    assert set(rest["verdict"]) == {"agrees"}, list(rest["message"])


@pytest.mark.many
@pytest.mark.parametrize("around", AROUND)
def test_a_torch_function_is_judged_alike(around):
    with AROUND[around]():
        torch_function(Sine, "float64", "float32")
        with pytest.raises(AssertionError, match="disagrees"):
            torch_function(Wrong, "float32")


@pytest.mark.many
@pytest.mark.parametrize("around", AROUND)
def test_mathematics_is_judged_alike(around):
    with AROUND[around]():
        case(1)
        case(1.001)


@pytest.mark.many(3)
@pytest.mark.parametrize("around", ["jax debug_nans", "jax strict promotion"])
def test_a_jax_function_is_judged_alike(around):
    with AROUND[around]():
        xgrad.assert_agreement(traced, ARRAYS, wrt="x", dtypes=("float64",))
        with pytest.raises(AssertionError, match="disagrees"):
            xgrad.assert_agreement(traced_wrong, ARRAYS, wrt="x", dtypes=("float64",))


@pytest.mark.parametrize("precision", ["medium", "high", "highest"])
def test_products_are_in_full_float32_inside(precision):
    from xgrad.frameworks import find_framework

    a = torch.randn(200, 200, generator=torch.Generator().manual_seed(0))
    exact = a.double() @ a.double()
    with products(precision), find_framework("torch").scope():
        assert float((a @ a - exact).abs().max()) < 1e-3  # in bfloat16 it is 0.2


# --- left as it was found ------------------------------------------------------------------------


def drawing(xp, x):
    """Its value does not depend on what it draws."""
    random.random()
    np.random.rand()  # noqa: NPY002
    torch.rand(1)
    return xp.sum(xp.sin(x))


def drawn():
    return random.random(), np.random.rand(), float(torch.rand(1))  # noqa: NPY002


def seeded():
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    torch.manual_seed(7)


@pytest.mark.parametrize("call", [xgrad.check, xgrad.assert_agreement])
def test_random_numbers_go_on_as_if_nothing_had_been(call):
    seeded()
    wanted = drawn()
    seeded()
    call(drawing, {"x": X}, methods=("torch.reverse", "numpy.differences"), dtypes=("float64",))
    assert drawn() == wanted


def test_without_us_the_same_calls_would_be_seen():
    seeded()
    wanted = drawn()
    seeded()
    drawing(np, X)
    assert drawn() != wanted


def test_a_check_that_raises_leaves_nothing_behind():
    with Doubling(), default_dtype(torch.float64), products("medium"):
        with pytest.raises(UsageError):
            xgrad.check(mathematics, {"x": X, "A": A}, methods=("torch.revers",))
        assert float(torch.sin(torch.ones(()))) == pytest.approx(2 * np.sin(1))


# --- where there are no numbers ------------------------------------------------------------------


def inside(call):
    """Calls of a check inside transforms, each with its framework."""
    x = jax.numpy.ones(3)
    t = torch.ones(3)
    return {
        "jit": lambda: jax.jit(call)(x),
        "grad": lambda: jax.grad(call)(x),
        "vmap": lambda: jax.vmap(call)(jax.numpy.ones((2, 3))),
        "func.grad": lambda: torch.func.grad(call)(t),
        "func.vmap": lambda: torch.func.vmap(call)(torch.ones(2, 3)),
    }


@pytest.mark.parametrize("transform", ["jit", "grad", "vmap", "func.grad", "func.vmap"])
@pytest.mark.parametrize("given", ["the traced array", "an array of its own", "NumPy-style"])
def test_inside_a_transform_it_says_so(transform, given):
    own = torch.ones(3) if "func" in transform else jax.numpy.ones(3)
    function = torch.sin if "func" in transform else jax.numpy.sin

    def call(x):
        if given == "NumPy-style":
            xgrad.check(lambda xp, x: xp.sum(x), {"x": x})
        else:
            xgrad.check(function, (x if given == "the traced array" else own,))
        return x.sum()

    with pytest.raises(UsageError, match=r"called inside a transform of .*: call it outside"):
        inside(call)[transform]()


def test_a_function_that_uses_transforms_itself_is_no_such_call():
    xgrad.assert_agreement(lambda x: jax.grad(lambda z: (z**3).sum())(x), (ARRAYS[0],),
                           dtypes=("float64",))  # fmt: skip


# --- processes of their own ----------------------------------------------------------------------


def process(text):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


JUDGE = """
    import torch, xgrad
    x = torch.linspace(-1, 1, 5, dtype=torch.float64)
    xgrad.assert_agreement(lambda x: torch.outer(x, x) @ x, (x,))
"""


def test_torchs_own_test_tools_may_be_there():
    code, said = process(
        f"""
    import torch
    torch.backends.disable_global_flags()  # as torch.testing._internal.common_utils does
    {JUDGE}
    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()
        @staticmethod
        def backward(ctx, w):
            return w * ctx.saved_tensors[0].sin()
    try:
        xgrad.assert_agreement(Bad.apply, (x,))
    except AssertionError as error:
        assert "disagrees" in str(error), error
    else:
        raise SystemExit("a wrong backward passed")
    """.replace(JUDGE, textwrap.indent(textwrap.dedent(JUDGE), "    "))
    )
    assert code == 0, said


@pytest.mark.many(2)
@pytest.mark.parametrize(
    "setting",
    [
        "torch.backends.fp32_precision = 'tf32'",
        "torch.backends.cudnn.conv.fp32_precision = 'ieee'",
        "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
    ],
)
def test_precision_by_either_interface(setting):
    pytest.importorskip("torch", "2.9")
    told = """[str(h.fp32_precision) for h in (torch.backends, torch.backends.cuda.matmul,
            torch.backends.cudnn, torch.backends.cudnn.conv, torch.backends.cudnn.rnn,
            torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv)]"""
    code, said = process(
        f"""
    import torch
    {setting}
    before = {told}
    import xgrad
    from xgrad.frameworks import find_framework
    with find_framework("torch").scope():
        inside = {told}
        assert not {{"tf32", "bf16"}} & {{inside[k] for k in (1, 3, 4, 5, 6)}}, inside
    assert find_framework("torch").flags()["tf32 in products"] == "False"
    after = {told}
    assert before == after, (before, after)
    {JUDGE}
    """.replace(JUDGE, textwrap.indent(textwrap.dedent(JUDGE), "    "))
    )
    assert code == 0, said


def test_warnings_are_errors_from_the_start():
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-W", "error::RuntimeWarning", "-c",
         textwrap.dedent(JUDGE)], capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

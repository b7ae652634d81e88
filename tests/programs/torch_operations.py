"""torch's own test database: its differentiable operations with sample inputs, to be certified."""

from __future__ import annotations

import itertools
import signal
import warnings
from contextlib import contextmanager

import numpy as np
import torch
from certificates import Certificate, certify, drawn
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

LARGEST = 2_000  # differentiated elements of a sample
LOOKED_AT = 200  # samples of an operation, of which the first small ones are taken
SECONDS = 25  # for one sample


# What is not certified: by operation, and whether the derivative is the second, the verdict of the
# samples that are not, and why.
KNOWN = {
    ("as_strided_scatter", False): ("refuted", "overlapping elements; gradcheck refuses it too"),
    ("nn.functional.max_unpool1d", False): (
        "refuted",
        "repeated indices; gradcheck refuses it too",
    ),
    ("nn.functional.max_unpool2d", False): (
        "refuted",
        "repeated indices; gradcheck refuses it too",
    ),
    ("nn.functional.max_unpool3d", False): (
        "refuted",
        "repeated indices; gradcheck refuses it too",
    ),
    ("nn.functional.hardsigmoid", False): ("ball or kernel", "float64 has float32(1/6) for 1/6"),
    **{
        (f"mvlgamma.mvlgamma_p_{p}", True): ("ball or kernel", "polygamma(1, x) has nine digits")
        for p in (1, 3, 5)
    },
    ("nn.functional.binary_cross_entropy", True): (
        "refuted",
        "an eps in the second derivative only",
    ),
    ("linalg.norm.subgradients_at_zero", False): ("kink", "norms at 0"),
    **{
        ("sparse.sampled_addmm", double): ("no rule", "a sparse tensor is differentiated")
        for double in (False, True)
    },
    ("sparse.mm.reduce", False): ("no rule", "a sparse tensor is differentiated"),
    **{
        ("__rpow__", double): ("not finite", "a negative number to a power that is not whole")
        for double in (False, True)
    },
    **{
        ("as_strided.partial_views", double): ("error", "reads storage beyond the tensor")
        for double in (False, True)
    },
    ("native_layer_norm", True): ("error", "torch's own program fails without a weight"),
    ("nn.functional.ctc_loss", True): ("error", "torch has no second derivative"),
    ("logcumsumexp", True): ("kink", "equal elements of 1e4"),
    ("linalg.norm.subgradients_at_zero", True): ("not finite", "norms at 0"),
    ("masked.logaddexp", True): ("not finite", "masked elements are −∞"),
}


# The same of complex samples, where they have their own.
EIGHT = ("ball or kernel", "float64 keeps eight digits or so")
KNOWN_COMPLEX = {
    ("svd_lowrank", True): EIGHT,
    ("pca_lowrank", True): EIGHT,
    ("linalg.householder_product", True): EIGHT,
    ("logcumsumexp", True): EIGHT,
    ("linalg.pinv", True): ("error", "not in balls where the matrix is said to be Hermitian"),
}


class TooSlow(BaseException):
    """More than the seconds allowed."""


@contextmanager
def allowed(seconds):
    """Raise `TooSlow` after so many seconds of this process, however busy the machine is."""

    def raised(*ignored):
        raise TooSlow

    before = signal.signal(signal.SIGPROF, raised)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def name_of(op):
    return op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")


def operations(double=False, dtype=torch.float64):
    """By name, the operations that have a derivative (twice) in a dtype."""
    return {
        name_of(op): op
        for op in op_db
        if op.supports_autograd
        and dtype in (op.supported_backward_dtypes("cpu") if dtype.is_complex else op.dtypes)
        and (op.supports_gradgrad or not double)
    }


def samples(op, count, dtype=torch.float64):
    """The first samples with something to differentiate that is small."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn_ = op.sample_inputs("cpu", dtype, requires_grad=True)
        made = list(itertools.islice(drawn_, LOOKED_AT))
    sized = [(sum(t.numel() for t in _differentiated(s)), s) for s in made]
    sized = [(n, s) for n, s in sized if n]
    small = [s for n, s in sized if n <= LARGEST]
    return small[:count] or [s for _, s in sorted(sized, key=lambda pair: pair[0])[:1]]


def _differentiated(sample):
    leaves = tree_leaves((sample.input, sample.args, sample.kwargs))
    return [t for t in leaves if isinstance(t, torch.Tensor) and t.requires_grad]


def function_of(op, sample):
    """The operation as a function of what is differentiated, and those tensors."""
    leaves, spec = tree_flatten((sample.input, sample.args, sample.kwargs))
    where = [k for k, v in enumerate(leaves) if isinstance(v, torch.Tensor) and v.requires_grad]

    def function(*xs):
        given = list(leaves)
        for k, x in zip(where, xs, strict=True):
            given[k] = x
        x, args, kwargs = tree_unflatten(given, spec)
        y = op.gradcheck_wrapper(op.get_op(), x, *args, **kwargs)
        return sample.output_process_fn_grad(y)

    return in_pairs(function, [leaves[k] for k in where])


def in_pairs(function, tensors):
    """A function of complex tensors as one of reals, pairs with a last axis of 2."""
    dense = all(t.layout == torch.strided for t in tensors)
    if not (dense and any(t.is_complex() for t in tensors)):
        return function, tensors

    def of_pairs(*xs):
        given = [torch.complex(x[..., 0], x[..., 1]) if t.is_complex() else x
                 for x, t in zip(xs, tensors, strict=True)]  # fmt: skip
        return tree_map(_parted, function(*given))

    return of_pairs, [_parted(t.detach()).clone().requires_grad_() for t in tensors]


def _parted(y):
    is_complex = isinstance(y, torch.Tensor) and y.is_complex()
    return torch.stack([y.real, y.imag], dim=-1) if is_complex else y


def backward_of(function):
    """The gradient of a function, as a function to differentiate again."""

    def backward(*xs):
        ys = [
            t for t in tree_leaves(function(*xs)) if isinstance(t, torch.Tensor) and t.requires_grad
        ]
        rng = np.random.default_rng(9)
        ws = [torch.from_numpy(drawn(rng, tuple(y.shape), y.is_complex())) for y in ys]
        made = torch.autograd.grad(ys, xs, ws, create_graph=True, allow_unused=True)
        return [g for g in made if g is not None]

    return backward


def known(name, double, dtype):
    """The verdict of the samples that are not certified, and why; two empty texts where all are."""
    here = KNOWN_COMPLEX if dtype.is_complex else {}
    return here.get((name, double)) or KNOWN.get((name, double), ("", ""))


def certificate(op, sample, double=False):
    """The certificate of one sample; every failure is one too."""
    function, xs = function_of(op, sample)
    try:
        with allowed(SECONDS):
            return certify(backward_of(function) if double else function, xs)
    except TooSlow:
        return Certificate("too slow")
    except Exception as error:
        return Certificate("error", note=f"{type(error).__name__}: {error}".split("\n")[0][:200])

"""Kernels that break when they are called otherwise, before xgrad and the frameworks' own checkers.

`OMP_NUM_THREADS=1 python benchmarks/invariances.py > results/invariances.md`; several host devices
are asked of JAX where XLA_FLAGS does not say how many.
"""

from __future__ import annotations

import os
import platform
import sys
import warnings

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import jax
import jax.test_util
import torch
from zoo import jax_kernels, torch_kernels

import xgrad


def passes(check, *given, **options):
    """Whether a checker returns without an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(*given, **options)
    except Exception:
        return False
    return True


def leaves(inputs):
    return tuple(x.clone().requires_grad_() for x in inputs)


def gradcheck(function, inputs, **options):
    torch.autograd.gradcheck(function, leaves(inputs), **options)


def every_option(function, inputs):
    """Those options alone under which the function can be checked at all: others say nothing."""
    torch.autograd.gradcheck(function, leaves(inputs), check_undefined_grad=True)
    torch.autograd.gradcheck(function, leaves(inputs), masked=True)


def batched(function, inputs):
    gradcheck(function, inputs, check_batched_grad=True)


def forward(function, inputs):
    gradcheck(function, inputs, check_forward_ad=True, check_batched_forward_grad=True)


def gradgradcheck(function, inputs):
    torch.autograd.gradgradcheck(function, leaves(inputs))


def check_grads(function, inputs, modes):
    with jax.enable_x64(True):
        jax.test_util.check_grads(function, inputs, order=1, modes=modes)


def with_xgrad(name):
    def check(function, inputs):
        sizes = (lambda n: torch_kernels.inputs((n,))) if name == "sizes" else None
        shown = {"sizes": (), "compiled": name, "autocast": name}.get(name, "all")
        xgrad.assert_agreement(function, inputs, invariances=shown, sizes=sizes, dtypes="float64")

    return check


def unasked(function, inputs):
    xgrad.assert_agreement(function, inputs, dtypes="float64")


TORCH = {"gradcheck": every_option, "and batched": batched, "and forward": forward,
         "gradgradcheck": gradgradcheck}  # fmt: skip
JAX = {
    "check_grads, rev": lambda f, x: check_grads(f, x, ("rev",)),
    "check_grads, fwd and rev": lambda f, x: check_grads(f, x, ("fwd", "rev")),
}


def word(broken, mended):
    """What a checker is worth: it must fail the one and pass the other."""
    if not mended:
        return "refuses both" if not broken else "backwards"
    return "missed" if broken else "**caught**"


def table(zoo, others):
    names = [*others, "xgrad, unasked", "xgrad, all"]
    print(f"| kernel | {' | '.join(names)} |")
    print("|:---|" + ":---|" * len(names))
    caught = dict.fromkeys(names, 0)
    for name, make in zoo.items():
        checkers = {**others, "xgrad, unasked": unasked, "xgrad, all": with_xgrad(name)}
        words = {}
        for checker, check in checkers.items():
            words[checker] = word(passes(check, *make(True)), passes(check, *make(False)))
            caught[checker] += words[checker] == "**caught**"
        print(f"| {name}: {make.__name__.replace('_', ' ')} | {' | '.join(words.values())} |")
        sys.stdout.flush()
    print(f"| caught of {len(zoo)} | {' | '.join(map(str, caught.values()))} |\n")


def main():
    print("# Kernels that are called otherwise\n")
    print(f"{platform.machine()}, torch {torch.__version__}, jax {jax.__version__};", end=" ")
    print("`OMP_NUM_THREADS=1 python benchmarks/invariances.py > results/invariances.md`.\n")
    print("Each kernel of `benchmarks/zoo` is right in plain use and wrong in one presentation, by")
    print("which it is called; a checker has *caught* it where it fails the kernel and passes its")
    print("mended twin, and *refuses both* where it can check neither.\n")
    print("`gradcheck` is called with `check_undefined_grad` and with `masked=True`, `and batched`")
    print("with `check_batched_grad`, `and forward` with `check_forward_ad` and")
    print("`check_batched_forward_grad`.\n")
    print("## torch\n")
    table(torch_kernels.ZOO, TORCH)
    print("## JAX\n")
    table(jax_kernels.ZOO, JAX)


if __name__ == "__main__":
    main()

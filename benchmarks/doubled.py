"""What a verdict on many parameters costs: certificates in double-double, a process for each.

    OMP_NUM_THREADS=1 python benchmarks/doubled.py > results/doubled.md

A verdict is a whole `xgrad.check(..., quick=True)` of the gradient of a loss by all parameters, in
float64 on one thread: the first check of a process, and one more. Beside it `gradcheck` in fast
mode, which takes one product and sees two digits, or `check_grads` of JAX, along one direction;
where that rejects the gradient, which is right, the table says so.
"""

import json
import subprocess
import sys
import time

SIZES = {"MLP": (12, 40, 120, 380, 700), "transformer layer": (24, 96, 288, 900),
         "MLP in JAX": (12, 40, 120, 380, 700)}  # fmt: skip


def made(kind, width):
    """A loss of parameters as inputs, and them."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    x, target = torch.randn(16, width), torch.randint(0, 10, (16,))
    if kind == "MLP":
        body = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width), nn.GELU())
    else:
        body = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, activation="gelu")
    net = nn.Sequential(body, nn.Linear(width, 10))
    names, given = zip(*net.named_parameters(), strict=True)

    def loss(*parameters):
        y = torch.func.functional_call(net, dict(zip(names, parameters, strict=True)), (x,))
        return nn.functional.cross_entropy(y, target)

    return loss, given


def made_in_jax(width):
    """The same MLP's loss in JAX, and its parameters."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    x, target = jnp.asarray(rng.normal(size=(16, width))), rng.integers(0, 10, 16)

    def loss(a, b, c, d, e, f):
        hidden = jax.nn.gelu(jnp.tanh(x @ a + b) @ c + d, approximate=False)
        return -jnp.mean(jax.nn.log_softmax(hidden @ e + f)[jnp.arange(16), target])

    shapes = (width, width), (width,), (width, width), (width,), (width, 10), (10,)
    return loss, [jnp.asarray(rng.normal(size=s) / width**0.5) for s in shapes]


def own_checker(kind, loss, given):
    """The framework's own check of the gradient, with one product or direction."""
    if kind.endswith("JAX"):
        from jax.test_util import check_grads

        return lambda: check_grads(loss, given, order=1, modes=["rev"])
    import torch

    return lambda: torch.autograd.gradcheck(loss, given, fast_mode=True)


def measured(kind, width):
    """A row of the table, in this process."""
    import xgrad

    in_jax = kind.endswith("JAX")
    loss, given = made_in_jax(width) if in_jax else made(kind, width)
    given = tuple(given)
    spent = []
    for _ in range(2):
        start = time.perf_counter()
        row = xgrad.check(loss, given, quick=True).iloc[0]
        spent.append(time.perf_counter() - start)
    check = own_checker(kind, loss, given)
    rejects = not passes(check)
    start = time.perf_counter()
    passes(check)
    count = sum(p.size if in_jax else p.numel() for p in given)
    return {"kind": kind, "parameters": count, "verdict": row["verdict"], "said": row["message"],
            "first": spent[0], "second": spent[1], "fast": time.perf_counter() - start,
            "rejects": rejects}  # fmt: skip


def passes(check):
    """Whether a framework's own check accepts this gradient, which is right."""
    try:
        check()
    except AssertionError:
        return False
    return True


def main():
    """The page, on standard output."""
    from xgrad.running import describe_machine

    machine = describe_machine()
    about = f"{machine['processor']}, torch {machine['versions']['torch']}"
    print("# What a verdict on many parameters costs\n")
    print(f"Made by `OMP_NUM_THREADS=1 python benchmarks/doubled.py`. On {about}.\n")
    print("| function | parameters | verdict | first | second | gradcheck | ratio | evidence |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | --- |")
    for kind, widths in SIZES.items():
        for width in widths:
            code = [sys.executable, __file__, kind, str(width)]
            done = subprocess.run(code, capture_output=True, text=True, check=True)
            r = json.loads(done.stdout.splitlines()[-1])
            rejects = ", rejects it" if r["rejects"] else ""
            print(f"| {kind} | {r['parameters']:,} | {r['verdict']} | {r['first']:.2f} s | "
                  f"{r['second']:.2f} s | {r['fast']:.3f} s{rejects} | "
                  f"{r['second'] / r['fast']:.0f} | {r['said']} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
    else:
        main()

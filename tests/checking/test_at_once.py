"""A check loads what it needs, and nothing that takes longer than the check."""

import json
import subprocess
import sys

from checkout import ROOT

TORCH = """
import torch, torch.nn.functional as F
def r(*shape): return torch.rand(*shape, dtype=torch.float64, requires_grad=True)
half = torch.full((3,), 0.5, dtype=torch.float64)
"""
JAX = "import jax, jax.numpy as jnp\n"
NUMPY = "import numpy as np\n"
TABLES = {"pandas", "pyarrow", "matplotlib", "docutils", "IPython"}
SCRIPTED = "torch._decomp.decompositions_for_jvp"
COMPILERS = {"sympy", "torch._dynamo", "torch._inductor", SCRIPTED}

IN_ALL_MODES = [
    "lambda x: x.sin().sum(), r(3)",
    "lambda x: F.gelu(x).sum(), r(3)",
    "lambda x: F.elu(x).sum(), r(3)",
    "lambda x: F.selu(x).sum(), r(3)",
    "lambda x: F.leaky_relu(x).sum(), r(3)",
    "lambda x: F.mish(x).sum(), r(3)",
    "lambda x: F.silu(x).sum(), r(3)",
    "lambda x: F.glu(x).sum(), r(4)",
    "lambda x: F.softplus(x).sum(), r(3)",
    "lambda x: x.softmax(-1).square().sum(), r(2, 3)",
    "lambda x: F.layer_norm(x, (3,)).pow(3).sum(), r(2, 3)",
    "lambda x: x.logsumexp(0), r(3)",
]
# torch's own forward mode of these, of a sum with a constant first, imports its compiler.
IN_REVERSE_MODE = [
    "lambda W, x: F.mse_loss(F.relu(x @ W), x), (r(3, 3), r(2, 3))",
    "lambda x: F.cross_entropy(x, torch.tensor([0, 2])), r(2, 3)",
    "lambda x: F.binary_cross_entropy(x, half), r(3)",
    "lambda x: F.binary_cross_entropy_with_logits(x, half), r(3)",
    "lambda x: F.kl_div(x.log_softmax(0), half), r(3)",
    "lambda x: F.huber_loss(x, half), r(3)",
    "lambda x: F.smooth_l1_loss(x, half), r(3)",
    "lambda q: F.scaled_dot_product_attention(q, q, q).pow(3).sum(), r(1, 1, 2, 3)",
]
TORCH_CALLS = [*IN_ALL_MODES, *(f"{call}, methods='torch.reverse'" for call in IN_REVERSE_MODE)]
NUMPY_CALL = "lambda xp, x: xp.sum(xp.sin(x)), {'x': np.ones(3)}, methods='numpy.*', formula="


def first_checks(start, *calls):
    """The verdicts of checks in a new process, and the modules that are there after them."""
    checks = ", ".join(f"xgrad.check({call})" for call in calls)
    code = (
        f"{start}\nimport json, sys, xgrad\nfrom xgrad.running import rows_of\n"
        f"verdicts = [[r['verdict'] for r in rows_of(found)] for found in ({checks},)]\n"
        "print(json.dumps([verdicts, list(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    verdicts, modules = json.loads(done.stdout)
    return verdicts, set(modules)


def test_checks_of_torch_load_neither_jax_nor_a_compiler_nor_a_table():
    verdicts, modules = first_checks(TORCH, *TORCH_CALLS)
    told = dict(zip(TORCH_CALLS, verdicts, strict=True))
    assert {call: v for call, v in told.items() if set(v) != {"agrees"}} == {}
    assert modules & {"jax", "scipy", *TABLES, *COMPILERS} == set()


def test_a_check_of_jax_loads_no_torch():
    verdicts, modules = first_checks(JAX, "lambda x: jnp.sin(x).sum(), jnp.ones(3)")
    assert set(verdicts[0]) == {"agrees"}
    assert modules & {"torch", "sympy", *TABLES} == set()


def test_a_check_of_mathematics_with_its_formula_loads_neither():
    """Without a formula the referee borrows the derivative of a framework that is installed."""
    verdicts, modules = first_checks(NUMPY, f"{NUMPY_CALL}lambda xp, x: xp.cos(x)")
    assert set(verdicts[0]) <= {"agrees", "bounded"}
    assert modules & {"torch", "jax", "sympy", *TABLES} == set()


def test_forward_mode_has_the_scripted_rules_once_it_meets_what_needs_them():
    slope = "torch.func.grad(lambda x: x.log_softmax(-1).square().sum())"
    right = f"{slope}, r(2, 3), operators='jacobian', methods='torch.forward'"
    wrong = (
        f"lambda x: ({slope})(x) * (1 + 1e-9 * (x - x.detach())), r(2, 3), "
        "operators='jacobian', methods='torch.forward'"
    )
    verdicts, modules = first_checks(TORCH, right, wrong)
    assert verdicts == [["agrees"], ["disagrees"]]
    assert SCRIPTED in modules


def test_names_are_looked_for_once():
    script = """
import xgrad
looked = []
inside = xgrad._to_stay
xgrad._to_stay = lambda: looked.append(1) or inside()
for _ in range(3):
    xgrad.case, xgrad.check, xgrad.run
print(len(looked))
"""
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "3\n"

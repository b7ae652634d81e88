"""Conventions and documented limits of torch and JAX, which are no findings."""

from findings import Limit

LIMITS = (
    Limit(
        title="sigmoid', tanh' and expm1' in saturation (20, 10, −20; float32)",
        why=(
            "made from the rounded value of the forward pass; the absolute error is below eps. "
            "Reported as pytorch #195527, jax #39794"
        ),
        code="""
import torch
for f, x in ((torch.sigmoid, 20.0), (torch.tanh, 10.0), (torch.expm1, -20.0)):
    x = torch.tensor(x, requires_grad=True)
    print(torch.autograd.grad(f(x), x)[0].item())
""",
        witness="""
from mpmath import exp, sech; print(*map(float, (exp(-20), sech(10) ** 2, exp(-20))))
""",
    ),
    Limit(
        title="torch softplus'' beyond 20",
        why="documented: linear beyond `threshold`",
        code="""
import torch
x = torch.tensor(21.0, dtype=torch.double, requires_grad=True)
g, = torch.autograd.grad(torch.nn.functional.softplus(x), x, create_graph=True)
print(torch.autograd.grad(g, x)[0].item())
""",
        witness="from math import exp; print(exp(-21) / (1 + exp(-21)) ** 2)",
    ),
    Limit(
        title="jax.scipy.special.hyp2f1(0.5, 0.7, 1.1, −5), hyp1f1(0.5, 0.7, −50)",
        why="documented: positive inputs only (but no error, and numbers of 1e170)",
        code="""
import jax; jax.config.update("jax_enable_x64", True)
from jax.scipy.special import hyp1f1, hyp2f1
print(float(hyp2f1(0.5, 0.7, 1.1, -5.0)), float(hyp1f1(0.5, 0.7, -50.0)))
""",
        witness="""
from mpmath import hyp1f1, hyp2f1
print(float(hyp2f1(0.5, 0.7, 1.1, -5)), float(hyp1f1(0.5, 0.7, -50)))
""",
    ),
    Limit(
        title="the standard deviation of equal numbers, in torch and in JAX",
        why="no derivative exists; torch gives a subgradient, JAX NaN",
        code="""
import torch, jax, jax.numpy as jnp
x = torch.ones(2, requires_grad=True)
print(torch.autograd.grad(x.std(), x)[0].tolist(), jax.grad(jnp.std)(jnp.ones(2)).tolist())
""",
        witness="",
    ),
    Limit(
        title="torch.linalg.norm at 0",
        why="no derivative exists; a subgradient",
        code="""
import torch
x = torch.zeros(2, requires_grad=True)
print(torch.autograd.grad(torch.linalg.norm(x), x)[0].tolist())
""",
        witness="",
    ),
    Limit(
        title="where(x > 0, √x, 0) at 0",
        why=(
            "0 · ∞ of the branch that was not taken; a known trap of both frameworks: guard the "
            "argument"
        ),
        code="""
import torch
x = torch.tensor(0.0, requires_grad=True)
print(torch.autograd.grad(torch.where(x > 0, x.sqrt(), 0 * x), x)[0].item())
""",
        witness="print(0)",
    ),
    Limit(
        title="torch.logit with eps=0.1 at 0.05",
        why="documented: clamped, so the slope is 0",
        code="""
import torch
x = torch.tensor(0.05, requires_grad=True)
print(torch.autograd.grad(torch.logit(x, eps=0.1), x)[0].item())
""",
        witness="print(0)",
    ),
)

"""A few lines that show a wrong derivative with torch or JAX alone, inputs and all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xgrad.frameworks import find_framework
from xgrad.judging import UNSTABLE, is_failure
from xgrad.numbers import REAL_DTYPES
from xgrad.problem import Case, Setting, outputs_of, returned_by, variable
from xgrad.table import KNOWN

LARGEST = 120  # elements that are written down
TOGETHER = ("case", "operator", "technique", "verdict")  # what one program is enough for
PROGRAM_PLACE = ("case", "operator", "technique", "point", "dtype")
COMPLEX = {real: dtype for dtype, real in REAL_DTYPES.items()}


@dataclass(frozen=True)
class Dialect:
    """How a framework writes arrays and derivatives of f.

    Of what f returns `one` takes the only array of floats, `several` joins them.
    """

    begin: str
    settings: str
    array: str
    one: str
    several: str
    derivatives: Mapping[str, str]
    complex: bool = False  # whether its gradients are ∂/∂re + i ∂/∂im, as rows have them


DIALECTS = {
    "torch": Dialect(
        "import torch",
        "torch.set_printoptions(precision=17)",
        "torch.tensor({values}, dtype=torch.{dtype}, requires_grad={wanted})",
        "next(y for y in {call} if y.is_floating_point() or y.is_complex())",
        "torch.cat([y.reshape(-1) for y in {call} if y.is_floating_point()])",
        {
            "vjp": "print(torch.autograd.grad(f({x}), ({x},), w, allow_unused=True))",
            "jvp": "print(torch.func.jvp(f, ({x},), ({v},))[1])",
            "weighted_hvp": "g = torch.autograd.grad(f({x}), ({x},), w, create_graph=True, "
            "allow_unused=True)\n"
            "g = [(a, v) for a, v in zip(g, ({v},)) if a is not None and a.requires_grad]\n"
            "print(torch.autograd.grad([a for a, _ in g], ({x},), [v for _, v in g], "
            "allow_unused=True) if g else '0: a constant to autograd')",
        },
        complex=True,
    ),
    "jax": Dialect(
        "import jax\nimport jax.numpy as jnp",
        "jax.config.update('jax_enable_x64', True)",
        "jnp.array({values}, dtype='{dtype}')",
        "next(y for y in jax.tree.leaves({call}) if jnp.issubdtype(y.dtype, jnp.inexact))",
        "jnp.concatenate([y.reshape(-1) for y in jax.tree.leaves({call}) "
        "if jnp.issubdtype(y.dtype, jnp.floating)])",
        {
            "vjp": "print(jax.vjp(f, {x})[1](w))",
            "jvp": "print(jax.jvp(f, ({x},), ({v},))[1])",
            "weighted_hvp": "print(jax.vjp(lambda *x: jax.vjp(f, *x)[1](w), {x})[1](({v},)))",
        },
    ),
}
USUAL = {"vjp": "reverse", "jvp": "forward", "weighted_hvp": "reverse"}  # what those lines do


def write_programs(
    cases: Mapping[str, Case], rows: Iterable[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """A program for each derivative that is not right, at its worst sample that can be written."""
    found: dict[Any, dict[str, str]] = {}
    for row in sorted(filter(_is_shown, rows), key=lambda row: row["digits"]):
        kind = tuple(row[name] for name in TOGETHER)
        if kind not in found and row["case"] in cases:
            text = write_program(cases[row["case"]], row)
            if text:
                found[kind] = {name: row[name] for name in PROGRAM_PLACE} | {"text": text}
    return list(found.values())


def _is_shown(row: Mapping[str, Any]) -> bool:
    wrong = is_failure(row) or row["verdict"] == UNSTABLE or row["message"].startswith(KNOWN)
    return wrong and bool(row["worst"])


def write_program(case: Case, row: Mapping[str, Any]) -> str:
    """The program of a row; empty where its call or its inputs are not to be written down."""
    if case.framework not in DIALECTS or USUAL.get(row["operator"]) != row["technique"]:
        return ""
    try:
        setting = Setting.make(case, row["size"], row["point"], row["dtype"], row["seed"])
        return _program(setting, row) if setting.case.written else ""
    except Exception:  # any of many: what cannot be called here has its command
        return ""


def _program(setting: Setting, row: Mapping[str, Any]) -> str:
    case, dialect = setting.case, DIALECTS[setting.case.framework]
    assert case.written is not None
    arrays, form = _arrays(setting, row["operator"]), _form(setting)
    in_pairs = bool(setting.complexes) and (form == dialect.several or not dialect.complex)
    finite = all(np.isfinite(a).all() for a in arrays.values())
    if in_pairs or not finite or sum(a.size for a in arrays.values()) > LARGEST:
        return ""
    xs = ", ".join(map(variable, case.wrt))
    lines = [
        f"# {row['case']} {row['operator']} by {row['technique']}, {row['dtype']}, {row['point']}:",
        f"# {row['worst']} is {row['got']!r}, and should be {row['want']!r}",
        dialect.begin,
        case.written.setup,
        "",
        dialect.settings,
        "",
        *(_line(dialect, name, a, row["dtype"], name in case.wrt) for name, a in arrays.items()),
        "",
        f"def f({xs}):",
        "    return " + form.format(call=case.written.call),
        "",
        dialect.derivatives[row["operator"]].format(
            x=xs, v=", ".join(f"v_{variable(name)}" for name in case.wrt)
        ),
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def _arrays(setting: Setting, operator: str) -> dict[str, np.ndarray]:
    """Inputs and directions by name, complex ones joined."""
    named = {k: v for k, v in setting.inputs.items() if isinstance(v, np.ndarray)}
    named |= {name: _joined(named[name]) for name in setting.complexes}
    if operator != "jvp":
        named["w"] = _joined(setting.w) if setting.y_complex else setting.w
    if operator != "vjp":
        for name, v in zip(setting.case.wrt, setting.v, strict=True):
            named[f"v_{name}"] = _joined(v) if name in setting.complexes else v
    return named


def _joined(pairs: np.ndarray) -> np.ndarray:
    return np.asarray(pairs[..., 0] + 1j * pairs[..., 1])


def _form(setting: Setting) -> str:
    """How what the call returns becomes one array."""
    case, dialect = setting.case, DIALECTS[setting.case.framework]
    framework = find_framework(case.framework)
    with framework.scope():
        arguments = setting.arguments(framework, "cpu", setting.dtype)
        returned = returned_by(case.function, **setting.named(arguments))
        if framework.is_array(returned):
            return "{call}"
        outputs = outputs_of(case.function)
        assert outputs is not None
        values = outputs(arguments.xp, **setting.named(arguments))
    return dialect.one if len(values) == 1 else dialect.several


def _line(dialect: Dialect, name: str, array: np.ndarray, dtype: str, wanted: bool) -> str:
    kinds = {"f": dtype, "c": COMPLEX.get(dtype, "complex128")}
    kind = kinds.get(array.dtype.kind, array.dtype.name)
    values = dialect.array.format(values=array.tolist(), dtype=kind, wanted=wanted)
    return f"{variable(name)} = {values.replace(', requires_grad=False', '')}"

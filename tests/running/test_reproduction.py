"""Programs that show a wrong derivative without xgrad: they compute what the run judged."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from xgrad.problem import Sample, Setting, make_operation, write_call
from xgrad.running.description import EMPTY, FILE, join_cases, read_cases
from xgrad.running.reproduction import LARGEST, PROGRAM_PLACE, write_program, write_programs

X = np.array([0.25, -0.5, 0.75])


def torch_sample(function, x, name="torch.sin", **kwargs):
    import torch

    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    return Sample(function, (x,), write_call(name, (x,), kwargs, {id(x): "input"}))


def jax_sample(function, x, name="jax.numpy.sin", **kwargs):
    import jax.numpy as jnp

    x = jnp.asarray(x)
    return Sample(function, (x,), write_call(name, (x,), kwargs, {id(x): "input"}))


def sine(framework):
    if framework == "torch":
        import torch

        return make_operation(
            "t.sin", "torch", Path("t.py"), lambda: {"s": torch_sample(_torch_sine(torch), X)}
        )
    import jax.numpy as jnp

    return make_operation(
        "t.sin", "jax", Path("t.py"), lambda: {"s": jax_sample(lambda input: jnp.sin(input), X)}
    )


def _torch_sine(torch):
    return lambda input: torch.sin(input)


def row_of(operator, technique, **given):
    usual = {
        "case": "t.sin", "size": "small", "point": "s", "operator": operator,
        "technique": technique, "dtype": "float64", "seed": 0, "status": "ok",
        "verdict": "disagrees", "message": "", "digits": 3.0, "worst": "input[0]", "got": 1.0,
        "want": 2.0,
    }  # fmt: skip
    return {**usual, **given}


def printed(text):
    """The numbers that a program prints, as it runs by itself."""
    shown = []
    with warnings.catch_warnings():  # torch's own, when it first loads what it needs
        warnings.simplefilter("ignore")
        exec(text, {"print": shown.append})
    (result,) = shown
    while isinstance(result, tuple):
        (result,) = result
    return np.asarray(result.detach() if hasattr(result, "detach") else result)


@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize(
    ("operator", "technique"),
    [("vjp", "reverse"), ("jvp", "forward"), ("weighted_hvp", "reverse")],
)
def test_a_program_computes_the_derivative_that_was_judged(framework, operator, technique):
    pytest.importorskip(framework)
    operation = sine(framework)
    text = write_program(operation, row_of(operator, technique))
    assert "xgrad" not in text
    assert "# input[0] is 1.0, and should be 2.0" in text
    setting = Setting.make(operation, "small", "s", "float64", 0)
    x, v, w = setting.x[0], setting.v[0], setting.w
    right = {"vjp": w * np.cos(x), "jvp": v * np.cos(x), "weighted_hvp": -w * v * np.sin(x)}
    np.testing.assert_allclose(printed(text), right[operator], rtol=1e-12)
    wrong = printed(text.replace("sin(", "cos("))  # the check can fail
    assert not np.allclose(wrong, right[operator], rtol=1e-3)


def test_several_values_are_joined_as_the_run_joins_them():
    torch = pytest.importorskip("torch")
    x = np.array([[2.0, 0.5], [0.5, 1.0]])
    sample = torch_sample(lambda input: torch.aminmax(input, dim=0), x, "torch.aminmax", dim=0)
    operation = make_operation("t.sin", "torch", Path("t.py"), lambda: {"s": sample})
    found = printed(write_program(operation, row_of("vjp", "reverse")))
    w = Setting.make(operation, "small", "s", "float64", 0).w
    np.testing.assert_allclose(found, [[w[2], w[1]], [w[0], w[3]]])


def test_what_is_large_or_cannot_be_spelt_has_no_program():
    torch = pytest.importorskip("torch")

    def program(sample, **given):
        operation = make_operation("t.sin", "torch", Path("t.py"), lambda: {"s": sample})
        return write_program(operation, {**row_of("vjp", "reverse"), **given})

    function = _torch_sine(torch)
    assert program(torch_sample(function, X))
    assert program(torch_sample(function, X), operator="jacobian") == ""
    assert program(torch_sample(function, np.ones(LARGEST))) == ""  # with w they are too many
    assert program(torch_sample(function, X)._replace(written=None)) == ""
    assert write_call("f", (lambda x: x,), {}, {}) is None
    assert write_call("f", (np.ones(2),), {}, {}) is None
    assert write_call("f", (float("nan"),), {}, {}) is None


def test_calls_are_spelt_as_python_reads_them():
    a, b = np.ones(2), np.zeros(2)
    found = write_call("f", (a, [b, None], (1,)), {"dim": -1, "d": {"k": "it's"}},
                       {id(a): "input", id(b): "args[0][1]"})  # fmt: skip
    assert found.call == "f(input, [args_0_1, None], (1,), dim=-1, d={'k': \"it's\"})"


def test_one_program_for_each_derivative_that_is_not_right():
    pytest.importorskip("torch")
    rows = [
        row_of("vjp", "reverse", dtype="float32"),
        row_of("vjp", "reverse", digits=2.0),
        row_of("jvp", "forward", verdict="agrees", digits=15.0),
        row_of("weighted_hvp", "reverse", message="known: so it is"),
    ]
    found = write_programs({"t.sin": sine("torch")}, rows)
    assert [(p["operator"], p["dtype"]) for p in found] == [
        ("vjp", "float64"),  # its worst
        ("weighted_hvp", "float64"),
    ]


def test_parts_of_a_run_keep_the_programs_of_each(tmp_path):
    parts = [tmp_path / "a", tmp_path / "b"]
    for part in parts:
        program = {**dict.fromkeys(PROGRAM_PLACE, "x"), "text": part.name}
        case = {**EMPTY, "name": "t.sin", "programs": [program]}
        part.mkdir()
        (part / FILE).write_text(json.dumps({"saved": "2026-11-21", "cases": [case]}))
    join_cases(parts, tmp_path)
    _, cases = read_cases(tmp_path)
    assert [p["text"] for p in cases["t.sin"]["programs"]] == ["a", "b"]

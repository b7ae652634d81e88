"""Rows explain themselves, and `xgrad.explain` explains cases and functions, in notebooks too."""

import ast
import base64
import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import xgrad
from xgrad.errors import UsageError

INPUTS = {"x": np.array([3.0, 4.0])}
ONE = {"dtypes": "float64", "methods": ("numpy.formula", "numpy.complex_step")}


def norm(xp, x):
    return xp.sqrt(xp.sum(x * x))


def wrong(xp, x):  # of the second element, by a thousandth
    return x / norm(xp, x) * (1 + xp.astype(x > 3.5, x.dtype) * 1e-3)


@pytest.fixture(scope="module")
def bad():
    return xgrad.check(norm, INPUTS, formula=wrong, **ONE)


def worst_of(explanation):
    """The verdict, and the first line of the table of elements."""
    lines = str(explanation).splitlines()
    (heading,) = (k for k, line in enumerate(lines) if line.startswith("element  "))
    return lines[0].rpartition(": ")[2], lines[heading + 1].split()[:3]


def test_a_row_names_the_wrong_element_and_its_right_twin_agrees(bad):
    verdict, element = worst_of(bad.explain(0))
    assert verdict == "disagrees"
    assert element == ["x[1]", "0.8", "0.8008"]
    assert bad.explain(-1).row["technique"] == "complex_step"
    assert worst_of(bad.explain(1))[0] == "agrees"


def test_rows_are_found_by_their_label_also_in_parts_of_the_frame(bad):
    part = bad.iloc[1:]
    assert part.explain(1).row["technique"] == "complex_step"
    assert part.explain(0).row["technique"] == "complex_step"  # no label: a position
    assert bad.set_axis(["a", "b"]).explain("a").row["verdict"] == "disagrees"


def test_an_explanation_shows_the_step_curve_in_a_notebook_and_leaves_the_backend(bad):
    before = mpl.get_backend()
    made = bad.explain(0)
    html = made._repr_html_()
    text, picture = html.split("<img ")
    assert "norm gradient, numpy.formula float64 cpu at given: disagrees" in text
    assert base64.b64decode(picture.partition("base64,")[2][:-2]).startswith(b"\x89PNG")
    assert mpl.get_backend() == before
    made.curve = None
    assert "<img" not in made._repr_html_()
    assert repr(made) == str(made)


def test_what_cannot_be_explained_says_what_to_call(bad):
    with pytest.raises(UsageError, match=r"row 7: give a label of the index, or a position below"):
        bad.explain(7)
    with pytest.raises(UsageError, match="row \\[0\\]: give a label"):
        bad.explain([0])
    with pytest.raises(UsageError, match="2 rows are called 0: reset_index"):
        pd.concat([bad, bad]).explain(0)
    gone = pickle.loads(pickle.dumps(bad))
    call = r"call xgrad\.explain\(case_or_function, 'gradient', 'numpy\.formula'\)"
    with pytest.raises(UsageError, match=f"norm is not at hand, .*{call}"):
        gone.explain(0)
    with pytest.raises(UsageError, match="columns that tell rows apart: size, point"):
        bad[["case", "operator", "framework", "technique"]].explain(0)


def test_joined_frames_explain_their_rows_unless_two_things_have_one_name(bad):
    twice = pd.concat([bad, bad], ignore_index=True)
    assert worst_of(twice.explain(2))[0] == "disagrees"
    other = xgrad.check(norm, INPUTS, formula=lambda xp, x: x / norm(xp, x), **ONE)
    with pytest.raises(UsageError, match="2 cases or functions in this frame are called 'norm'"):
        pd.concat([bad, other], ignore_index=True).explain(0)


def test_a_presentation_points_to_its_method():
    torch = pytest.importorskip("torch", reason="torch is not installed: xgrad[torch]")
    frame = xgrad.check(torch.sin, torch.linspace(-1, 1, 3), dtypes="float64")
    (label, *_) = frame.index[frame["technique"].str.startswith("invariance")]
    with pytest.raises(UsageError, match=r"presented otherwise.*explain a row of the same method"):
        frame.explain(label)
    made = frame.explain(0)
    assert made.row["verdict"] == "agrees"
    assert "as cases:" not in str(made)  # the docstring of a wrapper


# --- xgrad.explain -------------------------------------------------------------------------------


def test_a_function_is_explained_with_its_inputs():
    made = xgrad.explain(norm, "gradient", "numpy.formula", inputs=INPUTS, formula=wrong)
    assert worst_of(made) == ("disagrees", ["x[1]", "0.8", "0.8008"])


def test_a_rule_of_torch_that_is_wrong_is_named():
    torch = pytest.importorskip("torch", reason="torch is not installed: xgrad[torch]")

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.sin(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.cos(x) * (1 + 1e-9)

    x = torch.linspace(-1, 1, 3)
    made = xgrad.explain(Sine.apply, "vjp", "torch.reverse", inputs=x)
    assert made.row["verdict"] == "disagrees"
    assert made.row["dtype"] == "float32"
    assert "the wrong rule: `Sine.backward`" in str(made)
    twin = xgrad.explain(torch.sin, "vjp", "torch.reverse", inputs=x)
    assert twin.row["verdict"] == "agrees"


MISTAKES = {
    "give a case, or a function and inputs=": ((norm, "gradient", "numpy.formula"), {}),
    "a case: inputs= goes with a function": (("square", "gradient", "ball.formula"), {"inputs": 1}),
    "norm: size= goes with a case": ((norm, "gradient", "x"), {"inputs": INPUTS, "size": "small"}),
    "unknown operator 'gradent'": ((norm, "gradent", "numpy.formula"), {"inputs": INPUTS}),
    "explain takes one method": ((norm, "gradient", "numpy.*"), {"inputs": INPUTS}),
    "explain takes one dtype": (
        (norm, "gradient", "torch.reverse"),
        {"inputs": INPUTS, "dtype": ("float32", "float64")},
    ),
    "unknown option of explain 'sed'": ((norm, "gradient", "x"), {"sed": 1}),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_wrong_call_names_the_remedy(message):
    words, options = MISTAKES[message]
    with pytest.raises(UsageError, match=message.replace("(", "\\(")):
        xgrad.explain(*words, **options)


# --- a notebook ----------------------------------------------------------------------------------

CELLS = (
    "import xgrad",
    """
@xgrad.case(wrt="x", sizes={"small": {"n": 3}})
def growth(xp, x):
    return xp.sum(xp.exp(x))

@growth.inputs
def draw(rng, n):
    return {"x": rng.normal(size=n)}

@growth.formula("gradient")
def doubled(xp, x):
    return 2 * xp.exp(x)
""",
    "rows = xgrad.run(growth, dtypes='float64', methods=('numpy.formula', 'numpy.complex_step'))\n"
    "rows",
    "rows.explain(0)",
    "xgrad.explain(growth, 'gradient', 'numpy.complex_step')",
    "axes = rows.picture()",
)


def require_shown(table, wrong, right):
    """What the cells of the notebook show as HTML."""
    assert "✗ disagrees</b>" in table
    assert "looks like: constant factor 2 too large" in table
    assert "growth gradient, numpy.formula float64 cpu: disagrees" in wrong
    assert "growth gradient, numpy.complex_step float64 cpu: agrees" in right
    assert "data:image/png;base64," in wrong
    assert "data:image/png;base64," in right


def test_a_case_that_no_file_holds_is_run_and_explained():
    names, shown = {}, []
    for k, text in enumerate(CELLS[:-1]):
        *body, last = ast.parse(text).body
        body += [] if isinstance(last, ast.Expr) else [last]
        exec(compile(ast.Module(body, []), f"/nowhere/{k}.py", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"/nowhere/{k}.py", "eval"), names)
            shown.append(value._repr_html_())
    require_shown(*shown)


def test_a_notebook_shows_it(tmp_path):
    client = pytest.importorskip("nbclient", reason="nbclient is not installed: xgrad[test]")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: xgrad[test]")
    from nbformat import v4

    book = v4.new_notebook(cells=[v4.new_code_cell(text.strip()) for text in CELLS])
    client.NotebookClient(book, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    shown = [out["data"] for cell in book.cells for out in cell["outputs"] if "data" in out]
    require_shown(*(data["text/html"] for data in shown[:3]))
    assert "image/png" in shown[3]

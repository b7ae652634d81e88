"""Bad cases and bad calls: the message names offender and remedy, other rows stay right."""

import pytest

import xgrad
from xgrad.errors import UsageError
from xgrad.table import read_frame, records

GOOD = '''
    """A case that is right."""
    import xgrad


    @xgrad.case(wrt="x")
    def fine(xp, x):
        """Σx³."""
        return xp.sum(x * x * x)


    @fine.inputs
    def draw(rng):
        return {"x": rng.normal(size=3)}


    @fine.formula("gradient")
    def gradient(xp, x):
        return 3 * x * x
'''
QUICK = ("--method", "numpy.formula,torch.*,jax.reverse", "--dtype", "float64", "--device", "cpu",
         "--workers", 0)  # fmt: skip


@pytest.fixture
def run_beside_a_good_case(write, call, tmp_path):
    """Run a file beside a good one; returns the rows of the bad one and all that was printed."""

    def run(text, *options):
        write("cases/good.py", GOOD)
        write("cases/bad.py", text)
        result = call("run", "cases", *(options or QUICK), "--out", "out")
        rows = records(read_frame(tmp_path / "out"))
        good = [r for r in rows if r["case"] == "fine"]
        assert len(good) == 6
        assert {r["verdict"] for r in good if r["technique"] != "differences"} == {"agrees"}
        assert result.exit_code == 1
        return [r for r in rows if r["case"] != "fine"], result.output

    return run


# --- files that do not load -----------------------------------------------------------------------

FILES = {
    "a syntax error": ("import xgrad\nx = (1,\n", "SyntaxError: '(' was never closed (line 2)"),
    "a missing package": (
        "import xgrad\nimport not_a_module\n",
        "ModuleNotFoundError: No module named 'not_a_module' (line 2)",
    ),
    "an exception": ("import xgrad\n1 / 0\n", "ZeroDivisionError: division by zero (line 2)"),
    "a wrong wrt": (
        "import xgrad\n@xgrad.case(wrt='y')\ndef f(xp, x):\n    return x\n",
        "CaseError: case f: wrt 'y' is no input; inputs: x (line 2)",
    ),
    "a wrong operator": (
        "import xgrad\n@xgrad.case(operators='grad')\ndef f(xp, x):\n    return x\n",
        "unknown operator of case f 'grad': did you mean 'gradient'?",
    ),
    "no namespace": (
        "import xgrad\n@xgrad.case\ndef f(x):\n    return x\n",
        "CaseError: case f: the signature is (xp, input, ...); got ['x']",
    ),
    "one formula twice": (
        "import xgrad\n@xgrad.case\ndef f(xp, x):\n    return x\n"
        "for _ in range(2):\n    f.formula('jacobian')(f)\n",
        "CaseError: case f: two formulas for jacobian are called ''; give one of them another name",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_does_not_load_costs_its_own_row_only(run_beside_a_good_case, what):
    text, message = FILES[what]
    (row,), output = run_beside_a_good_case(text)
    assert (row["case"], row["status"]) == ("bad", "error")
    assert row["message"].startswith("cases/bad.py does not load: ")
    assert message in row["message"]
    assert f"bad: error\n  {row['message']}\n  reproduce: xgrad run cases/bad.py\n" in output


def test_a_file_that_leaves_the_program_costs_its_own_row_only(run_beside_a_good_case):
    (row,), _ = run_beside_a_good_case("import sys\nsys.exit('no licence')\n")
    assert row["message"] == "cases/bad.py does not load: SystemExit: no licence (line 2)"


@pytest.mark.parametrize("what", FILES)
def test_python_calls_raise_for_a_file_that_does_not_load(write, what):
    text, message = FILES[what]
    with pytest.raises(UsageError) as caught:
        xgrad.load_cases(write("bad.py", text))
    assert message in str(caught.value)


# --- inputs ---------------------------------------------------------------------------------------

INPUTS = {
    "{'x': rng.normal(size=2)}": "case f: inputs lack 'y'; return it in the dict",
    "{'x': rng.normal(size=2), 'y': 1, 'z': 2}": "case f: input 'z' is no parameter",
    "{'x': np.array(['a']), 'y': 1}": "case f: input 'x' has dtype <U1; give floats, integers or",
    "{'x': rng.integers(3, size=2), 'y': 1}": (
        "case f: input 'x' is differentiated and has dtype int64; return it as floats: x.astype"
    ),
    "{'x': 2, 'y': 1}": "case f: input 'x' is differentiated and has dtype int64",
    "None": "case f: inputs returned NoneType; return a dict with x, y",
    "[1.0, 2.0]": "case f: inputs returned list; return a dict with x, y",
    "{'x': [[1, 2], [3]], 'y': 1}": "f cannot be set up: ValueError: setting an array element",
    "{'x': rng.nromal(size=2), 'y': 1}": (
        "f cannot be set up: AttributeError: 'numpy.random._generator.Generator' object has no "
        "attribute 'nromal' (bad.py, line 9)"
    ),
    "exit('stop')": "f cannot be set up: SystemExit: stop (bad.py, line 9)",
    "{'x': np.array([1.0, np.nan]), 'y': 1}": (
        "input 'x' is NaN or infinite in float64: draw finite numbers that the dtype holds"
    ),
    "{'x': np.zeros((0, 2)), 'y': 1}": (
        "input 'x' has shape (0, 2): there is nothing to differentiate"
    ),
}


@pytest.mark.parametrize("drawn", INPUTS)
def test_bad_inputs_cost_their_own_rows_only(run_beside_a_good_case, drawn):
    text = (
        "import numpy as np\nimport xgrad\n\n@xgrad.case(wrt='x')\ndef f(xp, x, y):\n"
        f"    return xp.sum(x) + y\n\n@f.inputs\ndef draw(rng): return {drawn}\n"
    )
    rows, output = run_beside_a_good_case(text)
    assert {r["status"] for r in rows} == {"error"}
    assert len({r["message"] for r in rows}) == 1
    assert rows[0]["message"].startswith(INPUTS[drawn])
    assert output.count(rows[0]["message"]) == 1


def test_a_case_without_inputs_says_what_to_add(run_beside_a_good_case):
    (row,), _ = run_beside_a_good_case(
        "import xgrad\n@xgrad.case(wrt='x')\ndef f(xp, x):\n    return xp.sum(x)\n"
    )
    assert row["message"] == (
        "case f has no inputs: add @case.inputs with draw(rng, ...) or a @case.point"
    )


# --- functions ------------------------------------------------------------------------------------

HEAD = "import numpy as np\nimport xgrad\n\n@xgrad.case(wrt='x')\ndef f(xp, x):\n"
TAIL = "\n\nf.inputs(lambda rng: {'x': rng.normal(size=3)})\n"
FUNCTIONS = {
    "return 1 / 0": "ZeroDivisionError: division by zero (bad.py, line 6)",
    "return xp.summ(x)": "AttributeError: xp has no 'summ'",
    "raise SystemExit('stop')": "SystemExit: stop (bad.py, line 6)",
    "return [x[0], x[1]]": "case f returns list; return one array of floats",
    "return None": "case f returns NoneType; return one array of floats",
    "return x, x": "case f returns tuple; return one array of floats",
    "return 'text'": "case f returns str; return one array of floats",
    "return float(xp.sum(x * x))": "case f returns float; return one array of floats",
    "return 3": "case f returns int; return one array of floats",
    "return xp.sum(xp.astype(x, xp.int64))": "case f returns int64; return one array of floats",
    "return x > 0": "case f returns bool; return one array of floats",
    "x += 1; return xp.sum(x * x)": (
        "input 'x' was changed in place: compute a new array instead (x = x + 1, not x += 1)"
    ),
    "return xp.sum(x * x) * np.random.default_rng().normal()": (
        "two calls at one point differ by up to "
    ),
}


@pytest.mark.parametrize("body", FUNCTIONS)
def test_a_bad_function_is_told_once_and_costs_its_own_rows_only(run_beside_a_good_case, body):
    rows, output = run_beside_a_good_case(f"{HEAD}    {body}{TAIL}")
    assert {r["status"] for r in rows} == {"error"}
    for row in rows:
        assert row["message"].removeprefix("f cannot be set up: ").startswith(FUNCTIONS[body])
    assert output.count(FUNCTIONS[body]) == 1


def test_a_function_that_is_nan_is_judged_by_nobody(run_beside_a_good_case):
    rows, output = run_beside_a_good_case(
        f"{HEAD}    return xp.sum(xp.log(-x * x)){TAIL}"
        "f.formula('gradient')(lambda xp, x: xp.log(-x))\n"
    )
    assert {r["verdict"] for r in rows if r["status"] == "ok"} <= {"inconclusive"}
    formulas = [r for r in rows if r["technique"] == "formula"]
    assert {r["status"] for r in formulas} == {"nonfinite"}
    assert "elements are NaN or infinite: x[" in output
    assert "not finite at this point" in output


def test_float_of_x_is_named_where_nothing_raises(run_beside_a_good_case):
    rows, output = run_beside_a_good_case(f"{HEAD}    return float(x[0]) * xp.sum(x){TAIL}")
    assert not [r for r in rows if r["verdict"] in ("agrees", "disagrees")]
    by_torch = next(r for r in rows if (r["framework"], r["technique"]) == ("torch", "reverse"))
    assert "float(x) cuts the derivative: keep x an array" in by_torch["referee"]
    assert "float(x) cuts the derivative: keep x an array" in output


def test_float32_inside_is_found_in_float64(run_beside_a_good_case):
    rows, _ = run_beside_a_good_case(
        f"{HEAD}    return xp.sum(xp.astype(x, xp.float32) ** 2){TAIL}"
        "f.formula('gradient')(lambda xp, x: 2 * x)\n"
    )
    found = {(r["framework"], r["technique"]): r for r in rows}
    assert found["numpy", "formula"]["verdict"] == "agrees"
    for key in (("torch", "reverse"), ("jax", "reverse")):
        assert found[key]["verdict"] == "disagrees"
        assert found[key]["hint"] == "lower precision inside: all numbers are float32's"
    assert "wrong dtype: gradient is float32" in found["torch", "forward"]["message"]


# --- formulas -------------------------------------------------------------------------------------

FORMULAS = {
    "xp.stack([x, x])": "wrong shape: got (2, 3), gradient has (3,)",
    "(x, x)": "wrong shapes: got [(3,), (3,)], gradient has [(3,)]",
    "x[:2]": "wrong shape: got (2,), gradient has (3,)",
    "None": "returned NoneType where numpy has an array: return arrays of xp",
    "[2 * x[0], 2 * x[1], 2 * x[2]]": "returned list where numpy has an array",
    "x.foo()": "AttributeError: 'numpy.ndarray' object has no attribute 'foo' (bad.py, line 9)",
    "xp.astype(2 * x, xp.float32)": "wrong dtype: gradient is float32, asked for float64",
    "exit('stop')": "SystemExit: stop (bad.py, line 9)",
    "2 * x + np.random.default_rng().normal()": "two calls at one point differ by up to ",
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_bad_formula_costs_its_own_row_only(run_beside_a_good_case, formula):
    rows, output = run_beside_a_good_case(
        f"{HEAD}    return xp.sum(x * x){TAIL}f.formula('gradient')(lambda xp, x: {formula})\n"
    )
    by_formula = next(r for r in rows if (r["framework"], r["technique"]) == ("numpy", "formula"))
    assert by_formula["status"] == "error"
    assert by_formula["message"].startswith(FORMULAS[formula])
    assert FORMULAS[formula] in output


@pytest.mark.parametrize("formula", list(FORMULAS)[:6])
def test_a_bad_formula_leaves_the_other_methods_their_referee(run_beside_a_good_case, formula):
    rows, _ = run_beside_a_good_case(
        f"{HEAD}    return xp.sum(x * x){TAIL}f.formula('gradient')(lambda xp, x: {formula})\n"
    )
    others = [r for r in rows if r["technique"] in ("reverse", "forward", "reverse:func")]
    assert {(r["verdict"], r["referee"]) for r in others} == {("agrees", "definition")}


def test_too_few_parts_of_a_formula_are_told_with_the_order(run_beside_a_good_case):
    rows, _ = run_beside_a_good_case(
        "import xgrad\n@xgrad.case(wrt=('a', 'b'))\ndef f(xp, a, b):\n    return xp.sum(a * b)\n"
        "f.inputs(lambda rng: {'a': rng.normal(size=2), 'b': rng.normal(size=2)})\n"
        "f.formula('gradient')(lambda xp, a, b: b)\n"
    )
    by_formula = next(r for r in rows if (r["framework"], r["technique"]) == ("numpy", "formula"))
    assert by_formula["message"] == (
        "case f: the formula for gradient returned ndarray; return a tuple in the order of wrt: "
        "a, b"
    )


def test_a_torch_formula_that_changes_its_input_is_told(run_beside_a_good_case):
    rows, _ = run_beside_a_good_case(
        f"{HEAD}    return xp.sum(x * x){TAIL}"
        "f.formula('gradient')(lambda xp, x: 2 * x)\n"
        "f.formula('gradient', name='kernel', frameworks=('torch',))(lambda xp, x: x.mul_(2))\n",
        *QUICK[:1], "torch.formula:kernel,numpy.formula,torch.*,jax.reverse", *QUICK[2:],
    )  # fmt: skip
    kernel = next(r for r in rows if r["technique"] == "formula:kernel")
    assert kernel["message"].startswith("input 'x' was changed in place")
    assert {r["verdict"] for r in rows if r["technique"] == "reverse"} == {"agrees"}


# --- calls ----------------------------------------------------------------------------------------

CALLS = {
    ("rnu",): "unknown command 'rnu': did you mean 'run'? known: ",
    ("run", "empty"): "empty holds no case: a case is a function under @xgrad.case",
    ("run", "nosuch.py"): "no such file or folder: nosuch.py",
    ("run", "good.py::fin"): "unknown case in good.py 'fin': did you mean 'fine'?",
    ("run", "good.py", "--size", "smal"): "unknown size 'smal': did you mean 'small'? known: small",
    ("run", "good.py", "--dtype", "float23"): "unknown dtype 'float23': did you mean 'float32'",
    ("run", "good.py", "--device", "gpu"): "unknown device 'gpu': did you mean ",
    ("run", "good.py", "--method", "torch.revers"): (
        "unknown method 'torch.revers': did you mean 'torch.reverse' or "
    ),
    ("run", "good.py", "--operator", "grad"): "unknown operator 'grad': did you mean 'gradient'?",
    ("run", "good.py", "--method", "numpy.differences:central@x"): "a step is a positive number",
    ("run", "good.py", "--seed", "abc"): "seed 'abc': a seed is a whole number, 0 or more",
    ("run", "good.py", "--seed", "0,-1"): "seed '-1': a seed is a whole number, 0 or more",
    ("run", "good.py", "--nosuch"): "No such option",
    ("run", "good.py", "--format", "xml"): "'xml' is not one of 'table', 'markdown', 'csv', 'json'",
    ("run", "good.py", "--workers", "-3"): "-3 is not in the range x>=0",
    ("run", "good.py", "--budget", "0"): "0.0 is not in the range x>0",
    ("run", "good.py", "-k", "nothere"): "-k 'nothere' selects none of the 1 cases: xgrad list",
    ("run", "good.py", "-k", "a b"): "-k 'a b': use names with and, or, not, ( )",
    ("run", "good.py", "-k", "1 + 2"): "-k '1 + 2': use names with and, or, not, ( )",
    ("run", "good.py", "--resume"): "--resume needs the folder to go on in: --out DIR",
    ("run", "good.py", "--out", "good.py"): "--out good.py is a file: name a folder",
    ("run", "good.py", "--out", "good.py/out"): "--out good.py/out cannot be written (Not a dir",
    ("run", "good.py", "other.py"): "two cases are called 'fine': good.py::fine and other.py::fine",
    ("explain", "good.py", "gradient"): "Missing argument 'METHOD'",
    ("explain", "good.py", "grad", "torch.reverse"): "unknown operator 'grad'",
    ("explain", "good.py", "gradient", "torch"): "unknown method 'torch': did you mean ",
    ("explain", "good.py", "gradient", "torch.f*"): (
        "explain takes one method; 'torch.f*' is torch.forward, torch.formula"
    ),
    ("explain", "good.py", "gradient", "torch.reverse", "--point", "zero"): "unknown point 'zero'",
    ("explain", "good.py", "gradient", "torch.reverse", "--size", "big"): "unknown size 'big'",
    ("explain", "good.py", "gradient", "torch.reverse", "--device", "gpu"): "unknown device 'gpu'",
    (
        "explain",
        "good.py",
        "gradient",
        "torch.reverse",
        "--seed",
        "x",
    ): "value for '--seed'",
    ("explain", "good.py", "gradient", "torch.reverse", "--picture", "x.jpg"): (
        "--picture x.jpg: end it in .png, .svg, .pdf"
    ),
    ("explain", "good.py", "gradient", "numpy.formula", "--picture", "good.py/x.png"): (
        "--picture good.py/x.png cannot be written: "
    ),
    ("explain", "two.py", "gradient", "torch.reverse"): "two.py holds 2 cases; name one: two.py::",
    ("explain", "broken.py", "gradient", "torch.reverse"): "broken.py does not load: SyntaxError",
    ("explain", "nothere", "gradient", "torch.reverse"): "unknown path or case 'nothere'",
    ("list", "nothere/"): "no such file or folder: nothere/",
}


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_a_wrong_call_is_one_message_and_status_2(write, call, tmp_path, words):
    (tmp_path / "empty").mkdir()
    write("good.py", GOOD)
    write("other.py", GOOD)
    write("broken.py", "(")
    write("two.py", GOOD + "\n    other = xgrad.case(wrt='x', name='other')(fine.function)\n")
    result = call(*words)
    assert result.exit_code == 2
    assert CALLS[words] in result.stderr
    assert not (tmp_path / "results" / "runs").exists()


PYTHON_CALLS = {
    "sizes": ("smal", "unknown size 'smal': did you mean 'small'?"),
    "dtypes": ("float23", "unknown dtype 'float23'"),
    "devices": ("gpu", "unknown device 'gpu'"),
    "methods": (("torch.revers",), "unknown method 'torch.revers'"),
    "operators": (("grad",), "unknown operator 'grad'"),
    "seed": ("abc", "seed 'abc': a seed is a whole number, 0 or more"),
    "workers": (-1, "-1 workers: give 0 (this process) or more"),
}


@pytest.mark.parametrize("option", PYTHON_CALLS)
def test_a_wrong_argument_of_run_raises(write, option):
    value, message = PYTHON_CALLS[option]
    options = {"devices": "cpu", option: value}
    with pytest.raises(UsageError) as caught:
        xgrad.run(write("good.py", GOOD), **options)
    assert message in str(caught.value)


def test_an_operator_that_a_case_cannot_have_is_told_in_its_rows(write, call):
    write("good.py", GOOD)
    result = call("run", "good.py", "--operator", "divergence", "--out", "out", *QUICK)
    assert result.exit_code == 1
    assert "divergence needs a value in the shape of its input, got () for (3,)" in result.stdout


def test_explain_tells_a_function_that_fails(write, call):
    write("bad.py", f"{HEAD}    return 1 / 0{TAIL}")
    result = call("explain", "bad.py", "gradient", "torch.reverse")
    assert result.exit_code == 1
    assert "ZeroDivisionError: division by zero (bad.py, line 6)" in result.stdout


def test_explain_tells_inputs_that_fail(write, call):
    write("bad.py", f"{HEAD}    return x\n\nf.inputs(lambda rng: 1 / 0)\n")
    result = call("explain", "bad.py", "gradient", "torch.reverse")
    assert result.exit_code == 2
    assert "f cannot be set up: ZeroDivisionError: division by zero" in result.stderr


def test_an_out_folder_that_holds_a_run_is_not_overwritten(write, call):
    write("good.py", GOOD)
    assert call("run", "good.py", "--out", "out", *QUICK).exit_code == 0
    again = call("run", "good.py", "--out", "out", *QUICK)
    assert again.exit_code == 2
    assert again.stderr.splitlines()[-1] == (
        "xgrad: out holds a run already: add --resume, or choose another --out"
    )

"""The pytest plugin: case files are collected, judged, failed and skipped like tests."""

import xml.etree.ElementTree as ElementTree
from textwrap import dedent

import pytest
from case_files import CUBES, UNSTABLE

import xgrad

pytest_plugins = ["pytester"]

WRONG = CUBES.replace("return 3 * x * x", "return 2 * x * x")
BARE = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")  # the latter imports anew each time
FEW = ("--xgrad-method", "numpy.formula,torch.reverse", "--xgrad-device", "cpu")
ONE = ("--xgrad-method", "numpy.formula", "--xgrad-device", "cpu", "--xgrad-dtype", "float64")


@pytest.fixture(scope="module", autouse=True)
def _libraries():
    """Load what an inner run would load and then drop: torch cannot be loaded twice."""
    case = xgrad.case(lambda xp, x: xp.sum(x * x), wrt="x", name="loaded")
    case.inputs(lambda rng: {"x": rng.normal(size=2)})
    xgrad.run(case, dtypes=("float32",))


@pytest.fixture
def collect(pytester):
    """Run pytest on files, in this process; returns its result."""

    def run(files, *options):
        for name, text in files.items():
            pytester.path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            pytester.makepyfile(**{name.removesuffix(".py"): text})
        return pytester.runpytest_inprocess(*BARE, *options)

    return run


def test_a_case_file_has_an_item_for_each_method_dtype_and_point(collect):
    result = collect({"cubes.py": CUBES}, "--co", "-q", *FEW)
    assert [line for line in result.outlines if "::" in line] == [
        f"cubes.py::cubes[gradient-{method}-{dtype}-cpu{point}]"
        for point in ("", "-ones")
        for dtype in ("float64", "float32")
        for method in ("numpy.formula", "torch.reverse")
    ]


def test_what_is_asked_may_stand_in_the_project_s_settings(collect, pytester):
    table = '[tool.xgrad]\ndtypes = "float64"\nmethods = ["numpy.formula"]\ndevices = "cpu"\n'
    pytester.path.joinpath("pyproject.toml").write_text(table)
    result = collect({"cubes.py": CUBES}, "--co", "-q")
    assert [line for line in result.outlines if "::" in line] == [
        f"cubes.py::cubes[gradient-numpy.formula-float64-cpu{point}]" for point in ("", "-ones")
    ]
    pytester.path.joinpath("pyproject.toml").write_text("[tool.xgrad]\ndtype = 'float64'\n")
    collect({"cubes.py": CUBES}, "--co", "-q").stdout.fnmatch_lines("*did you mean 'dtypes'*")


def test_right_derivatives_pass(collect):
    collect({"cubes.py": CUBES}, *FEW).assert_outcomes(passed=8)


def test_a_wrong_formula_fails_with_a_short_message(collect):
    result = collect({"cubes.py": WRONG}, *ONE, "-k", "not ones")
    result.assert_outcomes(failed=1, deselected=1)
    text = result.stdout.str()
    story = text[text.index("cubes gradient, numpy.formula") : text.index("short test summary")]
    lines = story.splitlines()[:-1]
    assert lines[0] == "cubes gradient, numpy.formula float64 cpu: disagrees"
    assert lines[1].startswith("  worst x[")
    assert "  looks like: constant factor 3/2 too small" in lines
    assert any(line.startswith("  agree with the referee (definition): ") for line in lines)
    assert lines[-1] == (
        "  reproduce: xgrad explain cubes.py::cubes gradient numpy.formula --dtype float64"
    )
    assert len(lines) < 20
    assert "Traceback" not in text
    assert "pytest_plugin.py" not in text


@pytest.mark.parametrize(
    ("share", "outcomes"),
    [(None, {"failed": 1, "passed": 1}), ("0", {"passed": 2}), ("0.9", {"failed": 2})],
)
def test_an_unstable_result_fails_below_a_share_of_digits(collect, share, outcomes):
    asked = () if share is None else ("--xgrad-least-digits", share)
    naive = ("--xgrad-method", "numpy.formula:naive", *ONE[2:])
    collect({"versine.py": UNSTABLE}, *naive, *asked).assert_outcomes(**outcomes)


def test_a_share_of_digits_that_is_none_is_a_wrong_call(collect):
    result = collect({"versine.py": UNSTABLE}, *ONE, "--xgrad-least-digits", "1.5")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--xgrad-least-digits='1.5': give a share of the dtype's digits*"]
    )


def test_one_element_off_by_1e_5_fails(collect):
    factors = "xp.asarray([1, 1 + 1e-5, 1, 1][: x.shape[0]])"
    nearly = CUBES.replace("3 * x * x", f"3 * x * x * {factors}")
    result = collect({"cubes.py": nearly}, *ONE)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["  looks like: one element, 1e-05 of its size too large"])


EXPRESSIONS = {"torch": 4, "float32 and not ones": 2, "cubes": 8, "gradient and numpy": 4}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_k_selects_by_every_part_of_the_name(collect, expression):
    result = collect({"cubes.py": CUBES}, *FEW, "-k", expression)
    chosen = EXPRESSIONS[expression]
    result.assert_outcomes(passed=chosen, deselected=8 - chosen)


SELECTIONS = {
    ("--xgrad-dtype", "float32"): 4,
    ("--xgrad-dtype", "float32", "--xgrad-dtype", "float64"): 8,
    ("--xgrad-size", "small,medium"): 12,
    ("--xgrad-operator", "gradient,jvp"): 16,
    ("--xgrad-seed", "0,7"): 12,
}


@pytest.mark.parametrize("options", SELECTIONS, ids=" ".join)
def test_options_select_as_on_the_command_line(collect, options):
    result = collect({"cubes.py": CUBES}, "--co", "-q", *FEW, *options)
    assert len([line for line in result.outlines if "::" in line]) == SELECTIONS[options]


def test_size_and_seed_are_in_the_name_where_they_are_not_the_usual_ones(collect):
    result = collect({"cubes.py": CUBES}, "--co", "-q", *ONE, "--xgrad-size", "medium",
                     "--xgrad-seed", "7", "-k", "not ones")  # fmt: skip
    result.stdout.fnmatch_lines(
        ["cubes.py::cubes[[]gradient-numpy.formula-float64-cpu-medium-seed7]"]
    )


def test_a_junit_file_names_case_and_method(collect, pytester):
    collect({"cubes.py": WRONG}, *ONE, "--junit-xml", "report.xml")
    cases = ElementTree.parse(pytester.path / "report.xml").findall(".//testcase")
    assert {c.get("name") for c in cases} == {
        "cubes[gradient-numpy.formula-float64-cpu]",
        "cubes[gradient-numpy.formula-float64-cpu-ones]",
    }
    assert all("disagrees" in c.find("failure").text for c in cases)


def test_files_of_one_name_may_both_be_named(collect):
    files = {f"{folder}/cubes.py": CUBES for folder in ("a", "b")}
    result = collect(files, "a/cubes.py", "b/cubes.py", *ONE)
    result.assert_outcomes(passed=4)


def test_a_named_file_of_cases_keeps_its_tests(collect):
    result = collect(
        {"cubes.py": dedent(CUBES) + "\n\ndef test_of_its_own():\n    pass\n"}, "cubes.py", *ONE
    )
    result.assert_outcomes(passed=3)


def test_test_files_and_other_files_are_no_case_files(collect):
    files = {
        "test_cubes.py": CUBES + "\n\n    def test_it():\n        assert cubes.name\n",
        "conftest.py": "import xgrad\n",
        "plain.py": "import xgrad  # xgrad.case is mentioned only\nraise ValueError\n",
    }
    collect(files).assert_outcomes(passed=1)


def test_assert_agreement_works_inside_a_test(collect):
    test = """
        import numpy as np
        import xgrad

        def norm(xp, x):
            return xp.sqrt(xp.sum(x * x))

        def test_norm():
            def wrong(xp, x):
                return -x / norm(xp, x)
            xgrad.assert_agreement(norm, {"x": np.array([3.0, 4.0])}, formula=wrong,
                                   devices="cpu", methods="numpy.formula")
    """
    result = collect({"test_norm.py": test})
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*looks like: sign of all elements"])


BROKEN = {
    "import xgrad\n@xgrad.case\ndef f(xp, x) return x\n": "*SyntaxError: expected ':' (line 3)*",
    "import xgrad\n@xgrad.case(wrt='y')\ndef f(xp, x):\n    return x\n": (
        "*CaseError: case f: wrt 'y' is no input; inputs: x*"
    ),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_a_collection_error_that_names_it(collect, text):
    result = collect({"broken.py": text, "cubes.py": CUBES}, *FEW)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"broken.py does not load: {BROKEN[text]}"])
    assert "discovery.py" not in result.stdout.str()


WRONG_OPTIONS = {
    ("--xgrad-method", "torch.revers"): "unknown method 'torch.revers': did you mean 'torch.rev*",
    ("--xgrad-seed", "abc"): "seed 'abc': a seed is a whole number, 0 or more",
    ("--xgrad-dtype", "float23"): "unknown dtype 'float23': did you mean*",
}


@pytest.mark.parametrize("options", WRONG_OPTIONS, ids=" ".join)
def test_a_wrong_option_is_told_in_one_line(collect, options):
    result = collect({"cubes.py": CUBES}, *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"xgrad: {WRONG_OPTIONS[options]}"])
    assert "runner.py" not in result.stdout.str()


FAILURES = {
    "return 1 / 0": "ZeroDivisionError: division by zero (cubes.py, line 11)",
    "return [x]": "case cubes returns list; return one array of floats",
    "return float(xp.sum(x))": "case cubes returns float; return one array of floats, made with",
    "raise SystemExit('stop')": "SystemExit: stop (cubes.py, line 11)",
}


@pytest.mark.parametrize("body", FAILURES)
def test_a_function_that_fails_fails_its_items_with_the_reason(collect, body):
    text = CUBES.replace("return xp.sum(x * x * x)", body)
    result = collect({"cubes.py": text}, *ONE, "-k", "not ones")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines([f"  {FAILURES[body]}*"])


def test_inputs_that_fail_fail_its_items_with_the_reason(collect):
    text = CUBES.replace("rng.normal(size=n)", "rng.normal(size=n) / nothing")
    result = collect({"cubes.py": text}, *ONE, "-k", "not ones")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["cubes cannot be set up: NameError: name 'nothing' is not *"])


SKIPS = {
    ("--xgrad-method", "torch.reverse", "--xgrad-device", "cuda:99"): (
        "*torch.reverse: torch sees no device 'cuda:99' here; it sees: cpu*"
    ),
    ("--xgrad-method", "numpy.differences:forward@1e-3", "--xgrad-operator", "hvp"): (
        "*numpy.differences:forward@1e-3: the forward scheme has first derivatives only*"
    ),
}


@pytest.mark.parametrize("options", SKIPS, ids=" ".join)
def test_what_does_not_apply_here_is_skipped_with_the_reason(collect, options):
    place = () if "--xgrad-device" in options else ("--xgrad-device", "cpu")
    result = collect({"cubes.py": CUBES}, *options, *place, "-rs", "--xgrad-dtype", "float64")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines([SKIPS[options]])


def test_what_cannot_be_judged_is_skipped_with_the_reason(collect):
    text = CUBES.replace("xp.sum(x * x * x)", "float(x[0]) * xp.sum(x)")
    result = collect({"cubes.py": text}, "--xgrad-method", "torch.reverse", "--xgrad-device", "cpu",
                     "--xgrad-dtype", "float64", "-rs")  # fmt: skip
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*not judged, none: *float(x) cuts the derivative*"])


def test_a_difference_that_the_case_lists_is_an_expected_failure(collect):
    text = WRONG + '\n\n    cubes.known("*.formula", "the textbook is wrong there")\n'
    result = collect({"cubes.py": text}, *ONE, "-rx")
    result.assert_outcomes(xfailed=2)
    result.stdout.fnmatch_lines(["*known: the textbook is wrong there*"])


def test_two_processes_share_the_items(collect, pytester):
    pytester.makepyfile(cubes=CUBES)
    result = pytester.runpytest_subprocess("-n", "2", *BARE, *ONE)
    result.assert_outcomes(passed=2)


def test_loading_the_plugin_loads_no_framework(pytester):
    test = "import sys\ndef test_it():\n    assert not {'torch', 'jax'} & set(sys.modules)\n"
    pytester.makepyfile(test)
    pytester.runpytest_subprocess(*BARE).assert_outcomes(passed=1)

"""A third party's plugin that is broken costs itself only, and is named with its distribution."""

import sys
import textwrap

import pytest

from xgrad import frameworks
from xgrad.errors import UsageError
from xgrad.frameworks import registry
from xgrad.frameworks import third_parties as plugins
from xgrad.problem import Broken, find_cases
from xgrad.running import run
from xgrad.techniques import methods, require_methods, techniques

MODULE = """
    import xgrad
    from xgrad.frameworks.numpy import NumPy
    from xgrad.techniques.complex_step import ComplexStep


    class Twin(NumPy):
        name = "twin"


    class Stride(ComplexStep):
        name = "stride"


    class Loud(ComplexStep):
        name = "loud"

        def variants(self, framework, case):
            raise KeyError("no variants today")


    @xgrad.case
    def third(xp, x):
        return xp.sum(x**3)


    @third.point("ones")
    def ones():
        import numpy as np
        return {"x": np.ones(3)}


    @xgrad.case
    def sine(xp, x):
        return xp.sum(xp.sin(x))


    twin, stride, loud = Twin(), Stride(), Loud()
    number = 3
"""
GROUPS = {
    "cases": "xgrad.cases",
    "frameworks": "xgrad.frameworks",
    "techniques": "xgrad.techniques",
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution `theirs 1.2` whose entry points are given; forget it afterwards."""
    (tmp_path / "theirs_module.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / "theirs_broken.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module, name in ((registry, "_FRAMEWORKS"), (methods, "_TECHNIQUES"), (plugins, "_BROKEN")):
        monkeypatch.setattr(module, name, {})

    def make(**groups):
        about = tmp_path / "theirs-1.2.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
        lines = []
        for group, entries in groups.items():
            lines += [f"[{GROUPS[group]}]", *(f"{k} = {v}" for k, v in entries.items())]
        (about / "entry_points.txt").write_text("\n".join(lines) + "\n")

    yield make
    for name in ("theirs_module", "theirs_broken"):
        sys.modules.pop(name, None)


def reasons(load):
    load()
    return [str(b) for b in plugins.broken_plugins()]


def test_plugins_that_are_whole_join_ours(install):
    install(
        frameworks={"twin": "theirs_module:twin"},
        techniques={"stride": "theirs_module:stride"},
        cases={"third": "theirs_module:third"},
    )
    assert reasons(techniques) == []
    assert "twin" in frameworks.frameworks()
    assert "stride" in techniques()
    assert [c.name for c in find_cases(()) if c.name == "third"] == ["third"]
    assert reasons(lambda: find_cases(())) == []
    frame = run("sine", methods=("numpy.stride", "twin.formula"), dtypes=("float64",),
                operators=("derivative",))  # fmt: skip
    assert set(frame["verdict"]) == {"agrees"}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "theirs_broken:twin",
            "ModuleNotFoundError: No module named 'a_package_that_is_not_there'",
        ),
        (
            "theirs_module:absent",
            "AttributeError: module 'theirs_module' has no attribute 'absent'",
        ),
        ("theirs_module:number", "it is of type int; name a xgrad Framework"),
        ("theirs_module:Twin", "it is the class Twin; name an object of it"),
    ],
)
def test_a_broken_framework_is_named_and_left_out(install, target, said):
    install(frameworks={"twin": target})
    (found,) = reasons(frameworks.frameworks)
    assert found.startswith("plugin 'twin' (xgrad.frameworks) of theirs 1.2 is left out: ")
    assert said in found
    assert {"numpy", "torch", "jax", "ball"} == set(frameworks.frameworks())


def test_a_framework_cannot_take_the_place_of_ours(install):
    install(frameworks={"torch": "theirs_module:twin"})
    assert "called 'twin'" in reasons(frameworks.frameworks)[0]
    assert type(frameworks.frameworks()["torch"]).__name__ == "Torch"


def test_a_technique_that_raises_costs_itself(install):
    install(techniques={"loud": "theirs_module:loud", "stride": "theirs_module:stride"})
    frame = run("sine", methods=("numpy.*",), dtypes=("float64",), operators=("derivative",))
    assert set(frame["status"]) == {"ok"}
    assert "stride" in set(frame["technique"])
    (found,) = reasons(techniques)
    assert "plugin 'loud' (xgrad.techniques) of theirs 1.2" in found
    assert "no variants today" in found


def test_who_asks_for_a_broken_plugin_hears_of_it(install):
    install(techniques={"stride": "theirs_broken:stride"})
    with pytest.raises(UsageError, match=r"no method numpy.stride: plugin 'stride' .* theirs 1.2"):
        require_methods([], ("numpy.stride",))
    with pytest.raises(UsageError, match=r"unknown method 'numpy.strode'"):
        require_methods([], ("numpy.strode",))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("theirs_broken:third", "a_package_that_is_not_there"),
        ("theirs_module:number", "no such file or folder: 3"),
        ("theirs_module:sine", "its case 'sine' has the name of"),
    ],
)
def test_broken_cases_are_a_row_beside_all_others(install, target, said):
    install(cases={"theirs": target, "third": "theirs_module:third"})
    found = find_cases(())
    (broken,) = [c for c in found if isinstance(c, Broken)]
    assert said in str(broken)
    assert str(broken).startswith("plugin 'theirs' (xgrad.cases) of theirs 1.2 does not load: ")
    assert sum(c.name == "third" for c in found) == 1
    assert len(found) > 150


def test_doctor_and_run_go_on_and_name_it(install, call):
    install(frameworks={"twin": "theirs_broken:twin"}, cases={"theirs": "theirs_broken:third"})
    done = call("doctor")
    assert done.exit_code == 0
    assert "plugin 'twin' (xgrad.frameworks) of theirs 1.2 is left out" in done.output
    assert "plugin 'theirs' (xgrad.cases) of theirs 1.2 is left out" in done.output
    assert "packages: " in done.output
    done = call("run", "sine", "--method", "numpy.formula", "--dtype", "float64", "--workers", 0)
    assert done.exit_code == 0
    assert "plugin 'twin' (xgrad.frameworks) of theirs 1.2 is left out" in done.stderr

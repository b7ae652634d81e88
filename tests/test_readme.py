"""The README's examples do what it says, and its lists name what exists."""

import re

import pytest
from checkout import ROOT
from click.testing import CliRunner

from xgrad.cli import main

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
NUMBER = re.compile(r"[-−]?\d+(\.\d+)?(e[-+]?\d+)?")


def masked(text):
    """Lines without their numbers and blanks."""
    return [" ".join(NUMBER.sub("#", line).split()) for line in text.splitlines() if line.strip()]


def after(heading_or_text, kind):
    """The first block of a kind that follows a text."""
    rest = README[README.index(heading_or_text) :]
    return re.search(rf"^```{kind}\n(.*?)^```", rest, re.MULTILINE | re.DOTALL).group(1)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_two_commands_of_the_readme_are_there():
    assert "pip install -e '.[pinned]' && xgrad run\n" in README
    assert "pip install -e '.[pinned,test]' && pytest -n auto\n" in README


def test_the_case_of_the_readme_fails_as_it_says(here):
    (here / "my_loss.py").write_text(PYTHON[0], encoding="utf-8")
    done = CliRunner().invoke(main, ["run", "my_loss.py", "--workers", "0"])
    assert done.exit_code == 1
    printed = set(masked(done.output))
    for line in masked(after("ends with status 1, and says", "text")):
        assert line in printed


def test_the_test_of_the_readme_passes(here):
    names = {}
    (here / "test_norm.py").write_text(PYTHON[1], encoding="utf-8")
    exec(compile(PYTHON[1], str(here / "test_norm.py"), "exec"), names)
    names["test_gradient_of_the_norm"]()


def test_the_explanation_of_the_readme_is_what_is_printed(here):
    command = after("shows which of the two is wrong", "sh").split()
    done = CliRunner().invoke(main, command[1:])
    assert done.exit_code == 0
    printed = set(masked(done.output))
    for line in masked(after("xgrad explain mlp_input", "text")):
        assert line in printed or line == "…"


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(xgrad explain [^`]+)`", README))))
def test_every_explanation_that_the_readme_names_runs(here, command):
    words = command.split()[1:]
    done = CliRunner().invoke(main, words)
    assert done.exit_code in (0, 1)
    assert words[1] in done.output


def test_files_that_the_readme_names_exist():
    for name in re.findall(r"\]\(([\w/.]+\.(?:md|png|svg))\)", README):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`((?:xgrad|benchmarks|cases|results)/[\w/.]*)`", README):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "text",
    PYTHON[2:],
    ids=[
        "inside",
        "torch",
        "jax",
        "sparse",
        "structure",
        "conjugate",
        "refuted",
        "kernel",
        "detached",
        "presented",
        "port",
    ],
)
def test_one_line_checks_of_the_readme_pass(text):
    exec(compile(text, "README.md", "exec"), {})

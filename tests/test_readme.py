"""The README's examples do what it says, and its lists name what exists."""

import re

import pytest
from checkout import ROOT
from click.testing import CliRunner
from pages import after, blocks, commands, masked, require_command, require_files

from xgrad.cli import main
from xgrad.table import FAILED, KNOWN, read_frame
from xgrad.telling import guide_page
from xgrad.telling.guide import TOPICS

README = (ROOT / "README.md").read_text(encoding="utf-8")
CASE, CHECK = blocks(README, "python")


def test_the_two_commands_of_the_readme_are_there():
    assert "pip install -e '.[pinned]' && xgrad run\n" in README
    assert "pip install -e '.[pinned,test]' && pytest -n auto\n" in README


def test_the_readme_is_short():
    assert README.count("\n") <= 260


def test_the_case_of_the_readme_fails_as_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_loss.py").write_text(CASE, encoding="utf-8")
    done = CliRunner().invoke(main, ["run", "my_loss.py", "--workers", "0"])
    assert done.exit_code == 1
    printed = set(masked(done.output))
    for line in masked(after(README, "ends with status 1, and says", "text")):
        assert line in printed


def test_the_one_line_check_of_the_readme_passes():
    exec(compile(CHECK, "README.md", "exec"), {})


def test_what_the_readme_says_of_its_picture_is_in_the_rows_it_is_made_of():
    told = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    (made_of,) = re.findall(r"publish (results/runs/\S+) --picture results/overview.png", told)
    rows = read_frame(ROOT / made_of)
    assert f"*{rows['case'].nunique()} problems, small" in README
    wrong = rows[(rows["verdict"] == "disagrees") | rows["status"].isin(FAILED)]
    assert wrong["message"].str.startswith(KNOWN).all()


def test_files_that_the_readme_names_exist():
    require_files(README, ROOT)


@pytest.mark.parametrize("command", commands(README))
def test_commands_that_the_readme_names_exist(command):
    require_command(command)


def test_what_the_readme_explains_is_explained_in_the_guide_where_it_runs():
    explained = {text for text in commands(README) if text.startswith("xgrad explain ")}
    assert explained
    assert explained <= set(commands(guide_page("failures")))


def test_the_readme_links_every_topic_of_the_guide():
    linked = re.findall(r"^\| \[([\w-]+)\]\(xgrad/telling/guide/\1\.md\)", README, re.MULTILINE)
    assert [*linked, "reference"] == list(TOPICS)  # which is made, and has no file

"""The guide: every example runs, every command and file that it names is there."""

import inspect
import re

import click
import pytest
from checkout import ROOT
from click.testing import CliRunner
from pages import (
    after,
    blocks,
    commands,
    inline,
    masked,
    options_of,
    require_command,
    require_files,
)

import xgrad
from xgrad.cli import main
from xgrad.telling import guide_page, guide_text
from xgrad.telling.guide import TOPICS

FOLDER = ROOT / "xgrad" / "telling" / "guide"
PAGES = {topic: guide_page(topic) for topic in TOPICS}
README = (ROOT / "README.md").read_text(encoding="utf-8")
FAILS = {"newcomer"}  # whose example is a mistake, and has a test of its own
RUN = [topic for topic in TOPICS if topic not in FAILS and blocks(PAGES[topic], "python")]
COMMANDS = sorted({(topic, text) for topic in TOPICS for text in commands(PAGES[topic])})
EXPLAINED = [text for topic, text in COMMANDS if text.startswith("xgrad explain ")]
SHOWN = after(PAGES["failures"], "shows which of the two is wrong", "sh").strip()
OTHERS = {"--help", "--resources"}  # options of the nightly script, and of Dask's workers


def invoke(text):
    """What a command prints."""
    return CliRunner().invoke(main, text.split()[1:])


def test_every_page_is_a_topic_and_begins_with_a_sentence():
    written = {path.stem for path in FOLDER.glob("*.md")}
    assert sorted(TOPICS) == sorted(written | {"reference"})
    for page in PAGES.values():
        title, sentence, *_ = page.split("\n\n")
        assert re.fullmatch(r"# .+", title)
        assert sentence.endswith(".")
        assert len(sentence) <= 104


def test_the_command_lists_the_topics_one_a_line():
    listed = invoke("xgrad guide").output.splitlines()
    assert [line.split()[0] for line in listed] == list(TOPICS)
    assert guide_text().splitlines() == listed


def test_the_command_shows_a_page():
    assert invoke("xgrad guide evidence").output == PAGES["evidence"]


def test_the_reference_has_every_public_name_as_it_is_called():
    page = PAGES["reference"]
    for name in xgrad.__all__:
        assert f"\n## xgrad.{name}\n" in page
        assert inspect.getdoc(getattr(xgrad, name)) in page
    for function in (xgrad.check, xgrad.run, xgrad.gradcheck, xgrad.paper_table):
        (shown,) = re.findall(rf"^xgrad\.{function.__name__}\((.*?)^```", page, re.S | re.M)
        for parameter in inspect.signature(function).parameters:
            assert f"{parameter}:" in shown
    assert "### Results.explain" in page
    assert 'str = ""' in page.replace("''", '""')


def test_an_unknown_topic_is_answered_with_the_nearest():
    done = invoke("xgrad guide evidense")
    assert done.exit_code == 2
    assert "unknown topic 'evidense': did you mean 'evidence'? known: accelerators, " in done.stderr


def test_no_block_of_a_page_is_hidden_from_these_tests():
    kinds = {k for page in PAGES.values() for k in re.findall(r"^```(.+)$", page, re.MULTILINE)}
    assert kinds == {"python", "sh", "text", "toml"}


@pytest.mark.parametrize("topic", RUN)
def test_the_examples_of_a_page_run_in_order(topic):
    names = {"__name__": "guide"}
    for text in blocks(PAGES[topic], "python"):
        exec(compile(text, f"{topic}.md", "exec"), names)
    for name in [name for name in names if name.startswith("test_")]:
        names[name]()


def test_the_first_mistake_is_caught_as_the_page_says_and_mended_as_it_says():
    page = PAGES["newcomer"]
    (wrong,) = blocks(page, "python")
    with pytest.raises(AssertionError) as caught:
        exec(compile(wrong, "first.py", "exec"), {})
    said = masked(f"AssertionError: {caught.value}")
    shown = masked(after(page, "ends with a traceback", "text"))
    assert said[: len(shown)] == shown
    assert "(1 + s)" in wrong
    assert "so write `(1 - s)`" in page
    exec(compile(wrong.replace("(1 + s)", "(1 - s)"), "first.py", "exec"), {})


def test_the_failure_that_is_read_is_that_of_the_readme():
    words = "ends with status 1, and says"
    assert after(PAGES["failures"], "has the same lines", "text") == after(README, words, "text")


def test_the_explanation_of_the_guide_is_what_is_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = invoke(SHOWN)
    assert done.exit_code == 0
    printed = set(masked(done.output))
    for line in masked(after(PAGES["failures"], SHOWN, "text")):
        assert line in printed or line == "…"


@pytest.mark.parametrize("text", sorted({*EXPLAINED} - {SHOWN}), ids=lambda text: text.split()[2])
def test_every_explanation_that_the_guide_names_runs(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = invoke(text)
    assert done.exit_code in (0, 1)
    assert text.split()[2] in done.output


@pytest.mark.parametrize(("topic", "text"), COMMANDS)
def test_commands_that_the_guide_names_exist(topic, text):
    require_command(text)


@pytest.mark.parametrize("text", ["xgrad runn", "xgrad run --sizes 3", "xgrad guide a b"])
def test_a_command_that_does_not_exist_is_noticed(text):
    with pytest.raises((click.UsageError, AssertionError)):
        require_command(text)


@pytest.mark.parametrize("text", ["[a](nowhere.md)", "[a](kinks.md#none)", "`cases/none.py`"])
def test_a_file_or_heading_that_does_not_exist_is_noticed(text):
    with pytest.raises(AssertionError):
        require_files(text, FOLDER)


def test_options_that_the_guide_names_exist(request):
    known = options_of(main) | OTHERS
    for topic, page in PAGES.items():
        for option in re.findall(r"(?<!\S)--[\w-]+(?![\w…-])", "\n".join(inline(page))):
            if option not in known:
                request.config.getoption(option)  # of the pytest plugin; or it raises, with
                assert option.startswith("--xgrad-"), topic


@pytest.mark.parametrize("topic", TOPICS)
def test_files_that_a_page_names_exist(topic):
    require_files(PAGES[topic], FOLDER)

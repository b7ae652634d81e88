"""The site's pages that belong to no run: detection power, and asv's history."""

import re

import pandas as pd
import pytest
import saved_runs as saved
from click.testing import CliRunner

from xgrad.cli import main
from xgrad.publication.detection import by_mistake, summary

HEADER = "checker,setting,dtype,function,mutant,points,felt,below,accused,caught,effective"
COUNTS = """
one,default,float64,f,right,3,0,0,1,0,0
one,default,float64,f,one sign,3,3,0,0,3,2
one,default,float64,f,tiny,3,2,1,0,0,0
one,best,float64,f,right,3,0,0,0,0,0
one,best,float64,f,one sign,3,3,0,0,3,3
one,best,float64,f,tiny,3,2,1,0,1,1
<b>two</b>,default,float64,f,right,3,0,0,0,0,0
<b>two</b>,default,float64,f,one sign,3,3,0,0,3,3
<b>two</b>,default,float64,f,tiny,3,2,1,0,0,0
"""


@pytest.fixture
def counts(tmp_path):
    file = tmp_path / "detection.csv"
    file.write_text(HEADER + COUNTS)
    return file


@pytest.fixture
def published(tmp_path):
    """Publish one row with more options; returns the result."""
    folder = saved.save(tmp_path / "run", [saved.row()])

    def called(*words):
        words = ["publish", str(folder), "--to", str(tmp_path / "site"), *map(str, words)]
        return CliRunner().invoke(main, words)

    return called


def test_checkers_are_summed_and_compared_at_their_best_setting(counts):
    frame = pd.read_csv(counts)
    first, second, third = summary(frame).to_dict("records")
    assert first["right ones accused"] == "1 of 3"
    assert first["mistakes caught"] == "3 of 5"
    assert first["effective"] == "2 of 5"
    assert first["effective %"] == pytest.approx(40)
    assert (second["effective %"], third["effective %"]) == (80, 60)
    found = by_mistake(frame, "float64").set_index("mistake")
    assert list(found) == ["one (best)", "<b>two</b> (default)"]
    assert found.loc["tiny", "one (best)"] == pytest.approx(50)


def test_the_page_has_the_counts_escaped_and_the_index_links_it(published, counts, tmp_path):
    assert published("--detection", counts).exit_code == 0
    page = (tmp_path / "site" / "detection.html").read_text()
    assert "2 of 5" in page
    assert "&lt;b&gt;two&lt;/b&gt;" in page
    assert "<b>two" not in page
    assert 'href="detection.html"' in (tmp_path / "site" / "index.html").read_text()
    data = pd.read_parquet(tmp_path / "site" / "data" / "detection.parquet")
    pd.testing.assert_frame_equal(data, pd.read_csv(counts), check_dtype=False)


def test_the_page_stays_when_another_run_is_published(published, counts, tmp_path):
    published("--detection", counts)
    assert published().exit_code == 0
    assert 'href="detection.html"' in (tmp_path / "site" / "index.html").read_text()


def test_a_foreign_file_of_counts_is_a_clear_error(published, tmp_path):
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n")
    found = published("--detection", file)
    assert found.exit_code == 2
    assert "holds no detection counts, it lacks accused" in found.output
    assert "cannot be read" in published("--detection", tmp_path / "none.csv").output


def test_asvs_site_is_copied_and_linked(published, tmp_path):
    html = tmp_path / "html"
    (html / "graphs").mkdir(parents=True)
    (html / "index.html").write_text("<title>asv</title>")
    (html / "index.json").write_text("{}")
    (html / "graphs" / "a.json").write_text("[]")
    assert published("--history", html).exit_code == 0
    assert (tmp_path / "site" / "history" / "graphs" / "a.json").read_text() == "[]"
    index = (tmp_path / "site" / "index.html").read_text()
    assert re.search(r'href="history/index.html"', index)


def test_a_folder_without_asvs_site_is_a_clear_error(published, tmp_path):
    found = published("--history", tmp_path)
    assert found.exit_code == 2
    assert "is no site of asv" in found.output


def test_pages_of_a_site_need_its_folder(tmp_path, counts):
    folder = saved.save(tmp_path / "run", [saved.row()])
    words = ["publish", str(folder), "--markdown", str(tmp_path / "a.md"), "--detection"]
    found = CliRunner().invoke(main, [*words, str(counts)])
    assert found.exit_code == 2
    assert "name its folder with --to" in found.output

"""Several runs: each keeps its place, and two are compared where they can be."""

import re

import saved_runs as saved

from xgrad.publication import comparison, publish, reading
from xgrad.table import records


def test_a_run_keeps_its_place_and_another_of_that_day_gets_its_own(tmp_path):
    site = tmp_path / "site"
    one = saved.save(tmp_path / "one", [saved.row()])
    publish([one], site)
    publish([saved.save(tmp_path / "two", [saved.row("other")])], site)
    publish([one], site)
    names = sorted(p.name for p in (site / "runs").iterdir())
    assert names == ["2026-11-21-abc1234", "2026-11-21-abc1234-2"]
    assert (site / "runs" / names[0] / "cases" / "problem.html").exists()
    assert (site / "index.html").read_text().count(
        'href="runs/2026-11-21-abc1234-2/index.html"'
    ) >= 1


def compared(tmp_path, before, after, **environment):
    runs = reading.read_runs([
        saved.save(tmp_path / "a", before, date="2026-11-20"),
        saved.save(tmp_path / "b", after, environment=environment),
    ])  # fmt: skip
    return comparison.compare(*runs), runs


def test_two_runs_are_compared_cell_by_cell(tmp_path):
    worse = saved.row(verdict="disagrees", digits=2.0)
    found, runs = compared(
        tmp_path, [saved.row(), saved.row("same")], [worse, saved.row("same")], python="3.12.0"
    )
    told = comparison.changed(found.frame)
    assert [(r["case"], r["verdict after"]) for r in records(told)] == [("problem", "disagrees")]
    assert comparison.regressions(found.frame) == 1
    apart = comparison.apart(*runs)
    assert list(apart[apart["what"] == "python"].iloc[0])[1:] == ["3.11.7", "3.12.0"]


def test_runs_without_a_common_cell_are_not_compared_and_it_says_why(tmp_path):
    found, runs = compared(tmp_path, [saved.row("one")], [saved.row("two")])
    assert "no cell in common" in found.refused
    publish([r.folder for r in runs], tmp_path / "site")
    (page,) = (tmp_path / "site" / "compare").glob("*.html")
    assert "no cell in common" in page.read_text()
    apart = comparison.apart(*runs)
    assert list(apart[apart["what"] == "cases"].iloc[0])[1:] == ["one", "two"]
    assert "not comparable" in (tmp_path / "site" / "index.html").read_text()


def test_the_latest_of_each_kind_is_in_front_the_cases_first_and_only_their_like_beside(tmp_path):
    runs = [
        saved.save(tmp_path / "a", [saved.row()], date="2026-11-20"),
        saved.save_census(tmp_path / "b"),
        saved.save(tmp_path / "c", [saved.row(verdict="disagrees", digits=2.0)]),
        saved.save_census(tmp_path / "d", date="2026-11-22", later=True),
    ]
    publish(runs, tmp_path / "site")
    page = (tmp_path / "site" / "index.html").read_text()
    heads = re.findall(r"<h3><a [^>]*>([^<]+), 2026-11-(\d+), commit", page)
    assert heads == [("Cases", "21"), ("The census of torch", "22")]
    compared = re.findall(r'<li><a href="compare/[^>]*>([^<]*)</a>', page)
    assert len(compared) == 2
    assert all("not comparable" not in title for title in compared)
    assert "1 regression, 1 change" in compared[0]


def test_cpu_stands_beside_gpu(tmp_path):
    found, _ = compared(tmp_path, [saved.row()], [saved.row(device="cuda", digits=14.0)])
    assert list(found.frame["device"]) == ["cpu | cuda"]
    assert "cpu stands beside cuda" in found.told


def test_speed_is_compared_on_one_machine_only(tmp_path):
    runs = [
        saved.save(tmp_path / "a", [saved.row()], date="2026-11-20"),
        saved.save(tmp_path / "b", [saved.row()], environment={"processor": "Another"}),
        saved.save_timings(tmp_path / "ta"),
        saved.save_timings(tmp_path / "tb", {"processor": "Another"}),
    ]
    found = comparison.compare_speed(*reading.read_runs(runs))
    assert "processor A processor and Another" in found.refused

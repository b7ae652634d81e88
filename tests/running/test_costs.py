"""How long a run will take: from costs kept here, else published, and from its own cells."""

import json
import math
import time
from dataclasses import replace

import pytest

from xgrad.problem import find_cases, library
from xgrad.running import Costs, Ended, Estimate, Selection, costs, make_plan
from xgrad.running.costs import PUBLISHED, Probe, key_of
from xgrad.telling import bar


@pytest.fixture
def cells():
    """Eight, of well-known cases in two dtypes."""
    found = find_cases([library() / "calculus"])
    return make_plan(found, Selection(devices=("cpu",))).cells[:8]


@pytest.fixture(autouse=True)
def _steady(monkeypatch):
    """A machine with nothing else to do, as fast as that of the published costs."""
    monkeypatch.setattr(costs.os, "cpu_count", lambda: 64)
    monkeypatch.setattr(costs, "probe", lambda: Probe(1.0, 1.0, 0.0))


def file_of(path, seconds):
    told = {"|".join(key): cost for key, cost in seconds.items()}
    path.write_text(json.dumps({"probe": 1.0, "seconds": told}))
    return path


def test_what_was_kept_here_goes_before_what_is_published_and_the_nearest_before_the_far(
    cells, tmp_path
):
    one, other = key_of(cells[0]), key_of(cells[-1])
    published = file_of(tmp_path / "p.json", {one: 2.0, other: 7.0})
    kept = file_of(tmp_path / "k.json", {one: 3.0})
    known = Costs(kept, published)
    assert known.find(one) == (3.0, "kept", len(one))
    assert known.find(other) == (7.0, "published", len(other))
    float16 = key_of(replace(cells[-1], dtype="float16"))
    assert known.find(float16) == (7.0, "published", 3)  # the same case and size
    stranger = key_of(replace(cells[0], case="a stranger"))
    assert known.find(stranger) == (3.0, "kept", 1)  # a guess
    assert math.isnan(known.find(("TimedCell", one[1]))[0])


def test_the_mean_of_a_whole_case_is_that_of_its_cells_and_of_no_other(cells, tmp_path):
    cell = replace(cells[0], case="torch.sin", methods=("torch.reverse",))
    file = file_of(tmp_path / "p.json", {("Cell", "torch.sin"): 0.5, key_of(cells[1]): 2.0})
    known = Costs(tmp_path / "none.json", file)
    assert known.find(key_of(cell)) == (0.5, "published", 2)  # of those methods, not of all
    assert known.find(key_of(replace(cell, case="torch.cos", methods=None))) == (
        2.0,
        "published",
        1,
    )


def test_what_goes_before_cells_is_known_of_others(tmp_path):
    file = file_of(tmp_path / "p.json", {("begin", ""): 2.0})
    assert Costs(tmp_path / "none.json", file).find(("begin", "torch.*"))[0] == 2.0


def test_published_costs_are_those_of_this_processor(cells, tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "probe", lambda: Probe(3.0, 1.0, 0.0))
    published = file_of(tmp_path / "p.json", {key_of(cells[0]): 2.0})
    assert Costs(tmp_path / "none.json", published).find(key_of(cells[0]))[0] == 6.0


def test_methods_without_jax_cost_less_than_all(cells, tmp_path):
    known = Costs(tmp_path / "none", file_of(tmp_path / "p.json", {key_of(cells[0]): 2.0}))
    found = {
        methods: known.find(key_of(replace(cells[0], methods=methods)))[0]
        for methods in (("torch.*",), ("torch.reverse", "jax.reverse"), ("*.reverse",))
    }
    assert list(found.values()) == [2.0 * costs.WITHOUT_JAX, 2.0, 2.0]


def test_what_was_kept_is_written_over_what_was_there(cells, tmp_path):
    file, first, second = tmp_path / ".xgrad" / "costs.json", *map(key_of, cells[:2])
    for key, seconds in ((first, (1.0, 2.0)), (second, (4.0,)), (first, (5.0,))):
        made = Costs(file)
        for each in seconds:
            made.keep(key, each)
        made.save()
    assert Costs(file).kept.seconds == {first: 5.0, second: 4.0}
    assert (file.parent / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("text", ["", "[]", '{"seconds": {"a": "b"}, "probe": 1}', "{", "{}"])
def test_a_file_that_is_none_of_ours_is_as_none(tmp_path, text):
    file = tmp_path / "costs.json"
    file.write_text(text)
    assert Costs(file).kept.seconds == {}


def test_where_nothing_can_be_written_nothing_is(tmp_path):
    (tmp_path / "file").write_text("")
    made = Costs(tmp_path / "file" / "costs.json")
    made.keep(("a",), 1.0)
    made.save()


def estimate_of(cells, tmp_path, cost=1.0, lanes=2):
    seconds = {key_of(cell): cost for cell in cells}
    seconds |= {("start", "workers", ""): 4.0, ("end", "Cell"): 2.0}
    return Estimate(Costs(file_of(tmp_path / "k.json", seconds), tmp_path / "none"), cells, lanes)


def test_side_by_side_cells_take_their_share(cells, tmp_path):
    whole = 8 / 2 + 4 + 2
    assert estimate_of(cells, tmp_path).seconds == pytest.approx(whole, abs=0.2)
    assert estimate_of(cells, tmp_path, lanes=8).seconds == pytest.approx(1 + 4 + 2, abs=0.2)
    assert estimate_of(cells, tmp_path).source == "kept"


def test_a_busy_machine_takes_longer(cells, tmp_path, monkeypatch):
    monkeypatch.setattr(costs.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(costs, "probe", lambda: Probe(1.0, 2.0, 2.0))  # two more for two cores
    assert estimate_of(cells, tmp_path).seconds == pytest.approx(20, abs=0.2)
    assert Probe(1.0, 1.0, 0.0).slowness(2) == 1.0
    assert Probe(1.0, 1.5, math.nan).slowness(2) == 1.5


def test_what_goes_before_the_cells_counts_where_it_is_said_before(cells, tmp_path):
    estimate = estimate_of(cells, tmp_path)
    estimate.began()
    estimate.costs.save()
    known = Costs(tmp_path / "k.json", tmp_path / "none")
    assert known.kept.seconds["begin", ""] >= 0
    known.kept = costs.Means(known.kept.seconds | {("begin", ""): 3.0})
    early = Estimate(known, cells, 2, early=True).seconds
    assert early == pytest.approx(Estimate(known, cells, 2).seconds + 3, abs=0.1)


def test_what_runs_waited_for_is_learnt_and_not_believed_without_end(cells, tmp_path):
    estimate = estimate_of(cells, tmp_path, lanes=1)
    estimate.costs.clock -= 40.0  # forty seconds ago
    estimate.began()
    for cell in cells:
        estimate.add(Ended(cell, [], 4.0, 2.5))  # twenty of work
    before = estimate.costs.waits
    estimate.keep()
    known = Costs(tmp_path / "k.json")
    assert (before, known.waits) == (1.0, pytest.approx((1 + 2) / 2, rel=0.1))
    assert Estimate(known, cells).pace == pytest.approx(known.waits)
    known.kept = costs.Means({costs.WAITS: 99.0})
    assert known.waits == costs.MOST


def test_a_system_that_does_not_tell_who_runs_is_probed(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(costs, "RUNNABLE", tmp_path / "none")
    found = costs.probe.__wrapped__()
    assert found.work > 0
    assert math.isnan(found.others)
    assert found.slowness(2) >= 1.0


def test_the_first_cells_say_how_fast_the_others_are(cells, tmp_path):
    estimate = estimate_of(cells, tmp_path, cost=10.0)
    for cell in cells[:4]:
        estimate.add(Ended(cell, [], 30.0, 30.0))
    assert 2.6 < estimate.pace < 3
    left = 4 * 10 * estimate.pace / 2 + (2 + 4) * estimate.pace
    assert estimate.seconds == pytest.approx(left, abs=0.2)


def test_the_start_of_a_process_is_no_cost_of_its_first_cell(cells, tmp_path):
    estimate = estimate_of(cells, tmp_path, lanes=1)
    estimate.add(Ended(cells[0], [], 9.0, 9.0, first=True))
    assert estimate.pace == 1.0
    assert estimate.seconds == pytest.approx(7 + 2, abs=0.2)
    estimate.costs.save()
    kept = Costs(tmp_path / "k.json").kept.seconds
    assert kept["start", "workers", ""] == 8.0
    assert kept[key_of(cells[0])] == 5.0


def test_what_nothing_is_known_of_is_told_after_the_first_cells(cells, tmp_path):
    nothing = Costs(tmp_path / "none", tmp_path / "none")
    for lanes in (None, 2):
        estimate = Estimate(nothing, cells, lanes)
        assert (estimate.source, bar.foretold(8, estimate)) == ("", "8 cells")
        assert math.isnan(estimate.seconds)
        for cell in cells[:3]:
            estimate.add(Ended(cell, [], 4.0, 4.0))
        assert estimate.seconds == pytest.approx(5 * 4 / (lanes or 1), abs=0.2)


def test_on_a_cluster_the_clock_tells(cells, tmp_path):
    estimate = estimate_of(cells, tmp_path, lanes=None)
    assert math.isnan(estimate.seconds)
    time.sleep(0.1)
    estimate.add(Ended(cells[0], []))
    assert 0 < estimate.seconds < 20
    estimate.costs.save()
    assert Costs(tmp_path / "k.json").kept.seconds[key_of(cells[0])] == 1.0  # nobody said


# --- what is said ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (9.2, "10 s"), (38, "40 s"), (93, "95 s"), (100, "2 min"), (3600, "1 h"),
     (4830, "1 h 20 min")],
)  # fmt: skip
def test_a_duration_is_as_exact_as_an_estimate(seconds, text):
    assert bar.duration(seconds) == text


def test_the_library_has_published_costs():
    published = Costs(PUBLISHED.with_name("none"))
    plan = make_plan(find_cases(()), Selection(devices=("cpu",)))
    estimate = Estimate(published, plan.cells, 2)
    assert estimate.source == "published"
    there = [published.find(key_of(cell))[2] == len(key_of(cell)) for cell in plan.cells]
    assert sum(there) > 0.9 * len(there)


def test_a_run_says_first_how_long_it_takes_and_then_by_its_own_costs(call, tmp_path):
    words = ("run", library() / "calculus" / "fields.py", "--dtype", "float64", "--workers", "0",
             "--device", "cpu", "--method", "numpy.formula")  # fmt: skip
    first, again = (call(*words, "--out", name).stderr.splitlines()[0] for name in "ab")
    assert first.startswith("3 cells, about ")
    assert "as its cells took here before" not in first
    assert again.startswith("3 cells, about ")
    assert again.endswith("(as its cells took here before)")
    assert (tmp_path / ".xgrad" / "costs.json").is_file()


def test_a_run_that_is_interrupted_keeps_what_its_cells_took(cells, tmp_path):
    file = tmp_path / "k.json"

    def interrupted():
        with Estimate(Costs(file), cells) as estimate:
            estimate.add(Ended(cells[0], [], 3.0, 2.0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Costs(file).kept.seconds == {key_of(cells[0]): 2.0}

"""Which pages there are, and what each tells."""

import pandas as pd
import pytest
import saved_runs as saved
from site_pages import only_run

from xgrad.errors import UsageError
from xgrad.publication import publish, reading


def test_a_failure_is_told_with_its_reason_and_its_command(odd):
    text = (only_run(odd) / "failures.html").read_text()
    assert "constant factor 2 &lt;script&gt;" in text
    assert "ValueError: &lt;script&gt;" in text
    assert "xgrad explain failing gradient torch.formula --dtype float64" in text
    assert "because &lt;script&gt;" in text
    assert "pip install 'jax[cuda]'" in text


def test_conventions_stand_beside_the_slopes(odd):
    frame = pd.read_csv(only_run(odd) / "data" / "conventions.csv")
    row = frame.iloc[0]
    assert (row["left slope"], row["right slope"], row["differ"]) == (-1, 1, "≠")
    assert (row["torch.reverse"], row["jax.reverse"]) == (0, 1)


def test_speed_pages_are_there_where_timings_are(odd, tmp_path):
    later = only_run(odd, "2026-11-22")
    assert not (only_run(odd) / "speed.html").exists()
    assert "torch.reverse" in (later / "speed.html").read_text()
    page = (later / "cases" / "problem.html").read_text()
    assert "<svg" in page
    assert "1.50" in page  # the exponent of 1e-6 · n^1.5
    assert "<title>1,000 inputs\n" in page
    elsewhere = saved.save_timings(tmp_path / "t", {"processor": "Another"})
    run = saved.save(tmp_path / "r", [saved.row()])
    with pytest.raises(UsageError, match="holds timings of Another"):
        publish([run, elsewhere], tmp_path / "site")


def test_timings_of_the_same_versions_are_joined_and_others_refused(tmp_path):
    run = saved.save(tmp_path / "r", [saved.row()])
    parts = [saved.save_timings(tmp_path / name, case=name) for name in ("a", "b")]
    (joined,) = reading.read_runs([run, *parts, parts[0]])
    assert len(joined.timings) == 14
    assert set(joined.timings["case"]) == {"a", "b"}
    newer = saved.save_timings(tmp_path / "c", {"versions": {"torch": "9"}})
    with pytest.raises(UsageError, match="timings under other versions"):
        reading.read_runs([run, *parts, newer])


def test_a_plot_tells_exact_numbers_without_a_script(odd):
    text = (only_run(odd, "2026-11-22") / "index.html").read_text()
    assert "<title>torch.reverse, float64: median 15.7" in text.replace("15.6", "15.7")
    assert "currentColor" in text


def test_source_problems_show_saved_numbers_only(tmp_path):
    difference = saved.row(
        "mlp_input", framework="numpy", technique="differences:forward@1e-6", dtype="float32",
        got=0.13411, want=0.195066, verdict="inconclusive", digits=0.8, error=0.061,
    )  # fmt: skip
    publish([saved.save(tmp_path / "r", [difference])], tmp_path / "site")
    text = (only_run(tmp_path / "site") / "source.html").read_text()
    assert "0.13411" in text
    assert "0.195066" in text
    assert "−0.0149" in text
    assert "Softmax" not in text  # no rows, no section
    publish([saved.save(tmp_path / "s", [saved.row()])], tmp_path / "other")
    assert not (only_run(tmp_path / "other") / "source.html").exists()

"""`xgrad publish`: wrong calls are clear errors, right ones need the saved run only."""

import pandas as pd
import pytest
import saved_runs as saved
from click.testing import CliRunner
from site_pages import called

from xgrad.cli import main
from xgrad.publication import reading
from xgrad.running import description
from xgrad.table import write_frame


def test_an_empty_folder_is_a_clear_error(tmp_path):
    found = called(tmp_path, "--to", tmp_path / "site")
    assert found.exit_code == 2
    assert "no saved rows in" in found.output
    assert not (tmp_path / "site").exists()


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path):
    found = called(tmp_path / "nowhere", "--to", tmp_path / "site")
    assert found.exit_code == 2
    assert "is no folder of saved rows" in found.output


def test_a_foreign_table_is_a_clear_error(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "rows.parquet")
    found = called(tmp_path, "--to", tmp_path / "site")
    assert found.exit_code == 2
    assert "was not written by xgrad: it lacks case, size" in found.output


@pytest.mark.parametrize("name", ["rows.parquet", "cases.json", "environment.json"])
def test_a_torn_file_is_a_clear_error(tmp_path, name):
    folder = saved.save(tmp_path / "r", [saved.row()])
    (folder / name).write_text("{torn")
    found = called(folder, "--to", tmp_path / "site")
    assert found.exit_code == 2
    assert "cannot be read" in found.output


def test_a_call_that_writes_nothing_is_a_clear_error(tmp_path):
    found = called(saved.save(tmp_path / "r", [saved.row()]))
    assert found.exit_code == 2
    assert "--to" in found.output


def test_a_place_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "site").write_text("")
    found = called(saved.save(tmp_path / "r", [saved.row()]), "--to", tmp_path / "site")
    assert found.exit_code == 2
    assert "choose another" in found.output


# --- from a run to its pages ----------------------------------------------------------------------


def test_a_run_saves_what_its_pages_tell_and_publishing_needs_no_case_file(tmp_path):
    case = tmp_path / "cubes.py"
    case.write_text(
        '"""Cubes."""\nimport numpy as np\nimport xgrad\n\n\n'
        "def cube(x):\n    return x * x * x\n\n\n"
        '@xgrad.case(wrt="x", source="Euler 1748")\n'
        'def cubes(xp, x):\n    """Σ x³."""\n    return xp.sum(cube(x))\n\n\n'
        '@cubes.inputs\ndef draw(rng):\n    return {"x": rng.normal(size=3)}\n\n\n'
        '@cubes.formula("gradient")\ndef by_hand(xp, x):\n    """3x²."""\n    return 3 * x * x\n'
    )
    words = [
        "run",
        str(case),
        "--workers",
        "0",
        "--method",
        "numpy.formula",
        "--out",
        str(tmp_path / "r"),
    ]
    assert CliRunner().invoke(main, words).exit_code == 0
    case.unlink()
    assert called(tmp_path / "r", "--to", tmp_path / "site").exit_code == 0
    (page,) = (tmp_path / "site").rglob("cubes.html")
    text = page.read_text()
    for part in ("Σ x³.", "3x².", "Euler 1748", "def by_hand(xp, x):", "def cube(x):"):
        assert part in text


def test_a_run_without_descriptions_is_published_all_the_same(tmp_path):
    folder = saved.save(tmp_path / "2026-01-02-feed", [saved.row()])
    (folder / description.FILE).unlink()
    (folder / "environment.json").unlink()
    (run,) = reading.read_runs([folder])
    assert (run.date, run.commit) == ("2026-01-02", "none")
    assert called(folder, "--to", tmp_path / "site").exit_code == 0


def test_a_run_made_before_rows_had_a_rule_is_published(tmp_path):
    folder = saved.save(tmp_path / "r", [saved.row()])
    write_frame(pd.read_parquet(folder / "rows.parquet").drop(columns="rule"), folder)
    assert called(folder, "--to", tmp_path / "site").exit_code == 0

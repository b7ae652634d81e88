"""Markdown, LaTeX, CSV and Parquet: escaped, complete, with units."""

import math
import shutil
import subprocess

import pandas as pd
import pyarrow.parquet as pq
import pytest
import saved_runs as saved
from site_pages import only_run

from xgrad.publication import publish
from xgrad.running import CURVE_COLUMNS
from xgrad.table import make_frame, write_frame


def test_markdown_changes_by_the_line(tmp_path):
    rows = [saved.row("first"), saved.row("second")]
    texts = []
    for k, last in enumerate((saved.row("third"), saved.row("a much longer name | of a case"))):
        folder = saved.save(tmp_path / str(k), [*rows, last])
        publish([folder], markdown_file=tmp_path / f"{k}.md")
        texts.append((tmp_path / f"{k}.md").read_text().splitlines())
    changed = [a for a, b in zip(*texts, strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0].startswith("| third |")
    assert "| a much longer name \\| of a case |" in "\n".join(texts[1])


def test_markdown_goes_between_the_marks_of_a_file_that_has_them(tmp_path):
    file = tmp_path / "mine.md"
    file.write_text("# Mine\n<!-- xgrad publish -->\nold\n<!-- /xgrad publish -->\nend\n")
    publish([saved.save_odd(tmp_path / "r")], markdown_file=file)
    once = file.read_text()
    publish([tmp_path / "r"], markdown_file=file)
    assert file.read_text() == once
    assert once.startswith("# Mine\n<!-- xgrad publish -->\n## Agreement")
    assert once.endswith("\n<!-- /xgrad publish -->\nend\n")
    assert "old" not in once


def test_markdown_escapes(tmp_path):
    publish([saved.save_odd(tmp_path / "r")], markdown_file=tmp_path / "odd.md")
    text = (tmp_path / "odd.md").read_text()
    assert "<script" not in text
    assert "con\\|pipe\\`s" in text


def test_parquet_has_units(many, odd):
    schema = pq.read_schema(only_run(many[0]) / "data" / "rows.parquet")
    assert schema.field("digits").metadata[b"unit"] == b"decimal digits"
    for parquet in odd.rglob("*.parquet"):
        for column in pq.read_schema(parquet):
            kind, about = str(column.type), column.metadata
            assert about[b"unit"] or kind != "double", (parquet.name, column.name)
            assert about[b"meaning"] or kind.endswith("string"), (parquet.name, column.name)


def test_every_table_is_there_as_csv_and_parquet(odd):
    for parquet in odd.rglob("*.parquet"):
        text = parquet.with_suffix(".csv")
        text = text if text.exists() else text.with_suffix(".csv.gz")
        frame, read = pd.read_parquet(parquet), pd.read_csv(text)
        assert list(frame) == list(read)
        assert len(frame) == len(read)


def test_a_csv_has_measured_errors_in_short_and_all_else_in_full(tmp_path):
    third = 1 / 3
    row = saved.row(error=third, got=third, relative_error=math.inf, tolerance=math.nan)
    publish([saved.save(tmp_path / "r", [row])], tmp_path / "site")
    data = only_run(tmp_path / "site") / "data"
    (told,) = pd.read_csv(data / "rows.csv").to_dict("records")
    assert (told["error"], told["got"], told["relative_error"]) == (0.333333, third, math.inf)
    assert math.isnan(told["tolerance"])
    assert pd.read_parquet(data / "rows.parquet")["error"].iloc[0] == third


def test_curves_are_packed_and_whole(tmp_path):
    folder = saved.save(tmp_path / "r", [saved.row()])
    curve = dict.fromkeys(("case", "size", "point", "operator", "element", "scheme"), "problem")
    steps = [curve | {"seed": 0, "truth": 2.0, "precision": "float64", "step": 10.0**-k,
                      "relative_error": 10.0**-k / 3} for k in range(9)]  # fmt: skip
    write_frame(make_frame(steps, CURVE_COLUMNS), folder, CURVE_COLUMNS, "curves")
    publish([folder], tmp_path / "site")
    run = only_run(tmp_path / "site")
    packed = pd.read_csv(run / "data" / "curves.csv.gz")
    assert packed["relative_error"].tolist() == [float(f"{10.0**-k / 3:.6g}") for k in range(9)]
    assert pd.read_parquet(run / "data" / "curves.parquet")["relative_error"][0] == 1 / 3
    page = (run / "cases" / "problem.html").read_text()
    assert 'href="../data/curves.csv.gz"' in page
    assert "<title>h = 1.0e-08\nfloat64: 3.33e-09</title>" in page


@pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="no pdflatex: install texlive-latex-recommended"
)
@pytest.mark.parametrize("make", [saved.save_odd, saved.save_many])
def test_latex_compiles(tmp_path, make):
    publish([make(tmp_path / "r")], latex_file=tmp_path / "table.tex")
    text = (tmp_path / "table.tex").read_text()
    assert "\\toprule" in text
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\extrafloats{100}"
        "\\begin{document}\\input{table}\\end{document}"
    )
    command = [
        "pdflatex",
        "-halt-on-error",
        "-no-shell-escape",
        "-interaction=batchmode",
        "paper.tex",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (tmp_path / "paper.log").read_text()[-2000:]
    assert (tmp_path / "paper.pdf").exists()

"""Saved runs as pages and tables: what is shown is what was saved, and harms nobody."""

import html.parser
import json
import math
import re
import shutil
import subprocess
import time
from urllib.parse import unquote, urlsplit

import pandas as pd
import pyarrow.parquet as pq
import pytest
import saved_runs as saved
from click.testing import CliRunner

from xgrad.cli import main
from xgrad.errors import UsageError
from xgrad.judging import VERDICTS
from xgrad.publication import comparison, publish, reading, tables
from xgrad.publication.cells import look_of, number_of
from xgrad.running import description
from xgrad.table import records

SECONDS, MEGABYTES = 20, 20  # that 100 cases × 20 methods may take


class Page(html.parser.HTMLParser):
    """The tags of a page: ids, links, whatever would load something, and texts by tag."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.handlers, self.tags = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag != "link" or not given.get("href", "").startswith("data:"):
            self.loads += [given[k] for k in ("src", "href") if given.get(k, "#")[:1] != "#"]
        self.handlers += [k for k in given if k.startswith("on")]


def pages_of(site):
    """Every page of a site."""
    return {p: Page(p.read_text()) for p in sorted(site.rglob("*.html"))}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The synthetic run of 100 cases × 20 methods, published; with the seconds of this process."""
    folder = tmp_path_factory.mktemp("many")
    saved.save_many(folder / "run")
    started = time.process_time()
    publish([folder / "run"], folder / "site")
    return folder / "site", time.process_time() - started


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """The run in which much went wrong, published with timings and a second run."""
    folder = tmp_path_factory.mktemp("odd")
    runs = [
        saved.save_odd(folder / "run"),
        saved.save(folder / "later", [saved.row()], date="2026-11-22"),
    ]
    publish([*runs, saved.save_timings(folder / "t")], folder / "site")
    return folder / "site"


def only_run(site, date="2026-11-21"):
    (found,) = site.glob(f"runs/{date}-*")
    return found


# --- size and time --------------------------------------------------------------------------------


def test_100_cases_by_20_methods_publish_fast_and_small(many):
    site, seconds = many
    size = sum(p.stat().st_size for p in site.rglob("*") if p.is_file())
    print(f"published in {seconds:.1f} s of this process, {size / 1e6:.1f} MB")
    assert seconds < SECONDS
    assert size < MEGABYTES * 1e6


# --- what is shown was saved ----------------------------------------------------------------------


class Cells(html.parser.HTMLParser):
    """The matrix's cells: the row's number, the bar, and the texts shown."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.open = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "button" and "data-r" in given:
            self.open = [int(given["data-r"]), ""]

    def handle_endtag(self, tag):
        if tag == "button" and self.open:
            self.cells.append(tuple(self.open))
            self.open = None
        elif tag == "b" and self.open:
            self.open[1] += "|"

    def handle_data(self, data):
        if self.open:
            self.open[1] += data


@pytest.mark.parametrize("which", ["many", "odd"])
def test_every_number_of_the_matrix_is_in_the_saved_table(which, request):
    found = request.getfixturevalue(which)
    run = only_run(found[0] if which == "many" else found)
    frame = pd.read_parquet(run / "data" / "rows.parquet")
    rows = records(
        frame.assign(**{c: frame[c].fillna("") for c in frame if frame[c].dtype.kind in "OU"})
    )
    cells = Cells((run / "index.html").read_text()).cells
    assert len(cells) == sum(bool(r["framework"]) for r in rows)
    for k, text in cells:
        number, _, word = text.partition("|")
        row = rows[k]
        assert word == f"{look_of(row).symbol} {look_of(row).word}"
        if number in ("", "NaN", "exact"):
            assert number == number_of(row)
        elif "e" in number:
            assert math.isnan(row["digits"])
            assert float(number) == pytest.approx(row["error"], rel=0.5)
        else:
            assert abs(float(number) - row["digits"]) <= 0.0500001


def test_the_data_behind_the_cells_is_the_saved_table(many):
    run = only_run(many[0])
    text = (run / "index.html").read_text()
    (embedded,) = re.findall(
        r'<script type="application/json" id="rows">(.*?)</script>', text, re.S
    )
    data = json.loads(embedded)
    frame = pd.read_parquet(run / "data" / "rows.parquet")
    for name in frame:
        k = data["names"].index(name)
        values = [data["texts"][r[k]] if data["kinds"][k] == 0 else r[k] for r in data["rows"]]
        want = [None if isinstance(v, float) and math.isnan(v) else v for v in frame[name]]
        assert values == want, name


def test_the_counts_of_the_matrix_page_are_those_of_the_table(odd):
    run = only_run(odd)
    frame = pd.read_parquet(run / "data" / "rows.parquet")
    text = (run / "index.html").read_text()
    counted = sum(
        int(n.replace(",", "")) for n in re.findall(r'<li class="\w+"><b>([\d,]+)</b>', text)
    )
    assert counted == len(frame)


def test_bounds_between_methods_follow_from_the_errors():
    from xgrad.publication.case_pages import pair_tables

    rows = [saved.row(method="a", error=3e-3), saved.row(method="b", error=1e-3)]
    ((place, table),) = pair_tables(rows)
    assert place == "gradient, float64 on cpu, size small"
    assert re.findall(r"<td>([^<]*)</td>", table) == ["a", "·", "4.0e-03", "b", "2.0e-03", "·"]


# --- safe -----------------------------------------------------------------------------------------


def test_no_page_runs_or_loads_what_came_from_a_row(odd):
    for path, page in pages_of(odd).items():
        text = path.read_text()
        assert saved.EVIL not in text, path
        assert "<img" not in text
        assert page.handlers == []
        assert page.loads == []
        assert not any(link.lower().startswith(("http", "//", "javascript")) for link in page.links)
        scripts = [a for tag, a in page.tags if tag == "script"]
        ours = [s for s in scripts if s.get("type") != "application/json"]
        assert len(ours) == ('id="rows"' in text)
        assert "default-src 'none'" in text


def test_names_stay_below_the_folder(odd):
    everything = [p for p in odd.rglob("*") if p.is_file()]
    assert all(
        re.fullmatch(r"[\w.+-]+", part) for p in everything for part in p.relative_to(odd).parts
    )
    pages = list(only_run(odd).glob("cases/*.html"))
    assert len(pages) == len({p.name.lower() for p in pages}) >= len(saved.ODD)


def test_commands_are_quoted_for_a_shell():
    from xgrad.publication.cells import command_of

    row = saved.row(point="it's $HOME; rm -rf /")
    said = command_of(row, "my case.py::f")
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {said}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[2] == "my case.py::f"
    assert "it's $HOME; rm -rf /" in done.stdout.splitlines()


# --- links, anchors, colours ----------------------------------------------------------------------


@pytest.mark.parametrize("which", ["many", "odd"])
def test_links_and_anchors_lead_somewhere(which, request):
    found = request.getfixturevalue(which)
    pages = pages_of(found[0] if which == "many" else found)
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links:
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), (path, link)
            if parts.fragment:
                assert parts.fragment in pages[target].ids, (path, link)


def _luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    """Of two colours, as the Web Content Accessibility Guidelines define it."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_enough_in_light_and_dark():
    css = (reading.Path(tables.__file__).parent / "static" / "style.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in css.split("@media (prefers", 1)
    )
    assert light.keys() <= dark.keys()
    for colours in (light, dark):
        pairs = [(k, k.replace("-fg", "-bg")) for k in colours if k.endswith("-fg")]
        pairs += [(k, on) for k in ("text", "muted", "link") for on in ("bg", "panel")]
        assert len(pairs) > 8
        low = {p: contrast(colours[p[0]], colours[p[1]]) for p in pairs}
        assert {p: c for p, c in low.items() if c < 4.5} == {}
        series = {k: contrast(colours[k], colours["bg"]) for k in colours if k.startswith("series")}
        assert {k: c for k, c in series.items() if c < 3} == {}  # graphics need 3:1
    shades = {(v.name, shade): getattr(v, shade) for v in VERDICTS.values() for shade in NAMES}
    assert {k: contrast(*pair) for k, pair in shades.items() if contrast(*pair) < 4.5} == {}


NAMES = ("day", "night")


def test_every_verdict_has_its_colours_on_the_pages(odd):
    page = (only_run(odd) / "index.html").read_text()
    for verdict in VERDICTS.values():
        for ground, text in (verdict.day, verdict.night):
            assert f".{verdict.name}{{background:{ground};color:{text}}}" in page


# --- which pages ----------------------------------------------------------------------------------


def test_a_failure_is_told_with_its_reason_and_its_command(odd):
    text = (only_run(odd) / "failures.html").read_text()
    assert "constant factor 2 &lt;script&gt;" in text
    assert "ValueError: &lt;script&gt;" in text
    assert "xgrad explain failing gradient torch.formula --dtype float64" in text
    assert "because &lt;script&gt;" in text
    assert "pip install &#39;jax[cuda]&#39;" in text or "pip install &#x27;jax[cuda]&#x27;" in text


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
    assert "at 1,000 inputs" in page
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


# --- permanent places, several runs ---------------------------------------------------------------


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


# --- texts and data -------------------------------------------------------------------------------


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
        frame, text = pd.read_parquet(parquet), pd.read_csv(parquet.with_suffix(".csv"))
        assert list(frame) == list(text)
        assert len(frame) == len(text)


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


# --- wrong calls ----------------------------------------------------------------------------------


def called(*words):
    return CliRunner().invoke(main, ["publish", *map(str, words)])


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

"""Pages and names harm nobody: no script, no path, no shell command of a row's."""

import re
import subprocess

import saved_runs as saved
from site_pages import only_run, pages_of


def test_no_page_runs_or_loads_what_came_from_a_row(odd):
    for path, page in pages_of(odd).items():
        text = path.read_text()
        assert saved.EVIL not in text, path
        assert "<img" not in text
        assert page.handlers == []
        pictures = "data:image/png;base64,"  # what we drew, which has no text of a row
        (sheet,) = [what for what in page.loads if not what.startswith(pictures)]
        assert (path.parent / sheet).resolve().parent == odd.resolve()
        assert not any(link.lower().startswith(("http", "//", "javascript")) for link in page.links)
        scripts = [a for tag, a in page.tags if tag == "script"]
        ours = [s for s in scripts if s.get("type") != "application/json"]
        assert len(ours) == ('id="rows"' in text or 'id="filters"' in text)
        assert "default-src 'none'" in text


def test_names_stay_below_the_folder(odd):
    everything = [p for p in odd.rglob("*") if p.is_file()]
    assert all(
        re.fullmatch(r"[\w.+-]+", part) for p in everything for part in p.relative_to(odd).parts
    )
    pages = list(only_run(odd).glob("cases/*.html"))
    assert len(pages) == len({p.name.lower() for p in pages}) >= len(saved.ODD)


def test_commands_are_quoted_for_a_shell():
    from xgrad.telling import reproduction

    row = saved.row(point="it's $HOME; rm -rf /")
    said = reproduction(row, "my case.py::f")
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {said}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[2] == "my case.py::f"
    assert "it's $HOME; rm -rf /" in done.stdout.splitlines()

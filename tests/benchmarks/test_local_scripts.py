"""asv's pages with their scripts beside them."""

import importlib
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from checkout import BENCHMARKS

sys.path.append(str(BENCHMARKS))
local_scripts = importlib.import_module("local_scripts")

PAGE = """
<script src="https://code.example/jquery-3.3.1.min.js" integrity="sha256-a" crossorigin="anonymous" onerror="f()"></script>
<script src="https://cdn.example/flot/jquery.flot.min.js" integrity="sha512-b" referrerpolicy="no-referrer"></script>
<script src="asv.js"></script>
<link rel="stylesheet" href="https://cdn.example/css/bootstrap.min.css" integrity="sha256-c">
<a href="https://example.org/">somewhere</a>
"""  # noqa: E501


@pytest.fixture
def html(tmp_path):
    (tmp_path / "index.html").write_text(PAGE)
    return tmp_path


@pytest.fixture
def npm(monkeypatch):
    """An npm whose packages have every file that is asked for, with its path as its text."""
    packed = []

    def run(command, *, cwd, **more):
        package = command[-1]
        packed.append(package)
        paths = [p for owner, p in local_scripts.FILES.values() if owner == package]
        paths += ["dist/fonts/a.woff", "README.md"]
        name = f"{local_scripts.folder_of(package)}.tgz"
        with tarfile.open(Path(cwd, name), "w:gz") as archive:
            for path in paths:
                file = Path(cwd, "file")
                file.write_text(path)
                archive.add(file, f"package/{path}")
        return subprocess.CompletedProcess(command, 0, stdout=f"{name}\n")

    monkeypatch.setattr(subprocess, "run", run)
    return packed


def test_links_lead_to_files_below_the_pages(html, npm):
    assert local_scripts.localise(html) == []
    text = (html / "index.html").read_text()
    assert '<script src="vendor/jquery/dist/jquery.min.js" onerror="f()"></script>' in text
    assert 'href="vendor/bootstrap/dist/css/bootstrap.min.css"' in text
    assert "integrity" not in text
    assert '<a href="https://example.org/">' in text
    assert (html / "vendor/flot/jquery.flot.js").read_text() == "jquery.flot.js"
    assert (html / "vendor/bootstrap/dist/fonts/a.woff").exists()
    assert not (html / "vendor/jquery/README.md").exists()
    assert sorted(npm) == ["bootstrap@3.1.1", "flot@0.8.3", "jquery@3.3.1"]


def test_pages_that_are_done_ask_npm_for_nothing(html, npm):
    local_scripts.localise(html)
    npm.clear()
    assert local_scripts.localise(html) == []
    assert npm == []


def test_what_npm_lacks_keeps_its_link_and_is_told(html, npm):
    page = html / "index.html"
    page.write_text(PAGE + '<script src="https://cdn.example/other.js"></script>')
    assert local_scripts.localise(html) == ["https://cdn.example/other.js"]


def test_without_npm_the_pages_stay_as_they_are(html, monkeypatch):
    def absent(*args, **keywords):
        raise FileNotFoundError("npm")

    monkeypatch.setattr(subprocess, "run", absent)
    with pytest.raises(local_scripts.Missing, match="npm is not installed"):
        local_scripts.localise(html)
    assert (html / "index.html").read_text() == PAGE


def test_asv_still_links_what_is_known(tmp_path):
    asv = pytest.importorskip("asv")
    text = (Path(asv.__file__).parent / "www" / "index.html").read_text()
    names = {name for _, name, _ in local_scripts.LINK.findall(text)}
    assert {n for n in names if n.endswith((".js", ".css"))} <= set(local_scripts.FILES)

"""asv's pages with their scripts beside them, so that they ask no other host.

    python benchmarks/local_scripts.py results/asv/html

asv publish links jQuery, flot, Bootstrap and others on public hosts. This takes the same libraries
from npm (`npm pack`), writes them into `vendor/` below the pages, and links them there. What npm
does not have keeps its link, and is told.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

# The file that asv links, and the package with the file in it that stands in for it.
FILES = {
    "jquery-3.3.1.min.js": ("jquery@3.3.1", "dist/jquery.min.js"),
    "jquery.flot.min.js": ("flot@0.8.3", "jquery.flot.js"),
    "jquery.flot.time.min.js": ("flot@0.8.3", "jquery.flot.time.js"),
    "jquery.flot.selection.min.js": ("flot@0.8.3", "jquery.flot.selection.js"),
    "jquery.flot.categories.min.js": ("flot@0.8.3", "jquery.flot.categories.js"),
    "jquery.flot.orderBars.js": ("flot-orderbars@1.0.0", "js/jquery.flot.orderBars.js"),
    "stupidtable.min.js": ("stupid-table-plugin@1.1.3", "stupidtable.min.js"),
    "md5.min.js": ("blueimp-md5@2.19.0", "js/md5.min.js"),
    "bootstrap.min.js": ("bootstrap@3.1.1", "dist/js/bootstrap.min.js"),
    "bootstrap.min.css": ("bootstrap@3.1.1", "dist/css/bootstrap.min.css"),
}
FONTS = ("bootstrap@3.1.1", "dist/fonts/")  # which the style sheet asks for
VENDOR = "vendor"
LINK = re.compile(r'(src|href)="https?://[^"]*/([^"/]+)"([^>]*)>')
GUARD = re.compile(r' (integrity|crossorigin|referrerpolicy)="[^"]*"')


class Missing(Exception):
    """No npm, or a package that it does not get."""


def localise(html: Path) -> list[str]:
    """Write the libraries below the pages and link them; returns the files that stay elsewhere.

    Raises `Missing` where npm is not there, or does not reach its packages.
    """
    page = html / "index.html"
    text = page.read_text(encoding="utf-8")
    asked = {name for _, name, rest in LINK.findall(text) if name in FILES}
    if asked:
        vendor(asked, html / VENDOR)
    text = LINK.sub(linked, text)
    page.write_text(text, encoding="utf-8")
    return sorted(re.findall(r'<(?:script|link)[^>]*(?:src|href)="(https?://[^"]*)"', text))


def linked(found: re.Match[str]) -> str:
    """A link to the file below the pages, where it is one of ours."""
    kind, name, rest = found.groups()
    if name not in FILES:
        return found[0]
    package, path = FILES[name]
    return f'{kind}="{VENDOR}/{folder_of(package)}/{path}"{GUARD.sub("", rest)}>'


def folder_of(package: str) -> str:
    """A package's folder."""
    return package.partition("@")[0]


def vendor(names: set[str], folder: Path) -> None:
    """Write the files of some names, and the fonts of the style sheet among them."""
    wanted: dict[str, list[str]] = {}
    for name in sorted(names):
        package, path = FILES[name]
        wanted.setdefault(package, []).append(path)
    if FONTS[0] in wanted:
        wanted[FONTS[0]].append(FONTS[1])
    for package, paths in wanted.items():
        with tempfile.TemporaryDirectory() as place:
            unpack(packed(package, Path(place)), paths, folder / folder_of(package))


def packed(package: str, place: Path) -> Path:
    """The package as npm has it."""
    try:
        done = subprocess.run(
            ["npm", "pack", "--silent", package],
            cwd=place, check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    except FileNotFoundError:
        raise Missing("npm is not installed: asv's pages load their scripts elsewhere") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Missing(f"npm does not get {package}: {error}") from None
    return place / done.stdout.split()[-1]


def unpack(archive: Path, paths: list[str], folder: Path) -> None:
    """The files at these paths, or below those that end in a slash."""
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            inside = member.name.partition("/")[2]
            if member.isfile() and any(
                inside == p or (p.endswith("/") and inside.startswith(p)) for p in paths
            ):
                file = folder / inside
                file.parent.mkdir(parents=True, exist_ok=True)
                source = opened.extractfile(member)
                assert source is not None
                file.write_bytes(source.read())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        left = localise(Path(sys.argv[1]))
    except (Missing, OSError) as error:
        sys.exit(str(error))
    for each in left:
        print(f"still elsewhere: {each}")

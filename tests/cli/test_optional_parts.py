"""What `xgrad doctor` says of optional parts, and the words with which pip installs them."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from xgrad import errors
from xgrad.running import extras


def installed(monkeypatch, url=None, editable=False, gone=()):
    """An installation of xgrad from somewhere, without some packages."""

    def distribution(name):
        if name in gone:
            raise PackageNotFoundError(name)
        about = {"url": url, "dir_info": {"editable": editable}}
        text = json.dumps(about) if url else None
        needs = ["numpy", "autograd>=1.7; extra == 'peers'", "numdifftools; extra == 'peers'",
                 "xgrad[cluster]; extra == 'test'", 'asv==0.6.6; extra == "bench"']  # fmt: skip
        return SimpleNamespace(requires=needs, read_text=lambda file: text)

    for module in (errors, extras):
        monkeypatch.setattr(module, "distribution", distribution)
    monkeypatch.setattr(extras, "find_version", lambda name: "" if name in gone else "1")


@pytest.mark.parametrize(
    ("url", "editable", "words"),
    [(None, False, "'xgrad[peers]'"), ("https://host/xgrad.whl", False, "'xgrad[peers]'"),
     ("file:///a/my%20code", True, "-e '/a/my code[peers]'"), ("file:///a", False, "'/a[peers]'")],
)  # fmt: skip
def test_pip_names_the_checkout_where_there_is_one(monkeypatch, url, editable, words):
    installed(monkeypatch, url, editable)
    assert errors.install_word("peers") == words


def test_what_is_missing_is_named_with_its_remedy(monkeypatch):
    installed(monkeypatch, gone=("numdifftools",))
    found = {extra.name: extra for extra in extras.find_extras()}
    assert found["peers"].missing == ("numdifftools",)
    assert found["peers"].remedy == "pip install 'xgrad[peers]'"
    assert (found["bench"].missing, found["bench"].remedy) == ((), "")
    assert found["test"].missing == ()  # xgrad itself is no package to look for


def test_without_an_installation_nothing_is_said(monkeypatch):
    installed(monkeypatch, gone=("xgrad",))
    assert extras.find_extras() == []
    assert errors.install_word("peers") == "'xgrad[peers]'"


def test_the_doctor_tells_every_part_that_the_package_declares(call):
    lines = call("doctor").stdout.splitlines()
    told = {line.strip().partition(":")[0] for line in lines if line.startswith("  ")}
    assert set(extras.BRINGS) <= told
    declared = subprocess.run(
        [sys.executable, "-c", "from importlib.metadata import metadata as m;"
         "print(*m('xgrad').get_all('Provides-Extra'))"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert set(declared) - {"pinned", "lint"} == set(extras.BRINGS)

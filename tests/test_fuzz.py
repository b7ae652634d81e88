"""Random malformed calls, case files, result files and settings: never a traceback of ours.

`XGRAD_FUZZ=1000 pytest tests/test_fuzz.py` tries ten times so many.
"""

import json
import os
import random
import shutil
import textwrap
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
import pytest
from click.testing import CliRunner
from hypothesis import given, settings

from xgrad.cli import main
from xgrad.table import read_frame

TIMES = int(os.environ.get("XGRAD_FUZZ", "10"))


def fuzzed(share):
    """So many examples: together ten for each time asked for."""
    count = max(1, round(share * TIMES))
    return settings(max_examples=count, derandomize=True, deadline=None, database=None)


GOOD = textwrap.dedent(
    '''
    """A case that is right."""
    import xgrad

    @xgrad.case(wrt="x", sizes={"small": {"n": 2}, "large": {"n": 3}}, operators=("gradient",))
    def fine(xp, x, c=2.0):
        """Σ c x³."""
        return xp.sum(c * x * x * x)

    @fine.inputs
    def draw(rng, n):
        return {"x": rng.normal(size=n), "c": 2.0}

    @fine.point("ones")
    def ones():
        return {"x": [1.0, 1.0], "c": 2.0}

    @fine.formula("gradient")
    def gradient(xp, x, c):
        """3 c x²."""
        return 3 * c * x * x

    @fine.direction
    def legal(rng, x, c):
        return rng.normal(size=x.shape)
    '''
)
QUICK = ["--method", "numpy.formula", "--workers", "0", "--device", "cpu", "--dtype", "float64"]
WRITABLE = st.characters(exclude_characters="\x00", exclude_categories=("Cs",))  # in a call
TEXTS = st.one_of(
    st.text(WRITABLE, max_size=12),
    st.sampled_from(
        ["", "-1", "0", "1e400", "nan", "cpu:x", "cuda:99", "float12", "*.*", "[", "a and", "not",
         "torch.reverse:", "numpy.differences:central@", "@", "1/0", "::", "x::y", "s3://",
         "nonsense://a", "fine", "💥", "a" * 3000]
    ),
)  # fmt: skip
COMMANDS = ("run", "list", "explain", "publish", "merge", "audit")


def options_of(command):
    """The names of a command's options, and one that it lacks."""
    known = [name for each in main.commands[command].params for name in each.opts]
    return [name for name in known if name.startswith("-")] + ["--nonsense"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a good case file and a saved run of it."""
    monkeypatch.chdir(tmp_path)
    Path("fine.py").write_text(GOOD)
    assert CliRunner().invoke(main, ["run", "fine.py", *QUICK, "--out", "saved"]).exit_code == 0
    shutil.copytree("saved", tmp_path.parent / f"{tmp_path.name}-saved")
    return tmp_path


def stays(word):
    """Whether a word leads nowhere but below a place: case files are code, and runs write."""
    path = word.partition("::")[0]
    return ".." not in path and not path.startswith(("/", "~", "file:"))


def tidy(place):
    """The directory as it was."""
    for entry in Path().iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != "fine.py":
            entry.unlink()
    shutil.copytree(place.parent / f"{place.name}-saved", "saved")


def called(*words):
    """Call the command line; its status is one that the manual names, and it tells no traceback."""
    done = CliRunner().invoke(main, [str(w) for w in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exc_info)
    assert done.exit_code in (0, 1, 2), (words, done.output)
    assert "Traceback" not in done.output, (words, done.output)
    return done


def fresh(name):
    """A folder of that name with nothing in it."""
    shutil.rmtree(name, ignore_errors=True)
    return Path(name)


# --- calls ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_calls(place):
    always = {"run": [*QUICK, "fine.py"], "list": ["fine.py"], "audit": ["fine.py", "--seeds", "1"],
              "explain": ["fine.py::fine"], "publish": ["saved"], "merge": ["saved"]}  # fmt: skip

    @fuzzed(4)
    @given(st.data())
    def check(data):
        command = data.draw(st.sampled_from(COMMANDS))
        pairs = st.tuples(st.sampled_from(options_of(command)), TEXTS)
        options = data.draw(st.lists(pairs, max_size=3))
        words = data.draw(st.lists(TEXTS, max_size=2))
        tidy(place)
        given_words = [part for pair in options for part in pair if part != "--workers"]
        given_words = [w for w in (*given_words, *words) if stays(w)]
        called(command, *always[command], *given_words)

    check()


# --- case files -----------------------------------------------------------------------------------


def broken(text, seed):
    """The text with a few pieces lost, doubled, swapped or replaced."""
    rng = random.Random(seed)
    pieces = text.splitlines(keepends=True) if rng.random() < 0.5 else list(text)
    for _ in range(rng.randint(1, 4)):
        k, j = rng.randrange(len(pieces)), rng.randrange(len(pieces))
        what = rng.randrange(4)
        if what == 0:
            del pieces[k]
        elif what == 1:
            pieces.insert(j, pieces[k])
        elif what == 2:
            pieces[k], pieces[j] = pieces[j], pieces[k]
        else:
            pieces[k] = rng.choice(
                ["0", "()", "None", "x", "\t", "import os\n", "'", "@", "1 / 0\n"]
            )
    return "".join(pieces)


@pytest.mark.filterwarnings("ignore")
def test_case_files(place):
    @fuzzed(4)
    @given(st.integers(0, 2**32))
    def check(seed):
        Path("bad.py").write_text(broken(GOOD, seed))
        out = fresh("out")
        done = called("run", "bad.py", "fine.py", *QUICK, "--out", out)
        if done.exit_code != 2:
            rows = read_frame(out)
            good = rows[(rows["case"] == "fine") & (rows["verdict"] == "agrees")]
            assert len(good) >= 2 or "two cases are called" in done.output

    check()


# --- result files ---------------------------------------------------------------------------------

FILES = ("rows.parquet", "cells.jsonl", "cases.json", "environment.json", "rows.csv")


def damaged(data, seed):
    """The bytes cut off, overwritten, or of something else."""
    rng = random.Random(seed)
    what = rng.randrange(5)
    if what == 0:
        return data[: rng.randrange(len(data) + 1)]
    if what == 1:
        at = rng.randrange(len(data))
        return data[:at] + rng.randbytes(rng.randint(1, 40)) + data[at + 20 :]
    if what == 2:
        return rng.choice([b"", b"null", b"[]", b"{}", b'{"cell": 3}\n', b"1e999", b"\xff\xfe"])
    if what == 3:
        return json.dumps(rng.choice([[1], {"saved": 1}, {"saved": "x", "cases": [{"name": 1}]},
                                      {"saved": "x", "cases": 3}, "x", {"cell": "a", "rows": 5},
                                      {"versions": 3, "frameworks": []}])).encode()  # fmt: skip
    return data.replace(rng.choice([b"fine", b"gradient", b"float64", b'"', b":"]), b"\x00")


@pytest.mark.filterwarnings("ignore")
def test_result_files(place):
    @fuzzed(0.5)
    @given(st.sampled_from(FILES), st.integers(0, 2**32))
    def check(name, seed):
        folder = fresh("torn")
        shutil.copytree("saved", folder)
        (folder / name).write_bytes(damaged((folder / name).read_bytes(), seed))
        called("publish", folder, "--to", fresh("site"))
        called("merge", folder, "saved", "--to", fresh("whole"))
        done = called("run", "fine.py", *QUICK, "--out", folder, "--resume")
        if done.exit_code == 0:
            rows = read_frame(folder)
            assert set(rows["verdict"]) == {"agrees"}

    check()


# --- settings -------------------------------------------------------------------------------------

SETTINGS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.lists(TEXTS, max_size=2),
    st.dictionaries(TEXTS, st.integers(), max_size=2), st.tuples(TEXTS, st.none()),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_settings_of_calls_in_python(place):
    import xgrad
    from xgrad.errors import UsageError

    names = ("sizes", "dtypes", "devices", "methods", "operators", "seed", "budget", "workers")

    @fuzzed(1.5)
    @given(st.dictionaries(st.sampled_from(names), SETTINGS, min_size=1, max_size=2))
    def check(chosen):
        if chosen.get("methods") is None:
            chosen = {**chosen, "methods": ("numpy.formula",)}
        if isinstance(chosen.get("workers"), int) and chosen["workers"] > 0:
            chosen = {**chosen, "workers": 0}
        with suppress(UsageError, TypeError, ValueError):
            assert set(xgrad.run(["fine.py"], **chosen)["case"]) <= {"fine"}

    check()

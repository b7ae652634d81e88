"""The repository's commits, and their files laid out for a while."""

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


class NoCommit(Exception):
    """git does not know a commit, or is not there."""


def git(repository: Path, *arguments: str) -> bytes:
    """What git prints; raises `NoCommit` with its complaint."""
    command = ["git", "-C", str(repository), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except OSError as error:
        raise NoCommit(f"git: {error}") from None
    except subprocess.CalledProcessError as error:
        raise NoCommit(f"git {arguments[0]}: {error.stderr.decode().strip()}") from None


def commit_of(repository: Path, name: str) -> str:
    """The full hash of a branch, a tag or a commit; raises `NoCommit` where there is none."""
    try:
        return git(repository, "rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()
    except NoCommit as error:
        raise NoCommit(f"no commit is called {name!r} in {repository} ({error})") from None


def commits_since(repository: Path, old: str, new: str) -> list[str]:
    """The commits after one up to another along first parents, the oldest first."""
    listed = git(repository, "rev-list", "--first-parent", "--reverse", f"{old}..{new}")
    return listed.decode().split()


def is_ancestor(repository: Path, old: str, new: str) -> bool:
    """Whether a commit is part of another one's history."""
    try:
        git(repository, "merge-base", "--is-ancestor", old, new)
    except NoCommit:
        return False
    return True


@contextmanager
def checkout(repository: Path, commit: str) -> Iterator[Path]:
    """A temporary folder with a commit's files; the repository itself is only read."""
    packed = git(repository, "archive", "--format=tar", commit)
    with tempfile.TemporaryDirectory(prefix=f"xgrad-{commit[:7]}-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder)


def with_tree(tree: Path, **more: str) -> dict[str, str]:
    """This process's environment, with the xgrad of a folder before the installed one."""
    return {**os.environ, "PYTHONPATH": str(tree), "ASV_PYTHONPATH": str(tree), **more}

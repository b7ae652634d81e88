"""The stages of a night: asv's suite, the agreement run, the pages, and asv's configuration."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nights
import pandas as pd
from local_scripts import Missing, localise
from suite import measure, profiles
from trees import with_tree

HERE = Path(__file__).parent
HOURS = 3600.0
PATIENCE = 8 * HOURS  # for one stage
LABELS = ("torch", "jax", "numpy")  # packages that asv's pages tell apart
UNMEASURED = (measure.ABSENT, "unavailable")
SHOWN = 5  # of a long list of problems


class Broken(Exception):
    """asv does not work: exit status 3."""


# --- asv's configuration -------------------------------------------------------------------------


def read_configuration(file: Path) -> dict[str, Any]:
    """asv's JSON with comments, whole lines each."""
    lines = file.read_text().splitlines()
    return json.loads("\n".join(line for line in lines if not line.strip().startswith("//")))


@contextmanager
def configured(given: argparse.Namespace) -> Iterator[Path]:
    """A configuration with the folders of this run, and the machine known to asv."""
    name = "asv.conf.json" if given.device == "cpu" else "asv.gpu.conf.json"
    settings = read_configuration(HERE / name)
    settings |= {
        "repo": str(given.repository.resolve()),
        "branches": [given.branch],
        "benchmark_dir": str(HERE / "suite"),
        "results_dir": str((given.results / "asv").resolve()),
        "html_dir": str(given.html.resolve()),
    }
    introduce(given.machine)
    with tempfile.TemporaryDirectory() as folder:
        settings["env_dir"] = str(Path(folder, "env"))
        file = Path(folder, "asv.conf.json")
        file.write_text(json.dumps(settings, indent=1))
        yield file


def introduce(machine: str) -> None:
    """Tell asv about this machine: its own command keeps no more than the name of a named one."""
    try:
        from asv.machine import Machine
    except ImportError:
        raise Broken("asv is not installed: pip install 'xgrad[bench]'") from None
    facts = {**Machine.get_defaults(), "machine": machine}
    Machine.load(machine_name=machine, **facts)


def asv(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run asv with this Python; its output goes to standard error."""
    command = [sys.executable, "-m", "asv", *arguments]
    return subprocess.run(command, stdout=sys.stderr, timeout=PATIENCE, **more)


def publish(config: Path, html: Path) -> None:
    """Write asv's pages, their scripts beside them where npm is there; raises `Broken`."""
    if asv("publish", "--config", str(config), "--no-pull").returncode:
        raise Broken("asv publish failed; its words are above")
    try:
        for each in localise(html):
            print(f"asv's pages load {each}", file=sys.stderr)
    except Missing as reason:
        print(reason, file=sys.stderr)


# --- one commit ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """A commit that is measured, and where its rows go."""

    commit: str
    folder: Path
    machine: str
    device: str
    profile: str

    def run_suite(self, tree: Path, config: Path) -> list[str]:
        """Measure the suite with the xgrad of a folder; returns what went wrong."""
        rows = self.folder / "timing"
        names = {profiles.PROFILE: self.profile, profiles.DEVICE: self.device}
        done = asv(
            *("run", "--config", str(config), "--python=same", "--show-stderr", "--no-pull"),
            *("--set-commit-hash", self.commit, "--machine", self.machine),
            env=with_tree(tree, **names, **{measure.ROWS: str(rows.resolve())}),
        )
        if not (rows / "rows.parquet").exists():
            return [f"the suite gave no rows (asv ended with status {done.returncode})"]
        failed = self._failed(label(Path(read_configuration(config)["results_dir"]), self))
        return failed + missing_cells(rows, tree, self.profile)

    def _failed(self, results: Path) -> list[str]:
        """asv's benchmarks that ended in an error, which it keeps as null."""
        data = json.loads(results.read_text())
        column = data["result_columns"].index("result")
        found = {name: row[column:] for name, row in data["results"].items()}
        failed = [name for name, row in found.items() if not row or not row[0] or None in row[0]]
        return [f"asv: {name} failed" for name in failed]

    def run_agreement(self, tree: Path) -> list[str]:
        """`xgrad run` with the xgrad of a folder; returns what went wrong."""
        chosen = profiles.find_profile(self.profile).selection()
        out = (self.folder / "agreement").resolve()
        arguments = [*chosen, "--device", self.device, "--out", str(out), "--format", "csv"]
        done = xgrad(tree, "run", *arguments)
        if done.returncode not in (0, 1) or not (out / "rows.parquet").exists():
            words = done.stderr.decode().strip().splitlines()[-1:]
            return [f"the agreement run ended with status {done.returncode}: {''.join(words)}"]
        return missing_verdicts(out, tree, self.profile)


def xgrad(tree: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the xgrad of a folder; what it says is kept."""
    command = [sys.executable, "-m", "xgrad", *arguments]
    return subprocess.run(
        command, cwd=tree, env=with_tree(tree), capture_output=True, timeout=PATIENCE
    )


# --- planned and present -------------------------------------------------------------------------


def missing_cells(rows: Path, tree: Path, profile: str) -> list[str]:
    """Planned cells of the cases that this commit has, without a number or a verdict."""
    there = profiles.shipped_cases(tree / "cases")
    planned = [p for p in profiles.find_profile(profile).places() if p.case in there]
    found = measure.records(rows)
    gone = []
    for place in planned:
        row = measure.find_row(found, place)
        if row is None or row["status"] in UNMEASURED:
            gone.append(f"{place.case} {place.size} {place.dtype} {place.method}")
    return _counted(gone, len(planned), "cells of the suite")


def missing_verdicts(out: Path, tree: Path, profile: str) -> list[str]:
    """Cases and dtypes that `xgrad list` has and the agreement run does not."""
    chosen = profiles.find_profile(profile)
    listed = xgrad(tree, "list", *chosen.selection()).stdout.decode().splitlines()
    names = [line.split()[0] for line in listed if line and not line[0].isspace()]
    planned = {(name, dtype) for name in names for dtype in chosen.dtypes}
    frame = pd.read_parquet(out / "rows.parquet")
    gone = planned - set(zip(frame["case"], frame["dtype"], strict=True))
    return _counted(sorted(map(" ".join, gone)), len(planned), "cases of the agreement run")


def _counted(gone: list[str], planned: int, what: str) -> list[str]:
    if not planned:
        return [f"no {what} were planned"]
    if not gone:
        return []
    shown = ", ".join(gone[:SHOWN]) + (", …" if len(gone) > SHOWN else "")
    return [f"{len(gone)} of {planned} {what} are missing: {shown}"]


# --- asv's history -------------------------------------------------------------------------------


def label(results: Path, stage: Stage) -> Path:
    """Tell asv's record of a commit which packages it was measured with; returns its new file.

    asv knows nothing about what is installed in an existing environment, and would overwrite the
    record of another version.
    """
    (file,) = (results / stage.machine).glob(f"{stage.commit[:8]}-existing*.json")
    data = json.loads(file.read_text())
    versions = {name: nights.installed()[name] for name in LABELS}
    said = {**versions, "device": stage.device, "profile": stage.profile}
    data["params"] |= said
    data["env_name"] = "-".join(f"{name}{value}" for name, value in said.items() if value)
    named = file.with_name(f"{stage.commit[:8]}-{data['env_name']}.json")
    named.write_text(json.dumps(data))
    file.unlink()
    return named

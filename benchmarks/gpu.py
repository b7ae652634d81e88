"""What one accelerator can tell in under ten minutes.

    python -m benchmarks.gpu            # writes results/gpu.md
    python -m benchmarks.gpu --quick    # a twelfth of the library, for a try

Its tests, the source problems and a third of the library in four dtypes there and on the CPU, fused
kernels in 16-bit types, what derivatives cost. The verdicts go to results/runs/<date>-<card>, the
timings to results/runs/<date>-<card>-time, tables of both to results/gpu.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).parents[1]
SOURCES = ("calculus", "deep_learning/layers.py", "deep_learning/mlp.py",
           "deep_learning/softmax.py", "embedding/tsne.py")  # fmt: skip
DTYPES = ("float64", "float32", "bfloat16", "float16")
PLACE = ["case", "size", "point", "operator", "framework", "technique", "dtype", "seed"]
WORKERS = str(min(12, os.cpu_count() or 1))
FEW = 5  # seeds of a kernel
LISTED = 40  # rows of a table of differences


def card(device: str) -> str:
    """The name of an accelerator as a part of a path."""
    import torch

    if device.startswith("cuda") and torch.cuda.is_available():
        name = torch.cuda.get_device_name(device)
    else:
        import jax

        name = jax.devices()[0].device_kind
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def find_accelerator() -> str:
    """The kind of the first device that is no CPU; ends the program where there is none."""
    from xgrad.running import find_devices

    found = [d for d in find_devices() if d != "cpu"]
    if not found:
        sys.exit("no framework sees a device beside the CPU: xgrad doctor says what is installed")
    return found[0]


def xgrad(*arguments: str) -> int:
    """Run a command of xgrad from this checkout; its words go to standard error."""
    return _run("xgrad", *arguments, stdout=sys.stderr).returncode


def _run(*module: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a module of Python with this checkout on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", *module]
    return subprocess.run(command, env=environment, cwd=ROOT, text=True, **more)


# --- the stages: each returns a section of the page ----------------------------------------------


def tests(device: str, quick: bool) -> str:
    """The tests that need an accelerator."""
    plugin = ["-p", "xgrad.checking.pytest_plugin"] if "xgrad" not in _plugins() else []
    done = _run("pytest", *plugin, "-q", "-m", "gpu", "tests", capture_output=True)
    print(done.stdout[-3000:], file=sys.stderr)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-300:]
    return f"`pytest -m gpu`: {last.strip('= ')}"


def _plugins() -> set[str]:
    from importlib.metadata import entry_points

    return {entry.name for entry in entry_points(group="pytest11")}


def agreement(device: str, quick: bool, out: Path) -> str:
    """Source problems and a share of the library, on the accelerator and on the CPU."""
    share = "1/12" if quick else "1/3"
    asked = {"sources": [f"cases/{p}" for p in SOURCES], "library": ["--shard", share]}
    parts = []
    for name, words in asked.items():
        for place in (device, "cpu"):  # apart, so that a share is of the same cells
            parts.append(out.with_name(f".{out.name}-{name}-{place}"))
            chosen = ("--device", place, "--dtype", ",".join(DTYPES), "--workers", WORKERS)
            xgrad("run", *words, *chosen, "--format", "csv", "--out", str(parts[-1]))
    xgrad("merge", *map(str, parts), "--to", str(out))
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    return told_verdicts(out, device)


def told_verdicts(out: Path, device: str) -> str:
    """The section of saved verdicts."""
    frame = pd.read_parquet(out / "rows.parquet")
    failed = _failures(frame[frame["device"] == device])
    return "\n\n".join([_counts(frame), _differences(frame, device), failed])


def _counts(frame: pd.DataFrame) -> str:
    from xgrad.table import KNOWN

    said = frame["verdict"].where(frame["verdict"] != "", frame["status"])
    known = frame["message"].str.startswith(KNOWN)
    said = said.where(~known, "known")
    table = pd.crosstab([frame["device"], frame["dtype"]], said).reset_index()
    return f"{len(frame):,} rows:\n\n{table.to_markdown(index=False)}"


def _differences(frame: pd.DataFrame, device: str) -> str:
    """Where the accelerator and the CPU have other verdicts."""
    there, here = (
        frame[frame["device"] == d].set_index(PLACE)[["status", "verdict", "digits", "hint"]]
        for d in (device, "cpu")
    )
    both = there.join(here, lsuffix=" there", rsuffix=" here", how="inner")
    other = both[
        (both["verdict there"] != both["verdict here"])
        | (both["status there"] != both["status here"])
    ].reset_index()
    digits = both["digits there"] - both["digits here"]
    told = (
        f"{len(both):,} rows on both: the accelerator keeps {digits.median():+.2f} digits more in "
        f"the median, from {digits.min():+.1f} to {digits.max():+.1f}; {len(other)} have another "
        "verdict or status."
    )
    if other.empty:
        return told
    other["method"] = other["framework"] + "." + other["technique"]
    columns = ["case", "operator", "method", "dtype", "status there", "verdict there",
               "digits there", "status here", "verdict here", "digits here"]  # fmt: skip
    return f"{told}\n\n{other[columns].head(LISTED).to_markdown(index=False, floatfmt='.1f')}"


def _failures(frame: pd.DataFrame) -> str:
    from xgrad.judging import is_failure
    from xgrad.table import records

    wrong = [r for r in records(frame) if is_failure(r)]
    if not wrong:
        return (
            "Nothing that is not listed as known disagrees on the accelerator, and nothing failed."
        )
    shown = pd.DataFrame(wrong)
    shown["method"] = shown["framework"] + "." + shown["technique"]
    shown["message"] = shown["message"].str.slice(0, 100)
    columns = ["case", "operator", "method", "dtype", "status", "verdict", "digits", "worst",
               "hint", "message"]  # fmt: skip
    return f"{len(wrong)} rows disagree or failed on the accelerator:\n\n" + shown[columns].head(
        LISTED
    ).to_markdown(index=False, floatfmt=".1f")


def kernels(device: str, quick: bool) -> str:
    """Kernels in 16-bit types: ours, right and wrong, and those that PyTorch ships."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import low_precision

    ours = low_precision.summarise(low_precision.measure(FEW, device))
    return "\n\n".join([
        "Fused kernels of `benchmarks/kernels.py`, right and subtly wrong:",
        ours.to_markdown(index=False, floatfmt=".2f"),
        "Kernels that PyTorch ships, beside the plain operations:",
        pd.DataFrame(_shipped(device)).to_markdown(index=False, floatfmt=".2f"),
    ])  # fmt: skip


def _shipped(device: str) -> list[dict[str, object]]:
    import torch
    import torch.nn.functional as F

    import xgrad

    def layer_norm(x, w, b):
        centred = x - x.mean(-1, keepdim=True)
        return w * centred * torch.rsqrt((centred**2).mean(-1, keepdim=True) + 1e-5) + b

    def attention(q, k, v):
        weights = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1)
        return weights @ v

    def gelu(x):
        return x * 0.5 * (1 + torch.erf(x / 2**0.5))

    rng = torch.Generator().manual_seed(0)
    x, w, b = (torch.randn(shape, generator=rng) for shape in ((16, 64), (64,), (64,)))
    q, k, v = (torch.randn((2, 16, 32), generator=rng) for _ in range(3))
    trials = (
        ("F.layer_norm", lambda x, w, b: F.layer_norm(x, w.shape, w, b), layer_norm, (x, w, b)),
        ("F.scaled_dot_product_attention", F.scaled_dot_product_attention, attention, (q, k, v)),
        ("F.gelu", lambda x: F.gelu(x), gelu, (x,)),
    )
    rows: list[dict[str, object]] = []
    for name, kernel, plain, inputs in trials:
        frame = xgrad.check(
            kernel, inputs, like=plain, dtypes=("bfloat16", "float16"), devices=(device,)
        )
        for row in frame[frame["technique"] != "reverse"].to_dict("records"):
            shown = ("operator", "dtype", "status", "verdict", "digits", "multiple", "message")
            rows.append({"kernel": name, **{key: row[key] for key in shown}})
            rows[-1]["message"] = str(row["message"])[:80]
    return rows


def timings(device: str, quick: bool, out: Path) -> str:
    """What derivatives cost on the accelerator and on one core of the CPU."""
    cases = ("tsne_kl", "softmax_cross_entropy", "mlp_input", "causal_attention")
    chosen = ("--dtype", "float32", "--method", "torch.reverse,jax.reverse", "--limit", "1")
    asked = ("--operator", "gradient,vjp", "--size", "medium" if quick else "medium,large")
    budget = ("--budget", "2", "--format", "csv")  # large sizes are judged along directions
    xgrad("time", *cases, "--device", f"{device},cpu", *chosen, *asked, *budget, "--out", str(out))
    return told_timings(out)


def told_timings(out: Path) -> str:
    """The section of saved timings: milliseconds of a derivative, and its peak of memory in MB."""
    frame = pd.read_parquet(out / "rows.parquet")
    frame = frame[frame["derivative"].notna()]
    frame["ms"], frame["MB"] = 1e3 * frame["derivative"], frame["peak_memory"] / 1e6
    frame["method"] = frame["framework"] + "." + frame["technique"]
    wide = frame.pivot_table(
        index=["case", "size", "inputs", "method"], columns="device", values=["ms", "MB"]
    )
    wide.columns = [f"{device} {unit}" for unit, device in wide.columns]
    return wide.reset_index().to_markdown(index=False, floatfmt=".3f")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twelfth of the library")
    parser.add_argument("--results", type=Path, default=ROOT / "results", metavar="DIR")
    given = parser.parse_args()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # torch is there too
    device = find_accelerator()
    name = f"{datetime.date.today():%Y-%m-%d}-{card(device)}"
    runs = given.results / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    stages = {
        "Verdicts": lambda: agreement(device, given.quick, runs / name),
        "Kernels in 16-bit types": lambda: kernels(device, given.quick),
        "What a derivative costs": lambda: timings(device, given.quick, runs / f"{name}-time"),
        "Tests": lambda: tests(device, given.quick),
    }
    sections, spent = [], {}
    for title, stage in stages.items():
        started = time.perf_counter()
        try:
            sections.append(f"## {title}\n\n{stage()}")
        except Exception as error:  # what the other stages found is worth keeping
            sections.append(f"## {title}\n\nThis stage failed: {type(error).__name__}: {error}")
        spent[title] = time.perf_counter() - started
        print(f"{title}: {spent[title]:.0f} s", file=sys.stderr)
        (given.results / "gpu.md").write_text(page(device, name, sections, spent))


def page(device: str, name: str, sections: list[str], spent: dict[str, float]) -> str:
    """The whole page."""
    from xgrad.running import describe_machine

    about = describe_machine()
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items() if v)
    seconds = ", ".join(f"{k.lower()} {v:.0f} s" for k, v in spent.items())
    seen = json.dumps({k: v["devices"] for k, v in about["frameworks"].items()})
    return "\n\n".join([
        "# On an accelerator",
        f"`python -m benchmarks.gpu` on {name.split('-', 3)[3]} ({device}), {about['system']}, "
        f"{about['cores']} cores; {versions}; devices seen: {seen}. It took: {seconds}.",
        *sections, "",
    ])  # fmt: skip


if __name__ == "__main__":
    main()

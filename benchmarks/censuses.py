"""The census of a framework that is new here: `xgrad census`, once for each version.

    results/census/<machine>/<framework>-<version>/     as `xgrad census --out` writes it

A census that was broken off goes on the next night.
"""

from pathlib import Path

import nights
import stages

FRAMEWORKS = ("torch", "jax")
SHOWN = 3  # last lines of what a census said


def folder_of(root: Path, framework: str) -> Path:
    """Where the census of the version that is installed lies, or will."""
    return root / f"{framework}-{nights.installed()[framework]}"


def due(root: Path) -> dict[str, str]:
    """Frameworks whose installed version has no finished census, each with the reason."""
    installed = nights.installed()
    found = {}
    for name in FRAMEWORKS:
        if not installed.get(name) or (folder_of(root, name) / "rows.parquet").exists():
            continue
        before = sorted(p.parent.name for p in root.glob(f"{name}-*/rows.parquet"))
        found[name] = f"{name} {installed[name]}" + (
            f"; known: {', '.join(before)}" if before else ""
        )
    return found


def take(framework: str, root: Path, tree: Path, device: str) -> str:
    """Make a framework's census with the xgrad of a folder; returns what went wrong."""
    out = folder_of(root, framework).resolve()
    again = ["--resume"] if out.exists() else []
    done = stages.xgrad(
        tree, "census", framework, "--device", device, "--out", str(out), "--format", "csv", *again
    )
    if done.returncode in (0, 1) and (out / "rows.parquet").exists():
        return ""  # 1: it found what is wrong, which its pages tell
    words = done.stderr.decode().strip().splitlines()[-SHOWN:]
    return f"the census of {framework} ended with status {done.returncode}: {' '.join(words)}"

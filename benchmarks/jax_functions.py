"""Every differentiable function of JAX's own library, certified in balls.

    python -m benchmarks.jax_functions > results/jax_functions.md
    python -m benchmarks.jax_functions --only jax.scipy.special
    python -m benchmarks.jax_functions --complex --rows complex.jsonl > results/jax_complex.md

Each function gets the first of a list of simple inputs at which it is finite and moves; with
`--complex` they have imaginary parts, and what takes none, or has no derivative in JAX, is left
out. A run that was interrupted goes on where it was with the same `--rows`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from program_certificates import Certificate, certify

from xgrad.programs.failures import NoBallRule
from xgrad.programs.jax import JaxProgram

SECONDS = 120  # of processor time, for one function


def _census() -> Any:
    """The census's file of JAX: what its functions are, and inputs for them."""
    path = Path(__file__).parents[1] / "cases" / "census" / "jax_functions.py"
    spec = spec_from_file_location("jax_census", path)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


CENSUS = _census()
inputs, with_imaginary_parts = CENSUS.inputs, CENSUS.with_imaginary_parts


@dataclass(frozen=True)
class Row:
    """One function, and what was found."""

    module: str
    name: str
    grade: str
    certificate: Certificate | None = None
    reason: str = ""
    seconds: float = 0.0

    @property
    def tried(self) -> bool:
        """Whether it is a function that can be judged."""
        return self.grade not in ("no inputs", "not differentiable")


# --- inputs --------------------------------------------------------------------------------------


# Complex vectors of any phase: derivatives are those of what no phase changes.
FREE = frozenset(("eigh", "svd"))


def _without_phases(function: Callable[..., Any]) -> Callable[..., Any]:
    """The values of a decomposition, and v vᴴ or u vᴴ of each in place of its vectors."""

    def call(*arguments: Any) -> list[Any]:
        parts = list(function(*arguments))
        vectors = [p for p in parts if p.ndim == 2]
        left, right = vectors[0], vectors[1] if len(vectors) == 2 else jnp.conj(vectors[0]).T
        values = [p for p in parts if p.ndim == 1]
        return [*values, jnp.einsum("ik,kj->kij", left, right)]

    return call


def differentiated(
    function: Callable[..., Any], arguments: Any
) -> tuple[Callable[..., list[Any]], list[np.ndarray]]:
    """A function of its float arrays alone, with real outputs, and these arrays.

    Complex ones are pairs of reals, the real and the imaginary part behind the other axes.
    """
    leaves, tree = jax.tree.flatten(arguments)
    at = [i for i, a in enumerate(leaves) if CENSUS.is_float_array(a) or CENSUS.is_complex_array(a)]
    at = at or [i for i, a in enumerate(leaves) if isinstance(a, float)]

    def call(*given: Any) -> list[Any]:
        whole = list(leaves)
        for i, g in zip(at, given, strict=True):
            whole[i] = (
                jax.lax.complex(g[..., 0], g[..., 1]) if CENSUS.is_complex_array(whole[i]) else g
            )
        outs = jax.tree.leaves(function(*jax.tree.unflatten(tree, whole)))
        floats = [o for o in outs if jnp.issubdtype(jnp.result_type(o), jnp.inexact)]
        parts = [(o.real, o.imag) if jnp.iscomplexobj(o) else (o,) for o in floats]
        return [jnp.asarray(p, dtype=jnp.float64) for each in parts for p in each]

    return call, [_in_pairs(leaves[i]) for i in at]


def _in_pairs(a: Any) -> np.ndarray:
    if CENSUS.is_complex_array(a):
        return np.stack([np.real(a), np.imag(a)], axis=-1)
    return np.asarray(a, dtype=np.float64)


def certify_jax(function: Callable[..., Any], *arguments: Any, **options: Any) -> Certificate:
    """The certificate of `jax.vjp` of a function."""
    call, x = differentiated(function, arguments)

    def plain(weights: Sequence[Any]) -> tuple[Any, Any]:
        def both(x: Any, w: Any) -> tuple[Any, Any]:
            y, pull = jax.vjp(call, *x)
            return y, pull(list(w))

        y, gradient = jax.jit(both, compiler_options={"xla_backend_optimization_level": 0})(
            list(map(jnp.asarray, x)), list(map(jnp.asarray, weights))
        )
        return y, gradient

    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        return certify(JaxProgram(call), x, plain, **options)


def fitting(function: Callable[..., Any], made: Callable[[Any], Any]) -> tuple[Any, ...] | str:
    """The first inputs at which it is finite and moves with them, or why there are none.

    They are those of the list as `made` of them.
    """
    reason = UNFIT
    for arguments in map(made, inputs()):
        found = unfit(function, arguments, made is with_imaginary_parts)
        if not found:
            return arguments
        reason = reason if found == UNFIT else found
    return reason


UNFIT = "no inputs fit"


def unfit(function: Callable[..., Any], arguments: Any, complex_: bool) -> str:
    """Why a function cannot be judged at these inputs, of which some may have to be complex."""
    try:
        call, x = differentiated(function, arguments)
        if not x or (
            complex_ and not any(map(CENSUS.is_complex_array, jax.tree.leaves(arguments)))
        ):
            return UNFIT
        jax.eval_shape(call, *x)
        jax.eval_shape(lambda *each: jax.vjp(call, *each)[1](call(*each)), *x)
        out = call(*x)
        moved = call(*[a * (1 + 1e-3 * (1 + j)) + 1e-4 for j, a in enumerate(x)])
    except _Late:
        raise
    except Exception:  # any of many: these inputs are not for this function
        return UNFIT
    if not out:
        return "no float output"
    if not all(bool(jnp.all(jnp.isfinite(o))) for o in out):
        return "not finite"
    if [a.shape for a in moved] != [o.shape for o in out]:
        return UNFIT
    return "" if any(bool(jnp.any(a != b)) for a, b in zip(out, moved, strict=True)) else "constant"


# --- the run -------------------------------------------------------------------------------------


class _Late(BaseException):
    """A function that takes too long."""


def _late(*ignored: Any) -> None:
    raise _Late


def examine(
    module: str, name: str, function: Callable[..., Any], made: Callable[[Any], Any]
) -> Row:
    """What is found of one function: a failure is a row too."""
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        given, named = CENSUS.particular(module, name)
        function = partial(function, **named) if named else function
        if made is with_imaginary_parts:
            function = _without_phases(function) if name in FREE else function
            given = given if not unfit(function, made(given), True) else ()
        arguments = made(given) or fitting(function, made)
        if isinstance(arguments, str):
            return Row(module, name, "no inputs", reason=arguments)
        found = certify_jax(function, *arguments)
        seconds = time.process_time() - start
        return Row(module, name, found.grade, found, found.reason, seconds)
    except NoBallRule as error:
        return Row(module, name, "no rule", reason=str(error))
    except _Late:
        return Row(module, name, "late", reason=f"more than {SECONDS} s")
    except Exception as error:
        text = " ".join(str(error).split())[:120]
        refused = "ifferent" in text and not isinstance(error, TypeError)
        grade = "not differentiable" if refused else "error"
        return Row(module, name, grade, reason=f"{type(error).__name__}: {text}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def functions(only: Sequence[str] = ()) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Every public function of the modules, once, whose name starts with one of `only`."""
    for module, name, function in CENSUS.functions():
        if not only or any(f"{module}.{name}".startswith(each) for each in only):
            yield module, name, function


def _real(arguments: Any) -> Any:
    return arguments


def rows(
    only: Sequence[str] = (), made: Callable[[Any], Any] = _real, kept: Path | None = None
) -> Iterator[Row]:
    """The functions, one after the other, at inputs as `made` of those of the list.

    Each is added to the file `kept`, and taken from there where it is.
    """
    known = _read(kept) if kept is not None and kept.exists() else {}
    signal.signal(signal.SIGPROF, _late)
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, each in enumerate(functions(only)):
            if each[:2] in known:
                yield known[each[:2]]
                continue
            row = examine(*each, made)
            if kept is not None:
                with kept.open("a") as file:
                    print(json.dumps(asdict(row)), file=file)
            print(f"{row.seconds:6.1f} s  {row.module}.{row.name}: {row.grade} {row.reason}",
                  file=sys.stderr, flush=True)  # fmt: skip
            yield row
            if k % 40 == 39:
                jax.clear_caches()


def _read(kept: Path) -> dict[tuple[str, str], Row]:
    """The rows of an earlier run, by module and name."""
    found = {}
    for row in map(json.loads, kept.read_text().splitlines()):
        certificate = row["certificate"] and Certificate(**row["certificate"])
        found[row["module"], row["name"]] = Row(**{**row, "certificate": certificate})
    return found


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=(), help="names that functions start with")
    parser.add_argument("--complex", action="store_true", help="inputs with imaginary parts")
    parser.add_argument(
        "--rows", type=Path, help="a file that keeps the rows: what it has is not run again"
    )
    jax.config.update("jax_traceback_filtering", "off")  # most inputs do not fit, each an error
    given = parser.parse_args()
    found: list[Row] = []
    with suppress(KeyboardInterrupt):  # what is found until then
        found.extend(rows(given.only, with_imaginary_parts if given.complex else _real, given.rows))
    print(page(found, COMPLEX if given.complex else TITLE))


TITLE = "# JAX's own functions, certified in balls"
COMPLEX = """# JAX's own functions of complex numbers, certified in balls as real functions of pairs

The vectors of `eigh` and `svd` are judged as v vᴴ and u vᴴ, which no phase changes: JAX returns
them with real first elements (of one side of `svd`), and its derivative is that of other phases."""


_SIGN = "of a complex number it is z / abs(z), and JAX has 0 for its derivative"
_APPROXIMATE = "its approximation has the digits of float64"
# What is known not to be the derivative, or not to all digits, and why.
KNOWN = {
    "jax.scipy.linalg.cholesky": "its rule holds along Hermitian directions only",
    "jax.scipy.linalg.cho_factor": "its rule holds along Hermitian directions only",
    "jax.scipy.special.wofz": _APPROXIMATE,
    "jax.scipy.special.erfcx": _APPROXIMATE,
    "jax.nn.dot_product_attention": "its softmax is taken in float32",
    "jax.lax.sign": _SIGN,
    "jax.numpy.sign": _SIGN,
    "optax.projections.projection_l1_ball": f"`sign` inside: {_SIGN}",
    "optax.projections.projection_l1_sphere": f"`sign` inside: {_SIGN}",
}


def page(found: Sequence[Row], title: str) -> str:
    """The table, what is not certified first."""
    tried = [row for row in found if row.tried]
    certified = [row for row in tried if row.grade == "certified" and not row.reason]
    right = [row for row in tried if row.certificate is not None and row.certificate.right]
    lines = [
        title,
        "",
        f"{len(tried)} functions evaluated; {len(certified)} certified to 40 digits and more, "
        f"{len(right)} certified or graded right. JAX {jax.__version__}.",
        "",
        "| function | grade | digits | constants recognised | reason |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for row in sorted(tried, key=lambda r: (r.grade == "certified" and not r.reason, r.module)):
        c, name = row.certificate, f"{row.module}.{row.name}"
        digits = f"{c.digits:.0f} | {c.recognised:.0f}" if c is not None else " | "
        why = "; ".join(filter(None, (row.reason, row.reason and KNOWN.get(name))))
        lines.append(f"| `{name}` | {row.grade} | {digits} | {why} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

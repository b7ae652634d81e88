"""What was compiled of a program serves an equal one, and no other."""

from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax")
# ruff: noqa: E402
import jax.numpy as jnp

import xgrad
from xgrad.frameworks import find_framework, jax_alike

X = np.linspace(-1.3, 2.1, 6).reshape(2, 3)
TABLE = np.linspace(0.5, 1.5, 6).reshape(2, 3)
OTHER = TABLE.copy()
OTHER[1, 2] = np.nextafter(OTHER[1, 2], 2.0)


@pytest.fixture(autouse=True)
def forgotten():
    jax_alike.forget_alike()
    yield
    jax_alike.forget_alike()


def run(f, x=X):
    """What serves for f at x, and whether it is what was compiled of another."""
    with find_framework("jax").scope():
        jitted, given = jax.jit(lambda x: f(x)), (jnp.asarray(x),)
        found = jax_alike.alike(jitted, given)
        return np.asarray(found(*given)), found is not jitted


def scaled(factor, x):
    return jnp.sum(factor * jnp.sin(x))


def rows(axis, x):
    return jnp.sum(jnp.cumsum(jnp.exp(x), axis=axis) ** 2)


def doubled(rule, x):
    """The gradient of a function whose backward pass is `rule`."""
    f = jax.custom_vjp(lambda x: jnp.sum(x * x))
    f.defvjp(lambda x: (jnp.sum(x * x), x), lambda x, w: (rule(x) * w,))
    return jax.grad(f)(x)


def picked(mode, x):
    return jnp.sum(x.at[jnp.array([0, 7])].get(mode=mode, fill_value=0.0))


def through(dtype, x):
    return jnp.sum(jnp.exp(x).astype(dtype).astype(x.dtype))


def branches(swapped, x):
    one, other = (jnp.sin, jnp.cos) if swapped else (jnp.cos, jnp.sin)
    return jnp.sum(jax.lax.cond(x[0, 0] > 0, one, other, x))


def drawn(seed, x):
    return jnp.sum(x * jax.random.normal(jax.random.PRNGKey(seed), x.shape))


def divided(zero, x):
    return jnp.sum(1.0 / (x * 0.0 + zero))


@pytest.mark.parametrize(
    ("f", "one", "another"),
    [
        (scaled, 3.0, np.nextafter(3.0, 4.0)),
        (scaled, TABLE, OTHER),
        (scaled, TABLE, TABLE.T.reshape(2, 3)),
        (rows, 0, 1),
        (doubled, lambda x: 2 * x, lambda x: 2.00001 * x),
        (picked, "clip", "fill"),
        (through, "float32", "bfloat16"),
        (branches, False, True),
        (drawn, 0, 1),
        (divided, -0.0, 0.0),
    ],
)  # fmt: skip
def test_a_program_that_differs_in_the_least_is_another(f, one, another):
    before, was_kept = run(partial(f, one))
    assert not was_kept
    again, is_kept = run(partial(f, one))
    assert is_kept
    assert again.tobytes() == before.tobytes()
    other, is_kept = run(partial(f, another))
    assert not is_kept
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        expected = np.asarray(jax.jit(partial(f, another))(jnp.asarray(X)))
    assert other.tobytes() == expected.tobytes()
    assert not np.array_equal(other, before)


def test_types_and_flags_are_part_of_a_program():
    f = partial(scaled, 3.0)
    run(f)
    assert not run(f, X.astype("float32"))[1]
    assert not run(f, X.reshape(3, 2))[1]
    with jax.threefry_partitionable(not jax.config.jax_threefry_partitionable):
        assert not run(f)[1]
    assert run(f)[1]


def test_what_asks_the_world_is_not_kept():
    def called(x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jnp.sum(jax.pure_callback(lambda a: np.asarray(a) * 2, shape, x))

    def printed(x):
        jax.debug.callback(lambda: None)
        return jnp.sum(x)

    for f in (called, printed):
        run(f)
        assert not run(f)[1]


def test_large_constants_are_not_kept_and_few_programs_are(monkeypatch):
    monkeypatch.setattr(jax_alike, "LARGEST", 40)
    run(partial(scaled, TABLE))
    assert not run(partial(scaled, TABLE))[1]
    monkeypatch.setattr(jax_alike, "MOST", 2)
    for factor in (1.5, 2.5, 3.5):
        run(partial(scaled, factor))
    assert not run(partial(scaled, 1.5))[1]
    assert run(partial(scaled, 3.5))[1]


RULE = {"factor": 2.0}


@jax.custom_vjp
def square(x):
    return jnp.sum(x * x)


square.defvjp(lambda x: (square(x), x), lambda x, w: (RULE["factor"] * x * w,))


def test_a_backward_pass_that_was_changed_is_judged_anew(monkeypatch):
    assert set(xgrad.check(square, [X]).verdict) == {"agrees"}
    monkeypatch.setitem(RULE, "factor", 2.0 + 1e-5)
    assert "disagrees" in set(xgrad.check(square, [X]).verdict)
    monkeypatch.undo()
    assert set(xgrad.check(square, [X]).verdict) == {"agrees"}


def test_a_second_check_lowers_nothing():
    lowered = []

    def listen(event, duration, **_):
        lowered.append(event) if "mlir" in event else None

    f = lambda x: jnp.sum(jnp.sin(x) * 7.0)  # noqa: E731
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        first = xgrad.check(f, [X], invariances=())
        assert lowered
        lowered.clear()
        again = xgrad.check(lambda x: f(x), [X], invariances=())
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not lowered
    assert list(again.digits) == list(first.digits)

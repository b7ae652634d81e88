"""Programs that JAX compiled are read by the next check, and nobody's settings are changed."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

jax = pytest.importorskip("jax")
# ruff: noqa: E402
import jax.numpy as jnp
from jax.experimental.compilation_cache.compilation_cache import reset_cache

import xgrad
from xgrad.frameworks import find_framework, jax_programs

HITS, COMPILED = "/jax/compilation_cache/cache_hits", "/jax/compilation_cache/cache_misses"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A place of its own for what is kept, and nothing traced before."""
    find_framework("jax").forget()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def events():
    """What JAX reports of its cache."""
    seen = []
    listen = lambda event, **_: seen.append(event)  # noqa: E731 - unregistered by identity
    jax.monitoring.register_event_listener(listen)
    yield seen
    jax.monitoring.unregister_event_listener(listen)


def programs(folder):
    return sorted(folder.rglob("jit*"))


def checked(number=3.0):
    return xgrad.check(lambda x: jnp.sum(jnp.sin(number * x)), [np.array([0.3, 0.5])])


def test_a_program_that_was_met_is_read(folder, events):
    first = checked()
    assert programs(folder)
    events.clear()
    find_framework("jax").forget()
    again = checked()
    assert HITS in events
    assert COMPILED not in events
    assert list(again.digits) == list(first.digits)
    checked(number=4.0)
    assert COMPILED in events  # another function is another program


def test_a_program_that_was_read_says_the_same_to_the_last_bit(folder):
    x = np.linspace(-2.0, 2.0, 101)
    told = []
    for _ in range(2):
        with find_framework("jax").scope():
            told.append(np.asarray(jax.jit(jax.grad(lambda x: jnp.sum(jnp.exp(jnp.tanh(x)))))(x)))
        jax.clear_caches()
    with jax.enable_x64(True):
        plain = np.asarray(jax.jit(jax.grad(lambda x: jnp.sum(jnp.exp(jnp.tanh(x)))))(x))
    assert programs(folder)
    assert told[0].tobytes() == told[1].tobytes() == plain.tobytes()


def test_afterwards_nothing_of_the_callers_is_kept(folder):
    checked()
    assert jax.config.jax_compilation_cache_dir is None
    before = programs(folder)
    jax.jit(lambda x: jnp.cos(x) * 7)(np.arange(3.0))
    assert programs(folder) == before


def test_a_cache_of_the_callers_stands(folder, tmp_path_factory):
    theirs = str(tmp_path_factory.mktemp("theirs"))
    jax.config.update("jax_compilation_cache_dir", theirs)
    try:
        checked()
        assert jax.config.jax_compilation_cache_dir == theirs
        assert not programs(folder)
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
        reset_cache()


def test_who_switched_it_off_has_none(folder):
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        checked()
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
    assert not programs(folder)


def test_a_home_that_cannot_be_written_is_no_failure(folder, monkeypatch):
    blocked = folder / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert set(checked().verdict) == {"agrees"}


def test_a_damaged_program_is_compiled_anew(folder):
    checked()
    for each in programs(folder):
        each.write_bytes(each.read_bytes()[:-20])
    find_framework("jax").forget()
    assert set(checked().verdict) == {"agrees"}


def test_many_write_the_same_program_and_none_is_ever_read_in_part(tmp_path):
    kept, whole = jax_programs.Kept(tmp_path), bytes(range(256)) * 4096

    def work(number):
        kept.put("key", whole)
        return kept.get("key")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(200))) == {whole}
    assert [f.name for f in tmp_path.iterdir()] == ["key"]


def test_what_was_written_first_goes_where_there_is_too_much(tmp_path, monkeypatch):
    for age, name in enumerate(["new", "old"]):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    monkeypatch.setattr(jax_programs, "LARGEST", 150)
    jax_programs.Kept(tmp_path).shrink()
    assert [f.name for f in tmp_path.iterdir()] == ["new"]

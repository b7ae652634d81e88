"""A port beside its original: the same function or another, and the derivative of each."""

import numpy as np
import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = jax.numpy
functional = torch.nn.functional

RNG = np.random.default_rng(11)


def draw(*shape):
    return RNG.normal(size=shape)


def torch_attention(q, k, v):
    return functional.scaled_dot_product_attention(q, k, v, is_causal=True)


def jax_attention(q, k, v):
    scores = q @ k.T / jnp.sqrt(q.shape[-1])
    allowed = jnp.tril(jnp.ones(scores.shape, dtype=bool))
    return jax.nn.softmax(jnp.where(allowed, scores, -jnp.inf), axis=-1) @ v


def jax_unscaled_attention(q, k, v):
    return jax_attention(q * (1 + 1e-9), k, v)


def torch_layer_norm(x, weight, bias):
    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps=1e-5)


def jax_layer_norm(x, weight, bias):
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    spread = jnp.mean(centred**2, axis=-1, keepdims=True)
    return centred / jnp.sqrt(spread + 1e-5) * weight + bias


def jax_layer_norm_of_samples(x, weight, bias):
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    return centred / jnp.sqrt(jnp.var(x, axis=-1, keepdims=True, ddof=1) + 1e-5) * weight + bias


def torch_lstm(x, h, c, w, u):
    i, f, g, o = (w @ x + u @ h).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.cat([torch.sigmoid(o) * torch.tanh(c), c])


def jax_lstm(x, h, c, w, u):
    i, f, g, o = jnp.split(w @ x + u @ h, 4)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jnp.concatenate([jax.nn.sigmoid(o) * jnp.tanh(c), c])


def jax_lstm_of_other_gates(x, h, c, w, u):
    f, i, g, o = jnp.split(w @ x + u @ h, 4)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jnp.concatenate([jax.nn.sigmoid(o) * jnp.tanh(c), c])


def torch_gelu(x):
    return functional.gelu(x)


def jax_gelu(x):
    return jax.nn.gelu(x, approximate=False)


def jax_gelu_by_tanh(x):
    return jax.nn.gelu(x, approximate=True)


def torch_mixture(x, logits, means, scales):
    from torch import distributions as d

    components = d.Normal(means, torch.exp(scales), validate_args=False)
    chosen = d.Categorical(logits=logits, validate_args=False)
    return d.MixtureSameFamily(chosen, components, validate_args=False).log_prob(x).sum()


def jax_mixture(x, logits, means, scales):
    each = jax.scipy.stats.norm.logpdf(x[:, None], means, jnp.exp(scales))
    return jnp.sum(jax.nn.logsumexp(jax.nn.log_softmax(logits) + each, axis=1))


def jax_unnormalised_mixture(x, logits, means, scales):
    each = jax.scipy.stats.norm.logpdf(x[:, None], means, jnp.exp(scales))
    return jnp.sum(jax.nn.logsumexp(logits + each, axis=1))


PAIRS = {
    "attention": (torch_attention, jax_attention, jax_unscaled_attention,
                  (draw(4, 3), draw(4, 3), draw(4, 3))),
    "layer norm": (torch_layer_norm, jax_layer_norm, jax_layer_norm_of_samples,
                   (draw(2, 5), draw(5), draw(5))),
    "LSTM cell": (torch_lstm, jax_lstm, jax_lstm_of_other_gates,
                  (draw(2), draw(2), draw(2), draw(8, 2), draw(8, 2))),
    "GELU": (torch_gelu, jax_gelu, jax_gelu_by_tanh, (np.array([0.3, 1.7, -2.2]),)),
    "mixture": (torch_mixture, jax_mixture, jax_unnormalised_mixture,
                (draw(5), draw(3), draw(3), draw(3))),
}  # fmt: skip


def tensors(arrays):
    return tuple(torch.tensor(a) for a in arrays)


def jax_arrays(arrays):
    with jax.enable_x64(True):
        return tuple(jnp.asarray(a) for a in arrays)


def rows_of(function, inputs, like, **options):
    return records(xgrad.check(function, inputs, like=like, **options))


@pytest.mark.many(2)
@pytest.mark.parametrize("name", PAIRS)
def test_a_right_port_is_the_same_function_and_both_derivatives_are_certified(name):
    in_torch, in_jax, _, arrays = PAIRS[name]
    rows = rows_of(in_torch, tensors(arrays), in_jax)
    assert {row["framework"] for row in rows} == {"torch", "jax"}
    assert {row["verdict"] for row in rows} == {"agrees"}
    assert {row["referee"] for row in rows} == {"certified", "definition"}
    assert all("the same function as" in row["message"] for row in rows)


@pytest.mark.many(2)
@pytest.mark.parametrize("name", PAIRS)
def test_another_function_is_told_and_each_derivative_is_its_own(name):
    in_torch, _, wrong, arrays = PAIRS[name]
    rows = rows_of(in_torch, tensors(arrays), wrong)
    assert all(f"another function than {wrong.__name__} of jax" in row["message"] for row in rows
               if row["framework"] == "torch")  # fmt: skip
    verdicts = {(row["operator"] == "value", row["verdict"]) for row in rows}
    assert verdicts == {(True, "disagrees"), (False, "agrees")}


def test_the_digits_are_said():
    in_torch, _, wrong, arrays = PAIRS["GELU"]
    assert "values agree to 3 digits" in rows_of(in_torch, tensors(arrays), wrong)[0]["message"]
    in_torch, _, wrong, arrays = PAIRS["attention"]
    row = rows_of(in_torch, tensors(arrays), wrong, operators="value", dtypes="float32")[0]
    assert row["verdict"] == "disagrees"  # float32 could not tell
    assert "values agree to 9 digits" in row["message"]


@pytest.mark.many(2)
@pytest.mark.parametrize("make", [tensors, jax_arrays, tuple], ids=["torch", "jax", "numpy"])
@pytest.mark.parametrize("turned", [False, True])
def test_either_way_round_with_arrays_of_either_framework(make, turned):
    in_torch, in_jax, _, arrays = PAIRS["layer norm"]
    function, like = (in_jax, in_torch) if turned else (in_torch, in_jax)
    rows = rows_of(function, make(arrays), like, wrt="weight")
    value = next(row for row in rows if row["operator"] == "value")
    assert value["framework"] == ("jax" if turned else "torch")
    assert all(row["verdict"] == "agrees" for row in rows)


def test_a_port_with_a_wrong_rule_disagrees_though_it_is_the_same_function():
    @jax.custom_vjp
    def square(x):
        return x**2

    square.defvjp(lambda x: (x**2, x), lambda x, g: (2 * x * g * (1 + 1e-9),))

    def torch_square(x):
        return torch.sum(x**2)

    def jax_square(x):
        return jnp.sum(square(x))

    rows = rows_of(torch_square, torch.tensor([0.5, 2.0], dtype=torch.float64), jax_square)
    assert {(r["framework"], r["verdict"]) for r in rows} == {
        ("torch", "agrees"), ("jax", "disagrees")
    }  # fmt: skip
    assert all("the same function" in row["message"] for row in rows)
    with pytest.raises(AssertionError, match="jax"):
        xgrad.assert_agreement(torch_square, torch.tensor([0.5, 2.0]), like=jax_square)


def test_values_and_slopes_that_agree_at_the_point_alone_are_another_function():
    def torch_square(x):
        return torch.sum(x**2)

    def jax_tangent(x):
        return jnp.sum(x) - 0.25

    value, *derivatives = rows_of(torch_square, torch.tensor([0.5]), jax_tangent, dtypes="float64")
    assert value["verdict"] == "disagrees"
    assert "another function than jax_tangent of jax" in value["message"]
    assert {row["verdict"] for row in derivatives} == {"agrees"}


def test_what_is_required_differentiated_and_passed_on():
    def torch_loss(logits, labels):
        return functional.cross_entropy(logits, labels)

    def jax_loss(scores, classes):
        return -jnp.mean(jax.nn.log_softmax(scores)[jnp.arange(len(classes)), classes])

    logits, labels = torch.tensor(draw(3, 4)), torch.tensor([0, 3, 1])
    rows = rows_of(torch_loss, (logits.requires_grad_(), labels), jax_loss)
    assert {row["verdict"] for row in rows} == {"agrees"}


def test_named_methods_go_to_the_framework_that_has_them():
    in_torch, in_jax, _, arrays = PAIRS["GELU"]
    rows = rows_of(in_torch, tensors(arrays), in_jax, methods=("torch.reverse", "jax.forward"),
                   operators="jacobian")  # fmt: skip
    assert [(r["framework"], r["technique"]) for r in rows] == [
        ("torch", "reverse"), ("jax", "forward")
    ]  # fmt: skip


def test_a_framework_without_named_methods_has_no_rows():
    in_torch, in_jax, _, arrays = PAIRS["GELU"]
    rows = rows_of(in_torch, tensors(arrays), in_jax, methods="torch.reverse", operators="vjp")
    assert [row["framework"] for row in rows] == ["torch"]


def test_what_is_no_port_is_told():
    def jax_sum(x):
        return jnp.sum(x)

    x = torch.tensor([0.5, 2.0])
    with pytest.raises(xgrad.UsageError, match="a port returns what its original does"):
        xgrad.check(torch_gelu, x, like=jax_sum)
    with pytest.raises(xgrad.UsageError, match="NumPy-style math"):
        xgrad.check(torch_gelu, x, like=jax_gelu, formula=lambda xp, x: x)
    with pytest.raises(xgrad.UsageError, match="compares functions"):
        xgrad.check(torch.nn.Linear(2, 2), x, like=jax_gelu)


def test_without_balls_the_value_is_inconclusive():
    def torch_airy(x):
        return torch.special.airy_ai(x)

    row = rows_of(torch_airy, torch.tensor([0.5, 2.0]), jax_gelu)[0]
    assert row["verdict"] == "inconclusive"
    assert "a port is judged in balls alone" in row["message"]

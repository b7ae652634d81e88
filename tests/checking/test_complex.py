"""Functions of complex numbers at hand: right ones agree, the nearest wrong ones are caught."""

import numpy as np
import pytest

import xgrad
from xgrad.table import records

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
Z = np.array([3 + 4j, 1 - 2j, -0.5 + 0.25j])
P = torch.tensor([0.3, 0.9], dtype=torch.float64)
REVERSE = {"methods": "torch.reverse"}


def torch_cube(pull):
    """z³ of torch, whose cotangent is what `pull(g, 3 z²)` says."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z**3

        @staticmethod
        def backward(ctx, g):
            (z,) = ctx.saved_tensors
            return pull(g, 3 * z * z)

    return Cube.apply


def jax_cube(pull):
    """z³ of JAX, the same."""

    @jax.custom_vjp
    def cube(z):
        return z**3

    cube.defvjp(lambda z: (z**3, z), lambda z, g: (pull(g, 3 * z * z),))
    return cube


TORCH_RIGHT, JAX_RIGHT = (lambda g, s: g * s.conj()), (lambda g, s: g * s)
TORCH_WRONG = {
    "no conjugate": (lambda g, s: g * s, ""),
    "JAX's convention": (lambda g, s: g.conj() * s, "its conjugate"),
    "half": (lambda g, s: g * s.conj() / 2, "∂/∂z̄ in place of"),
    "twice": (lambda g, s: 2 * g * s.conj(), "as if what was pulled back were ∂/∂z̄"),
    "real part": (lambda g, s: (g * s.conj()).real + 0j, "the imaginary part is dropped"),
    "imaginary part": (lambda g, s: 1j * (g * s.conj()).imag, "the real part is dropped"),
    "turned": (lambda g, s: 1j * g * s.conj(), "i times the right result"),
    "almost": (lambda g, s: g * s.conj() * (1 + 1e-9j), ""),
}
JAX_WRONG = {
    "torch's convention": (lambda g, s: jnp.conj(g * s), "its conjugate"),
    "half": (lambda g, s: g * s / 2, "∂/∂z̄ in place of"),
    "real part": (lambda g, s: (g * s).real + 0j, "the imaginary part is dropped"),
}


def loss(cube, sum_, real):
    return lambda z: sum_(real(cube(z) * (1 + 2j)))


def torch_loss(pull):
    return loss(torch_cube(pull), torch.sum, torch.real)


def jax_loss(pull):
    return loss(jax_cube(pull), jnp.sum, jnp.real)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("function", [torch_loss(TORCH_RIGHT), torch_cube(TORCH_RIGHT)])
def test_a_right_conjugate_of_torch_agrees(function, dtype):
    rows = records(xgrad.check(function, torch.tensor(Z, dtype=dtype), **REVERSE))
    assert {r["verdict"] for r in rows} == {"agrees"}
    assert {"float32", "float64"} >= {r["dtype"] for r in rows} >= {"float64"}
    assert {r["referee"] for r in rows} == {"certified"}
    assert "∂/∂re + i ∂/∂im" in rows[0]["message"]


@pytest.mark.parametrize("dtype", [jnp.complex64, "complex128"])
def test_a_right_transpose_of_jax_agrees(dtype):
    with jax.enable_x64(True):
        z = jnp.asarray(Z, dtype=dtype)
    for function in (jax_loss(JAX_RIGHT), jax_cube(JAX_RIGHT)):
        rows = records(xgrad.check(function, z, methods="jax.reverse"))
        assert {(r["verdict"], r["referee"]) for r in rows} == {("agrees", "certified")}
        assert "∂/∂re − i ∂/∂im" in rows[0]["message"]


@pytest.mark.parametrize("name", TORCH_WRONG)
def test_wrong_conjugates_of_torch_are_caught_and_named(name):
    pull, hint = TORCH_WRONG[name]
    rows = records(xgrad.check(torch_loss(pull), torch.tensor(Z, dtype=torch.complex64), **REVERSE))
    assert [r["dtype"] for r in rows] == ["float32", "float64"]
    for row in rows:
        assert (row["verdict"], row["worst"][:2]) == ("disagrees", "z[")
        assert row["worst"].endswith((".re", ".im"))
        assert hint in row["hint"]
        assert np.isreal([row["got"], row["want"]]).all()


@pytest.mark.parametrize("name", ["no conjugate", "JAX's convention"])
def test_a_wrong_conjugate_of_a_complex_map_is_caught(name):
    (row,) = records(xgrad.check(torch_cube(TORCH_WRONG[name][0]), torch.tensor(Z), **REVERSE))
    assert row["verdict"] == "disagrees"


@pytest.mark.parametrize("name", JAX_WRONG)
def test_wrong_transposes_of_jax_are_caught_and_named(name):
    pull, hint = JAX_WRONG[name]
    z = jnp.asarray(Z)
    for row in records(xgrad.check(jax_loss(pull), z, methods="jax.reverse", dtypes="float32")):
        assert (row["verdict"], hint in row["hint"]) == ("disagrees", True)


def test_pairs_are_what_each_framework_returns_by_its_own_convention():
    z = torch.tensor(Z, requires_grad=True)
    (by_torch,) = torch.autograd.grad(torch_loss(TORCH_RIGHT)(z), z)
    with jax.enable_x64(True):
        by_jax = jax.grad(jax_loss(JAX_RIGHT))(jnp.asarray(Z))
    assert np.allclose(by_torch.numpy(), np.conj(by_jax), rtol=1e-14)
    for function, z, own in (
        (torch_loss(TORCH_RIGHT), torch.tensor(Z), by_torch.numpy()),
        (jax_loss(JAX_RIGHT), Z, np.conj(by_jax)),
    ):
        rows = records(xgrad.check(function, (z,), dtypes="float64"))
        worst = rows[0]["worst"]
        k, part = int(worst[2]), {"re": np.real, "im": np.imag}[worst[-2:]]
        assert np.isclose(rows[0]["want"], part(own[k]), rtol=1e-12)


def phase(right):
    class Phase(torch.autograd.Function):
        @staticmethod
        def forward(ctx, p):
            ctx.save_for_backward(p)
            return torch.exp(1j * p)

        @staticmethod
        def backward(ctx, g):
            (p,) = ctx.saved_tensors
            slope = 1j * torch.exp(1j * p)
            return (g * (slope.conj() if right else slope)).real

    return Phase.apply


@pytest.mark.parametrize("right", [True, False])
def test_a_complex_value_of_real_numbers(right):
    verdict = "agrees" if right else "disagrees"
    for function in (phase(right), lambda p: torch.view_as_real(phase(right)(p)),
                     lambda p: (p, phase(right)(p))):  # fmt: skip
        (row,) = records(xgrad.check(function, P, **REVERSE))
        assert row["verdict"] == verdict


@pytest.mark.parametrize("operator", ["vjp", "jvp", "jacobian", "value"])
def test_every_operator_of_a_complex_map(operator):
    for function, z in ((torch.sin, torch.tensor(Z)), (jnp.sin, jnp.asarray(Z))):
        rows = records(xgrad.check(function, (z,), operators=operator, dtypes="float64"))
        assert {r["verdict"] for r in rows} == {"agrees"}


@pytest.mark.parametrize("operator", ["hessian", "hvp"])
def test_second_derivatives_are_those_of_the_pairs(operator):
    def energy(z):
        return (z.conj() * z * z * z).real.sum()

    for z in (torch.tensor(Z[:2]), jnp.asarray(Z[:2])):
        rows = records(xgrad.check(energy, (z,), operators=operator, dtypes="float64"))
        assert {r["verdict"] for r in rows if r["status"] == "ok"} == {"agrees"}


def test_complex_constants_and_parameters():
    x, w = torch.tensor([0.5, -2.0], requires_grad=True), torch.tensor([[1 + 2j, 3j]])

    class Mixer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor([1 + 2j, 0.5 - 1j]))

        def forward(self, x):
            return (self.w * x).abs().sum()

    (row, *_) = records(xgrad.check(lambda x, w: (w @ (x + 0j)).abs().sum(), (x, w), **REVERSE))
    assert (row["verdict"], row["worst"][:2]) == ("agrees", "x[")
    rows = records(xgrad.check(Mixer(), x.detach(), **REVERSE))
    assert {r["verdict"] for r in rows} == {"agrees"}


def test_mathematics_of_complex_numbers():
    def squares(xp, z):
        return xp.sum(xp.abs(z) ** 2)

    rows = records(xgrad.check(squares, {"z": Z}, formula=lambda xp, z: 2 * z))
    judged = [r for r in rows if r["status"] == "ok"]
    assert {r["verdict"] for r in judged} <= {"agrees", "bounded"}
    assert {r["referee"] for r in judged} == {"certified"}
    (step,) = [r for r in rows if r["technique"] == "complex_step" and r["dtype"] == "float64"]
    assert (step["status"], "imaginary part" in step["message"]) == ("unsupported", True)
    for wrong, hint in ((lambda xp, z: z, "∂/∂z̄ in place"), (lambda xp, z: 2 * xp.conj(z), "conj")):
        (row, *_) = records(xgrad.check(squares, {"z": Z}, formula=wrong, methods="numpy.formula"))
        assert (row["verdict"], hint in row["hint"]) == ("disagrees", True)


def test_differences_of_complex_numbers_go_along_both_parts():
    for function in (lambda xp, z: xp.sum(xp.abs(xp.fft.fft(z)) ** 3), lambda xp, z: z * z):
        rows = records(
            xgrad.check(function, {"z": Z}, methods="numpy.differences", dtypes="float64")
        )
        assert {r["verdict"] for r in rows} <= {"agrees", "bounded"}


def test_complex_steps_are_refused_where_complex_numbers_are_inside():
    for function in (lambda xp, x: xp.abs(xp.sum(xp.exp(1j * x))),
                     lambda xp, x: xp.sum(xp.abs(xp.fft.fft(x)))):  # fmt: skip
        (row,) = records(xgrad.check(function, {"x": np.array([0.3, 1.0])}, dtypes="float64",
                                     methods="numpy.complex_step"))  # fmt: skip
        assert row["status"] == "unsupported"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda z: z.conj() * z * z, "Cauchy–Riemann equations fail at z[0] by 48"),
        (lambda z: z * z + z.flip(0), "is not diagonal"),
    ],
)
def test_derivatives_of_what_has_none_are_refused_in_words(function, said):
    (row,) = records(xgrad.check(function, torch.tensor(Z), operators="derivative", **REVERSE))
    assert (row["status"], row["verdict"]) == ("error", "")
    assert said in row["message"]


@pytest.mark.parametrize("operator", ["derivative", "second_derivative"])
def test_derivatives_of_holomorphic_functions(operator):
    for function, z in ((lambda z: z.exp() * z, torch.tensor(Z)),
                        (lambda z: jnp.exp(z) * z, jnp.asarray(Z))):  # fmt: skip
        rows = records(xgrad.check(function, (z,), operators=operator, dtypes="float64"))
        assert {r["verdict"] for r in rows} == {"agrees"}


def test_types_that_have_no_complex_numbers():
    (row,) = records(xgrad.check(lambda z: z.abs().sum(), torch.tensor(Z), dtypes="bfloat16",
                                 **REVERSE))  # fmt: skip
    assert (row["status"], "no complex numbers of bfloat16" in row["message"]) == (
        "unsupported",
        True,
    )


def torch_tanh(turned):
    """tanh whose backward pass is torch's own rule, of the output or of its conjugate."""

    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            y = torch.tanh(z)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return torch.ops.aten.tanh_backward(g, turned(y))

    return Tanh.apply


@pytest.mark.parametrize("function", [torch.tanh, torch.sigmoid, torch_tanh(lambda y: y)])
def test_a_rule_of_the_output_turns_back_by_its_conjugate(function):
    for row in records(xgrad.check(function, torch.tensor(Z / 2), operators=["vjp", "jvp"])):
        assert (row["verdict"], row["referee"]) == ("agrees", "certified") or row["status"] != "ok"


def test_a_rule_of_the_output_that_does_not_is_caught():
    wrong = torch_tanh(lambda y: y.conj().resolve_conj())
    (row,) = records(xgrad.check(wrong, torch.tensor(Z / 2), **REVERSE))
    assert row["verdict"] == "disagrees"

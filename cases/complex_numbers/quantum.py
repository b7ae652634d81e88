"""Quantum states: expectation values, overlaps, circuits.

Gradients by complex numbers are ∂f/∂re + i ∂f/∂im.
"""

import xgrad

SIZES = {"small": {"n": 4}, "medium": {"n": 32}, "large": {"n": 400}}


def draw_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def square(xp, z):
    return xp.real(xp.conj(z) * z)


@xgrad.case(
    wrt="psi",
    sizes=SIZES,
    source="Sakurai & Napolitano 2017, Modern Quantum Mechanics, section 5.4",
)
def expectation_value(xp, psi, H):  # psi (n,), H (n, n) Hermitian -> ()
    """⟨ψ|H|ψ⟩ / ⟨ψ|ψ⟩."""
    return xp.real(xp.vecdot(psi, xp.matmul(H, psi))) / xp.sum(square(xp, psi))


@expectation_value.inputs
def draw_state(rng, n):
    H = draw_complex(rng, n, n)
    return {"psi": draw_complex(rng, n), "H": (H + H.conj().T) / 2}


@expectation_value.formula("gradient")
def pull_expectation(xp, psi, H):
    """2 (H ψ − E ψ) / ⟨ψ|ψ⟩."""
    E = expectation_value(xp, psi, H)
    return 2 * (xp.matmul(H, psi) - E * psi) / xp.sum(square(xp, psi))


@xgrad.case(
    wrt="psi",
    sizes=SIZES,
    source="Nielsen & Chuang 2010, Quantum Computation and Quantum Information, section 9.2.2",
)
def fidelity(xp, psi, phi):  # psi (n,), phi (n,) complex -> ()
    """|⟨φ|ψ⟩|² / (⟨φ|φ⟩ ⟨ψ|ψ⟩)."""
    sizes = xp.sum(square(xp, phi)) * xp.sum(square(xp, psi))
    return square(xp, xp.vecdot(phi, psi)) / sizes


@fidelity.inputs
def draw_states(rng, n):
    psi = draw_complex(rng, n)
    return {"psi": psi, "phi": psi + draw_complex(rng, n)}


@fidelity.formula("gradient")
def pull_fidelity(xp, psi, phi):
    """2 (⟨φ|ψ⟩ φ / ⟨φ|φ⟩ − F ψ) / ⟨ψ|ψ⟩."""
    F, overlap = fidelity(xp, psi, phi), xp.vecdot(phi, psi)
    return 2 * (overlap * phi / xp.sum(square(xp, phi)) - F * psi) / xp.sum(square(xp, psi))


@xgrad.case(
    wrt="theta",
    sizes={"small": {"n": 3}, "medium": {"n": 12}, "large": {"n": 48}},
    source="Schuld, Bergholm, Gogolin, Izaac & Killoran 2019, Evaluating analytic gradients on "
    "quantum hardware, Phys. Rev. A 99, 032331, eq. 13",
)
def variational_circuit(xp, theta, H):  # theta (n,) real, H (2, 2) Hermitian -> ()
    """⟨0|U†HU|0⟩ of one qubit turned about x, y, z, x, … by the angles θ."""
    psi = xp.stack([xp.asarray(1.0 + 0j), xp.asarray(0j)])
    for k in range(theta.shape[0]):
        c, s = xp.cos(theta[k] / 2), xp.sin(theta[k] / 2)
        psi = c * psi - 1j * s * turned(xp, psi, k % 3)
    return xp.real(xp.vecdot(psi, xp.matmul(H, psi)))


def turned(xp, psi, axis):
    """Pauli's x, y or z of a state."""
    a, b = psi[0], psi[1]
    return xp.stack([(b, a), (-1j * b, 1j * a), (a, -b)][axis])


@variational_circuit.inputs
def draw_circuit(rng, n):
    H = draw_complex(rng, 2, 2)
    return {"theta": rng.uniform(-3, 3, size=n), "H": (H + H.conj().T) / 2}


@variational_circuit.formula("gradient")
def shift_parameters(xp, theta, H):
    """½ (E(θ + π/2 eₖ) − E(θ − π/2 eₖ)), the parameter-shift rule: no approximation."""
    by = xp.pi / 2 * xp.eye(theta.shape[0])
    sides = [
        variational_circuit(xp, theta + by[k, :], H) - variational_circuit(xp, theta - by[k, :], H)
        for k in range(theta.shape[0])
    ]
    return xp.stack(sides) / 2

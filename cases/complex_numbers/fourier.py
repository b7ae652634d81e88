"""Losses through the discrete Fourier transform F, whose adjoint is n F⁻¹.

Gradients by complex numbers are ∂f/∂re + i ∂f/∂im.
"""

import xgrad

SIZES = {"small": {"n": 6}, "medium": {"n": 64}, "large": {"n": 4_096}}


def draw_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@xgrad.case(
    wrt="x",
    sizes=SIZES,
    source="Yamamoto, Song & Kim 2020, Parallel WaveGAN, ICASSP, eq. 7: the magnitudes of a frame",
)
def spectral_magnitude(xp, x, t):  # x (n,), t (n/2 + 1,) -> ()
    """Mean of (|F x| − t)² over the first half of the frequencies; x is real."""
    return xp.mean((xp.abs(xp.fft.rfft(x)) - t) ** 2)


@spectral_magnitude.inputs
def draw_frame(rng, n):
    return {"x": rng.normal(size=n), "t": rng.uniform(0.5, 2.0, size=n // 2 + 1)}


@spectral_magnitude.formula("gradient")
def pull_magnitude(xp, x, t):
    """Re Fᴴ (2 (|X| − t) X/|X|) / m with X = F x, m frequencies."""
    X = xp.fft.rfft(x)
    n, m = x.shape[0], t.shape[0]
    return xp.real(n * xp.fft.ifft(2 * (X - t * X / xp.abs(X)) / m, n=n))


@xgrad.case(
    wrt=("x", "h"),
    sizes=SIZES,
    source="Oppenheim & Schafer 2010, Discrete-Time Signal Processing, section 8.6.5; the adjoint "
    "of a circular convolution multiplies by the conjugate spectrum",
)
def blind_deconvolution(xp, x, h, y):  # x (n,), h (n,), y (n,) complex -> ()
    """½ |F⁻¹(F h · F x) − y|²."""
    r = xp.fft.ifft(xp.fft.fft(h) * xp.fft.fft(x)) - y
    return xp.sum(xp.abs(r) ** 2) / 2


@blind_deconvolution.inputs
def draw_signals(rng, n):
    return {"x": draw_complex(rng, n), "h": draw_complex(rng, n), "y": draw_complex(rng, n)}


@blind_deconvolution.formula("gradient")
def pull_signals(xp, x, h, y):
    """F⁻¹(H̅ · F r) and F⁻¹(X̅ · F r)."""
    X, H = xp.fft.fft(x), xp.fft.fft(h)
    R = H * X - xp.fft.fft(y)
    return xp.fft.ifft(xp.conj(H) * R), xp.fft.ifft(xp.conj(X) * R)


@xgrad.case(
    wrt="psi",
    sizes=SIZES,
    operators=("gradient", "hvp"),
    source="Bao & Cai 2013, Mathematical theory and numerical methods for Bose-Einstein "
    "condensation, Kinet. Relat. Models 6, 1-135, eq. 1.9, with a spectral derivative",
)
def gross_pitaevskii(xp, psi, V):  # psi (n,) complex, V (n,) -> ()
    """½ Σ |ψ'|² + Σ V |ψ|² + ½ Σ |ψ|⁴, ψ' = F⁻¹(i k F ψ)."""
    slope = xp.fft.ifft(1j * wave_numbers(xp, psi) * xp.fft.fft(psi))
    density = xp.abs(psi) ** 2
    return xp.sum(xp.abs(slope) ** 2) / 2 + xp.sum(V * density) + xp.sum(density**2) / 2


def wave_numbers(xp, psi):
    return psi.shape[0] * xp.fft.fftfreq(psi.shape[0])


@gross_pitaevskii.inputs
def draw_state(rng, n):
    return {"psi": draw_complex(rng, n), "V": rng.uniform(0.0, 2.0, size=n)}


@gross_pitaevskii.formula("gradient")
def pull_energy(xp, psi, V):
    """F⁻¹(k² F ψ) + 2 V ψ + 2 |ψ|² ψ."""
    kinetic = xp.fft.ifft(wave_numbers(xp, psi) ** 2 * xp.fft.fft(psi))
    return kinetic + 2 * (V + xp.real(xp.conj(psi) * psi)) * psi


@gross_pitaevskii.formula("hvp")
def bend_energy(xp, psi, V, v):
    """F⁻¹(k² F v) + 2 V v + 4 |ψ|² v + 2 ψ² v̅."""
    kinetic = xp.fft.ifft(wave_numbers(xp, psi) ** 2 * xp.fft.fft(v))
    density = xp.real(xp.conj(psi) * psi)
    return kinetic + 2 * (V + 2 * density) * v + 2 * psi * psi * xp.conj(v)

"""Harmonic balance: the periodic steady state of a diode rectifier, without waiting for it.

A source A sin(wt) drives a diode into a capacitor C and a load R. The load's voltage v satisfies

    C dv/dt + v / R = i(A sin(wt) - v),        i(u) = Is (exp(u / Vt) - 1)

and after a while is periodic. Harmonic balance takes v as a Fourier series of K harmonics and asks that the
first K harmonics of the equation vanish: 2 K + 1 equations in 2 K + 1 coefficients, which `fivefold.root`
solves. Its Jacobian multiplies each harmonic with i k w C + 1 / R, and the signal with the diode's
conductance g(t) = i'(u(t)); the latter is a Toeplitz matrix of g's harmonics, which two FFTs apply without
forming it. Kundert and Sangiovanni-Vincentelli, "Simulation of nonlinear circuits in the frequency domain",
1986.

    python examples/harmonic_balance.py
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

import fivefold as ff
from fivefold.linalg import LinearOperator
from fivefold.optimize import Root


@dataclass(frozen=True)
class Rectifier:
    """A diode rectifier; volts, amperes, ohms, farads, seconds."""

    amplitude: float = 2.0
    frequency: float = 50.0
    resistance: float = 1000.0
    capacitance: float = 40e-6
    saturation: float = 1e-9
    thermal: float = 0.05

    def current(self, u: Tensor) -> Tensor:
        """The diode's current at its voltage u."""
        return self.saturation * torch.expm1(u / self.thermal)

    def conductance(self, u: Tensor) -> Tensor:
        """Its derivative."""
        return self.saturation / self.thermal * torch.exp(u / self.thermal)


class Harmonics:
    """Real signals of K harmonics: coefficients [2 K + 1] to samples over a period and back.

    The coefficients belong to 1, sqrt 2 cos(kwt), sqrt 2 sin(kwt), so that their norm is the signal's
    root-mean-square, and the two maps are each other's adjoints but for the number of samples.
    """

    def __init__(self, count: int, samples: int) -> None:
        self.count, self.samples = count, samples
        self.k = torch.arange(1, count + 1, dtype=torch.float64)

    def signal(self, x: Tensor) -> Tensor:
        """Samples [..., N] from coefficients [..., 2 K + 1]."""
        cosines, sines = x[..., 1 : self.count + 1], x[..., self.count + 1 :]
        lines = torch.complex(cosines, -sines) / math.sqrt(2)
        spectrum = torch.cat([x[..., :1].to(lines.dtype), lines], dim=-1)
        return torch.fft.irfft(spectrum * self.samples, n=self.samples)

    def coefficients(self, signal: Tensor) -> Tensor:
        """The first K harmonics of samples [..., N]."""
        lines = torch.fft.rfft(signal)[..., : self.count + 1] / self.samples
        high = lines[..., 1:] * math.sqrt(2)
        return torch.cat([lines[..., :1].real, high.real, -high.imag], dim=-1)

    def slope(self, x: Tensor, omega: float) -> Tensor:
        """Coefficients of the derivative in time."""
        cosines, sines = x[..., 1 : self.count + 1], x[..., self.count + 1 :]
        rate = omega * self.k
        return torch.cat([torch.zeros_like(x[..., :1]), rate * sines, -rate * cosines], dim=-1)


class BalanceJacobian(LinearOperator):
    """C d/dt + 1/R + g(t), on coefficients; its adjoint has the sign of d/dt turned."""

    def __init__(self, harmonics: Harmonics, rate: float, load: float, conductance: Tensor) -> None:
        n = 2 * harmonics.count + 1
        super().__init__((n, n), dtype=torch.float64, device=torch.device("cpu"))
        self.parts = (harmonics, rate, load, conductance)

    def _matmat(self, X: Tensor) -> Tensor:
        harmonics, rate, load, conductance = self.parts
        x = X.mT
        through = harmonics.coefficients(conductance * harmonics.signal(x))
        return (harmonics.slope(x, rate) + load * x + through).mT

    def _adjoint(self) -> LinearOperator:
        harmonics, rate, load, conductance = self.parts
        return BalanceJacobian(harmonics, -rate, load, conductance)


class MeanInverse(LinearOperator):
    """The inverse of the Jacobian with g replaced by its mean: one 2 x 2 block for each harmonic."""

    def __init__(self, harmonics: Harmonics, rate: float, load: float) -> None:
        n = 2 * harmonics.count + 1
        super().__init__((n, n), dtype=torch.float64, device=torch.device("cpu"))
        self.parts = (harmonics, rate, load)

    def _matmat(self, X: Tensor) -> Tensor:
        harmonics, rate, load = self.parts
        x = X.mT
        squares = torch.cat([torch.zeros(1, dtype=x.dtype), harmonics.k, harmonics.k]) * rate
        return ((load * x - harmonics.slope(x, rate)) / (load**2 + squares**2)).mT

    def _adjoint(self) -> LinearOperator:
        harmonics, rate, load = self.parts
        return MeanInverse(harmonics, -rate, load)


def balance(circuit: Rectifier, count: int = 100) -> tuple[Root, Harmonics]:
    """Solve for the coefficients of v, and certify that a solution of the balance is there.

    Args:
        circuit: The rectifier.
        count: Harmonics K.
    """
    harmonics = Harmonics(count, samples=8 * count)
    time = torch.arange(harmonics.samples, dtype=torch.float64) / harmonics.samples
    source = circuit.amplitude * torch.sin(2 * math.pi * time)
    rate = 2 * math.pi * circuit.frequency * circuit.capacitance
    load = 1 / circuit.resistance

    def residual(x: Tensor) -> Tensor:
        diode = circuit.current(source - harmonics.signal(x))
        return harmonics.slope(x, rate) + load * x - harmonics.coefficients(diode)

    def conductance(x: Tensor) -> Tensor:
        return circuit.conductance(source - harmonics.signal(x))

    def jacobian(x: Tensor) -> LinearOperator:
        return BalanceJacobian(harmonics, rate, load, conductance(x))

    def preconditioner(x: Tensor) -> LinearOperator:
        return MeanInverse(harmonics, rate, load + float(conductance(x).mean()))

    start = torch.zeros(2 * count + 1, dtype=torch.float64)
    start[0] = circuit.amplitude  # a diode that blocks: its current overflows at no trial
    found = ff.root(
        residual, start, method="newton-krylov", jacobian=jacobian, preconditioner=preconditioner,
        tolerance=1e-12,
    )  # fmt: skip
    # A change of the coefficients by r moves the signal by at most sqrt(2 K + 1) r at any time; the
    # conductance then changes by at most its own slope there, largest at the largest diode voltage.
    radius, reach = 1e-4, math.sqrt(2 * count + 1)
    steepest = math.exp(reach * radius / circuit.thermal) * float(conductance(found.x).max())
    certified = ff.root(
        residual, found.x, method="newton-krylov", jacobian=jacobian, preconditioner=preconditioner,
        tolerance=1e-12, lipschitz=reach * steepest / circuit.thermal,
    )  # fmt: skip
    near = certified.certificates[1]
    assert near.bound is None or near.bound <= radius, "the Lipschitz constant holds within the radius alone"
    return replace(found, certificates=certified.certificates), harmonics


def integrate(circuit: Rectifier, periods: int, samples: int) -> np.ndarray:
    """The same by time integration from rest: samples of the last of so many periods."""
    omega = 2 * math.pi * circuit.frequency

    def slope(t: float, v: np.ndarray) -> np.ndarray:
        u = circuit.amplitude * math.sin(omega * t) - v
        current = circuit.saturation * np.expm1(u / circuit.thermal)
        return (current - v / circuit.resistance) / circuit.capacitance

    last = (periods - 1 + np.arange(samples) / samples) / circuit.frequency
    run = solve_ivp(
        slope, (0, periods / circuit.frequency), [0.0], method="LSODA", t_eval=last, rtol=1e-9, atol=1e-10,
        max_step=0.02 / circuit.frequency,
    )  # fmt: skip
    return run.y[0]


def main() -> None:
    """Solve both ways and print how far apart they are."""
    circuit = Rectifier()
    found, harmonics = balance(circuit)
    print(f"harmonic balance: {found.status}, |F| = {found.residual_norm:.1e} A, {found.steps} Newton steps,")
    print(f"  {found.products} products with the Jacobian, {found.seconds:.2f} s")
    for certificate in found.certificates:
        print(f"  {certificate}")
    v = harmonics.signal(found.x).numpy()
    reference = integrate(circuit, periods=40, samples=len(v))
    print(f"mean load voltage {v.mean():.6f} V, ripple {np.ptp(v):.6f} V")
    print(f"largest difference from time integration over 40 periods: {np.abs(v - reference).max():.1e} V")


if __name__ == "__main__":
    main()

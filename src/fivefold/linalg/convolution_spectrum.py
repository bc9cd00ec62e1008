"""The singular values of a convolution, and a bound of how much it can stretch."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.convolution import Convolution
from fivefold.linalg.memory import require_memory
from fivefold.linalg.singular_values import svd

_UNIT = 2.0**-53
_DENSE = 2000  # the smaller side up to which all singular values are computed densely


@dataclass(frozen=True, eq=False)
class ConvolutionSpectrum:
    """Singular values of a convolution and what is known about them.

    Args:
        values: Descending: all of them, or the k that were asked for.
        method: ``"fourier"``, ``"dense"`` or ``"iterative"``.
        lipschitz: An upper bound of the largest, from :func:`lipschitz_bound`.
        status: How it ended.
        certificates: Whether the values are all of them, and whether the largest stays under the bound.
    """

    values: Tensor
    method: str
    lipschitz: float
    status: Status
    certificates: tuple[Certificate, ...]


def convolution_singular_values(
    C: Convolution, k: int | None = None, *, seed: int = 0
) -> ConvolutionSpectrum:
    r"""Return the singular values of a convolution.

    Where the edges wrap around and the size is kept at stride 1, the Fourier transform makes the matrix
    block diagonal, one small block :math:`\hat K_\omega` of channels for each frequency:

    .. math:: \sigma(A) = \bigcup_\omega \sigma(\hat K_\omega), \qquad
              \hat K_{o c \omega} = \sum_t K_{o c t} e^{-2 \pi i\, \omega t d / n}

    Any other convolution is made dense where its smaller side is at most 2000, else the k largest are
    found iteratively.

    Source: H. Sedghi, V. Gupta, P. M. Long, "The singular values of convolutional layers", ICLR 2019.

    Args:
        C: The convolution.
        k: How many of the largest; all by default, which iteration refuses.
        seed: Of the iterative method.

    Returns:
        The values in float64 on the kernel's device.

    Raises:
        ArgumentError: k out of range, all of a large convolution that does not wrap around, or more
            memory than is free.

    >>> C = Convolution([[[1.0, 1.0]]], 4, padding="same", mode="circular")
    >>> convolution_singular_values(C).values.round(decimals=6).tolist()
    [2.0, 1.414214, 1.414214, 0.0]
    """
    most = min(C.shape)
    require(k is None or 1 <= k <= most, f"k between 1 and {most}", k)
    status, complete = Status.CONVERGED, True
    if is_cyclic(C):
        method, values = "fourier", _fourier(C, C.size).flatten().sort(descending=True).values
        missing = most - len(values)  # groups with fewer outputs than inputs or the reverse have none
        values = torch.cat([values, values.new_zeros(max(0, missing))])[:k]
    elif most <= _DENSE:
        require_memory(8 * C.shape[0] * C.shape[1], "a dense convolution", "ask for k values", C.device)
        method, values = "dense", torch.linalg.svdvals(C.to_dense().double())[:k]
    else:
        require(
            k is not None,
            f"k, for a convolution that does not wrap around and is larger than {_DENSE}",
            f"shape {C.shape}",
            "ask for the k largest",
        )
        found = svd(C, k, seed=seed)
        method, values = "iterative", torch.as_tensor(found.values).double()
        status, complete = found.status, False
    bound = lipschitz_bound(C)
    certificates = (
        Certificate(
            "no larger singular value was missed",
            Kind.PROOF,
            True if complete else None,
            method="all were computed" if complete else "unknown: an iteration sees what its start touches",
        ),
        Certificate(
            "the largest singular value is at most the Lipschitz bound",
            Kind.PROOF,
            float(values[0]) <= bound * (1 + 1e-5 * (method == "iterative" and C.dtype == torch.float32)),
            bound=bound,
            value=float(values[0]),
            method="compared",
        ),
    )
    return ConvolutionSpectrum(values, method, bound, status, certificates)


def is_cyclic(C: Convolution) -> bool:
    """Whether the edges wrap around, the stride is 1 and the size is kept.

    >>> is_cyclic(Convolution([[[1.0, 1.0]]], 4))
    False
    """
    return C.mode == "circular" and set(C.stride) == {1} and C.out_size == C.size


def _fourier(C: Convolution, torus: tuple[int, ...]) -> Tensor:
    """Singular values of the cyclic convolution on a torus, ``[groups, frequencies, channels]``."""
    K = C.kernel.detach().double()
    count = math.prod(torus) * K.shape[0] * K.shape[1]
    require_memory(48 * count, "the transformed kernel", "use a smaller size", K.device)
    spread = K.new_zeros((*K.shape[:2], *torus))
    index = [
        (torch.arange(t, device=K.device) * d) % n
        for t, d, n in zip(K.shape[2:], C.dilation, torus, strict=True)
    ]
    # A kernel longer than the torus wraps onto itself: its taps add up.
    grids = torch.meshgrid(*index, indexing="ij")
    flat = torch.zeros_like(grids[0])
    for grid, n in zip(grids, torus, strict=True):
        flat = flat * n + grid
    spread = spread.flatten(2).index_add(2, flat.flatten(), K.flatten(2)).reshape(spread.shape)
    transformed = torch.fft.fftn(spread, dim=tuple(range(2, spread.ndim))).flatten(2)
    blocks = transformed.reshape(C.groups, -1, K.shape[1], transformed.shape[-1]).permute(0, 3, 1, 2)
    values: Tensor = torch.linalg.svdvals(blocks)
    return values


def lipschitz_bound(C: Convolution) -> float:
    r"""Return a number that :math:`\|A\|_2` provably does not exceed, rounding included.

    The smaller of two bounds. Padding only embeds the signal in a torus of the padded size, stride and
    cropping only leave rows out, so that

    .. math:: \|A\|_2 \le \sqrt{c} \max_\omega \|\hat K_\omega\|_2

    on that torus, where c is how often a row is repeated (1 but for circular padding beyond the kernel's
    reach). And Schur's test: the largest row sum of :math:`|A|` times the largest column sum bounds
    :math:`\|A\|_2^2`. The first is exact where the edges wrap around.

    Source: H. Sedghi, V. Gupta, P. M. Long, ICLR 2019; N. J. Higham, "Accuracy and Stability of Numerical
    Algorithms", 2nd ed., theorem 24.2, for the rounding of the transform.

    Args:
        C: The convolution.

    Returns:
        The bound; equal to the norm to some 1e-12 where the convolution wraps around at stride 1.

    >>> lipschitz_bound(Convolution([[[1.0, 1.0]]], 4)) >= 1.618
    True
    """
    repeats = 1
    torus = C.padded
    if C.mode == "circular":
        torus = C.size
        for length, reach, n in zip(C.padded, C.reach, C.size, strict=True):
            repeats *= -(-(length - reach) // n)
    K = C.kernel.detach().double()
    values = _fourier(C, torus)
    points = math.prod(torus)
    side = max(K.shape[0] // C.groups, K.shape[1])
    # The transform errs by at most 8 log2(N) u in the norm over all frequencies, which may sit in one.
    transform = 8 * (math.log2(points) + 1) * _UNIT * math.sqrt(points) * float(K.norm())
    fourier = (float(values.max()) * (1 + 40 * side * _UNIT) + transform) * math.sqrt(repeats)
    absolute = C.with_kernel(K.abs())
    rows = absolute @ torch.ones(C.shape[1], dtype=K.dtype, device=K.device)
    columns = absolute.adjoint() @ torch.ones(C.shape[0], dtype=K.dtype, device=K.device)
    terms = K[0].numel() + K.shape[0] + 10
    schur = math.sqrt(float(rows.max()) * float(columns.max())) * (1 + 4 * terms * _UNIT)
    return min(fourier, schur)

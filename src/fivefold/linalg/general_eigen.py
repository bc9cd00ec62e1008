"""Eigenvalues of matrices that need not be symmetric, with discs that provably hold them."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind, NumericalError, Status, require
from fivefold.linalg.arnoldi import apply_complex, arnoldi, rank_of_wanted
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.dense import as_operator
from fivefold.linalg.eigenvalue_discs import eigenvalue_discs
from fivefold.linalg.memory import require_memory
from fivefold.linalg.operator import LinearOperator, require_matrix

_DENSE = 1000  # up to this size the dense method takes some seconds at most
_UNIT = 2.0**-53
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class GeneralEigen:
    r"""Eigenpairs :math:`A v_i = \lambda_i v_i` of a square operator.

    Args:
        values: Complex, ``[k]``, of largest magnitude (or real part) first; conjugates beside each other.
        vectors: Complex unit columns ``[n, k]``.
        residual_norms: :math:`\|A v_i - \lambda_i v_i\|`, ``[k]``: :math:`\lambda_i` is an eigenvalue of a
            matrix that close to A.
        radii: ``[k]``: discs around the values that together hold every eigenvalue of A, as many in each
            connected part as it has discs; infinite where nothing is proved.
        vector_condition: :math:`\kappa_1(V)` by which Bauer and Fike bound the movement of any eigenvalue;
            infinite where V is singular to rounding, ``None`` for a part of the spectrum.
        spectral_radius: An estimate, :math:`\max |\lambda_i|`, and its proven bounds
            ``(estimate, lower, upper)``.
        abscissa: The same for :math:`\max \operatorname{Re} \lambda_i`.
        method: ``"dense"`` or ``"arnoldi"``.
        steps: Products that Arnoldi made; 0 otherwise.
        status: How it ended.
        certificates: Backward error, enclosure, completeness.
        message: What went wrong, or an empty string.
    """

    values: Array
    vectors: Array
    residual_norms: Array
    radii: Array
    vector_condition: float | None
    spectral_radius: tuple[float, float, float]
    abscissa: tuple[float, float, float]
    method: str
    steps: int
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


def eig(
    A: Array | LinearOperator,
    k: int | None = None,
    *,
    which: Literal["magnitude", "real"] = "magnitude",
    method: Literal["auto", "dense", "arnoldi"] = "auto",
    tolerance: float | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> GeneralEigen:
    r"""Return eigenpairs of a square operator that need not be symmetric.

    Dense results come with proven discs. With Y close to :math:`V^{-1}` and :math:`R = A V - V \Lambda`,
    formed beyond working precision, A is similar to :math:`\Lambda + F`, :math:`F \approx Y R`, and by
    Gershgorin the discs

    .. math:: |z - c_i| \le t_i \textstyle\sum_{j \ne i} |F|_{ij} + \varepsilon_i, \qquad
              c_i = \lambda_i + (Y R)_{ii}

    hold the spectrum: with :math:`t_i` of first order in F where the disc is apart from all others, with
    :math:`t_i = 1` otherwise, :math:`\varepsilon_i` being rounding. Isolated values are returned as
    :math:`c_i`, right almost to the last digit. Bauer and Fike's :math:`\kappa(V) \|R\|` is the coarse form
    of the same bound. Arnoldi finds a few pairs by products alone; its residuals are backward errors and
    prove nothing of eigenvalues it has not met.

    Source: F. L. Bauer and C. T. Fike, Numer. Math. 2 (1960); S. M. Rump, Acta Numerica 19 (2010),
    section 13; W. E. Arnoldi, Quart. Appl. Math. 9 (1951).

    Args:
        A: ``[n, n]``: array, tensor or operator.
        k: How many, between 1 and n; all by default.
        which: ``"magnitude"``: largest modulus first; ``"real"``: largest real part first.
        method: Dense up to size 1000 or where more than a fifth is asked for, unless given.
        tolerance: Residual norm relative to the largest value found, for Arnoldi; 1e-10, or 1e-5 in float32.
        seed: Of Arnoldi's start.
        budget: What Arnoldi may spend; 10,000 products by default.

    Returns:
        The pairs with certificates; complex128, in the kind of A.

    Raises:
        ArgumentError: Not square, empty, not finite, complex, k outside 1..n, or more memory than is free.
        NumericalError: LAPACK did not converge.

    >>> e = eig([[0.0, 1.0], [-0.25, 0.0]])
    >>> [complex(round(z.real, 9), round(z.imag, 9)) for z in e.values.tolist()]
    [0.5j, -0.5j]
    >>> round(e.spectral_radius[0], 9), e.spectral_radius[2] < 0.5 + 1e-12
    (0.5, True)
    """
    numpy = wants_numpy(A)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    n = operator.shape[0]
    count = n if k is None else int(k)
    require(1 <= count <= n, f"k between 1 and {n}", k)
    require(which in ("magnitude", "real"), "which = 'magnitude' or 'real'", repr(which))
    require(method in ("auto", "dense", "arnoldi"), "a method 'auto', 'dense' or 'arnoldi'", repr(method))
    tau = (1e-10 if operator.dtype == torch.float64 else 1e-5) if tolerance is None else tolerance
    require(0 < tau < 1, "a tolerance between 0 and 1", tolerance)
    if method == "arnoldi" or (method == "auto" and n > _DENSE and 5 * count <= n):
        return _by_arnoldi(operator, count, which, tau, seed, budget, numpy)
    require_memory(320 * n * n, "a dense eigenproblem", "ask for few values: k <= n / 5", operator.device)
    return _by_lapack(operator.to_dense().detach().double(), count, which, numpy)


def _by_lapack(M: Tensor, count: int, which: Literal["magnitude", "real"], numpy: bool) -> GeneralEigen:
    n = M.shape[0]
    B, scale = _balanced(M)
    try:
        values, V = torch.linalg.eig(B)
    except RuntimeError as error:
        raise NumericalError("an eigenproblem that LAPACK solves", str(error).splitlines()[0]) from error
    discs = eigenvalue_discs(B, values, V)
    order = rank_of_wanted(discs.values, which)
    values, radii = discs.values[order], discs.radii[order]
    V = scale[:, None] * discs.vectors[:, order]
    V = V / torch.linalg.vector_norm(V, dim=0)
    condition = discs.condition if bool((scale == 1).all()) else _condition(V)
    norms = torch.linalg.vector_norm(M.to(V.dtype) @ V - V * values, dim=0)
    size = float(torch.linalg.matrix_norm(M))
    backward = float(norms.max()) / size if size > 0 else 0.0
    limit = 20 * n * 2 * _UNIT
    proved = bool(torch.isfinite(radii).all())
    reach = float(radii.max())
    certificates = (
        Certificate(
            "every value is an eigenvalue of a matrix that differs from A by rounding",
            Kind.PROOF,
            backward <= limit,
            bound=limit,
            value=backward,
            method="|A v - lambda v| / |A|_F for unit v, computed with A",
        ),
        Certificate(
            "the discs hold every eigenvalue of A, as many as they are",
            Kind.PROOF,
            True if proved else None,
            value=reach if proved else None,
            assumptions=("no overflow or underflow",),
            method="Gershgorin on the computed eigenbasis, isolated discs narrowed by a scaling of their own"
            if proved
            else "unknown: the eigenvectors are dependent to rounding (A is close to a defective matrix)",
        ),
        Certificate(
            "no eigenvalue beyond the returned ones was missed",
            Kind.PROOF,
            True,
            method="the whole spectrum was computed",
        ),
    )
    radius = _range(values.abs(), values, radii)
    abscissa = _range(values.real, values, radii)
    # Any norm bounds both as well, so that they are never without a bound.
    norm = float(torch.minimum(M.abs().sum(dim=0).max(), M.abs().sum(dim=1).max())) * (1 + n * 2 * _UNIT)
    radius = (radius[0], max(radius[1], 0.0), min(radius[2], norm))
    abscissa = (abscissa[0], max(abscissa[1], -norm), min(abscissa[2], norm))
    trusted = proved and reach <= 0.1 * max(float(values.abs().max()), _TINY)
    message = "" if trusted else "the eigenvectors are dependent to rounding: values may be far off"

    def kind(t: Tensor) -> Array:
        return t.cpu().numpy() if numpy else t

    return GeneralEigen(
        kind(values[:count]), kind(V[:, :count]), kind(norms[:count]), kind(radii[:count]), condition, radius,
        abscissa, "dense", 0, Status.CONVERGED if trusted else Status.ILL_POSED, certificates, message,
    )  # fmt: skip


def _condition(V: Tensor) -> float:
    Y, info = torch.linalg.inv_ex(V)
    found = float(torch.linalg.matrix_norm(V, 1) * torch.linalg.matrix_norm(Y, 1))
    return found if int(info) == 0 and math.isfinite(found) else math.inf


def _balanced(M: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`D^{-1} A D` with powers of two D that even out rows and columns.

    Source: E. E. Osborne, J. ACM 7 (1960); B. N. Parlett and C. Reinsch, Numer. Math. 13 (1969).
    """
    from scipy.linalg import matrix_balance

    _, (d, _) = matrix_balance(M.cpu().numpy(), permute=False, separate=True)
    scale = torch.from_numpy(d).to(M)
    B = M / scale[:, None] * scale
    # Exact unless something underflows: then A is taken as it is.
    exact = bool(torch.equal(B / scale * scale[:, None], M)) and bool(torch.isfinite(B).all())
    return (B, scale) if exact else (M, torch.ones_like(scale))


def _range(size: Tensor, values: Tensor, radii: Tensor) -> tuple[float, float, float]:
    """Estimate, lower and upper bound of the largest size over the spectrum that the discs hold."""
    estimate = float(size.max())
    upper = float((size + radii).max())
    if not math.isfinite(upper):
        return estimate, -math.inf, math.inf
    # A connected part of discs holds an eigenvalue: the part's smallest size is reached by some eigenvalue.
    # Grow the part that contains the largest value.
    inside = torch.zeros(len(values), dtype=torch.bool, device=values.device)
    inside[int(size.argmax())] = True
    touching = (values[:, None] - values[None]).abs() <= (radii[:, None] + radii[None]) * (1 + 8 * _UNIT)
    while True:
        grown = inside | touching[inside].any(dim=0)
        if bool((grown == inside).all()):
            break
        inside = grown
    slack = 4 * _UNIT * abs(upper)
    return estimate, float((size - radii)[inside].min()) - slack, upper + slack


def _by_arnoldi(
    A: LinearOperator,
    k: int,
    which: Literal["magnitude", "real"],
    tau: float,
    seed: int,
    budget: Budget | None,
    numpy: bool,
) -> GeneralEigen:
    n = A.shape[0]
    run = arnoldi(A, k, which=which, tolerance=tau, seed=seed, budget=budget)
    residual = apply_complex(A, run.vectors) - run.vectors * run.values
    norms = torch.linalg.vector_norm(residual, dim=0)
    size = float(run.values.abs().max())
    unit = float(torch.finfo(A.dtype).eps)
    limit = max(2 * tau, 10 * n * unit) * size
    worst = float(norms.max())
    certificates = (
        Certificate(
            "every value is an eigenvalue of a matrix within the bound of A",
            Kind.PROOF,
            worst <= limit,
            bound=limit,
            value=worst,
            method="|A v - lambda v| for unit v, computed with A",
        ),
        Certificate(
            "the discs hold every eigenvalue of A, as many as they are",
            Kind.PROOF,
            None,
            method="unknown: that needs the whole eigenbasis",
        ),
        Certificate(
            "no eigenvalue beyond the returned ones was missed",
            Kind.PROOF,
            True if run.complete else None,
            method="the basis spans the space"
            if run.complete
            else "unknown: a Krylov space sees only what its random start touches",
        ),
    )
    status, message = run.status, "" if run.status.succeeded else "the residuals did not reach the tolerance"
    if status.succeeded and not certificates[0].holds:
        status, message = (
            Status.STALLED,
            "the residuals are above the tolerance: does A change between products?",
        )

    def kind(t: Tensor) -> Array:
        return t.cpu().numpy() if numpy else t

    return GeneralEigen(
        kind(run.values), kind(run.vectors), kind(norms), kind(torch.full_like(norms, math.inf)), None,
        (size, 0.0, math.inf), (float(run.values.real.max()), -math.inf, math.inf), "arnoldi", run.steps,
        status, certificates, message,
    )  # fmt: skip

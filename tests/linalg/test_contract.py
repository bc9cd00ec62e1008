"""What every linear operator must satisfy, run on every registered member."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fivefold.core import ArgumentError
from fivefold.linalg import (
    Adjoint,
    BlockDiagonal,
    Convolution,
    DataMatrix,
    Dense,
    Diagonal,
    DoubledMatrix,
    Identity,
    IncompleteCholesky,
    Inverse,
    Kronecker,
    LinearOperator,
    LowRankPlusDiagonal,
    Product,
    Scaled,
    Sparse,
    Sum,
    gram,
)
from fivefold.linalg.eigenpair_inclusion import Bordered
from fivefold.linalg.schur_complement import SchurComplement

# Entries away from the origin: an error that cancels around zero does not cancel here.
G = torch.Generator().manual_seed(7)
M = 5.0 + torch.randn(6, 4, generator=G, dtype=torch.float64)
N = -3.0 + torch.randn(4, 6, generator=G, dtype=torch.float64)
S = M.mT @ M
D = torch.tensor([3.0, 1.0, 4.0, 1.5], dtype=torch.float64)
BATCH = 2.0 + torch.randn(3, 6, 4, generator=G, dtype=torch.float64)
W = torch.tensor([2.0, -0.5], dtype=torch.float64)
U, V = M[:4, :2], N[:, :2]
LOW = torch.diag(D) + U @ U.mT
KERNEL_1 = 2.0 + torch.randn(4, 1, 3, generator=G, dtype=torch.float64)
KERNEL_2 = 1.0 + torch.randn(2, 3, 2, 3, generator=G, dtype=torch.float64)
SQUARE = M[:4] - 3 * torch.eye(4).double()


def convolved(kernel, size, **options):
    """The matrix, entry by entry, from the definition."""
    K, axes = kernel, kernel.ndim - 2
    get = lambda name, value: (options.get(name, value),) * axes  # noqa: E731
    stride, pad, dilation = get("stride", 1), get("padding", 0), get("dilation", 1)
    groups, circular = options.get("groups", 1), options.get("mode") == "circular"
    size = (size,) if isinstance(size, int) else size
    out = [
        (n + 2 * p - d * (t - 1) - 1) // s + 1
        for n, p, d, t, s in zip(size, pad, dilation, K.shape[2:], stride, strict=True)
    ]
    channels = K.shape[1] * groups
    matrix = torch.zeros(K.shape[0], *out, channels, *size, dtype=torch.float64)
    for o, c in np.ndindex(*K.shape[:2]):
        source = (o // (K.shape[0] // groups)) * K.shape[1] + c
        for at in np.ndindex(*out):
            for tap in np.ndindex(*K.shape[2:]):
                place = [
                    s * i + d * t - p for s, i, d, t, p in zip(stride, at, dilation, tap, pad, strict=True)
                ]
                if circular:
                    place = [q % n for q, n in zip(place, size, strict=True)]
                if all(0 <= q < n for q, n in zip(place, size, strict=True)):
                    matrix[(o, *at, source, *place)] += K[(o, c, *tap)]
    return matrix.reshape(K.shape[0] * math.prod(out), channels * math.prod(size))


def convolution(kernel, size, **options):
    return lambda t: Convolution(kernel.to(t), size, **options), convolved(kernel, size, **options)


Case = tuple[Callable[[torch.dtype], LinearOperator], Tensor]
CASES: dict[str, Case] = {
    "dense": (lambda t: Dense(M.to(t)), M),
    "dense batch": (lambda t: Dense(BATCH.to(t)), BATCH),
    "dense positive": (lambda t: Dense(S.to(t), positive=True), S),
    "sparse": (lambda t: Sparse(M.to(t).to_sparse()), M),
    "sparse positive": (lambda t: Sparse(S.to(t).to_sparse(), positive=True), S),
    "incomplete Cholesky": (
        lambda t: IncompleteCholesky(Sparse(torch.diag(D).to(t).to_sparse(), positive=True)),
        torch.diag(1 / D),
    ),
    "bordered": (
        lambda t: Bordered(Dense(SQUARE.to(t)), 1.5 + 0j, D.to(torch.complex128), 2.0),
        torch.cat(
            [
                torch.cat([SQUARE - 1.5 * torch.eye(4).double(), -2 * D[:, None]], dim=1),
                torch.cat([2 * D[None], torch.zeros(1, 1).double()], dim=1),
            ]
        ),
    ),
    "diagonal": (lambda t: Diagonal(D.to(t)), torch.diag(D)),
    "diagonal indefinite": (lambda t: Diagonal((D - 2).to(t)), torch.diag(D - 2)),
    "diagonal batch": (
        lambda t: Diagonal(torch.stack([D, -D]).to(t)),
        torch.diag_embed(torch.stack([D, -D])),
    ),
    "identity": (lambda t: Identity(4, dtype=t), torch.eye(4, dtype=torch.float64)),
    "sum": (lambda t: Dense(M.to(t)) + Dense(N.mT.to(t)), M + N.mT),
    "difference": (lambda t: Dense(M.to(t)) - Dense(N.mT.to(t)), M - N.mT),
    "sum batch": (lambda t: Dense(BATCH.to(t)) + Dense(M.to(t)), BATCH + M),
    "ridge": (lambda t: Dense(S.to(t), positive=True) + 2.0 * Identity(4, dtype=t), S + 2 * torch.eye(4)),
    "product": (lambda t: Dense(M.to(t)) @ Dense(N.to(t)), M @ N),
    "gram product": (lambda t: Product(Dense(M.mT.to(t)), Dense(M.to(t)), positive=True), S),
    "scaled": (lambda t: -2.5 * Dense(M.to(t)), -2.5 * M),
    "scaled positive": (lambda t: Dense(S.to(t), positive=True) * 3, 3 * S),
    "negated positive": (lambda t: -Dense(S.to(t), positive=True), -S),
    "adjoint": (lambda t: Adjoint(Dense(M.to(t)), lambda Y: M.to(t).mT @ Y), M.mT),
    "data matrix": (lambda t: DataMatrix([M[:1].to(t), M[1:4].to(t), M[4:].to(t)]), M),
    "data matrix adjoint": (lambda t: DataMatrix(lambda: [M[:2].to(t), M[2:].to(t)]).H, M.mT),
    "low rank": (lambda t: LowRankPlusDiagonal(D.to(t), U.to(t)), LOW),
    "low rank indefinite": (
        lambda t: LowRankPlusDiagonal((D - 2).to(t), U.to(t), weights=W.to(t)),
        torch.diag(D - 2) + U * W @ U.mT,
    ),
    "low rank two factors": (
        lambda t: LowRankPlusDiagonal(D.to(t), U.to(t), V.to(t), weights=W.to(t)),
        torch.diag(D) + U * W @ V.mT,
    ),
    "low rank batch": (
        lambda t: LowRankPlusDiagonal(torch.stack([D, 2 * D, D + 1]).to(t), U.to(t)),
        torch.diag_embed(torch.stack([D, 2 * D, D + 1])) + U @ U.mT,
    ),
    "low rank inverse": (
        lambda t: LowRankPlusDiagonal(D.to(t), U.to(t)).inverse(),
        torch.linalg.inv(LOW),
    ),
    "kronecker": (
        lambda t: Kronecker(M[:2, :3].to(t), N[:1, :2].to(t), Dense(M[:3, :2].to(t))),
        torch.kron(torch.kron(M[:2, :3].contiguous(), N[:1, :2].contiguous()), M[:3, :2].contiguous()),
    ),
    "kronecker positive": (
        lambda t: Kronecker(Dense(S[:2, :2].to(t), positive=True), Diagonal(D.to(t))),
        torch.kron(S[:2, :2].contiguous(), torch.diag(D)),
    ),
    "blocks": (
        lambda t: BlockDiagonal(M[:2].to(t), Diagonal(D.to(t)), N[:, :2].to(t)),
        torch.block_diag(M[:2], torch.diag(D), N[:, :2]),
    ),
    "blocks positive": (
        lambda t: BlockDiagonal(Dense(S.to(t), positive=True), Identity(2, dtype=t)),
        torch.block_diag(S, torch.eye(2)),
    ),
    "inverse": (lambda t: Inverse(Dense(SQUARE.to(t))), torch.linalg.inv(SQUARE)),
    "inverse positive": (
        lambda t: Inverse(Dense((S / 50 + torch.eye(4)).to(t), positive=True)),
        torch.linalg.inv(S / 50 + torch.eye(4)),
    ),
    "convolution": convolution(KERNEL_1[:, :, :2], 7, stride=2, padding=1),
    "convolution dilated groups": convolution(KERNEL_1, 9, dilation=2, groups=2, padding=3, stride=3),
    "convolution wrapped far": convolution(KERNEL_1, 3, padding=7, mode="circular"),
    "convolution image": convolution(KERNEL_2, (4, 5), padding=1),
    "convolution image strided": convolution(KERNEL_2, (5, 8), stride=2, mode="circular", padding=2),
    "doubled": (lambda t: DoubledMatrix(M.to(t), 2.0**-54 * M), M),
    "gram of data": (lambda t: gram(DataMatrix([M[:2].to(t), M[2:].to(t)])), S),
}
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-5}  # tens of units in the last place


@pytest.fixture(params=CASES, ids=str)
def name(request):
    return request.param


def close(a, b, dtype, slack=1.0):
    a, b = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    assert a.shape == b.shape
    assert float((a - b).abs().max()) <= slack * TOLERANCE[dtype] * float(b.abs().max())


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_dense_form_shape_and_dtype(name, dtype):
    make, reference = CASES[name]
    A = make(dtype)
    assert A.shape == tuple(reference.shape)
    assert A.dtype == dtype
    assert A.to_dense().dtype == dtype
    close(A.to_dense(), reference, dtype)
    assert type(A).__name__ in repr(A)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_products_with_vectors_matrices_and_batches(name, dtype):
    make, reference = CASES[name]
    A = make(dtype)
    n = A.shape[-1]
    x = 1.0 + torch.arange(n, dtype=dtype)
    close(A @ x, (reference @ x.double()[:, None])[..., 0], dtype)
    assert (A @ x).dtype == dtype
    X = torch.stack([x, x**2], dim=-1)
    close(A @ X, reference @ X.double(), dtype)
    stack = torch.stack([X, 3 - X, 2 * X])
    if len(A.batch) == 0 or A.batch == (3,):
        close(A @ stack, reference @ stack.double(), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_adjoint_identity(name, dtype):
    A = CASES[name][0](dtype)
    x = 2.0 + torch.sin(torch.arange(A.shape[-1], dtype=dtype))[:, None]
    y = 3.0 + torch.cos(torch.arange(A.shape[-2], dtype=dtype))[:, None]
    left = ((A @ x) * y).sum(dim=(-2, -1))
    right = (x * (A.adjoint() @ y)).sum(dim=(-2, -1))
    close(left, right, dtype, slack=10)
    close(A.H.to_dense(), A.to_dense().mT, dtype)
    close(A.H.H.to_dense(), A.to_dense(), dtype)


def test_linear_away_from_the_origin(name):
    A = CASES[name][0](torch.float64)
    x, y = torch.arange(4.0, 4.0 + A.shape[-1]).double(), torch.full((A.shape[-1],), 11.0).double()
    close(A @ (3 * x - y), 3 * (A @ x) - A @ y, torch.float64, slack=100)
    shift = A @ (x + y) - A @ y
    close(shift, A @ x, torch.float64, slack=100)


def test_numpy_in_numpy_out(name):
    A = CASES[name][0](torch.float64)
    x = np.arange(A.shape[-1])
    out = A @ x
    assert isinstance(out, np.ndarray)
    assert out.dtype == np.float64
    close(out, A @ torch.as_tensor(x), torch.float64)


def test_claims_of_symmetry_and_positivity_are_true(name):
    A = CASES[name][0](torch.float64)
    dense = A.to_dense()
    assert A.symmetric or not A.positive
    if A.symmetric:
        close(dense.mT, dense, torch.float64)
        assert A.adjoint() is A
    if A.positive:
        assert float(torch.linalg.eigvalsh(dense).min()) >= -1e-12 * float(dense.abs().max())


def test_wrong_sizes_are_refused(name):
    A = CASES[name][0](torch.float64)
    with pytest.raises(ArgumentError, match="operator of shape"):
        A @ torch.ones(A.shape[-1] + 1)


def test_every_operator_of_the_room_is_registered():
    def leaves(cls):
        for child in cls.__subclasses__():
            if child.__module__.startswith("fivefold.linalg"):
                yield child
                yield from leaves(child)

    # a Schur complement is in float64 whatever its operand is, and has a file of its own
    covered = {type(make(torch.float64)) for make, _ in CASES.values()} | {SchurComplement}
    assert set(leaves(LinearOperator)) <= covered


def test_expected_claims():
    assert CASES["ridge"][0](torch.float64).positive
    assert CASES["scaled positive"][0](torch.float64).positive
    negated = CASES["negated positive"][0](torch.float64)
    assert negated.symmetric
    assert not negated.positive
    assert not CASES["diagonal indefinite"][0](torch.float64).positive
    assert not CASES["product"][0](torch.float64).symmetric


def test_the_suite_can_fail():
    class Wrong(Dense):
        def _adjoint(self):
            return Dense(-self.matrix.mT)

    A = Wrong(M)
    x, y = torch.ones(4).double(), torch.ones(6).double()
    with pytest.raises(AssertionError):
        close((A @ x) @ y, x @ (A.H @ y), torch.float64)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Sum, "at least one term"),
        (lambda: Sum(Identity(2), Identity(3)), "terms of one shape"),
        (lambda: Sum(Dense(torch.ones(2, 1, 1)), Dense(torch.ones(3, 1, 1))), "broadcast"),
        (Product, "at least one factor"),
        (lambda: Product(Identity(2), Identity(3)), "neighbouring sizes"),
        (lambda: Scaled(float("nan"), Identity(2)), "finite factor"),
        (lambda: Product(Dense(M), symmetric=True), "square operator where symmetry"),
        (lambda: Identity(0), "positive sizes"),
        (lambda: Identity(2, dtype=torch.float16), "float32 or float64"),
        (lambda: Dense([1.0]), "matrix"),
        (lambda: Dense([[1.0, 2.0], [0.0, 1.0]], symmetric=True), "symmetric matrix"),
        (lambda: Dense([[float("nan")]]), "finite numbers"),
        (lambda: Diagonal([float("inf")]), "finite numbers"),
        (lambda: Diagonal([]), "nonempty"),
    ],
)
def test_bad_constructions_are_refused(build, message):
    with pytest.raises(ArgumentError, match=message):
        build()


def test_operators_do_not_add_to_arrays():
    with pytest.raises(TypeError):
        Identity(2) + torch.ones(2, 2)
    with pytest.raises(TypeError):
        Identity(2) - 1.0
    assert (np.float64(2.0) * Identity(2)).to_dense().tolist() == [[2, 0], [0, 2]]

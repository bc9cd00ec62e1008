"""Import every module of the room, then call every public name."""

import importlib
import pkgutil

import numpy as np
import scipy.sparse
import torch

import fivefold.linalg as room


def test_every_public_name_is_callable_after_every_module_is_imported():
    for module in pkgutil.iter_modules(room.__path__):
        importlib.import_module(f"fivefold.linalg.{module.name}")
        assert module.name not in room.__all__
    X = np.array([[2.0, 1.0], [1.0, 3.0], [1.0, 1.0]])
    S = X.T @ X
    I = room.Identity(2)  # noqa: E741
    calls = {
        "BlockDiagonal": lambda: room.BlockDiagonal(X, S).shape,
        "Convolution": lambda: room.Convolution([[[1.0, 2.0]]], 4).shape,
        "IncompleteCholesky": lambda: (
            room.IncompleteCholesky(room.Sparse(scipy.sparse.csr_array(S), positive=True)).shape
        ),
        "Sparse": lambda: room.Sparse(scipy.sparse.csr_array(X)).shape,
        "Inverse": lambda: room.Inverse(I).shape,
        "Kronecker": lambda: room.Kronecker(X, S).shape,
        "LowRankPlusDiagonal": lambda: room.LowRankPlusDiagonal([1.0, 1.0, 1.0], X).shape,
        "convolution_singular_values": lambda: (
            room.convolution_singular_values(room.Convolution([[[1.0, 2.0]]], 4)).values
        ),
        "eig": lambda: room.eig(S).values,
        "inverse": lambda: room.inverse(S) @ [1.0, 1.0],
        "jacobi": lambda: room.jacobi(S).shape,
        "lipschitz_bound": lambda: room.lipschitz_bound(room.Convolution([[[1.0, 2.0]]], 4)),
        "low_rank_preconditioner": lambda: room.low_rank_preconditioner(S, 1).shape,
        "lsmr": lambda: room.lsmr(X, [1.0, 2.0, 3.0]).x,
        "lu": lambda: room.lu(S).U,
        "minres": lambda: room.minres(S, [1.0, 1.0]).x,
        "pivoted_cholesky": lambda: room.pivoted_cholesky(S, 1),
        "stability": lambda: room.stability(S, time="discrete").upper,
        "Adjoint": lambda: room.Adjoint(I, lambda Y: Y).shape,
        "DataMatrix": lambda: room.DataMatrix([X]).shape,
        "Dense": lambda: room.Dense(X).shape,
        "DoubledMatrix": lambda: room.DoubledMatrix(X, 0 * X).shape,
        "lstsq_batches": lambda: room.lstsq_batches([(X, [1.0, 2.0, 3.0])]).x,
        "polynomial_design": lambda: room.polynomial_design([1.0, 2.0], 2).shape,
        "ridge": lambda: room.ridge(X, [1.0, 2.0, 3.0], 1.0).x,
        "Diagonal": lambda: room.Diagonal([1.0]).shape,
        "Identity": lambda: I.shape,
        "Product": lambda: room.Product(I, I).shape,
        "Scaled": lambda: room.Scaled(2.0, I).shape,
        "Sum": lambda: room.Sum(I, I).shape,
        "as_operator": lambda: room.as_operator(X).shape,
        "cg": lambda: room.cg(S, [1.0, 1.0]).x,
        "cholesky": lambda: room.cholesky(S).factor,
        "condition": lambda: room.condition([2.0, 1.0]),
        "effective_rank": lambda: room.effective_rank([2.0, 1.0]).stable,
        "eigh": lambda: room.eigh(S, 1).values,
        "gram": lambda: room.gram(I).shape,
        "lstsq": lambda: room.lstsq(X, [1.0, 2.0, 3.0]).x,
        "pca": lambda: room.pca(X, 1).components,
        "qr": lambda: room.qr(X).R,
        "solve": lambda: room.solve(S, [1.0, 1.0]).x,
        "svd": lambda: room.svd(X, 1).values,
        "trace": lambda: room.trace(S).value,
        "diagonal": lambda: room.diagonal(S).value,
        "logdet": lambda: room.logdet(S).value,
        "spectral_density": lambda: room.spectral_density(S).density,
        "norm_bound": lambda: room.norm_bound(I),
    }
    results = {"Array", "Cholesky", "ConjugateGradients", "EffectiveRank", "Eigen", "LeastSquares"}
    results |= {"LinearOperator", "PCA", "QR", "SVD", "Solution"}
    results |= {"ConvolutionSpectrum", "GeneralEigen", "Krylov", "LU", "Stability"}
    results |= {"BatchedLeastSquares", "Ridge"}
    results |= {"Estimate", "SpectralDensity"}
    assert set(calls) | results == set(room.__all__)
    for name, call in calls.items():
        assert call() is not None, name


def test_results_are_frozen_and_compare_by_identity():
    fit = room.lstsq(torch.eye(2), torch.ones(2))
    for result in (room.LeastSquares, room.Solution, room.Eigen, room.SVD, room.PCA, room.QR, room.Cholesky):
        parameters = result.__dataclass_params__
        assert parameters.frozen
        assert not parameters.eq
    assert fit != room.lstsq(torch.eye(2), torch.ones(2))

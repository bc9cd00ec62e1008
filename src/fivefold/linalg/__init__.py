"""Floor 1: linear operators, and the algorithms that use their structure and certify what they return."""

from fivefold.linalg.arrays import Array
from fivefold.linalg.batched_least_squares import BatchedLeastSquares, lstsq_batches
from fivefold.linalg.block_diagonal import BlockDiagonal
from fivefold.linalg.cholesky_factor import Cholesky, cholesky
from fivefold.linalg.compose import Adjoint, Product, Scaled, Sum
from fivefold.linalg.conjugate_gradients import ConjugateGradients, cg
from fivefold.linalg.convolution import Convolution
from fivefold.linalg.convolution_spectrum import (
    ConvolutionSpectrum,
    convolution_singular_values,
    lipschitz_bound,
)
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.density import SpectralDensity, spectral_density
from fivefold.linalg.diagonal_estimate import diagonal
from fivefold.linalg.diagonals import Diagonal, Identity
from fivefold.linalg.doubled_matrix import DoubledMatrix, polynomial_design
from fivefold.linalg.eigen import Eigen, eigh
from fivefold.linalg.fong2011lsmr import lsmr
from fivefold.linalg.general_eigen import GeneralEigen, eig
from fivefold.linalg.gram_operator import gram
from fivefold.linalg.householder import QR, qr
from fivefold.linalg.incomplete_cholesky import IncompleteCholesky
from fivefold.linalg.inverse_operator import Inverse, inverse
from fivefold.linalg.kronecker import Kronecker
from fivefold.linalg.krylov import Krylov
from fivefold.linalg.least_squares import LeastSquares, lstsq
from fivefold.linalg.linear_solve import Solution, solve
from fivefold.linalg.log_determinant import logdet
from fivefold.linalg.low_rank import LowRankPlusDiagonal
from fivefold.linalg.lu_factor import LU, lu
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.paige1975minres import minres
from fivefold.linalg.preconditioners import jacobi, low_rank_preconditioner, pivoted_cholesky
from fivefold.linalg.principal_components import PCA, pca
from fivefold.linalg.ridge_regression import Ridge, ridge
from fivefold.linalg.singular_values import SVD, svd
from fivefold.linalg.sparse_matrix import Sparse
from fivefold.linalg.spectral_norm import norm_bound
from fivefold.linalg.spectrum import EffectiveRank, condition, effective_rank
from fivefold.linalg.stability_verdict import Stability, stability
from fivefold.linalg.stochastic_estimate import Estimate
from fivefold.linalg.trace_estimate import trace

__all__ = [
    "LU",
    "PCA",
    "QR",
    "SVD",
    "Adjoint",
    "Array",
    "BatchedLeastSquares",
    "BlockDiagonal",
    "Cholesky",
    "ConjugateGradients",
    "Convolution",
    "ConvolutionSpectrum",
    "DataMatrix",
    "Dense",
    "Diagonal",
    "DoubledMatrix",
    "EffectiveRank",
    "Eigen",
    "Estimate",
    "GeneralEigen",
    "Identity",
    "IncompleteCholesky",
    "Inverse",
    "Kronecker",
    "Krylov",
    "LeastSquares",
    "LinearOperator",
    "LowRankPlusDiagonal",
    "Product",
    "Ridge",
    "Scaled",
    "Solution",
    "Sparse",
    "SpectralDensity",
    "Stability",
    "Sum",
    "as_operator",
    "cg",
    "cholesky",
    "condition",
    "convolution_singular_values",
    "diagonal",
    "effective_rank",
    "eig",
    "eigh",
    "gram",
    "inverse",
    "jacobi",
    "lipschitz_bound",
    "logdet",
    "low_rank_preconditioner",
    "lsmr",
    "lstsq",
    "lstsq_batches",
    "lu",
    "minres",
    "norm_bound",
    "pca",
    "pivoted_cholesky",
    "polynomial_design",
    "qr",
    "ridge",
    "solve",
    "spectral_density",
    "stability",
    "svd",
    "trace",
]

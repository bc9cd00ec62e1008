"""Floor 1: linear operators, and the algorithms that use their structure and certify what they return."""

from fivefold.linalg.arrays import Array
from fivefold.linalg.cholesky_factor import Cholesky, cholesky
from fivefold.linalg.compose import Adjoint, Product, Scaled, Sum
from fivefold.linalg.conjugate_gradients import ConjugateGradients, cg
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.diagonals import Diagonal, Identity
from fivefold.linalg.eigen import Eigen, eigh
from fivefold.linalg.gram_operator import gram
from fivefold.linalg.householder import QR, qr
from fivefold.linalg.least_squares import LeastSquares, lstsq
from fivefold.linalg.linear_solve import Solution, solve
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.principal_components import PCA, pca
from fivefold.linalg.singular_values import SVD, svd
from fivefold.linalg.spectrum import EffectiveRank, condition, effective_rank

__all__ = [
    "PCA",
    "QR",
    "SVD",
    "Adjoint",
    "Array",
    "Cholesky",
    "ConjugateGradients",
    "DataMatrix",
    "Dense",
    "Diagonal",
    "EffectiveRank",
    "Eigen",
    "Identity",
    "LeastSquares",
    "LinearOperator",
    "Product",
    "Scaled",
    "Solution",
    "Sum",
    "as_operator",
    "cg",
    "cholesky",
    "condition",
    "effective_rank",
    "eigh",
    "gram",
    "lstsq",
    "pca",
    "qr",
    "solve",
    "svd",
]

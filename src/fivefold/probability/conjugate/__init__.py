"""Beliefs that data update in closed form, with what they predict."""

from fivefold.probability.conjugate.beta_binomial import BetaBinomial, beta_from_moments
from fivefold.probability.conjugate.dirichlet_multinomial import DirichletMultinomial
from fivefold.probability.conjugate.gamma_poisson import GammaPoisson
from fivefold.probability.conjugate.normal_inverse_gamma import NormalInverseGamma
from fivefold.probability.conjugate.normal_normal import NormalNormal
from fivefold.probability.conjugate.predictive import Univariate

__all__ = [
    "BetaBinomial",
    "DirichletMultinomial",
    "GammaPoisson",
    "NormalInverseGamma",
    "NormalNormal",
    "Univariate",
    "beta_from_moments",
]

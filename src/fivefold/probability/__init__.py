"""Floor 1: likelihoods in their linear predictor, with derivatives written by hand, and priors."""

from fivefold.probability.bernoulli import Bernoulli
from fivefold.probability.categorical import Categorical
from fivefold.probability.gaussian import Gaussian
from fivefold.probability.likelihood import CanonicalLikelihood, JointCurvature, Likelihood
from fivefold.probability.poisson import Poisson
from fivefold.probability.prior import GaussianPrior
from fivefold.probability.registry import create, names

__all__ = [
    "Bernoulli",
    "CanonicalLikelihood",
    "Categorical",
    "Gaussian",
    "GaussianPrior",
    "JointCurvature",
    "Likelihood",
    "Poisson",
    "create",
    "names",
]

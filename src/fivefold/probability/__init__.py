"""Floor 1: likelihoods with derivatives by hand, priors, conjugate beliefs, decisions, information, tests."""

from fivefold.probability.asymmetric_loss import (
    LinexLoss,
    NumberLoss,
    PinballLoss,
    SquaredLoss,
)
from fivefold.probability.bernoulli import Bernoulli
from fivefold.probability.binomial import Binomial
from fivefold.probability.categorical import Categorical
from fivefold.probability.conjugate import (
    BetaBinomial,
    DirichletMultinomial,
    GammaPoisson,
    NormalInverseGamma,
    NormalNormal,
    Univariate,
    beta_from_moments,
)
from fivefold.probability.gamma import Gamma
from fivefold.probability.gaussian import Gaussian
from fivefold.probability.hypothesis import (
    CorrectedTests,
    Effect,
    HypothesisTest,
    chi_squared_test,
    correct_p_values,
    correlation_test,
    fisher_exact_test,
    goodness_of_fit_test,
    kolmogorov_smirnov_test,
    mann_whitney_test,
    mcnemar_test,
    one_sample_t_test,
    paired_t_test,
    permutation_test,
    t_test,
    welch_test,
    wilcoxon_test,
)
from fivefold.probability.information import (
    InformationEstimate,
    continuous_divergence,
    continuous_entropy,
    continuous_mutual_information,
    count_table,
    discrete_divergence,
    discrete_entropy,
    discrete_mutual_information,
)
from fivefold.probability.laplace_prior import LaplacePrior
from fivefold.probability.least_cost import Decision, least_cost
from fivefold.probability.likelihood import CanonicalLikelihood, JointCurvature, Likelihood
from fivefold.probability.negative_binomial import NegativeBinomial
from fivefold.probability.ordinal import Ordinal
from fivefold.probability.poisson import Poisson
from fivefold.probability.prior import GaussianPrior
from fivefold.probability.registry import create, names

__all__ = [
    "Bernoulli",
    "BetaBinomial",
    "Binomial",
    "CanonicalLikelihood",
    "Categorical",
    "CorrectedTests",
    "Decision",
    "DirichletMultinomial",
    "Effect",
    "Gamma",
    "GammaPoisson",
    "Gaussian",
    "GaussianPrior",
    "HypothesisTest",
    "InformationEstimate",
    "JointCurvature",
    "LaplacePrior",
    "Likelihood",
    "LinexLoss",
    "NegativeBinomial",
    "NormalInverseGamma",
    "NormalNormal",
    "NumberLoss",
    "Ordinal",
    "PinballLoss",
    "Poisson",
    "SquaredLoss",
    "Univariate",
    "beta_from_moments",
    "chi_squared_test",
    "continuous_divergence",
    "continuous_entropy",
    "continuous_mutual_information",
    "correct_p_values",
    "correlation_test",
    "count_table",
    "create",
    "discrete_divergence",
    "discrete_entropy",
    "discrete_mutual_information",
    "fisher_exact_test",
    "goodness_of_fit_test",
    "kolmogorov_smirnov_test",
    "least_cost",
    "mann_whitney_test",
    "mcnemar_test",
    "names",
    "one_sample_t_test",
    "paired_t_test",
    "permutation_test",
    "t_test",
    "welch_test",
    "wilcoxon_test",
]

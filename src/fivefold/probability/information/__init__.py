"""Entropy, divergence and mutual information with their standard errors."""

from fivefold.probability.information.discrete import (
    count_table,
    discrete_divergence,
    discrete_entropy,
    discrete_mutual_information,
)
from fivefold.probability.information.estimate import InformationEstimate
from fivefold.probability.information.kozachenko_leonenko_1987_entropy import continuous_entropy
from fivefold.probability.information.kraskov_2004_mutual_information import continuous_mutual_information
from fivefold.probability.information.wang_2009_divergence import continuous_divergence

__all__ = [
    "InformationEstimate",
    "continuous_divergence",
    "continuous_entropy",
    "continuous_mutual_information",
    "count_table",
    "discrete_divergence",
    "discrete_entropy",
    "discrete_mutual_information",
]

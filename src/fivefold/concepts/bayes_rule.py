"""Bayes' rule: how much to believe each explanation once the data are seen.

    p(θ | y) = p(y | θ) p(θ) / p(y)        p(y) = Σ_θ p(y | θ) p(θ)

Multiply what you believed by how well each explanation foretold the data, and divide so that all sums to
one. The divisor p(y), the evidence, says how well the whole set of explanations foretold the data.

Source: Bayes (1763), Phil. Trans. 53, 370–418; Gelman et al., Bayesian Data Analysis (2013), 1.3 and 2.1.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def posterior(prior: Array, likelihood: Array) -> Array:
    """Update the prior p(θ) [k] by the likelihood p(y | θ) [k] of what was seen.

    >>> sick = posterior(np.array([0.01, 0.99]), np.array([0.90, 0.09]))  # a positive test
    >>> np.round(sick, 3)
    array([0.092, 0.908])
    """
    joint = prior * likelihood
    belief: Array = joint / joint.sum()
    return belief


def log_posterior(log_prior: Array, log_likelihoods: Array) -> tuple[Array, float]:
    """Add the logarithms of many independent observations [n, k]; return log p(θ | y) [k] and log p(y).

    Logarithms, because the product of a thousand probabilities is below the smallest number of a computer.

    >>> log_prior = np.log(np.array([0.5, 0.5]))
    >>> log_p, log_evidence = log_posterior(log_prior, np.log(np.array([[0.8, 0.4], [0.8, 0.4]])))
    >>> np.round(np.exp(log_p), 12), round(float(np.exp(log_evidence)), 12)
    (array([0.8, 0.2]), 0.4)
    """
    joint = log_prior + log_likelihoods.sum(axis=0)
    largest = joint.max()
    evidence = largest + np.log(np.exp(joint - largest).sum())
    return joint - evidence, float(evidence)


def coin(heads: int, tails: int, grid: Array, a: float = 1.0, b: float = 1.0) -> Array:
    """Return the posterior density of a coin's chance of heads at the points of an even grid within (0, 1).

    The prior is Beta(a, b), as if a − 1 heads and b − 1 tails had been seen before.

    >>> grid = np.linspace(0.005, 0.995, 100)
    >>> round(float(grid @ coin(7, 3, grid)) * 0.01, 3)  # its mean, (7 + 1) / (10 + 2)
    0.667
    """
    log_prior = (a - 1.0) * np.log(grid) + (b - 1.0) * np.log1p(-grid)
    log_likelihood = heads * np.log(grid) + tails * np.log1p(-grid)
    log_p, _ = log_posterior(log_prior, log_likelihood[None, :])
    density: Array = np.exp(log_p) / (grid[1] - grid[0])
    return density

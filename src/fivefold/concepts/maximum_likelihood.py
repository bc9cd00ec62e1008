"""Maximum likelihood: choose the model under which the data are least surprising.

    ŵ = argmin_w −(1/n) Σᵢ log q_w(yᵢ)  =  argmin_w H(p̂, q_w)
    H(p, q) = −Σₖ pₖ log qₖ = H(p) + KL(p ‖ q)

The mean surprise of labels under a model is the cross-entropy between their frequencies p̂ and the model q.
It is least where q = p̂, so the loss of every classifier is maximum likelihood under another name.

Source: Fisher (1922), Phil. Trans. A 222, 309–368; Cover and Thomas, Information Theory (2006), 2.3.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def frequencies(labels: Labels, classes: int) -> Array:
    """Return the maximum-likelihood estimate of a categorical distribution: the share of each class.

    >>> frequencies(np.array([0, 0, 1, 2]), classes=3)
    array([0.5 , 0.25, 0.25])
    """
    return np.bincount(labels, minlength=classes) / len(labels)


def cross_entropy(p: Array, q: Array) -> float:
    """Return H(p, q), in nats: the mean surprise where p [k] is true and q [k] is believed.

    >>> round(cross_entropy(np.array([0.5, 0.5]), np.array([0.9, 0.1])), 4)
    1.204
    """
    seen = p > 0.0  # what never happens surprises nobody: 0 log 0 = 0
    with np.errstate(divide="ignore"):  # and what was held impossible and happens surprises without bound
        return float(-np.sum(p[seen] * np.log(q[seen])))


def log_softmax(logits: Array) -> Array:
    """Turn scores [n, k] into log-probabilities: zₖ − log Σⱼ exp zⱼ, the largest score taken out first."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_probabilities


def mean_surprise(logits: Array, labels: Labels) -> float:
    """Return the negative log-likelihood of the labels [n] under scores [n, k], per row: a classifier's loss.

    >>> round(mean_surprise(np.zeros((2, 4)), np.array([3, 1])), 4)  # log 4
    1.3863
    """
    return float(-log_softmax(logits)[np.arange(len(labels)), labels].mean())


def slope(logits: Array, labels: Labels) -> Array:
    """Return the gradient of the loss with respect to the scores, per row: (probability − what happened) / n.

    >>> slope(np.zeros((1, 2)), np.array([0]))
    array([[-0.5,  0.5]])
    """
    happened = np.eye(logits.shape[1])[labels]
    return (np.exp(log_softmax(logits)) - happened) / len(labels)

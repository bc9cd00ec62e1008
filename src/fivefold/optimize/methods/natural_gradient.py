"""The natural gradient, damped: steepest descent in the geometry of the model's distributions."""

from fivefold.objective import DataObjective, Objective
from fivefold.optimize.methods.levenberg_marquardt import Damped
from fivefold.optimize.methods.linear_curvature import Curved


def natural_gradient(objective: Objective) -> Damped:
    r"""The step :math:`p = -(\mathcal F + \lambda \tau I)^{-1} g`, :math:`\tau` the mean Fisher diagonal.

    :math:`\mathcal F = J^\top E[C] J` measures how far the predicted distributions move; the prior's
    curvature is added. The damping follows the gain as in Levenberg-Marquardt, which keeps the step where
    that measure holds. Fisher's information is positive semidefinite whatever the likelihood.

    Source: S. Amari, "Natural gradient works efficiently in learning", Neural Computation 10 (1998);
    J. Martens, "New insights and perspectives on the natural gradient method", JMLR 21 (2020), section 8.

    Args:
        objective: A data objective.

    >>> import torch
    >>> from fivefold.objective import Linear
    >>> from fivefold.probability import Bernoulli
    >>> X = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    >>> F = DataObjective(Linear(X), Bernoulli(), (X, [0, 1, 0, 1]))
    >>> w = F.initial[None]
    >>> move = natural_gradient(F).move(w, *F.value_and_gradient(w), torch.tensor([0]))
    >>> bool(move.value < F.value(w))
    True
    """
    assert isinstance(objective, DataObjective)
    return Damped(lambda w: Curved(objective, objective.fisher, w, scaled=False))


def without_likelihood(objective: Objective) -> str:
    """What the natural gradient lacks in an objective; empty where it suits.

    >>> without_likelihood(Objective.from_function(lambda w: (w**2).sum(), [1.0]))
    'a data objective: its likelihood defines the Fisher information'
    """
    if isinstance(objective, DataObjective):
        return ""
    return "a data objective: its likelihood defines the Fisher information"

"""Small and middle networks as test problems: full-batch objectives, and modules to train."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fivefold.core import child_seed, fork_global
from fivefold.networks import DenseNetwork
from fivefold.objective import DataObjective
from fivefold.optimize.comparison.problems.training_problem import TrainingProblem
from fivefold.probability import Categorical, Gaussian, Likelihood


def small_convolutional(classes: int = 10, width: int = 8) -> nn.Module:
    """Two convolutions with pooling and a linear map, for images [n, 1, 8, 8].

    >>> small_convolutional()(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * width, classes),
    )


def network_problems(seed: int = 0) -> tuple[TrainingProblem, ...]:
    r"""Return networks on tables and images that scikit-learn carries, in float32.

    .. math:: F(w) = \frac1N \sum_i \ell(f_w(x_i), y_i)

    with cross-entropy, or half the squared error and :math:`\tfrac12 \log 2\pi` for numbers: a dense net of 8
    units on wine (P = 139), of 16 on diabetes (193), of 64 and 64 on digits (8970), and a convolutional net
    on digits (1898). Activations are smooth, so that second derivatives exist.

    Source: the data sets of scikit-learn, and the UCI repository behind them.

    Args:
        seed: Of the first weights.

    >>> [(problem.name, problem.size) for problem in network_problems()][0]
    ('wine-dense-8', 139)
    """
    from sklearn.datasets import load_diabetes, load_digits, load_wine

    wine, kinds = load_wine(return_X_y=True)
    diabetes, progress = load_diabetes(return_X_y=True)
    digits, figures = load_digits(return_X_y=True)
    images = torch.as_tensor(digits / 16.0, dtype=torch.float32)
    numbers = torch.as_tensor((progress - progress.mean()) / progress.std(), dtype=torch.float32)

    def scaled(X: Tensor) -> Tensor:
        return (X - X.mean(0)) / X.std(0)

    def dense(inputs: int, outputs: int, *widths: int) -> Callable[[], nn.Module]:
        return lambda: DenseNetwork(inputs, outputs, widths, activation="tanh")

    def f32(X: object) -> Tensor:
        return torch.as_tensor(X, dtype=torch.float32)

    figures, kinds = torch.as_tensor(figures), torch.as_tensor(kinds)
    return (
        _network("wine-dense-8", dense(13, 3, 8), scaled(f32(wine)), kinds, Categorical(3), seed),
        _network(
            "diabetes-dense-16", dense(10, 1, 16), scaled(f32(diabetes)), numbers, Gaussian(sd=1.0), seed
        ),
        _network("digits-dense-64-64", dense(64, 10, 64, 64), images, figures, Categorical(10), seed),
        _network(
            "digits-convolutional",
            small_convolutional,
            images.reshape(-1, 1, 8, 8),
            figures,
            Categorical(10),
            seed,
        ),
    )


def _half_squared(output: Tensor, target: Tensor) -> Tensor:
    """-log N(y; f, 1) in mean, constants included."""
    fits: Tensor = 0.5 * (output[:, 0] - target).square().mean()
    return fits + 0.5 * torch.log(2 * torch.tensor(torch.pi))


def _network(
    name: str, module: Callable[[], nn.Module], X: Tensor, y: Tensor, likelihood: Likelihood, seed: int
) -> TrainingProblem:
    def seeded() -> nn.Module:
        with fork_global(child_seed(seed, f"network {name}")):
            return module()

    start = torch.cat([p.detach().reshape(-1) for p in seeded().parameters()])
    return TrainingProblem(
        name,
        lambda: DataObjective(seeded(), likelihood, (X, y)),
        start[None],
        None,
        None,
        "scikit-learn, UCI",
        module=seeded,
        data=(X, y),
        loss=_half_squared if isinstance(likelihood, Gaussian) else "cross-entropy",
    )

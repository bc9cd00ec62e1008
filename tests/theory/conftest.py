"""Small networks with their dense float64 Hessians, by torch's own double backward."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from fivefold.linalg import LinearOperator


@dataclass(frozen=True, eq=False)
class Case:
    """A module with loss and rows, and its Hessian."""

    module: nn.Module
    loss: nn.Module
    X: Tensor
    y: Tensor
    H: Tensor


class Products(LinearOperator):
    """A matrix known by its products alone."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__(tuple(matrix.shape), dtype=matrix.dtype, symmetric=True)
        self.matrix = matrix

    def _matmat(self, X: Tensor) -> Tensor:
        return self.matrix @ X

    def _adjoint(self) -> "Products":
        return self


class Attention(nn.Module):
    """One head over four positions."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 1, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, X: Tensor) -> Tensor:
        mixed: Tensor = self.attend(X, X, X, need_weights=False)[0]
        scores: Tensor = self.out(mixed.mean(1))
        return scores


def dense_hessian(module: nn.Module, loss: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """The whole matrix; attention by its plain kernel."""
    named = {name: p.detach().clone() for name, p in module.named_parameters()}
    sizes = [p.numel() for p in named.values()]

    def value(w: Tensor) -> Tensor:
        pieces = [
            part.reshape(p.shape) for part, p in zip(torch.split(w, sizes), named.values(), strict=True)
        ]
        out: Tensor = loss(functional_call(module, dict(zip(named, pieces, strict=True)), (X,)), y)
        return out

    w = torch.cat([p.reshape(-1) for p in named.values()]).requires_grad_()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        (gradient,) = torch.autograd.grad(value(w), w, create_graph=True)
        rows = [torch.autograd.grad(entry, w, retain_graph=True)[0] for entry in gradient]
    H = torch.stack(rows)
    return (H + H.mT) / 2


def make(kind: str) -> Case:
    """A network of this kind away from its minimum, with 40 rows in float64."""
    torch.manual_seed(3)
    loss: nn.Module = nn.CrossEntropyLoss()
    y = torch.randint(3, (40,))
    if kind == "dense":
        module: nn.Module = nn.Sequential(
            nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 3)
        )
        X = torch.randn(40, 6, dtype=torch.float64)
    elif kind == "cnn":
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.Softplus(), nn.Conv2d(4, 4, 3, padding=1),
            nn.Softplus(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
        )  # fmt: skip
        X = torch.randn(40, 1, 6, 6, dtype=torch.float64)
    elif kind == "attention":
        module, X = Attention(), torch.randn(40, 4, 4, dtype=torch.float64)
    else:
        module, X = nn.Linear(5, 1), torch.randn(40, 5, dtype=torch.float64)
        loss, y = nn.MSELoss(), torch.randn(40, 1, dtype=torch.float64)
    module = module.double()
    return Case(module, loss, X, y, dense_hessian(module, loss, X, y))


@pytest.fixture(scope="session")
def case() -> Callable[[str], Case]:
    """Cases by name, each made once."""
    made: dict[str, Case] = {}

    def get(kind: str) -> Case:
        if kind not in made:
            made[kind] = make(kind)
        return made[kind]

    return get


@pytest.fixture(scope="session")
def products() -> Callable[[Tensor], LinearOperator]:
    """Makes an operator that hides its matrix."""
    return Products


@pytest.fixture(scope="session")
def spectrum() -> Tensor:
    """Eigenvalues like a network's: a few outliers, a bulk near 0 and a negative tail, ``[600]``."""
    generator = torch.Generator().manual_seed(1)
    bulk = 0.05 * torch.randn(592, generator=generator, dtype=torch.float64) ** 3
    return torch.cat([torch.tensor([10.0, 7.0, 5.0, 4.0, 2.5, 1.5, 1.0, 0.8], dtype=torch.float64), bulk])


@pytest.fixture(scope="session")
def rotated(spectrum: Tensor) -> Tensor:
    """A dense matrix with that spectrum."""
    generator = torch.Generator().manual_seed(2)
    Q = torch.linalg.qr(torch.randn(600, 600, generator=generator, dtype=torch.float64)).Q
    A = (Q * spectrum) @ Q.mT
    return (A + A.mT) / 2

"""Squeeze and excite: channels weighed by what the whole picture holds."""

from torch import Tensor, nn

from fivefold.core import require


class SqueezeExcite(nn.Module):
    r"""Multiply each channel by s(W_2 a(W_1 mean_{ij} x + b_1) + b_2).

    Hu, Shen and Sun, "Squeeze-and-excitation networks", 2018.

    Args:
        channels: Channels of the picture.
        squeezed: Units of the hidden layer.
        activation: a, a module.
        gate: s, a module with values in [0, 1].

    Raises:
        ArgumentError: No hidden unit.

    >>> import torch
    >>> SqueezeExcite(8, 2, nn.ReLU(), nn.Sigmoid())(torch.ones(1, 8, 4, 4)).shape
    torch.Size([1, 8, 4, 4])
    """

    def __init__(self, channels: int, squeezed: int, activation: nn.Module, gate: nn.Module) -> None:
        super().__init__()
        require(squeezed >= 1, "at least 1 hidden unit", squeezed)
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.activation, self.gate = activation, gate

    def forward(self, x: Tensor) -> Tensor:
        """Weigh [N, C, H, W]."""
        mean = x.mean((2, 3), keepdim=True)
        weights: Tensor = self.gate(self.fc2(self.activation(self.fc1(mean))))
        return x * weights

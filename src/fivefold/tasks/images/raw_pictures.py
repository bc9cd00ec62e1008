"""Raw pictures into a network: bytes in, standardised channels inside."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fivefold.core import require


class RawPictures(nn.Module):
    r"""A network that takes pictures as they lie in memory, :math:`x \mapsto f((x / 255 - \mu) / \sigma)`.

    Bytes and floats of 0 to 255 are both taken, so that augmentation may compute in floats; a byte costs a
    quarter of a float's memory.

    Args:
        network: What takes standardised pictures [N, C, H, W].
        mean: :math:`\mu` of each channel, for values in 0..1.
        deviation: :math:`\sigma` of each channel, positive.

    Raises:
        ArgumentError: Another number of means than of deviations, or a deviation that is not positive.

    >>> raw = RawPictures(nn.Identity(), [0.5], [0.25])
    >>> raw(torch.tensor([[[[0, 255]]]], dtype=torch.uint8)).tolist()
    [[[[-2.0, 2.0]]]]
    """

    def __init__(self, network: nn.Module, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        require(len(mean) == len(deviation) >= 1, "a mean and a deviation a channel", (mean, deviation))
        require(min(deviation) > 0, "positive deviations", min(deviation))
        self.network = network
        self.still: tuple[str, ...] = ()
        self.register_buffer("shift", -torch.tensor(mean).reshape(-1, 1, 1) * 255.0)
        self.register_buffer("factor", 1 / (torch.tensor(deviation).reshape(-1, 1, 1) * 255.0))
        self.shift: Tensor
        self.factor: Tensor

    def train(self, mode: bool = True) -> "RawPictures":
        """Set the mode; the layers named in ``still`` stay in evaluation mode, with their statistics."""
        super().train(mode)
        for name in self.still:
            self.network.get_submodule(name).eval()
        return self

    def standardise(self, x: Tensor) -> Tensor:
        """Return the pictures [N, C, H, W] as the network takes them."""
        return (x.to(self.shift.dtype) + self.shift) * self.factor

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the network for raw pictures [N, C, H, W]."""
        y: Tensor = self.network(self.standardise(x))
        return y


def channel_moments(pictures: Tensor) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each channel of bytes [N, C, H, W], for values in 0..1.

    Sums of bytes are exact integers. A channel that never varies gets the deviation 1 / 255.

    Args:
        pictures: At least one picture of bytes.

    Raises:
        ArgumentError: None, or not bytes.

    >>> channel_moments(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
    ([0.5], [0.5])
    """
    require(
        pictures.dtype == torch.uint8 and pictures.ndim == 4 and pictures.numel() > 0,
        "pictures of bytes [N, C, H, W]",
        (pictures.dtype, tuple(pictures.shape)),
    )
    means, deviations = [], []
    for channel in pictures.unbind(1):
        # a table of 256 counts says all: no copy of the pictures in a wider type is made
        counts = torch.bincount(channel.reshape(-1), minlength=256).double()
        values = torch.arange(256, dtype=torch.float64) / 255
        mean = float((counts * values).sum() / counts.sum())
        variance = float((counts * (values - mean) ** 2).sum() / counts.sum())
        means.append(mean)
        deviations.append(variance**0.5 if variance > 0 else 1 / 255)
    return means, deviations

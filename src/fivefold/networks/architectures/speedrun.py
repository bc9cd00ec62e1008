"""The speed-run net: what reaches 94% on CIFAR-10 in seconds.

Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv 2404.00498, 2024, after Page's ResNet-9: a
2x2 convolution whose frozen filters whiten patches, six 3x3 convolutions that begin as identities, batch
norm without scales, gelu.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.blocks.conv_norm import convolution
from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.style import Style

_PICTURES = 1_000  # whose patches are in memory at once


class IdentityConv(nn.Conv2d):
    """A 3x3 convolution whose first filters pass their channel through (Dirac); the rest are drawn."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=bias)

    def pass_through(self) -> None:
        """Make the first min(inputs, outputs) filters the identity, the rest staying as they are."""
        count = min(self.in_channels, self.out_channels)
        with torch.no_grad():
            nn.init.dirac_(self.weight[:count])


class Group(nn.Module):
    """Convolve, take the largest of 2x2, normalise, activate; convolve, normalise, activate."""

    def __init__(self, style: Style, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = IdentityConv(inputs, outputs, bias=style.bias), style.norm_of(outputs)
        self.pool = nn.MaxPool2d(2)
        self.conv2, self.norm2 = IdentityConv(outputs, outputs, bias=style.bias), style.norm_of(outputs)
        self.act = style.act()
        for norm in (self.norm1, self.norm2):
            if isinstance(norm, nn.BatchNorm2d):
                norm.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, outputs, H / 2, W / 2]."""
        x = self.act(self.norm1(self.pool(self.conv1(x))))
        y: Tensor = self.act(self.norm2(self.conv2(x)))
        return y


class SpeedrunNet(ImageNetwork):
    """A whitening convolution, three groups, the largest of all places, one dense layer.

    Args:
        classes: Outputs.
        channels: Channels of the pictures.
        style: Activation and normalisation; originally gelu and batch.
        widths: Channels of the three groups.

    Call :meth:`whiten_` with training pictures before training.
    """

    def __init__(
        self, classes: int, channels: int, style: Style, *, widths: Sequence[int] = (64, 256, 256)
    ) -> None:
        super().__init__(classes, channels, smallest=9)
        filters = 2 * channels * 4
        self.whiten = convolution(channels, filters, 2, padding=0, bias=True)
        self.whiten.weight.requires_grad_(False)
        self.act = style.act()
        groups, inputs = [], filters
        for width in widths:
            groups.append(Group(style, inputs, width))
            inputs = width
        self.groups = nn.ModuleList(groups)
        self.head_layer = nn.Linear(inputs, classes, bias=False)

    @torch.no_grad()
    def whiten_(self, pictures: Tensor, epsilon: float = 5e-4) -> None:
        r"""Fill the first filters with the eigenvectors of the patches' covariance, over the root of their
        eigenvalues.

        With C = E Λ Eᵀ the covariance of 2x2 patches, the filters are :math:`\pm (\Lambda + \epsilon)^{-1/2}
        E^\top`: their answers have unit variance and no correlation; both signs, because the activation
        passes one.

        Args:
            pictures: [N, channels, H, W], scaled as in training; thousands are enough.
            epsilon: Added to the eigenvalues, at least 0.

        Raises:
            ArgumentError: Pictures of another shape, or too few patches.
        """
        require(epsilon >= 0, "an epsilon of at least 0", epsilon)
        self._check(pictures)
        size = self.channels * 4
        count, total = 0, torch.zeros(size, dtype=torch.float64)
        origin = torch.zeros(size, dtype=torch.float64)
        products = torch.zeros(size, size, dtype=torch.float64)
        for part in torch.split(pictures, _PICTURES):
            patches = nn.functional.unfold(part.double(), 2).transpose(1, 2).reshape(-1, size)
            if count == 0 and len(patches):
                origin = patches.mean(0).cpu()  # near the mean, so that the products do not cancel
            count += len(patches)
            patches = patches.cpu() - origin
            total += patches.sum(0)
            products += patches.T @ patches
        require(count >= 2 * size, f"at least {2 * size} patches of 2 x 2 pixels", count)
        covariance = (products - torch.outer(total, total) / count) / (count - 1)
        require(bool(covariance.isfinite().all()), "finite pictures", "NaN or infinity")
        values, vectors = torch.linalg.eigh(covariance)
        require(float(values[0]) + epsilon > 0, "patches that vary, or a positive epsilon", epsilon)
        filters = (vectors / (values.clamp_min(0.0) + epsilon).sqrt()).T.reshape(size, self.channels, 2, 2)
        self.whiten.weight.copy_(torch.cat([filters, -filters]))

    def walk(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Return the stem and three stages."""
        x = self.act(self.whiten(x))
        yield "stem", x
        for i, group in enumerate(self.groups, start=1):
            x = group(x)
            yield f"stage{i}", x

    def head(self, x: Tensor) -> Tensor:
        """One dense layer, a ninth of its answer, on the largest value of all places."""
        y: Tensor = self.head_layer(x.amax((2, 3))) / 9
        return y

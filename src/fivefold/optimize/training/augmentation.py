"""Random changes of images, a whole batch at once, as tensor operations."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Generator, Tensor

from fivefold.core import require


@dataclass(frozen=True)
class Shift:
    """Move each image by up to a number of pixels; what comes in is the mirror image of the border.

    y[b, c, i, j] = x[b, c, r(i + u_b), r(j + v_b)], u, v uniform on {-p, ..., p}, r the reflection into the
    image. The same as padding by reflection and cropping at random (He et al., "Deep residual learning",
    2016, section 4.2, there with zeros).

    Args:
        pixels: p, at least 1 and less than the height and width.

    >>> X = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> Shift(1)(X, Generator().manual_seed(0)).shape
    torch.Size([1, 1, 4, 4])
    """

    pixels: int = 4

    def __post_init__(self) -> None:
        require(self.pixels >= 1, "a shift of at least 1 pixel", self.pixels)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        """Shift a batch [b, c, h, w].

        Raises:
            ArgumentError: Not images, or images not larger than the shift.
        """
        _require_images(X)
        b, c, h, w = X.shape
        require(self.pixels < min(h, w), f"images of more than {self.pixels} pixels", (h, w))
        moves = torch.randint(2 * self.pixels + 1, (2, b, 1), generator=generator, device=X.device)
        padded = F.pad(X, (self.pixels,) * 4, mode="reflect").contiguous()
        area, width = padded.shape[2] * padded.shape[3], padded.shape[3]
        # every window of h x w by the place of its first pixel in memory: whole rows are copied, which takes
        # half the time of gathering pixel by pixel
        places = padded.numel() - (h - 1) * width - w + 1
        windows = padded.as_strided((places, h, w), (1, width, 1))
        images = torch.arange(b * c, device=X.device).reshape(b, c) * area
        first = images + moves[0] * width + moves[1]
        return windows.index_select(0, first.reshape(-1)).reshape(b, c, h, w)


@dataclass(frozen=True)
class Flip:
    """Mirror each image left to right with a probability.

    Args:
        probability: In 0..1.

    >>> Flip(1.0)(torch.tensor([[[[1.0, 2.0]]]]), Generator()).tolist()
    [[[[2.0, 1.0]]]]
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= self.probability <= 1, "a probability in 0..1", self.probability)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        """Flip images of a batch [b, c, h, w].

        Raises:
            ArgumentError: Not images.
        """
        _require_images(X)
        chosen = torch.rand((X.shape[0], 1, 1, 1), generator=generator, device=X.device) < self.probability
        return torch.where(chosen, X.flip(3), X)


@dataclass(frozen=True)
class Cutout:
    """Set a square of each image to zero, its centre anywhere in the image.

    DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017: the
    square may stick out of the image.

    Args:
        size: Side of the square in pixels, at least 1.

    >>> int((Cutout(2)(torch.ones(1, 1, 8, 8), Generator().manual_seed(0)) == 0).sum()) in (1, 2, 4)
    True
    """

    size: int = 8

    def __post_init__(self) -> None:
        require(self.size >= 1, "a square of at least 1 pixel", self.size)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        """Cut squares from a batch [b, c, h, w].

        Raises:
            ArgumentError: Not images.
        """
        _require_images(X)
        b, _, h, w = X.shape
        masks = []
        for length, shape in ((h, (b, 1, h, 1)), (w, (b, 1, 1, w))):
            first = torch.randint(length, (b, 1), generator=generator, device=X.device) - self.size // 2
            places = torch.arange(length, device=X.device)
            masks.append(((places >= first) & (places < first + self.size)).reshape(shape))
        return X.masked_fill(masks[0] & masks[1], 0.0)


@dataclass(frozen=True, init=False)
class Chain:
    """One change after the other.

    Args:
        steps: Functions ``(X, generator) -> X``.

    >>> Chain(Flip(1.0), Flip(1.0))(torch.tensor([[[[1.0, 2.0]]]]), Generator()).tolist()
    [[[[1.0, 2.0]]]]
    """

    steps: tuple[Shift | Flip | Cutout, ...]

    def __init__(self, *steps: Shift | Flip | Cutout) -> None:
        object.__setattr__(self, "steps", steps)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        """Apply every step to a batch."""
        for step in self.steps:
            X = step(X, generator)
        return X


def _require_images(X: Tensor) -> None:
    require(X.ndim == 4, "images [batch, channels, height, width]", tuple(X.shape))

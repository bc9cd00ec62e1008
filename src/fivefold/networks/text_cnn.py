"""Convolutions over words, their largest answer over the text, and one dense layer."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fivefold.networks.arguments import check_arguments
from fivefold.networks.text_network import TextNetwork, masked_max


class TextCnn(TextNetwork):
    r"""Parallel convolutions over the words of a text, then the maximum over time.

    .. math:: c^h_{k,t} = \mathrm{relu}\Big(b^h_k + \sum_{j<h} w^h_{k,j} \cdot x_{t-h+1+j}\Big), \qquad
        z = \big[\max_t c^h_{k,t}\big]_{h,k}, \qquad \text{logits} = W z + b

    with t from 0 to length + h - 2: windows reach over both ends of the text, beyond which x is 0.

    Source: Kim, "Convolutional neural networks for sentence classification" (2014), and its code, where a
    sentence is padded by h - 1 words on both sides. Where we differ: the windows end with the text and not
    with the longest text of the batch, and there is no limit on the norm of the head's weights.

    Args:
        vocabulary: Tokens 0 to V - 1.
        classes: Outputs, at least 1.
        width: Numbers of each token's vector.
        filters: Convolutions of each window.
        windows: Words that a convolution sees, each at least 1.
        dropout: Probability on the token vectors and on z while training.
        generator: Source of the first weights; torch's global one where ``None``.

    Raises:
        ArgumentError: A size below 1, no windows, or a dropout outside [0, 1).

    >>> network = TextCnn(100, 2, generator=torch.Generator().manual_seed(0))
    >>> network(torch.ones(3, 9, dtype=torch.int64), torch.tensor([9, 1, 4])).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        width: int = 128,
        filters: int = 100,
        windows: Sequence[int] = (3, 4, 5),
        dropout: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(vocabulary, classes, width, dropout)
        check_arguments(TextCnn, {"filters": filters, "windows": windows, "generator": generator})
        with torch.device("meta"):
            convolutions = nn.ModuleList(nn.Conv1d(width, filters, h, padding=h - 1) for h in windows)
        self.convolutions = convolutions.to_empty(device="cpu")
        self.windows = tuple(windows)
        self.finish(filters * len(windows), self.convolutions, "relu", generator)

    def encode(self, x: Tensor, mask: Tensor) -> Tensor:
        """The maxima over time, [N, filters x windows]."""
        found = []
        for h, convolution in zip(self.windows, self.convolutions, strict=True):
            answers = convolution(x.mT).mT  # [N, T + h - 1, filters]
            # an answer counts where its window holds a true word: h - 1 more of them than words
            holds = F.pad(mask, (h - 1, 0), value=True)
            found.append(F.relu(masked_max(answers, holds)))  # relu is monotone: the order does not matter
        return torch.cat(found, dim=1)

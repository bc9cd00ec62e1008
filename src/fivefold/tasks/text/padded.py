"""A text network that takes padded tokens alone, so that it trains like any module."""

import torch
from torch import Tensor, nn

from fivefold.networks.text_network import TextNetwork
from fivefold.tasks.text.tokens import PADDING


class Padded(nn.Module):
    """Lengths are read from the padding; what is padding in a whole batch is cut off before it costs time.

    Args:
        network: Takes tokens [N, T] and lengths [N].

    >>> from fivefold.networks import create_text
    >>> net = Padded(create_text("text_cnn", classes=2, vocabulary=9, width=4)).eval()
    >>> short, long = torch.tensor([[3, 4]]), torch.tensor([[3, 4, 0, 0, 0]])
    >>> torch.equal(net(short), net(long))
    True
    """

    def __init__(self, network: TextNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores [N, K] of tokens [N, T], padded at the end with 0."""
        lengths = (tokens != PADDING).sum(1).clamp_min(1)
        y: Tensor = self.network(tokens[:, : int(lengths.max())], lengths)
        return y


@torch.no_grad()
def scores_of(module: nn.Module, tokens: Tensor, batch: int = 256) -> Tensor:
    """Return the scores [N, K] in evaluation mode, in float64, texts of like length together.

    Args:
        module: Takes tokens [N, T].
        tokens: Padded tokens.
        batch: Texts at once.
    """
    module.eval()
    order = torch.argsort((tokens != PADDING).sum(1), stable=True)
    found = torch.cat([module(tokens[rows]) for rows in order.split(batch)]).double()  # type: ignore[no-untyped-call]
    back = torch.empty_like(found)
    back[order] = found
    return back

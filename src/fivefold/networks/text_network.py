"""What every text network shares: padded tokens, an embedding, a mask, one vector per text, class scores."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.arguments import check_arguments
from fivefold.networks.first_weights import fill_weights_

WHOLE = (torch.int64, torch.int32, torch.int16, torch.uint8)
"""Types of tokens and lengths."""


def padding_mask(tokens: Tensor, lengths: Tensor | None) -> Tensor:
    """Return which places of padded sequences [N, T] are true ones: boolean [N, T].

    Args:
        tokens: [N, T] integers.
        lengths: [N] integers in 1 to T; all T where ``None``.

    Raises:
        ArgumentError: Another shape or type, or lengths out of range.

    >>> padding_mask(torch.zeros(2, 3, dtype=torch.int64), torch.tensor([3, 1])).tolist()
    [[True, True, True], [True, False, False]]
    """
    for what, given in (("tokens", tokens), ("lengths", lengths)):
        made = isinstance(given, Tensor) or (given is None and what == "lengths")
        require(made, f"a tensor of {what}", type(given).__name__, f"write torch.tensor({what})")
    shaped = tokens.ndim == 2 and min(tokens.shape) >= 1
    require(shaped, "tokens [N, T] with N and T at least 1", list(tokens.shape))
    require(tokens.dtype in WHOLE, "tokens of an integer type", tokens.dtype)
    n, time = tokens.shape
    if lengths is None:
        return torch.ones(n, time, dtype=torch.bool, device=tokens.device)
    require(lengths.shape == (n,), f"{n} lengths", list(lengths.shape))
    require(lengths.dtype in WHOLE, "lengths of an integer type", lengths.dtype)
    require_within(lengths, 1, time, "lengths")
    return torch.arange(time, device=tokens.device) < lengths.to(tokens.device)[:, None]


def require_within(values: Tensor, low: int, high: int, what: str) -> None:
    """Refuse whole numbers out of a range; those without memory, on the meta device, have none.

    Args:
        values: Integers, at least one.
        low: The smallest that may be.
        high: The largest.
        what: What they are, in the plural.

    Raises:
        ArgumentError: One is outside.

    >>> require_within(torch.tensor([1, 3]), 1, 3, "lengths")
    """
    if values.device.type == "meta":
        return
    found = (int(values.min()), int(values.max()))
    require(low <= found[0] <= found[1] <= high, f"{what} from {low} to {high}", f"{found[0]} to {found[1]}")


class TextNetwork(nn.Module, ABC):
    """A classifier of token sequences; what stands in the padding touches neither scores nor gradients.

    The tokens of the padding are replaced before they are looked up, and their vectors by zeros, so that they
    may be any integers.

    Args:
        vocabulary: Tokens 0 to V - 1.
        classes: Outputs, at least 1.
        width: Numbers of each token's vector.
        dropout: Probability in [0, 1) of zeroing a number of the vectors and of the text's features while
            training.

    Raises:
        ArgumentError: A size below 1 or a dropout outside [0, 1).
    """

    def __init__(self, vocabulary: int, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        given = {"vocabulary": vocabulary, "classes": classes, "width": width, "dropout": dropout}
        check_arguments(TextNetwork, given)
        self.vocabulary, self.classes, self.width = vocabulary, classes, width
        # by way of the meta device, because torch's layers draw from its global generator
        self.embedding = nn.Embedding(vocabulary, width, device="meta").to_empty(device="cpu")
        self.dropout = nn.Dropout(dropout)

    def finish(
        self, features: int, layers: nn.Module, activation: str, generator: torch.Generator | None
    ) -> None:
        """Add the dense head and fill embedding, layers and head; the end of a member's ``__init__``.

        Vectors of tokens have the mean square 1 / width, the head begins small (see
        :func:`~fivefold.networks.first_weights.fill_weights_`).

        Args:
            features: Numbers of each text's vector.
            layers: Dense and convolutional layers and normalisations, not yet filled.
            activation: What their inputs went through.
            generator: Source of the first weights; torch's global one where ``None``.
        """
        self.head = nn.Linear(features, self.classes, device="meta").to_empty(device="cpu")
        with torch.no_grad():
            self.embedding.weight.normal_(0.0, self.width**-0.5, generator=generator)
        fill_weights_(nn.ModuleList([layers, self.head]), activation, generator)

    @abstractmethod
    def encode(self, x: Tensor, mask: Tensor) -> Tensor:
        """One vector of each text.

        Args:
            x: [N, T, width] vectors, 0 in the padding.
            mask: [N, T] True at true tokens, of which each text has at least one, in front.

        Returns:
            [N, features].
        """

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Score texts.

        Args:
            tokens: [N, T] integers from 0 to V - 1, padded at the end with any integers.
            lengths: [N] integers in 1 to T; all T where ``None``.

        Returns:
            Logits [N, classes].

        Raises:
            ArgumentError: Another shape or type, lengths or tokens out of range.
        """
        mask = padding_mask(tokens, lengths)
        tokens = tokens.long().masked_fill(~mask, 0)
        require_within(tokens, 0, self.vocabulary - 1, "tokens")
        x = self.dropout(self.embedding(tokens)).masked_fill(~mask[:, :, None], 0.0)
        logits: Tensor = self.head(self.dropout(self.encode(x, mask)))
        return logits


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the true steps: [N, T, d] and [N, T] to [N, d].

    >>> masked_mean(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]])).tolist()
    [[2.0]]
    """
    kept = x.masked_fill(~mask[:, :, None], 0.0)
    return kept.sum(1) / mask.sum(1, keepdim=True).to(x.dtype)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """Largest over the true steps: [N, T, d] and [N, T] to [N, d].

    >>> masked_max(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]])).tolist()
    [[3.0]]
    """
    return x.masked_fill(~mask[:, :, None], -torch.inf).amax(1)

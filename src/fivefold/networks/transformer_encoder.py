"""A small transformer over words: self-attention and dense layers in residual branches, pre-normalised."""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.arguments import check_arguments
from fivefold.networks.text_network import TextNetwork, masked_mean


def sinusoidal_positions(places: int, width: int) -> Tensor:
    r"""Return positions [places, width], float64, as sines and cosines of growing wavelengths.

    .. math:: p_{t, 2i} = \sin(t / 10000^{2i/d}), \qquad p_{t, 2i+1} = \cos(t / 10000^{2i/d})

    Source: Vaswani et al., "Attention is all you need" (2017), section 3.5.

    >>> sinusoidal_positions(2, 2)
    tensor([[0.0000, 1.0000],
            [0.8415, 0.5403]], dtype=torch.float64)
    """
    time = torch.arange(places, dtype=torch.float64)[:, None]
    even = torch.arange(0, width, 2, dtype=torch.float64)
    angles = time / 10000.0 ** (even / width)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]


class EncoderBlock(nn.Module):
    r"""One layer: x + Attention(norm(x)), then x + W_2 gelu(W_1 norm(x)).

    Args:
        width: Numbers of each step.
        heads: Parts of the width that attend apart; they divide it.
        feed: Units of the dense layer.
        dropout: Probability on what the two branches add.
    """

    def __init__(self, width: int, heads: int, feed: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inward, self.outward = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, feed), nn.Linear(feed, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """States [N, T, width] from states and the mask [N, T] of the steps that may be attended to."""
        n, time, width = x.shape
        parts = self.inward(self.attention_norm(x)).view(n, time, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each [N, heads, T, width / heads]
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        x = x + self.dropout(self.outward(seen.transpose(1, 2).reshape(n, time, width)))
        more: Tensor = self.dropout(self.contract(F.gelu(self.expand(self.feed_norm(x)))))
        return x + more


class TransformerClassifier(TextNetwork):
    r"""A pre-norm transformer encoder over token vectors with a classifier's head.

    .. math:: x^0_t = \sqrt d\, e_t + p_t, \quad a = x^l + \mathrm{Attention}(\mathrm{norm}\, x^l), \quad
        x^{l+1} = a + W_2\, \mathrm{gelu}(W_1\, \mathrm{norm}\, a), \quad
        \text{logits} = W\, \mathrm{pool}_t\, \mathrm{norm}\, x^L_t + b

    Source: Vaswani et al., "Attention is all you need" (2017); Xiong et al., "On layer normalization in the
    transformer architecture" (2020), for the norm in front. The branches begin at 0.

    Args:
        vocabulary: Tokens 0 to V - 1.
        classes: Outputs, at least 1.
        width: Numbers of each step.
        heads: They divide the width.
        layers: Blocks, at least 1.
        feed: Units of the blocks' dense layers; 4 x width where ``None``.
        positions: ``"sinusoidal"``, for texts of any length, or ``"learned"``.
        longest: Most tokens of a text where the positions are learned.
        pooling: ``"mean"`` over the text, or ``"first"``: of a learned vector put in front of it.
        dropout: Probability on the token vectors, the branches and the text's vector while training.
        generator: Source of the first weights; torch's global one where ``None``.

    Raises:
        ArgumentError: An unknown choice, a size below 1, heads that do not divide the width, or a dropout
            outside [0, 1); while running, a text longer than the learned positions.

    >>> network = TransformerClassifier(100, 2, generator=torch.Generator().manual_seed(0))
    >>> network(torch.ones(3, 9, dtype=torch.int64), torch.tensor([9, 1, 4])).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        width: int = 128,
        heads: int = 4,
        layers: int = 2,
        feed: int | None = None,
        positions: Literal["sinusoidal", "learned"] = "sinusoidal",
        longest: int = 512,
        pooling: Literal["mean", "first"] = "mean",
        dropout: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(vocabulary, classes, width, dropout)
        sizes = {"heads": heads, "layers": layers, "feed": feed, "longest": longest}
        check_arguments(TransformerClassifier, {**sizes, "generator": generator})
        nearest = next(h for h in range(min(heads, width), 0, -1) if width % h == 0)
        fix = f"write heads={nearest}"
        require(width % heads == 0, "heads that divide the width", f"{heads} heads, width {width}", fix)
        known = positions in ("sinusoidal", "learned")
        require(known, "positions 'sinusoidal' or 'learned'", repr(positions))
        require(pooling in ("mean", "first"), "a pooling 'mean' or 'first'", repr(pooling))
        self.pooling, self.longest = pooling, longest
        with torch.device("meta"):
            feed = 4 * width if feed is None else feed
            blocks = nn.ModuleList(EncoderBlock(width, heads, feed, dropout) for _ in range(layers))
            norm = nn.LayerNorm(width)
        self.blocks, self.norm = blocks.to_empty(device="cpu"), norm.to_empty(device="cpu")
        self.first = nn.Parameter(torch.empty(width)) if pooling == "first" else None
        self.positions = nn.Parameter(torch.empty(longest, width)) if positions == "learned" else None
        self.finish(width, nn.ModuleList([self.blocks, self.norm]), "linear", generator)
        with torch.no_grad():
            if self.positions is not None:
                self.positions.normal_(0.0, 0.1, generator=generator)
            if self.first is not None:
                self.first.normal_(0.0, 1.0, generator=generator)
            for module in self.blocks.modules():
                if isinstance(module, EncoderBlock):
                    module.outward.weight.zero_()
                    module.contract.weight.zero_()

    def encode(self, x: Tensor, mask: Tensor) -> Tensor:
        """The pooled states of the last block, [N, width]."""
        time = x.shape[1]
        if self.positions is None:
            places = sinusoidal_positions(time, self.width).to(x)
        else:
            require(time <= self.longest, f"texts of at most {self.longest} tokens", time, "cut them")
            places = self.positions[:time]
        x = x * self.width**0.5 + places
        if self.first is not None:
            x = torch.cat([self.first.expand(len(x), 1, -1), x], dim=1)
            mask = F.pad(mask, (1, 0), value=True)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x[:, 0]) if self.pooling == "first" else masked_mean(self.norm(x), mask)

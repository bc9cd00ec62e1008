"""Layer normalisation over channels, by its formula."""

import torch

from fivefold.networks.blocks.channel_norm import ChannelNorm


def test_each_place_is_normalised_over_its_channels():
    norm = ChannelNorm(5).double()
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2.0)
        norm.bias.uniform_(-1.0, 1.0)
    x = 3 + 2 * torch.randn(2, 5, 3, 4, dtype=torch.float64)
    mean, variance = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    expected = (x - mean) / (variance + 1e-6).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(x), expected)

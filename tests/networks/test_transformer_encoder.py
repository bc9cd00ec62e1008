"""The transformer against loops in float64, its positions, and its errors."""

import math

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks.transformer_encoder import TransformerClassifier, sinusoidal_positions


def normed(x, weight, bias):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * weight + bias


def gelu(x):
    return np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x])


def by_loops(network, tokens, heads, layers):
    """Scores of one text: each head, query and key apart."""
    w = {name: value.detach().numpy() for name, value in network.named_parameters()}
    d = w["embedding.weight"].shape[1]
    x = []
    for t, token in enumerate(tokens):
        place = w["positions"][t] if "positions" in w else None
        if place is None:
            place = [(math.cos if i % 2 else math.sin)(t / 10000 ** (2 * (i // 2) / d)) for i in range(d)]
        x.append(w["embedding.weight"][token] * math.sqrt(d) + place)
    if "first" in w:
        x.insert(0, w["first"])
    for layer in range(layers):
        p = f"blocks.{layer}."
        part = d // heads
        n = [normed(row, w[p + "attention_norm.weight"], w[p + "attention_norm.bias"]) for row in x]
        qkv = [w[p + "inward.weight"] @ row + w[p + "inward.bias"] for row in n]
        out = []
        for query in qkv:
            seen = []
            for h in range(heads):
                here = slice(h * part, (h + 1) * part)
                scores = [query[:d][here] @ key[d : 2 * d][here] / math.sqrt(part) for key in qkv]
                a = np.exp(np.array(scores) - max(scores))
                a /= a.sum()
                seen.append(sum(a[j] * qkv[j][2 * d :][here] for j in range(len(qkv))))
            out.append(w[p + "outward.weight"] @ np.concatenate(seen) + w[p + "outward.bias"])
        x = [row + more for row, more in zip(x, out, strict=True)]
        for t, row in enumerate(x):
            inner = normed(row, w[p + "feed_norm.weight"], w[p + "feed_norm.bias"])
            inner = gelu(w[p + "expand.weight"] @ inner + w[p + "expand.bias"])
            x[t] = row + w[p + "contract.weight"] @ inner + w[p + "contract.bias"]
    final = np.array([normed(row, w["norm.weight"], w["norm.bias"]) for row in x])
    pooled = final[0] if "first" in w else final.mean(0)
    return w["head.weight"] @ pooled + w["head.bias"]


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_scores_are_those_of_the_formula(positions, pooling):
    generator = torch.Generator().manual_seed(0)
    network = TransformerClassifier(
        9, 3, width=6, heads=2, layers=2, feed=5, positions=positions, longest=7, pooling=pooling
    )
    network = network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # the branches begin at 0 and would hide an error
            parameter.normal_(generator=generator)
    tokens, lengths = torch.randint(0, 9, (3, 5), generator=generator), torch.tensor([5, 1, 3])
    scores = network(tokens, lengths).detach().numpy()
    for i, length in enumerate(lengths.tolist()):
        expected = by_loops(network, tokens[i, :length].tolist(), heads=2, layers=2)
        np.testing.assert_allclose(scores[i], expected, rtol=1e-10, atol=1e-10)


def test_a_shift_of_sinusoidal_positions_is_a_rotation():
    # [sin(t + s), cos(t + s)] = R(s) [sin t, cos t] for the first frequency; odd widths are cut
    table = sinusoidal_positions(20, 2).numpy()
    s, c = math.sin(3), math.cos(3)
    np.testing.assert_allclose(table[3:], table[:-3] @ np.array([[c, -s], [s, c]]), atol=1e-14)
    assert sinusoidal_positions(9, 5).shape == (9, 5)


def test_the_branches_begin_at_zero_so_that_attention_adds_nothing():
    network = TransformerClassifier(9, 3, width=8, heads=2, generator=torch.Generator().manual_seed(0))
    x = torch.randn(2, 4, 8)
    torch.testing.assert_close(network.blocks[0](x, torch.ones(2, 4, dtype=torch.bool)), x)


def test_choices_and_sizes_out_of_range_are_refused():
    for wrong, said in (
        ({"heads": 3}, "heads that divide the width; got 3 heads, width 8; write heads=2"),
        ({"heads": 2.0}, "heads as a whole number of at least 1"),
        ({"feed": 0}, "feed as a whole number of at least 1"),
        ({"layers": 0}, "of at least 1"),
        ({"positions": "rotary"}, "positions 'sinusoidal' or 'learned'"),
        ({"pooling": "max"}, "a pooling 'mean' or 'first'"),
    ):
        with pytest.raises(ArgumentError, match=said):
            TransformerClassifier(5, 2, width=8, **wrong)
    network = TransformerClassifier(5, 2, width=8, positions="learned", longest=3)
    network(torch.ones(1, 3, dtype=torch.int64))
    with pytest.raises(ArgumentError, match="texts of at most 3 tokens; got 4; cut them"):
        network(torch.ones(1, 4, dtype=torch.int64))

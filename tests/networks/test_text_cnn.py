"""The text CNN against loops in float64, and its errors."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks.text_cnn import TextCnn


def by_loops(network, tokens):
    """Scores of one text, as the docstring's formula says."""
    arrays = {name: value.detach().numpy() for name, value in network.named_parameters()}
    x = arrays["embedding.weight"][tokens]
    z = []
    for i, h in enumerate(network.windows):
        w, b = arrays[f"convolutions.{i}.weight"], arrays[f"convolutions.{i}.bias"]
        for k in range(len(b)):
            answers = []
            for t in range(len(x) + h - 1):
                total = b[k]
                for j in range(h):
                    at = t - h + 1 + j
                    if 0 <= at < len(x):
                        total += w[k, :, j] @ x[at]
                answers.append(max(0.0, total))
            z.append(max(answers))
    return arrays["head.weight"] @ np.array(z) + arrays["head.bias"]


def test_scores_are_those_of_the_formula_for_texts_shorter_and_longer_than_the_windows():
    generator = torch.Generator().manual_seed(1)
    network = TextCnn(11, 3, width=4, filters=5, windows=(1, 2, 4), generator=generator).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # biases too, so that a wrong mask shows
            parameter.normal_(generator=generator)
    tokens = torch.randint(0, 11, (4, 6), generator=generator)
    lengths = torch.tensor([6, 1, 3, 2])
    scores = network(tokens, lengths).detach().numpy()
    for i, length in enumerate(lengths.tolist()):
        # sums of at most 16 products of size 1: rounding near 1e-15
        np.testing.assert_allclose(scores[i], by_loops(network, tokens[i, :length].numpy()), rtol=1e-12)


def test_sizes_out_of_range_are_refused():
    for wrong in ((), (0, 2), 3, (2.5,)):
        with pytest.raises(ArgumentError, match="windows as a list of whole numbers of at least 1"):
            TextCnn(5, 2, windows=wrong)
    with pytest.raises(ArgumentError, match="filters as a whole number of at least 1"):
        TextCnn(5, 2, filters=0)
    with pytest.raises(ArgumentError, match="dropout"):
        TextCnn(5, 2, dropout=-0.1)

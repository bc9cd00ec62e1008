"""Scores of attention, and what saturates them."""

import pytest


@pytest.mark.parametrize(
    "scores",
    [
        "q @ k.transpose(-1, -2) * (d // heads) ** {}",
        "torch.matmul(q, k.mT) * d ** {}",
        "torch.bmm(q, k.permute(0, 2, 1)) * d ** {}",
        "torch.einsum('bid,bjd->bij', q, k) * d ** {}",
    ],
)
def test_scores_are_multiplied_by_the_inverse_root(repair, scores: str) -> None:
    assert repair("units.saturated", scores.format("2.5")) == [scores.format("-0.5")]
    assert repair("units.saturated", scores.format("-0.5"))[0].startswith("unsure")


@pytest.mark.parametrize("text", ["q @ k * d ** 2", "f(q) * d ** 2", "q @ k.mT * d", "q @ k.mT + d ** 2"])
def test_what_is_no_score_stays(repair, text: str) -> None:
    assert repair("units.saturated", text)[0].startswith("unsure: the script does not set")


def test_first_weights_are_tried_after_it(changed) -> None:
    text = "import torch.nn as nn\nnn.init.normal_(net.weight)\ns = q @ k.mT * d ** 2\n"
    made = changed("units.saturated", text)
    assert made[0][-1] == "+ s = q @ k.mT * d ** -0.5"
    assert "xavier_uniform_" in made[1][-1]
    assert len(made) == 4

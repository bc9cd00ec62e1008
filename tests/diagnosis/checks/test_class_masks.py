"""Masks that leave a class out."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.class_masks import check_class_masks

GENERATOR = torch.Generator().manual_seed(0)
WORDS = torch.randint(1, 20, (300, 12), generator=GENERATOR)
ENDS = torch.randint(5, 12, (300, 1), generator=GENERATOR)
PADDED = torch.arange(12) >= ENDS
TEXTS = WORDS.masked_fill(PADDED, 0)
TAGS = (WORDS % 4).masked_fill(PADDED, 0)


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(21, 8), nn.Linear(8, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.embed(ids))


def product(output: Tensor, both: Tensor) -> Tensor:
    tags, mask = both[:, 0].flatten(), both[:, 1].flatten().float()
    each = functional.cross_entropy(output.flatten(0, 1), tags, reduction="none")
    return (each * mask).sum() / mask.sum()


def ignoring(output: Tensor, both: Tensor) -> Tensor:
    return functional.cross_entropy(output.flatten(0, 1), both[:, 0].flatten(), ignore_index=0)


def found(
    watched, tags: Tensor, mask: Tensor, loss=product, x: Tensor = TEXTS, model=None, each=None
) -> list[tuple[str, str]]:
    both = torch.stack([tags, mask.long()], 1)
    told = check_class_masks(watched(model or Tagger(), x, both, loss=loss, steps=4, each=each))
    for f in told:
        left, none, kept = (v for _, v in f.picture.curves["targets"])
        assert none == 0.0
        assert f"all {left:.0f} targets" in f.evidence
        assert f"none of the {kept:.0f} that count" in f.evidence
    return [(f.code, f.confidence) for f in told]


@pytest.mark.parametrize("loss", [product, ignoring])
def test_a_mask_made_of_the_labels(watched, loss) -> None:
    assert found(watched, TAGS, TAGS != 0, loss) == [("mask.class", "medium")]


def test_masks_of_padding(watched) -> None:
    assert found(watched, TAGS, ~PADDED) == []
    apart = (WORDS % 3 + 1).masked_fill(PADDED, 0)
    assert found(watched, apart, apart != 0) == []
    assert found(watched, apart, apart != 0, ignoring) == []
    assert found(watched, apart.flip(1), (apart != 0).flip(1), x=TEXTS.flip(1)) == []


def test_a_mask_that_has_nothing_to_do_with_the_labels(watched) -> None:
    assert found(watched, TAGS, torch.rand(300, 12, generator=GENERATOR) < 0.5) == []


def test_a_class_that_counts_at_some_places(watched) -> None:
    dropped = (TAGS == 0) & (torch.rand(300, 12, generator=GENERATOR) < 0.5)
    assert found(watched, TAGS, ~dropped & ~PADDED) == []


def test_gaps_in_texts(watched) -> None:
    """What is shown has the label 0, and what is to be found stands under one token."""
    gaps = (torch.rand(300, 12, generator=GENERATOR) < 0.3) & ~PADDED
    tags = (WORDS % 3 + 1).masked_fill(~gaps, 0)
    assert found(watched, tags, tags != 0, x=TEXTS.masked_fill(gaps, 20)) == []


@pytest.mark.parametrize("counted", [True, False])
def test_evaluations_that_count_the_class(watched, counted: bool) -> None:
    model = Tagger()

    def evaluate(step: int) -> None:
        with torch.no_grad():
            tags = TAGS[:50].flatten()
            functional.cross_entropy(
                model(TEXTS[:50]).flatten(0, 1), tags, ignore_index=-100 if counted else 0
            )

    confidence = "high" if counted else "medium"
    assert found(watched, TAGS, TAGS != 0, model=model, each=evaluate) == [("mask.class", confidence)]

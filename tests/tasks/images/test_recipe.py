"""The recipe's numbers, and that what it trains learns, reproducibly."""

import pytest
import torch

from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.recipe import (
    MOST_EPOCHS,
    Recipe,
    SmoothedCrossEntropy,
    augmentation,
    batch_for,
    first_network,
    outputs,
    recipe_for,
    train_network,
)

NET = Candidate("speedrun", 16, 16, {"widths": (16, 32, 32)})


@pytest.mark.parametrize("seen", [100.0, 900.0, 1000.0, 1500.0, 4200.0])
def test_up_to_five_passes_see_as_many_pictures_as_wanted(seen):
    recipe = recipe_for(NET, 1000, seen)
    assert recipe.epochs * recipe.pictures == pytest.approx(seen, abs=recipe.epochs)
    assert recipe.pictures <= 1000


def test_beyond_five_passes_all_pictures_are_seen_whole_times():
    assert (recipe_for(NET, 1000, 7900.0).epochs, recipe_for(NET, 1000, 7900.0).pictures) == (7, 1000)
    assert recipe_for(NET, 10, 1e9).epochs == MOST_EPOCHS
    fixed = recipe_for(NET, 1000, 3000.0, epochs=30)
    assert (fixed.epochs, fixed.pictures) == (30, 100)


def test_batches_leave_updates_enough():
    for pictures in (50, 1000, 5000, 60_000):
        assert pictures < 40 * 32 or pictures / batch_for(pictures) >= 40
    assert batch_for(10**7) == 256


def test_changes_are_those_that_the_recipe_names():
    generator = torch.Generator().manual_seed(0)
    X = torch.randint(256, (64, 1, 8, 8), dtype=torch.uint8, generator=generator)
    assert augmentation(Recipe(1, 1, 1, 0.1)) is None
    changed = augmentation(Recipe(1, 1, 1, 0.1, flip=True))(X, generator)
    mirrored = (changed == X.flip(3)).flatten(1).all(1)
    assert ((changed == X).flatten(1).all(1) | mirrored).all()
    assert 16 < int(mirrored.sum()) < 48
    assert recipe_for(NET, 100, 100.0, shift=True).shift == 1


def test_the_smoothed_loss_is_a_mixture_of_cross_entropies():
    scores = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 0])
    each = -scores.log_softmax(1)
    expected = 0.9 * each[torch.arange(5), labels].mean() + 0.1 * each.mean()
    assert float(SmoothedCrossEntropy(0.1)(scores, labels)) == pytest.approx(float(expected), rel=1e-12)


def test_training_learns_and_repeats_to_the_bit(material):
    found = material(500)
    pictures, held, _ = found.pictures(16, 16)
    labels, truth = found.labels(found.train), found.labels(found.held)
    weights, layout = [], "auto"
    for _ in range(2):
        module = first_network(NET, pictures, 10, seed=1)
        before = float((outputs(module, held).argmax(1) == truth).double().mean())
        recipe = recipe_for(NET, len(pictures), 10.0 * len(pictures))
        layout = train_network(module, recipe, pictures, labels, seed=1, layout=layout).choices.layout
        after = float((outputs(module, held).argmax(1) == truth).double().mean())
        assert before < 0.3
        assert after > 0.85
        weights.append(torch.cat([p.detach().reshape(-1) for p in module.parameters()]))
    assert torch.equal(*weights)


def test_answers_are_averaged_over_the_mirror_image(material):
    found = material(100)
    pictures, held, _ = found.pictures(16, 16)
    module = first_network(NET, pictures, 10, seed=0)
    both = outputs(module, held, flip=True)
    torch.testing.assert_close(both, (outputs(module, held) + outputs(module, held.flip(3))) / 2)
    torch.testing.assert_close(both, outputs(module, held.flip(3), flip=True))
    torch.testing.assert_close(outputs(module, held, batch=3), outputs(module, held), atol=1e-5, rtol=1e-4)


def test_answers_are_given_in_as_many_parts_as_memory_asks_for(material, monkeypatch):
    found = material(100)
    pictures, _, _ = found.pictures(16, 16)
    module = first_network(NET, pictures, 10, seed=0)
    whole = outputs(module, pictures)
    seen = []
    module.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    monkeypatch.setattr("fivefold.tasks.images.at_once.free_main_memory", lambda: 1)
    torch.testing.assert_close(outputs(module, pictures), whole, atol=1e-5, rtol=1e-4)
    assert seen == [1] * len(pictures)

"""Losses that ask for something else."""

import statistics

import pytest
import torch
from torch.nn import functional

from fivefold.diagnosis.checks.wrong_loss import (
    check_distance_of_classes,
    check_forms,
    check_judged_otherwise,
    check_sign,
    check_targets_of_loss,
    check_trivial,
)


def test_several_classes_at_once(watched, digits, network) -> None:
    x, labels = digits
    several = (functional.one_hot(labels, 10) + functional.one_hot((labels + 3) % 10, 10)).float()
    found = check_targets_of_loss(watched(network(64, 16, 10), x, several, steps=4))
    assert [(f.code, f.confidence) for f in found] == [("loss.classes-together", "high")]
    assert [y for _, y in found[0].picture.curves["sum of the targets"]] == pytest.approx([2.0] * 4)
    mixed = 0.7 * functional.one_hot(labels, 10) + 0.3 * functional.one_hot((labels + 3) % 10, 10)
    assert check_targets_of_loss(watched(network(64, 16, 10), x, mixed, steps=4)) == []


@pytest.mark.parametrize(("index", "found"), [(3, True), (-100, False)])
def test_a_class_that_is_left_out(watched, digits, network, index: int, found: bool) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out, y, ignore_index=index)

    seen = check_targets_of_loss(watched(network(64, 16, 10), *digits, loss=loss, steps=4))
    assert [f.code for f in seen] == (["loss.left-out"] if found else [])
    for told in seen:
        shares = [y for _, y in told.picture.curves["share of the labels"]]
        assert f"{statistics.median(shares):.0%} of the labels" in told.evidence


@pytest.mark.parametrize(("form", "found"), [(torch.softmax, True), (torch.log_softmax, False)])
def test_probabilities_for_their_logarithms(watched, digits, network, form, found: bool) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.kl_div(form(out, 1), functional.one_hot(y, 10).float(), reduction="batchmean")

    seen = check_forms(watched(network(64, 16, 10), *digits, loss=loss, steps=4))
    assert [f.code for f in seen] == (["loss.not-log-probabilities"] if found else [])
    assert all(0.0 <= y <= 1.0 for f in seen for ends in f.picture.curves.values() for _, y in ends)


@pytest.mark.parametrize(("sign", "found"), [(-1.0, True), (1.0, False)])
def test_a_loss_that_is_maximised(watched, digits, network, sign: float, found: bool) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return sign * functional.cross_entropy(out, y)

    seen = check_sign(watched(network(64, 16, 10), *digits, loss=loss, steps=4))
    assert [f.code for f in seen] == (["loss.sign"] if found else [])
    for told in seen:
        given, value = (told.picture.curves[name] for name in ("backward()", "cross_entropy"))
        assert [y for _, y in given] == pytest.approx([-y for _, y in value])
        assert f"from {value[0][1]:.3g} to {value[-1][1]:.3g}" in told.evidence


@pytest.mark.parametrize(("right_side", "found"), [(True, False), (False, True)])
def test_a_loss_that_is_least_when_all_outputs_are_the_same(
    watched, digits, network, right_side, found
) -> None:
    def contrastive(codes: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        (a, b), (u, v) = codes.chunk(2), y.chunk(2)
        distance = ((a - b).square().sum(1) + 1e-6).sqrt()
        gap = (1.0 - distance).clamp(min=0) if right_side else (1.0 - distance).clamp(max=0)
        same = (u == v).float()
        return (same * distance.square() + (1 - same) * gap.square()).mean()

    x, y = digits
    model = network(64, 32, 8)
    with torch.no_grad():
        model[2].weight.mul_(5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    record = watched(model, x, y % 2, loss=contrastive, optimizer=optimizer, steps=80)
    told = check_trivial(record)
    assert [f.code for f in told] == (["loss.trivial"] if found else [])
    for each in told:
        same, apart = (y for _, y in each.picture.curves["loss"])
        assert f"the loss is {same:.3g}" in each.evidence
        assert f"and {apart:.3g} with outputs" in each.evidence
        assert f"{each.picture.level[0]:.3g}, and" in each.evidence


def test_classes_and_numbers_are_never_trivial(watched, digits, network) -> None:
    x, y = digits
    optimizer = torch.optim.Adam((model := network(64, 32, 10)).parameters(), lr=0.01)
    assert check_trivial(watched(model, x, y, optimizer=optimizer, steps=60)) == []
    optimizer = torch.optim.Adam((model := network(64, 32, 1)).parameters(), lr=0.01)
    numbers = 100 + y.float()[:, None]  # far from where the output begins: most of the loss is their mean
    assert (
        check_trivial(watched(model, x, numbers, loss=functional.mse_loss, optimizer=optimizer, steps=60))
        == []
    )


def squared(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(out, functional.one_hot(y, 10).float())


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        (functional.multi_margin_loss, True),
        (squared, True),
        (lambda out, y: squared(out.softmax(1), y), False),
        (functional.cross_entropy, False),
        (lambda out, y: functional.cross_entropy(out, y) + functional.multi_margin_loss(out, y), False),
    ],
)
def test_outputs_that_are_judged_as_logits_of_probabilities(
    watched, digits, network, loss, found: bool
) -> None:
    held_out = (digits[0][:100], digits[1][:100])
    model = network(64, 16, 10)
    seen = check_judged_otherwise(watched(model, *digits, loss=loss, held_out=held_out))
    assert [(f.code, f.confidence) for f in seen] == ([("loss.judged-otherwise", "medium")] if found else [])
    assert check_judged_otherwise(watched(network(64, 16, 10), *digits, loss=loss)) == []


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        (squared, True),
        (lambda out, y: functional.l1_loss(out, functional.one_hot(y, 10).float()), True),
        (lambda out, y: squared(out.softmax(1), y), False),  # a sound score of probabilities
        (lambda out, y: functional.mse_loss(out, functional.one_hot(y, 10) * 0.9 + 0.05), False),
        (lambda out, y: functional.mse_loss(out, torch.ones_like(out)), False),
        (lambda out, y: functional.binary_cross_entropy_with_logits(out, (out > y[:, None]).float()), False),
    ],
)
def test_labels_that_are_fitted_by_their_distance(watched, digits, network, loss, found: bool) -> None:
    seen = check_distance_of_classes(watched(network(64, 16, 10), *digits, loss=loss))
    assert [(f.code, f.confidence) for f in seen] == ([("loss.distance-of-classes", "medium")] * found)


def test_images_of_black_and_white_are_no_labels(watched, digits, network) -> None:
    images = (digits[0] > digits[0].mean()).float()
    record = watched(network(64, 16, 64), digits[0], images, loss=functional.mse_loss)
    assert check_distance_of_classes(record) == []

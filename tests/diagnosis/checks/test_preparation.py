"""Evaluation inputs that are prepared in another way."""

import math

import pytest
import torch

from fivefold.diagnosis.checks.preparation import check_preparation, kept_order
from fivefold.diagnosis.observation.record import Record


def test_preparation(watched, digits, network) -> None:
    x, y = digits

    def with_inputs(held_out) -> list:
        return check_preparation(
            watched(network(64, 16, 10), x[:1400], y[:1400], held_out=(held_out, y[1400:]))
        )

    assert with_inputs(16 * x[1400:])[0].code == "data.preparation"
    assert with_inputs(x[1400:] + 1.0)[0].code == "data.preparation"
    assert with_inputs(x[1400:]) == []


def record(x: torch.Tensor, others: torch.Tensor) -> Record:
    out = Record()
    for rows, inputs in ((out.training_rows, x), (out.evaluation_rows, others)):
        rows.inputs, rows.targets, rows.steps = [inputs], [None], [0]
        rows.alone, rows.beside = [True], [[]]
    return out


def test_tokens_of_another_vocabulary() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = 1.0 / torch.arange(1, 61)
    x = torch.multinomial(weights.expand(700, -1), 12, replacement=True, generator=generator)
    assert check_preparation(record(x[:400], x[400:])) == []
    found = check_preparation(record(x[:400], torch.randperm(60, generator=generator)[x[400:]]))
    assert [f.code for f in found] == ["data.preparation"]
    first = {name: points[0][1] for name, points in found[0].picture.curves.items()}
    said = f"token {found[0].picture.names[0]} in {first['training']:.0%} of 400 training and "
    assert said + f"{first['evaluation']:.0%} of" in found[0].evidence


def test_images_turned_or_dark_for_bright(digits) -> None:
    x = digits[0].reshape(-1, 8, 8)
    assert check_preparation(record(x[:600], x[600:1000])) == []
    found = check_preparation(record(x[:600], x[600:1000].transpose(1, 2)))
    assert [f.code for f in found] == ["data.preparation"]
    # Standardised by themselves, dark for bright leaves every scale as it is.
    z = (digits[0] - digits[0].mean(0)) / digits[0].std(0).clamp_min(0.01)
    assert check_preparation(record(z[:600], z[600:1000])) == []


def test_images_turned_that_differ_in_nothing_else() -> None:
    generator = torch.Generator().manual_seed(0)
    mean = 0.5 * torch.randn(8, 8, generator=generator)
    x = mean + torch.randn(1000, 8, 8, generator=generator)
    (found,) = check_preparation(record(x[:600], x[600:].transpose(1, 2)))
    assert found.title == "evaluation images are transposed beside training images"
    shown = dict(zip(found.picture.names, found.picture.curves["correlation"], strict=True))
    assert f"and {shown['transposed'][1]:.2f} with one transposed" in found.evidence
    assert shown["as they are"][1] < found.picture.level[0]


def test_channels_in_reverse_and_scenes_of_another_cast() -> None:
    generator = torch.Generator().manual_seed(0)
    picture = 0.05 * torch.randn(1, 8, 8, generator=generator)
    spread = torch.tensor([1.0, 0.6, 0.3])[:, None, None]

    def scenes(n: int, cast: list[float]) -> torch.Tensor:
        light = torch.randn(n, 1, 8, 8, generator=generator)
        colours = spread * torch.randn(n, 3, 8, 8, generator=generator)
        return picture + torch.tensor(cast)[:, None, None] + 0.3 * light + 0.3 * colours

    x, same = scenes(600, [0.2, 0.0, -0.1]), scenes(400, [0.2, 0.0, -0.1])
    (found,) = check_preparation(record(x, same.flip(1)))
    assert found.title == "evaluation images are with channels in reverse beside training images"
    assert check_preparation(record(x, same)) == []
    # Warm light in training, cold light in evaluation: channels vary as they did.
    assert check_preparation(record(x, scenes(400, [-0.1, 0.0, 0.2]))) == []


def test_a_vocabulary_of_its_own_with_the_same_frequencies() -> None:
    generator = torch.Generator().manual_seed(0)
    after = torch.rand(40, 40, generator=generator) ** 6  # what follows each token

    def text(n: int) -> torch.Tensor:
        out = torch.randint(40, (n, 1), generator=generator)
        for _ in range(9):
            out = torch.cat([out, torch.multinomial(after[out[:, -1]], 1, generator=generator)], 1)
        return out

    x, e = text(600), text(300)
    assert check_preparation(record(x, e)) == []
    # Tokens are renamed among neighbours in frequency, so that each number is about as frequent as before.
    ranks = torch.bincount(x.flatten(), minlength=40).argsort(descending=True)
    other = torch.empty(40, dtype=torch.long)
    other[ranks] = ranks.reshape(10, 4).flip(1).flatten()
    found = check_preparation(record(x, other[e]))
    assert [(f.code, f.confidence) for f in found] == [("data.preparation", "high")]
    shown = [y for _, y in found[0].picture.curves["nats"]]
    assert f"is {shown[0]:.2f} nats in the other half, and {shown[1]:.2f} in" in found[0].evidence
    own, same = kept_order(x.numpy(), e.numpy())
    assert same == pytest.approx(own, rel=0.25)
    assert kept_order(x.numpy(), other[e].numpy())[1] < 0
    assert math.isnan(kept_order(x.numpy()[:20], e.numpy())[0])


def in_batches(x: torch.Tensor, scales: list[float]) -> Record:
    """Training in batches of 32, and evaluations of 100 each, on these scales."""
    out = Record()
    held = [scale * b for scale, b in zip(scales, x[600:1100].split(100), strict=True)]
    for rows, blocks in ((out.training_rows, list(x[:600].split(32))), (out.evaluation_rows, held)):
        n = len(blocks)
        rows.inputs, rows.targets, rows.steps = blocks, [None] * n, list(range(n))
        rows.alone, rows.beside = [True] * n, [[] for _ in blocks]
    return out


@pytest.mark.parametrize(("scale", "found"), [(0.2, True), (1.0, False)])
def test_one_held_out_set_on_another_scale(digits, scale: float, found: bool) -> None:
    x = digits[0]
    told = check_preparation(in_batches(x, [1.0, 1.0, 1.0, scale, scale]))
    assert [(f.code, f.confidence) for f in told] == ([("data.preparation", "medium")] if found else [])
    assert all(f.evidence.startswith("200 evaluation examples") for f in told)
    # Batches of one kind, here and there, are no set.
    assert check_preparation(in_batches(x, [1.0, scale, 1.0, scale, 1.0])) == []


def test_one_column_without_its_logarithm() -> None:
    draws = torch.Generator().manual_seed(0)
    raw = torch.randn(400, 6, generator=draws).mul(0.9).add(1.6).exp()
    raw[:, 5] = (raw[:, 5] > 5).float()
    logs = raw[:, :5].log1p()

    def prepared(columns: list[int], tail: float = 0.0) -> torch.Tensor:
        chosen = [raw[:, j] if j in columns else logs[:, j] for j in range(5)]
        scaled = (torch.stack(chosen, 1) - logs[:200].mean(0)) / logs[:200].std(0)
        return torch.cat([scaled + tail, raw[:, 5:]], 1)

    train = prepared([])[:200]
    (found,) = check_preparation(record(train, prepared([3])[200:]))
    assert (found.code, found.confidence) == ("data.preparation", "medium")
    assert found.evidence.startswith(
        "column 3 (counted from 0) of 6: the middle half of evaluation lies from"
    )
    assert "4 other columns agree" in found.evidence
    assert check_preparation(record(train, prepared([])[200:])) == []
    # Another population: one column elsewhere on the same scale, or wider around the same middle.
    moved, wider = prepared([])[200:], prepared([])[200:]
    moved[:, 3] += 1.5
    wider[:, 3] *= 3.0
    assert check_preparation(record(train, moved)) == []
    assert check_preparation(record(train, wider)) == []

"""Labels beside those of their neighbours."""

import torch

from fivefold.diagnosis.checks.labels import check_labels


def test_shuffled_noisy_and_sound(watched, digits, network) -> None:
    x, y = digits
    held_out = (x[1400:], y[1400:])
    x, y = x[:1400], y[:1400]
    generator = torch.Generator().manual_seed(0)
    shuffled = y[torch.randperm(len(y), generator=generator)]
    wrong = torch.rand(len(y), generator=generator) < 0.3
    noisy = torch.where(wrong, torch.randint(10, (len(y),), generator=generator), y)

    def found(labels: torch.Tensor) -> list:
        return check_labels(watched(network(64, 16, 10), x, labels, steps=30, held_out=held_out))

    assert [f.code for f in found(shuffled)] == ["labels.unrelated"]
    assert [f.code for f in found(noisy)] == ["labels.noise"]
    assert found(y) == []

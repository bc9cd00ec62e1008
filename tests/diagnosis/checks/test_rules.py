"""Simple rules, judged on examples that they have not seen."""

import numpy as np
import torch

from fivefold.diagnosis.checks.rules import (
    Examples,
    Features,
    Rule,
    distinct,
    every_draw,
    rich,
    some,
    textures,
)
from fivefold.diagnosis.observation.record import Rows


def linear(n: int = 120, noise: float = 0.5) -> Examples:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 3))
    y = x[:, :1] + noise * generator.normal(size=(n, 1))
    return Examples(x, y / y.std(), tokens=False, steps=np.zeros(n))


def test_leaving_one_out_equals_fitting_without_it() -> None:
    """Against the definition: kernel ridge fitted anew without each example, the mean held fixed."""
    examples = linear(40)
    rule = Rule(examples)
    x = rule._features.of(examples.x)
    kernel = rule._kernel(x, rule._gaussian)
    best = np.inf
    for ridge in (0.03, 0.3, 3.0):
        told = np.empty(40)
        for i in range(40):
            rest = np.arange(40) != i
            inner = kernel[np.ix_(rest, rest)] + ridge * np.eye(39)
            weights = np.linalg.solve(inner, examples.y[rest, 0] - examples.y.mean())
            told[i] = kernel[i, rest] @ weights + examples.y.mean()
        best = min(best, float(((examples.y[:, 0] - told) ** 2).sum()))
    expected = 1 - best / float(((examples.y - examples.y.mean()) ** 2).sum())
    assert abs(rule.own.share - expected) < 1e-9


def test_what_is_told_and_what_is_not() -> None:
    related = linear()
    assert Rule(related).own.z > 4
    assert abs(Rule(related).own.share - 0.8) < 0.08  # 1 / (1 + 0.25)
    generator = np.random.default_rng(1)
    zs = []
    for _ in range(20):
        unrelated = Examples(related.x, generator.permutation(related.y), tokens=False, steps=related.steps)
        zs.append(Rule(unrelated).own.z)
    assert max(zs) < 3.0  # of 20 standard normal numbers, none beyond 3 in 97%
    assert np.mean(np.array(zs) < 2.0) >= 0.9


def test_texts_are_told_by_their_words() -> None:
    generator = np.random.default_rng(0)
    y = generator.integers(2, size=200)
    x = np.where(
        generator.random((200, 8)) < 0.4,
        10 * y[:, None] + generator.integers(10, size=(200, 8)),
        generator.integers(20, size=(200, 8)),
    )
    x[:, 6:] = -1  # nothing there
    examples = Examples(x, (y[:, None] == [0, 1]).astype(float), True, np.array([0, 1]), np.zeros(200))
    rule = Rule(examples)
    assert rule.own.accuracy > 0.8
    assert rule.judge(examples.part(np.arange(50))).accuracy > 0.8
    assert Features(examples).of(x + 1000).shape[1] == 20  # words that were never seen


def rows(x: torch.Tensor, y: torch.Tensor) -> Rows:
    return Rows([x], [y], [0], [True])


def test_kinds_of_targets() -> None:
    x = torch.randn(8, 3)
    labels = every_draw(rows(x, torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])))
    assert labels is not None
    assert labels.y.shape == (8, 3)
    assert labels.labels.tolist()[:3] == [0, 1, 2]
    hot = every_draw(rows(x, torch.eye(3)[torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])]))
    assert hot is not None
    assert hot.classes.tolist() == [0, 1, 2]
    numbers = every_draw(rows(x, 5 + 3 * torch.randn(8, 2)))
    assert numbers is not None
    assert np.allclose(numbers.y.std(0), 1.0)
    assert not len(numbers.classes)
    assert every_draw(Rows([x], [None], [0], [True])) is None
    assert every_draw(Rows([x], [torch.zeros(8)], [0], [False])) is None  # something else was given, too
    tokens = torch.randint(9, (8, 5))
    assert every_draw(rows(tokens, torch.randint(9, (8, 5)))) is None  # one target a token


def test_distinct_some_and_rich() -> None:
    x = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]])
    examples = Examples(x, x[:, :1], tokens=False, steps=np.arange(3))
    assert len(distinct(examples).x) == 2
    assert len(some(examples, 2).x) == 2
    assert rich(np.array([np.arange(9.0), np.zeros(9)]), tokens=True).tolist() == [True, False]


def test_how_rough_an_example_is() -> None:
    generator = np.random.default_rng(0)
    rough = generator.normal(size=(30, 3, 8, 8))
    smooth = (rough + np.roll(rough, 1, -1) + np.roll(rough, 1, -2)) / 3
    x = np.concatenate([rough, smooth]).reshape(60, -1)
    seen = textures(x, (3, 8, 8))
    assert seen[:30, 3].min() > seen[30:, 3].max(), "of the deviation, not only in all"
    assert textures(x, (192,)).shape == textures(x, (3, 8, 9)).shape == (60, 0)
    assert np.isfinite(textures(np.zeros((2, 4)), (2, 2))).all()

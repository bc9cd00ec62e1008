"""Batch augmentation against the same change made image by image."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.optimize.training.augmentation import Chain, Cutout, Flip, Shift


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=6, c=2, h=7, w=9):
    return torch.randn(n, c, h, w, generator=generator(9))


def test_a_shift_is_padding_by_reflection_and_a_crop():
    X = images(40)
    p = 3
    shifted = Shift(p)(X, generator(1))
    offsets = set()
    for before, after in zip(X.numpy(), shifted.numpy(), strict=True):
        padded = np.pad(before, ((0, 0), (p, p), (p, p)), mode="reflect")
        fits = [
            (i, j)
            for i in range(2 * p + 1)
            for j in range(2 * p + 1)
            if np.array_equal(padded[:, i : i + 7, j : j + 9], after)
        ]
        assert len(fits) == 1
        offsets.add(fits[0])
    assert {i for i, _ in offsets} == set(range(2 * p + 1)) == {j for _, j in offsets}
    assert len(offsets) > 2 * p + 1, "rows and columns move by numbers of their own"


def test_a_flip_mirrors_about_half_of_the_images():
    X = images(400)
    flipped = Flip()(X, generator(2))
    mirrored = [torch.equal(a.flip(-1), b) for a, b in zip(X, flipped, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(X, flipped, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 150 < sum(mirrored) < 250  # five standard deviations of a fair coin around 200


def test_a_cutout_is_one_square_cut_off_at_the_border():
    X = torch.ones(200, 3, 12, 12)
    cut = Cutout(4)(X, generator(3))
    sizes = set()
    for image in cut:
        assert torch.equal(image[0], image[1])
        rows, columns = (image[0] == 0).nonzero(as_tuple=True)
        height, width = (int(i.max() - i.min()) + 1 for i in (rows, columns))
        assert height * width == len(rows)
        sizes.add((height, width))
    assert {height for height, _ in sizes} == {2, 3, 4} == {width for _, width in sizes}


def test_a_chain_applies_its_steps_in_order_and_the_seed_decides():
    X = images()
    chain = Chain(Shift(2), Flip(), Cutout(3))
    once, again, other = (chain(X, generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    draw = generator(5)
    assert torch.equal(once, Cutout(3)(Flip()(Shift(2)(X, draw), draw), draw))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shift(0), "at least 1 pixel"),
        (lambda: Flip(1.5), "a probability in 0..1"),
        (lambda: Cutout(0), "a square of at least 1 pixel"),
        (lambda: Shift(7)(images(), generator()), "images of more than 7 pixels"),
        (lambda: Flip()(torch.ones(2, 3), generator()), r"images \[batch"),
        (lambda: Shift()(torch.ones(2, 3), generator()), r"images \[batch"),
        (lambda: Cutout()(torch.ones(2, 3), generator()), r"images \[batch"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()

"""The closed list of likelihoods."""

import pytest

from fivefold.core import ArgumentError
from fivefold.probability import Bernoulli, Categorical, Gaussian, Poisson, create, names


@pytest.mark.parametrize(
    "likelihood",
    [Gaussian(sd=0.7), Gaussian(), Bernoulli(), Categorical(2), Categorical(4), Poisson()],
    ids=repr,
)
def test_registry_round_trip(likelihood):
    record = likelihood.to_record()
    again = create(**record)
    assert type(again) is type(likelihood)
    assert again.to_record() == record
    assert record["name"] in names()
    assert likelihood.name in repr(likelihood).lower()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cauchy", {}, "a likelihood among bernoulli, categorical, gaussian, poisson"),
        ("poisson", {"sd": 1.0}, "options of the poisson likelihood"),
        ("categorical", {}, "options of the categorical likelihood"),
        ("categorical", {"classes": 1}, "at least 2 classes"),
        ("categorical", {"classes": 2.5}, "at least 2 classes"),
        ("gaussian", {"sd": 0.0}, "positive, finite sd"),
        ("gaussian", {"sd": float("inf")}, "positive, finite sd"),
    ],
)
def test_registry_refuses(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        create(name, **options)


def test_every_name_is_tested_above():
    assert set(names()) == {"gaussian", "bernoulli", "categorical", "poisson"}

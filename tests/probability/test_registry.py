"""The closed list of likelihoods."""

import json

import pytest

from fivefold.core import ArgumentError
from fivefold.probability import (
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    NegativeBinomial,
    Ordinal,
    Poisson,
    create,
    names,
)

MEMBERS = [
    Gaussian(sd=0.7),
    Gaussian(),
    Bernoulli(),
    Binomial(7),
    Binomial([1, 7, 3]),
    Categorical(2),
    Categorical(4),
    Poisson(),
    NegativeBinomial(),
    Gamma(),
    Ordinal(4),
]


@pytest.mark.parametrize("likelihood", MEMBERS, ids=repr)
def test_registry_round_trip(likelihood):
    record = likelihood.to_record()
    again = create(**record)
    assert type(again) is type(likelihood)
    assert again.to_record() == record
    assert record["name"] in names()
    assert json.loads(json.dumps(record)) == record
    assert likelihood.name.replace("_", "") in repr(likelihood).lower()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cauchy", {}, "a likelihood among bernoulli, binomial, categorical, gamma, gaussian, neg"),
        ("poisson", {"sd": 1.0}, "options of the poisson likelihood"),
        ("categorical", {}, "options of the categorical likelihood"),
        ("categorical", {"classes": 1}, "at least 2 classes"),
        ("categorical", {"classes": 2.5}, "at least 2 classes"),
        ("ordinal", {"classes": 1}, "at least 2 classes"),
        ("binomial", {}, "options of the binomial likelihood"),
        ("binomial", {"trials": 0}, "one whole number from 1 on"),
        ("binomial", {"trials": 2.5}, "one whole number from 1 on"),
        ("binomial", {"trials": [3, float("nan")]}, "one whole number from 1 on"),
        ("binomial", {"trials": []}, "one whole number from 1 on"),
        ("binomial", {"trials": "many"}, "trials as whole numbers"),
        ("gaussian", {"sd": 0.0}, "positive, finite sd"),
        ("gaussian", {"sd": float("inf")}, "positive, finite sd"),
    ],
)
def test_registry_refuses(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        create(name, **options)


def test_every_name_is_tested_above():
    assert set(names()) == {likelihood.name for likelihood in MEMBERS}

"""The guess of a column's kind, and its reason."""

import numpy as np
import pytest

from fivefold.tasks.tables.frames import from_frame
from fivefold.tasks.tables.guess import levels_of, words_of
from fivefold.tasks.tables.schema import Kind, Schema

RNG = np.random.default_rng(5)


def guess(name, values, **more):
    return Schema.guess(from_frame({name: values, "other": np.arange(len(values)) * 0.5}), **more)[name]


CODES = RNG.integers(10_000, 10_040, 400)
SENTENCES = [f"the {i} quick brown foxes jumped over {i * 7} lazy dogs" for i in range(400)]


@pytest.mark.parametrize(
    ("name", "values", "kind", "used"),
    [
        ("zip", CODES, "category", True),
        ("region_id", CODES % 9, "category", True),
        ("storeCode", CODES, "category", True),
        ("amount", CODES, "number", True),
        ("bedrooms", CODES % 6, "number", True),
        ("flag", CODES % 2, "boolean", True),
        ("customer_id", np.arange(400) * 3 + 5, "identifier", False),
        ("index", np.arange(400), "identifier", False),
        ("obs_no", np.arange(1, 401), "identifier", False),
        ("year", np.arange(400), "number", True),
        ("x0", np.arange(400), "number", True),
        ("lat", RNG.normal(size=400), "number", True),
        ("date", 20200101 + (CODES % 28), "date", True),
        ("yes_no", np.where(CODES % 2, "Yes", "no"), "boolean", True),
        ("bool", CODES % 2 == 0, "boolean", True),
        ("colour", np.array(["red", "green", "blue"])[CODES % 3], "category", True),
        ("note", SENTENCES, "text", True),
        ("token", [f"k{i:04d}" for i in range(400)], "identifier", False),
        ("person", [f"Ann{i} Smith" for i in range(400)], "identifier", False),
        ("paid", [f"${v:,.2f}" for v in RNG.uniform(0, 9000, 400)], "number", True),
        ("share", [f"{v}%" for v in CODES % 100], "number", True),
        ("padded", [f"{v % 100:05d}" for v in CODES], "category", True),
        ("day", [f"{1 + v % 28:02d}.03.2020" for v in CODES], "date", True),
        ("constant", ["a"] * 400, "category", False),
        ("hollow", [None] * 400, "number", False),
        ("words_for_gaps", ["NA"] * 400, "number", False),
    ],
)  # fmt: skip
def test_kinds(name, values, kind, used):
    column = guess(name, values)
    assert (column.kind.value, column.used) == (kind, used), column
    assert column.reason


def test_the_target_is_never_dropped():
    keys = [f"k{i:04d}" for i in range(400)]
    assert guess("token", keys, target="token").kind is Kind.CATEGORY
    assert guess("customer_id", np.arange(400) * 3, target="customer_id").kind is Kind.NUMBER
    assert guess("class", CODES % 3, target="class").kind is Kind.CATEGORY
    assert guess("count", CODES % 3, target="count").kind is Kind.NUMBER
    assert guess("sick", CODES % 2, target="sick").kind is Kind.BOOLEAN


def test_doubt_is_marked_and_said():
    assert not guess("grade", CODES % 7).certain
    ambiguous = guess("when", ["01/02/2020", "03/04/2020"] * 20)
    assert not ambiguous.certain
    assert "cannot be told apart" in ambiguous.reason
    mixed = guess("x", [*map(str, range(2, 401)), "abc"])
    assert mixed.kind is Kind.NUMBER
    assert not mixed.certain
    assert "'abc'" in mixed.reason
    assert guess("x", [*map(str, range(2, 391)), *["abc"] * 11]).kind is not Kind.NUMBER


def test_noise_of_every_kind_is_never_an_identifier_or_a_category():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        assert guess("measure", rng.normal(size=200)).kind is Kind.NUMBER
        assert guess("count", rng.poisson(50, size=200)).kind is Kind.NUMBER
        assert guess("town", rng.choice(["a", "b", "c d"], 200)).kind is Kind.CATEGORY


def test_levels_are_sorted_and_bounded():
    assert levels_of(np.array(["b", None, "a"], dtype=object)) == ("a", "b")
    assert levels_of(np.array([str(i) for i in range(10_001)], dtype=object)) is None


def test_words_of_names():
    assert words_of("customerID") == ["customer", "id"]
    assert words_of("Postleitzahl (neu)") == ["postleitzahl", "neu"]
    assert words_of("123") == []

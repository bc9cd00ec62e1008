"""Numbers written for people, against the numbers they were written from."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.core import ArtifactError
from fivefold.tasks.tables.figures import NumberForm, guess_number_form

values = st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)


@given(st.lists(values, min_size=1, max_size=20).filter(lambda v: any(abs(x) >= 1000 for x in v)))
def test_both_ways_of_writing_groups_and_decimals_come_back(numbers):
    english = [f"{x:,.2f}" for x in numbers]
    german = [text.translate(str.maketrans(",.", ".,")) for text in english]
    for texts in (english, german):
        form = guess_number_form(texts)
        assert form is not None
        assert not form.ambiguous
        assert [form.parse(text) for text in texts] == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_what_repr_writes_comes_back(numbers):
    form = NumberForm()
    assert [form.parse(repr(x)) for x in numbers] == numbers


@pytest.mark.parametrize(
    ("texts", "want"),
    [
        (["$1,234.50", "$7"], [1234.5, 7.0]),
        (["(300)", "1,000"], [-300.0, 1000.0]),
        (["-$5.25", "$-3"], [-5.25, -3.0]),
        (["12%", "7.5 %", "-1%"], [12.0, 7.5, -1.0]),
        (["1 234 567,5", "2,25"], [1234567.5, 2.25]),
        (["1'234.5", "2"], [1234.5, 2.0]),
        (["1.234.567", "5"], [1234567.0, 5.0]),
        (["12 €", "1.200,50 €"], [12.0, 1200.5]),
        (["0,500", "1,250"], [0.5, 1.25]),
        (["1e3", "2"], [1000.0, 2.0]),
    ],
)
def test_written_forms(texts, want):
    form = guess_number_form(texts)
    assert form is not None
    assert [form.parse(text) for text in texts] == want


def test_a_lone_mark_before_three_digits_is_said_to_be_ambiguous():
    form = guess_number_form(["1,234", "5,678"])
    assert form is not None
    assert form.ambiguous
    assert form.parse("1,234") == 1234.0
    assert "no value settles" in form.describe()


@pytest.mark.parametrize("texts", [["$5", "€5"], ["12%", "0.12"], ["1,5.2", "1.5,2,7"], ["blue"], []])
def test_contradictions_are_no_form(texts):
    assert guess_number_form(texts) is None


@pytest.mark.parametrize("text", ["", " ", "NA", "n/a", "-", "?", "NULL", "nan"])
def test_words_for_missing(text):
    found = NumberForm().parse(text)
    assert found is not None
    assert math.isnan(found)


@pytest.mark.parametrize(
    "text", ["blue", "1,2,3", "12,34.5", "1_000", "0x1F", "$5", "(5", "+-5", "12:30", "1 2"]
)
def test_what_is_no_number_is_none(text):
    assert NumberForm().parse(text) is None
    assert NumberForm(thousands=",").parse(text) is None


def test_the_record_comes_back_and_a_strange_one_is_refused():
    form = NumberForm(",", ".", "€", False)
    assert NumberForm.from_record(form.to_record()) == form
    for record in ({}, {"decimal": ";", "thousands": ""}, {"decimal": ".", "thousands": "."}):
        with pytest.raises(ArtifactError, match="decimal mark"):
            NumberForm.from_record(record)

"""The order of levels: that of numbers, or the one that is said."""

import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.ordering import level_order, order_as_texts, whole_number_order


def test_numbers_are_in_the_order_of_numbers_and_not_of_texts():
    assert level_order("q", ["10", "9", "2", "-1"]) == ("-1", "2", "9", "10")
    assert level_order("q", ["1.5", "0.5", "1e1"]) == ("0.5", "1.5", "1e1")


def test_texts_need_an_order_and_the_error_lists_them():
    message = (
        r"expected an order of the labels of 'size': 'high', 'low', 'mid'; got labels that are not all "
        r'numbers.*--order "high,low,mid", lowest first'
    )
    with pytest.raises(DataError, match=message):
        level_order("size", ["low", "mid", "high"])
    assert level_order("size", ["high", "low", "mid"], ("low", "mid", "high")) == ("low", "mid", "high")


def test_labels_that_are_one_number_need_an_order():
    with pytest.raises(DataError, match="different ones"):
        level_order("q", ["1", "1.0", "2"])


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (("low", "high"), "one without 'mid'"),
        (("low", "mid", "high", "top"), "one with 'top', which no row has"),
        (("low", "mid", "hihg"), "one without 'high' and with 'hihg', which no row has"),
    ],
)
def test_an_order_that_lacks_a_label_or_names_another_is_refused(order, message):
    with pytest.raises(
        ArgumentError, match=f"exactly the labels of 'size': 'high', 'low', 'mid'; got {message}"
    ):
        level_order("size", ["high", "low", "mid"], order)


def test_one_level_and_more_than_twenty_are_refused():
    with pytest.raises(DataError, match="a target 'q' that varies; got the one level '3'"):
        level_order("q", ["3"])
    labels = [str(i) for i in range(21)]
    with pytest.raises(
        DataError, match="at most 20 levels of the ordered target 'q'; got 21; say --types q=num"
    ):
        level_order("q", labels)
    assert level_order("q", labels[:20]) == tuple(labels[:20])


def test_an_order_is_given_as_a_sequence_of_different_levels():
    assert order_as_texts([1, 2.0, " a "]) == ("1", "2", "a")
    with pytest.raises(ArgumentError, match="an order as a sequence of levels, lowest first"):
        order_as_texts("low,high")
    with pytest.raises(ArgumentError, match="an order as a sequence"):
        order_as_texts(3)
    with pytest.raises(ArgumentError, match="every level once; got 'a', 'b' more than once"):
        order_as_texts(("b", "a", "b", "a", "c"))
    with pytest.raises(ArgumentError, match="at least two levels; got 'a'"):
        order_as_texts(("a",))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "-2"], ("-2", "9", "10")),
        (["1.0", "3.0", "2.0"], ("1.0", "2.0", "3.0")),
        (["1", "2"], None),
        (["1", "2", "x"], None),
        (["1", "2", "2.5"], None),
        (["01", "02", "03"], None),
        (["1", "1.0", "2"], None),
        ([str(i) for i in range(21)], None),
    ],
)
def test_whole_numbers_that_may_have_an_order(labels, expected):
    assert whole_number_order(labels) == expected


def test_long_lists_of_labels_are_cut():
    with pytest.raises(ArgumentError, match="and 2 more more than once"):
        order_as_texts([f"v{i}" for i in range(22)] * 2)

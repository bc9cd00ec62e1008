"""What the checks see: typed columns, a numeric target, rows without a target left out."""

import numpy as np

from fivefold.diagnosis.tables.view import codes_of, gaps


def test_rows_without_a_target_are_left_out(see):
    data = see({"y": ["no", None, "yes", "no"], "x": [1.5, 2.5, 3.5, 4.5], "c": ["a", "b", None, "a"]})
    assert data.rows == 3
    assert data.columns["x"].tolist() == [1.5, 3.5, 4.5]
    assert data.y.tolist() == [0.0, 1.0, 0.0]
    assert data.classes == ("false", "true")
    assert list(data.numbers()) == ["x"]
    assert data.codes("c").tolist() == [0, -1, 0]


def test_classes_are_coded_in_sorted_order(see):
    data = see({"y": ["b", "a", "c", "a"], "x": [1.5, 2.5, 3.5, 4.5]})
    assert data.classes == ("a", "b", "c")
    assert data.y.tolist() == [1.0, 0.0, 2.0, 0.0]


def test_identifiers_stay_to_be_checked_and_constants_go(see):
    x = np.arange(30)
    data = see({"y": x**2, "customer_id": x * 3, "same": [1] * 30, "x": x / 7})
    assert dict(data.kinds) == {"customer_id": "identifier", "x": "number"}


def test_codes_and_gaps_of_every_physical_kind():
    dates = np.array(["2020-01-02", "NaT", "2020-01-01"], dtype="datetime64[us]")
    for column in (dates, np.array([2.0, np.nan, 1.0]), np.array(["b", None, "a"], dtype=object)):
        assert codes_of(column).tolist() == [1, -1, 0]
        assert gaps(column).tolist() == [False, True, False]
    assert codes_of(np.array([np.nan])).tolist() == [-1]

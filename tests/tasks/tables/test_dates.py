"""Dates in text against the standard library's parser, and the order of day and month by the values alone."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.tasks.tables.dates import DateForm, guess_date_form, parse_date

WRITTEN = {
    DateForm.YEAR_FIRST: ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"],
    DateForm.DAY_FIRST: ["%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"],
    DateForm.MONTH_FIRST: ["%m/%d/%Y", "%m-%d-%Y"],
    DateForm.COMPACT: ["%Y%m%d"],
    DateForm.NAMED: ["%d %b %Y", "%B %d, %Y", "%d-%b-%Y", "%A, %d %B %Y"],
}


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_form_reads_what_strftime_writes(day):
    for form, patterns in WRITTEN.items():
        for pattern in patterns:
            assert parse_date(day.strftime(pattern), form) == np.datetime64(day, "us"), (form, pattern)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2099, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_times_with_zones_move_to_utc(moment, minutes):
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    want = datetime.fromisoformat(moment.isoformat() + zone).astimezone(UTC).replace(tzinfo=None)
    assert parse_date(moment.isoformat() + zone, DateForm.YEAR_FIRST) == np.datetime64(want, "us")


@pytest.mark.parametrize(
    ("text", "form", "want"),
    [
        ("20141013T000000", DateForm.COMPACT, "2014-10-13"),
        ("2014-10-13T17:30:15.25Z", DateForm.YEAR_FIRST, "2014-10-13T17:30:15.250000"),
        ("10/13/14 12:05 am", DateForm.MONTH_FIRST, "2014-10-13T00:05"),
        ("10/13/14 12:05 PM", DateForm.MONTH_FIRST, "2014-10-13T12:05"),
        ("1/2/69", DateForm.DAY_FIRST, "1969-02-01"),
        ("1/2/68", DateForm.DAY_FIRST, "2068-02-01"),
        ("Mon, 3rd March 2014", DateForm.NAMED, "2014-03-03"),
    ],
)
def test_written_forms(text, form, want):
    assert parse_date(text, form) == np.datetime64(want, "us")


@pytest.mark.parametrize("text", ["", "  ", "NA", "null", "?"])
def test_gaps_are_not_dates_and_no_error(text):
    found = parse_date(text, DateForm.YEAR_FIRST)
    assert found is not None
    assert np.isnat(found)


@pytest.mark.parametrize(
    "text", ["2014-13-01", "2014-02-30", "2014-10-13 25:00", "2014-10-13 13:00 pm", "hello", "0000-01-01"]
)
def test_what_is_no_date_is_none(text):
    assert parse_date(text, DateForm.YEAR_FIRST) is None
    assert guess_date_form([text]) is None


def test_the_values_above_twelve_settle_the_order():
    days = [date(2020, 3, 1) + timedelta(days=i) for i in range(60)]
    for pattern, form in [("%d/%m/%Y", DateForm.DAY_FIRST), ("%m/%d/%Y", DateForm.MONTH_FIRST)]:
        assert guess_date_form([day.strftime(pattern) for day in days]) == (form, True)
    assert guess_date_form(["13/01/2020", "01/13/2020"]) is None, "both orders at once are no order"


def test_an_unsettled_order_is_said():
    assert guess_date_form(["01/02/2020", "NA"]) == (DateForm.MONTH_FIRST, False)
    assert guess_date_form(["01.02.2020"]) == (DateForm.DAY_FIRST, False)
    assert guess_date_form(["01-02-2020"]) == (DateForm.DAY_FIRST, False)


def test_numbers_versions_and_addresses_are_not_dates():
    for texts in (["1.2.3", "4.5.6"], ["192.168.0.1"], ["12345678", "99999999"], ["5"], []):
        assert guess_date_form(texts) is None

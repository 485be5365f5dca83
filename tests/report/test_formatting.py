"""Numbers as a person reads them."""

import pytest

from rook_bench.report.formatting import (
    MINUS,
    NBSP,
    count_of,
    duration,
    number,
    percent,
    quantity,
    span_in_words,
    span_judgement,
)

DAY = 86_400


@pytest.mark.parametrize(
    ("value", "unit", "signed", "text"),
    [
        (0.0123, "fraction", True, "+1.23%"),
        (-0.0123, "fraction", True, f"{MINUS}1.23%"),
        (0.7203, "fraction", False, "72.03%"),
        (20.56, "bps", False, f"20.6{NBSP}bps"),
        (-1234567.891, "quote", False, f"{MINUS}1,234,567.89{NBSP}USDC"),
        (10720.0, "s", False, f"2{NBSP}h 59{NBSP}min"),
        (722.317, "per day", False, f"722.3{NBSP}per day"),
        (5.363, "ratio", False, "5.36"),
        (12.0, "count", False, "12"),
        (0.791, "bits", False, f"0.79{NBSP}bits"),
        (3.0, "furlongs", False, f"3.00{NBSP}furlongs"),
    ],
)
def test_each_unit(value, unit, signed, text):
    assert quantity(value, unit, "USDC", signed=signed) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (0.004, "0.0040"), (-0.00001234, f"{MINUS}0.000012"), (1e-12, "1.0e-12")]
)
def test_small_is_not_zero(value, text):
    assert number(value) == text


def test_zero_carries_no_sign():
    assert number(0.0, signed=True) == "0.00"
    assert number(-0.0, signed=True) == "0.00"


@pytest.mark.parametrize(
    ("fraction", "text"), [(1.0, "100.0%"), (0.9996, "99.96%"), (0.99996, "99.996%"), (0.999, "99.9%")]
)
def test_nearly_all_is_not_all(fraction, text):
    assert percent(fraction, 1) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (12, "12 s"),
        (2.5, "2.5 s"),
        (60, "1 min"),
        (530, "8 min 50 s"),
        (3600, "1 h"),
        (3599.7, "1 h"),
        (DAY, "1 d"),
        (86_399.9, "1 d"),
        (100 * 3600, "4 d 4 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds).replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("seconds", "words", "judgement"),
    [
        (600, "10 min long", "far too short"),
        (7.94 * 3600, "about eight hours long (7.9 h)", "far too short"),
        (86_399, "about one day long (24.0 h)", "far too short"),
        (24.8 * 3600, "about one day long (24.8 h)", "too short to tell skill from luck unless"),
        (14 * DAY, "about 14 days long (14.0 d)", "too short to tell skill from luck unless"),
        (90 * DAY, "about 90 days long (90.0 d)", "depends on the intervals"),
    ],
)
def test_span_in_plain_words(seconds, words, judgement):
    assert span_in_words(seconds).replace(NBSP, " ") == words
    assert judgement in span_judgement(seconds)


def test_counts():
    assert (count_of(1, "fill"), count_of(1200, "fill"), count_of(0, "entry", "entries")) == (
        "1 fill",
        "1,200 fills",
        "0 entries",
    )

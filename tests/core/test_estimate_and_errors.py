"""Undefined is never zero; errors say what, where and what to do."""

import json
import math

import pytest

from rook_bench.core import ConfigError, Estimate, InputError, RookError, UnknownName, suggest
from rook_bench.core.files import to_json


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["value", "low", "high"])
def test_numbers_that_are_none(value, field):
    with pytest.raises(ValueError, match="not finite"):
        Estimate(**{"value": 1.0, "n": 3, "unit": "bps"} | {field: value})


def test_either_a_value_or_a_reason():
    with pytest.raises(ValueError, match="either a value or a reason"):
        Estimate(None, 0, "bps")
    with pytest.raises(ValueError, match="either a value or a reason"):
        Estimate(0.0, 0, "bps", undefined_because="nothing was traded")


def test_undefined_is_not_zero():
    estimate = Estimate.undefined("nothing was traded", n=0, unit="bps")
    assert not estimate.defined
    assert estimate.value is None
    assert Estimate(0.0, 10, "bps").defined


@pytest.mark.parametrize(
    "estimate",
    [
        Estimate(1.5, 10, "ratio", "5 min", low=1.0, high=2.0, method="95% interval"),
        Estimate.undefined("too short", n=1, unit="ratio"),
    ],
)
def test_json_round_trip(estimate):
    record = json.loads(to_json(estimate.to_json()))
    assert list(record) == ["value", "low", "high", "n", "unit", "convention", "undefined_because", "method"]
    assert Estimate.from_json(record) == estimate


def test_a_record_from_before_there_was_a_method_is_read():
    record = Estimate(1.5, 10, "ratio", "5 min", low=1.0, high=2.0).to_json()
    del record["method"]
    assert Estimate.from_json(record).method == ""


def test_a_method_belongs_to_an_interval():
    with pytest.raises(ValueError, match="without an interval"):
        Estimate(1.0, 3, "bps", method="95% interval")
    full = Estimate(1.0, 3, "bps", "a mean", 0.5, 1.5, method="95% interval")
    assert (full.convention, full.how) == ("a mean", "a mean; 95% interval")
    assert Estimate(1.0, 3, "bps", "a mean").how == "a mean"


def test_an_error_is_one_line():
    error = RookError("missing column 'price'", where="a.csv", hint="name it")
    assert str(error) == "a.csv: missing column 'price'; name it"
    assert error.exit_code == 3
    assert str(RookError("broken")) == "broken"
    assert issubclass(InputError, RookError)
    assert issubclass(ConfigError, RookError)


def test_near_names():
    assert suggest("momentun", ["momentum", "rules"]) == "did you mean 'momentum'?"
    assert suggest("xyz", ["b", "a"]) == "known: a, b"
    assert suggest("xyz", []) == "none is known here"
    assert "did you mean 'rules'" in str(UnknownName("source", "rule", ["rules", "hold"]))


def test_json_refuses_what_json_is_not():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"value": math.nan})

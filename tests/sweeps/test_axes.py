"""What is varied: texts and values, ranges in decimals, and what can't be meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import ConfigError
from rook_bench.sweeps.axes import Range, axes_of, parse


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("frictions.gas.gwei=0.1,1,5", "frictions.gas.gwei", (0.1, 1, 5)),
        ("risk.confidence=0.4:0.9:0.05", "risk.confidence", (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)),
        ("x=1:10:3", "x", (1, 4, 7, 10)),
        ("x=0:1:0.4", "x", (0.0, 0.4, 0.8)),
        ("x=tape,1", "x", ("tape", 1)),
        ("risk.sizer=fixed:0.05,decision", "risk.sizer", ("fixed:0.05", "decision")),
        ('risk.sizer=["a:1,b=2", {"name": "fixed", "fraction": 0.1}]', "risk.sizer", ("a:1,b=2", {"name": "fixed", "fraction": 0.1})),
        ("x=true,false", "x", (True, False)),
        (" x = 1 , 2 ", "x", (1, 2)),
        ("x=1,1,2", "x", (1, 2)),
        ("x=1e3", "x", (1000.0,)),
        ("source=a:b=1", "source", ("a:b=1",)),
    ],
)  # fmt: skip
def test_texts(text, path, values):
    axis = parse(text)
    assert (axis.path, axis.values, axis.span) == (path, values, None)
    assert [type(value) for value in axis.values] == [type(value) for value in values]


@given(st.integers(0, 1000), st.integers(1, 50), st.integers(1, 60))
def test_a_range_has_every_step_and_ends_where_it_says(first, step, count):
    last = first + step * (count - 1)
    axis = parse(f"x={first / 100:.2f}:{last / 100:.2f}:{step / 100:.2f}")
    assert axis.values == tuple(float(f"{(first + step * k) / 100:.2f}") for k in range(count))


def test_a_range_without_steps_is_drawn_from():
    assert parse("x=1:10").span == Range(1.0, 10.0, whole=True)
    assert parse("x=0.1:10").span == Range(0.1, 10.0, whole=False)


def test_values_in_memory():
    axes = axes_of({"a": np.arange(3), "b": "1:2:1", "c": 5, "d": Range(0, 1, whole=False), "e": ["x", "x", "y"]})
    assert [axis.values for axis in axes] == [(0, 1, 2), (1, 2), (5,), (), ("x", "y")]
    assert all(type(value) is int for value in axes[0].values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frictions.gas.gwei", "names no parameter and its values"),
        ("=1", "names no parameter"),
        ("x=", "names no parameter"),
        ("x=5:1:1", "1 is below 5"),
        ("x=1:5:0", "a step of 0"),
        ("x=1:5:-1", "a step of -1"),
        ("x=0:1:0.0000001", "10,000,001 values; 100,000 are the most"),
        ("x=[1,", "no JSON list"),
        ("x=[]", "it has no values"),
    ],
)
def test_what_can_not_be_meant(text, message):
    with pytest.raises(ConfigError, match=message):
        axes_of([text])


def test_a_path_is_varied_once():
    with pytest.raises(ConfigError, match="vary x: it is varied twice"):
        axes_of(["x=1", "x=2"])

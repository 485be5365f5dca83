"""Where in a person's file something went wrong."""

from pathlib import Path

import pytest

from rook_bench.core.blame import place_of, told

HERE = Path(__file__)


def inner():
    raise ValueError("no\n such   thing")


def line_of(text):
    return next(number for number, line in enumerate(HERE.read_text().splitlines(), 1) if text in line)


def test_the_last_line_of_ones_own_file():
    with pytest.raises(ValueError, match="no") as caught:
        inner()
    assert told(caught.value, inner, HERE) == f"ValueError: no such thing (test_blame.py:{line_of('raise ValueError')})"


def test_an_error_before_it_could_begin():
    with pytest.raises(TypeError) as caught:
        inner(1)
    said = told(caught.value, inner, Path("elsewhere.py"))
    assert said.endswith(f"(elsewhere.py:{line_of('def inner')})")


def test_no_line():
    assert told(KeyError(), print, HERE) == "KeyError (test_blame.py)"
    assert place_of(inner, HERE) == f"test_blame.py:{line_of('def inner')}"

"""A function is its text, its code and every value that it reads; what can't be told has no identity."""

import functools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import Decision, Side
from rook_bench.core.function_identity import identity_of, source_text, text_hash


def above(level):
    return lambda price: price > level


def run(text, **names):
    """The functions that a text defines, as at a prompt."""
    space = {"__name__": "__main__", **names}
    exec(text, space)
    return space


def test_the_same_function_again_is_the_same():
    assert identity_of(above(3)) == identity_of(above(3))
    assert len(identity_of(above(3))) == 64


@pytest.mark.parametrize("other", [4, 3.0, True, "3", None, [3], (3,)])
def test_closure_values_count_by_type_and_value(other):
    assert identity_of(above(other)) != identity_of(above(3))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x): return x + 1", "def f(x): return x + 2"),
        ("def f(x): return x + 1", "def f(x): return x + 1.0"),
        ("def f(x): return x.a", "def f(x): return x.b"),
        ("def f(x, n=1): return x + n", "def f(x, n=2): return x + n"),
        ("def f(x, *, n=1): return x + n", "def f(x, *, n=2): return x + n"),
        ("def f(x): return (lambda: 1)()", "def f(x): return (lambda: 2)()"),
        ("N = 1\ndef f(x): return x + N", "N = 2\ndef f(x): return x + N"),
        ("N = 1\ndef f(x): return (lambda: N)()", "N = 2\ndef f(x): return (lambda: N)()"),
        ("def g(x): return x\ndef f(x): return g(x)", "def g(x): return -x\ndef f(x): return g(x)"),
        ("N = 1\ndef g(x): return N\ndef f(x): return g(x)", "N = 2\ndef g(x): return N\ndef f(x): return g(x)"),
        ("def f(x): return f.n\nf.n = 1", "def f(x): return f.n\nf.n = 2"),
        ("def f(x): return x in {'a', 'b'}", "def f(x): return x in {'a', 'c'}"),
    ],
)
def test_every_change_of_what_it_does_is_seen(before, after):
    first, second = run(before)["f"], run(after)["f"]
    assert identity_of(first) not in (None, identity_of(second))
    assert identity_of(run(before)["f"]) == identity_of(first)


def test_what_it_does_not_read_is_left_out():
    assert identity_of(run("N = 1\ndef f(x): return x")["f"]) == identity_of(run("N = 2\ndef f(x): return x")["f"])


def test_arrays_and_tables_count_by_their_content():
    array, table = np.arange(3.0), pd.DataFrame({"a": [1, 2]})
    first = identity_of(lambda: (array, table))
    array[1] = 7
    second = identity_of(lambda: (array, table))
    table.loc[0, "a"] = 5
    assert len({first, second, identity_of(lambda: (array, table))} - {None}) == 3


def test_functions_that_call_themselves_have_one():
    def again(rows):
        return again(rows - 1) if rows else 0

    assert identity_of(again) is not None


def test_installed_things_are_known_by_name():
    assert identity_of(lambda: (np.log, np.random.default_rng, functools.reduce, Decision, Side.BUY, len)) is not None


class Own:
    pass


@functools.lru_cache
def cached(value):
    return value


@pytest.mark.parametrize(
    "value",
    [Own(), Own, cached, sys.modules[__name__], sys.stdout],
    ids=["instance", "class", "cached function", "module", "file"],
)
def test_what_can_not_be_told_has_none(value):
    assert identity_of(lambda: value) is None


def test_an_import_of_ones_own_inside_has_none():
    assert identity_of(run("def f(x):\n    import json\n    return json")["f"]) is not None
    assert identity_of(run("def f(x):\n    import my_own_helpers\n    return 1")["f"]) is None


@pytest.mark.parametrize("hidden", ["eval('N')", "globals()['N']", "__import__('mine')"])
def test_what_its_code_does_not_name_has_none(hidden):
    assert identity_of(run(f"N = 1\ndef f(x): return {hidden}")["f"]) is None


def test_partial_functions_count_their_arguments():
    one, two = (functools.partial(run("def f(x, n): return x + n")["f"], n=n) for n in (1, 2))
    assert identity_of(one) != identity_of(two)


def test_other_processes_agree():
    code = (
        "from rook_bench.core.function_identity import identity_of;"
        "print(identity_of(lambda x: x in {'a', 'b', 'c', 'd'} and {'price': 3}['price']))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(found) == 1
    assert "None" not in found.pop()


def test_text_of_a_function():
    assert source_text(above).startswith("def above(level):")
    assert source_text(run("def f(x): return 1")["f"]) is None
    assert text_hash(above) == text_hash(above) != text_hash(run)
    texts = ["def f(x): return 1", "def f(x): return 2"]
    assert len({text_hash(run(text)["f"]) for text in texts}) == 2
    classes = [f"class f:\n    def decide(self): return {number}" for number in (1, 2)]
    assert len({text_hash(run(text)["f"]) for text in classes}) == 2

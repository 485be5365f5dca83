"""Costs and latency as configuration; compiled code that notices when it is stale."""

import subprocess
import sys

import pytest

from rook_bench.core import ConfigError
from rook_bench.core.cache_folder import CACHE_VARIABLE
from rook_bench.execution import compiled
from rook_bench.execution.frictions import Frictions, Latency
from rook_bench.execution.outcome import OUTCOME_NAMES, Outcome


def test_one_swap_of_latency_by_default():
    assert Frictions().latency.swaps == 1
    assert Frictions().on_slippage == "revert"
    assert str(Latency()) == "1 swap"
    assert str(Latency(seconds=2.5)) == "2.5 seconds"
    assert str(Latency(blocks=2)) == "2 blocks"


def test_latency_survives_its_own_record():
    for latency in (Latency(), Latency(blocks=0), Latency(seconds=12)):
        assert Latency.parse(latency.model_dump(), where="run.json") == latency


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latency": {"swaps": 1, "seconds": 2.0}}, "latency is given in swaps and seconds: choose one"),
        ({"latency": {"swaps": -1}}, r"latency\.swaps"),
        ({"latency": {"swap": 1}}, "unknown key 'latency.swap'.*did you mean 'swaps'"),
        ({"gas": {"gwei": -1}}, r"gas\.gwei"),
        ({"gas": {"gwei": float("nan")}}, r"gas\.gwei"),
        ({"gas": {"flat_qoute": 1}}, "did you mean 'flat_quote'"),
        ({"fee_pips": 1_000_000}, "fee_pips"),
        ({"on_slippage": "ignore"}, "'revert' or 'partial'"),
    ],
)
def test_bad_frictions(values, message):
    with pytest.raises(ConfigError, match=message):
        Frictions.parse(values, where="bench.toml")


def test_outcomes_keep_their_codes():
    """They are stored as names and used as codes in compiled code."""
    assert tuple(outcome.name for outcome in Outcome) == OUTCOME_NAMES
    assert [int(outcome) for outcome in Outcome] == list(range(7))


def test_compiled_code_is_kept_under_the_hash_of_all_code_it_uses(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))

    def twice(x):
        return 2 * x

    assert compiled.compiled(twice)(21) == 42
    (first,) = (tmp_path / "numba").iterdir()
    monkeypatch.setattr(compiled, "sha256_code", lambda *folders: "0" * 64)
    compiled.compiled(twice)
    assert {path.name for path in (tmp_path / "numba").iterdir()} == {first.name, "0" * 16}


def test_a_cache_that_can_not_be_written_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert compiled.compiled(lambda x: x + 1)(1) == 2


def test_the_maths_needs_no_compiler():
    """The pool maths runs on plain integers, in a fresh process, without compiling anything."""
    code = (
        "from rook_bench.execution.amm import swap_exact_in\n"
        "from rook_bench.execution.ticks import MIN_SQRT_PRICE as low\n"
        "print(*swap_exact_in(2**96, 2 * 10**18, 10**18, 600, True, low + 1)[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["999400000000000000", "666399946655997866", "600000000000000"]

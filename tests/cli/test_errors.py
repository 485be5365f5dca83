"""What a user gets wrong: one line, a documented exit code, nothing half-written."""

import gzip
import shutil

import numpy as np
import pandas as pd
import pytest

from rook_bench.dataset.prepare import prepare
from rook_bench.dataset.rules import Rules
from rook_bench.market.simulation.simulate import simulate


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "rook"
    rules = Rules(mr_price_deviation_threshold=0.001, mr_volume_multiplier=1.5)
    prepare(simulate(600, np.random.default_rng(3)), rules, folder, compat_rook=True)
    return folder


@pytest.fixture
def core(prepared):
    return pd.read_csv(prepared / "core_features.csv", dtype=str)


def refused(answer, *words):
    code, out, err = answer
    assert code == 3
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("rook-bench: ")
    for word in words:
        assert word in lines[0]


def test_missing_file_offers_the_near_one(checkout, rook_bench, core):
    core.to_csv("swaps.csv", index=False)
    refused(rook_bench("data", "check", "swap.csv"), "swap.csv", "no such file", "did you mean 'swaps.csv'")


def test_empty_file(checkout, rook_bench):
    (checkout / "empty.csv").touch()
    refused(rook_bench("data", "check", "empty.csv"), "empty.csv", "is empty")


def test_missing_column_names_it_and_the_layout(checkout, rook_bench, core):
    core.drop(columns="liquidity").to_csv("short.csv", index=False)
    refused(rook_bench("data", "check", "short.csv"), "missing column 'liquidity'", "rook_core_features")


def test_mixed_layout_names_both(checkout, rook_bench, core):
    core.assign(at=1, sqrt_price_x96=1).to_csv("mixed.csv", index=False)
    refused(rook_bench("data", "check", "mixed.csv"), "mixed layout", "rook_core_features", "tape")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("price", "nan", ("'price' is nan", "row 11")),
        ("price", "", ("'price' is missing", "row 11")),
        ("liquidity", "-5", ("liquidity is negative", "swap 11")),
        ("liquidity", "1.5e17", ("not a whole number", "row 11", "rounded")),
        ("timestamp", "yesterday", ("not a time", "row 11")),
    ],
)
def test_bad_value_names_the_row(checkout, rook_bench, core, column, value, words):
    core.loc[10, column] = value
    core.to_csv("bad.csv", index=False)
    refused(rook_bench("data", "check", "bad.csv"), "bad.csv", *words)


def test_unsorted_rows(checkout, rook_bench, core):
    core.iloc[::-1].to_csv("backwards.csv", index=False)
    refused(rook_bench("data", "check", "backwards.csv"), "not in order of time")


def test_truncated_csv_names_the_row(checkout, rook_bench, prepared):
    whole = (prepared / "core_features.csv").read_text()
    (checkout / "cut.csv").write_text(whole[: whole.rindex(",") - 3])
    refused(rook_bench("data", "check", "cut.csv"), "cut.csv", "row 600")


def test_truncated_gzip(checkout, rook_bench, prepared):
    squeezed = gzip.compress((prepared / "test.csv").read_bytes())
    (checkout / "test.csv.gz").write_bytes(squeezed[: len(squeezed) // 2])
    (checkout / "normalization.json").write_bytes((prepared / "normalization.json").read_bytes())
    refused(rook_bench("data", "check", "test.csv.gz"), "cut off or damaged")


def test_split_without_its_normalization(checkout, rook_bench, prepared):
    (checkout / "test.csv").write_bytes((prepared / "test.csv").read_bytes())
    refused(rook_bench("data", "check", "test.csv"), "needs its normalization.json")


def test_split_with_the_wrong_normalization(checkout, rook_bench, prepared):
    (checkout / "test.csv").write_bytes((prepared / "test.csv").read_bytes())
    text = (prepared / "normalization.json").read_text()
    (checkout / "normalization.json").write_text(text.replace("1", "2", 40))
    refused(rook_bench("data", "check", "test.csv"), "price_change does not follow")


def test_damaged_tape(checkout, rook_bench):
    whole = (checkout / "data" / "sample.parquet").read_bytes()
    (checkout / "half.parquet").write_bytes(whole[: len(whole) // 2])
    refused(rook_bench("data", "check", "half.parquet"), "half.parquet")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("capitl = 3", ("unknown key 'capitl'", "did you mean 'capital'")),
        ("[frictions.gas]\ngwie = 3", ("unknown key 'frictions.gas.gwie'", "did you mean 'gwei'")),
        ("[frictions.gas]\ngwei = 'much'", ("frictions.gas.gwei", "'much'")),
        ("[frictions.latency]\nswaps = 1\nblocks = 1", ("choose one",)),
        ("[risk]\nfilters = ['cooldwn:3']", ("unknown risk filter 'cooldwn'", "did you mean 'cooldown'")),
        ("pair = 'BTC/USDC'", ("BTC/USDC", "WETH/USDC")),
        ("a = [", ("not valid TOML",)),
    ],
)
def test_bad_configuration(checkout, rook_bench, text, words):
    (checkout / "bad.toml").write_text(text)
    answer = rook_bench("replay", "data/sample.parquet", "--source", "hold", "--config", "bad.toml", "--out", "run")
    refused(answer, *words)
    assert not (checkout / "run").exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("rulez", ("unknown decision source 'rulez'", "did you mean 'rules'")),
        ("rules:nope.json", ("nope.json", "no such file")),
        ("random:7", ("action_rate", "less than or equal to 1")),
        ("momentum:lokback=3", ("unknown parameter 'lokback'", "did you mean 'lookback'")),
        ("recorded", ("needs its path", "recorded:PATH")),
        ("recorded:nope.parquet", ("no such decision tape",)),
        ("recorded:data/sample.parquet", ("not a decision tape",)),
        ("nope.py@x", ("no such plugin file",)),
        ("hold:3", ("takes no argument",)),
    ],
)
def test_bad_source(checkout, rook_bench, source, words):
    answer = rook_bench("replay", "data/sample.parquet", "--source", source, "--out", "run")
    refused(answer, *words)
    assert not (checkout / "run").exists()


def test_broken_plugin_file_is_named_and_does_not_stop_the_others(checkout, rook_bench):
    (checkout / "broken.py").write_text("import nothing_of_that_name\n")
    answer = rook_bench("replay", "data/sample.parquet", "--source", "broken.py@x", "--out", "run")
    refused(answer, "broken.py", "nothing_of_that_name")


def test_foreign_output_folder_is_kept(checkout, rook_bench):
    (checkout / "work").mkdir()
    (checkout / "work" / "thesis.txt").write_text("years")
    refused(rook_bench("replay", "data/sample.parquet", "--source", "hold", "--out", "work"), "did not write")
    assert (checkout / "work" / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), ("No such command", "--help")),
        (("replay", "data/sample.parquet", "--source", "hold"), ("--out",)),
        (("data", "simulate", "--swaps", "0", "--out", "x"), ("--swaps",)),
        (("data", "simulate", "--swaps", "many", "--out", "x"), ("--swaps",)),
        (("data", "prepare", "data/sample.parquet", "--rules", "strategies/data_driven.json", "--compat", "rock", "--out", "p"), ("'rock'", "did you mean 'rook'")),
        (("gate", "--policy", "strategies/gate.toml", "--candidate", "nope", "--out", "g"), ("no run folder", "--data")),
        (("report", "nope"), ("no run.json",)),
    ],
)  # fmt: skip
def test_usage(checkout, rook_bench, arguments, words):
    refused(rook_bench(*arguments), *words)


def test_sources_leave_no_trace_when_they_fail(checkout, rook_bench):
    (checkout / "failing.py").write_text(
        "from rook_bench import decision_source\n@decision_source\ndef failing():\n    return lambda view: 'BUY'\n"
    )
    answer = rook_bench("compare", "data/sample.parquet", "--source", "failing.py@failing", "--out", "out")
    refused(answer, "failing", "str instead of a Decision")
    assert {path.name for path in checkout.iterdir()} == {"strategies", "data", "failing.py"}


def test_a_tape_without_volume_can_not_be_judged_by_rules(checkout, rook_bench):
    from dataclasses import replace

    from rook_bench.ingest.read import read_swaps
    from rook_bench.market.tape_file import write_tape

    frame = read_swaps(checkout / "data" / "sample.parquet")[:200]
    write_tape(replace(frame, amount0=None, amount1=None), checkout / "bare.parquet")
    refused(rook_bench("replay", "bare.parquet", "--source", "rules", "--out", "run"), "volume")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--base", "WBTC"), ("unknown base token 'WBTC'", "USDC", "WETH")),
        (("--reference", "absent.parquet"), ("absent.parquet", "no such file")),
        (("--reference", "data/sample.parquet"), ("it begins at 2025-01-01", "after the first")),
        (("--prepared", "reports"), ("prepared: it says where the splits lie", "add --split test")),
        (("--prepared", "reports/absent", "--split", "test"), ("no such folder",)),
        (("--prepared", "data", "--split", "test"), ("holds no splits.json", "prepare the tape again")),
        (("--prepared", "prepared", "--split", "test"), ("was prepared from another tape than",)),
        (("--config", "value.toml"), ("capital.value: it counts in the numeraire", "set numeraire")),
        (("--config", "euro.toml"), ("numeraire: nothing tells what USDC costs in EUR", "--reference")),
        (("--config", "negative.toml"), ("native_price", "greater than 0")),
    ],
)
def test_options_of_other_pools(checkout, rook_bench, prepared, options, words):
    (checkout / "value.toml").write_text("[capital]\nvalue = 5\n")
    (checkout / "euro.toml").write_text('numeraire = "EUR"\n')
    (checkout / "negative.toml").write_text("[frictions.gas]\nnative_price = -1\n")
    if not (checkout / "prepared").exists():
        shutil.copytree(prepared, checkout / "prepared")
    answer = rook_bench("replay", "data/sample.parquet", "--source", "hold", *options, "--out", "run")
    refused(answer, *words)
    assert not (checkout / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rules", "fit:mean-revert"), ("unknown rule 'mean-revert'", "did you mean 'mean-reversion'")),
        (("--rules", "fit:breakout", "--target-action-rate", "0.9"), ("0.9 is no share", "at most 0.5")),
        (("--rules", "fit:breakout", "--target-action-rate", "nan"), ("no share that rules can trade at",)),
        (("--rules", "data_driven", "--target-action-rate", "0.1"), ("it is for rules that are fitted",)),
        (("--rules", "data_driven", "--base", "BTC"), ("unknown base token 'BTC'",)),
    ],
)
def test_options_of_prepare(checkout, rook_bench, options, words):
    refused(rook_bench("data", "prepare", "data/sample.parquet", *options, "--out", "p"), *words)
    assert not (checkout / "p").exists()

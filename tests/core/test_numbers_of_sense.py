"""Numbers that no chain, purse or policy can have are refused by their key, and not somewhere inside."""

import json

import pytest

from rook_bench.core import ConfigError, InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.execution.frictions import Latency
from rook_bench.gates.policy import load_policy
from rook_bench.workbench.config import load_config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("frictions.latency.swaps", "100000000000000000000000"),
        ("frictions.latency.blocks", "10000000000000000000"),
        ("frictions.latency.seconds", "1e300"),
        ("frictions.gas.swap_units", "100000000000000000000000"),
        ("frictions.gas.crossing_units", "[1, 2, 100000000000000000000000]"),
        ("frictions.gas.flat_quote", "1e308"),
        ("frictions.gas.l1_fee_quote", "1e300"),
        ("frictions.gas.native_price", "1e300"),
        ("frictions.block_time_s", "1e300"),
        ("capital.quote_value", "1e-300"),
        ("capital.value", "1e-300"),
        ("seed", "100000000000000000000000000"),
    ],
)
def test_a_configuration_is_refused_by_its_key(tmp_path, key, value):
    *table, name = key.split(".")
    head = f"[{'.'.join(table)}]\n" if table else ""
    (tmp_path / "c.toml").write_text(f"{head}{name} = {value}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "c.toml")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert " at /" not in str(caught.value)  # no file and line of ours


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[thresholds.max_drawdown]\nmin = 2\nmax = 1\n", "min 2 lies above max 1, which nothing can meet"),
        ("[assumptions.require]\n'capital.quote_value' = nan\n", "capital.quote_value can't be nan"),
        ("[assumptions.require]\n'capital.quote_value' = inf\n", "capital.quote_value can't be inf"),
    ],
)
def test_a_policy_that_nothing_can_meet_is_refused(tmp_path, text, words):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_policy(tmp_path / "p.toml")


def test_a_filter_waits_no_longer_than_a_year(command_line, tmp_path):
    (tmp_path / "c.toml").write_text('[risk]\nfilters = ["cooldown:1e300"]\n')
    code, out, err = command_line(
        "replay", "sample", "--limit", 50, "--source", "momentum", "--config", tmp_path / "c.toml", "--out", tmp_path / "r",
    )  # fmt: skip
    assert (code, out) == (3, "")
    assert "'seconds': Input should be less than or equal to 31536000" in err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("text", "words"), [("[" * 100_000 + "]" * 100_000, "too deep"), ('{"a": ' + "9" * 5_000 + "}", "not valid JSON")]
)
def test_json_that_python_can_not_hold_is_one_line(tmp_path, text, words):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_mapping(tmp_path / "c.json")


def test_twice_the_longest_wait_is_a_stress_all_the_same():
    assert Latency(seconds=365 * 86_400.0).times(2).seconds == 2 * 365 * 86_400.0
    assert Latency(swaps=0).times(2).swaps == 1


def test_an_output_that_is_a_link_is_refused_before_any_work(tmp_path):
    with whole_folder(tmp_path / "real") as aside:
        (aside / "x").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match="the output path is a link; name the folder that it points to"):
        check_replaceable(tmp_path / "link")
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == '["link", "real"]'

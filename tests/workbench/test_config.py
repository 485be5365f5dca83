"""The configuration file: defaults, merging of ROOK's block, and what is refused."""

from pathlib import Path

import pytest

from rook_bench.core import ConfigError
from rook_bench.workbench.config import BenchConfig, load_config

REPOSITORY = Path(__file__).resolve().parents[2]


def test_shipped_file_shows_the_defaults():
    assert load_config(REPOSITORY / "strategies" / "bench.toml") == BenchConfig()


@pytest.mark.parametrize("ending", ["toml", "yaml", "json"])
def test_every_format_says_the_same(tmp_path, ending):
    texts = {"toml": "seed = 3\n[capital]\nbase_share = 1", "yaml": "seed: 3\ncapital: {base_share: 1}",
             "json": '{"seed": 3, "capital": {"base_share": 1}}'}  # fmt: skip
    path = tmp_path / f"c.{ending}"
    path.write_text(texts[ending])
    config = load_config(path).replay()
    assert (config.seed, config.capital.base_share) == (3, 1.0)


def test_the_tighter_limit_wins(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "risk: {max_order_fraction: 0.05, max_slippage_bps: 20, filters: ['cooldown:60']}\n"
        "rook_config: {pair: ETH/USDC, max_position_size: 0.1, max_slippage_bps: 50, confidence_threshold: 0.7}\n"
    )
    risk = load_config(path).replay().risk
    assert (risk.max_order_fraction, risk.max_slippage_bps) == (0.05, 20)
    assert risk.filters == ({"name": "confidence_threshold", "minimum": 0.7}, "cooldown:60")


def test_unknown_key_inside_rooks_block(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("rook_config: {pair: ETH/USDC, max_slipage_bps: 50}\n")
    with pytest.raises(
        ConfigError, match=r"unknown key 'rook_config.max_slipage_bps'; did you mean 'max_slippage_bps'"
    ):
        load_config(path)


def test_two_pairs_disagree(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("pair: A/B\nrook_config: {pair: ETH/USDC}\n")
    with pytest.raises(ConfigError, match="keep one"):
        load_config(path)

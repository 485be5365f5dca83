"""The whole path on pools that are nothing like ETH/USDC: import, check, prepare, train, compare, report, gate."""

import json
import re

import numpy as np
import pytest
from pairs import DAI, SHIB, UNI, USDC, WBTC, WETH, pool_of, rewritten

from rook_bench.language.template import load_template
from rook_bench.market.simulation.simulate import Simulation, simulate
from rook_bench.market.tape_file import read_tape, write_tape
from rook_bench.market.view import MarketView

pytest.importorskip("torch", reason="the train extra is not installed")

CALM = {"volatility_per_day": 4e-4, "jump_std_bps": 1.0, "median_arbitrage_cost_usd": 0.5, "largest_impact_bps": 3.0}
PAIRS = {
    "UNI/WETH": ({}, pool_of(UNI, WETH, base_first=True, fee_pips=3000, spacing=60), 300.0, 1 / 2700),
    "WBTC/WETH": ({}, pool_of(WBTC, WETH, base_first=True), 1 / 18, 1 / 2300),
    "DAI/USDC": (CALM | {"fee_pips": 100}, pool_of(DAI, USDC, base_first=True, fee_pips=100, spacing=1), 2270.0, 1.0),
    "SHIB/WETH": ({}, pool_of(SHIB, WETH, base_first=True, fee_pips=10_000, spacing=200), 2e8, 1 / 2700),
}
PRICE = {
    "UNI/WETH": r"0\.002\d{4} WETH",
    "WBTC/WETH": r"17\.\d{3} WETH",
    "DAI/USDC": r"\$(1\.00\d\d|0\.99\d{3})",
    "SHIB/WETH": r"0\.00000000\d{5} WETH",
}


@pytest.fixture(scope="module", params=PAIRS)
def made(request, tmp_path_factory):
    """A folder with the pair's tape, and a tape of WETH/USDC from before it."""
    parameters, pool, base_per, quote_per = PAIRS[request.param]
    folder = tmp_path_factory.mktemp("pair")
    home = simulate(1500, np.random.default_rng(11), Simulation(**parameters))
    write_tape(rewritten(home, pool, base_per=base_per, quote_per=quote_per), folder / "tape.parquet")
    write_tape(simulate(1500, np.random.default_rng(11)), folder / "ether.parquet")
    return request.param, folder


def test_from_the_log_to_the_verdict(made, command_line, mini_base, undrawn, monkeypatch):
    pair, folder = made
    monkeypatch.chdir(folder)

    def run(*arguments, codes=(0,)):
        given = command_line(*arguments)
        assert given[0] in codes, given
        return given[1] + given[2]

    run("data", "import", "tape.parquet", "--out", "again.parquet")
    check = json.loads(run("data", "check", "again.parquet", "--json"))
    assert check["repricing"]["exact"] == check["swaps"] == 1500
    assert (check["pair"], check["fee_finding"]) == (pair, "stated")
    run(
        "data", "prepare", "again.parquet", "--rules", "fit:mean-reversion,breakout", "--target-action-rate", 0.2,
        "--purge", 20, "--out", "prepared",
    )  # fmt: skip
    run("doctor", "data", "prepared")
    said = run(
        "train", "--data-dir", "prepared", "--output-dir", "adapter", "--model", mini_base, "--max-samples", 64,
        "--epochs", 1, "--batch-size", 16,
    )  # fmt: skip
    assert "warning: prompt field" not in said  # every field tells something here
    (folder / "config.toml").write_text('numeraire = "USDC"\n[capital]\nvalue = 20000\n[frictions.gas]\ngwei = 5\n')
    said = run(
        "compare", "again.parquet", "--split", "test", "--prepared", "prepared", "--reference", "ether.parquet", "--config", "config.toml",
        "--source", "lora:adapter", "--source", "rules:prepared/rules.json", "--out", "compared",
    )  # fmt: skip
    assert "in USDC: lora:adapter " in said
    assert "re-prices 100% of its own swaps exactly" in said
    metrics = json.loads((folder / "compared" / "runs" / "rules-rules.json" / "metrics.json").read_text())
    assert metrics["trading_frequency"]["value"] > 0
    assert abs(metrics["numeraire_return"]["value"]) < 0.1
    run("report", "compared")
    page = (folder / "compared" / "report.html").read_text()
    assert "In USDC" in page
    said = run(
        "gate", "--policy", "first-champion", "--candidate", "compared/runs/rules-rules.json", "--champion",
        "compared/runs/hold", "--out", "verdict", codes=(1, 2),
    )  # fmt: skip
    assert re.search(r"verdict: (BLOCK|INCONCLUSIVE)", said)  # a dear fee is enough to block


def test_a_prompt_names_the_pools_tokens_with_digits_enough(made):
    pair, folder = made
    tape = read_tape(folder / "tape.parquet")
    text = load_template("rook-v1").render(MarketView.whole(tape)).texts[-1]
    base = pair.split("/")[0]
    shape = (
        rf"Market Analysis: Price: {PRICE[pair]}, Volatility: 0\.\d+%, Volume: [\d.]+ {base}, Volume MA: [\d.]+, "
        r"Liquidity Impact: [\d.]+, Price Change: [+-][\d.]+%\. Trading Decision:"
    )
    assert re.fullmatch(shape, text), text
    assert "0.00," not in text

"""`replay` on several tapes: one purse, a page, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core.project import trials_folder
from rook_bench.market.pool import Token
from rook_bench.market.simulation import Chain, Simulation
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.tape_file import read_tape, write_tape
from rook_bench.replay.purse.saved import load_purse
from rook_bench.trials import TrialLedger

pytestmark = pytest.mark.usefixtures("few_places")

EAGER = "momentum:lookback=2,threshold_bps=1"


@pytest.fixture
def two(rook_bench, checkout):
    """Tapes of two pools: the second is the first one's market told of another token."""
    for seed, name in ((1, "one"), (2, "two")):
        assert rook_bench("data", "simulate", "--swaps", "300", "--seed", str(seed), "--out", f"{name}.parquet")[0] == 0
    frame = read_tape(checkout / "two.parquet")
    other = frame.pool.model_copy(update={"address": "other", "token1": Token(symbol="UNI", decimals=18)})
    write_tape(replace(frame, pool=other), checkout / "two.parquet")
    return checkout / "one.parquet", checkout / "two.parquet"


def test_two_tapes_have_one_purse_and_one_page(rook_bench, checkout, two):
    code, out, err = rook_bench("replay", *two, "--source", "momentum", "--out", "both")
    assert code == 0, err
    assert "UNI/USDC" in out
    assert "momentum with one purse: net" in out
    assert "one try on each of 2 pools" in err
    page = (checkout / "both" / "report.html").read_text()
    for words in ("Which pool carries it?", "What is in the purse?", "Do the pools go together?", "simulated"):
        assert words in page
    assert sorted(path.name for path in (checkout / "both").glob("*.png")) == [
        "correlation.png", "equity.png", "pools.png", "tokens.png",
    ]  # fmt: skip
    run = load_purse(checkout / "both")
    facts = json.loads((checkout / "both" / "metrics.json").read_text())
    assert [int(token["closing"]) for token in facts["tokens"]] == list(run.closing)
    total = facts["measures"]["total_return"]["value"] - facts["measures"]["hold_return"]["value"]
    assert sum(pool["gain"]["value"] for pool in facts["pools"]) == pytest.approx(total, abs=1e-9)
    tries = TrialLedger(trials_folder()).trials()
    assert [(one.pool["pair"], one.kind, one.role) for one in tries] == [
        ("WETH/USDC", "replay", "candidate"),
        ("UNI/USDC", "replay", "candidate"),
    ]
    assert {one.run_hash for one in tries} == {run.run_hash}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pool", "0x" + 40 * "1"], "--pool: it is about one tape"),
        (["--base", "WETH"], "--base: it is about one tape"),
        (["--split", "test"], "--split: it is about one tape"),
        (["--config", "for.yaml"], "no configuration is for WETH/USDC (they are for DOGE/USDC)"),
        (["--config", "gone.yaml"], "gone.yaml"),
        (["--config", "numeraire.toml"], "no pool of the purse trades DAI"),
        (["--from", "2099-01-01"], "2099"),
    ],
)
def test_what_is_not_for_several_is_refused(rook_bench, checkout, two, options, message):
    (checkout / "for.yaml").write_text("pair: DOGE/USDC\n")
    (checkout / "numeraire.toml").write_text('numeraire = "DAI"\n')
    code, out, err = rook_bench("replay", *two, "--source", "hold", "--out", "no", *options)
    assert (code, out) == (3, "")
    assert message in err
    assert "Traceback" not in err
    assert not (checkout / "no").exists()


def test_mistakes_with_tapes(rook_bench, checkout, two):
    one, other = two
    code, _, err = rook_bench("replay", one, one, "--source", "hold", "--out", "no")
    assert (code, "is there twice" in err) == (3, True)
    code, _, err = rook_bench("replay", one, checkout / "tow.parquet", "--source", "hold", "--out", "no")
    assert (code, "tow.parquet" in err) == (3, True)
    (checkout / "empty.csv").write_text("")
    code, _, err = rook_bench("replay", one, checkout / "empty.csv", "--source", "hold", "--out", "no")
    assert (code, "empty" in err) == (3, True)
    code, _, err = rook_bench(
        "replay", one, "--source", "hold", "--config", "bench", "--config", "bench", "--out", "no"
    )
    assert (code, "2 are given for one tape" in err) == (3, True)
    assert not (checkout / "no").exists()


@pytest.mark.real
def test_the_commands_of_a_day(rook_bench, checkout, day_folder, tmp_path):
    logs = sorted(day_folder.glob("*.raw.csv"))
    (tmp_path / "pair.yaml").write_text("pair: ETH/USDC\nrisk: {max_order_value: 100}\n")
    (tmp_path / "rest.toml").write_text("[capital]\nquote_value = 5000.0\n")
    code, out, err = rook_bench(
        "replay", *logs, "--source", "momentum", "--config", tmp_path / "rest.toml", "--config", tmp_path / "pair.yaml",
        "--out", "both", "--no-pictures",
    )  # fmt: skip
    assert code == 0, err
    assert "WETH/USDC 0.05%" in out
    assert "WETH/USDC 0.3%" in out
    found = json.loads((checkout / "both" / "metrics.json").read_text())
    assert len(found["pools"]) == 2
    assert int(found["tokens"][0]["opening"]) == 2_500_000_000
    assert (checkout / "both" / "report.html").is_file()
    record = json.loads((checkout / "both" / "purse.json").read_text())
    assert {leg["config"]["risk"]["max_order_value"] for leg in record["legs"]} == {100.0}


@pytest.mark.real
def test_a_log_of_many_pools(rook_bench, checkout, genesis_folder):
    code, out, _ = rook_bench(
        "replay", genesis_folder, "--min-swaps", "60", "--source", EAGER, "--out", "many", "--no-report", "--json"
    )
    assert code == 0
    assert [pool["pair"] for pool in json.loads(out)["pools"]][:2] == ["WETH/USDC", "0xf65b..276c/WETH"]
    code, _, err = rook_bench("replay", genesis_folder, "--min-swaps", "6000", "--source", "hold", "--out", "none")
    assert code == 3
    assert "no pool trades 6,000 times" in err


def test_sources_are_compared_with_a_purse_each(rook_bench, checkout, two):
    code, out, err = rook_bench(
        "compare", *two, "--source", "momentum", "--source", f"eager={EAGER}", "--out", "sides", "--no-pictures"
    )
    assert code == 0, err
    for words in ("purse of", "eager", "random:", "first earned beyond it", "surely gained over holding"):
        assert words in out
    facts = json.loads((checkout / "sides" / "comparison.json").read_text())
    names = [one["name"] for one in facts["sources"]]
    assert names[:2] == ["momentum", "eager"]
    assert names[2].startswith("random:")
    assert list(facts["beyond"]) == names[1:]
    # Each is the purse that it would be alone.
    code, alone, _ = rook_bench("replay", *two, "--source", EAGER, "--out", "alone", "--json")
    assert code == 0
    assert json.loads(alone)["measures"] == facts["sources"][1]["measures"]
    tries = [one for one in TrialLedger(trials_folder()).trials() if one.kind == "compare"]
    assert [one.role for one in tries] == ["candidate"] * 4 + ["benchmark"] * 2
    page = (checkout / "sides" / "report.html").read_text()
    for words in ("Who earned more?", "Who gains where?", "momentum less another", "UTC."):
        assert words in page


def test_reports_of_purses_are_written_again(rook_bench, checkout, two):
    assert rook_bench("replay", *two, "--source", EAGER, "--out", "one", "--no-report")[0] == 0
    assert rook_bench("compare", *two, "--source", EAGER, "--out", "more", "--no-benchmarks", "--no-pictures")[0] == 0
    before = (checkout / "more" / "report.html").read_text()
    for folder in ("one", "more"):
        code, out, err = rook_bench("report", folder, "--no-pictures")
        assert (code, "report.html" in out) == (0, True), err
    assert (checkout / "more" / "report.html").read_text() == before
    assert "Which pool carries it?" in (checkout / "one" / "report.html").read_text()
    record = checkout / "more" / "runs" / "1" / "purse.json"
    record.write_text(record.read_text().replace('"label"', '"lable"'))
    code, _, err = rook_bench("report", "more")
    assert code == 3
    assert "Traceback" not in err
    assert (checkout / "more" / "report.html").read_text() == before


def test_a_list_of_configurations_in_one_file(rook_bench, checkout, two):
    """One file for all pairs, as a list: the same as one file for each."""
    (checkout / "list.yaml").write_text(
        "- {pair: WETH/USDC, risk: {max_order_fraction: 0.01}}\n- {pair: UNI/USDC, risk: {max_order_fraction: 0.02}}\n"
    )
    (checkout / "weth.yaml").write_text("pair: WETH/USDC\nrisk: {max_order_fraction: 0.01}\n")
    (checkout / "uni.yaml").write_text("pair: UNI/USDC\nrisk: {max_order_fraction: 0.02}\n")
    asked = ["replay", *two, "--source", EAGER, "--no-report"]
    assert rook_bench(*asked, "--config", "list.yaml", "--out", "a")[0] == 0
    assert rook_bench(*asked, "--config", "weth.yaml", "--config", "uni.yaml", "--out", "b")[0] == 0
    assert load_purse(checkout / "a").run_hash == load_purse(checkout / "b").run_hash
    (checkout / "empty.yaml").write_text("[]\n")
    code, _, err = rook_bench(*asked, "--config", "empty.yaml", "--out", "c")
    assert (code, "no mapping of keys to values, and no list of such" in err) == (3, True)


def test_surely_is_said_of_a_family():
    """Planted: of three sources on two pools that know nothing none is surely better; one that knows is."""
    from rook_bench.metrics import Clock
    from rook_bench.metrics.purse import PurseAnalysis, difference, surely_gained
    from rook_bench.replay.purse import replay_purse
    from rook_bench.sources import Source

    frames = [
        simulate(4000, np.random.default_rng(seed), Simulation(base_symbol=base), chain=Chain(7))
        for seed, base in ((1, "WETH"), (2, "UNI"))
    ]
    runs = [replay_purse(frames, Source.parse(f"random:0.{rate:02d}")) for rate in (5, 10, 20)]
    lost = [PurseAnalysis(run, Clock(bucket_s=300)) for run in runs]
    assert surely_gained(lost).names == ()
    known = PurseAnalysis(replay_purse(frames, Source.parse("foresight")), Clock(bucket_s=300))
    found = surely_gained([*lost, known])
    assert found.names
    assert all(name.startswith("foresight on") for name in found.names)
    assert difference(known, lost[0]).low > 0
    assert difference(lost[0], lost[0]).value == 0.0

"""Money in any pool's units: gas in whatever coin the chain asks for, capital and results in another currency."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pairs import DAI, SHIB, UNI, USDC, WBTC, WETH, pool_of, rewritten

from rook_bench.core import ConfigError, InputError
from rook_bench.execution.outcome import Outcome
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Token
from rook_bench.market.reference import with_reference
from rook_bench.market.tape_file import read_tape, write_tape
from rook_bench.metrics import analyse
from rook_bench.replay import ReplayConfig, reconcile, replay
from rook_bench.replay.cautions import cautions, refusals
from rook_bench.replay.numeraire import numeraire_rate

GAS = {"frictions": {"gas": {"gwei": 30.0}}}
NOON = np.datetime64("2025-01-01T12:00:00", "ns")


def config(**values):
    return ReplayConfig.parse(values, where="test")


@pytest.fixture(scope="module")
def uni(short_tape):
    """UNI/WETH, at 0.00281 WETH."""
    return rewritten(short_tape, pool_of(UNI, WETH, base_first=True), base_per=300.0, quote_per=1 / 2700)


# Gas.


@pytest.mark.parametrize("base_first", [True, False])
def test_gas_is_exact_where_the_quote_is_ether(short_tape, run_of, sides, base_first):
    pool = pool_of(UNI, WETH, base_first=base_first)
    tape = rewritten(short_tape, pool, base_per=300.0, quote_per=1 / 2700)
    run = run_of(tape, sides("BS" * 150, 0.1), config(capital={"quote_value": 10.0}, **GAS))
    reconcile(run)
    orders = run.orders
    filled = orders.filled
    assert filled.sum() > 100
    paid = {orders.gas_quote[index] for index in np.flatnonzero(filled).tolist()}
    units = {120_000, 157_000, 196_000, 326_000}
    assert paid <= {unit * 30 * 10**9 for unit in units}  # wei are quote units: nothing is rounded


def test_a_seller_without_quote_pays_gas_in_a_base_that_is_not_ether(uni, run_of, sides):
    run = run_of(uni, sides("SH" + "H" * 298, 1.0), config(capital={"quote_value": 10.0, "base_share": 1.0}, **GAS))
    reconcile(run)
    wei = 120_000 * 30 * 10**9
    assert run.orders.gas_quote[0] == 0 or run.orders.gas_base[0] == 0
    held_back = run.opening[1] - run.orders.amount_in[0]
    assert held_back == math.ceil(wei / 1e18 / uni.price[0] * 1e18)


def test_large_numbers_of_small_units(short_tape, run_of, sides):
    """Gas in SHIB is 1e22 of its units, and in DAI beyond what 63 bits hold."""
    shib = rewritten(short_tape, pool_of(SHIB, WETH, base_first=True), base_per=2e8, quote_per=1 / 2700)
    run = run_of(shib, sides("S" + "H" * 299, 1.0), config(capital={"quote_value": 10.0, "base_share": 1.0}, **GAS))
    reconcile(run)
    assert run.opening[1] - run.orders.amount_in[0] > 2**72
    dai = rewritten(short_tape, pool_of(WETH, DAI, base_first=False))
    dear = config(frictions={"gas": {"gwei": 200.0}}, capital={"quote_value": 1e6})
    run = run_of(dai, sides("B" + "H" * 299, 0.1), dear)
    reconcile(run)
    assert run.orders.gas_quote[0] > 2**63
    assert run.orders.gas_quote[0] / 1e18 == pytest.approx(120_000 * 200e-9 * dai.price[1], rel=1e-12)
    flat = run_of(dai, sides("B" + "H" * 299, 0.1), config(frictions={"gas": {"flat_quote": 40.5}}))
    assert flat.orders.gas_quote[0] == 405 * 10**17


def test_gas_that_the_pool_does_not_price_asks_for_a_reference(short_tape, run_of, sides):
    tape = rewritten(short_tape, pool_of(WBTC, USDC, base_first=True), base_per=1 / 20)
    with pytest.raises(ConfigError, match="gas is paid in ETH, which WBTC/USDC does not price.*ETH/USDC.*--reference"):
        run_of(tape, sides("B" + "H" * 299), config())
    for gas in ({"flat_quote": 0.1}, {"gwei": 0}, {"native_price": 2500.0}):
        run = run_of(tape, sides("B" + "H" * 299, 0.1), config(frictions={"gas": gas}))
        reconcile(run)
        assert Outcome(run.orders.outcome[0]) == Outcome.FILLED
    assert run.orders.gas_quote[0] == math.ceil(120_000 * 10**9 / 1e18 * 2500.0 * 1e6)


def test_a_reference_prices_the_coin_that_gas_is_paid_in(short_tape, run_of, sides):
    tape = rewritten(short_tape, pool_of(WBTC, USDC, base_first=True), base_per=1 / 20)
    earlier = replace(short_tape, at=short_tape.at - np.timedelta64(1, "h"))
    seen = with_reference(tape, earlier)
    run = run_of(seen, sides("BS" * 150, 0.1), config(**GAS))
    reconcile(run)
    for index in np.flatnonzero(run.orders.filled)[:20].tolist():
        row = int(run.orders.landing_row[index])
        last = int(np.searchsorted(earlier.at, tape.at[row], side="left")) - 1
        wei = 120_000 * 30 * 10**9
        assert run.orders.gas_quote[index] == math.ceil(wei / 1e18 * earlier.price[last] * 1e6)


def test_searchers_pay_gas_in_the_same_coin(uni, run_of, sides):
    """What they leave is checked to the unit, whichever token the gas is paid in."""
    parts = {"frictions": {"gas": {"gwei": 0.5}, "mev": "typical"}, "capital": {"quote_value": 800.0}}
    for frame in (uni, uni[:200]):
        run = run_of(frame, sides("BS" * (len(frame) // 2), 0.2, slippage_bps=80.0), config(**parts))
        reconcile(run)
    assert not run.orders.mev.zero().all()


@pytest.mark.parametrize(
    ("chain", "base", "coin"),
    [("polygon", "WPOL", "POL"), ("bsc", "WBNB", "BNB"), ("137", "MATIC", "POL"), ("avalanche", "WAVAX", "AVAX")],
)
def test_every_chain_has_its_own_coin(short_tape, run_of, sides, chain, base, coin):
    native = pool_of(Token(symbol=base, decimals=18), USDC, base_first=True, chain=chain)
    run = run_of(rewritten(short_tape, native), sides("B" + "H" * 299, 0.1), config())
    assert run.orders.gas_quote[0] > 0
    ether = pool_of(WETH, USDC, base_first=True, chain=chain)
    with pytest.raises(ConfigError, match=f"gas is paid in {coin}, which WETH/USDC does not price"):
        run_of(rewritten(short_tape, ether), sides("B" + "H" * 299), config())


def test_the_pools_chain_gives_gas_and_blocks_where_nobody_does():
    def on(chain, **values):
        return config(**values).on(pool_of(WETH, USDC, base_first=True, chain=chain))

    assert on("base").frictions.gas.gwei == 0.005
    assert on("base").frictions.block_time_s == 2.0
    assert on("8453").frictions.gas.gwei == 0.005
    assert on("Arbitrum One").frictions.gas.gwei == 0.02
    assert on("base", frictions={"gas": {"gwei": 3.0}}).frictions.gas.gwei == 3.0
    assert on("base", frictions={"gas": {"flat_quote": 3.0}}).frictions.gas.gwei == 1.0
    assert on("base", frictions={"chain": "ethereum"}).frictions.gas.gwei == 1.0
    assert on("somewhere") == config()
    assert on("base").on(pool_of(WETH, USDC, base_first=True, chain="base")) == on("base")
    home = on("ethereum")
    assert home.model_dump() == config().model_dump() | {"frictions": home.frictions.model_dump()}
    assert home.frictions.gas == config().frictions.gas


# References.


def hourly(make_frame, prices, start, pool=None):
    frame = make_frame(prices, seconds=[3600 * row for row in range(len(prices))], **({"pool": pool} if pool else {}))
    return replace(frame, at=frame.at + (np.datetime64(start, "ns") - frame.at[0]))


def test_a_reference_price_is_from_before_the_swap(make_frame):
    tape = hourly(make_frame, [1.0, 1.0, 1.0], "2025-01-02T00:00", pool_of(UNI, WETH, base_first=True))
    rate = hourly(make_frame, [2000.0, 2100.0, 2200.0, 2300.0], "2025-01-01T23:00")
    seen = with_reference(tape, rate)
    # At midnight the reference swaps too; which came first nobody knows, so the one before counts.
    np.testing.assert_allclose(seen.references["WETH/USDC"], [2000.0, 2100.0, 2200.0], rtol=1e-9)
    assert seen.data_hash != tape.data_hash
    np.testing.assert_allclose(numeraire_rate(seen, "USDC"), [2000.0, 2100.0, 2200.0], rtol=1e-9)
    np.testing.assert_array_equal(numeraire_rate(seen, "ETH"), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(numeraire_rate(seen, "UNI"), 1.0 / seen.price)
    with pytest.raises(ConfigError, match="nothing tells what WETH costs in EURC; give a tape of WETH/EURC with --ref"):
        numeraire_rate(seen, "EURC")


def test_a_reference_that_begins_later_is_refused_and_an_old_one_is_told_of(make_frame):
    tape = hourly(make_frame, [1.0, 1.0], "2025-01-02T00:00", pool_of(UNI, WETH, base_first=True))
    late = hourly(make_frame, [2000.0], "2025-01-02T00:00")
    with pytest.raises(InputError, match="it begins at 2025-01-02 00:00:00 UTC, after the first 1 swaps of the tape"):
        with_reference(tape, late)
    old = hourly(make_frame, [2000.0], "2024-12-25T00:00")
    assert with_reference(tape, old).notes[-1].endswith("up to 193 hours old")


def test_references_go_with_their_rows_and_are_kept_on_disk(uni, short_tape, tmp_path):
    earlier = replace(short_tape, at=short_tape.at - np.timedelta64(1, "h"))
    seen = with_reference(uni, earlier)
    write_tape(seen, tmp_path / "t.parquet")
    again = read_tape(tmp_path / "t.parquet")
    assert again.data_hash == seen.data_hash
    np.testing.assert_array_equal(again.references["WETH/USDC"], seen.references["WETH/USDC"])
    halves = SwapFrame.concat([seen[:100], seen[100:]])
    np.testing.assert_array_equal(halves.references["WETH/USDC"], seen.references["WETH/USDC"])


# The numeraire.


def test_capital_and_results_in_another_currency(uni, short_tape, sides, scripted):
    earlier = replace(short_tape, at=short_tape.at - np.timedelta64(1, "h"))
    seen = with_reference(uni, earlier)
    rate = numeraire_rate(seen, "USDC")
    run = replay(seen, scripted(sides("BS" * 150, 0.1)), config(numeraire="USDC"))
    opening = run.opening[0] / 1e18 + run.opening[1] / 1e18 * seen.price[0]
    assert opening * rate[0] == pytest.approx(10_000.0, rel=1e-9)  # the default counts in the numeraire
    told = {name: one for name, one in analyse(run).estimates.items() if name.startswith("numeraire_")}
    value = run.equity * rate
    assert told["numeraire_pnl"].value == pytest.approx(value[-1] - 10_000.0, rel=1e-9)
    assert told["numeraire_return"].value == pytest.approx(value[-1] / 10_000.0 - 1, rel=1e-9)
    highest = np.maximum.accumulate(np.concatenate([[10_000.0], value]))
    assert told["numeraire_max_drawdown"].value == pytest.approx(np.max(1 - value / highest[1:]), rel=1e-9)
    costs = analyse(run).attribution.in_quote()
    quote = sum(costs[name] for name in ("fee", "impact", "mev", "gas", "reverts"))
    assert told["numeraire_costs"].value == pytest.approx(quote * np.median(rate), rel=0.02)
    # Against holding it is the same in every currency.
    excess = (1 + told["numeraire_return"].value) / (1 + told["numeraire_hold_return"].value) - 1
    assert excess == pytest.approx(analyse(run).estimates["excess_return"].value, abs=1e-12)


def test_without_a_numeraire_it_is_undefined_and_not_zero(short_tape, sides, scripted):
    run = replay(short_tape, scripted(sides("H" * 300)))
    told = analyse(run).estimates["numeraire_pnl"]
    assert told.value is None
    assert told.undefined_because == "the run has no numeraire beside the quote"


@pytest.mark.parametrize(
    ("capital", "value"), [({"quote_value": 3.0}, None), ({"value": 500.0}, 500.0), ({"base_share": 0.2}, 10_000.0)]
)
def test_capital_that_somebody_gave_is_kept(uni, capital, value):
    resolved = config(numeraire="UNI", capital=capital).on(uni.pool)
    assert resolved.capital.value == value
    assert ReplayConfig.parse(resolved.model_dump(), where="test").on(uni.pool) == resolved


# What is said before time is spent.


def test_too_much_capital_for_the_pool_is_said(uni, short_tape):
    assert cautions(short_tape, config()) == []
    (line,) = cautions(uni, config(capital={"quote_value": 1e5}))
    assert line.startswith(
        "the capital is large for this pool: an order of 5% of one side (2,500 WETH) moves the price by "
    )
    fitting = float(line.split("capital.quote_value = ")[1].split()[0])
    assert 100 < fitting < 10_000
    assert cautions(uni, config(capital={"quote_value": fitting})) == []


def test_a_chain_that_nobody_named_is_said(make_frame):
    frame = make_frame([2500.0] * 5, liquidity=[10**21] * 5)
    assert frame.pool.chain == "unknown"
    (line,) = cautions(frame, config())
    assert line == (
        "the pool's metadata names no chain: gas at 1 gwei, paid in ETH, and blocks of 12 s are assumed "
        "(known are ethereum, arbitrum, base, optimism)"
    )
    assert cautions(frame, config(frictions={"chain": "ethereum"})) == []
    assert cautions(frame, config(frictions={"gas": {"flat_quote": 1.0}})) == []
    (line,) = cautions(replace(frame, pool=frame.pool.model_copy(update={"chain": "base"})), config())
    assert line.startswith("base also charges for publishing on the chain below: none is counted")


def test_a_filter_that_takes_nearly_all_wishes_is_said(short_tape, run_of, sides):
    filters = ["liquidity_impact:1e-9", "confidence_threshold:0.1"]
    run = run_of(short_tape, sides("BS" * 150, 0.1), config(risk={"filters": filters}))
    (line,) = refusals(run)
    assert line.startswith("filter liquidity_impact (maximum_bps 1e-9) refuses ")
    assert "of 300 wishes to trade: impact_bps there is " in line
    run = run_of(short_tape, sides("BS" * 150, 0.1), config(risk={"filters": ["liquidity_impact:1e9"]}))
    assert refusals(run) == []

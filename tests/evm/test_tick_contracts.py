"""Ticks of prices and prices of ticks, as v3's pool and v4's TickMath have them."""

from random import Random

import pytest

pytest.importorskip("pyrevm", reason="pyrevm is not installed")
pytest.importorskip("eth_abi", reason="eth-abi (web3) is not installed")

from artifacts import creation_code
from chain import ProcessChain, Reverted, answer, call_data
from v3 import MAX_SQRT_PRICE, MIN_SQRT_PRICE, V3Contracts

from rook_bench.core.exact import ExactInts
from rook_bench.execution.ticks import (
    MAX_TICK,
    MIN_TICK,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
    ticks_at_sqrt_prices,
)
from rook_bench.ingest.abi import decode_log

pytestmark = pytest.mark.usefixtures("contracts")


def _prices(random, count):
    """Prices over all magnitudes, and those of ticks with both neighbours; both ends."""
    prices = [MIN_SQRT_PRICE, MIN_SQRT_PRICE + 1, MAX_SQRT_PRICE - 1, 2**96 - 1, 2**96, 2**96 + 1]
    for _ in range(count):
        prices.append(int(2 ** random.uniform(32.01, 159.99)))
        at_tick = sqrt_price_at_tick(random.randint(MIN_TICK + 1, MAX_TICK - 1))
        prices += [at_tick - 1, at_tick, at_tick + 1]
    return prices


def test_v3_ticks_of_prices():
    """A pool's own tick after initialize()."""
    chain = ProcessChain()
    pool = V3Contracts(chain).create_pool(500, 10)

    def tick(price):
        (log,) = chain.rehearse(pool, call_data("initialize(uint160)", price)).logs
        return decode_log(*log)["tick"]

    prices = _prices(Random(1), 3000)
    theirs = [tick(price) for price in prices]
    assert [tick_at_sqrt_price(price) for price in prices] == theirs
    assert ticks_at_sqrt_prices(ExactInts.of(prices)).tolist() == theirs
    assert (theirs[0], theirs[2]) == (MIN_TICK, MAX_TICK - 1)
    for price in (0, MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE, 2**160 - 1):
        with pytest.raises(Reverted):
            tick(price)
        with pytest.raises(ValueError, match="sqrt price"):
            tick_at_sqrt_price(price)


def test_v4_ticks_and_prices():
    chain = ProcessChain()
    contract = chain.deploy(creation_code("V4TickMath"))
    random = Random(2)
    ticks = [
        MIN_TICK,
        MIN_TICK + 1,
        -1,
        0,
        1,
        MAX_TICK - 1,
        MAX_TICK,
        *(random.randint(MIN_TICK, MAX_TICK) for _ in range(20_000)),
    ]
    for tick in ticks:
        theirs = answer(chain, contract, "getSqrtPriceAtTick(int24)", tick, returns=["uint160"])
        assert (sqrt_price_at_tick(tick),) == theirs, tick
    for price in _prices(random, 3000):
        theirs = answer(chain, contract, "getTickAtSqrtPrice(uint160)", price, returns=["int24"])
        assert (tick_at_sqrt_price(price),) == theirs, price
    for tick in (MIN_TICK - 1, MAX_TICK + 1):
        with pytest.raises(Reverted):
            answer(chain, contract, "getSqrtPriceAtTick(int24)", tick, returns=["uint160"])
        with pytest.raises(ValueError, match="tick"):
            sqrt_price_at_tick(tick)

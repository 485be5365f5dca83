"""Our pool maths and the published contracts give the same integers, whatever is asked of them."""

from random import Random

import pytest

pytest.importorskip("pyrevm", reason="pyrevm is not installed")
pytest.importorskip("eth_abi", reason="eth-abi (web3) is not installed")

from duel import REFUSED, Duel, v3_pool, v4_pool
from eth_utils import keccak
from v3 import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from v4 import DYNAMIC_FEE

from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.ticks import MAX_TICK, MIN_TICK, sqrt_price_at_tick

pytestmark = pytest.mark.usefixtures("contracts")

STEPS = 250
PLACES = {
    # sqrt price to begin at, and how many bits most liquidities have
    "middle": (2**96, 90),
    "low": (MIN_SQRT_PRICE * 3, 64),
    "high": (MAX_SQRT_PRICE // 3, 64),
    "shallow": (1234567890123456789012345678, 24),
    "deep": (2**100, 106),
}
V3_FEES = [(100, 1), (500, 10), (3000, 60), (10000, 200)]
V4_FEES = [(0, 1), (500, 10), (3000, 60), (500_000, 32767), (1_000_000, 60), (DYNAMIC_FEE, 10)]


def test_the_pool_is_the_deployed_one(contracts):
    # Every v3 pool on mainnet was made from the code with this hash; the router derives addresses from it.
    known = "e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
    assert keccak(contracts.creation_code("V3Pool")).hex() == known


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("fee", "spacing"), V3_FEES)
def test_random_operations_v3(fee, spacing, place):
    sqrt_price, bits = PLACES[place]
    duel = Duel(v3_pool(fee, spacing, sqrt_price))
    duel.walk(Random(f"v3 {fee} {place}"), STEPS, bits)
    assert min(duel.counts[kind] for kind in ("swap", "mint", "burn", "crossed", "fees", REFUSED)) >= 10, duel.counts


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("fee", "spacing"), V4_FEES)
def test_random_operations_v4(fee, spacing, place):
    sqrt_price, bits = PLACES[place]
    duel = Duel(v4_pool(fee, spacing, sqrt_price))
    duel.walk(Random(f"v4 {fee} {place}"), STEPS, bits)
    assert min(duel.counts[kind] for kind in ("swap", "mint", "burn", "fees", REFUSED)) >= 10, duel.counts


WHOLE = (-887220, 887220)
E = 10**18
SCRIPTS = {
    "there and back over word edges that nothing is initialised at": [
        ("mint", (*WHOLE, E)), ("swap", (True, 10**24, sqrt_price_at_tick(-60 * 256 * 5))),
        ("swap", (False, 10**24, sqrt_price_at_tick(60 * 256 * 5 + 7))), ("swap", (True, -(10**17), None)),
    ],
    "a swap that ends exactly on an initialised tick, then turns": [
        ("mint", (*WHOLE, E)), ("mint", (-120, 120, 3 * E)), ("swap", (True, 2**100, sqrt_price_at_tick(-120))),
        ("swap", (False, 1, None)), ("swap", (True, 2**100, sqrt_price_at_tick(-120))), ("swap", (True, 1, None)),
        ("swap", (False, 2**100, sqrt_price_at_tick(120))), ("swap", (True, 1, None)), ("burn", (-120, 120, 3 * E)),
    ],
    "a gap without liquidity": [
        ("mint", (-1200, -600, E)), ("mint", (600, 1200, E)), ("swap", (True, 10**15, None)),
        ("swap", (False, 10**16, None)), ("swap", (False, -(10**30), sqrt_price_at_tick(900))),
        ("swap", (True, 5, sqrt_price_at_tick(0))),
    ],
    "an empty pool to both ends": [
        ("swap", (True, 1, None)), ("swap", (False, -1, None)), ("swap", (False, 1, None)), ("swap", (True, 2**127, None)),
    ],
    "more than the pool holds": [
        ("mint", (-60, 60, E)), ("swap", (True, -(2**120), None)), ("swap", (False, 2**120, None)), ("swap", (True, 2**126, None)),
    ],
    "dust": [
        ("mint", (-60, 60, 1)), *(("swap", (up, sign, None)) for up in (True, False) for sign in (1, -1, 2, -2)),
        ("burn", (-60, 60, 1)),
    ],
    "as much as a tick holds": [
        ("mint", (-60, 0, "most")), ("mint", (0, 60, 1)), ("mint", (60, 120, "most")), ("mint", (-60, 60, 1)),
        ("swap", (True, 2**90, None)), ("burn", (60, 120, "most")), ("mint", (-120, 60, 1)),
    ],
    "positions that cancel at a tick": [
        ("mint", (-120, 0, E)), ("mint", (0, 120, E)), ("swap", (True, 10**16, None)), ("swap", (False, 10**17, None)),
        ("burn", (-120, 0, E)), ("swap", (True, 10**17, None)),
    ],
    "impossible orders": [
        ("mint", (-60, 60, E)), ("swap", (True, 0, None)), ("swap", (True, 1, 2**96)), ("swap", (True, 1, 2**96 + 1)),
        ("swap", (False, 1, 2**96)), ("swap", (True, 1, MIN_SQRT_PRICE)), ("swap", (False, 1, MAX_SQRT_PRICE)),
        ("mint", (60, -60, 1)), ("mint", (0, 0, 1)), ("mint", (-60, 61, 1)), ("mint", (-887280, 0, 1)),
        ("mint", (0, 887280, 1)), ("mint", (0, 60, 2**127)), ("burn", (-60, 60, E + 1)), ("burn", (-60, 120, 1)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("make", [v3_pool, v4_pool])
def test_written_sequences(make, script):
    duel = Duel(make(3000, 60, 2**96))
    duel.play(("set_protocol_fee", (4, 10)))
    most = duel.state.max_liquidity_per_tick
    accepted = 0
    for name, arguments in SCRIPTS[script]:
        accepted += duel.play((name, tuple(most if value == "most" else value for value in arguments)))
    assert accepted == 1 if script == "impossible orders" else accepted > 2
    duel.same_ticks()


@pytest.mark.parametrize("make", [v3_pool, v4_pool])
@pytest.mark.parametrize("sqrt_price", [MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1])
def test_pools_at_the_ends_of_all_prices(make, sqrt_price):
    duel = Duel(make(500, 10, sqrt_price))
    assert duel.state.tick in (MIN_TICK, MAX_TICK - 1)
    for zero_for_one in (True, False):
        duel.play(("mint", (-887270, 887270, 10**6)))
        duel.play(("swap", (zero_for_one, 1, None)))
        duel.play(("swap", (zero_for_one, -1, None)))
        duel.play(("swap", (not zero_for_one, 10**9, None)))


def test_v4_amounts_of_more_than_128_bits_are_refused():
    duel = Duel(v4_pool(500, 10, 2**96))
    duel.play(("mint", (-887270, 887270, 2**100)))
    edge = 2**127
    assert duel.play(("swap", (True, edge - 1, None)))
    assert not duel.play(("swap", (False, 2**140, None)))
    assert duel.play(("swap", (False, 2**140, 2**96)))
    duel = Duel(v4_pool(500, 10, MIN_SQRT_PRICE))
    assert not duel.play(("mint", (-887260, -887250, 2**107)))
    assert duel.play(("mint", (-887260, -887250, 2**70)))


def test_router():
    """Swaps that people send: through the published router, with and without a price limit."""
    random = Random("router")
    duel = Duel(v3_pool(3000, 60, 2**96))
    for lower, upper, liquidity in (
        (-887220, 887220, 10**18),
        (-6000, 6000, 10**19),
        (-600, 1200, 10**20),
        (60, 120, 10**18),
    ):
        duel.play(("mint", (lower, upper, liquidity)))
    partial = 0
    for _ in range(400):
        tick = duel.state.tick
        zero_for_one = tick > 4000 or (tick > -4000 and random.random() < 0.5)
        amount = random.choice((1, -1)) * random.randrange(1, int(10 ** random.uniform(0, 20)) + 1)
        distance = random.randrange(1, 400)
        limit = sqrt_price_at_tick(tick - distance if zero_for_one else tick + 1 + distance)
        limit = random.choice((None, limit))
        paid = duel.route(zero_for_one, amount, limit)
        partial += 0 < paid < abs(amount)
    assert partial > 10
    assert duel.counts["swap"] > 300


# A comparison that can't fail proves nothing.


@pytest.mark.parametrize("make", [v3_pool, v4_pool])
def test_a_step_missed_at_a_word_edge_is_noticed(make, monkeypatch):
    monkeypatch.setattr("rook_bench.execution.swap.WORD", 2**20)
    with pytest.raises(AssertionError, match="swap"):
        Duel(make(3000, 60, 2**96)).walk(Random("word"), STEPS)


@pytest.mark.parametrize("name", ["mint", "burn"])
def test_one_unit_is_noticed(name, monkeypatch):
    exact = getattr(PoolState, name)

    def one_more(state, *arguments):
        amount0, amount1 = exact(state, *arguments)
        return amount0, amount1 + 1

    monkeypatch.setattr(PoolState, name, one_more)
    with pytest.raises(AssertionError, match=name):
        Duel(v3_pool(3000, 60, 2**96)).walk(Random("unit"), STEPS)


def test_a_refusal_of_one_side_is_noticed(monkeypatch):
    exact = PoolState.mint
    monkeypatch.setattr(PoolState, "mint", lambda state, *arguments: exact(state, *arguments[:2], arguments[2] or 1))
    with pytest.raises(AssertionError, match="refused"):
        Duel(v3_pool(3000, 60, 2**96)).play(("mint", (-60, 60, 0)))

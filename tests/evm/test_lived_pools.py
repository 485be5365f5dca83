"""The pools on the real node have the history that other tests rely on, and our state follows it."""

import pytest

pytest.importorskip("web3", reason="web3 is not installed")

from rook_bench.execution.pool_state import PoolState
from rook_bench.ingest.abi import decode_log
from rook_bench.market.events import BURN, COLLECT, INITIALIZE, MINT, PROTOCOL_FEE, SWAP


@pytest.fixture(params=["anvil_pool", "anvil_pool_v4"])
def lived(request):
    return request.getfixturevalue(request.param)


def _events(lived):
    """All its events as eth_getLogs gives them, in order."""
    span = {
        "address": lived.web3.to_checksum_address(lived.pool),
        "fromBlock": lived.first_block,
        "toBlock": lived.last_block,
    }
    found = []
    for log in lived.web3.eth.get_logs(span):
        event = decode_log(
            log["address"], ["0x" + bytes(topic).hex() for topic in log["topics"]], "0x" + bytes(log["data"]).hex()
        )
        if event:
            found.append(event | {"place": (log["blockNumber"], log["logIndex"])})
    assert [event["place"] for event in found] == sorted(event["place"] for event in found)
    return found


def _counts(events):
    return {name: sum(event["event"] == name for event in events) for name in {event["event"] for event in events}}


def test_a_history_worth_fetching(lived):
    events = _events(lived)
    assert _counts(events) == dict(lived.counts)
    assert lived.counts[INITIALIZE] == 1
    assert min(lived.counts[name] for name in (SWAP, MINT, BURN)) >= 20
    if not lived.pool_id:
        assert min(lived.counts[name] for name in (COLLECT, PROTOCOL_FEE)) >= 2
    assert lived.last_block - lived.first_block >= 150
    blocks = [event["place"][0] for event in events]
    assert len(set(blocks)) < len(blocks), "no block has several"


def test_our_state_follows_the_log(lived):
    """Every swap re-priced from the events before it: amounts, price, liquidity, tick."""
    pool = lived.contract
    first, *events = _events(lived)
    state = PoolState.initialized(
        first["sqrt_price_x96"], fee_pips=pool.fee, tick_spacing=pool.spacing, protocol=pool.protocol
    )
    swaps = 0
    for event in events:
        if event["event"] in (MINT, BURN):
            change = state.mint if event["event"] == MINT else state.burn
            amounts = change(event["tick_lower"], event["tick_upper"], abs(event["liquidity_delta"]))
            if pool.protocol == "v3":
                assert amounts == (abs(event["amount0"]), abs(event["amount1"]))
        elif event["event"] == PROTOCOL_FEE:
            state.set_protocol_fee(event["fee_pips"] & 15, event["fee_pips"] >> 4)
        elif event["event"] == SWAP:
            _repriced(state, event)
            swaps += 1
    assert swaps == lived.counts[SWAP]
    assert (state.sqrt_price, state.tick) == pool.price()
    assert state.liquidity == pool.liquidity()
    for tick, both in state.ticks.items():
        assert both == pool.tick_liquidity(tick)


def _repriced(state, event):
    """The log does not say what was asked for; either reading must give what happened."""
    zero_for_one = event["amount0"] > 0 or event["sqrt_price_x96"] < state.sqrt_price
    after = (event["sqrt_price_x96"], event["liquidity"], event["tick"])
    amounts = (event["amount0"], event["amount1"])
    spent, received = amounts if zero_for_one else amounts[::-1]
    limit = event["sqrt_price_x96"]
    moved = limit != state.sqrt_price
    for amount, bound in ((spent, None), (received, None), (2**255, limit), (-(2**255), limit)):
        if amount == 0 or (bound is not None and not moved):
            continue
        ours = state.quote(zero_for_one, amount, bound, event.get("fee_pips"))
        if (ours.sqrt_price, ours.liquidity, ours.tick) == after and (ours.amount0, ours.amount1) == amounts:
            state.swap(zero_for_one, amount, bound, event.get("fee_pips"))
            return
    raise AssertionError(f"no reading gives {event}")


def test_more_is_mined_when_asked(lived):
    before, block = sum(lived.counts.values()), lived.last_block
    lived.mine_more(15)
    assert lived.last_block > block
    assert sum(lived.counts.values()) > before
    assert _counts(_events(lived)) == dict(lived.counts)

"""Real history, replayed through the pool's maths to the last unit."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest

from rook_bench.core import InputError, mapped
from rook_bench.execution.pool_state import PoolState, position_amounts
from rook_bench.ingest.events_to_frame import follow, frame_of_events, in_order
from rook_bench.ingest.log_stream import stream_events
from rook_bench.ingest.one_pool import read_logs
from rook_bench.ingest.read import read_swaps
from rook_bench.market.events import BURN, INITIALIZE, MINT, SWAP, concat, integers
from rook_bench.tapecheck import causes as misses
from rook_bench.tapecheck.check import check_tape
from rook_bench.tapecheck.repricing import known_depth, reprice, unexplained_row
from rook_bench.tapecheck.summary import calibrate

pytestmark = pytest.mark.real

ETHER = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8"


@pytest.fixture(scope="module")
def genesis(genesis_folder):
    """Events of every pool from birth, in order, and what the log says of the pools."""
    stream = stream_events([genesis_folder])
    events, repeats = in_order(concat(list(stream)))
    assert repeats == 0
    return events, stream.pools


def test_every_swap_of_every_pool_from_birth(genesis_folder):
    frames = read_logs(genesis_folder)
    found = [reprice(frame) for frame in frames]
    assert sum(len(frame) for frame in frames) == 1001
    assert sum(int(one.exact.sum()) for one in found) == 1001
    assert sum(int((one.crossed > 0).sum()) for one in found) == 92
    assert all(known_depth(frame) is not None for frame in frames)


def test_every_event_moves_the_pool_as_recorded(genesis):
    """Each pool is followed event by event, and nothing is taken from the log but what was asked of the contract."""
    events, metadata = genesis
    states: dict[str, PoolState] = {}
    swaps = liquidity = 0
    for event in events.to_pylist():
        address, kind = event["pool"], event["event"]
        exact = {name: None if event[name] is None else int(event[name]) for name in ("amount0", "amount1")}
        if kind == INITIALIZE:
            pool = metadata[address]
            states[address] = PoolState.initialized(
                int(event["sqrt_price_x96"]), fee_pips=pool.fee_pips, tick_spacing=pool.tick_spacing
            )
            assert states[address].tick == event["tick"]
            continue
        state = states[address]
        if kind in (MINT, BURN):
            delta = int(event["liquidity_delta"])
            ends = event["tick_lower"], event["tick_upper"]
            assert position_amounts(state.sqrt_price, state.tick, *ends, delta) == tuple(exact.values())
            if delta:
                state.mint(*ends, delta) if delta > 0 else state.burn(*ends, -delta)
            liquidity += 1
        elif kind == SWAP:
            recorded = (*exact.values(), int(event["sqrt_price_x96"]), event["tick"], int(event["liquidity"]))
            falls = exact["amount0"] > 0
            spent, gained = (exact["amount0"], exact["amount1"]) if falls else (exact["amount1"], exact["amount0"])
            for amount, limit in ((spent, None), (gained, None), (2**200, recorded[2])):
                quote = state.quote(falls, amount, limit)
                if (quote.amount0, quote.amount1, quote.sqrt_price, quote.tick, quote.liquidity) == recorded:
                    state.swap(falls, amount, limit)
                    break
            else:
                pytest.fail(f"swap {event['block']}/{event['log_index']} of {address} does not come out")
            swaps += 1
    assert (swaps, liquidity) == (1001, 987)


def test_following_the_log_ends_where_the_pool_did(genesis):
    events, metadata = genesis
    own = events.filter(pc.equal(events["pool"], ETHER))
    state = follow(None, own, metadata[ETHER])
    last = own.filter(pc.equal(own["event"], SWAP)).slice(106, 1).to_pylist()[0]
    assert state.sqrt_price == int(last["sqrt_price_x96"])
    assert state.map.active(state.tick) == state.liquidity


def test_a_mint_that_is_taken_out_is_missed_where_it_is_met(genesis):
    events, metadata = genesis
    own = events.filter(pc.equal(events["pool"], ETHER))
    kinds = own["event"].to_pylist()
    deltas = integers(own["liquidity_delta"])
    # The largest mint before the first swap that nobody burns.
    mints = [place for place, kind in enumerate(kinds) if kind == MINT and place < kinds.index(SWAP)]
    burned = {(event["tick_lower"], event["tick_upper"]) for event in own.to_pylist() if event["event"] == BURN}
    rows = own.to_pylist()
    mints = [place for place in mints if (rows[place]["tick_lower"], rows[place]["tick_upper"]) not in burned]
    largest = max(mints, key=lambda place: deltas[place])
    cut = own.take([place for place in range(len(own)) if place != largest])
    found = calibrate(frame_of_events(cut, metadata[ETHER], source="cut"))
    assert found.tick_map == "contradicted"
    assert found.exact < found.testable
    assert found.first_break["reason"] in (misses.UNSEEN, misses.UNEXPLAINED, misses.MISSING)


def test_a_map_is_not_called_whole_where_a_swap_ran_through_a_lost_position(genesis):
    """Also where the liquidity after every swap adds up: each mint of the busiest pools is taken out in turn."""
    events, metadata = genesis
    through = 0
    for address in (ETHER, "0x2efec2097beede290b2eed63e2faf5ecbbc528fc", "0x4e68ccd3e89f51c3074ca5072bbac773960dfa36"):
        own = events.filter(pc.equal(events["pool"], address))
        for place, kind in enumerate(own["event"].to_pylist()):
            if kind != MINT:
                continue
            cut = own.take([other for other in range(len(own)) if other != place])
            try:
                frame = frame_of_events(cut, metadata[address], source="cut")
            except InputError:
                continue  # a later burn gives it away
            lost = {misses.UNSEEN, misses.UNEXPLAINED} & set(reprice(frame).reasons.values())
            if lost:
                assert known_depth(frame) is None
                assert calibrate(frame).contradicted_at is not None
                through += unexplained_row(frame) is None
    assert through > 0


def equal_pairs(frame):
    """Swaps that met the liquidity they left, and moved the price."""
    liquidity, price = frame.liquidity.limbs, frame.sqrt_price_x96.limbs
    same = (liquidity[1:] == liquidity[:-1]).all(axis=1) & ~(price[1:] == price[:-1]).all(axis=1)
    return np.concatenate([[False], same])


@pytest.mark.parametrize(
    ("pool", "pairs", "exact", "missed", "testable"),
    [("0x88e6", 5403, 5402, [1700], 5480), ("0x8ad5", 234, 234, [], 244)],
)
def test_a_day_of_the_main_pools(day_folder, pool, pairs, exact, missed, testable):
    frame = read_swaps(next(day_folder.glob(f"*{pool}*.raw.csv")))
    equal = equal_pairs(frame)
    assert equal.sum() == pairs
    bare = reprice(replace(frame, history=None))
    assert (equal & bare.exact).sum() == exact
    assert np.flatnonzero(equal & ~bare.exact).tolist() == missed
    # With the mints and burns of the log applied, the just-in-time one among them, nothing is missed.
    found = reprice(frame)
    assert (equal & found.exact).sum() == pairs
    assert found.exact.sum() == found.testable.sum() == testable


def test_the_kinds_of_a_days_swaps(day_frame):
    found = reprice(replace(day_frame, history=None))
    assert found.by_kind()["exact input"] == 4708


def test_parts_of_a_tape_re_price_as_the_whole(genesis_folder, monkeypatch):
    """Nine rows at a time, each from the state that the part before it left, over every crossing of a tick."""
    wholes = [(check_tape(frame), reprice(frame), known_depth(frame)) for frame in read_logs(genesis_folder)]
    monkeypatch.setattr(mapped, "PART", 9)
    monkeypatch.setattr(mapped, "MAPPED_FROM", 200)
    for frame, (check, priced, depth) in zip(read_logs(genesis_folder), wholes, strict=True):
        again = reprice(frame)
        assert check_tape(frame).to_json() == check.to_json()
        assert np.array_equal(again.kind, priced.kind)
        assert np.array_equal(again.crossed, priced.crossed)
        assert again.error_units.tobytes() == priced.error_units.tobytes()
        assert (known_depth(frame) is None) == (depth is None)

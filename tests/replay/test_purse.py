"""One purse over several pools: every unit once, in the order in which things happened."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rook_bench.core import ConfigError, InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.core.hashing import sealed
from rook_bench.market.pool import Token
from rook_bench.market.simulation.simulate import simulate
from rook_bench.metrics import Clock
from rook_bench.metrics.purse import PurseAnalysis, difference
from rook_bench.plugins import decision_source
from rook_bench.replay import LedgerError, ReplayConfig, replay
from rook_bench.replay.orders import AMOUNTS
from rook_bench.replay.purse import replay_purse, without
from rook_bench.replay.purse.clock import MergedClock
from rook_bench.replay.purse.coins import coins_of
from rook_bench.replay.purse.ledger import reconcile_purse
from rook_bench.replay.purse.saved import RECORD, load_purse, save_purse
from rook_bench.sources import Source

pytestmark = pytest.mark.usefixtures("few_places")

ROWS = 150
UNI = Token(symbol="UNI", decimals=18)
MOVED = ("row", "landing_row", "side", "outcome", "crossed")


@pytest.fixture(scope="module")
def pools():
    """WETH/USDC, UNI/USDC and WETH/USDC again: USDC is in all of them, WETH in two."""
    frames = [simulate(ROWS, np.random.default_rng(seed)) for seed in (1, 2, 3)]
    changed = [{}, {"token1": UNI}, {}]
    return [
        replace(
            frame,
            pool=frame.pool.model_copy(update={"address": f"0x{place}"} | change),
            # Pools of one chain: no two log at one place, and a block has one time.
            log_index=frame.log_index * 3 + place,
            at=np.datetime64("2025-01-01", "ns") + (frame.block - 21_525_000) * np.timedelta64(12, "s"),
        )
        for place, (frame, change) in enumerate(zip(frames, changed, strict=True))
    ]


def source(decide, content="all in"):
    """A source of one's own that decides all rows of a tape together; other contents are other sources."""
    with decision_source.isolated():

        @decision_source(whole_tape=True, name="told", content=lambda: content)
        def told():
            """Decisions made up by a test."""
            return decide

        return Source.parse("told")


def drawn(seed):
    """Decisions that are drawn by the price, so that they are the same on every part of a tape."""
    table = np.random.default_rng(seed).choice([Side.BUY, Side.HOLD, Side.SELL], 4096, p=[0.35, 0.3, 0.35])

    def decide(view):
        place = np.asarray(view["price"]).view(np.uint64) * np.uint64(2654435761) >> np.uint64(20)
        return DecisionTape.from_sides(table[place % 4096], 0.4, slippage_bps=5000.0, deadline_s=1e6, confidence=0.9)

    return source(decide, str(seed))


def same(one, other, names=AMOUNTS):
    plain = all((getattr(one, name) == getattr(other, name)).all() for name in MOVED)
    return plain and all((getattr(one, name).limbs == getattr(other, name).limbs).all() for name in names)


CONFIGS = {
    "plain": {},
    "limits": {"risk": {"filters": ["position_limit:0.6", "trades_per_day:30", "cooldown:20"]}},
    "small": {"risk": {"filters": ["pool_limit:0.1", "exposure_limit:0.55"]}, "frictions": {"latency": {"swaps": 4}}},
    "stopped": {"risk": {"filters": ["drawdown_stop:0.0005"]}},
    "sandwiched": {"frictions": {"mev": "typical"}},
    "late": {"frictions": {"latency": {"seconds": 30.0}}},
    "at once": {"frictions": {"latency": {"swaps": 0}}},
    "poor": {"capital": {"quote_value": 3.0}, "frictions": {"gas": {"gwei": 500.0}}},
    "partial": {"frictions": {"on_slippage": "partial"}, "risk": {"max_slippage_bps": 1.0}},
}


@pytest.mark.parametrize("assumed", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("known", [True, False])
def test_a_purse_of_one_pool_is_a_run(pools, assumed, known):
    frame = pools[0] if known else replace(pools[0], history=None)
    config = ReplayConfig.model_validate(assumed)
    run, purse = (function(tape, drawn(5), config) for function, tape in ((replay, frame), (replay_purse, [frame])))
    assert purse.opening == run.opening
    assert len(run.orders) > 50
    assert same(run.orders, purse.legs[0].orders, (*AMOUNTS, "sqrt_after"))
    assert (run.orders.rejected_by == purse.legs[0].orders.rejected_by).all()
    sampled = PurseAnalysis(purse, Clock(bucket_s=60))
    rows = np.searchsorted(frame.at, sampled.at[1:], side="right") - 1
    np.testing.assert_allclose(sampled.equity[1:], run.equity[rows], rtol=1e-12)
    np.testing.assert_allclose(sampled.hold[1:], run.hold_equity[rows], rtol=1e-12)


@st.composite
def assumptions(draw):
    filters = {
        "position_limit": 0.55,
        "pool_limit": 0.1,
        "exposure_limit": 0.5,
        "trades_per_day": 20,
        "cooldown": 30,
        "drawdown_stop": 0.01,
    }
    names = draw(st.lists(st.sampled_from(sorted(filters)), unique=True))
    return {
        "capital": {
            "quote_value": draw(st.sampled_from([5.0, 1e4, 1e7])),
            "base_share": draw(st.sampled_from([0, 0.5])),
        },
        "risk": {
            "filters": [f"{name}:{filters[name]}" for name in names],
            "max_order_value": draw(st.sampled_from([None, 40.0])),
        },
        "frictions": {
            "latency": draw(st.sampled_from([{"swaps": 0}, {"swaps": 3}, {"blocks": 2}, {"seconds": 40.0}])),
            "gas": {"gwei": draw(st.sampled_from([0.0, 5.0, 900.0]))},
            "mev": draw(st.sampled_from(["none", "worst"])),
        },
    }


@given(st.integers(0, 10**6), assumptions(), st.integers(1, 3))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_unit_of_every_token_is_accounted_for(pools, seed, assumed, count):
    run = replay_purse(pools[:count], drawn(seed), ReplayConfig.model_validate(assumed))
    balances = list(run.opening)
    for place, leg in enumerate(run.legs):
        coins = run.coins.quote[place], run.coins.base[place]
        for order in leg.landed:
            spent = order.taken + order.fee
            balances[coins[0]] += (-spent if order.buys else order.out) - order.gas_quote
            balances[coins[1]] += (order.out if order.buys else -spent) - order.gas_base
    assert tuple(balances) == run.closing
    assert min(balances) >= 0
    sampled = PurseAnalysis(run, Clock(bucket_s=60))
    np.testing.assert_allclose(sampled.equity, sampled.hold + sampled.by_pool.sum(axis=1), rtol=1e-9, atol=1e-9)


def test_nothing_is_spent_twice(pools):
    """Two pools that are both told to buy with everything: the second finds what the first has reserved."""
    latest = max(frame.at[3] for frame in (pools[0], pools[2]))

    @source
    def all_in(view):
        side = np.where(np.asarray(view["at"]) <= latest, Side.BUY, Side.HOLD)
        return DecisionTape.from_sides(side, 1.0, slippage_bps=9999.0, deadline_s=1e6, confidence=1.0)

    config = ReplayConfig(frictions={"gas": {"gwei": 0.0}, "latency": {"swaps": 5}})
    alone = [replay(frame, all_in, config) for frame in (pools[0], pools[2])]
    run = replay_purse([pools[0], pools[2]], all_in, config)
    spent = sum((leg.orders.paid.to_floats() + leg.orders.fee.to_floats()).sum() for leg in run.legs)
    assert spent == pytest.approx(run.opening[0], abs=1)
    twice = sum((one.orders.paid.to_floats() + one.orders.fee.to_floats()).sum() for one in alone)
    assert twice == pytest.approx(2 * run.opening[0], rel=1e-6)
    # The first order takes what is there; one more what the other pool's share brings; then there is nothing.
    assert sum(int(leg.orders.sent.sum()) for leg in run.legs) == 2
    assert sum(len(leg.orders) for leg in run.legs) > 4


@pytest.mark.parametrize("latency", [{"swaps": 0}, {"swaps": 6}])
def test_limits_in_all_and_by_pool_hold_over_the_whole_purse(pools, latency):
    """Of ether and the other token together, and of what each pool's orders built up, whichever is bought where."""

    def run_with(*filters):
        frictions = {"gas": {"gwei": 0.0}, "latency": latency}
        return replay_purse(pools, drawn(5), ReplayConfig(risk={"filters": list(filters)}, frictions=frictions))

    def exposed(run):
        values = run.balances[1:] * run.rates_at(run.timeline[2])
        came_in = int(np.flatnonzero(run.timeline[1] < 0)[-1])  # the last pool's share
        return (values[:, ~run.coins.quiet].sum(axis=1) / values.sum(axis=1))[came_in:]

    def built(run):
        at = run.timeline[2]
        rates = run.rates_at(at)
        total = (run.balances_at(at) * rates).sum(axis=1) + run.came_in_at(at)[1]
        bases = enumerate(run.coins.base)
        return max(np.abs(run.flows_at(leg, at)[:, 1] * rates[:, base] / total).max() for leg, base in bases)

    free, less, small = run_with(), run_with("exposure_limit:0.55"), run_with("pool_limit:0.1")
    assert exposed(free).max() > 0.6
    assert exposed(less).max() < 0.56  # prices move between the order and the next
    assert {"exposure_limit"} <= set(np.concatenate([leg.orders.rejected_by for leg in less.legs]).tolist())
    assert built(free) > 0.15
    assert built(small) < 0.105
    assert {"pool_limit"} <= set(np.concatenate([leg.orders.rejected_by for leg in small.legs]).tolist())


def test_with_more_than_enough_the_purse_is_the_runs_added_up(pools):
    config = ReplayConfig(
        capital={"quote_value": 1e9},
        risk={"sizer": "fixed:1", "max_order_value": 250.0},
        frictions={"gas": {"gwei": 3.0}},
    )
    run = replay_purse(pools, drawn(9), config)
    priced = [leg.frame for leg in run.legs]  # with the price of ether, which one of the pools does not know
    singles = [replay(frame, drawn(9), config) for frame in priced]
    names = tuple(name for name in AMOUNTS if name not in ("cash", "base"))
    assert all(same(leg.orders, one.orders, names) for leg, one in zip(run.legs, singles, strict=True))
    assert sum(len(one.orders) for one in singles) > 200
    offered = singles[0].orders.amount_in[singles[0].orders.buys].to_floats(10**6)
    assert (offered == 250.0).all()


@given(st.integers(0, 10**6), st.integers(30, ROWS - 10))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_comes_later_changes_nothing(pools, seed, cut):
    """All tapes cut at one moment: orders are what they were until one of them would land behind the cut."""
    config = ReplayConfig(frictions={"latency": {"swaps": 1}, "gas": {"gwei": 3.0}})
    moment = pools[0].at[cut]
    rows = [int(np.searchsorted(frame.at, moment, side="right")) for frame in pools]
    whole = replay_purse(pools, drawn(seed), config)
    past = replay_purse([frame[:stop] for frame, stop in zip(pools, rows, strict=True)], drawn(seed), config)
    assert past.opening == whole.opening
    last = min(frame.at[stop - 1] for frame, stop in zip(pools, rows, strict=True))
    for before, leg in zip(past.legs, whole.legs, strict=True):
        # What is decided on a pool's last row can't land, and reserves nothing any more.
        known = np.flatnonzero((leg.orders.landing_row >= 0) & (leg.frame.at[leg.orders.landing_row] < last))
        assert same(before.orders.rows(known), leg.orders.rows(known))


def test_the_purse_is_the_same_whatever_the_pools_order(pools):
    config = ReplayConfig(frictions={"gas": {"gwei": 0.0}})
    # Of the two that tell what ether costs the first named one is asked.
    one, other = (replay_purse(frames, drawn(3), config) for frames in (pools, [pools[1], pools[0], pools[2]]))
    assert one.clock.by_block
    assert all(same(one.legs[mine].orders, other.legs[theirs].orders) for mine, theirs in ((0, 1), (1, 0), (2, 2)))


def test_pools_that_tell_other_times_of_a_block_are_ordered_by_time(pools):
    late = replace(pools[1], at=pools[1].at + np.timedelta64(7, "s"))
    run = replay_purse([pools[0], late], drawn(3), ReplayConfig())
    assert MergedClock(pools).by_block
    assert not run.clock.by_block
    assert (np.diff(run.timeline[2].astype(np.int64)) >= 0).all()


def test_nothing_is_spent_before_it_is_there(make_frame):
    """A slow pool's last swap was before the order: what it brings comes when it lands, and another pool waits for it."""
    fast = make_frame([2000.0] * 40, seconds=np.arange(40) * 30.0 + 1)
    slow = make_frame([2000.0] * 3, seconds=np.arange(3) * 590.0)
    frames = [
        replace(frame, pool=frame.pool.model_copy(update={"address": name}))
        for frame, name in ((slow, "slow"), (fast, "fast"))
    ]

    def told(view):
        buys = len(view) <= 3
        side = np.full(len(view), Side.BUY if buys else Side.SELL)
        return DecisionTape.from_sides(side, 1.0, slippage_bps=9999.0, deadline_s=1e6, confidence=1.0)

    config = ReplayConfig(capital={"base_share": 0.0}, frictions={"latency": {"seconds": 300.0}, "gas": {"gwei": 0.0}})
    run = replay_purse(frames, source(told, "slow and fast"), config)
    bought = run.legs[0].orders
    assert bought.landing_row[0] == bought.row[0] == 0  # it meets the state of the swap that it was decided on
    sells = run.legs[1].orders
    first = int(np.flatnonzero(sells.sent)[0])
    assert (fast.at[sells.row[first]] - slow.at[0]) >= np.timedelta64(300, "s")
    assert not sells.amount_in[:first].to_floats().any()


def test_the_capital_does_not_know_when_another_pool_begins(pools):
    """What a pool's orders are before another one's first swap does not depend on when that is."""
    config = ReplayConfig(frictions={"gas": {"gwei": 0.0}})
    until = pools[0].at[-1] + np.timedelta64(60, "s")
    late, later = (
        replace(pools[1], at=pools[1].at - pools[1].at[0] + until + np.timedelta64(wait, "s")) for wait in (1, 86_400)
    )
    one, other = (replay_purse([pools[0], tape], drawn(2), config) for tape in (late, later))
    assert same(one.legs[0].orders, other.legs[0].orders)
    assert one.shares[0] == other.shares[0]
    assert one.opening == other.opening
    sampled = PurseAnalysis(one, Clock(bucket_s=60))
    assert sampled.equity[0] == pytest.approx(10_000.0, rel=1e-6)
    before = sampled.at < late.at[0]
    held, waiting = one.came_in_at(sampled.at)
    assert waiting[before] == pytest.approx(5_000.0, rel=1e-6)
    assert not waiting[~before].any()
    assert not held[before][:, 2].any()


def test_a_pool_left_out_is_a_purse_without_its_orders(pools):
    run = replay_purse(pools, drawn(4), ReplayConfig(frictions={"gas": {"gwei": 1.0}}))
    for leg in range(3):
        quiet = without(run, leg)
        reconcile_purse(quiet)
        assert not quiet.legs[leg].orders.sent.any()
        assert quiet.opening == run.opening
    assert PurseAnalysis(run, Clock()).left_out.shape == (3,)


@pytest.mark.parametrize("name", ["out", "cash", "gas_quote", "quoted"])
def test_a_unit_too_many_is_found(pools, name):
    run = replay_purse(pools[:2], drawn(1), ReplayConfig())
    leg = run.legs[1]
    place = int(np.flatnonzero(leg.orders.filled)[3])
    values = list(getattr(leg.orders, name))
    values[place] += 1
    tampered = replace(leg, orders=replace(leg.orders, **{name: ExactInts.of(values)}))
    with pytest.raises(LedgerError, match=r"UNI/USDC|maths"):
        reconcile_purse(replace(run, legs=(run.legs[0], tampered)))


def test_money_from_nowhere_is_found(pools):
    run = replay_purse(pools[:2], drawn(1), ReplayConfig())
    with pytest.raises(LedgerError, match="balances don't follow"):
        reconcile_purse(replace(run, shares=(replace(run.shares[0], quote=run.shares[0].quote + 1), run.shares[1])))


def test_it_is_saved_and_comes_out_again(pools, tmp_path):
    config = ReplayConfig(risk={"filters": ["cooldown:20"]}, frictions={"gas": {"gwei": 1.0}})
    run = replace(replay_purse(pools, drawn(6), config), label="mine")
    save_purse(run, tmp_path)
    again = load_purse(tmp_path)
    assert (again.run_hash, again.label, again.closing) == (run.run_hash, "mine", run.closing)
    assert all(same(mine.orders, theirs.orders) for mine, theirs in zip(run.legs, again.legs, strict=True))
    assert again.numeraire == run.numeraire == "USDC"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: facts.update(version=99), "another version"),
        (lambda facts: facts["shares"][0].update(quote="9"), "other orders"),
        (lambda facts: facts["shares"].pop(), "lacks a pool's share"),
        (lambda facts: facts["legs"][0]["files"].pop("orders.parquet"), "names other files"),
        (lambda facts: facts["legs"][0].pop("tape"), "lacks or garbles"),
        (lambda facts: facts.update(legs=3), "lacks or garbles"),
        (lambda facts: facts["legs"][0].update(folder="../.."), "lies elsewhere"),
    ],
)
def test_a_record_that_was_made_up_is_refused(pools, tmp_path, change, message):
    save_purse(replay_purse(pools[:2], drawn(6), ReplayConfig()), tmp_path)
    facts = json.loads((tmp_path / RECORD).read_text())
    del facts["seal"]
    change(facts)
    (tmp_path / RECORD).write_text(json.dumps(facts))
    with pytest.raises(InputError, match=r"changed after|another version"):
        load_purse(tmp_path)
    (tmp_path / RECORD).write_text(json.dumps(sealed(facts, "seal")))
    with pytest.raises(InputError, match=message):
        load_purse(tmp_path)


def test_the_numeraire_is_found_or_asked_for(pools):
    assert coins_of(pools).all[coins_of(pools).numeraire].token.symbol == "USDC"
    in_ether = replay_purse(pools, drawn(2), ReplayConfig(numeraire="ETH"))
    assert in_ether.numeraire == "WETH"
    rates = in_ether.rates_at(pools[0].at[-1:])[0]
    assert rates[in_ether.coins.all.index(in_ether.coins.all[in_ether.coins.numeraire])] == 1.0
    assert rates[0] == pytest.approx(1 / pools[0].price[-1])
    with pytest.raises(ConfigError, match=r"no pool of the purse trades DOGE"):
        replay_purse(pools, drawn(2), ReplayConfig(numeraire="DOGE"))


def test_a_token_that_no_pool_joins_has_no_price(pools):
    apart = replace(
        pools[1],
        pool=pools[1].pool.model_copy(update={"token0": Token(symbol="ABC", decimals=6), "token1": UNI}),
    )
    with pytest.raises(ConfigError, match="no chain of pools tells what"):
        replay_purse([pools[0], apart], drawn(2), ReplayConfig())
    with pytest.raises(ConfigError, match="there twice"):
        replay_purse([pools[0], pools[0]], drawn(2), ReplayConfig())


def test_one_coin_on_two_chains_is_two_balances_of_one_price(pools):
    there = replace(pools[2], pool=pools[2].pool.model_copy(update={"chain": "elsewhere"}))
    run = replay_purse([pools[0], there], drawn(2), ReplayConfig(frictions={"gas": {"gwei": 0.0}}))
    assert not run.clock.by_block
    assert run.coins.names == ("USDC on simulated", "WETH on simulated", "USDC on elsewhere", "WETH on elsewhere")
    rates = run.rates_at(pools[0].at[-1:])[0]
    assert rates[0] == rates[2] == 1.0


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=8), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_times_that_are_the_same_keep_each_pool_s_order(make_frame, steps):
    frames = []
    for gaps in steps:
        at = np.datetime64("2025-01-01", "ns") + np.cumsum(gaps).astype("timedelta64[s]")
        frames.append(replace(make_frame([2000.0] * len(gaps)), at=at, block=None, log_index=None))
    clock = MergedClock(frames)
    order = sorted(
        (clock.moments(leg, np.array([row]))[0], leg, row) for leg, gaps in enumerate(steps) for row in range(len(gaps))
    )
    for place, (moment, leg, row) in enumerate(order):
        for other in range(len(steps)):
            before = [entry[2] for entry in order[: place + 1] if entry[1] == other]
            found = clock.rows_at(np.array([moment]), np.array([leg]), other)[0]
            assert found == max(before, default=-1) or other == leg  # its own row is known
        assert row >= 0


def test_what_no_tape_covers_is_nobodys_return(pools):
    """Planted: a hole in one tape that the other covers is none; one in both is left out of every return."""
    frames = [frame[:] for frame in pools[:2]]
    clock, config = Clock(bucket_s=60), ReplayConfig()
    whole = PurseAnalysis(replay_purse(frames, "hold", config), clock)
    assert whole.known.all()
    middle = [len(frame) // 2 for frame in frames]

    def late(frame, row, hours):
        at = frame.at.copy()
        at[row:] += np.timedelta64(hours, "h")
        return replace(frame, at=at, block=None, breaks=(row,))

    one = PurseAnalysis(replay_purse([late(frames[0], middle[0], 30), frames[1]], "hold", config), clock)
    holed = [late(frame, row, 30) for frame, row in zip(frames, middle, strict=True)]
    both = PurseAnalysis(replay_purse(holed, "hold", config), clock)
    before = max(frame.at[row - 1] for frame, row in zip(holed, middle, strict=True))
    after = min(frame.at[row] for frame, row in zip(holed, middle, strict=True))
    inside = (both.at > before) & (both.at < after)
    assert not inside.any()
    assert (~both.known).sum() == 1
    assert len(both.returns) == len(both.gains) == both.known.sum() == len(both.at[both.inner]) - 2
    assert len(both.at) < len(whole.at) + 10  # the hole alone is 1,800 buckets
    assert difference(both, both).n == both.known.sum()
    covered = one.at[(one.at > frames[0].at[middle[0] - 1]) & (one.at < frames[1].at[-1])]
    assert len(covered) > 1  # the other pool's tape goes on there

"""What each source decides."""

import json

import numpy as np
import pytest

from rook_bench.core import ConfigError, InputError, Side, UnknownName
from rook_bench.market.simulation.simulate import simulate
from rook_bench.replay import ReplayConfig, replay
from rook_bench.sources.decide import Source

FREE = {"frictions": {"gas": {"gwei": 0.0}, "fee_pips": 0}}


def ask(reference, frame, seed=0):
    return Source.parse(reference).ask(frame, seed)


def test_hold_and_always_buy(short_tape):
    assert ask("hold", short_tape).counts() == {"BUY": 0, "HOLD": 300, "SELL": 0}
    buys = ask("always-buy:0.2", short_tape)
    assert buys.counts()["BUY"] == 300
    assert set(buys.size) == {0.2}


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_random_trades_at_its_rate_both_ways_alike(rate):
    frame = simulate(4000, np.random.default_rng(0))
    counts = ask(f"random:{rate}", frame).counts()
    acting = counts["BUY"] + counts["SELL"]
    # Four standard deviations of a binomial count.
    assert abs(acting - 4000 * rate) <= 4 * np.sqrt(4000 * rate * (1 - rate))
    assert abs(counts["BUY"] - counts["SELL"]) <= 4 * np.sqrt(max(acting, 1))


def test_random_needs_only_its_seed(short_tape):
    same, again, other = (ask("random:0.4", short_tape, seed) for seed in (5, 5, 6))
    assert same.to_bytes() == again.to_bytes() != other.to_bytes()


def test_momentum_follows_the_move(make_frame):
    frame = make_frame([100.0, 100.1, 101.0, 100.9, 99.0])
    tape = ask("momentum:lookback=2,threshold_bps=50,size=0.3", frame)
    assert [Side(code).name for code in tape.side] == ["HOLD", "HOLD", "BUY", "BUY", "SELL"]
    assert tape.reason.tolist() == ["flat", "flat", "rise", "rise", "fall"]
    assert tape.size.tolist() == [0.0, 0.0, 0.3, 0.3, 0.3]


def test_momentum_longer_than_the_tape(make_frame):
    assert ask("momentum:lookback=50", make_frame([100.0, 120.0])).action_rate == 0.0


def test_labels_come_back_as_they_were_given(make_frame):
    labels = {
        "label_side": np.array(["BUY", "HOLD", "SELL"], dtype=object),
        "label_size": np.array([0.1, 0.0, 0.2]),
        "label_slippage_bps": np.array([10.0, 20.0, 30.0]),
        "label_deadline_s": np.array([60.0, 60.0, 90.0]),
        "label_rule": np.array(["A", "B", "C"], dtype=object),
    }
    tape = ask("labels", make_frame([100.0] * 3, labels=labels))
    assert tape.side.tolist() == [Side.BUY, Side.HOLD, Side.SELL]
    assert tape.size.tolist() == [0.1, 0.0, 0.2]
    assert tape.slippage_bps.tolist() == [10.0, 20.0, 30.0]
    assert tape.reason.tolist() == ["A", "B", "C"]
    assert np.isnan(tape.confidence).all()


def test_labels_where_there_are_none(short_tape):
    with pytest.raises(InputError, match="carries no labels"):
        ask("labels", short_tape)


def test_rules_from_a_file(short_tape, tmp_path):
    strict, loose = tmp_path / "strict.json", tmp_path / "loose.json"
    base = {
        "active_hours_start": 0,
        "active_hours_end": 23,
        "min_volatility_threshold": 0.0,
        "max_liquidity_impact": 1e9,
    }
    strict.write_text(json.dumps(base | {"mr_price_deviation_threshold": 0.5, "breakout_price_momentum": 0.5}))
    loose.write_text(
        json.dumps(base | {"mr_price_deviation_threshold": 1e-6, "mr_volume_multiplier": 0.0, "mr_position_size": 0.07})
    )
    assert ask(f"rules:{strict}", short_tape).action_rate == 0.0
    tape = ask(f"rules:{loose}", short_tape)
    assert tape.action_rate > 0.9
    assert set(tape.size[tape.size > 0]) == {0.07}
    assert tape.side[:20].tolist() == [Side.HOLD] * 20


def test_rules_file_with_a_mistake(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text('{"mr_position_sise": 0.1}')
    with pytest.raises(ConfigError, match="did you mean 'mr_position_size'"):
        Source.parse(f"rules:{path}")


def test_names_that_are_nearly_right():
    with pytest.raises(UnknownName, match="did you mean 'momentum'"):
        Source.parse("momentun")
    with pytest.raises(ConfigError, match="did you mean 'lookback'"):
        Source.parse("momentum:look_back=3").ask(None)
    with pytest.raises(ConfigError, match="needs its path"):
        Source.parse("recorded")
    with pytest.raises(ConfigError, match="takes no argument"):
        Source.parse("hold:3")
    with pytest.raises(ConfigError, match="action_rate"):
        Source.parse("random:1.5").choice.build()


# Perfect foresight.


@pytest.mark.parametrize("seed", [31, 32])
def test_foresight_beats_everything_after_costs_and_says_what_it_is(seed):
    frame = simulate(1500, np.random.default_rng(seed))
    best = replay(frame, "foresight")
    assert best.lookahead.status == "declared"
    others = [replay(frame, reference) for reference in ("hold", "random:0.1", "momentum", "always-buy")]
    assert best.equity[-1] > max(run.equity[-1] for run in others)
    assert best.equity[-1] > 1.005 * best.hold_equity[-1]


def test_foresight_turns_where_it_pays_and_only_there(make_frame):
    """Up 10%, down 10%, and wiggles below its cost."""
    prices = [100.0, 100.02, 110.0, 110.02, 100.0, 100.02, 100.0]
    tape = ask("foresight:latency_swaps=0,cost_bps=10,size=1.0", make_frame(prices))
    acted = [(row, Side(code).name) for row, code in enumerate(tape.side.tolist()) if code != Side.HOLD]
    # Buy at 100, sell at 110.02; the first row states the opening position.
    assert [name for _, name in acted] in (["BUY", "SELL"], ["SELL", "BUY", "SELL"])
    assert acted[-1] == (3, "SELL")
    assert acted[-2][0] in (0, 1)


def test_foresight_is_the_best_of_all_paths_without_impact(make_frame):
    """Against brute force over every sequence of positions on a short tape."""
    rng = np.random.default_rng(3)
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.004, 9)))
    frame = make_frame(prices.tolist())
    toll = np.log1p(-(frame.pool.fee + 20e-4))
    moves = np.diff(np.log(frame.price))

    def wealth(path):  # path[i]: holds base from row i on; starts in either for free
        gain = sum(move for move, holds in zip(moves, path, strict=False) if holds)
        return gain + toll * sum(a != b for a, b in zip(path, path[1:], strict=False))

    best = max(wealth([bool(bits >> row & 1) for row in range(9)]) for bits in range(512))
    tape = ask("foresight:latency_swaps=0,cost_bps=20", frame)
    holds, path = None, []
    for code in tape.side.tolist():
        holds = {Side.BUY: True, Side.SELL: False}.get(Side(code), holds)
        path.append(holds)
    # Its own path may also pay a toll to enter its first position.
    assert best + toll - 1e-12 <= wealth(path) <= best + 1e-12


def test_plugin_file_by_path(tmp_path, short_tape):
    path = tmp_path / "mine.py"
    path.write_text(
        "from rook_bench import Decision, Side, decision_source\n\n"
        "@decision_source\n"
        "def third(size: float = 0.1):\n"
        '    """Buys at every third swap."""\n'
        "    return lambda view: Decision(Side.BUY, size=size) if len(view) % 3 == 0 else Decision.hold()\n"
    )
    source = Source.parse(f"{path}@third:0.2")
    tape = source.ask(short_tape[:9])
    assert tape.side.tolist() == [1, 1, 0, 1, 1, 0, 1, 1, 0]
    assert tape.size[2] == 0.2
    run = replay(short_tape[:30], source, ReplayConfig.parse(FREE, where="test"))
    assert run.lookahead.status == "clean"
    assert run.name == "mine.py@third:0.2"

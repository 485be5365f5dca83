"""Planted leaks must be caught, whatever they look like; clean sources must not be accused."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from causal import leaking_columns

from rook_bench.core import Decision, InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.features import compute_conditions, compute_features
from rook_bench.market.simulation.simulate import simulate
from rook_bench.plugins import risk_filter, sizer
from rook_bench.replay import ReplayConfig, replay
from rook_bench.replay.causality import look_again
from rook_bench.sources import lookahead
from rook_bench.sources.decide import Source
from rook_bench.sources.lookahead import check_source, scramble_future


def by_sign(signal):
    """BUY where positive, SELL where negative."""
    side = np.select([signal > 0, signal < 0], [Side.BUY, Side.SELL], Side.HOLD)
    return DecisionTape.from_sides(side, 0.05)


# Leaks that see the whole tape at once.


def next_price():
    """Peeks at the next row."""

    def decide(view):
        price = view["price"]
        return by_sign(np.append(price[1:], price[-1]) - price)

    return decide


def tenth_next_price():
    """Peeks ten rows ahead, and trades on large moves only."""

    def decide(view):
        price = view["price"]
        move = np.append(price[10:], np.full(min(10, len(price)), price[-1]))[: len(price)] / price - 1
        return by_sign(np.where(np.abs(move) > 0.001, move, 0))

    return decide


def centred_mean():
    """The classic: a rolling mean that is centred instead of trailing."""

    def decide(view):
        price = pd.Series(view["price"])
        return by_sign((price.rolling(21, center=True, min_periods=1).mean() - price).to_numpy())

    return decide


def whole_file_normalisation():
    """Standardises with the mean and deviation of the whole file."""

    def decide(view):
        price = view["price"]
        score = (price - price.mean()) / (price.std() or 1.0)
        return by_sign(np.where(np.abs(score) > 1, -score, 0))

    return decide


def whole_file_maximum():
    """Sells within 20 bps of the highest price of the whole file."""

    def decide(view):
        price = view["price"]
        return by_sign(-(price > price.max() * 0.998).astype(float))

    return decide


def reversed_fill():
    """Fills gaps backwards: what pandas calls bfill."""

    def decide(view):
        volume = pd.Series(view["volume"])
        sparse = pd.Series(view["price"]).where(volume > volume.expanding().median()).bfill().ffill()
        return by_sign(sparse.to_numpy() - view["price"])

    return decide


def confidence_only():
    """Its sides are honest, its confidence knows the future."""

    def decide(view):
        price = view["price"]
        right = np.append(price[1:], price[-1]) > price
        return DecisionTape.from_sides(np.full(len(price), Side.BUY), 0.05, confidence=np.where(right, 0.9, 0.1))

    return decide


def last_row_only():
    """Knows how long the tape is and sells everything at its end."""

    def decide(view):
        signal = np.zeros(len(view))
        signal[-1] = -1.0
        return by_sign(signal)

    return decide


WHOLE = [
    next_price,
    tenth_next_price,
    centred_mean,
    whole_file_normalisation,
    whole_file_maximum,
    reversed_fill,
    confidence_only,
    last_row_only,
]

# Leaks of sources that are asked row by row.


def base_of_the_view():
    """The view's slice ends now; the array behind it does not."""

    def decide(view):
        price = view["price"]
        behind = price if price.base is None else price.base
        if len(behind) <= len(price):
            return Decision.hold("the end")
        return Decision(Side.BUY if behind[len(price)] > price[-1] else Side.SELL, size=0.05)

    return decide


def columns_behind_the_view():
    """Private attributes lead to the frame."""

    def decide(view):
        frame = view._columns.frame
        row = min(len(view), len(frame) - 1)
        return Decision(Side.BUY if frame.price[row] > frame.price[len(view) - 1] else Side.SELL, size=0.05)

    return decide


def counts_its_calls():
    """Global state: what it says depends on how often it was asked before."""

    def decide(view):
        counts_its_calls.asked += 1
        return Decision(Side.BUY, size=0.05) if counts_its_calls.asked % 7 == 0 else Decision.hold()

    return decide


def unseeded_chance():
    """Random numbers that no seed repeats."""
    generator = np.random.default_rng()
    return lambda view: Decision(Side.BUY, size=float(generator.random()) * 0.1)


def shuffled():
    """Takes its decisions from a permutation that depends on the length of the tape."""

    def decide(view, ask):
        order = ask.rng.permutation(len(view))
        return by_sign(np.diff(view["price"], prepend=view["price"][0])[order])

    return decide


def honest_when_short():
    """Plays fair on a shortened tape, whose length it remembers, and peeks at scrambled ones too."""

    def decide(view):
        price = view["price"]
        honest_when_short.longest = max(honest_when_short.longest, len(price))
        if len(price) < honest_when_short.longest:
            return by_sign(np.diff(price, prepend=price[0]))
        return by_sign(np.append(price[1:], price[-1]) - price)

    return decide


def checked(registered, factory, frame, **traits):
    source = registered(factory, **traits)
    return check_source(source, frame, source.ask(frame))


@pytest.mark.parametrize("factory", [*WHOLE, shuffled, honest_when_short], ids=lambda factory: factory.__name__)
# On these tapes the highest price comes late; where it comes first, its leak has nothing to tell.
@pytest.mark.parametrize("seed", [1, 7, 13])
def test_leaks_over_the_whole_tape(registered, factory, seed):
    honest_when_short.longest = 0
    frame = simulate(400, np.random.default_rng(seed))
    found = checked(registered, factory, frame, whole_tape=True)
    assert found.status == "leak"
    assert 0 <= found.leak_row < len(frame)
    assert f"row {found.leak_row + 1}" in found.detail


@pytest.mark.parametrize(
    "factory",
    [base_of_the_view, columns_behind_the_view, counts_its_calls, unseeded_chance],
    ids=lambda factory: factory.__name__,
)
def test_leaks_row_by_row(registered, factory, tape):
    counts_its_calls.asked = 0
    assert checked(registered, factory, tape[:150]).status == "leak"


def test_remembered_answers(registered, short_tape, tmp_path):
    """In this process they can't be told from honest ones, so that where it matters another one is asked."""
    kept = {}

    def remembers():
        """Answers any later question with the beginning of its first, leaky answer."""

        def decide(view):
            if "tape" not in kept:
                price = view["price"]
                kept["tape"] = by_sign(np.append(price[1:], price[-1]) - price)
            return kept["tape"].head(len(view))

        return decide

    # Defined here it stands in no file that another process could read: nothing is claimed of it.
    run = replay(short_tape, registered(remembers, whole_tape=True), fresh=True)
    assert look_again(run, np.random.default_rng(0)).status == "unchecked"
    file = tmp_path / "remembers.py"
    file.write_text(
        "import numpy as np\n"
        "from rook_bench import decision_source\n"
        "from rook_bench.core.decision_tape import DecisionTape\n"
        "kept = {}\n"
        "@decision_source(whole_tape=True)\n"
        "def remembers():\n"
        "    def decide(view):\n"
        "        if 'tape' not in kept:\n"
        "            price = view['price']\n"
        "            up = np.append(price[1:], price[-1]) > price\n"
        "            kept['tape'] = DecisionTape.from_sides(np.where(up, 0, 2), 0.05)\n"
        "        return kept['tape'].head(len(view))\n"
        "    return decide\n"
    )
    run = replay(short_tape, f"{file}@remembers", fresh=True)
    assert look_again(run, np.random.default_rng(0)).status == "leak"


def test_the_leak_row_is_the_first_that_changed(registered, short_tape):
    """A peek over one row changes the last row before a cut, and nothing earlier."""
    found = checked(registered, next_price, short_tape, whole_tape=True)
    assert found.leak_row + 1 in found.cuts


@pytest.mark.parametrize(
    "reference", ["rules", "momentum", "momentum:lookback=1,threshold_bps=0", "random:0.5", "hold"]
)
@pytest.mark.parametrize("seed", [21, 22, 23, 24])
def test_clean_sources_are_not_accused(reference, seed):
    frame = simulate(300, np.random.default_rng(seed))
    source = Source.parse(reference)
    found = check_source(source, frame, source.ask(frame, seed), seed=seed)
    assert found.status == "clean", found.detail
    assert len(found.cuts) >= 3


def test_a_clean_row_by_row_source_is_not_accused(registered, tape):
    def fades():
        """Looks back only."""

        def decide(view):
            change = view["price_change"][-1] / (view["volatility"][-1] or 1.0)
            if abs(change) < 2 or len(view) < 20:
                return Decision.hold()
            return Decision(Side.SELL if change > 0 else Side.BUY, size=0.05)

        return decide

    assert checked(registered, fades, tape[:150]).status == "clean"


def test_declared_and_recorded_sources(short_tape, tmp_path):
    from rook_bench.sources.decide import decision_facts
    from rook_bench.sources.saved import write_decisions

    bound = Source.parse("foresight")
    decisions = bound.ask(short_tape)
    assert check_source(bound, short_tape, decisions).status == "declared"
    write_decisions(decisions, tmp_path / "kept.parquet", decision_facts(bound, short_tape, 0))
    recorded = Source.parse(f"recorded:{tmp_path / 'kept.parquet'}")
    assert check_source(recorded, short_tape, recorded.ask(short_tape)).status == "unchecked"


def test_foresight_would_be_caught_if_it_did_not_declare(registered, short_tape):
    from rook_bench.sources.foresight import foresight

    def undeclared():
        """Perfect foresight without saying so."""
        return foresight(cost_bps=1.0)

    assert checked(registered, undeclared, short_tape, whole_tape=True).status == "leak"


def test_same_run_is_checked_at_the_same_places(short_tape):
    source = Source.parse("random:0.3")
    decisions = source.ask(short_tape)
    assert check_source(source, short_tape, decisions) == check_source(source, short_tape, decisions)


def test_half_of_the_cuts_follow_trades(registered, short_tape, sides, scripted):
    decisions = sides("H" * 150 + "B" + "H" * 149)
    assert 151 in check_source(scripted(decisions), short_tape, decisions).cuts


def test_scrambling_keeps_the_past_and_the_clock(short_tape):
    changed = scramble_future(short_tape, 100, np.random.default_rng(0))
    assert changed.sqrt_price_x96[:100] == short_tape.sqrt_price_x96[:100]
    assert changed.sqrt_price_x96 != short_tape.sqrt_price_x96
    assert sorted(changed.sqrt_price_x96) == sorted(short_tape.sqrt_price_x96)
    assert (changed.at == short_tape.at).all()
    assert (changed.log_index == short_tape.log_index).all()


def test_a_long_future_is_another_one_at_every_distance(tape, monkeypatch):
    monkeypatch.setattr(lookahead, "SHUFFLED", 500)
    monkeypatch.setattr(lookahead, "STRETCH", 128)
    cut = 300
    changed = scramble_future(tape, cut, np.random.default_rng(0))
    assert sorted(changed.sqrt_price_x96) == sorted(tape.sqrt_price_x96)
    assert changed.sqrt_price_x96[:cut] == tape.sqrt_price_x96[:cut]
    before, after = tape.price[cut:], changed.price[cut:]
    assert (before != after).mean() > 0.95
    for ahead in (1, 16, 128, 256, 1000):  # what lies so far ahead, and all up to there
        sums = [np.convolve(price, np.ones(ahead), mode="valid") for price in (before, after)]
        assert np.mean(~np.isclose(*sums, rtol=1e-9)) > 0.95, ahead


def test_the_run_says_leak(registered, short_tape):
    run = replay(short_tape, registered(next_price, whole_tape=True), fresh=True)
    assert run.lookahead.status == "leak"


# Filters and sizers are held to the same rule.


def leaky_filter():
    """Lets orders through that the next price will reward."""

    def allow(view, decisions):
        price = view["price"]
        rises = np.append(price[1:], price[-1]) >= price
        return rises == (decisions.side == Side.BUY)

    return allow


def leaky_sizer():
    """Bets more where the next price is better."""

    def size(view, decisions):
        price = view["price"]
        return np.where(np.append(price[1:], price[-1]) > price, 0.5, 0.05)

    return size


@pytest.mark.parametrize("source", ["momentum:lookback=5,threshold_bps=1", "random:0.3"])
def test_a_filter_that_peeks(short_tape, source):
    with risk_filter.isolated():
        risk_filter(leaky_filter)
        config = ReplayConfig.parse({"risk": {"filters": ["leaky_filter"]}}, where="test")
        found = replay(short_tape, source, config).lookahead
    assert found.status == "leak"
    assert "filters" in found.detail


def test_a_sizer_that_peeks(short_tape):
    with sizer.isolated():
        sizer(leaky_sizer)
        config = ReplayConfig.parse({"risk": {"sizer": "leaky_sizer"}}, where="test")
        found = replay(short_tape, "random:0.3", config).lookahead
    assert found.status == "leak"


def test_a_filter_that_peeks_at_recorded_decisions(short_tape, tmp_path):
    """Decisions from a file can't be asked for again, but filters can."""
    from rook_bench.sources.decide import decision_facts
    from rook_bench.sources.saved import write_decisions

    source = Source.parse("random:0.3")
    write_decisions(source.ask(short_tape), tmp_path / "kept.parquet", decision_facts(source, short_tape, 0))
    with risk_filter.isolated():
        risk_filter(leaky_filter)
        config = ReplayConfig.parse({"risk": {"filters": ["leaky_filter"]}}, where="test")
        found = replay(short_tape, f"recorded:{tmp_path / 'kept.parquet'}", config).lookahead
    assert found.status == "leak"


def test_honest_filters_and_sizers_pass(short_tape):
    config = ReplayConfig.parse(
        {
            "risk": {
                "sizer": "volatility-target",
                "filters": ["confidence_threshold:0.4", "volatility_bounds", "liquidity_impact", "market_hours"],
            }
        },
        where="test",
    )
    assert replay(short_tape, "random:0.3", config).lookahead.status == "clean"


# Features.


def test_the_projects_features_are_causal(short_tape):
    assert leaking_columns(short_tape) == {}


def with_column(name, compute, frame):
    return compute_features(frame).assign(**{name: compute})


@pytest.mark.parametrize(
    ("name", "compute"),
    [
        ("next_return", lambda table: table["price"].shift(-1) / table["price"] - 1),
        ("centred", lambda table: table["price"].rolling(11, center=True, min_periods=1).mean()),
        ("score", lambda table: (table["price"] - table["price"].mean()) / table["price"].std()),
        ("rank", lambda table: table["volume"].rank(pct=True)),
        ("from_the_end", lambda table: table["price"] / table["price"].iloc[-1]),
        ("one_condition_row", lambda table: table["price"].tail(50).mean() + 0 * table["price"]),
        ("back_filled", lambda table: table["price"].where(table["volume"] > 1).bfill()),
    ],
)
def test_a_leaky_feature_is_named(short_tape, name, compute):
    leaks = leaking_columns(short_tape, partial(with_column, name, compute))
    assert list(leaks) == [name]
    assert 0 <= leaks[name] < len(short_tape)


def test_conditions_as_rook_published_them_leak(short_tape):
    """One row for the end of the file, given to every row: each of its columns is look-ahead."""

    def published(frame):
        last = compute_conditions(frame).iloc[-1]
        return pd.DataFrame({name: np.full(len(frame), last[name]) for name in ("avg_price_50", "price_trend")})

    assert set(leaking_columns(short_tape, published)) == {"avg_price_50", "price_trend"}


def test_answers_that_do_not_validate_name_the_source(registered, short_tape):
    def short():
        """One decision too few."""
        return lambda view: DecisionTape.from_sides(np.full(len(view) - 1, Side.HOLD), 0.0)

    def wordy():
        """Text instead of a Decision."""
        return lambda view: "BUY"

    with pytest.raises(InputError, match="source short: did not return one decision for each of 300 swaps"):
        registered(short, whole_tape=True).ask(short_tape)
    with pytest.raises(InputError, match="source wordy: returned str instead of a Decision"):
        registered(wordy).ask(short_tape)

"""Features against the plain definitions, and never a look at the future."""

import numpy as np
import pandas as pd
import pytest
from causal import leaking_columns
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.market.features import compute_conditions, compute_features
from rook_bench.market.simulation.simulate import simulate


def plain_features(price, volume):
    """ROOK's definitions, row by row, as its pipeline states them."""
    rows = []
    for row in range(len(price)):
        window = price[max(0, row - 100) : row]
        changes = pd.Series(window).pct_change().dropna()
        rows.append(
            {
                "volatility": changes.std() if len(changes) > 1 else 0.0,
                "volume_ma": volume[max(0, row - 100) : row].mean() if row else volume[0],
                "price_change": price[row] / price[row - 1] - 1 if row else 0.0,
                "price_deviation": price[row] / price[max(0, row - 50) : row].mean() - 1 if row else np.nan,
            }
        )
    return pd.DataFrame(rows)


def test_features_follow_their_definitions(short_tape):
    got = compute_features(short_tape)
    expected = plain_features(short_tape.price, short_tape.volume)
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-9, atol=1e-15, err_msg=name)
    changes = got["price_change"].to_numpy()
    assert got["momentum_10"][57] == pytest.approx(changes[47:57].sum(), rel=1e-12)


def test_conditions_follow_their_definitions(short_tape):
    features = compute_features(short_tape)
    conditions = compute_conditions(short_tape)
    row = 222
    for window in (10, 50, 100):
        recent = slice(row - window + 1, row + 1)
        assert conditions[f"avg_price_{window}"][row] == pytest.approx(short_tape.price[recent].mean(), rel=1e-12)
        assert conditions[f"price_volatility_{window}"][row] == pytest.approx(short_tape.price[recent].std(ddof=1))
        assert conditions[f"avg_time_diff_{window}"][row] == pytest.approx(features["time_diff"][recent].mean())
    assert conditions["total_transactions"][row] == row + 1
    volume = short_tape.volume
    assert conditions["volume_trend"][row] == pytest.approx(
        volume[row - 19 : row + 1].mean() / volume[: row + 1].mean()
    )


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.integers(3, 400))
def test_no_column_looks_ahead(seed, swaps):
    assert leaking_columns(simulate(swaps, np.random.default_rng(seed)), cuts=4) == {}


@pytest.mark.parametrize(
    "leak",
    [
        lambda frame: np.append(frame.price[1:], frame.price[-1]),
        lambda frame: pd.Series(frame.price).rolling(5, center=True, min_periods=1).mean().to_numpy(),
        lambda frame: (frame.price - frame.price.mean()) / frame.price.std(),
        lambda frame: frame.price / frame.price.max(),
        lambda frame: np.full(len(frame), frame.price[-1]),
    ],
    ids=["next price", "centred mean", "whole-file scaler", "whole-file maximum", "last row for all"],
)
def test_planted_leaks_are_caught(short_tape, leak):
    def compute(frame):
        return pd.DataFrame({"honest": frame.price, "leaky": leak(frame)})

    assert set(leaking_columns(short_tape, compute)) == {"leaky"}


def test_recorded_features_win_over_computed_ones(short_tape):
    from dataclasses import replace

    recorded = {"volatility": np.linspace(0, 1, len(short_tape))}
    got = compute_features(replace(short_tape, recorded=recorded))
    np.testing.assert_array_equal(got["volatility"], recorded["volatility"])

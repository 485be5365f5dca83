"""Statistics as pure functions over clock-sampled returns."""

import os

from rook_bench.stats.blocks import block_length
from rook_bench.stats.ledoit_wolf import sharpe_difference
from rook_bench.stats.lo import sharpe_interval
from rook_bench.stats.mean import mean_interval
from rook_bench.stats.measures import calmar_ratio, drawdowns, max_drawdown, sharpe_ratio, sortino_ratio, volatility
from rook_bench.stats.multiple import (
    Selection,
    model_confidence_set,
    stepwise_multiple_test,
    superior_predictive_ability,
)
from rook_bench.stats.overfitting import probability_of_backtest_overfitting
from rook_bench.stats.power import detectable_effect, long_run_variance, periods_needed
from rook_bench.stats.sharpe import (
    deflated_sharpe,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    track_record_needed,
)
from rook_bench.stats.spectra import lopsided, mean_over_spectra, single_step_max_t
from rook_bench.stats.splits import consecutive_folds

# arch, which is imported when first needed, would compile one sum of products anew in every process: more
# than a second. It gives the same bits without.
os.environ.setdefault("ARCH_DISABLE_NUMBA", "1")

__all__ = [
    "Selection",
    "block_length",
    "calmar_ratio",
    "consecutive_folds",
    "deflated_sharpe",
    "deflated_sharpe_ratio",
    "detectable_effect",
    "drawdowns",
    "expected_maximum_sharpe",
    "long_run_variance",
    "lopsided",
    "max_drawdown",
    "mean_interval",
    "mean_over_spectra",
    "minimum_track_record_length",
    "model_confidence_set",
    "periods_needed",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
    "sharpe_difference",
    "sharpe_interval",
    "sharpe_ratio",
    "single_step_max_t",
    "sortino_ratio",
    "stepwise_multiple_test",
    "superior_predictive_ability",
    "track_record_needed",
    "volatility",
]

"""Statistics as pure functions over clock-sampled returns."""

from rook_bench.stats.bootstrap import block_length, bootstrap_interval, mean_interval, paired_difference
from rook_bench.stats.ledoit_wolf import sharpe_difference
from rook_bench.stats.lo import eta, sharpe_interval, sharpe_standard_error
from rook_bench.stats.multiple import (
    Selection,
    model_confidence_set,
    reality_check,
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
    probabilistic_sharpe,
    probabilistic_sharpe_ratio,
    track_record_needed,
)
from rook_bench.stats.splits import combinatorial_purged, walk_forward

__all__ = [
    "Selection",
    "block_length",
    "bootstrap_interval",
    "combinatorial_purged",
    "deflated_sharpe",
    "deflated_sharpe_ratio",
    "detectable_effect",
    "eta",
    "expected_maximum_sharpe",
    "long_run_variance",
    "mean_interval",
    "minimum_track_record_length",
    "model_confidence_set",
    "paired_difference",
    "periods_needed",
    "probabilistic_sharpe",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
    "reality_check",
    "sharpe_difference",
    "sharpe_interval",
    "sharpe_standard_error",
    "stepwise_multiple_test",
    "superior_predictive_ability",
    "track_record_needed",
    "walk_forward",
]

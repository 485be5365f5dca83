"""Which metrics stand together in the comparison, and what a person calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rook_bench.report.entries import Entry


@dataclass(frozen=True)
class Row:
    """A metric's row: its name, what a person calls it, and whether a plus sign tells something."""

    name: str
    label: str
    signed: bool = False


NUMERAIRE = "In the numeraire"
"""The group that only a run with a numeraire beside its quote has."""

GROUPS: dict[str, tuple[Row, ...]] = {
    "Return": (
        Row("total_return", "Net return", signed=True),
        Row("gross_return", "Gross return", signed=True),
        Row("excess_return", "Net return over hold", signed=True),
    ),
    NUMERAIRE: (
        Row("numeraire_return", "Net return", signed=True),
        Row("numeraire_hold_return", "Return of the initial mix", signed=True),
        Row("numeraire_max_drawdown", "Largest drawdown"),
        Row("numeraire_pnl", "Net P&L", signed=True),
        Row("numeraire_costs", "All costs"),
    ),
    "Risk": (
        Row("max_drawdown", "Largest drawdown"),
        Row("drawdown_duration", "Longest drawdown"),
        Row("volatility", "Volatility, annual"),
        Row("sharpe_ratio", "Sharpe ratio", signed=True),
        Row("sharpe_ratio_excess", "Sharpe ratio over hold", signed=True),
        Row("sortino_ratio", "Sortino ratio", signed=True),
        Row("calmar_ratio", "Calmar ratio", signed=True),
        Row("track_record_needed", "Track record needed"),
    ),
    "Trading": (
        Row("trading_frequency", "Fills per day"),
        Row("turnover", "Turnover"),
        Row("exposure", "Exposure to the base token"),
        Row("win_rate", "Win rate"),
        Row("profit_factor", "Profit factor"),
        Row("pnl_buy", "P&L of buys", signed=True),
        Row("pnl_sell", "P&L of sells", signed=True),
        Row("markout_net_300s", "Net mark-out after 5 min", signed=True),
    ),
    "Costs": (
        Row("fee_paid", "Pool fee"),
        Row("impact_paid", "Price impact"),
        Row("mev_paid", "Taken by searchers"),
        Row("gas_paid", "Gas of fills"),
        Row("reverts_paid", "Gas of reverts"),
        Row("cost_per_turnover", "Costs over value traded"),
    ),
    "Net return under adverse ordering": (
        Row("return_without_mev", "Nobody trades around the orders", signed=True),
        Row("return_typical_mev", "Sandwiched where it pays", signed=True),
        Row("return_worst_mev", "Every fill at its minimum", signed=True),
    ),
    "Execution": (
        Row("fill_rate", "Orders sent that filled"),
        Row("revert_rate", "Orders sent that reverted"),
        Row("rejection_rate", "Wishes that filters refused"),
        Row("left_range_share", "Fills beyond the known tick range"),
    ),
    "Decisions": (
        Row("action_rate", "Wishes to trade"),
        Row("largest_side_share", "Most frequent answer"),
        Row("action_entropy", "Entropy of the answers"),
        Row("parse_failure_rate", "Answers that can't be read"),
        Row("mean_confidence", "Mean confidence of trades"),
        Row("label_accuracy", "Agreement with labels"),
        Row("label_macro_f1", "Macro F1 against labels"),
        Row("confidence_calibration_error", "Calibration error of confidence"),
        Row("confidence_calibration_error_mass", "Calibration error, bins of equal size"),
        Row("confidence_brier", "Brier score of confidence"),
        Row("profitable_accuracy", "Decisions that were the one that paid"),
    ),
}


def grouped(entries: Sequence[Entry]) -> dict[str, list[Row]]:
    """The groups with the metrics that were measured; metrics this file does not know come last."""
    measured = {name: None for entry in entries for name in entry.analysis.estimates}
    groups = {title: [row for row in rows if row.name in measured] for title, rows in GROUPS.items()}
    known = {row.name for rows in GROUPS.values() for row in rows}
    groups["Other"] = [Row(name, name.replace("_", " ")) for name in measured if name not in known]
    currency = entries[0].run.config.numeraire
    in_numeraire = groups.pop(NUMERAIRE)
    told = {title: rows for title, rows in groups.items() if rows}
    if currency is None:
        return told
    first, *others = told.items()
    return dict([first, (f"In {currency}", in_numeraire), *others])

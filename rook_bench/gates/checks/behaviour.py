"""Whether the candidate looks at the market at all, and whether its confidence means anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rook_bench.core import Estimate, Side
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.gates.check import Check
from rook_bench.gates.checks.bounds import within
from rook_bench.gates.policy import Bounds, Calibration, Degeneracy
from rook_bench.market.features import compute_feature
from rook_bench.metrics import Analysis


def degeneracy(limits: Degeneracy, candidate: Analysis) -> Iterator[Check]:
    """Whether both sides trade, answers that can't be read, rows that were never asked about; and what it looks at."""
    found = candidate.estimates
    yield _both_sides(limits, candidate)
    yield _depends(candidate)
    if limits.max_side_share < 1:
        yield within("largest_side_share", found["largest_side_share"], Bounds(max=limits.max_side_share))
    if limits.min_action_entropy > 0:
        yield within("action_entropy", found["action_entropy"], Bounds(min=limits.min_action_entropy))
    yield within("parse_failure_rate", found["parse_failure_rate"], Bounds(max=limits.max_parse_failure_rate))
    if limits.min_action_rate > 0 or limits.max_action_rate < 1:
        bounds = Bounds(min=limits.min_action_rate, max=limits.max_action_rate)
        yield within("action_rate", found["action_rate"], bounds)
    if limits.min_coverage > 0:
        yield within("coverage", coverage(candidate), Bounds(min=limits.min_coverage))


def _both_sides(limits: Degeneracy, candidate: Analysis) -> Check:
    """Whether it trades, and trades both ways: one answer whatever it sees is no strategy."""
    run, name = candidate.run, "both sides trade"
    tape, orders = run.decided.tape, run.orders
    wished = [int((tape.side == side).sum()) for side in (Side.BUY, Side.SELL)]
    filled = [int((orders.filled & (orders.side == side)).sum()) for side in (Side.BUY, Side.SELL)]
    detail = f"{wished[0]:,} decisions to buy, {wished[1]:,} to sell; {filled[0]:,} and {filled[1]:,} filled"
    bound = f"at least {limits.min_side_share:.0%} of the trades and {limits.min_side_fills} fills of each"
    if limits.min_side_share > 0 and (min(wished) < limits.min_side_share * sum(wished) or not sum(wished)):
        return Check(name, "fail", f"{detail}, {bound} asked", bound=bound)
    return Check(name, "pass" if min(filled) >= limits.min_side_fills else "inconclusive", detail, bound=bound)


TERCILES = 3
SHOWN = ("price_change", "volatility", "volume", "price_deviation", "momentum_10", "impact_bps")
"""Features that answers are held against, cut into terciles."""


def _depends(candidate: Analysis) -> Check:
    """For information: the feature that the answers depend on most, by the chi-square test, Bonferroni corrected."""
    from scipy.stats import chi2_contingency

    name, tape = "answers depend on the market", candidate.run.decided.tape
    asked = tape.asked & (tape.side != UNPARSED)
    found: dict[str, float] = {}
    for feature in SHOWN:
        values = compute_feature(candidate.run.frame, feature)
        rows = asked & np.isfinite(values)
        if rows.sum() < LEAST_ROWS:
            continue
        cuts = np.quantile(values[rows], [1 / TERCILES, 2 / TERCILES])
        table = np.zeros((TERCILES, len(Side)))
        np.add.at(table, (np.searchsorted(cuts, values[rows]), tape.side[rows]), 1)
        table = table[:, table.sum(axis=0) > 0][table.sum(axis=1) > 0]
        if min(table.shape) > 1:
            found[feature] = min(1.0, float(chi2_contingency(table).pvalue) * len(SHOWN))
    if not found:
        return Check(name, "info", "can't be told: one answer only, or too few rows")
    most = min(found, key=lambda one: found[one])
    what = (
        f"on {most} most"
        if found[most] < FEW_BY_CHANCE
        else f"on none of {', '.join(found)} that chance would not give"
    )
    return Check(name, "info", f"{what} (p {found[most]:.2g})")


LEAST_ROWS, FEW_BY_CHANCE = 60, 0.01


def coverage(candidate: Analysis) -> Estimate:
    """Share of rows on which the source was asked and its answer could be read."""
    tape = candidate.run.decided.tape
    share = float((tape.asked & (tape.side != UNPARSED)).mean())
    return Estimate(share, len(tape), "fraction", "rows asked about and answered readably, over all rows")


def calibration(limits: Calibration, candidate: Analysis) -> Check:
    """The expected calibration error against the label; not asked where no confidence is stated."""
    if limits.asked_of == "models" and not candidate.run.source.language_model:
        return Check("calibration", "skipped", "does not arise: the candidate is no language model")
    estimate = candidate.estimates["confidence_calibration_error"]
    bounds = Bounds(max=limits.max_error, min_n=limits.min_n)
    check = within("calibration", estimate, bounds)
    if not estimate.defined and not limits.required:
        return replace(check, status="skipped", detail=f"does not arise: {estimate.undefined_because}")
    return check

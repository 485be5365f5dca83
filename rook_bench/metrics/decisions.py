"""What was decided: distribution, agreement with the labels, confidence."""

from __future__ import annotations

import math

import numpy as np

from rook_bench.core import SIDE_NAMES, Estimate
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import Run


def confusion(run: Run) -> dict[str, dict[str, int]] | None:
    """Rows by label and decision (UNPARSED kept apart); None where the tape has no labels."""
    labels = run.frame.labels.get("label_side")
    if labels is None:
        return None
    names = (*SIDE_NAMES, "UNPARSED")
    decided = np.where(run.decided.tape.side == UNPARSED, len(SIDE_NAMES), run.decided.tape.side)
    return {
        label: {name: int(((labels == label) & (decided == code)).sum()) for code, name in enumerate(names)}
        for label in SIDE_NAMES
    }


@metric(unit="fraction")
def action_rate(sampled: Sampled) -> Estimate:
    """Share of decisions that wish to trade."""
    tape = sampled.run.decided.tape
    return Estimate(tape.action_rate, len(tape), "fraction", "BUY or SELL over all rows")


@metric(unit="fraction")
def parse_failure_rate(sampled: Sampled) -> Estimate:
    """Share of answers that could not be parsed; they are not HOLDs."""
    tape = sampled.run.decided.tape
    return Estimate(float((tape.side == UNPARSED).mean()), len(tape), "fraction", "unparsed over all rows")


@metric(unit="fraction")
def largest_side_share(sampled: Sampled) -> Estimate:
    """Share of the most frequent decision; near one, the source hardly looks at the market."""
    tape = sampled.run.decided.tape
    return Estimate(max(tape.counts().values()) / len(tape), len(tape), "fraction", "over BUY, HOLD, SELL and UNPARSED")


@metric(unit="bits")
def action_entropy(sampled: Sampled) -> Estimate:
    """Entropy of the decisions: 0 for one answer only, log2(3) for three equally often."""
    tape = sampled.run.decided.tape
    shares = [count / len(tape) for count in tape.counts().values() if count]
    return Estimate(-sum(share * math.log2(share) for share in shares) + 0.0, len(tape), "bits", "over decisions")


@metric(unit="fraction")
def label_accuracy(sampled: Sampled) -> Estimate:
    """Share of rows where the decision is the heuristic label."""
    table = confusion(sampled.run)
    if table is None:
        return Estimate.undefined("the tape carries no labels", n=0, unit="fraction")
    rows = len(sampled.run.frame)
    return Estimate(sum(table[name][name] for name in SIDE_NAMES) / rows, rows, "fraction", "unparsed counts as wrong")


@metric(unit="fraction")
def label_macro_f1(sampled: Sampled) -> Estimate:
    """Mean over the labels' classes of the F1 score against them."""
    table = confusion(sampled.run)
    if table is None:
        return Estimate.undefined("the tape carries no labels", n=0, unit="fraction")
    scores = []
    for name in SIDE_NAMES:
        hits, labelled = table[name][name], sum(table[name].values())
        decided = sum(table[label][name] for label in SIDE_NAMES)
        if labelled or decided:
            scores.append(2 * hits / (labelled + decided))
    return Estimate(
        float(np.mean(scores)), len(sampled.run.frame), "fraction", "classes that occur in labels or decisions"
    )


@metric(unit="fraction")
def mean_confidence(sampled: Sampled) -> Estimate:
    """Mean confidence of the decisions that wish to trade."""
    values = acting_confidence(sampled.run.decided.tape)
    if len(values) == 0:
        return Estimate.undefined("no trading decision states a confidence", n=0, unit="fraction")
    return Estimate(float(values.mean()), len(values), "fraction", "BUY and SELL decisions")


def acting_confidence(tape: DecisionTape) -> np.ndarray:
    """Confidences of the decisions that wish to trade, where they state one."""
    values = tape.confidence[tape.trades]
    return values[~np.isnan(values)]

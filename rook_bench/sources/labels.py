"""The labels that came with the file, replayed: the teacher itself."""

from __future__ import annotations

import numpy as np

from rook_bench.core import InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import DecideTape


@decision_source(whole_tape=True, labels=True)
def labels() -> DecideTape:
    """The labels recorded in the file (ROOK's teacher), as decisions."""

    def decide(view: MarketView) -> DecisionTape:
        columns = view.labels()
        if "label_side" not in columns:
            raise InputError("the tape carries no labels", where="source labels", hint="use rules:FILE instead")
        codes = {side.name: int(side) for side in Side}
        rule = columns.get("label_rule")
        return DecisionTape.from_sides(
            np.array([codes[name] for name in columns["label_side"]]),
            columns["label_size"],
            slippage_bps=columns["label_slippage_bps"],
            deadline_s=columns["label_deadline_s"],
            confidence=columns.get("label_confidence", np.nan),
            reason="label" if rule is None else rule,
        )

    return decide

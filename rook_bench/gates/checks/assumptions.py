"""Whether the runs assume what the policy wants assumed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np

from rook_bench.gates.check import Check
from rook_bench.gates.checks.stress import pays_gas
from rook_bench.gates.policy import Assumptions
from rook_bench.metrics import Analysis
from rook_bench.replay.market_rows import fee_pips

MISSING = object()


def assumptions(asked: Assumptions, candidate: Analysis) -> Iterator[Check]:
    """Costs that are real, and settings that have the values they must have."""
    if asked.real_costs:
        missing = _missing_costs(candidate)
        yield Check("costs are charged", "invalid" if missing else "pass", missing or "the pool's fee and gas are paid")
    if not asked.require:
        return
    settings = {"clock": candidate.clock.model_dump(mode="json"), **candidate.run.config.model_dump(mode="json")}
    wrong = []
    for name, value in asked.require.items():
        found = reduce(_inside, name.split("."), settings)
        if found is MISSING:
            wrong.append(f"there is no setting '{name}'")
        elif found != value:
            wrong.append(f"{name} is {found}, {value} asked")
    detail = "; ".join(wrong) or f"{len(asked.require)} settings are as asked"
    yield Check("settings", "invalid" if wrong else "pass", detail)


def _inside(values: Any, key: str) -> Any:
    return values.get(key, MISSING) if isinstance(values, dict) else MISSING


def _missing_costs(candidate: Analysis) -> str:
    """What is not charged, "" where all is."""
    frame, frictions = candidate.run.frame, candidate.run.config.frictions
    own = fee_pips(frame, frictions.model_copy(update={"fee_pips": None}))
    if float(np.mean(fee_pips(frame, frictions))) < float(np.mean(own)):
        return f"orders pay {frictions.fee_pips} pips where the pool takes {float(np.mean(own)):,.0f}"
    return "" if pays_gas(frame, frictions) else "transactions pay no gas"

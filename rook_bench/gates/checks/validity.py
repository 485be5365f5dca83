"""Whether there is anything to judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from rook_bench.gates.check import Check, Status
from rook_bench.market.features import FEATURES, LOOKBACK, compute_feature
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import Analysis
from rook_bench.replay import Run


def validity(candidate: Analysis, champion: Analysis | None, *, min_fills: int = 0) -> Iterator[Check]:
    """No look-ahead, one tape, the same assumptions, a candidate that is not the champion, and a champion that trades.

    Args:
        candidate, champion: both sides.
        min_fills: fills that are asked of a candidate. A champion with fewer, most of whose wishes were refused, was
            silenced by the configuration.
    """
    lookahead = candidate.run.lookahead
    status: Status = {"clean": "pass", "unchecked": "inconclusive"}.get(lookahead.status, "invalid")  # type: ignore[assignment]
    yield Check("look-ahead", status, lookahead.detail)
    if candidate.run.frame.recorded:
        yield _recorded_features(candidate.run.frame)
    if champion is None:
        return
    mine, theirs = candidate.run, champion.run
    if theirs.lookahead.status in ("leak", "declared"):
        yield Check("champion look-ahead", "invalid", theirs.lookahead.detail)
    same = mine.frame.data_hash == theirs.frame.data_hash
    yield Check(
        "same tape",
        "pass" if same else "invalid",
        "both on the same tape" if same else "the runs are on different tapes",
    )
    changed = list(_differences(mine.config.model_dump(), theirs.config.model_dump()))
    changed += [] if candidate.clock == champion.clock else [f"clock ({candidate.clock.label}, {champion.clock.label})"]
    detail = f"the runs differ in {', '.join(changed[:3])}" if changed else "both under the same assumptions"
    yield Check("same assumptions", "invalid" if changed else "pass", detail)
    if _same_fills(mine, theirs):
        yield Check("candidate is not champion", "invalid", "candidate and champion trade the same, to the last unit")
    yield _champion_trades(mine, theirs, min_fills)


ALIKE = 0.99
"""Share of a recorded feature's values that its rows must give again."""


def _recorded_features(frame: SwapFrame) -> Check:
    """Whether features that came with the file are what its own rows give: others could have seen what came later.

    Rows whose features look back over the tape's start, or over a hole, can't be computed again.
    """
    name, bare = "recorded features", replace(frame, recorded={}, labels={}, history=None)
    rows = np.arange(len(frame))
    start = np.concatenate([[0], frame.holes])[frame.segment]
    told, least = rows - start >= LOOKBACK, {}
    for feature, recorded in frame.recorded.items():
        if feature not in FEATURES:
            return Check(name, "inconclusive", f"'{feature}' is no feature that rows could give again")
        again = compute_feature(bare, feature)
        known = told & np.isfinite(recorded) & np.isfinite(again)
        if known.any():
            least[feature] = float(np.isclose(recorded[known], again[known], rtol=1e-6, atol=1e-12).mean())
    if not least:
        return Check(name, "info", f"the tape is too short to compute {', '.join(frame.recorded)} again")
    worst = min(least, key=lambda one: least[one])
    detail = f"{least[worst]:.1%} of {worst} is what the tape's own rows give"
    if least[worst] >= ALIKE:
        return Check(name, "pass", detail)
    return Check(name, "inconclusive", f"{detail}: the rest may know what came later", bound=f"at least {ALIKE:.0%}")


def _same_fills(mine: Run, theirs: Run) -> bool:
    """Whether the same was traded; other words, deadlines or wishes that nothing came of make no other candidate."""
    return mine.frame.data_hash == theirs.frame.data_hash and np.array_equal(mine.equity, theirs.equity)


REFUSED, FEW = 0.9, 10
"""Share of the champion's wishes that filters may refuse where it has few fills, and how many are few in any case."""


def _champion_trades(mine: Run, theirs: Run, min_fills: int) -> Check:
    """What became of both sides' wishes: a configuration that one of them can't trade under decides who wins."""
    detail = f"candidate: {_became(mine)}; champion: {_became(theirs)}"
    wished, filled = len(theirs.orders), int(theirs.orders.filled.sum())
    refused = int((theirs.orders.rejected_by != "").sum())
    silenced = refused > REFUSED * wished and filled < max(min_fills, FEW)
    if silenced:
        detail += "; under this configuration the champion can't trade as it was promoted to"
    return Check("champion trades", "invalid" if silenced else "pass", detail)


def _became(run: Run) -> str:
    orders = run.orders
    if not len(orders):
        return "no wish to trade"
    by = Counter(str(name) for name in orders.rejected_by if name)
    refused = f", {by.total():,} refused ({', '.join(f'{name} {count:,}' for name, count in by.most_common(3))})"
    return f"{int(orders.filled.sum()):,} of {len(orders):,} wishes filled" + (refused if by else "")


def _differences(mine: dict[str, Any], theirs: dict[str, Any], above: str = "") -> Iterator[str]:
    """Keys whose values differ, with both values, dotted ("frictions.gas.gwei (1, 5)")."""
    for key, value in mine.items():
        other = theirs.get(key)
        if value == other:
            continue
        if isinstance(value, dict) and isinstance(other, dict):
            yield from _differences(value, other, f"{above}{key}.")
        else:
            yield f"{above}{key} ({value}, {other})"

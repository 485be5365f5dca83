"""What the verbs put into the trial ledger, and what they take from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rook_bench.gates import History
    from rook_bench.metrics import Analysis
    from rook_bench.trials import TrialLedger
    from rook_bench.trials.trial import Kind

YARDSTICKS = ("hold", "random", "always-buy", "foresight", "labels")
"""Sources that others are measured by; trying one is no try of a candidate."""


def record_trials(
    ledger: TrialLedger, analyses: Sequence[Analysis], kind: Kind, *, champion: Analysis | None = None
) -> None:
    """Put what was evaluated on record. What a gate judges is a candidate, whatever it is; its champion is not."""
    yardsticks = {
        analysis.run.run_hash for analysis in analyses if analysis.run.source.choice.plugin.name in YARDSTICKS
    }
    if kind == "gate":
        yardsticks.discard(analyses[0].run.run_hash)
    if champion is not None:
        yardsticks.add(champion.run.run_hash)
    ledger.record(analyses, kind, benchmarks=yardsticks)


def history_of(
    ledger: TrialLedger, candidate: Analysis, champion: Analysis | None, *, upto: str | None = None
) -> History:
    """What the ledger knows of this stretch of the pool and of the candidates tried on this very tape."""
    from rook_bench.gates import History

    frame = candidate.run.frame
    head = ledger.head if upto is None else upto
    looks, panel = ledger.looks(frame, upto=head), ledger.against(frame, candidate.clock, upto=head)
    own = {side.run.decided.tape.content_hash for side in (candidate, champion) if side is not None}
    others = [panel.returns[:, column] for column, trial in enumerate(panel.trials) if trial.decisions_hash not in own]
    return History(
        head=head,
        looks=looks.count,
        candidates=looks.candidates,
        others=tuple(others),
        first_at=looks.first_at or "",
        last_at=looks.last_at or "",
    )


def looks_of(history: History) -> dict[str, Any]:
    """What a report says about looks."""
    return {
        "count": history.looks,
        "candidates": history.candidates,
        "first_at": history.first_at,
        "last_at": history.last_at,
        "pbo": None,
    }

"""What evaluations put into the trial ledger, and what they take from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rook_bench.core.console import remark
from rook_bench.core.hashing import PACKAGE
from rook_bench.core.project import trials_folder
from rook_bench.gates import Tries
from rook_bench.metrics import Analysis
from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import Kind


def put_on_record(
    analyses: Sequence[Analysis],
    kind: Kind,
    trials: str | Path | None,
    *,
    asked: int,
    known: Sequence[Analysis] = (),
    champion: Analysis | None = None,
) -> Tries:
    """Record evaluations in the ledger, say where it lies, and return what it then knows of the first of them.

    Args:
        analyses: what was evaluated; the first is what is judged, if anything is.
        kind: by what.
        trials: folder of the ledger; the project's by default (see `core.project.trials_folder`).
        asked: how many of them, from the front, somebody asked for; the rest are yardsticks that the tool added.
        known: among those asked for, what was promoted before: to measure against it is no try.
        champion: what the first is judged against.
    """
    ledger = TrialLedger(Path(trials) if trials else trials_folder())
    new = not ledger.chain.path.exists()
    record_trials(ledger, analyses, kind, asked=asked, known=known)
    found = tries_of(ledger, analyses[0], champion)
    times = "once" if found.looks == 1 else f"{found.looks} times"
    remark(f"trial ledger: {ledger.folder}{' (new)' if new else ''}; this stretch of the pool was looked at {times}")
    return found


def record_trials(
    ledger: TrialLedger, analyses: Sequence[Analysis], kind: Kind, *, asked: int, known: Sequence[Analysis] = ()
) -> None:
    """Put what was evaluated on record; see `put_on_record`.

    Holding, which has nothing to tune, and sources that say that they know the future are yardsticks too.
    """
    yardsticks = {analysis.run.run_hash for analysis in (*analyses[asked:], *known)}
    for analysis in analyses[1:] if kind == "gate" else analyses:
        plugin = analysis.run.source.choice.plugin
        holds = plugin.name == "hold" and plugin.file.is_relative_to(PACKAGE)
        if holds or analysis.run.lookahead.status == "declared":
            yardsticks.add(analysis.run.run_hash)
    if kind == "gate":
        yardsticks.discard(analyses[0].run.run_hash)
    ledger.record(analyses, kind, benchmarks=yardsticks)


def tries_of(ledger: TrialLedger, candidate: Analysis, champion: Analysis | None, *, upto: str | None = None) -> Tries:
    """What the ledger knows of this stretch of the pool and of the candidates tried on this very tape."""
    frame = candidate.run.frame
    head = ledger.head if upto is None else upto
    looks, panel = ledger.looks(frame, upto=head), ledger.against(frame, candidate.clock, upto=head)
    own = {side.run.decided.tape.content_hash for side in (candidate, champion) if side is not None}
    others = [panel.returns[:, column] for column, trial in enumerate(panel.trials) if trial.decisions_hash not in own]
    return Tries(
        head=head,
        looks=looks.count,
        candidates=looks.candidates,
        others=tuple(others),
        first_at=looks.first_at or "",
        last_at=looks.last_at or "",
    )


def looks_of(tries: Tries) -> dict[str, Any]:
    """What a report says about looks."""
    return {
        "count": tries.looks,
        "candidates": tries.candidates,
        "first_at": tries.first_at,
        "last_at": tries.last_at,
        "pbo": None,
    }

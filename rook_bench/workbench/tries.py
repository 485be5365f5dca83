"""What evaluations put into the trial ledger, and what they take from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.console import remark, warn
from rook_bench.core.hash_chain import GENESIS
from rook_bench.core.hashing import PACKAGE
from rook_bench.core.project import trials_folder
from rook_bench.gates import Tries
from rook_bench.metrics import Analysis
from rook_bench.metrics.clock import Sampled
from rook_bench.promotion.record import Record
from rook_bench.replay.run import short_name
from rook_bench.trials import TrialLedger
from rook_bench.trials.questions import looks_at
from rook_bench.trials.trial import Kind, Trial, identity
from rook_bench.workbench.trials_branch import Exchange, TrialsBranch


def put_on_record(
    analyses: Sequence[Analysis],
    kind: Kind,
    trials: str | Path | None,
    *,
    asked: int,
    known: Sequence[Analysis] = (),
    champion: Analysis | None = None,
    shared: TrialsBranch | None = None,
) -> Tries:
    """Record evaluations in the ledger, say where it lies, and return what it then knows of the first of them.

    Args:
        analyses: what was evaluated; the first is what is judged, if anything is.
        kind: by what.
        trials: folder of the ledger; the project's by default (see `core.project.trials_folder`).
        asked: how many of them, from the front, somebody asked for; the rest are yardsticks that the tool added.
        known: among those asked for, what was promoted before: to measure against it is no try.
        champion: what the first is judged against.
        shared: a branch that the ledger is shared on; what was recorded is there before this returns.
    """
    ledger = TrialLedger(Path(trials) if trials else trials_folder())
    new = not ledger.chain.path.exists()
    record_trials(ledger, analyses, kind, asked=asked, known=known, champion=champion)
    if shared is not None:
        # No verdict names what was recorded just now, so that it does no harm where it stands.
        say_exchange(ledger, shared.push(ledger), unnamed=len(analyses))
    found = tries_of(ledger, analyses[0], champion)
    times = "once" if found.looks == 1 else f"{found.looks} times"
    remark(f"trial ledger: {ledger.folder}{' (new)' if new else ''}; this stretch of the pool was looked at {times}")
    return found


def say_exchange(ledger: TrialLedger, done: Exchange, *, unnamed: int = 0) -> None:
    """Say what a ledger and the branch that it is shared on gave each other.

    Args:
        unnamed: how many trials at the ledger's end no verdict can name yet.
    """
    remark(f"trial ledger: {done.fetched} new from {done.branch}, {done.pushed} new to it; {done.trials} trials there")
    warn_of_moves(ledger, done.moved - unnamed)


def warn_of_moves(ledger: TrialLedger, moved: int) -> None:
    """Say what it means for verdicts that trials which they name have moved."""
    if moved > 0:
        warn(
            f"{moved} trials of {ledger.folder} now stand behind others that were recorded meanwhile: "
            "judge again what was judged by them and is not promoted yet"
        )


def record_trials(
    ledger: TrialLedger,
    analyses: Sequence[Analysis],
    kind: Kind,
    *,
    asked: int,
    known: Sequence[Analysis] = (),
    champion: Analysis | None = None,
) -> None:
    """Put what was evaluated on record; see `put_on_record`.

    Holding, which has nothing to tune, and sources that say that they know the future are yardsticks too.
    """
    yardsticks = {analysis.run.run_hash for analysis in (*analyses[asked:], *known)}
    for analysis in analyses[1:] if kind == "gate" else analyses:
        plugin = analysis.run.source.choice.plugin
        holds = plugin.name == "hold" and plugin.file.is_relative_to(PACKAGE)
        # Anybody may declare that a source knows the future; of a built-in one it is true.
        if holds or (analysis.run.lookahead.status == "declared" and analysis.run.source.installed):
            yardsticks.add(analysis.run.run_hash)
    if kind == "gate":
        yardsticks.discard(analyses[0].run.run_hash)
    ledger.record(analyses, kind, benchmarks=yardsticks, champion=champion)


def require_promoted_trials(ledger: TrialLedger, models: Path) -> None:
    """Refuse a ledger that lacks trials which a promotion's verdict counted: every candidate would look like the first.

    Args:
        models: the models folder, which holds the promotion record.

    Raises:
        InputError: which promotion, and what to do.
    """
    for entry in Record(models).entries():
        require_trials(ledger, entry["trials_head"] or GENESIS, f"promotion {entry['seq']} of {models}")


def require_trials(ledger: TrialLedger, head: str, counted_by: str) -> None:
    """InputError where the ledger never ended with the entry of that hash."""
    if head != GENESIS and all(entry["hash"] != head for entry in ledger.chain.entries()):
        what = f"the trials that {counted_by} counted are not in this ledger"
        raise InputError(what, where=ledger.folder, hint="fetch it first (rook-bench trials pull), or name its place")


def require_own_look(ledger: TrialLedger, head: str, candidate: Analysis, verdict: str) -> None:
    """Refuse a head under which the candidate was never judged: the look itself is on record before the verdict is.

    Raises:
        InputError: where no look by a gate up to that entry is the candidate's.
    """
    own = candidate.run.run_hash
    looks = [trial for trial in ledger.trials(head) if trial.kind == "gate" and trial.run_hash == own]
    if not any(trial.role == "candidate" for trial in looks):
        what = f"{verdict} names an entry of the trial ledger before which its candidate was never judged"
        raise InputError(what, where=ledger.folder, hint="judge the candidate again with rook-bench gate")


def tries_of(ledger: TrialLedger, candidate: Analysis, champion: Analysis | None, *, upto: str | None = None) -> Tries:
    """What the ledger knows of tries on these swaps.

    A try is decisions, configuration and clock together: only the candidate's and the champion's very own are left out.
    """
    head = ledger.head if upto is None else upto
    seen = ledger.on_stretch(candidate.run.frame, upto=head)
    looks = looks_at(seen)
    own = {identity(side) for side in (candidate, champion) if side is not None}
    distinct: dict[tuple[str, str, int], Trial] = {}
    for trial in seen:
        # What training chose among is a look, and no rival: on these rows the adapter itself is refused.
        if trial.identity not in own and not trial.chose_only:
            distinct.setdefault(trial.identity, trial)
    others = {
        f"{short_name(trial.source)} (trial {trial.seq})": difference
        for trial in distinct.values()
        if (difference := _difference(ledger, trial, candidate, champion)) is not None
    }
    return Tries(
        head=head,
        looks=looks.count,
        candidates=looks.candidates,
        unknown=len(distinct) - len(others),
        others=tuple(others.values()),
        names=tuple(others),
        first_at=looks.first_at or "",
        last_at=looks.last_at or "",
    )


def _difference(
    ledger: TrialLedger, trial: Trial, candidate: Analysis, champion: Analysis | None
) -> NDArray[np.float64] | None:
    """What a try earned beyond a champion on this very tape, shape (n,); None where that is not known.

    Beyond the present one; under another configuration, beyond the one that it was judged against.
    """
    if trial.data_hash != candidate.run.frame.data_hash:
        return None
    if trial.config_hash != identity(candidate)[1] and (kept := ledger.paired_of(trial)) is not None:
        return kept
    returns = ledger.returns_of(trial)
    if returns is None or champion is None:
        return returns
    clock = champion.clock.model_copy(update={"bucket_s": trial.bucket_s})
    theirs = Sampled(champion.run, clock).log_returns
    return returns - theirs if len(theirs) == len(returns) else None


def looks_of(tries: Tries) -> dict[str, Any]:
    """What a report says about looks."""
    return {
        "count": tries.looks,
        "candidates": tries.candidates,
        "first_at": tries.first_at,
        "last_at": tries.last_at,
    }

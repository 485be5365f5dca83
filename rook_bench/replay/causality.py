"""Whether a run's decisions could have been made when they were: asked again, where nothing is remembered."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import RookError, mapped
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.core.hashing import PACKAGE
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.plugins import risk_filter, sizer, strategies_folder
from rook_bench.replay.apart import (
    AT_ONCE,
    Answer,
    AnswersQuestion,
    Asked,
    DecideQuestion,
    RiskQuestion,
    apart,
    installed_modules,
    workers,
)
from rook_bench.replay.run import Run
from rook_bench.risk import Permitted, RiskConfig, apply_risk
from rook_bench.sources import Source
from rook_bench.sources.lookahead import Asker, Lookahead, Question, Reply, Unanswered, check_source, choose_cuts
from rook_bench.sources.own_files import own_files
from rook_bench.sources.protocol import Wavers

ANSWERS = 64
"""Prompts that a language model is asked again, with nothing of what it answered before at hand."""

TOLERANCE = 1e-3
"""Largest difference of a probability between two computations of one answer; arithmetic depends on the batch."""

LARGEST_WAVERING = 0.35
"""Share of prompts that may be answered otherwise now and then, at most, for the answers to tell anything."""

COARSE = 2e-2
"""The same of an engine that computes with fewer bits."""


def look_again(run: Run, rng: np.random.Generator) -> Lookahead:
    """The look-ahead check made anew where it matters: more places, drawn so that nobody can know them.

    Each question is asked in a process of its own, which sees the tape cut or changed at the place asked about and
    never the whole of it; the whole tape comes last. So neither what the source keeps in memory, nor what the run's
    record says, nor its decisions are taken for granted; and what the source keeps in files is seen, because it
    has to read it. Of a language model some answers are computed anew, with none of its kept ones at hand.

    Args:
        run: the run, from disk or just made.
        rng: of the places; seeded by nothing that the run's maker could know.

    Returns:
        "unchecked" where the source can't be asked any more, is no longer what it was, or touched anything beside
        its own files; the detail says what.
    """
    source = run.source
    if not (source.recorded or source.unreachable):
        try:
            now = source.anew()
        except RookError as error:
            return Lookahead("unchecked", (), None, f"the source can't be asked again: {error}")
        if now.content != source.content:
            return Lookahead("unchecked", (), None, f"{source.reference} is not what it was when the run was made")
    ask = asker_of(source, run.config.seed, several=len(run.frame) > LONG)
    lookahead = check_source(source, run.frame, run.decided.tape, ask, rng=rng)
    if lookahead.status == "clean" and _answers_prompts(source):
        lookahead = _answers_again(run, lookahead, rng)
    return check_risk(run, lookahead, elsewhere=True)


LONG = 20_000
"""Swaps of a tape from which on a second process is started sooner than the first would be done."""


def asker_of(source: Source, seed: int, *, several: bool = False) -> Asker:
    """Asks a source in processes that remember nothing; several at once where that is faster."""
    prompts_only = _answers_prompts(source)
    own = own_files(source.choice)
    _ = source.built  # what it imports is imported
    whose, modules = Asked.of(source), installed_modules(own)

    def ask(question: Question) -> Answer:
        frame, rows = question()
        what = DecideQuestion(whose, frame.unlabelled, rows, seed, prompts_only)
        return apart().ask(what, own=own, modules=modules, watched=not source.installed)

    def ask_all(questions: Iterable[Question]) -> Iterator[Reply]:
        # Few at a time: answers that nobody has looked at yet are as long as the tape.
        coming, waiting = iter(questions), deque[Future[Answer]]()
        try:
            while True:
                for question in islice(coming, AT_ONCE + 1 - len(waiting)):
                    waiting.append(workers(several).submit(ask, question))
                if not waiting:
                    return
                answer = _untouched(waiting.popleft().result())
                yield Reply(answer.tape, answer.prompts)
        finally:
            for future in waiting:
                future.cancel()

    return ask_all


def _elsewhere(question: RiskQuestion | AnswersQuestion, **how: Any) -> Answer:
    return workers(False).submit(lambda: apart().ask(question, **how)).result()


def check_risk(run: Run, lookahead: Lookahead, *, elsewhere: bool = False) -> Lookahead:
    """A filter or sizer that sees the future is as bad as a source that does.

    Args:
        elsewhere: ask those that somebody wrote in processes that remember nothing.
    """
    return risk_lookahead(run.frame, run.decided.tape, run.config.risk, run.permitted, lookahead, elsewhere=elsewhere)


def risk_lookahead(
    frame: SwapFrame,
    tape: DecisionTape,
    risk: RiskConfig,
    permitted: Permitted,
    lookahead: Lookahead,
    *,
    elsewhere: bool = False,
) -> Lookahead:
    """What `check_risk` finds, of the parts of a run.

    Args:
        frame, tape: the swaps and the decisions.
        risk, permitted: sizing and filters, and what they made of the decisions.
        lookahead: what is known of the source; elsewhere: as there.
    """
    if lookahead.status in ("leak", "declared"):
        return lookahead
    # Recorded decisions can't be asked for again, but what judges them can.
    plugins = [sizer.choose(risk.sizer).plugin, *(risk_filter.choose(reference).plugin for reference in risk.filters)]
    written = [plugin.file for plugin in plugins if not plugin.file.is_relative_to(PACKAGE)]
    own = [*written, *([strategies_folder()] if written else [])]
    for cut in sorted(lookahead.cuts or choose_cuts(tape, np.random.default_rng(0))[0]):
        if elsewhere and written:
            question = RiskQuestion(risk, frame.bare[:cut].unlabelled, tape.head(cut))
            try:
                answer = _untouched(_elsewhere(question, own=own))
            except Unanswered as problem:
                return replace(lookahead, status="unchecked", detail=f"sizing or filters: {problem}")
            assert answer.permitted is not None
            fraction, refused_by = answer.permitted
        else:
            again = apply_risk(risk, MarketView.whole(frame.bare[:cut]), tape.head(cut))
            fraction, refused_by = again.fraction, again.refused_by
        for mine, theirs in ((permitted.fraction, fraction), (permitted.refused_by, refused_by)):
            changed = np.flatnonzero(mine[:cut] != theirs)
            if len(changed):
                detail = f"with the future after row {cut} cut off, sizing or filters changed at row {changed[0] + 1}"
                return Lookahead("leak", lookahead.cuts, int(changed[0]), detail)
    return lookahead


def _untouched(answer: Answer) -> Answer:
    """The answer, if it is one and rests on nothing but what its author's files say and what was shown."""
    if answer.touched:
        # Whoever reads a file looked whether it is there: what was read says more.
        first = next((what for what in answer.touched if not what.startswith("looked at")), answer.touched[0])
        more = f" and {len(answer.touched) - 1} more" if len(answer.touched) > 1 else ""
        raise Unanswered(
            f"when it was asked again it {first}{more}, which its own files don't tell of, so that nobody "
            "can say what it knew; what belongs to a plugin is declared with files=[...]"
        )
    if answer.error:
        raise Unanswered(f"asked again in a process of its own, it failed: {' '.join(answer.error.split())[:300]}")
    return answer


def _answers_prompts(source: Source) -> bool:
    """Whether its decisions follow from its prompts one by one: so do those of the models that come with the tool."""
    return source.installed and source.language_model


def _answers_again(run: Run, lookahead: Lookahead, rng: np.random.Generator) -> Lookahead:
    """Some of a language model's answers computed anew, by weights that are loaded for it."""
    source, tape = run.source, run.decided.tape
    texts = source.prompts(run.frame, len(run.frame)) or []
    rows = _sample(texts, tape, rng)
    if not len(rows):
        return lookahead
    asked = [texts[row] for row in rows]
    with tempfile.TemporaryDirectory(prefix="rook-bench-") as empty:
        built = source.built
        budget = built.budget if isinstance(built, Wavers) else None
        answer = _elsewhere(
            AnswersQuestion(Asked.of(source), asked, run.frame.pool, budget), watched=False, cache=Path(empty)
        )
        if isinstance(built, Wavers) and answer.budget is not None:
            built.budget = answer.budget
    if answer.error or answer.tape is None:
        what = " ".join(answer.error.split())[:300]
        return replace(lookahead, status="unchecked", detail=f"its answers could not be computed anew: {what}")
    engine = str(source.choice.params.get("engine", "torch"))
    tolerance = TOLERANCE if engine in ("torch", "fp32") and not isinstance(built, Wavers) else COARSE
    other = np.flatnonzero(_differs(tape, rows, answer.tape, tolerance))
    if len(other) and isinstance(built, Wavers):
        return _wavered(answer.wavering, lookahead, len(other), len(rows))
    if len(other):
        row = int(rows[other[0]])
        detail = f"computed anew, its answer at row {row + 1} is another one; {len(other)} of {len(rows)} asked differ"
        return Lookahead("leak", lookahead.cuts, row, detail)
    return replace(lookahead, detail=f"{lookahead.detail}; {len(rows)} of its answers were computed anew")


def _wavered(tried: Any, lookahead: Lookahead, differ: int, asked: int) -> Lookahead:
    """Whether so many answers that are others are what a source's own wavering leads to expect."""
    from scipy.stats import beta, binom

    said = f"{differ} of {asked} answers were others when they were asked again"
    if tried is None:
        why = "how often the same question is answered otherwise is not tried (repeats=3 tries it)"
        return replace(lookahead, status="unchecked", detail=f"{said}; {why}")
    # At most so often does one answer of two differ, by what was tried (rule of succession at one side of 95%).
    most = (
        float(beta.ppf(0.95, tried.differ + 1, tried.prompts - tried.differ)) if tried.differ < tried.prompts else 1.0
    )
    if most > LARGEST_WAVERING:
        what = f"{said}, and its answers waver too much to tell anything from that ({tried})"
        return replace(lookahead, status="unchecked", detail=what)
    if differ > float(binom.ppf(0.99, asked, most)):
        what = f"{said}, more than its own wavering explains ({tried})"
        return replace(lookahead, status="unchecked", detail=what)
    return replace(lookahead, detail=f"{lookahead.detail}; {said}, as its own wavering explains ({tried})")


def _sample(texts: Sequence[str], tape: DecisionTape, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of different prompts, half of them where it wished to trade."""
    # Eight bytes tell texts apart: that two of them are taken for one costs a sample nothing.
    told = mapped.by_part(len(texts), lambda part: _numbered(texts[part]), np.int64)
    numbers, first = np.unique(told, return_index=True)
    rows = np.sort(first[numbers != 0])
    trades = rows[tape.trades[rows]]
    chosen = rng.choice(trades, size=min(ANSWERS // 2, len(trades)), replace=False)
    others = np.setdiff1d(rows, chosen)
    more = rng.choice(others, size=min(ANSWERS - len(chosen), len(others)), replace=False)
    return np.sort(np.concatenate([chosen, more])).astype(np.intp)


def _numbered(texts: Sequence[str]) -> NDArray[np.int64]:
    """A number for each text, 0 for an empty one."""
    return np.array([hash(text) if text else 0 for text in texts], dtype=np.int64)


def _differs(tape: DecisionTape, rows: NDArray[np.intp], anew: DecisionTape, tolerance: float) -> NDArray[np.bool_]:
    """Where an answer is another one: in its numbers, or in its side by more than arithmetic can do."""
    kept: dict[str, Any] = {name: getattr(tape, name)[rows] for name in ("side", "confidence", "slippage_bps", "size")}
    same_side = kept["side"] == anew.side
    odds = np.abs(kept["confidence"] - anew.confidence)
    near = np.where(np.isnan(kept["confidence"]) & np.isnan(anew.confidence), True, odds <= tolerance)
    numbers = (kept["size"] == anew.size) & (kept["slippage_bps"] == anew.slippage_bps)
    tied = ~same_side & near & (kept["confidence"] < 0.5 + tolerance) & (kept["side"] != UNPARSED)
    return ~((same_side & near & numbers) | tied)

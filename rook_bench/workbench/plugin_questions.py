"""What a plugin of each kind is asked before it is trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np

from rook_bench.core import Estimate, RookError
from rook_bench.core.blame import place_of, told
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.frictions import Frictions, Gas
from rook_bench.gates.check import Check, Status
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import Choice
from rook_bench.replay import ReplayConfig, Run
from rook_bench.replay.causality import asker_of
from rook_bench.replay.engine import assemble
from rook_bench.risk import Limits, RiskConfig, apply_risk
from rook_bench.sources import Ask, Decided, Source
from rook_bench.sources.lookahead import (
    MANY_CUTS,
    Lookahead,
    check_source,
    choose_cuts,
    first_difference,
    in_process,
    scramble_future,
)
from rook_bench.sources.protocol import ShowsPrompts

BUILDS, ANSWERS, UNTOUCHED = "builds", "answers", "leaves what it sees as it was"
SAME, CAUSAL, FORGETS = "same seed, same output", "no look-ahead", "lookback"

WINDOWS, TAIL = 6, 5
"""Places at which a source is shown no more than its lookback, and how many decisions are compared at each."""

ROUNDING = 1e-6
"""How far a model's confidence may differ with the shape of the batch that it was computed in."""

CHEAP = ReplayConfig(frictions=Frictions(gas=Gas(flat_quote=0.05)))
"""Gas in quote, so that any pair can be replayed."""

TRADERS = ("hold", "always-buy", "random:0.3")
"""Whose runs a metric is tried on: none, only one side, and both sides traded."""


@dataclass(frozen=True)
class PluginCheck:
    """One question to a plugin, and its answer in a sentence."""

    name: str
    passed: bool
    detail: str


class Broken(Exception):
    """A check failed, and those after it have no sense."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.check = PluginCheck(name, False, detail)


def _passed(name: str, detail: str) -> PluginCheck:
    return PluginCheck(name, True, detail)


def _tried(name: str, choice: Choice, act: Callable[..., Any], *arguments: Any) -> Any:
    """What an action gives; Broken under the check's name where it fails."""
    try:
        return act(*arguments)
    except Broken:
        raise
    except Exception as error:  # a plugin may fail in any way
        writes = isinstance(error, ValueError) and ("read-only" in str(error) or "WRITEABLE" in str(error))
        said = str(error) if isinstance(error, RookError) else told(error, choice.plugin.factory, choice.plugin.file)
        raise Broken(UNTOUCHED if writes else name, said) from None


def _built(choice: Choice, build: Callable[[], Any] | None = None) -> tuple[Any, PluginCheck]:
    built = _tried(BUILDS, choice, build or choice.build)
    return built, _passed(BUILDS, f"with {', '.join(choice.params)}" if choice.params else "with its defaults")


def ask_source(choice: Choice, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    """A decision source."""
    source = Source.chosen(choice)
    yield _built(choice, lambda: source.built)[1]
    view, rows = MarketView.whole(frame, labels=source.reads_labels), len(frame)
    before = _seen(view)

    def answer() -> DecisionTape:
        return source.answer(view, Ask(rows, np.random.default_rng(seed), frame.data_hash))

    first = _tried(ANSWERS, choice, answer)
    _tried(ANSWERS, choice, _check_texts, source, view)
    counts = ", ".join(f"{count} {name}" for name, count in first.counts().items())
    yield _passed(ANSWERS, f"one valid decision for each of {rows} swaps: {counts}")
    yield _untouched(before, _seen(view))
    try:
        others, asker = [source, source.anew()], asker_of(source, seed)
    except RookError:  # what stands in no file of its own can only be built again
        others, asker = [source, replace(source)], in_process(lambda: replace(source), seed)
    for again in others:
        row = first_difference(first, _tried(SAME, choice, again.ask, frame, seed))
        if row is not None:
            hint = "take random numbers from ask.rng"
            raise Broken(SAME, f"asked again with the same seed, it decides otherwise at row {row + 1}; {hint}")
    yield _passed(SAME, "asked again, it decides the same")
    rng = np.random.default_rng(seed)
    found = _tried(CAUSAL, choice, lambda: check_source(source, frame, first, asker, rng=rng))
    if not source.recorded:
        if found.status not in ("clean", "declared"):
            raise Broken(CAUSAL, found.detail)
        yield _passed(CAUSAL, found.detail)
    yield _looked_back(source, choice, frame, first, seed)


def _looked_back(source: Source, choice: Choice, frame: SwapFrame, whole: DecisionTape, seed: int) -> PluginCheck:
    """Whether the swaps that a source declares to look back at are all that its decisions follow from."""
    need = _tried(FORGETS, choice, lambda: source.lookback)
    if need is None:
        return _passed(FORGETS, "it declares none: all swaps may matter")
    if need < 0:
        raise Broken(FORGETS, f"it declares {need} swaps")
    if need + TAIL >= len(frame):
        return _passed(FORGETS, f"it declares {need:,} swaps, more than the {len(frame):,} that it was tried on have")
    rng = np.random.default_rng(seed)
    for last in rng.integers(need + TAIL, len(frame), WINDOWS).tolist():
        first = last - TAIL - need + 1
        window = frame[first : last + 1]
        seen = _tried(FORGETS, choice, source.ask, window, seed).rows(slice(need, need + TAIL))
        known = whole.rows(slice(last - TAIL + 1, last + 1))
        if source.language_model and np.allclose(seen.confidence, known.confidence, 0, ROUNDING, equal_nan=True):
            seen = replace(seen, confidence=known.confidence, reason=known.reason)  # which tells it in digits
        # What a model said word for word is kept where it was asked, and is no decision.
        row = first_difference(*(replace(one.bare, raw_text=None) for one in (known, seen)))
        if row is not None:
            where = last - TAIL + row + 2
            raise Broken(
                FORGETS, f"shown only the {need:,} swaps that it declares, it decides otherwise at row {where}"
            )
    return _passed(FORGETS, f"shown the last {need:,} swaps alone, it decides the same")


def _check_texts(source: Source, view: MarketView) -> None:
    if not isinstance(source.built, ShowsPrompts):
        return
    texts = source.built.prompts(view)
    if len(texts) != len(view) or not all(isinstance(text, str) for text in texts):
        raise Broken(ANSWERS, f"its prompts are not one text for each of {len(view)} swaps")


def ask_sizer(choice: Choice, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    """A sizer."""
    yield _built(choice)[1]
    yield from _ask_risk(choice, RiskConfig(sizer=choice.reference), frame, seed)


def ask_filter(choice: Choice, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    """A risk filter; one that gives Limits is applied by the replay loop, and has nothing to look ahead at."""
    built, check = _built(choice)
    yield check
    if isinstance(built, Limits):
        yield _passed(ANSWERS, f"limits for the ledger: {built}")
    else:
        yield from _ask_risk(choice, RiskConfig(filters=(choice.reference,)), frame, seed)


def _ask_risk(choice: Choice, config: RiskConfig, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    decisions = Source.parse("random:0.5").ask(frame, seed)

    def answer(view: MarketView) -> bytes:
        permitted = apply_risk(config, view, decisions.head(len(view)))
        return np.column_stack([permitted.fraction, permitted.refused_by]).tobytes()

    view, wished = MarketView.whole(frame), decisions.content_hash
    before = _seen(view)
    first = _tried(ANSWERS, choice, answer, view)
    yield _passed(ANSWERS, f"one valid answer for each of {len(frame)} wishes")
    yield _untouched(before | {"decisions": wished}, _seen(view) | {"decisions": decisions.content_hash})
    if _tried(SAME, choice, answer, view) != first:
        raise Broken(SAME, "asked again about the same wishes, it answers otherwise")
    yield _passed(SAME, "asked again, it answers the same")
    width, rng = len(first) // len(frame), np.random.default_rng(seed)
    cuts = choose_cuts(decisions, rng, MANY_CUTS)[0]
    for cut in cuts:
        for changed in (frame[:cut], scramble_future(frame, cut, rng)):
            again = _tried(CAUSAL, choice, answer, MarketView.whole(changed))
            if again[: cut * width] != first[: cut * width]:
                raise Broken(CAUSAL, f"with the future after row {cut} changed, an answer before it changed")
    yield _passed(CAUSAL, f"answers stayed the same with the future changed at {len(cuts)} places")


def ask_metric(choice: Choice, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    """A metric, tried on runs that trade and one that does not."""
    plugin, unit = choice.plugin, choice.plugin.traits.get("unit")
    if unit is None:
        raise Broken(BUILDS, "its decorator states no unit: write @metric(unit=...)")
    runs = [_run(reference, frame, seed) for reference in TRADERS]
    before = [_made_of(run) for run in runs]
    answers = []
    for run in runs:
        estimate = _tried(ANSWERS, choice, plugin.factory, Sampled(run, Clock()))
        where = place_of(plugin.factory, plugin.file)
        if not isinstance(estimate, Estimate):
            raise Broken(ANSWERS, f"it gave {type(estimate).__name__} and no Estimate ({where})")
        if estimate.unit != unit:
            raise Broken(ANSWERS, f"its Estimate is in '{estimate.unit}', its decorator says '{unit}' ({where})")
        answers.append(estimate)
    said = "; ".join(f"{reference} {estimate}" for reference, estimate in zip(TRADERS, answers, strict=True))
    yield _passed(ANSWERS, said)
    if [_made_of(run) for run in runs] != before:
        raise Broken(UNTOUCHED, "it changed the run that it measured")
    yield _passed(UNTOUCHED, "the runs are as they were")
    if [_tried(SAME, choice, plugin.factory, Sampled(run, Clock())) for run in runs] != answers:
        raise Broken(SAME, "asked again about the same run, it says another number")
    yield _passed(SAME, "asked again, it says the same")


def ask_check(choice: Choice, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    """A gate check, asked with a champion and without."""
    built, check = _built(choice)
    yield check
    champion, candidate = (analyse(_run(reference, frame, seed)) for reference in (TRADERS[0], TRADERS[-1]))
    before = [_made_of(one.run) for one in (candidate, champion)]

    def answers() -> list[Any]:
        return [built(candidate, champion), built(candidate, None)]

    first = _tried(ANSWERS, choice, answers)
    for answer in first:
        if not isinstance(answer, Check) or answer.status not in get_args(Status):
            raise Broken(ANSWERS, "it did not give a Check with a known status")
    yield _passed(ANSWERS, f"{first[0].status} against a champion, {first[1].status} without one")
    if [_made_of(one.run) for one in (candidate, champion)] != before:
        raise Broken(UNTOUCHED, "it changed the runs that it judged")
    yield _passed(UNTOUCHED, "the runs are as they were")
    if _tried(SAME, choice, answers) != first:
        raise Broken(SAME, "asked again about the same runs, it judges otherwise")
    yield _passed(SAME, "asked again, it judges the same")


def ask_importer(choice: Choice, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    """An importer; what it reads is its own, so only that it can be made is asked."""
    del frame, seed
    yield _built(choice)[1]


def _run(reference: str, frame: SwapFrame, seed: int) -> Run:
    source = Source.parse(reference)
    decided = Decided(source, source.ask(frame, seed), "", reused=False)
    return assemble(frame, decided, CHEAP, Lookahead("unchecked", (), None, "made to try a plugin on"))


def _seen(view: MarketView) -> dict[str, str]:
    """Hash of everything that a view shows, by name."""
    columns: dict[str, Any] = {name: view[name] for name in view.names} | view.labels()
    return {name: _hash(column) for name, column in columns.items()}


def _made_of(run: Run) -> tuple[str, ...]:
    frame = replace(run.frame)  # whose hash is not known yet
    orders = tuple(_hash(getattr(run.orders, name)) for name in ("row", "outcome", "side"))
    return (frame.data_hash, run.decided.tape.content_hash, _hash(run.equity), _hash(run.hold_equity), *orders)


def _hash(column: Any) -> str:
    data = "\0".join(map(str, column)).encode() if column.dtype == object else column.tobytes()
    return hashlib.sha256(data).hexdigest()


def _untouched(before: dict[str, str], after: dict[str, str]) -> PluginCheck:
    changed = [name for name in before if after[name] != before[name]]
    if changed:
        raise Broken(UNTOUCHED, f"it changed {', '.join(changed[:3])}")
    return _passed(UNTOUCHED, f"all of {len(before)} columns are as they were")


OF_KIND: dict[str, Callable[[Choice, SwapFrame, int], Iterator[PluginCheck]]] = {
    "decision_source": ask_source,
    "sizer": ask_sizer,
    "risk_filter": ask_filter,
    "metric": ask_metric,
    "gate_check": ask_check,
    "importer": ask_importer,
}
"""What is asked of a plugin, by its kind."""

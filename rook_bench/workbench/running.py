"""Named sources replayed and measured on one tape; nothing is put on record here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from rook_bench.core import ConfigError
from rook_bench.core.console import err, on_terminal, remark, warn
from rook_bench.core.reference import short_name
from rook_bench.dataset.rule_cautions import rule_cautions
from rook_bench.dataset.rules import Rules
from rook_bench.engines import Engine
from rook_bench.ingest.read import read_swaps
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.metrics import analyse
from rook_bench.replay import Run, replay
from rook_bench.replay.cautions import cautions, refusals
from rook_bench.replay.engine import check_assumptions, replay_decided
from rook_bench.replay.naming import names_of
from rook_bench.sources import Decided, Source
from rook_bench.tapecheck.check import TapeCheck, check_tape
from rook_bench.workbench.asking import asked_elsewhere
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.evaluation import Evaluation

Tape = SwapFrame | str | Path | Callable[[], SwapFrame]
"""Swaps in memory, what `read_swaps` reads, or a function that reads them: called once all else was found in order."""

Asked = Source | str | Callable[..., Any]
"""A source, the reference of one ("NAME=REFERENCE" gives it a name of one's own), or a function (see `Source.of`)."""

Named = tuple[str, Source]
"""A source and the name that somebody gave it, "" where nobody did."""

_NAMED = re.compile(r"([A-Za-z0-9_.-]+)=(.+)", re.DOTALL)


def tape_of(tape: Tape) -> SwapFrame:
    """The swaps, read where they are not in memory yet."""
    if isinstance(tape, SwapFrame):
        return tape
    return read_swaps(tape) if isinstance(tape, str | Path) else tape()


def named(sources: Sequence[Asked] | Mapping[str, Asked]) -> list[Named]:
    """The sources with the names they were given, each once; one that was given two names is two.

    Raises:
        ConfigError: for two sources of one name.
        InputError, UnknownName: for a source that there is not.
    """
    if isinstance(sources, Mapping):
        pairs = [(name, Source.parse(source)) for name, source in sources.items()]
    else:
        pairs = [_named(source) for source in sources]
    found: dict[tuple[str, str, str], Named] = {}
    for name, source in pairs:
        twin = next((other for other in found.values() if name and other[0] == name), None)
        if twin is not None and twin[1].reference != source.reference:
            raise ConfigError(f"two sources are called '{name}'", where=source.reference, hint="give each its own name")
        # Two functions may have one name; what they are tells them apart, and where it can't be told, both are kept.
        what = source.content or str(id(source)) if source.spec.in_memory else ""
        found.setdefault((name, source.reference, what), (name, source))
    return list(found.values())


def _named(source: Asked) -> Named:
    if not isinstance(source, str):
        return "", Source.parse(source)
    match = _NAMED.fullmatch(source)
    # What stands before "=" is a name only where no reference has begun: "momentum:lookback=5" has none.
    return ("", Source.parse(source)) if match is None else (match[1], Source.parse(match[2]))


def run_sources(
    frame: SwapFrame,
    sources: Sequence[Named],
    config: BenchConfig,
    *,
    benchmarks: bool = False,
    fresh: bool = False,
    engine: Engine | None = None,
) -> list[Evaluation]:
    """Replay every source on `frame` and measure it, in the order given; no two are called the same.

    Args:
        benchmarks: holding the initial mix and chance at the first source's rate are added where they are not
            among the sources.
        fresh: ask sources again even if their decisions are kept.
        engine: where they are asked, side by side; here, one after the other, by default.
    """
    for line in cautions(frame, config.replay()):
        remark(line)
    check = check_tape(frame)
    labelled = told_apart(sources)
    asked: list[Decided | None] = [None] * len(labelled)
    if engine is not None:
        check_assumptions(frame, config.replay())
        asked = asked_elsewhere(frame, [source for _, source in labelled], engine, seed=config.seed, fresh=fresh)
    evaluations: list[Evaluation] = []
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        task = progress.add_task("replaying", total=len(sources) + 2 * benchmarks)
        for (name, source), decided in zip(labelled, asked, strict=True):
            progress.update(task, description=f"replaying {name or source.reference}")
            evaluations.append(_one(frame, name, source, config, fresh, check, decided))
            progress.advance(task)
        for reference in _benchmarks(evaluations) if benchmarks else []:
            progress.update(task, description=f"replaying {reference}")
            taken = reference in [evaluation.name for evaluation in evaluations]
            name = f"{reference} (benchmark)" if taken else ""
            evaluations.append(_one(frame, name, Source.parse(reference), config, fresh, check))
            progress.advance(task)
    return evaluations


def told_apart(sources: Sequence[Named]) -> list[Named]:
    """The sources with a name where their short one would be another's too.

    Raises:
        ConfigError: where somebody gave one source the name that another goes by.
    """
    own = [source.reference for name, source in sources if not name]
    names = dict(zip(own, names_of(own), strict=True))
    given = {name for name, _ in sources if name}
    for reference, name in names.items():
        if name in given:
            raise ConfigError(f"two sources are called '{name}'", where=reference, hint="give each its own name")
    return [
        (name or ("" if names[source.reference] == short_name(source.reference) else names[source.reference]), source)
        for name, source in sources
    ]


def _one(
    frame: SwapFrame,
    name: str,
    source: Source,
    config: BenchConfig,
    fresh: bool,
    check: TapeCheck,
    decided: Decided | None = None,
) -> Evaluation:
    if decided is None:
        run = replay(frame, source, config.replay(), label=name, progress=on_terminal(), fresh=fresh, tape_check=check)
    else:
        run = replace(replay_decided(frame, decided, config.replay(), tape_check=check), label=name)
    for note in (*run.decided.notes, *silence_of(run.decided), *refusals(run), *_rules_apart(run)):
        remark(f"{run.name}: {note}")
    if run.decided.reused:
        remark(f"{run.name}: decisions reused from an earlier run")
    if run.lookahead.status == "leak":
        warn(f"{run.name}: LOOK-AHEAD, {run.lookahead.detail}; this run can't get a verdict")
    return Evaluation.of(analyse(run, config.clock))


def _rules_apart(run: Run) -> list[str]:
    """Where rules from a file don't suit the pool they are asked on."""
    source = run.source
    if source.choice.plugin.name != "rules" or source.reference == "rules":
        return []
    view = MarketView.whole(run.frame)
    return rule_cautions(Rules.from_file(source.choice.params["config"]), view, run.decided.tape)


def silence_of(decided: Decided) -> list[str]:
    """A line where a source never wished to trade, though that is not its nature, and for the rules what to do."""
    if decided.tape.action_rate > 0 or decided.source.choice.plugin.name == "hold":
        return []
    line = "it never wished to trade on this tape"
    if decided.source.reference == "rules":
        rules = Rules()
        line += (
            f"; its thresholds are ROOK's own (deviation {rules.mr_price_deviation_threshold:.1%} at "
            f"{rules.mr_volume_multiplier:g} times the volume, or momentum {rules.breakout_price_momentum:.1%} at "
            f"{rules.breakout_volume_threshold:g} times): give others with rules:FILE"
        )
    return [line]


def _benchmarks(evaluations: Sequence[Evaluation]) -> list[str]:
    plugins = {evaluation.run.source.choice.plugin.name for evaluation in evaluations}
    missing = [] if "hold" in plugins else ["hold"]
    rate = evaluations[0].run.decided.tape.action_rate
    if "random" not in plugins and 0 < rate < 1:
        missing.append(f"random:{rate:.3f}")
    return missing


def with_options(
    references: Sequence[str], engine: str | None = None, mode: str | None = None, *, transfer: bool = False
) -> list[str]:
    """The references, with engine and mode given to those that are language models, and transfer to those that take it.

    Raises:
        ConfigError: where none of them is one.
    """
    given = {"engine": engine, "mode": mode, "transfer": "true" if transfer else None}
    given = {key: value for key, value in given.items() if value is not None}
    if not given:
        return list(references)
    sources = [_named(reference)[1] for reference in references]
    if not any(source.language_model for source in sources):
        raise ConfigError("none of the sources is a language model", where=f"--{next(iter(given))}", hint="drop it")
    told = []
    for reference, source in zip(references, sources, strict=True):
        takes = source.choice.plugin.parameters
        own = [f"{key}={value}" for key, value in given.items() if key != "transfer" or key in takes]
        told.append(",".join([reference, *own]) if source.language_model else reference)
    return told

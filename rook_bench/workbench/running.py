"""Named sources replayed and measured on one tape; nothing is put on record here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.progress import Progress

from rook_bench.core import ConfigError
from rook_bench.core.console import err, on_terminal, remark, warn
from rook_bench.ingest.read import read_swaps
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.sources import Source
from rook_bench.tapecheck.check import TapeCheck, check_tape
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.evaluation import Evaluation

Tape = SwapFrame | str | Path
"""Swaps in memory, or what `read_swaps` reads."""

Asked = Source | str
"""A source, or the reference of one; "NAME=REFERENCE" gives it a name of one's own."""

Named = tuple[str, Source]
"""A source and the name that somebody gave it, "" where nobody did."""

_NAMED = re.compile(r"([A-Za-z0-9_.-]+)=(.+)", re.DOTALL)


def tape_of(tape: Tape) -> SwapFrame:
    """The swaps, read where they are a file or folder."""
    return tape if isinstance(tape, SwapFrame) else read_swaps(tape)


def named(sources: Sequence[Asked] | Mapping[str, Asked]) -> list[Named]:
    """The sources with the names they were given, each once.

    Raises:
        ConfigError: for two sources of one name.
        InputError, UnknownName: for a source that there is not.
    """
    if isinstance(sources, Mapping):
        pairs = [
            (name, source if isinstance(source, Source) else Source.parse(source)) for name, source in sources.items()
        ]
    else:
        pairs = [_named(source) for source in sources]
    found: dict[tuple[str, str], Named] = {}
    for name, source in pairs:
        twin = next((other for other in found.values() if name and other[0] == name), None)
        if twin is not None and twin[1].reference != source.reference:
            raise ConfigError(f"two sources are called '{name}'", where=source.reference, hint="give each its own name")
        found.setdefault((name, source.reference), (name, source))
    return list(found.values())


def _named(source: Asked) -> Named:
    if isinstance(source, Source):
        return "", source
    match = _NAMED.fullmatch(source)
    # What stands before "=" is a name only where no reference has begun: "momentum:lookback=5" has none.
    return ("", Source.parse(source)) if match is None else (match[1], Source.parse(match[2]))


def run_sources(
    frame: SwapFrame, sources: Sequence[Named], config: BenchConfig, *, benchmarks: bool = False, fresh: bool = False
) -> list[Evaluation]:
    """Replay every source on `frame` and measure it, in the order given.

    Args:
        benchmarks: holding the initial mix and chance at the first source's rate are added where they are not
            among the sources.
        fresh: ask sources again even if their decisions are kept.
    """
    check = check_tape(frame)
    evaluations: list[Evaluation] = []
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        task = progress.add_task("replaying", total=len(sources) + 2 * benchmarks)
        for name, source in sources:
            progress.update(task, description=f"replaying {name or source.reference}")
            evaluations.append(_one(frame, name, source, config, fresh, check))
            progress.advance(task)
        for reference in _benchmarks(evaluations) if benchmarks else []:
            progress.update(task, description=f"replaying {reference}")
            evaluations.append(_one(frame, "", Source.parse(reference), config, fresh, check))
            progress.advance(task)
    return evaluations


def _one(frame: SwapFrame, name: str, source: Source, config: BenchConfig, fresh: bool, check: TapeCheck) -> Evaluation:
    run = replay(frame, source, config.replay(), label=name, progress=on_terminal(), fresh=fresh, tape_check=check)
    for note in run.decided.notes:
        remark(f"{run.name}: {note}")
    if run.decided.reused:
        remark(f"{run.name}: decisions reused from an earlier run")
    if run.lookahead.status == "leak":
        warn(f"{run.name}: LOOK-AHEAD, {run.lookahead.detail}; this run can't get a verdict")
    return Evaluation.of(analyse(run, config.clock))


def _benchmarks(evaluations: Sequence[Evaluation]) -> list[str]:
    plugins = {evaluation.run.source.choice.plugin.name for evaluation in evaluations}
    missing = [] if "hold" in plugins else ["hold"]
    rate = evaluations[0].run.decided.tape.action_rate
    if "random" not in plugins and 0 < rate < 1:
        missing.append(f"random:{rate:.3f}")
    return missing


def with_options(references: Sequence[str], engine: str | None, mode: str | None) -> list[str]:
    """The references, with engine and mode given to those that are language models.

    Raises:
        ConfigError: where none of them is one.
    """
    given = ",".join(f"{key}={value}" for key, value in (("engine", engine), ("mode", mode)) if value is not None)
    if not given:
        return list(references)
    models = [_named(reference)[1].language_model for reference in references]
    if not any(models):
        raise ConfigError("none of the sources is a language model", where=f"--{given.split('=')[0]}", hint="drop it")
    return [f"{reference},{given}" if model else reference for reference, model in zip(references, models, strict=True)]

"""Ask a source once, keep its decisions, and answer from what was kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import DECIDING, sha256_code, sha256_json
from rook_bench.market.frame import SwapFrame
from rook_bench.sources.source import Source


@dataclass(frozen=True)
class Decided:
    """Decisions with where they came from.

    Attributes:
        source, tape: who decided what.
        key: hash of source, data and seed.
        reused: whether they were kept from an earlier time.
        notes: what the source said about its work.
        seconds_per_decision: time to decide all rows over their number, when they were asked; None where
            that is not known.
    """

    source: Source
    tape: DecisionTape
    key: str
    reused: bool
    notes: tuple[str, ...] = ()
    seconds_per_decision: float | None = None


def decision_key(source: Source, frame: SwapFrame, seed: int) -> str:
    """The name under which decisions are kept. Any change in source, code or data changes it."""
    parts = {
        "spec": source.spec.to_json(),
        "content": source.content,
        "data": frame.data_hash,
        "seed": seed,
        "code": sha256_code(*DECIDING),
    }
    return sha256_json(parts)


def decide(source: Source, frame: SwapFrame, *, seed: int = 0, progress: bool = False, fresh: bool = False) -> Decided:
    """The source's decisions on `frame`, from the decision tape kept under their key if there is one.

    Decisions are kept and reused only where the key tells all that they came from (see `Source.reusable`).

    Args:
        fresh: ask again even if the decisions are kept.
    """
    from rook_bench.sources.saved import read_decisions  # Arrow, which naming a source doesn't need

    source = source.now()
    key = decision_key(source, frame, seed)
    kept = cache_folder() / "decisions" / f"{key}.parquet"
    if not fresh and source.reusable and kept.is_file():
        try:
            tape, facts = read_decisions(kept)
            return Decided(source, tape, key, reused=True, seconds_per_decision=facts.get("seconds_per_decision"))
        except InputError:
            kept.unlink(missing_ok=True)  # a damaged file in the cache is asked for again
    started = time.perf_counter()
    tape = source.ask(frame, seed, progress=progress, fresh=fresh)
    each = None if source.recorded else (time.perf_counter() - started) / len(frame)
    if source.reusable and source.now() is source:  # asking has changed nothing that it reads
        _keep(tape, kept, decision_facts(source, frame, seed) | {"seconds_per_decision": each})
    return Decided(source, tape, key, reused=False, notes=tuple(source.notes()), seconds_per_decision=each)


def _keep(tape: DecisionTape, path: Path, facts: dict[str, Any]) -> None:
    from rook_bench.sources.saved import write_decisions

    try:
        write_decisions(tape, path, facts)
    except (InputError, OSError):
        return  # a cache that can't be written costs time, not correctness


def decision_facts(source: Source, frame: SwapFrame, seed: int) -> dict[str, Any]:
    """What is written beside decisions: who made them, from what."""
    return {
        "source": source.reference,
        "spec": source.spec.to_json(),
        "content": source.content,
        "data_hash": frame.data_hash,
        "seed": seed,
        "key": decision_key(source, frame, seed),
    }

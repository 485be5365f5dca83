"""The look-ahead check of decisions that are kept: made when they are made, and kept beside them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.files import write_json
from rook_bench.market.frame import SwapFrame
from rook_bench.sources.decide import Decided, decision_key
from rook_bench.sources.lookahead import Lookahead, check_source


def checked(decided: Decided, frame: SwapFrame, *, seed: int = 0) -> Lookahead:
    """What the check says of these decisions (see `sources.lookahead.check_source`).

    Decisions that were kept from an earlier time were checked then, by the same code and at the same places, which
    follow from the decisions: what it found is read. A gate asks anew in any case.

    Args:
        decided: the decisions.
        frame, seed: what they were made on, and with.
    """
    if decided.key != decision_key(decided.source, frame, seed):  # made with another seed, or on other swaps
        return check_source(decided.source, frame, decided.tape, seed=seed)
    kept = cache_folder() / "decisions" / f"{decided.key}.lookahead.json"
    if decided.reused and (found := _read(kept, decided)) is not None:
        return found
    found = check_source(decided.source, frame, decided.tape, seed=seed)
    if decided.source.reusable and found.status in ("clean", "leak"):
        with contextlib.suppress(OSError, InputError):  # a cache that can't be written costs time, not correctness
            write_json(kept, found.to_json() | {"decisions": decided.tape.content_hash})
    return found


def _read(path: Path, decided: Decided) -> Lookahead | None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts.pop("decisions") != decided.tape.content_hash:
            return None
        return Lookahead(**{**facts, "cuts": tuple(facts["cuts"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None

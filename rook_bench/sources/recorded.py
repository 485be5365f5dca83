"""A saved decision tape, replayed."""

from __future__ import annotations

from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import sha256_file
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import Ask, DecideTape


def _file_hash(path: Path) -> str:
    path = Path(path)
    if not path.is_file():
        raise InputError("no such decision tape", where=path, hint="make one with rook-bench decide")
    return sha256_file(path)


@decision_source(whole_tape=True, recorded=True, content=_file_hash)
def recorded(path: Path) -> DecideTape:
    """The decisions saved in a file (`recorded:FILE`)."""
    from rook_bench.sources.saved import read_decisions

    tape, facts = read_decisions(path)

    def decide(view: MarketView, ask: Ask) -> DecisionTape:
        if facts.get("data_hash") != ask.data_hash:
            raise InputError("the decisions were made on other data", where=path, hint="decide again on this tape")
        return tape

    return decide

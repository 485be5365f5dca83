"""A ledger catches up with another copy of itself: the copy's trials come first, its own new ones behind them."""

from __future__ import annotations

import os
from datetime import datetime

from rook_bench.core import InputError
from rook_bench.core.files import whole_file
from rook_bench.core.hash_chain import SEALED, Entry, line_of, locked, parse, seal, sync_folder
from rook_bench.trials.ledger import TrialLedger
from rook_bench.trials.trial import Trial


def entries_of(content: bytes, *, where: object) -> list[Entry]:
    """The entries of a copy of a ledger's file; InputError names the first line that is not as it was written."""
    entries, problems = parse(content)
    if problems:
        hint = "restore it from an earlier commit of that branch: a ledger is never edited"
        raise InputError(str(problems[0]), where=where, hint=hint)
    for entry in entries:
        Trial.from_entry(entry, where=where)
    return entries


def catch_up(ledger: TrialLedger, theirs: list[Entry]) -> int:
    """Let the ledger go on from a copy's entries; trials that the copy lacks follow them, sealed anew.

    A trial keeps what it says and its time. What moves is its place in the chain, and so its hash: a verdict that
    names the old one can't be promoted any more, since it counted too few tries.

    Args:
        theirs: the entries of the copy; their returns must be in the ledger's folder already.

    Returns:
        How many trials moved.
    """
    with locked(ledger.chain.path):
        mine = ledger.chain.entries()
        common = next((n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a["hash"] != b["hash"]), None)
        shared = min(len(mine), len(theirs)) if common is None else common
        if shared == len(theirs):
            return 0
        merged, own = list(theirs), mine[shared:]
        for entry in own:
            payload = {key: value for key, value in entry.items() if key not in SEALED}
            merged.append(seal(payload, merged, datetime.fromisoformat(entry["at"])))
        with whole_file(ledger.chain.path) as aside, open(aside, "wb") as file:
            file.writelines(map(line_of, merged))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(ledger.folder)
    return len(own)

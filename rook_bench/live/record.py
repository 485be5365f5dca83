"""A whole session as its journal tells it: what was followed in the end, what was decided, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.ingest.fetch import PoolKey
from rook_bench.live import answers
from rook_bench.live.journal import FILE, Entry, read_journal
from rook_bench.live.opening import VERSION, start_of_json
from rook_bench.live.rows import Block, frame_of
from rook_bench.live.session import blocks_of_entry
from rook_bench.live.state import merged
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.replay.config import ReplayConfig


@dataclass
class Told:
    """What a desk told: the decision on every swap, in how many at once, orders by the swap they are of, equity.

    Attributes:
        parts: decisions as they were asked for, in order; rows of the whole tape in order of the parts.
        orders: lines of the journal by the number of the swap.
        equity: after each swap, NaN where it was not told.
    """

    parts: list[DecisionTape] = field(default_factory=list)
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    equity: list[float] = field(default_factory=list)


@dataclass
class Recorded:
    """A session.

    Attributes:
        first: the entry that it began with.
        blocks: with events, as they were followed in the end; last: the last one that was read.
        told: by the name of the source.
        late: ranges of blocks whose swaps were not traded on, by why.
        forks, kills, restarts: how many.
        head: hash of the journal's last entry.
        landed: orders that were sent on a fork, by what explains what became of them.
        cut: whether blocks at the end were left out (see `until`).
        work_s: seconds of each block that was decided in time, by stage.
    """

    first: Entry
    blocks: list[Block] = field(default_factory=list)
    last: int = 0
    told: dict[str, Told] = field(default_factory=dict)
    late: list[tuple[int, int, str]] = field(default_factory=list)
    forks: list[int] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    restarts: int = 0
    head: str = ""
    landed: dict[str, int] = field(default_factory=dict)
    cut: bool = False
    work_s: list[dict[str, float]] = field(default_factory=list)

    @property
    def key(self) -> PoolKey:
        """Which pool."""
        return PoolKey(str(self.first["address"]), self.first["pool_id"])

    @property
    def pool(self) -> Pool:
        """Its metadata."""
        return Pool.parse(self.first["pool"], where=FILE)

    @property
    def config(self) -> ReplayConfig:
        """What is assumed, without the blackouts."""
        return ReplayConfig.parse(self.first["config"], where=FILE)

    @property
    def paper(self) -> bool:
        """Whether there are ledgers."""
        return bool(self.first["mode"] != "shadow")

    @property
    def blackouts(self) -> list[tuple[int, int]]:
        """Ranges of blocks on whose swaps nothing was traded."""
        return merged([(first, last) for first, last, _ in self.late])

    def frame(self) -> SwapFrame | None:
        """The tape as it was followed; None before the first swap."""
        return frame_of((block.events for block in self.blocks), self.pool, start_of_json(self.first["start"]))

    def decisions(self, name: str) -> DecisionTape:
        """What a source decided, on every swap."""
        return DecisionTape.concat(self.told[name].parts)

    def rows_until(self, block: int) -> int:
        """Number of swaps up to a block, itself included."""
        return sum(one.swaps for one in self.blocks if one.number <= block)

    def in_time(self, frame: SwapFrame) -> NDArray[np.bool_]:
        """Which swaps were decided on in time, shape (n,)."""
        assert frame.block is not None
        out = np.ones(len(frame), dtype=bool)
        for first, last, _ in self.late:
            out &= (frame.block < first) | (frame.block > last)
        return out

    def until(self, block: int) -> Recorded:
        """The same without what came after a block; what desks told may reach further."""
        kept = [one for one in self.blocks if one.number <= block]
        row = sum(one.swaps for one in kept)
        told = {name: replace(one, parts=_first(one.parts, row)) for name, one in self.told.items()}
        late = [(first, min(last, block), why) for first, last, why in self.late if first <= block]
        return replace(self, blocks=kept, last=block, told=told, late=late, cut=True)

    def untraded(self, frame: SwapFrame) -> dict[str, int]:
        """How many swaps nothing could be traded on, by why: "before", "gap", "late", "node" or "killed: ..."."""
        assert frame.block is not None
        counts = dict[str, int]()
        for first, last, why in self.late:
            rows = int(((frame.block >= first) & (frame.block <= last)).sum())
            counts[why] = counts.get(why, 0) + rows
        return {why: count for why, count in counts.items() if count}


def read_session(folder: Path, *, upto: str | None = None) -> Recorded:
    """Read a session's journal, verified line by line.

    Args:
        upto: hash of the last entry to read; all by default.

    Raises:
        InputError: there is none, or it is not as it was written; it never had an entry of that hash.
    """
    entries = read_journal(folder)
    first = next(entries, None)
    if first is None or first.get("kind") != "begun" or first.get("version") != VERSION:
        raise InputError("no live session of this version", where=folder / FILE, hint="make one with rook-bench live")
    recorded = Recorded(first, last=first["first"] - 1, head=first["hash"])
    recorded.told = {source["name"]: Told() for source in first["sources"]}
    try:
        for entry in entries:
            if recorded.head == upto:
                break
            _read(recorded, entry)
            recorded.head = entry["hash"]
    except (KeyError, TypeError, ValueError) as error:
        what = f"an entry lacks or garbles something ({type(error).__name__}: {error})"
        raise InputError(what, where=folder / FILE) from None
    if upto not in (None, recorded.head):
        what = f"no entry has the hash {str(upto)[:16]}"
        raise InputError(what, where=folder / FILE, hint="was the journal cut or replaced?")
    return recorded


def _read(recorded: Recorded, entry: Entry) -> None:
    kind = entry["kind"]
    if kind == "blocks":
        _read_blocks(recorded, entry)
    elif kind == "fork":
        _read_fork(recorded, entry)
    elif kind == "killed":
        recorded.kills.append(entry["reason"])
    elif kind == "landed":
        recorded.landed[entry["why"]] = recorded.landed.get(entry["why"], 0) + 1
    elif kind == "started":
        recorded.restarts += 1
    elif kind in ("read", "ended"):
        recorded.last = max(recorded.last, entry["block"])


def _read_blocks(recorded: Recorded, entry: Entry) -> None:
    recorded.blocks += blocks_of_entry(entry, recorded.pool.address)
    recorded.last = entry["last"]
    decided = entry.get("decisions", {})
    if decided:
        if entry["late"] is None:
            recorded.work_s.append(entry["seconds"])
        else:
            recorded.late.append((entry["first"], entry["last"], entry["late"]))
    for name, lines in decided.items():
        recorded.told[name].parts.append(answers.from_lines(lines))
    for name, lines in entry.get("orders", {}).items():
        recorded.told[name].orders |= {line["row"]: line for line in lines}
    for name, (row, values) in entry.get("equity", {}).items():
        told = recorded.told[name].equity
        told += [math.nan] * (row - len(told))  # what was never told is no number
        told[row:] = values


def _read_fork(recorded: Recorded, entry: Entry) -> None:
    recorded.forks.append(entry["depth"])
    to, row = entry["to"], entry["row"]
    while recorded.blocks and recorded.blocks[-1].number > to:
        recorded.blocks.pop()
    recorded.last = to
    recorded.late = [(first, min(last, to), why) for first, last, why in recorded.late if first <= to]
    for name, told in recorded.told.items():
        since, marked = entry["told"][name]
        del told.equity[marked:]
        told.orders = {at: line for at, line in told.orders.items() if at < since}
        told.parts = _first(told.parts, row)


def _first(parts: Sequence[DecisionTape], rows: int) -> list[DecisionTape]:
    """The decisions on the first so many swaps, in the parts that they were made in."""
    kept, left = list[DecisionTape](), rows
    for part in parts:
        if left > 0:
            kept.append(part.head(left))
        left -= len(part)
    return kept

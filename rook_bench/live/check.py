"""A session held against the chain and a replay: the same events, decisions, orders and equity."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.decision_tape import DecisionTape, is_trade
from rook_bench.ingest.fetch import Job, Node, Spool, pull
from rook_bench.live import events
from rook_bench.live.desk import order_lines, with_blackouts
from rook_bench.live.follower import DEPTH
from rook_bench.live.opening import start_of_json
from rook_bench.live.record import Recorded, Told
from rook_bench.live.rows import frame_of
from rook_bench.market.events import concat
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.plugins import risk_filter
from rook_bench.replay.engine import execute
from rook_bench.replay.market_rows import landing
from rook_bench.risk import apply_risk
from rook_bench.sources import Source
from rook_bench.sources.lookahead import ROUNDED

SHOWN = 5
"""Differences of a kind that are told one by one."""


@dataclass(frozen=True)
class Difference:
    """Something that is not as the journal says.

    Attributes:
        kind: "events", "decisions", "orders" or "equity".
        source: whose, "" for events.
        where: a block or the number of a swap, in words.
        what: what the journal says, and what came out.
    """

    kind: str
    source: str
    where: str
    what: str


@dataclass
class Findings:
    """What a check found.

    Attributes:
        differences: as many of each kind as are told; counts: of each kind, all of them.
        events, swaps, orders: that were compared.
        replaced: blocks at the end that the chain replaced since, and that were left out.
        rounded: by source, rows of a language model that differ in nothing but its confidence, by no more than
            ROUNDED; and by how much at most.
        turning: by source, those of them for which a confidence threshold lies in between.
    """

    differences: list[Difference] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    events: int = 0
    swaps: int = 0
    orders: int = 0
    replaced: int = 0
    rounded: dict[str, tuple[int, float]] = field(default_factory=dict)
    turning: dict[str, int] = field(default_factory=dict)

    @property
    def drift(self) -> int:
        """How many differences there are."""
        return sum(self.counts.values())

    def add(self, kind: str, source: str, where: str, what: str) -> None:
        """One more difference."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= SHOWN:
            self.differences.append(Difference(kind, source, where, what))


def fetched_again(node: Node, recorded: Recorded) -> pa.Table:
    """The events of the session's blocks, as the chain has them now.

    Raises:
        InputError: the node refuses, or is of another chain.
    """
    if node.chain_id() != recorded.first["chain_id"]:
        raise InputError("the node is of another chain than the session", where=node.address, hint="check --rpc")
    job = Job(recorded.key, recorded.first["first"], recorded.last, recorded.first["gas_prices"])
    with tempfile.TemporaryDirectory(prefix="rook-bench-check-") as folder:
        spool = Spool(Path(folder) / "tape", {})
        pull(node, job, spool)
        return concat(list(spool.tables()))


def still_there(node: Node, recorded: Recorded) -> Recorded:
    """The session without blocks at its end that the chain replaced since it read them: that was none of its doing.

    Where more are gone than are ever replaced, none are left out, and all of them are differences.
    """
    last = recorded.last - DEPTH
    young = [(block.number, block.hash) for block in recorded.blocks if block.number > last]
    headers = node.headers([number for number, _ in young])
    on_chain = [
        header is not None and str(header.get("hash")).lower() == own
        for (_, own), header in zip(young, headers, strict=True)
    ]
    if not young or on_chain[-1]:
        return recorded
    kept = [number for (number, _), there in zip(young, on_chain, strict=True) if there]
    return recorded.until(kept[-1]) if kept else recorded


def check_events(recorded: Recorded, again: pa.Table, findings: Findings) -> None:
    """Hold the journal's events against the chain's."""
    mine = events.to_records(concat([block.events for block in recorded.blocks]))
    theirs = events.to_records(again)
    findings.events = len(theirs)
    named = [{(one["block"], one["log_index"]): one for one in records} for records in (mine, theirs)]
    for place in sorted(named[0].keys() | named[1].keys()):
        told, found = (records.get(place) for records in named)
        if told == found:
            continue
        where = f"block {place[0]}, log {place[1]}"
        if found is None or told is None:
            what = (
                f"the journal has a {told['event']} there"
                if told
                else f"the chain has a {(found or {})['event']} there"
            )
            findings.add("events", "", where, what)
            continue
        name = next(key for key in sorted(told.keys() | found.keys()) if told.get(key) != found.get(key))
        findings.add("events", "", where, f"{name} was {told.get(name)}, the chain has {found.get(name)}")


def frame_again(recorded: Recorded, again: pa.Table) -> SwapFrame | None:
    """The tape of the events that were fetched again."""
    return frame_of([again], recorded.pool, start_of_json(recorded.first["start"]))


def check_decisions(
    recorded: Recorded, name: str, source: Source, frame: SwapFrame, findings: Findings
) -> DecisionTape | None:
    """Ask a source anew about the whole tape, and hold what it says against what it said as the swaps came.

    Returns:
        What it said then; None where that is of another number of swaps.
    """
    told = recorded.told[name]
    mine = DecisionTape.concat(told.parts).bare if told.parts else None
    if mine is None or len(mine) != len(frame):
        what = f"the journal holds {0 if mine is None else len(mine)} decisions, the chain {len(frame)} swaps"
        findings.add("decisions", name, "all", what)
        return None
    found = source.ask(frame, recorded.config.seed, fresh=True).bare
    findings.swaps = len(frame)
    wrong = _differing(mine, found)
    near = _rounded(source, mine, found) & wrong
    if near.any():
        # Asked together with other rows, a model's sums are rounded in another order; and an answer that was given
        # once is kept, so that with which others it was asked then is not known.
        gap = np.abs(mine.confidence - found.confidence)[near]
        findings.rounded[name] = int(near.sum()), float(gap.max(initial=0.0))
        turned = _turning(recorded, mine.confidence[near], found.confidence[near])
        findings.turning[name] = turned
    for row in np.flatnonzero(wrong & ~near).tolist():
        findings.add("decisions", name, _where(frame, row), f"it was {mine[row]}, now it is {found[row]}")
    return mine


def _differing(one: DecisionTape, other: DecisionTape) -> NDArray[np.bool_]:
    """Rows on which two sets of decisions are not the same to the last bit, reasons included."""
    out = one.side != other.side
    for name in ("size", "slippage_bps", "deadline_s", "confidence"):
        mine, theirs = getattr(one, name), getattr(other, name)
        out |= (mine != theirs) & ~(np.isnan(mine) & np.isnan(theirs))
    return out | np.array([mine != theirs for mine, theirs in zip(one.reason, other.reason, strict=True)], dtype=bool)


def _rounded(source: Source, one: DecisionTape, other: DecisionTape) -> NDArray[np.bool_]:
    """Rows that differ in a language model's confidence alone (and in what its reason says of it), by little."""
    out = np.full(len(one), source.language_model)
    for name in ("side", "size", "slippage_bps", "deadline_s"):
        out &= getattr(one, name) == getattr(other, name)
    return out & (np.abs(one.confidence - other.confidence) <= ROUNDED)


def _turning(recorded: Recorded, one: NDArray[np.float64], other: NDArray[np.float64]) -> int:
    chosen = [risk_filter.choose(reference) for reference in recorded.config.risk.filters]
    lowest = [
        float(made.params.get("minimum", made.plugin.parameters["minimum"].default))
        for made in chosen
        if made.plugin.name == "confidence_threshold"
    ]
    return sum(int(((one >= at) != (other >= at)).sum()) for at in lowest)


def check_ledger(recorded: Recorded, name: str, decided: DecisionTape, frame: SwapFrame, findings: Findings) -> None:
    """Replay what a source decided, and hold orders and equity against what its desk told."""
    config, told = with_blackouts(recorded.config, recorded.blackouts), recorded.told[name]
    permitted = apply_risk(config.risk, MarketView.whole(frame), decided)
    orders, equity = execute(frame, decided, permitted, config)
    lines = {line["row"]: line for line in order_lines(orders.to_arrow().to_pylist())}
    wishes = np.flatnonzero(is_trade(decided.side))
    waiting = wishes[landing(frame, config.frictions, wishes)[0] < 0]
    until = int(waiting[0]) if len(waiting) else len(frame)
    if recorded.cut:  # it went on on another branch
        told = Told(told.parts, {row: line for row, line in told.orders.items() if row < until}, told.equity[:until])
    expected = {row: line for row, line in lines.items() if row < until}
    findings.orders += len(expected)
    for row in sorted(expected.keys() | told.orders.keys()):
        mine, found = told.orders.get(row), expected.get(row)
        if mine == found:
            continue
        if mine is None or found is None:
            what = "the desk told of no order" if mine is None else "the replay has no order"
        else:
            key = next(key for key in found if mine.get(key) != found[key])
            what = f"{key} was {mine.get(key)}, the replay has {found[key]}"
        findings.add("orders", name, _where(frame, row), what)
    if len(told.equity) != until:
        findings.add("equity", name, "all", f"it was told after {len(told.equity)} swaps, and is known after {until}")
    for row, (was, now) in enumerate(zip(told.equity, equity[:until].tolist(), strict=False)):
        if was != now:
            findings.add("equity", name, _where(frame, row), f"it was {was!r}, the replay has {now!r}")


def _where(frame: SwapFrame, row: int) -> str:
    assert frame.block is not None
    return f"swap {row + 1}, block {int(frame.block[min(row, len(frame) - 1)])}"


def late_share(recorded: Recorded, frame: SwapFrame) -> float | None:
    """Share of the swaps since the session began on which nothing could be traded; None without any."""
    counts = recorded.untraded(frame)
    since = len(frame) - counts.pop("before", 0)
    return sum(counts.values()) / since if since else None


def sources_again(recorded: Recorded, given: Mapping[str, Source] | None = None) -> dict[str, Source]:
    """The sources of a session, to be asked anew.

    Args:
        given: in the place of those that their references lead to.

    Raises:
        InputError: one is gone, or is not what it was.
    """
    found = {}
    for told in recorded.first["sources"]:
        name = told["name"]
        source = (given or {}).get(name) or Source.parse(told["reference"])
        if source.gone is not None:
            raise InputError(source.gone)
        if source.spec.to_json() != told["spec"] or source.content != told["content"]:
            what = "it is not what the session asked: its file, parameters or values changed"
            raise InputError(what, where=f"source {told['reference']}", hint="put it back as it was")
        found[name] = source
    return found


def shown(findings: Findings) -> Sequence[str]:
    """The differences in lines, and how many more there are."""
    lines = [
        f"{one.kind}{f' of {one.source}' if one.source else ''}, {one.where}: {one.what}"
        for one in findings.differences
    ]
    more = {kind: count - SHOWN for kind, count in findings.counts.items() if count > SHOWN}
    return [*lines, *(f"... and {count} more of {kind}" for kind, count in more.items())]


def to_json(findings: Findings, recorded: Recorded, frame: SwapFrame | None) -> dict[str, Any]:
    """What was found, for a file and for `--json`."""
    return {
        "journal": recorded.head,
        "drift": findings.drift,
        "counts": findings.counts,
        "events": findings.events,
        "swaps": findings.swaps,
        "orders": findings.orders,
        "replaced": findings.replaced,
        "rounded": {name: {"rows": rows, "most": most} for name, (rows, most) in findings.rounded.items()},
        "turning": findings.turning,
        "late_share": None if frame is None else late_share(recorded, frame),
        "untraded": {} if frame is None else recorded.untraded(frame),
        "landed": recorded.landed,
        "forks": recorded.forks,
        "restarts": recorded.restarts,
        "kills": recorded.kills,
        "differences": list(shown(findings)),
    }

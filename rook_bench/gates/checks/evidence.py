"""Whether there is enough tape and trading to tell, and whether the tape can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rook_bench.execution.chain_presets import chain_of
from rook_bench.gates.check import Check, Status
from rook_bench.gates.policy import Evidence
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import Analysis
from rook_bench.tapecheck.check import TapeCheck


def evidence(needs: Evidence, candidate: Analysis) -> Iterator[Check]:
    """Length of tape, what it is missing, its times against its blocks, fills, how much of it chains and re-prices."""
    run = candidate.run
    fills = int(run.orders.filled.sum())
    yield _enough("length of tape", days_of(run.frame), needs.min_days, "days")
    yield from _gaps(needs, run.tape_check)
    if needs.max_block_time_error is not None:
        yield _times_against_blocks(run.frame, needs.max_block_time_error)
    yield _enough("number of fills", fills, needs.min_fills, "fills")
    tape = run.tape_check
    if needs.min_chained_share > 0:
        unknown = tape.unknown.get("chained_share", "unknown")
        yield _share("tape quality", tape.chained_share, needs.min_chained_share, "of the pairs chain", unknown)
    if needs.min_repriced_share > 0:
        priced = tape.repricing
        share = None if priced is None or not priced.testable else priced.exact / priced.testable
        unknown = tape.unknown.get("repricing", "no swap can be priced again")
        yield _share("tape re-prices", share, needs.min_repriced_share, "of the swaps come out exactly", unknown)


def days_of(frame: SwapFrame) -> float:
    """Days of evidence: the span without its holes, and no more than the days (UTC) that hold a swap."""
    return min(frame.covered_s / 86_400, float(len(np.unique(frame.at.astype("datetime64[D]")))))


def _gaps(needs: Evidence, tape: TapeCheck) -> Iterator[Check]:
    if needs.max_gap_hours is not None:
        hours = (tape.longest_gap_s or 0.0) / 3600
        detail = f"{hours:,.1f} hours between two swaps, at most {needs.max_gap_hours:g} asked"
        bound = f"at most {needs.max_gap_hours:g} hours"
        yield Check("longest gap", _passed(hours <= needs.max_gap_hours), detail, bound=bound)
    if needs.max_hole_share < 1:
        share = sum(hole["share"] for hole in tape.holes)
        detail = f"{share:.1%} of the span is missing, at most {needs.max_hole_share:.1%} asked"
        bound = f"at most {needs.max_hole_share:.1%}"
        yield Check("holes of the tape", _passed(share <= needs.max_hole_share), detail, bound=bound)


def _times_against_blocks(frame: SwapFrame, most: float) -> Check:
    """Whether the tape is as long as its blocks: times are easily made up, and a block's number is the chain's."""
    name, bound = "times against blocks", f"within {most:.0%}"
    if frame.block is None:
        return Check(name, "inconclusive", "the log carries no block numbers", bound=bound)
    chain = chain_of(frame.pool.chain)
    block_s = frame.pool.block_time_s if chain is None else chain.block_time_s
    blocks = int(frame.block[-1] - frame.block[0])
    if blocks == 0:
        return Check(name, "inconclusive", "all swaps stand in one block", bound=bound)
    ratio = frame.span_s / (blocks * block_s)
    detail = f"{blocks:,} blocks of {block_s:g} s are {blocks * block_s / 86_400:.3g} days, the times span "
    detail += f"{frame.span_s / 86_400:.3g}"
    # A chain misses slots, and a pace that nobody measured is a whole number: neither is a contradiction.
    return Check(name, _passed(1 - most <= ratio <= 1 + most), detail, bound=bound)


def _passed(fine: bool) -> Status:
    """Too little evidence is no fault of the candidate: it leaves the question open."""
    return "pass" if fine else "inconclusive"


def _enough(name: str, have: float, need: float, unit: str) -> Check:
    shown = f"{have:,.0f}" if have >= 100 or have == int(have) else f"{have:.3g}"
    detail = f"{shown} {unit}, {need:g} asked"
    return Check(name, _passed(have >= need), detail, bound=f"at least {need:g} {unit}")


def _share(name: str, share: float | None, least: float, what: str, unknown: str) -> Check:
    bound = f"at least {least:.1%}"
    if share is None:
        return Check(name, "inconclusive", f"how much {what} is unknown: {unknown}", bound=bound)
    return Check(name, _passed(share >= least), f"{share:.1%} {what}", bound=bound)

"""The tape check: how far a log can be trusted, printed before any result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError, mapped
from rook_bench.core.ranks import median
from rook_bench.market.frame import SwapFrame
from rook_bench.tapecheck.chain import SECOND, chain_of, tolerance_of
from rook_bench.tapecheck.fees import PIPS, implied_fee
from rook_bench.tapecheck.repricing import why_not_repriced
from rook_bench.tapecheck.summary import Calibration, calibrate
from rook_bench.tapecheck.summary import describe as describe_calibration

DUST_SHARE = 0.01
"""Liquidity below this share of the tape's median is dust."""


@dataclass(frozen=True)
class TapeCheck:
    """What a log's own numbers say about it. A fact the log can't tell is None; `unknown` says why.

    Attributes:
        source, pool, pair, protocol: where the tape comes from; address (v4: id) of the pool.
        data_hash: identity of the data; see `SwapFrame.data_hash`.
        swaps: number of rows; first_at, last_at: ISO times in UTC; span_hours between them.
        pairs: consecutive swaps with equal recorded liquidity and a moved price.
        pairs_chained: those whose two amounts follow from the two prices, the liquidity and the fee on the
            amount in (recorded, stated, or what the amounts imply where that is wrong), within `tolerance`;
            chained_share is their share.
        repricing: what pricing each swap again from the state before it gave.
        implied_fee: median fee that the amounts in imply, a fraction, over `fee_pairs` pairs whose amounts tell it,
            whatever the stated one is; implied_fee_low, implied_fee_high: its quantiles 1% and 99%; fee_finding: see
            `tapecheck.fees.ImpliedFee`; fee_recorded: whether each swap's fee is recorded; stated_fee: the pool's own.
        same_time, same_block: swaps that share the timestamp, or block, of the swap before.
        duplicates: rows equal to the row before in time, price, liquidity and amounts (position
            on the chain included where the log carries it).
        reordered: swaps that do not chain to the swap before, but to another one of the same second.
        dust_opening: leading swaps before liquidity first reached 1% of the tape's median.
        dust_largest_move: largest absolute price change in one swap among them, a fraction.
        zero_liquidity: rows without active liquidity.
        median_gap_s, longest_gap_s: seconds between swaps.
        holes: stretches that the tape is missing (see `market.holes`): from, to (ISO times), hours, and their share
            of the span; gaps: how many there are; covered_hours: the span without them.
        rounded: exact columns rebuilt from rounded numbers, with the reason.
        unknown: facts that the log can't tell, with the reason; notes: what the importer did.
    """

    source: str
    pool: str
    pair: str
    protocol: str
    data_hash: str
    swaps: int
    first_at: str
    last_at: str
    span_hours: float
    pairs: int | None
    pairs_chained: int | None
    chained_share: float | None
    tolerance: float | None
    repricing: Calibration | None
    implied_fee: float | None
    implied_fee_low: float | None
    implied_fee_high: float | None
    fee_pairs: int | None
    fee_finding: str
    fee_recorded: bool
    stated_fee: float
    same_time: int
    same_block: int | None
    duplicates: int
    reordered: int | None
    dust_opening: int
    dust_largest_move: float | None
    zero_liquidity: int
    median_gap_s: float | None
    longest_gap_s: float | None
    gaps: int | None
    holes: list[dict[str, Any]]
    covered_hours: float
    rounded: dict[str, str]
    unknown: dict[str, str]
    notes: list[str]

    def __str__(self) -> str:
        return "\n".join(in_lines(describe(self)))

    def to_json(self) -> dict[str, Any]:
        """The shape written by `data check --json` and stored in a Run."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> TapeCheck:
        """Read back what `to_json` wrote."""
        repricing = record["repricing"]
        return cls(**record | {"repricing": None if repricing is None else Calibration(**repricing)})


def check_tape(frame: SwapFrame) -> TapeCheck:
    """Measure a log against itself; nothing else is read.

    Args:
        frame: the log's swaps.
    """
    if frame not in _checked:
        _checked[frame] = _check(frame)
    return deepcopy(_checked[frame])  # whoever is given lists may add to them


_checked: WeakKeyDictionary[SwapFrame, TapeCheck] = WeakKeyDictionary()
"""Frames are frozen, and each is replayed several times."""


def _check(frame: SwapFrame) -> TapeCheck:
    unknown: dict[str, str] = {}
    chain = chain_of(frame) if frame.amount0 is not None and frame.amount1 is not None else None
    if chain is None:
        reason = "the log carries no amounts"
        unknown |= dict.fromkeys(("pairs", "pairs_chained", "chained_share", "implied_fee", "reordered"), reason)
    elif chain.pairs == 0:
        unknown["chained_share"] = "no two consecutive swaps have equal liquidity and a moved price"
    fee = implied_fee(frame)
    if fee is not None and fee.median is None:
        unknown["implied_fee"] = "of no pair does the output follow from its prices"
    not_repriced = why_not_repriced(frame)
    if not_repriced is not None:
        unknown["repricing"] = not_repriced
    if frame.block is None:
        unknown["same_block"] = "the log carries no block numbers"
    waits = mapped.by_part(len(frame) - 1, lambda rows: np.diff(frame.at[rows.start : rows.stop + 1]) / SECOND)
    if len(waits) == 0:
        unknown |= dict.fromkeys(("median_gap_s", "longest_gap_s", "gaps"), "there is one swap only")
    dust = _dust_opening(frame)
    moves = np.abs(np.diff(frame.price[: dust + 1])) / frame.price[:dust]
    if dust == 0:
        unknown["dust_largest_move"] = "there is no dust opening"
    return TapeCheck(
        source=frame.source,
        pool=frame.pool.address,
        pair=frame.pool.pair,
        protocol=frame.pool.protocol,
        data_hash=frame.data_hash,
        swaps=len(frame),
        first_at=_iso(frame.at[0]),
        last_at=_iso(frame.at[-1]),
        span_hours=frame.span_s / 3600,
        pairs=chain.pairs if chain else None,
        pairs_chained=chain.chained if chain else None,
        chained_share=chain.chained / chain.pairs if chain and chain.pairs else None,
        tolerance=tolerance_of(frame) if chain else None,
        repricing=None if not_repriced is not None else calibrate(frame),
        implied_fee=fee.median if fee else None,
        implied_fee_low=fee.low if fee else None,
        implied_fee_high=fee.high if fee else None,
        fee_pairs=(fee.telling or fee.pairs) if fee else None,
        fee_finding=fee.finding if fee else "unknown",
        fee_recorded=frame.fee_pips is not None,
        stated_fee=frame.pool.fee,
        same_time=mapped.count(len(waits), lambda rows: waits[rows] == 0),
        same_block=None if frame.block is None else _repeated(frame.block),
        duplicates=_duplicates(frame),
        reordered=chain.reordered if chain else None,
        dust_opening=dust,
        dust_largest_move=float(moves.max()) if len(moves) else None,
        zero_liquidity=mapped.count(len(frame), lambda rows: frame.liquidity[rows].zero()),
        median_gap_s=median(waits) if len(waits) else None,
        longest_gap_s=float(waits.max()) if len(waits) else None,
        gaps=len(frame.holes) if len(waits) else None,
        holes=[_hole(frame, row) for row in frame.holes.tolist()],
        covered_hours=frame.covered_s / 3600,
        rounded=dict(frame.rounded),
        unknown=unknown,
        notes=list(frame.notes),
    )


def _hole(frame: SwapFrame, row: int) -> dict[str, Any]:
    seconds = float((frame.at[row] - frame.at[row - 1]) / np.timedelta64(1, "s"))
    return {
        "from": _iso(frame.at[row - 1]),
        "to": _iso(frame.at[row]),
        "hours": seconds / 3600,
        "share": seconds / frame.span_s,
    }


def describe(check: TapeCheck) -> list[tuple[str, str]]:
    """The check for a person: what each line is about, and what it says; "" goes on with the one above."""
    lines = [
        ("tape", check.source),
        ("pool", f"{check.pair} {check.protocol}, stated fee {check.stated_fee:.4%}"),
        ("swaps", f"{check.swaps:,} over {check.span_hours:,.1f} hours, {check.first_at} to {check.last_at}"),
    ]
    if check.repricing is None:
        lines.append(("reprice", f"unknown: {check.unknown['repricing']}"))
    else:
        lines += describe_calibration(check.repricing)
    lines.append(("chain", _said_of_chain(check)))
    lines.append(("fee", _said_of_fee(check)))
    block = "block unknown" if check.same_block is None else f"{check.same_block:,} the block"
    order = "order unknown" if check.reordered is None else f"{check.reordered:,} out of order inside a second"
    lines.append(("order", f"{check.same_time:,} share the time of the swap before, {block}; {order}"))
    lines.append(("repeats", f"{check.duplicates:,} rows equal the row before"))
    if check.median_gap_s is not None:
        lines.append(("gaps", f"median {check.median_gap_s:g} s, longest {check.longest_gap_s:,.0f} s between swaps"))
    lines += _said_of_holes(check)
    if check.dust_opening:
        moves = f"(moves up to {check.dust_largest_move:.1%})"
        lines.append(("dust", f"the first {check.dust_opening} swaps met a nearly empty pool {moves}"))
    if check.zero_liquidity:
        lines.append(("empty", f"{check.zero_liquidity:,} rows without liquidity"))
    lines += [("rounded", f"{name}: {reason}") for name, reason in check.rounded.items()]
    return lines + [("note", note) for note in check.notes]


LISTED = 5
"""Holes that are named, the longest first."""


def _said_of_holes(check: TapeCheck) -> list[tuple[str, str]]:
    if not check.holes:
        return []
    missing = sum(hole["share"] for hole in check.holes)
    count = f"{len(check.holes)} hole{'s' * (len(check.holes) > 1)}"
    longest = sorted(check.holes, key=lambda hole: -hole["hours"])[:LISTED]
    named = [f"{hole['from'][:16]} to {hole['to'][:16]} ({hole['hours']:,.1f} hours)" for hole in longest]
    more = f" and {len(check.holes) - LISTED} more" if len(check.holes) > LISTED else ""
    return [
        (
            "holes",
            f"{count}, {missing:.0%} of the span, which leaves {check.covered_hours:,.1f} hours: "
            + ", ".join(named)
            + more,
        )
    ]


def _said_of_fee(check: TapeCheck) -> str:
    if check.implied_fee is None:
        return f"unknown: {check.unknown['implied_fee']}"
    text = f"{check.implied_fee:.6f} implied by the amounts"
    low, high, stated = check.implied_fee_low or 0.0, check.implied_fee_high or 0.0, f"{check.stated_fee:.6f}"
    if check.fee_finding == "another":
        pays = "the recorded fee all the same" if check.fee_recorded else "the implied one"
        return f"{text}: the stated {stated} is wrong; a replay pays {pays}"
    if check.fee_finding == "recorded":
        text = text if low == high else f"{text}, {low:.6f} to {high:.6f}"
        wrong = check.stated_fee > 0 and not low - 1 / PIPS <= check.stated_fee <= high + 1 / PIPS
        return f"{text}, as recorded with each swap" + (f"; the stated {stated} is wrong" if wrong else "")
    if check.fee_finding == "varies":
        pays = "the recorded fee" if check.fee_recorded else "what the swap before paid"
        return (
            f"varies: {text} in the middle, {low:.6f} to {high:.6f} on 98% of {check.fee_pairs:,} pairs; stated is "
            f"{stated}; a replay pays {pays}"
        )
    return text


def _said_of_chain(check: TapeCheck) -> str:
    if check.chained_share is None:
        return f"unknown: {check.unknown['chained_share']}"
    return (
        f"{check.pairs_chained:,} of {check.pairs:,} pairs chain ({check.chained_share:.2%}), "
        f"tolerance {check.tolerance:g}"
    )


def in_lines(described: Iterable[tuple[str, str]]) -> list[str]:
    """What `describe` gives, a line each, the texts under one another."""
    return [f"{name:<10}{text}" for name, text in described]


def describe_several(checks: Sequence[TapeCheck]) -> list[str]:
    """Checks of several pools, a line each, and what they give in all."""
    lines, testable, exact = [], 0, 0
    for check in checks:
        found = check.repricing
        if found is None:
            lines.append(f"{check.pool}  {check.swaps:>7,} swaps  not re-priced: {check.unknown['repricing']}")
            continue
        testable, exact = testable + found.testable, exact + found.exact
        broken = "" if found.first_break is None else f"  breaks at swap {found.first_break['swap']:,}"
        lines.append(
            f"{check.pool}  {check.swaps:>7,} swaps  {found.exact:,} of {found.testable:,} exact  "
            f"{found.crossing:,} crossing  ticks {found.tick_map}{broken}"
        )
    swaps = sum(check.swaps for check in checks)
    lines.append(f"{len(checks)} pools, {swaps:,} swaps: {exact:,} of {testable:,} testable ones re-price exactly")
    return lines


def require_exact(check: TapeCheck, least: float) -> None:
    """InputError where a smaller share of the testable swaps than `least` re-prices exactly, or none can be tested."""
    found = check.repricing
    if found is None or found.exact_share is None:
        reason = "no swap can be tested" if found is not None else check.unknown["repricing"]
        raise InputError(
            f"the tape can't be re-priced: {reason}", where=check.source, hint="import an exact, whole log"
        )
    if found.exact_share < least:
        assert found.first_break is not None
        raise InputError(
            f"{found.exact:,} of {found.testable:,} swaps re-price exactly, {least:.2%} were asked for",
            where=check.source,
            hint=f"it breaks first at swap {found.first_break['swap']}: {found.first_break['reason']}",
        )


def _duplicates(frame: SwapFrame) -> int:
    columns: list[NDArray[Any]] = [frame.at]
    exact = (frame.sqrt_price_x96, frame.liquidity, frame.amount0, frame.amount1)
    columns += [column.limbs for column in exact if column is not None]
    columns += [column for column in (frame.block, frame.log_index, frame.recorded_volume) if column is not None]
    return _repeated(*columns)


def _repeated(*columns: NDArray[Any]) -> int:
    """Rows on which every column is what it was on the row before."""

    def same(rows: slice) -> NDArray[np.bool_]:
        alike = np.ones(rows.stop - rows.start, dtype=bool)
        for column in columns:
            equal = column[rows.start + 1 : rows.stop + 1] == column[rows]
            alike &= equal.all(axis=1) if equal.ndim > 1 else equal
        return alike

    return mapped.count(len(columns[0]) - 1, same)


def _dust_opening(frame: SwapFrame) -> int:
    liquidity = frame.liquidity.to_floats()
    least = DUST_SHARE * median(liquidity)
    for rows in mapped.parts(len(frame)):
        deep = liquidity[rows] >= least
        if deep.any():
            return rows.start + int(np.argmax(deep))
    return len(frame)


def _iso(at: np.datetime64) -> str:
    return str(pd.Timestamp(at, tz="UTC").isoformat())

"""From a table of events to a tape: in order, each event once, with what liquidity did in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.tick_map import PoolError
from rook_bench.execution.ticks import tick_at_sqrt_price
from rook_bench.ingest.hexadecimal import WORD, limbs_of
from rook_bench.market.events import BURN, INITIALIZE, MINT, PROTOCOL_FEE, SCHEMA, SWAP, integers
from rook_bench.market.frame import SwapFrame
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.pool import Pool


def in_order(events: pa.Table) -> tuple[pa.Table, int]:
    """Events in the order of the chain, each once; and how many repeats were dropped.

    An event is known by (transaction hash, log index), or by (block, log index) where the log
    carries no hashes. Without a log index nothing is dropped and rows of one time keep their order.
    """
    table = pd.DataFrame(
        {name: events[name].to_pandas(types_mapper=pd.ArrowDtype) for name in ("block", "log_index", "at", "tx_hash")}
    )
    known = table["log_index"].notna()
    twin = pd.Series(False, index=table.index)
    for key in ("tx_hash", "block"):
        has = known & table[key].notna()
        twin |= has & table[has].duplicated([key, "log_index"]).reindex(table.index, fill_value=False)
    placed = [name for name in ("block", "log_index") if table[name].notna().all()]
    keys = placed if "block" in placed else ["at", *placed]
    order = table.sort_values(keys if "log_index" in placed else "at", kind="stable")
    kept = order.index[~twin[order.index]].to_numpy()
    return events.take(pa.array(kept)), int(twin.sum())


def frame_of_events(
    events: pa.Table,
    pool: Pool,
    *,
    source: str,
    rounded: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
    snapshot: LiquidityHistory | None = None,
    ordered: bool = False,
) -> SwapFrame:
    """The tape of one pool's events.

    Args:
        events: a table of `market.events.SCHEMA`, in any order, with repeats.
        pool: its metadata.
        source: where it comes from.
        rounded: columns that were rounded, with the reason; a rounded log has no liquidity history.
        notes: what the importer did.
        snapshot: the tick map before these events, where an earlier part of the log gave it.
        ordered: they are in the order of the chain, each once: putting them there takes most of the time of a few.

    Raises:
        InputError: no swap, a swap that lacks price, time or liquidity, or a burn of what was never minted.
    """
    events, repeats = (events, 0) if ordered else in_order(events)
    kinds = events["event"].to_numpy(zero_copy_only=False).astype(object)
    swaps = events.filter(pa.array(kinds == SWAP))
    if len(swaps) == 0:
        raise InputError("the log holds no swap", where=source, hint="is it the log of this pool, and of these blocks?")
    for name in ("at", "sqrt_price_x96", "liquidity"):
        if swaps[name].null_count:
            row = int(np.argmax(pc.is_null(swaps[name]).to_numpy(zero_copy_only=False))) + 1
            raise InputError(f"{name} is missing at swap {row}", where=source, hint="mend or drop the row")
    partly = [name for name in SCHEMA.names if 0 < swaps[name].null_count < len(swaps)]
    notes = (*notes, *(f"{repeats} repeated events dropped" for _ in range(bool(repeats))))
    notes = (*notes, *(f"{name} is missing in some rows and left out" for name in partly))
    history = None if rounded else _history(events, kinds, pool, source, snapshot)
    return SwapFrame(
        pool=pool,
        at=swaps["at"].to_numpy().astype("datetime64[ns]"),
        sqrt_price_x96=ExactInts.from_arrow(swaps["sqrt_price_x96"]),
        liquidity=ExactInts.from_arrow(swaps["liquidity"]),
        amount0=_exact(swaps, "amount0"),
        amount1=_exact(swaps, "amount1"),
        tick=_plain(swaps, "tick", np.int32),
        block=_plain(swaps, "block", np.int64),
        tx_index=_plain(swaps, "tx_index", np.int64),
        log_index=_plain(swaps, "log_index", np.int64),
        tx_hash=_hashes(swaps["tx_hash"]),
        fee_pips=_plain(swaps, "fee_pips", np.int32),
        gas_price=_plain(swaps, "gas_price", np.int64),
        history=history,
        rounded=dict(rounded or {}),
        source=source,
        notes=notes,
    )


def _exact(swaps: pa.Table, name: str) -> ExactInts | None:
    return None if swaps[name].null_count else ExactInts.from_arrow(swaps[name])


def _plain(swaps: pa.Table, name: str, dtype: Any) -> NDArray[Any] | None:
    return None if swaps[name].null_count else swaps[name].to_numpy().astype(dtype)


def _hashes(column: pa.ChunkedArray) -> ExactInts | None:
    if column.null_count:
        return None
    array = column.combine_chunks()
    array = array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)
    blob = np.frombuffer(array.buffers()[1], dtype=np.uint8).reshape(-1, WORD)
    return ExactInts(limbs_of(blob[array.offset : array.offset + len(array)]))


def _history(
    events: pa.Table, kinds: NDArray[np.object_], pool: Pool, source: str, snapshot: LiquidityHistory | None
) -> LiquidityHistory | None:
    """What liquidity did between the swaps; None for a log of swaps alone."""
    if not np.isin(kinds, (MINT, BURN, INITIALIZE)).any() and snapshot is None:
        return None
    complete = snapshot is not None and snapshot.complete
    start = snapshot.start if snapshot else None
    before_row = np.cumsum(kinds == SWAP)
    changes = []
    births = np.flatnonzero(kinds == INITIALIZE)
    if len(births):
        birth = events.slice(int(births[0]), 1).to_pylist()[0]
        sqrt_price = int(birth["sqrt_price_x96"])
        tick = tick_at_sqrt_price(sqrt_price) if birth["tick"] is None else birth["tick"]
        start, complete = PoolStart(sqrt_price, tick, 0), True
    moved = np.flatnonzero(np.isin(kinds, (MINT, BURN)))
    rows = events.take(pa.array(moved))
    columns = (rows["tick_lower"].to_pylist(), rows["tick_upper"].to_pylist(), integers(rows["liquidity_delta"]))
    for row, lower, upper, delta in zip(before_row[moved].tolist(), *columns, strict=True):
        if lower is None or upper is None or delta is None:
            raise InputError(f"a mint or burn before swap {row + 1} lacks its ticks or its liquidity", where=source)
        if delta:  # a burn of nothing only collects fees
            changes.append((row, lower, upper, delta))
    history = LiquidityHistory.of(
        complete=complete, start=start, snapshot=snapshot.snapshot() if snapshot else None, changes=changes
    )
    if complete:
        check_changes(history, pool, source)
    return history


def check_changes(history: LiquidityHistory, pool: Pool, source: str) -> None:
    """InputError at the first change that the tick map forbids (a burn of what was never minted)."""
    ticks = history.snapshot()
    for row, lower, upper, delta in history.changes():
        if lower % pool.tick_spacing or upper % pool.tick_spacing:
            raise InputError(
                f"the position {lower} to {upper} before swap {row + 1} is not on the tick spacing {pool.tick_spacing}",
                where=source,
                hint="is tick_spacing in the pool's metadata right?",
            )
        try:
            ticks.change(lower, upper, delta)
        except PoolError as error:
            raise InputError(
                f"{error}, before swap {row + 1}", where=source, hint="an earlier mint is missing from the log"
            ) from None


def follow(state: PoolState | None, events: pa.Table, pool: Pool) -> PoolState | None:
    """The pool after these events (in order), each taken as recorded; None until it was initialised.

    Swaps set the price, tick and liquidity they recorded; mints and burns change the tick map; a
    change of the protocol fee holds from then on; a collect moves tokens and nothing else.

    Raises:
        PoolError: a burn of what was never minted, or an event the contract would have refused.
    """
    for event in events.to_pylist():
        kind = event["event"]
        if kind == INITIALIZE:
            state = PoolState.initialized(
                int(event["sqrt_price_x96"]),
                fee_pips=pool.fee_pips,
                tick_spacing=pool.tick_spacing,
                protocol=pool.protocol,
            )
        elif state is None:
            continue
        elif kind == SWAP:
            state.sqrt_price, state.liquidity = int(event["sqrt_price_x96"]), int(event["liquidity"])
            recorded = event["tick"]
            state.tick = tick_at_sqrt_price(state.sqrt_price) if recorded is None else recorded
        elif kind in (MINT, BURN):
            delta = int(event["liquidity_delta"])
            if delta > 0:
                state.mint(event["tick_lower"], event["tick_upper"], delta)
            elif delta < 0:
                state.burn(event["tick_lower"], event["tick_upper"], -delta)
        elif kind == PROTOCOL_FEE and pool.protocol == "v3":
            state.set_protocol_fee(event["fee_pips"] & 15, event["fee_pips"] >> 4)
    return state

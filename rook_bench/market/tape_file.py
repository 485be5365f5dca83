"""The project's own tape: Parquet that keeps every integer exact, one file or a folder by pool and day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rook_bench.core import InputError, suggest
from rook_bench.core.exact import ExactInts
from rook_bench.core.files import whole_file
from rook_bench.core.untrusted import check_cells
from rook_bench.market.events import BURN, MINT, SWAP, event_table
from rook_bench.market.frame import COLUMNS, LABELS, RECORDED, REFERENCE, SwapFrame
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.pool import Pool

VERSION = 2
READABLE = (1, 2)
CONTENTS = "tape.json"
"""The file that says which pools and days a partitioned tape holds."""

_METADATA = b"rook_bench_tape"
_DIGITS = {name: column.digits for name, column in COLUMNS.items() if column.digits and name != "tx_hash"}
_SMALL = {
    name: column.dtype for name, column in COLUMNS.items() if column.dtype is not None and column.dtype.kind == "i"
}
TICK, STATE = "tick", "state"
"""Rows of a snapshot: an initialised tick (gross as liquidity, net as liquidity_delta), and the pool's state."""


def write_tape(frame: SwapFrame, path: str | Path) -> None:
    """Write a SwapFrame as Parquet, whole: decimals for the exact columns, metadata for the rest."""
    with whole_file(path) as aside:
        pq.write_table(to_table(frame), aside, compression="zstd")


def to_table(frame: SwapFrame) -> pa.Table:
    """One row per swap; a tape with a liquidity history also holds its snapshot, mints and burns, in their order."""
    columns: dict[str, pa.Array] = {"at": pa.array(frame.at, pa.timestamp("ns", "UTC"))}
    for name, digits in _DIGITS.items():
        column = getattr(frame, name)
        if column is not None:
            columns[name] = column.to_arrow(digits)
    for name in _SMALL:
        column = getattr(frame, name)
        if column is not None:
            columns[name] = pa.array(column)
    if frame.tx_hash is not None:
        hashes = np.ascontiguousarray(frame.tx_hash.limbs[:, ::-1], dtype=">u8")  # 32 bytes, big-endian
        columns["tx_hash"] = pa.Array.from_buffers(pa.binary(32), len(frame), [None, pa.py_buffer(hashes)])
    if frame.recorded_volume is not None:
        columns["volume"] = pa.array(frame.recorded_volume)
    columns |= {name: pa.array(column) for name, column in frame.recorded.items()}
    columns |= {name: pa.array(column) for name, column in frame.labels.items()}
    columns |= {f"{REFERENCE}{pair}": pa.array(column) for pair, column in frame.references.items()}
    table = pa.table(columns)
    facts = {
        "version": VERSION,
        "pool": frame.pool.model_dump(),
        "rounded": dict(frame.rounded),
        "source": frame.source,
        "notes": list(frame.notes),
    }
    if frame.breaks is not None:
        facts["breaks"] = list(frame.breaks)
    if frame.history is not None:
        facts["history"] = {"complete": frame.history.complete}
        table = _with_history(table, frame.history)
    return table.replace_schema_metadata({_METADATA: json.dumps(facts).encode()})


def _with_history(swaps: pa.Table, history: LiquidityHistory) -> pa.Table:
    """The swaps' table with the history's rows put in where they belong."""
    start = history.start
    first: dict[str, list[Any]] = {
        "event": [STATE] * (start is not None) + [TICK] * len(history.ticks),
        "sqrt_price_x96": ([start.sqrt_price] if start else []) + [None] * len(history.ticks),
        "tick": ([start.tick] if start else []) + history.ticks.tolist(),
        "liquidity": ([start.liquidity] if start else []) + list(history.gross),
        "liquidity_delta": [None] * (start is not None) + list(history.net),
    }
    moved = {
        "event": [MINT if delta > 0 else BURN for delta in history.delta],
        "tick_lower": history.tick_lower.tolist(),
        "tick_upper": history.tick_upper.tolist(),
        "liquidity_delta": list(history.delta),
    }
    snapshot = event_table(first, len(first["event"]))
    changes = event_table(moved, len(moved["event"]))
    # Changes stand before their swap: sort keys are (row, 0) for a change and (row, 1) for a swap.
    rows = np.concatenate([np.full(len(snapshot), -1), history.before_row, np.arange(len(swaps))])
    kind = np.concatenate([np.zeros(len(snapshot) + len(changes)), np.ones(len(swaps))])
    order = np.lexsort((kind, rows))
    swaps = swaps.append_column("event", pa.array([SWAP] * len(swaps), pa.string()))
    parts = [snapshot, changes]
    kept = {"event", "tick_lower", "tick_upper", "liquidity_delta"} | set(swaps.column_names)
    parts = [part.select([name for name in part.column_names if name in kept]) for part in parts]
    swaps = pa.table(
        {
            name: swaps[name].cast(pa.decimal256(76)) if name in ("sqrt_price_x96", "liquidity") else swaps[name]
            for name in swaps.column_names
        }
    )
    return pa.concat_tables([*parts, swaps], promote_options="permissive").take(pa.array(order))


def read_tape(path: Path, pool: Pool | None = None) -> SwapFrame:
    """Read one file of a tape; InputError where it is damaged, or not a tape."""
    try:
        # Not pq.read_table: it would take "day=..." in the path for a column.
        file = pq.ParquetFile(path)
        check_cells(file.metadata.num_rows, file.metadata.num_columns, path)
        table = file.read()
        facts: dict[str, Any] = json.loads((table.schema.metadata or {})[_METADATA])
    except KeyError:
        raise InputError(
            "the Parquet file does not carry a tape's metadata",
            where=path,
            hint="import it with rook-bench data import",
        ) from None
    except (pa.ArrowInvalid, OSError, json.JSONDecodeError) as error:
        raise InputError(f"the tape can't be read ({str(error).splitlines()[0]})", where=path) from None
    if facts["version"] not in READABLE:
        raise InputError(
            f"tape version {facts['version']} is not {VERSION}", where=path, hint="import the source again"
        )
    return _frame(table, facts, pool, path)


def _frame(table: pa.Table, facts: dict[str, Any], pool: Pool | None, path: Path) -> SwapFrame:
    history = None
    if "history" in facts:
        history = _history(table, complete=facts["history"]["complete"])
        table = table.filter(pc.equal(table["event"], SWAP))
    present = {name for name in table.column_names if table[name].null_count < len(table) or not len(table)}
    try:
        exact: dict[str, Any] = {name: ExactInts.from_arrow(table[name]) for name in _DIGITS if name in present}
    except ValueError as error:
        raise InputError(str(error), where=path) from None
    small: dict[str, Any] = {
        name: table[name].to_numpy().astype(dtype) for name, dtype in _SMALL.items() if name in present
    }
    hashes = None
    if "tx_hash" in present:
        hashes = _hashes(table["tx_hash"])
    return SwapFrame(
        pool=pool or Pool.parse(facts["pool"], where=path),
        at=table["at"].to_numpy().astype("datetime64[ns]"),
        **exact,
        **small,
        tx_hash=hashes,
        recorded_volume=table["volume"].to_numpy() if "volume" in present else None,
        recorded={name: table[name].to_numpy() for name in RECORDED if name in present},
        labels={name: _label(table[name]) for name in LABELS if name in present},
        references={
            name.removeprefix(REFERENCE): table[name].to_numpy()
            for name in table.column_names
            if name.startswith(REFERENCE)
        },
        history=history,
        breaks=None if facts.get("breaks") is None else tuple(int(row) for row in facts["breaks"]),
        rounded=facts["rounded"],
        source=facts["source"] or str(path),
        notes=tuple(facts["notes"]),
    )


def _hashes(column: pa.ChunkedArray) -> ExactInts:
    """32 big-endian bytes each, as limbs."""
    whole = column.cast(pa.binary(32)).combine_chunks()
    parts = whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]
    data = b"".join(part.buffers()[1][32 * part.offset : 32 * (part.offset + len(part))] for part in parts)
    return ExactInts(np.frombuffer(data, dtype=">u8").reshape(-1, 4)[:, ::-1].astype(np.uint64))


def _history(table: pa.Table, *, complete: bool) -> LiquidityHistory:
    start = None
    if len(states := table.filter(pc.equal(table["event"], STATE))):
        row = states.slice(0, 1).to_pylist()[0]
        start = PoolStart(int(row["sqrt_price_x96"]), row["tick"], int(row["liquidity"]))
    ticks = table.filter(pc.equal(table["event"], TICK)).sort_by("tick")
    moved = pc.is_in(table["event"], pa.array([MINT, BURN]))
    changes = table.filter(moved)
    swaps_before = np.cumsum(pc.equal(table["event"], SWAP).to_numpy())
    return LiquidityHistory(
        complete=complete,
        start=start,
        ticks=ticks["tick"].to_numpy().astype(np.int32),
        gross=ExactInts.from_arrow(ticks["liquidity"]),
        net=ExactInts.from_arrow(ticks["liquidity_delta"]),
        before_row=swaps_before[moved.to_numpy()].astype(np.int64),
        tick_lower=changes["tick_lower"].to_numpy().astype(np.int32),
        tick_upper=changes["tick_upper"].to_numpy().astype(np.int32),
        delta=ExactInts.from_arrow(changes["liquidity_delta"]),
    )


def _label(column: pa.ChunkedArray) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(object) if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) else values


def read_tape_folder(folder: Path, pool: Pool | None = None, *, address: str | None = None) -> SwapFrame:
    """Read a tape partitioned by pool and day: all days of one pool, one after the other.

    Raises:
        InputError: several pools and none named, a pool that is not there, a missing or damaged part.
    """
    pools = contents(folder)["pools"]
    if address is None and len(pools) > 1:
        most = sorted(pools, key=lambda name: -pools[name]["swaps"])[:5]
        listed = ", ".join(f"{name} ({pools[name]['swaps']:,} swaps)" for name in most)
        raise InputError(
            f"the tape holds {len(pools)} pools: {listed}", where=folder, hint="name one with --pool ADDRESS"
        )
    name = next(iter(pools)) if address is None else address.lower()
    if name not in pools:
        raise InputError(f"pool {name} is not in the tape", where=folder, hint=suggest(name, pools))
    days = [folder / part["file"] for part in pools[name]["days"]]
    for day in days:
        if not day.is_file():
            raise InputError("a part of the tape is missing", where=day, hint="import the tape again")
    return SwapFrame.concat([read_tape(day, pool) for day in days], source=str(folder))


def contents(folder: Path) -> dict[str, Any]:
    """What a partitioned tape's contents file says; InputError where it can't be read."""
    try:
        facts: dict[str, Any] = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
        if facts["version"] not in READABLE:
            raise InputError(f"tape version {facts['version']} is not {VERSION}", where=folder, hint="import it again")
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise InputError(f"not a readable tape ({error})", where=folder / CONTENTS, hint="import it again") from None
    return facts

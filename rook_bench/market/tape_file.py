"""The project's own tape: Parquet that keeps every integer exact, one file or a folder by pool and day."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rook_bench.core import InputError, suggest
from rook_bench.core.files import whole_file
from rook_bench.core.parquet import write_parts
from rook_bench.core.untrusted import check_cells, confined
from rook_bench.market.column_rows import stacked_breaks
from rook_bench.market.events import BURN, MINT, SWAP, event_table
from rook_bench.market.frame import LABELS, RECORDED, REFERENCE, SwapFrame
from rook_bench.market.history import LiquidityHistory
from rook_bench.market.pool import Pool
from rook_bench.market.tape_columns import DIGITS, SMALL, STATE, TICK, TapeColumns, each_file, history_of, swaps_of

VERSION = 2
READABLE = (1, 2)
CONTENTS = "tape.json"
"""The file that says which pools and days a partitioned tape holds."""

_METADATA = b"rook_bench_tape"


def write_tape(frame: SwapFrame, path: str | Path) -> None:
    """Write a SwapFrame as Parquet, whole: decimals for the exact columns, metadata for the rest."""
    with whole_file(path) as aside:
        write_parts(len(frame), lambda rows: _rows_table(frame, rows), aside)


def to_table(frame: SwapFrame) -> pa.Table:
    """One row per swap; a tape with a liquidity history also holds its snapshot, mints and burns, in their order."""
    return _rows_table(frame, slice(0, len(frame)))


def _rows_table(frame: SwapFrame, rows: slice) -> pa.Table:
    """The table of some rows, with what stands before them, and after the last; the metadata is the whole tape's."""
    columns: dict[str, pa.Array] = {"at": pa.array(frame.at[rows], pa.timestamp("ns", "UTC"))}
    for name, digits in DIGITS.items():
        column = getattr(frame, name)
        if column is not None:
            columns[name] = column[rows].to_arrow(digits)
    for name in SMALL:
        column = getattr(frame, name)
        if column is not None:
            columns[name] = pa.array(column[rows])
    if frame.tx_hash is not None:
        hashes = np.ascontiguousarray(frame.tx_hash.limbs[rows, ::-1], dtype=">u8")  # 32 bytes, big-endian
        columns["tx_hash"] = pa.Array.from_buffers(pa.binary(32), len(hashes), [None, pa.py_buffer(hashes)])
    if frame.recorded_volume is not None:
        columns["volume"] = pa.array(frame.recorded_volume[rows])
    columns |= {name: pa.array(column[rows]) for name, column in frame.recorded.items()}
    text = lambda column: pa.string() if column.dtype == object else None  # noqa: E731
    columns |= {name: pa.array(column[rows], text(column)) for name, column in frame.labels.items()}
    columns |= {f"{REFERENCE}{pair}": pa.array(column[rows]) for pair, column in frame.references.items()}
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
        table = _with_history(table, frame.history, rows, last=rows.stop == len(frame))
    return table.replace_schema_metadata({_METADATA: json.dumps(facts).encode()})


def _with_history(swaps: pa.Table, history: LiquidityHistory, part: slice, *, last: bool) -> pa.Table:
    """The table of a part's swaps with the history's rows put in where they belong: the snapshot before the first."""
    start, ticks = (None, 0) if part.start else (history.start, len(history.ticks))
    first: dict[str, list[Any]] = {
        "event": [STATE] * (start is not None) + [TICK] * ticks,
        "sqrt_price_x96": ([start.sqrt_price] if start else []) + [None] * ticks,
        "tick": ([start.tick] if start else []) + history.ticks[:ticks].tolist(),
        "liquidity": ([start.liquidity] if start else []) + list(history.gross[:ticks]),
        "liquidity_delta": [None] * (start is not None) + list(history.net[:ticks]),
    }
    own = slice(*np.searchsorted(history.before_row, (part.start, part.stop), side="left").tolist())
    own = slice(own.start, None) if last else own
    deltas = list(history.delta[own])
    moved = {
        "event": [MINT if delta > 0 else BURN for delta in deltas],
        "tick_lower": history.tick_lower[own].tolist(),
        "tick_upper": history.tick_upper[own].tolist(),
        "liquidity_delta": deltas,
    }
    snapshot = event_table(first, len(first["event"]))
    changes = event_table(moved, len(moved["event"]))
    # Changes stand before their swap: sort keys are (row, 0) for a change and (row, 1) for a swap.
    rows = np.concatenate([np.full(len(snapshot), -1), history.before_row[own] - part.start, np.arange(len(swaps))])
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
    frame, facts = _read([path], pool)
    frame = replace(frame, source=facts[0]["source"] or str(path))
    return frame.lying_in(path) if pool is None else frame


def _read(paths: list[Path], pool: Pool | None) -> tuple[SwapFrame, list[dict[str, Any]]]:
    """The files of one pool one after the other, and what each says of itself."""
    path = paths[0]
    try:
        facts, counts = [], []
        for path, file in each_file(paths):
            check_cells(file.metadata.num_rows, file.metadata.num_columns, path)
            facts.append(_facts_of(file, path))
            counts.append(swaps_of(file, events="history" in facts[-1]))
        columns, histories = TapeColumns(sum(counts)), []
        for (path, file), fact in zip(each_file(paths), facts, strict=True):
            events = columns.read(file, path, events="history" in fact)
            if events is not None:
                histories.append(history_of(events, complete=fact["history"]["complete"]))
    except (pa.ArrowInvalid, OSError, json.JSONDecodeError) as error:
        raise InputError(f"the tape can't be read ({str(error).splitlines()[0]})", where=path) from None
    history = None
    if len(histories) == len(paths):
        pairs = list(zip(histories, counts, strict=True))
        history = histories[0] if len(paths) == 1 else LiquidityHistory.concat(pairs)
    at = columns.column("at")
    told = [None if fact.get("breaks") is None else tuple(map(int, fact["breaks"])) for fact in facts]
    frame = SwapFrame(
        pool=pool or Pool.parse(facts[0]["pool"], where=paths[0]),
        at=at,
        **{name: columns.column(name) for name in (*DIGITS, *SMALL, "tx_hash")},
        recorded_volume=columns.column("volume"),
        recorded=columns.named(RECORDED),
        labels=columns.named(LABELS),
        references=columns.named(prefix=REFERENCE),
        history=history,
        breaks=told[0] if len(paths) == 1 else stacked_breaks(told, counts, at),
        rounded={name: reason for fact in facts for name, reason in fact["rounded"].items()},
        source=str(paths[0]),
        notes=tuple(dict.fromkeys(note for fact in facts for note in fact["notes"])),
    )
    return frame, facts


def _facts_of(file: pq.ParquetFile, path: Path) -> dict[str, Any]:
    stored = (file.schema_arrow.metadata or {}).get(_METADATA)
    if stored is None:
        raise InputError(
            "the Parquet file does not carry a tape's metadata",
            where=path,
            hint="import it with rook-bench data import",
        )
    facts: dict[str, Any] = json.loads(stored)
    if facts["version"] not in READABLE:
        raise InputError(
            f"tape version {facts['version']} is not {VERSION}", where=path, hint="import the source again"
        )
    return facts


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
    days = [confined(folder, str(part["file"])) for part in pools[name]["days"]]
    if not days:
        raise InputError("the tape holds no day", where=folder, hint="import the tape again")
    for day in days:
        if not day.is_file():
            raise InputError("a part of the tape is missing", where=day, hint="import the tape again")
    frame = replace(_read(days, pool)[0], source=str(folder))
    return frame.lying_in(folder) if pool is None and len(pools) == 1 else frame


def contents(folder: Path) -> dict[str, Any]:
    """What a partitioned tape's contents file says; InputError where it can't be read."""
    try:
        facts: dict[str, Any] = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
        if facts["version"] not in READABLE:
            raise InputError(f"tape version {facts['version']} is not {VERSION}", where=folder, hint="import it again")
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise InputError(f"not a readable tape ({error})", where=folder / CONTENTS, hint="import it again") from None
    return facts

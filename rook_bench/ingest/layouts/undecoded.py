"""Layouts of undecoded log entries: topics and data words, exact by nature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.ingest.abi import TOPICS, UndecodableLog, decode_log
from rook_bench.ingest.hexadecimal import text_array
from rook_bench.ingest.swap_words import plain_swaps
from rook_bench.ingest.text_columns import BITS, hashes, hex_word, optional_small, row_number, small, times
from rook_bench.ingest.topics import Topics
from rook_bench.market.events import EXACT, SCHEMA, event_table

PLACES = {
    "at": "block_timestamp",
    "block": "block_number",
    "tx_index": "transaction_index",
    "log_index": "log_index",
    "tx_hash": "transaction_hash",
}
"""Where a log entry stands, in the words of most tables."""


def undecoded(
    table: pd.DataFrame,
    where: Path,
    *,
    addresses: Sequence[str],
    topics: Topics,
    data: str,
    places: Mapping[str, str],
) -> pa.Table:
    """The event table of a chunk of log entries; entries of other contracts' events are left out.

    Args:
        addresses: contract of each row.
        topics: of the rows.
        data: name of the column with the data words.
        places: source column by event column for at, block, tx_index, log_index, tx_hash, gas_price;
            sources the table lacks are null.

    Raises:
        InputError: an event whose data or topics are damaged, by row.
    """
    pools, texts = np.array(addresses, dtype=object), table[data]
    swaps = plain_swaps(pools, topics, text_array(texts))
    decoded: list[dict[str, Any]] = []
    kept: list[int] = []
    for position in np.flatnonzero(~swaps.decoded & ~_of_others(topics)).tolist():
        address, text = addresses[position], texts.iloc[position]
        try:
            contract = hex_word(address) if address.startswith("\\") else address
            event = decode_log(contract, [hex_word(word) for word in topics.words(position)], hex_word(text))
        except UndecodableLog as error:
            raise InputError(
                f"{error} at row {row_number(table, position)}", where=where, hint="is the file cut off?"
            ) from None
        if event is not None:
            _check_bits(event, table, position, where)
            decoded.append(event)
            kept.append(position)
    parts = [(swaps.columns, np.flatnonzero(swaps.decoded))]
    if kept:
        names = [name for name in SCHEMA.names if any(name in event for event in decoded)]
        parts.append(({name: [event.get(name) for event in decoded] for name in names}, np.array(kept)))
    positions = np.concatenate([found for _, found in parts])
    if not len(positions):
        return SCHEMA.empty_table()
    events = pa.concat_tables([event_table(columns, len(found)) for columns, found in parts if len(found)])
    order = np.argsort(positions, kind="stable")
    if len(parts) > 1:
        events = events.take(pa.array(order))
    rows = table.iloc[positions[order]]
    for name, source in places.items():
        if source in rows:
            column = event_table({name: _place(name, rows[source], where)}, len(rows))[name]
            events = events.set_column(SCHEMA.get_field_index(name), SCHEMA.field(name), column)
    return events


def _of_others(topics: Topics) -> NDArray[np.bool_]:
    """Rows that surely are no event of a pool."""
    known = pc.is_in(pc.utf8_lower(topics.first), value_set=pa.array(list(TOPICS), topics.first.type))
    return topics.plain & ~known.to_numpy(zero_copy_only=False).astype(bool)


def _place(name: str, column: pd.Series, where: Path) -> Any:
    match name:
        case "at":
            return times(column, where)
        case "tx_hash":
            return hashes(column, where)
        case "tx_index" | "gas_price":
            return optional_small(column, where)
        case _:
            return small(column, where)


def _check_bits(event: dict[str, Any], table: pd.DataFrame, position: int, where: Path) -> None:
    for name in EXACT:
        value = event.get(name)
        if value is not None and not -(1 << BITS[name]) < value < 1 << BITS[name]:
            raise InputError(
                f"{name} of a {event['event']} event is beyond {BITS[name]} bits at row {row_number(table, position)}",
                where=where,
                hint="the data words are damaged",
            )

"""Layouts of undecoded log entries: topics and data words, exact by nature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rook_bench.core import InputError
from rook_bench.ingest.abi import UndecodableLog, decode_log
from rook_bench.ingest.text_columns import BITS, hashes, hex_word, optional_small, row_number, small, times
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
    topics: Sequence[Sequence[str]],
    data: str,
    places: Mapping[str, str],
) -> pa.Table:
    """The event table of a chunk of log entries; entries of other contracts' events are left out.

    Args:
        addresses: contract of each row.
        topics: topic words of each row.
        data: name of the column with the data words.
        places: source column by event column for at, block, tx_index, log_index, tx_hash, gas_price;
            sources the table lacks are null.

    Raises:
        InputError: an event whose data or topics are damaged, by row.
    """
    decoded: list[dict[str, Any]] = []
    kept: list[int] = []
    for position, (address, words, text) in enumerate(zip(addresses, topics, table[data], strict=True)):
        try:
            contract = hex_word(address) if address.startswith("\\") else address
            event = decode_log(contract, [hex_word(word) for word in words], hex_word(text))
        except UndecodableLog as error:
            raise InputError(
                f"{error} at row {row_number(table, position)}", where=where, hint="is the file cut off?"
            ) from None
        if event is not None:
            _check_bits(event, table, position, where)
            decoded.append(event)
            kept.append(position)
    if not kept:
        return SCHEMA.empty_table()
    rows = table.iloc[np.array(kept)]
    names = [name for name in SCHEMA.names if any(name in event for event in decoded)]
    columns: dict[str, Any] = {name: [event.get(name) for event in decoded] for name in names}
    for name, source in places.items():
        if source in rows:
            columns[name] = _place(name, rows[source], where)
    return event_table(columns, len(rows))


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

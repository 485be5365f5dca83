"""A block range of a pool's log as an event table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from rook_bench.core import InputError
from rook_bench.ingest.abi import UndecodableLog, decode_log, topics_of
from rook_bench.ingest.fetch.node import Node
from rook_bench.ingest.fetch.rpc_errors import Complaint, Kind
from rook_bench.market.events import SCHEMA, SWAP, event_table


@dataclass(frozen=True)
class PoolKey:
    """What a node is asked for: a v3 pool by its address, a v4 pool by PoolManager and id; lower case."""

    address: str
    pool_id: str | None = None

    @property
    def protocol(self) -> str:
        """ "v3" or "v4"."""
        return "v3" if self.pool_id is None else "v4"

    @property
    def pool(self) -> str:
        """The name of the pool in event tables."""
        return self.pool_id or self.address

    def query(self, topics: Sequence[str] | None = None) -> dict[str, Any]:
        """The filter of eth_getLogs, without its blocks.

        Args:
            topics: topic 0 of the wanted events; every event of the pool by default.
        """
        wanted: list[Any] = [list(topics or topics_of(self.protocol))]
        return {"address": self.address, "topics": wanted + ([self.pool_id] if self.pool_id else [])}


class Reorganised(Exception):
    """The chain changed while a range was being read: read it again."""


@dataclass(frozen=True)
class Chunk:
    """The events of the blocks `first` to `last`, and the hash of the last block as they were read.

    Attributes:
        hashes: of each block with an event, by its number.
    """

    first: int
    last: int
    last_hash: str
    table: pa.Table
    hashes: Mapping[int, str] = field(default_factory=dict)


def read_chunk(node: Node, key: PoolKey, first: int, last: int, *, gas_prices: bool = False) -> Chunk:
    """Fetch one range.

    Args:
        node: where from.
        key: which pool.
        first: first block.
        last: last block, itself included.
        gas_prices: also ask for the receipts of transactions with swaps.

    Raises:
        Complaint: asking for fewer blocks may help.
        Reorganised: the blocks of logs and of headers are not the same.
        InputError: nothing helps.
    """
    # The hash comes first: a reorg after it shows when the hash is compared once more at the end.
    last_hash = _header(node.headers([last])[0], last)["hash"].lower()
    logs = _checked(node.logs(key.query(), first, last), key, first, last, last_hash)
    decoded = [(log, event) for log in logs if (event := _decode(log)) is not None]
    if not decoded:
        return Chunk(first, last, last_hash, event_table({}, 0))
    logs = [log for log, _ in decoded]
    columns: dict[str, Any] = {
        name: [event.get(name) for _, event in decoded]
        for name in SCHEMA.names
        if any(name in event for _, event in decoded)
    }
    columns["block"] = [_integer(log["blockNumber"]) for log in logs]
    columns["tx_index"] = [_integer(log["transactionIndex"]) for log in logs]
    columns["log_index"] = [_integer(log["logIndex"]) for log in logs]
    columns["tx_hash"] = [log["transactionHash"] for log in logs]
    columns["at"] = np.array(_seconds(node, logs), dtype="datetime64[s]").astype("datetime64[ns]")
    if gas_prices:
        prices = _gas_prices(node, [log["transactionHash"] for log, event in decoded if event["event"] == SWAP])
        columns["gas_price"] = [prices.get(log["transactionHash"]) for log in logs]
    try:
        table = event_table(columns, len(logs))
    except (pa.ArrowInvalid, OverflowError, ValueError) as error:
        what = f"a log of blocks {first} to {last} holds an impossible value ({str(error).splitlines()[0]})"
        raise InputError(what, where=node.address, hint="use another node") from None
    hashes = {_integer(log["blockNumber"]): log["blockHash"].lower() for log in logs}
    return Chunk(first, last, last_hash, table, hashes)


def _checked(logs: list[dict[str, Any]], key: PoolKey, first: int, last: int, last_hash: str) -> list[dict[str, Any]]:
    """The logs in order, each once; what does not belong to the question is an error of the node."""
    ordered = {}
    for log in logs:
        try:
            place = _integer(log["blockNumber"]), _integer(log["logIndex"])
            address, block_hash = log["address"].lower(), log["blockHash"].lower()
            _integer(log["transactionIndex"]), bytes.fromhex(log["transactionHash"].removeprefix("0x"))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Complaint(Kind.GARBAGE, "a log lacks its block, place or transaction") from None
        if not first <= place[0] <= last or address != key.address:
            raise InputError(
                f"the node answers with a log of block {place[0]} and contract {address}, which were not asked for",
                hint="use another node",
            )
        if log.get("removed") or (place[0] == last and block_hash != last_hash):
            raise Reorganised
        ordered[place] = log
    return [ordered[place] for place in sorted(ordered)]


def _decode(log: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return decode_log(log["address"], log["topics"], log["data"])
    except (UndecodableLog, KeyError, TypeError, AttributeError) as error:
        where = f"block {_integer(log['blockNumber'])}, log {_integer(log['logIndex'])}"
        raise InputError(f"the log can't be decoded ({error})", where=where, hint="use another node") from None


def _seconds(node: Node, logs: list[dict[str, Any]]) -> list[int]:
    """Time of each log's block: from the log where the node gives it, else from the block's header."""
    unknown = sorted({_integer(log["blockNumber"]) for log in logs if not log.get("blockTimestamp")})
    headers = dict(zip(unknown, node.headers(unknown), strict=True))
    seconds = []
    for log in logs:
        if log.get("blockTimestamp"):
            seconds.append(_integer(log["blockTimestamp"]))
            continue
        block = _integer(log["blockNumber"])
        header = _header(headers[block], block)
        if header["hash"].lower() != log["blockHash"].lower():
            raise Reorganised
        seconds.append(_integer(header["timestamp"]))
    return seconds


def _integer(value: Any) -> int:
    """A quantity as nodes write it, "0x1f"; a few write the number itself."""
    return value if isinstance(value, int) else int(value, 16)


def _header(header: Any, block: int) -> dict[str, Any]:
    if header is None:
        raise Reorganised
    if not isinstance(header, dict) or not isinstance(header.get("hash"), str) or not header.get("timestamp"):
        raise InputError(f"the node's header of block {block} is not whole", hint="use another node")
    return header


def _gas_prices(node: Node, hashes: list[str]) -> dict[str, int]:
    """Wei per unit of gas by transaction; what a node has no receipt of stays unknown."""
    wanted = list(dict.fromkeys(hashes))
    receipts = node.ask_many("eth_getTransactionReceipt", [(each,) for each in wanted])
    return {
        each: _integer(receipt["effectiveGasPrice"])
        for each, receipt in zip(wanted, receipts, strict=True)
        if isinstance(receipt, dict) and receipt.get("effectiveGasPrice")
    }

"""Columns of a log that say what a row is of: no layout may read past them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from rook_bench.core import InputError
from rook_bench.ingest.text_columns import row_number

_REMOVED = ("removed",)
_CHAINS = ("chain_id", "chainid", "chain", "blockchain", "network")
_BLOCK_HASHES = ("block_hash", "blockhash", "evt_block_hash")
_BLOCKS = ("block_number", "blocknumber", "evt_block_number", "block", "number")
_TRANSACTIONS = ("transaction_hash", "transactionhash", "tx_hash", "txhash", "evt_tx_hash")
_LOG_INDICES = ("log_index", "logindex", "evt_index")
_POOLS = ("id", "pool_id", "poolid", "pool", "pool_address", "pooladdress", "address", "contract_address")
_KEY = (_BLOCK_HASHES, _BLOCKS, _TRANSACTIONS, _LOG_INDICES)

_POOL_ID = r"(0x|\\x)?[0-9a-fA-F]{64}"
_ADDRESS = r"(0x|\\x)?[0-9a-fA-F]{40}"


def guarded(columns: Iterable[str]) -> list[str]:
    """The columns that have to be looked at, whatever the layout reads."""
    wanted = {*_REMOVED, *_CHAINS, *_BLOCK_HASHES, *_BLOCKS, *_TRANSACTIONS, *_LOG_INDICES, *_POOLS}
    return [column for column in columns if column.lower() in wanted]


class Identity:
    """What the rows of a stream are of: which chain, which blocks, which pools.

    Attributes:
        taken_back: rows that a reorganisation took back, the records that say so included.
    """

    def __init__(self) -> None:
        self.taken_back = 0
        self._chain: tuple[str, Path] | None = None
        self._hash_of_block: dict[str, int] = {}
        self._last: dict[int, bool] = {}

    def note_removals(self, table: pd.DataFrame) -> None:
        """Remember whether the last record of each log is the one that removes it; call it with every chunk first."""
        if _column(table, _REMOVED) is None:
            return
        self._last.update(zip(_keys(table), _removed(table), strict=True))

    def standing(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows that stand at the end: what was removed and not logged again is left out."""
        if _column(table, _REMOVED) is None:
            return table
        stands = [not self._last.get(key, False) for key in _keys(table)]
        kept = pd.Series(stands, index=table.index) & ~pd.Series(_removed(table), index=table.index)
        self.taken_back += int((~kept).sum())
        return table[kept]

    def check(self, table: pd.DataFrame, read: Collection[str], layout: str, where: Path) -> None:
        """Refuse rows whose identity the layout would lose.

        Args:
            table: a chunk, with all its guarded columns.
            read: columns that the layout reads.
            layout: its name.
            where: the file.

        Raises:
            InputError: rows of two chains, a block with two hashes, or a pool told row by row in a column
                that the layout does not read.
        """
        self._check_chain(table, where)
        self._check_blocks(table, where)
        unread = [column for column in guarded(table.columns) if column.lower() in _POOLS and column not in read]
        for column in unread:
            values = table[column]
            if len(values) and values.str.fullmatch(_POOL_ID).all():
                raise InputError(
                    f"column '{column}' tells a v4 pool row by row, and {layout} does not read it",
                    where=where,
                    hint="v4's events are read undecoded, or in Dune's layout (id, fee)",
                )
            if values.str.fullmatch(_ADDRESS).all() and (values != values.iloc[:1].squeeze()).any():
                raise InputError(
                    f"column '{column}' tells a pool row by row, and {layout} does not read it",
                    where=where,
                    hint="keep the rows of one pool",
                )

    def _check_chain(self, table: pd.DataFrame, where: Path) -> None:
        column = _column(table, _CHAINS)
        if column is None:
            return
        for chain in column[column != ""].unique():
            if self._chain is None:
                self._chain = chain, where
            elif self._chain[0] != chain:
                raise InputError(
                    f"column '{column.name}' tells of two chains, {self._chain[0]} and {chain}",
                    where=where,
                    hint="keep the rows of one chain: the same address is another pool on another chain",
                )

    def _check_blocks(self, table: pd.DataFrame, where: Path) -> None:
        hashes, blocks = _column(table, _BLOCK_HASHES), _column(table, _BLOCKS)
        if hashes is None or blocks is None:
            return
        pairs = pd.DataFrame({"block": blocks, "hash": hashes}).drop_duplicates()
        for position, (block, text) in enumerate(zip(pairs["block"], pairs["hash"], strict=True)):
            if text and self._hash_of_block.setdefault(block, hash(text.lower())) != hash(text.lower()):
                raise InputError(
                    f"block {block} comes with two hashes, the second at row {row_number(pairs, position)}: "
                    "the chain was reorganised while it was logged",
                    where=where,
                    hint="fetch those blocks again, or keep the records that say removed",
                )


def _column(table: pd.DataFrame, names: Collection[str]) -> pd.Series | None:
    found = next((column for column in table.columns if column.lower() in names), None)
    return None if found is None else table[found]


def _removed(table: pd.DataFrame) -> list[bool]:
    column = _column(table, _REMOVED)
    assert column is not None
    return column.str.lower().isin(("true", "1", "t", "yes")).tolist()


def _keys(table: pd.DataFrame) -> list[int]:
    """What makes a record that of one log: its block's hash, or number, its transaction and its log index."""
    columns = [column for names in _KEY if (column := _column(table, names)) is not None]
    return [hash(key) for key in zip(*columns, strict=True)] if columns else list(range(len(table)))


def strange_events(strange: Counter[str]) -> list[str]:
    """A note that names and counts the events that were left out; empty without any."""
    if not strange:
        return []
    named = ", ".join(f"{count} of '{name}'" for name, count in strange.most_common(5))
    more = "" if len(strange) <= 5 else f" and {len(strange) - 5} other kinds"
    return [f"left out {sum(strange.values())} rows of other events: {named}{more}"]

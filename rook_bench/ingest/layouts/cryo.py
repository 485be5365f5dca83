"""Logs collected by cryo: undecoded, or with the columns of one decoded event."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from rook_bench.core import InputError
from rook_bench.ingest.abi import TOPICS
from rook_bench.ingest.layouts.decoded import Decoded, always
from rook_bench.ingest.layouts.undecoded import undecoded
from rook_bench.ingest.pool_created import pools_in
from rook_bench.ingest.text_columns import addresses, first_present
from rook_bench.ingest.topics import Topics
from rook_bench.market.events import BURN, COLLECT, INITIALIZE, MINT
from rook_bench.plugins import importer

_PLACES = {
    "block": "block_number",
    "tx_index": "transaction_index",
    "log_index": "log_index",
    "tx_hash": "transaction_hash",
}
_POOL = "address|contract_address"
_TOPICS = ("topic0", "topic1", "topic2", "topic3")
_LACKS = "cryo's logs carry no times: those of the blocks file are used"


@importer(
    columns=("block_number", "log_index", "transaction_hash", "transaction_index", _POOL, "topic0", "data"),
    optional=_TOPICS[1:],
    log=True,
    note=_LACKS,
    pools=pools_in,
)
def cryo_logs():
    """Undecoded logs of cryo (topic0 to topic3, data; Parquet or CSV), exact; needs cryo's blocks beside it."""

    def events(table: pd.DataFrame, where: Path) -> pa.Table:
        pool = addresses(table[first_present(_POOL.split("|"), table) or "address"], where)
        topics = Topics.of_columns(table, [name for name in _TOPICS if name in table])
        return undecoded(table, where, addresses=pool, topics=topics, data="data", places=_PLACES)

    return events


def _wide(name: str) -> str:
    """The columns cryo may write a decoded 256-bit value to, the best first."""
    return "|".join(f"event__{name}_{form}" for form in ("string", "binary", "f64", "f32"))


def _exact_text(table: pd.DataFrame, where: Path) -> pd.DataFrame:
    """Binary words as decimal text; InputError where only floats were written."""
    stems = {
        name.rpartition("_")[0] for name in map(str, table) if name.startswith("event__") and name.endswith(_FORMS)
    }
    for stem in sorted(stems):
        if f"{stem}_string" in table:
            continue
        if f"{stem}_binary" not in table:
            raise InputError(
                f"'{stem.removeprefix('event__')}' is there as a float only",
                where=where,
                hint="collect it again with cryo's --u256-types string",
            )
        words = table[f"{stem}_binary"]
        table = table.assign(**{f"{stem}_string": pd.Series(map(_signed, words), index=words.index, dtype=str)})
    return table


_FORMS = ("_string", "_binary", "_f64", "_f32")


def _signed(word: str) -> str:
    """A word of 32 bytes, two's complement, as decimal text; what is none stays as it is, to be named later."""
    try:
        return str(int.from_bytes(bytes.fromhex(word.removeprefix("0x")), "big", signed=len(word) == 66))
    except ValueError:
        return word


_BASE = {"pool": _POOL, **_PLACES}

SWAPS = Decoded(
    kinds=always("swap"),
    columns=_BASE
    | {
        "sqrt_price_x96": _wide("sqrtPriceX96"),
        "liquidity": _wide("liquidity"),
        "tick": "event__tick",
        "amount0": _wide("amount0"),
        "amount1": _wide("amount1"),
    },
    prepare=_exact_text,
)


@importer(columns=SWAPS.required, unless=("data",), log=True, layout=SWAPS, note=_LACKS)
def cryo_swap_events():
    """Swap events decoded by cryo (event__amount0_string ...; never the _f64 columns); needs cryo's blocks."""
    return SWAPS.events


INITIALIZATIONS = Decoded(
    kinds=always(INITIALIZE),
    columns=_BASE | {"sqrt_price_x96": _wide("sqrtPriceX96"), "tick": "event__tick"},
    prepare=_exact_text,
)


@importer(columns=INITIALIZATIONS.required, unless=("data",), log=True, layout=INITIALIZATIONS, note=_LACKS)
def cryo_initialize_events():
    """Initialize events decoded by cryo; needs cryo's blocks."""
    return INITIALIZATIONS.events


def _kinds(table: pd.DataFrame, where: Path) -> pd.Series:
    events = {"Mint": MINT, "Burn": BURN, "Collect": COLLECT}
    return table["topic0"].str.lower().map(TOPICS).map(events).fillna("")


POSITIONS = Decoded(
    kinds=_kinds,
    columns=_BASE
    | {
        "amount0": _wide("amount0"),
        "amount1": _wide("amount1"),
        "tick_lower": "event__tickLower",
        "tick_upper": "event__tickUpper",
        "liquidity_delta": _wide("amount"),
    },
    optional=frozenset({"liquidity_delta"}),
    extra=("topic0",),
    prepare=_exact_text,
)


@importer(columns=POSITIONS.required, optional=POSITIONS.welcome, unless=("data",), log=True, layout=POSITIONS)
def cryo_position_events():
    """Mint, Burn or Collect events decoded by cryo (told apart by topic0); needs cryo's blocks."""
    return POSITIONS.events

"""Swaps out of undecoded logs, all rows of a chunk at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rook_bench.core.exact import ExactInts
from rook_bench.ingest.abi import TOPICS, WORDS
from rook_bench.ingest.hexadecimal import WORD, digits, limbs_of, small_of, within
from rook_bench.ingest.text_columns import BITS
from rook_bench.ingest.topics import Topics
from rook_bench.market.events import SWAP

_TOPIC = {name: topic for topic, name in TOPICS.items() if name.startswith("Swap")}

_EXACT = ("amount0", "amount1", "sqrt_price_x96", "liquidity")
"""What the first four words of every swap are; the fifth is its tick, the sixth of v4's the fee it paid."""

TICK_BITS, FEE_BITS = 31, 31
"""Bits that a tick and a fee may have in a tape."""


@dataclass(frozen=True)
class Swaps:
    """The swaps that were found.

    Attributes:
        decoded: their rows, shape (n,).
        columns: event columns (see `market.events.SCHEMA`), in the order of their rows.
    """

    decoded: NDArray[np.bool_]
    columns: dict[str, Any]


def plain_swaps(pools: NDArray[np.object_], topics: Topics, data: pa.Array) -> Swaps:
    """The swaps of v3, of PancakeSwap's v3 and of v4 that are written as they should be.

    A row that is damaged, or written in another way, is left to `ingest.abi.decode_log`, which says what is wrong.

    Args:
        pools: address of each row's contract, text.
        topics: of the rows.
        data: data words of each row, large strings.
    """
    first = pc.utf8_lower(topics.first)
    parts = [_of_kind(name, pools, topics, first, data) for name in _TOPIC]
    found = [(rows, columns) for rows, columns in parts if len(rows)]
    decoded = np.zeros(len(data), dtype=bool)
    if not found:
        return Swaps(decoded, {})
    rows = np.concatenate([places for places, _ in found])
    decoded[rows] = True
    order = np.argsort(rows, kind="stable")
    columns: dict[str, Any] = {"event": SWAP}
    for name in (*_EXACT, "tick"):
        columns[name] = np.concatenate([each[name] for _, each in found])[order]
    columns["pool"] = pa.array(np.concatenate([each["pool"] for _, each in found])[order], pa.string())
    if any("fee_pips" in each for _, each in found):
        fees = [each.get("fee_pips", np.full(len(places), -1)) for places, each in found]
        joined = np.concatenate(fees)[order]
        columns["fee_pips"] = pa.array(joined, pa.int64(), mask=joined < 0)
    return Swaps(decoded, columns | {name: ExactInts(columns[name]) for name in _EXACT})


def _of_kind(
    name: str, pools: NDArray[np.object_], topics: Topics, first: pa.Array, data: pa.Array
) -> tuple[NDArray[np.intp], dict[str, Any]]:
    """Rows of one kind of swap, and their columns."""
    of_kind = topics.plain & pc.fill_null(pc.equal(first, _TOPIC[name]), False).to_numpy(zero_copy_only=False).astype(
        bool
    )
    if name == "Swap4":
        of_kind &= pc.is_valid(topics.second).to_numpy(zero_copy_only=False).astype(bool)
        of_kind &= np.asarray(pc.binary_length(pc.fill_null(topics.second, "")).to_numpy(zero_copy_only=False)) > 0
    else:
        plain = np.array([text.startswith("0x") for text in dict.fromkeys(pools[of_kind])], dtype=bool)
        if not plain.all():
            return np.empty(0, dtype=np.intp), {}
    places = np.flatnonzero(of_kind)
    blob, fits = digits(data.filter(pa.array(of_kind)), WORDS[name] * WORD)
    places = places[fits]
    words = blob.reshape(len(places), WORDS[name], WORD)
    v4 = name == "Swap4"
    exact = {column: limbs_of(words[:, word]) for word, column in enumerate(_EXACT)}
    if v4:  # it reports what the swapper received; a tape holds what the pool received
        exact |= {column: (-ExactInts(exact[column])).limbs for column in ("amount0", "amount1")}
    sound = np.ones(len(places), dtype=bool)
    for column, limbs in exact.items():
        sound &= within(limbs, BITS[column])
    tick, small = small_of(words[:, 4], TICK_BITS)
    sound &= small
    columns: dict[str, Any] = exact | {"tick": tick}
    if v4:
        columns["fee_pips"], small = small_of(words[:, 5], FEE_BITS)
        sound &= small & (columns["fee_pips"] >= 0)
    places = places[sound]
    columns = {column: values[sound] for column, values in columns.items()}
    if v4:
        names = pc.utf8_lower(topics.second.take(pa.array(places)))
        columns["pool"] = names.to_numpy(zero_copy_only=False).astype(object)
    else:
        columns["pool"] = _lower(pools[places])
    return places, columns


def _lower(addresses: NDArray[np.object_]) -> NDArray[np.object_]:
    known = {address: address.lower() for address in dict.fromkeys(addresses)}
    return np.array([known[address] for address in addresses], dtype=object)

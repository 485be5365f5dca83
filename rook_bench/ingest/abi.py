"""Uniswap's events as they lie undecoded in a node's log: topics and data words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rook_bench.market.events import BURN, COLLECT, INITIALIZE, MINT, PROTOCOL_FEE, SWAP

INITIALIZE_V4 = "0xdd466e674ea557f56295e2d0218a125ea4b4f0f6f3307b95f85e6110838d6438"
"""keccak256 of v4's Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)."""

TOPICS = {
    # keccak256 of each event's signature; "4" marks those of v4's PoolManager, "p" PancakeSwap's v3.
    "0x98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95": "Initialize",
    "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67": "Swap",
    "0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83": "SwapP",
    "0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde": "Mint",
    "0x0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c": "Burn",
    "0x70935338e69775456a85ddef226c395fb668b63fa0115f5f20610b388e6ca9c0": "Collect",
    "0x973d8d92bb299f4af6ce49b52a8adb85ae46b9f214c4c4fc06ac77401237b133": "SetFeeProtocol",
    INITIALIZE_V4: "Initialize4",
    "0x40e9cecb9f5f1f1c5b9c97dec2917b7ee92e57ba5563708daca94dd84ad7112f": "Swap4",
    "0xf208f4912782fd25c7f114ca3723a2d5dd6f3bcc3ac8db5af63baa85f711d5ec": "ModifyLiquidity4",
}
"""Event by its topic 0."""

SIGNATURES = {
    "Initialize": "Initialize(uint160,int24)",
    "Swap": "Swap(address,address,int256,int256,uint160,uint128,int24)",
    "SwapP": "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)",
    "Mint": "Mint(address,address,int24,int24,uint128,uint256,uint256)",
    "Burn": "Burn(address,int24,int24,uint128,uint256,uint256)",
    "Collect": "Collect(address,address,int24,int24,uint128,uint128)",
    "SetFeeProtocol": "SetFeeProtocol(uint8,uint8,uint8,uint8)",
    "Initialize4": "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)",
    "Swap4": "Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)",
    "ModifyLiquidity4": "ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)",
}
"""The signature whose keccak256 each topic is."""

WORDS = {
    "Initialize": 2,
    "Swap": 5,
    "SwapP": 7,
    "Mint": 4,
    "Burn": 3,
    "Collect": 3,
    "SetFeeProtocol": 4,
    "Initialize4": 5,
    "Swap4": 6,
    "ModifyLiquidity4": 4,
}
"""32-byte words of data of each event."""


class UndecodableLog(ValueError):
    """A known event whose data or topics have not the length that it must have."""


def topics_of(protocol: str) -> list[str]:
    """Topic 0 of every event that moves a pool of this protocol ("v3" or "v4")."""
    return [topic for topic, name in TOPICS.items() if name.endswith("4") == (protocol == "v4")]


def decode_log(address: str, topics: Sequence[str], data: str) -> dict[str, Any] | None:
    """One log entry as the event columns it fills (see `market.events.SCHEMA`), or None for another event.

    Args:
        address: of the contract; the pool of a v3 event. A v4 event's pool is its id.
        topics: "0x..." words, the first one the event's.
        data: "0x..." words.

    Raises:
        UndecodableLog: data or topics of a known event that are cut off or not hexadecimal.
    """
    name = TOPICS.get(topics[0].lower()) if topics else None
    if name is None:
        return None
    words = _words(data)
    if len(words) != WORDS[name]:
        raise UndecodableLog(f"the data of a {name.rstrip('4P')} event is not {WORDS[name]} words of 32 bytes")
    try:
        return {"pool": address.lower()} | _DECODERS[name](words, [_word(topic) for topic in topics])
    except (IndexError, ValueError) as error:
        raise UndecodableLog(f"a {name.rstrip('4P')} event lacks topics or holds impossible ones ({error})") from None


def _words(data: str) -> list[int]:
    try:
        blob = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        raise UndecodableLog("the data of an event is not hexadecimal") from None
    if len(blob) % 32:
        raise UndecodableLog("the data of an event is not whole words of 32 bytes")
    return [int.from_bytes(blob[start : start + 32], "big", signed=True) for start in range(0, len(blob), 32)]


def _word(topic: str) -> int:
    return int.from_bytes(bytes.fromhex(topic.removeprefix("0x")).rjust(32, b"\0"), "big", signed=True)


def _initialize(words: list[int], topics: list[int]) -> dict[str, Any]:
    return {"event": INITIALIZE, "sqrt_price_x96": words[0], "tick": words[1]}


def _swap(words: list[int], topics: list[int]) -> dict[str, Any]:
    amount0, amount1, sqrt_price, liquidity, tick = words[:5]
    return {
        "event": SWAP,
        "amount0": amount0,
        "amount1": amount1,
        "sqrt_price_x96": sqrt_price,
        "liquidity": liquidity,
        "tick": tick,
    }


def _mint(words: list[int], topics: list[int]) -> dict[str, Any]:
    return {
        "event": MINT,
        "tick_lower": topics[2],
        "tick_upper": topics[3],
        "liquidity_delta": words[1],
        "amount0": words[2],
        "amount1": words[3],
    }


def _burn(words: list[int], topics: list[int]) -> dict[str, Any]:
    return {
        "event": BURN,
        "tick_lower": topics[2],
        "tick_upper": topics[3],
        "liquidity_delta": -words[0],
        "amount0": -words[1],
        "amount1": -words[2],
    }


def _collect(words: list[int], topics: list[int]) -> dict[str, Any]:
    return {
        "event": COLLECT,
        "tick_lower": topics[2],
        "tick_upper": topics[3],
        "amount0": -words[1],
        "amount1": -words[2],
    }


def _set_fee_protocol(words: list[int], topics: list[int]) -> dict[str, Any]:
    # The new shares of both tokens in one column, as v3's slot0 packs them.
    return {"event": PROTOCOL_FEE, "fee_pips": words[2] + (words[3] << 4)}


def _initialize4(words: list[int], topics: list[int]) -> dict[str, Any]:
    fee, _, _, sqrt_price, tick = words
    return _pool_id(topics) | {"event": INITIALIZE, "sqrt_price_x96": sqrt_price, "tick": tick, "fee_pips": fee}


def _swap4(words: list[int], topics: list[int]) -> dict[str, Any]:
    amount0, amount1, *rest, fee = words
    # v4 reports what the swapper received; a tape holds what the pool received.
    return _pool_id(topics) | _swap([-amount0, -amount1, *rest], topics) | {"fee_pips": fee}


def _modify_liquidity4(words: list[int], topics: list[int]) -> dict[str, Any]:
    lower, upper, delta, _ = words
    event = MINT if delta >= 0 else BURN
    return _pool_id(topics) | {"event": event, "tick_lower": lower, "tick_upper": upper, "liquidity_delta": delta}


def _pool_id(topics: list[int]) -> dict[str, str]:
    return {"pool": "0x" + topics[1].to_bytes(32, "big", signed=True).hex()}


_DECODERS = {
    "Initialize": _initialize,
    "Swap": _swap,
    "SwapP": _swap,
    "Mint": _mint,
    "Burn": _burn,
    "Collect": _collect,
    "SetFeeProtocol": _set_fee_protocol,
    "Initialize4": _initialize4,
    "Swap4": _swap4,
    "ModifyLiquidity4": _modify_liquidity4,
}

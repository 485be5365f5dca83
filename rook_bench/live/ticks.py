"""Every initialised tick of a pool, asked of its contract: what a session that does not begin at the birth fills by.

v3 tells a word of its bitmap and a tick by functions of their own; v4 keeps all pools in one contract, whose storage it
lets anybody read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rook_bench.core import InputError
from rook_bench.execution.tick_map import TickMap
from rook_bench.execution.ticks import MAX_TICK, MIN_TICK
from rook_bench.ingest.fetch import Node, PoolKey

WORD = 256
_BITMAP, _TICKS, _EXTSLOAD = "0x5339c296", "0xf30dba93", "0x1e2eaeaf"
"""Selectors of tickBitmap(int16), ticks(int24) and extsload(bytes32)."""

_POOLS, _OF_TICKS, _OF_BITMAP = 6, 4, 5
"""v4: the manager's slot of its pools, and where in a pool's state the two mappings are."""


def read_ticks(
    node: Node, key: PoolKey, spacing: int, block: int, tick: Callable[[int, int], None] = lambda done, total: None
) -> TickMap:
    """The tick map after a block.

    Args:
        node, key: whom to ask for what; spacing: of the pool's ticks.
        block: near the head, for nodes forget old states.
        tick: hears how many of how many calls are done.

    Raises:
        InputError: the node does not tell it.
    """
    lowest, highest = (bound // spacing // WORD for bound in (-(-MIN_TICK // spacing) * spacing, MAX_TICK))
    words = range(lowest, highest + 1)
    ask = _Asked(node, key, block)
    maps = ask(_BITMAP, _OF_BITMAP, words, tick)
    found = [
        (word * WORD + bit) * spacing
        for word, bits in zip(words, maps, strict=True)
        for bit in range(WORD)
        if bits >> bit & 1
    ]
    values = ask(_TICKS, _OF_TICKS, found, tick)
    return TickMap({at: (value % 2**128, _signed(value >> 128, 128)) for at, value in zip(found, values, strict=True)})


class _Asked:
    """Words of a pool's state after a block."""

    def __init__(self, node: Node, key: PoolKey, block: int) -> None:
        self.node, self.key, self.block = node, key, block

    def __call__(self, selector: str, mapping: int, keys: Sequence[int], tick: Callable[[int, int], None]) -> list[int]:
        """The value under each key; of a v3 tick gross liquidity in the low half and net in the high one, as in v4."""
        data = [self._v3(selector, one) if self.key.pool_id is None else self._v4(mapping, one) for one in keys]
        values = list[int]()
        for part in range(0, len(data), 100):
            calls = [({"to": self.key.address, "data": one}, hex(self.block)) for one in data[part : part + 100]]
            values += map(self._value, self.node.ask_many("eth_call", calls))
            tick(len(values), len(data))
        return values

    def _v3(self, selector: str, key: int) -> str:
        return selector + (key % 2**256).to_bytes(32, "big").hex()

    def _v4(self, mapping: int, key: int) -> str:
        from eth_utils import keccak

        state = int.from_bytes(keccak(bytes.fromhex(str(self.key.pool_id)[2:]) + _POOLS.to_bytes(32, "big")), "big")
        place = (key % 2**256).to_bytes(32, "big") + ((state + mapping) % 2**256).to_bytes(32, "big")
        return _EXTSLOAD + keccak(place).hex()

    def _value(self, answer: Any) -> int:
        try:
            blob = bytes.fromhex(answer.removeprefix("0x"))
            if not blob or len(blob) % 32:
                raise ValueError
        except (AttributeError, ValueError):
            what = "the contract does not tell its ticks"
            raise InputError(what, where=self.key.address, hint="is it a Uniswap pool?") from None
        if len(blob) == 32:
            return int.from_bytes(blob, "big")
        gross, net = int.from_bytes(blob[:32], "big"), int.from_bytes(blob[32:64], "big")
        return gross % 2**128 | (net % 2**128) << 128


def _signed(value: int, bits: int) -> int:
    value %= 2**bits
    return value - 2**bits if value >> (bits - 1) else value

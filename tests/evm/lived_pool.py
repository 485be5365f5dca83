"""A pool on a real node with some history: what `data fetch` is to find."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from chain import Log
from eth_utils import keccak
from node import NodeChain
from v3 import V3Contracts, V3Pool
from v4 import DYNAMIC_FEE, V4Contracts, V4Pool
from walk import Walk
from web3 import HTTPProvider, Web3

from rook_bench.market.events import BURN, COLLECT, INITIALIZE, MINT, PROTOCOL_FEE, SWAP

_KEY = "bytes32,address"
_EVENTS = {
    "Initialize(uint160,int24)": INITIALIZE,
    "Swap(address,address,int256,int256,uint160,uint128,int24)": SWAP,
    "Mint(address,address,int24,int24,uint128,uint256,uint256)": MINT,
    "Burn(address,int24,int24,uint128,uint256,uint256)": BURN,
    "Collect(address,address,int24,int24,uint128,uint128)": COLLECT,
    "SetFeeProtocol(uint8,uint8,uint8,uint8)": PROTOCOL_FEE,
    f"Initialize({_KEY},address,uint24,int24,address,uint160,int24)": INITIALIZE,
    f"Swap({_KEY},int128,int128,uint160,uint128,int24,uint24)": SWAP,
    f"ModifyLiquidity({_KEY},int24,int24,int256,bytes32)": "modify",
}
_NAMES = {"0x" + keccak(text=signature).hex(): name for signature, name in _EVENTS.items()}
_BITS = 80
_V4_FEES = (0, 100, 500, 3000, 50_000)


class LivedPool:
    """A pool that random transactions were sent to, some of them several to a block, some failing.

    Attributes:
        url, web3: the node.
        pool: address that logs come from (v4: of the manager, `manager` too).
        pool_id: v4 only.
        first_block, last_block: the pool's first and the newest block.
        counts: its events by name (`market.events`), from the receipts.
        contract: the pool, to be asked for its state.
    """

    def __init__(self, url: str, chain: NodeChain, contract: V3Pool | V4Pool, seed: str) -> None:
        self.url, self.chain, self.contract = url, chain, contract
        self.web3 = Web3(HTTPProvider(url))
        self.pool = self.manager = contract.address.lower()
        self.pool_id = "0x" + contract.pool_id.hex() if isinstance(contract, V4Pool) else None
        self.counts: Counter[str] = Counter()
        self.first_block = self.last_block
        self._random = Random(seed)
        self._walk = Walk(self._random, contract.spacing, 2**100, contract.protocol, _BITS)
        self._count(contract.logs)

    @property
    def last_block(self) -> int:
        """Number of the newest block."""
        return self.chain.newest()

    def mine_more(self, transactions: int) -> None:
        """Send more random transactions, in blocks of one to three, with an empty block now and then."""
        left = transactions
        while left:
            together = min(left, self._random.choice((1, 1, 1, 2, 3)))
            left -= together
            planned = []
            with self.chain.one_block() as receipts:
                sqrt_price, tick = self.contract.price()
                for _ in range(together):
                    planned.append(self._send(sqrt_price, tick))
            for receipt in receipts:
                self._count(receipt.logs)
            self._settle_positions(planned)
            if self._random.random() < 0.1:
                self.chain.mine(self._random.randint(1, 3))

    def _send(self, sqrt_price: int, tick: int) -> tuple[str, tuple[Any, ...]]:
        walk, random = self._walk, self._random
        name, arguments = walk.operation(sqrt_price, tick)
        if name == "swap" and self.contract.fee == DYNAMIC_FEE:
            arguments = (*arguments, random.choice(_V4_FEES))
        if name == "burn" and self.contract.protocol == "v3" and random.random() < 0.5:
            self.contract.collect(*arguments[:2])
        getattr(self.contract, name)(*arguments)
        return name, arguments

    def _settle_positions(self, planned: list[tuple[str, tuple[Any, ...]]]) -> None:
        """A transaction may have failed, so what a position holds is asked, not assumed."""
        for name, arguments in planned:
            if name in ("mint", "burn"):
                lower, upper = arguments[:2]
                owned = self.contract.owned(lower, upper)
                if owned:
                    self._walk.positions[lower, upper] = owned
                else:
                    self._walk.positions.pop((lower, upper), None)

    def _count(self, logs: list[Log]) -> None:
        for address, topics, data in logs:
            name = _NAMES.get(topics[0])
            if address.lower() != self.pool or name is None:
                continue
            if self.pool_id and topics[1] != self.pool_id:
                continue
            if name == "modify":
                name = BURN if int(data[2 + 128], 16) >= 8 else MINT  # by the sign of the third word
            self.counts[name] += 1


def lived_v3(url: str, transactions: int) -> LivedPool:
    """A v3 pool of 0.05% with a history."""
    chain = NodeChain(url)
    return _lived(url, chain, V3Pool(V3Contracts(chain), 500, 10, 2**96 * 55), "anvil v3", transactions)


def lived_v4(url: str, transactions: int) -> LivedPool:
    """A v4 pool with a dynamic fee and a history."""
    chain = NodeChain(url)
    return _lived(url, chain, V4Pool(V4Contracts(chain), DYNAMIC_FEE, 10, 2**96 // 18_000), "anvil v4", transactions)


def _lived(url: str, chain: NodeChain, contract: V3Pool | V4Pool, seed: str, transactions: int) -> LivedPool:
    lived = LivedPool(url, chain, contract, seed)
    lived.mine_more(transactions)
    return lived

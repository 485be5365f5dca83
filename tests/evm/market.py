"""A pool on a real node with a calm market: swaps, mints and burns around a price, and forks where they are asked for."""

from __future__ import annotations

from random import Random

from node import NodeChain
from v3 import V3Contracts, V3Pool
from v4 import DYNAMIC_FEE, V4Contracts, V4Pool

from rook_bench.execution.ticks import sqrt_price_at_tick
from rook_bench.ingest.fetch import PoolKey

UNIT = 10**18
SPACING = 10


class Market:
    """A v3 or v4 pool of two tokens at a price of one, deep enough that prices stay near.

    Attributes:
        url, chain: the node; pool: the contract; key: as a node is asked for it.
    """

    def __init__(self, url: str, protocol: str, seed: object) -> None:
        self.url, self.chain, self.random = url, NodeChain(url), Random(f"market {protocol} {seed}")
        price = sqrt_price_at_tick(3)
        if protocol == "v3":
            self.pool = V3Pool(V3Contracts(self.chain), 500, SPACING, price)
            self.key = PoolKey(self.pool.address.lower())
        else:
            self.pool = V4Pool(V4Contracts(self.chain), DYNAMIC_FEE, SPACING, price)
            self.key = PoolKey(self.pool.address.lower(), "0x" + self.pool.pool_id.hex())
        self.held: dict[tuple[int, int], int] = {}
        self._mint(-60_000, 60_000, 10**6 * UNIT)
        for _ in range(8):
            self._provide()

    def act(self, times: int = 1) -> None:
        """So many blocks with one to three transactions, most of them swaps; now and then one without any."""
        for _ in range(times):
            if self.random.random() < 0.1:
                self.chain.mine()
                continue
            with self.chain.one_block():
                for _ in range(self.random.choice((1, 1, 2, 3))):
                    self._transact()

    def trade(self) -> None:
        """One block with one swap."""
        with self.chain.one_block():
            self._swap()

    def _transact(self) -> None:
        chance = self.random.random()
        if chance < 0.1:
            self._provide()
        elif chance < 0.18 and self.held:
            (lower, upper), amount = self.random.choice(sorted(self.held.items()))
            self.pool.burn(lower, upper, amount)
            del self.held[lower, upper]
        else:
            self._swap()

    def _swap(self) -> None:
        amount = int(10 ** self.random.uniform(18, 22.5))
        arguments = (self.random.random() < 0.5, amount if self.random.random() < 0.8 else -amount)
        if self.pool.fee == DYNAMIC_FEE:
            self.pool.swap(*arguments, None, self.random.choice((100, 500, 3000)))
        else:
            self.pool.swap(*arguments)

    def _provide(self) -> None:
        lower = self.random.randrange(-60, 50) * SPACING
        upper = lower + self.random.choice((1, 3, 10, 40)) * SPACING
        if (lower, upper) not in self.held:
            self._mint(lower, upper, self.random.randrange(10**4, 10**7) * UNIT)
            self.held[lower, upper] = self._last

    def _mint(self, lower: int, upper: int, liquidity: int) -> None:
        self.pool.mint(lower, upper, liquidity)
        self._last = liquidity

    def snapshot(self) -> tuple[str, dict[tuple[int, int], int]]:
        """The chain as it is now, to come back to once."""
        return self.chain.rpc("evm_snapshot"), dict(self.held)

    def revert(self, snapshot: tuple[str, dict[tuple[int, int], int]]) -> None:
        """Back to a snapshot: what is mined from now on is another branch, for its times are others."""
        assert self.chain.rpc("evm_revert", snapshot[0])
        self.held = dict(snapshot[1])

    def newest(self) -> int:
        """Number of the newest block."""
        return self.chain.newest()

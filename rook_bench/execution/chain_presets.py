"""Named settings of chains: block time, how transactions are ordered, how long an order takes, what gas costs."""

from __future__ import annotations

from typing import Any

from rook_bench.core import ConfigError, suggest
from rook_bench.core.config import Config

DEFAULT_BLOCK_TIME_S = 12.0
"""What a pool's metadata says of seconds between blocks where nobody measured them."""

_ETHER = ("ETH", "WETH")
_COINS = {
    "bsc": ("BNB", "WBNB"),
    "gnosis": ("XDAI", "WXDAI"),
    "polygon": ("POL", "WPOL", "MATIC", "WMATIC"),
    "celo": ("CELO",),
    "avalanche": ("AVAX", "WAVAX"),
}
"""The coin that gas is paid in, and what its wrapped form is called, where that is not ether."""

_ALIASES = {
    "1": "ethereum",
    "mainnet": "ethereum",
    "eth": "ethereum",
    "ethereum-mainnet": "ethereum",
    "10": "optimism",
    "op": "optimism",
    "op-mainnet": "optimism",
    "56": "bsc",
    "bnb": "bsc",
    "binance": "bsc",
    "100": "gnosis",
    "xdai": "gnosis",
    "137": "polygon",
    "matic": "polygon",
    "8453": "base",
    "base-mainnet": "base",
    "42161": "arbitrum",
    "arbitrum-one": "arbitrum",
    "arb1": "arbitrum",
    "42220": "celo",
    "43114": "avalanche",
    "avalanche-c": "avalanche",
}
"""Other names of chains, and their EIP-155 ids."""


class Chain(Config):
    """One chain's settings for `frictions`, each a fact with the page it was read on.

    Attributes:
        name: what `frictions.chain` is set to.
        block_time_s: seconds between blocks.
        latency, gas: settings of the same name in `frictions`.
        ordering: "priority" or "arrival"; see `Frictions`.
        below: whether every transaction also pays for being published on the chain below (rollups).
        mempool: whether others see a transaction before it is in a block. Where they don't, a
            sandwich needs the sequencer, and `mev = "worst"` is a stress, not a habit.
        sources: where the facts come from.
    """

    name: str
    block_time_s: float
    latency: dict[str, float]
    ordering: str
    gas: dict[str, float]
    mempool: str
    below: bool = True
    sources: tuple[str, ...]

    def under(self, values: dict[str, Any]) -> dict[str, Any]:
        """`values` of a `frictions` table, with this chain's settings where they give none of their own."""
        own = {"latency": self.latency, "ordering": self.ordering, "block_time_s": self.block_time_s, "gas": self.gas}
        merged = own | values
        if "gas" in values and isinstance(values["gas"], dict):
            merged["gas"] = self.gas | values["gas"]
        if "latency" in values and "ordering" not in values:
            # Priority ordering is about a place in a block, so it holds with a latency in blocks only.
            given = values["latency"]
            blocks = given.get("blocks") if isinstance(given, dict) else getattr(given, "blocks", None)
            merged["ordering"] = self.ordering if blocks is not None else "arrival"
        return merged


CHAINS = (
    Chain(
        name="ethereum",
        block_time_s=12,
        latency={"blocks": 1},
        ordering="priority",
        gas={"gwei": 1.0},
        mempool="public unless sent through a private relay",
        below=False,
        sources=("ethereum.org/developers/docs/blocks (12 s slots)", "gas price: an assumption, give your own"),
    ),
    Chain(
        name="arbitrum",
        block_time_s=0.25,
        latency={"seconds": 0.45},
        ordering="arrival",
        gas={"gwei": 0.02},
        mempool="none: first come, first served, with an express lane 200 ms ahead",
        sources=(
            "docs.arbitrum.io/how-arbitrum-works/timeboost (250 ms blocks, 200 ms express lane, about 450 ms in all)",
            "docs.arbitrum.io/build-decentralized-apps/reference/chain-params (floor of the gas price)",
        ),
    ),
    Chain(
        name="base",
        block_time_s=2,
        latency={"blocks": 1},
        ordering="priority",
        gas={"gwei": 0.005},
        mempool="none: the sequencer orders by priority fee every 200 ms",
        sources=(
            "docs.base.org/base-chain/network-information/transaction-ordering (2 s blocks, priority fee auctions)",
            "docs.base.org/base-chain/network-information/network-fees (floor of the gas price)",
        ),
    ),
    Chain(
        name="optimism",
        block_time_s=2,
        latency={"blocks": 1},
        ordering="priority",
        gas={"gwei": 0.001},
        mempool="none: the sequencer orders by priority fee",
        sources=(
            "help.optimism.io/hc/en-us/articles/16711400204315 (2 s blocks, priority fee order)",
            "gas price: an assumption, give your own",
        ),
    ),
)
"""Presets. Rollups also charge for publishing on the chain below: set `gas.l1_fee_quote`."""


def preset(name: str) -> Chain:
    """The chain of that name; ConfigError with the nearest one."""
    for chain in CHAINS:
        if chain.name == name:
            return chain
    raise ConfigError(
        f"unknown chain '{name}'", where="frictions", hint=suggest(name, [chain.name for chain in CHAINS])
    )


def chain_of(name: str) -> Chain | None:
    """The preset of a chain by any of its names or its EIP-155 id, None where there is none."""
    plain = _plain(name)
    return next((chain for chain in CHAINS if chain.name == plain), None)


def native_coin(chain: str) -> tuple[str, ...]:
    """Symbols of the coin that gas is paid in on a chain and of its wrapped form; ether where not known."""
    return _COINS.get(_plain(chain), _ETHER)


def _plain(name: str) -> str:
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    return _ALIASES.get(plain, plain)

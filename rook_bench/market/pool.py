"""Which pool a tape comes from: chain, protocol, fee, and the two tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rook_bench.core.config import Config


class Token(Config):
    """One token of the pair; `decimals` turns smallest units into human ones."""

    symbol: str
    decimals: int = Field(ge=0, le=77)

    @property
    def unit(self) -> int:
        """Smallest units in one token."""
        return 10**self.decimals


ETH = Token(symbol="ETH", decimals=18)
WETH = Token(symbol="WETH", decimals=18)
USDC = Token(symbol="USDC", decimals=6)


class Pool(Config):
    """Pool metadata. Prices are quote per base in human units; `base_is_token0` says which is which."""

    chain: str = "unknown"
    address: str = "unknown"
    protocol: Literal["v3", "v4"] = "v3"
    fee_pips: int = Field(default=500, ge=0, lt=1_000_000)
    tick_spacing: int = Field(default=10, gt=0)
    token0: Token
    token1: Token
    base_is_token0: bool
    block_time_s: float = Field(default=12.0, gt=0)

    @model_validator(mode="after")
    def _two_tokens(self) -> Pool:
        if self.token0 == self.token1:
            raise ValueError("token0 and token1 are the same")
        return self

    @property
    def base(self) -> Token:
        """The token that is bought and sold."""
        return self.token0 if self.base_is_token0 else self.token1

    @property
    def quote(self) -> Token:
        """The token that prices are given in."""
        return self.token1 if self.base_is_token0 else self.token0

    @property
    def pair(self) -> str:
        """For example "ETH/USDC"."""
        return f"{self.base.symbol}/{self.quote.symbol}"

    @property
    def fee(self) -> float:
        """The fee as a fraction of the amount in."""
        return self.fee_pips / 1e6


ROOK_V4 = Pool(protocol="v4", token0=ETH, token1=USDC, base_is_token0=True)
"""The pool of ROOK's published data set: Uniswap v4 ETH/USDC 0.05%."""

MAINNET_USDC_WETH = {
    "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640": 500,
    "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8": 3000,
}
"""Well-known v3 pools by address, with their fee in pips."""

TICK_SPACING = {100: 1, 500: 10, 3000: 60, 10_000: 200}
"""Uniswap v3's tick spacing by fee."""


def known_pool(address: str) -> Pool | None:
    """Metadata of a pool known by its address, or None."""
    fee = MAINNET_USDC_WETH.get(address.lower())
    if fee is None:
        return None
    return Pool(
        chain="ethereum",
        address=address.lower(),
        fee_pips=fee,
        tick_spacing=TICK_SPACING[fee],
        token0=USDC,
        token1=WETH,
        base_is_token0=False,
    )

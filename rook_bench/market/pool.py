"""Which pool a tape comes from: chain, protocol, fee, and the two tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rook_bench.core import UnknownName
from rook_bench.core.config import Config
from rook_bench.core.untrusted import word
from rook_bench.execution.chain_presets import DEFAULT_BLOCK_TIME_S


class Token(Config):
    """One token of the pair.

    Attributes:
        symbol: its name ("WETH").
        decimals: digits that turn smallest units into human ones.
    """

    symbol: str
    decimals: int = Field(ge=0, le=77)

    @field_validator("symbol")
    @classmethod
    def _clean(cls, symbol: str) -> str:
        # Whoever makes a token names it, and the name goes to terminals, pages and files.
        return word(symbol, 32)

    @property
    def unit(self) -> int:
        """Smallest units in one token."""
        return 10**self.decimals


ETH = Token(symbol="ETH", decimals=18)
WETH = Token(symbol="WETH", decimals=18)
USDC = Token(symbol="USDC", decimals=6)


NO_ADDRESS = ("", "unknown", "simulated")
"""What stands in place of an address that is not known, or that there is none of."""


class Pool(Config):
    """Which pool a tape comes from. Prices are quote per base in human units.

    Attributes:
        chain, address: where it lies; of v4 the address is the pool id.
        protocol: "v3" or "v4".
        fee_pips: fee on the amount in, in millionths (500 is 0.05%).
        tick_spacing: ticks between two that may hold liquidity.
        token0, token1: the pair, in the pool's own order.
        base_is_token0: whether token0 is the base, which is bought and sold; the other is the quote. Where it is
            not said, it is what the function of this name says of the two.
        block_time_s: mean seconds between blocks.
    """

    chain: str = "unknown"
    address: str = "unknown"
    protocol: Literal["v3", "v4"] = "v3"
    fee_pips: int = Field(default=500, ge=0, lt=1_000_000)
    tick_spacing: int = Field(default=10, gt=0)
    token0: Token
    token1: Token
    base_is_token0: bool
    block_time_s: float = Field(default=DEFAULT_BLOCK_TIME_S, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _usual_base(cls, values: Any) -> Any:
        """Which token is the base, where metadata does not say."""
        if not isinstance(values, dict) or "base_is_token0" in values:
            return values
        try:
            symbols = [
                token.symbol if isinstance(token, Token) else str(token["symbol"])
                for token in (values["token0"], values["token1"])
            ]
        except (KeyError, TypeError):
            return values  # what is missing is said by the check of the fields
        return {**values, "base_is_token0": base_is_token0(*symbols)}

    @field_validator("chain", "address")
    @classmethod
    def _clean(cls, name: str) -> str:
        return word(name, 128)

    @model_validator(mode="after")
    def _two_tokens(self) -> Pool:
        if self.token0 == self.token1:
            raise ValueError("token0 and token1 are the same")
        return self

    @property
    def log_address(self) -> str | None:
        """What a log calls the pool, lower case; None where that is not known: a v4 pool is known by its id of 64
        digits, and not by the address of the PoolManager that all of them share."""
        if self.address.lower() in NO_ADDRESS or (self.protocol == "v4" and len(self.address) == len("0x") + 40):
            return None
        return self.address.lower()

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

    def with_base(self, token: str) -> Pool:
        """The pool seen with this token as the base: a symbol of the pair, "token0" or "token1".

        Raises:
            UnknownName: for another token.
        """
        asked = token.upper()
        matches = [
            asked in (f"TOKEN{place}", one.symbol.upper()) for place, one in enumerate((self.token0, self.token1))
        ]
        if not any(matches):
            raise UnknownName("base token", token, [self.token0.symbol, self.token1.symbol], where=self.address)
        return self if matches[0] == self.base_is_token0 else self.model_copy(update={"base_is_token0": matches[0]})

    @property
    def fee(self) -> float:
        """The fee as a fraction of the amount in."""
        return self.fee_pips / 1e6


def names_apart(pools: Sequence[Pool]) -> list[str]:
    """Pairs, with the fee where a pair is there twice, and the address where that does not tell them apart."""
    names = [pool.pair for pool in pools]
    for more in (lambda pool: f"{pool.pair} {pool.fee_pips / 1e4:g}%", lambda pool: f"{pool.pair} {pool.address[:8]}"):
        names = [more(pool) if names.count(name) > 1 else name for pool, name in zip(pools, names, strict=True)]
    return [name if names.count(name) == 1 else f"{name} ({place + 1})" for place, name in enumerate(names)]


def place_of(pool: Pool) -> dict[str, str]:
    """What a record calls a pool: chain, address ("" where that is not known) and pair."""
    return {"chain": pool.chain, "address": pool.log_address or "", "pair": pool.pair}


def same_place(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two records (chain, address, pair) are of one pool; by the pair where one of them has no address."""
    here, there = one["address"].lower(), other["address"].lower()
    if here in NO_ADDRESS or there in NO_ADDRESS:
        return unwrapped(one["pair"]) == unwrapped(other["pair"])
    return here == there and (one["chain"] == other["chain"] or "unknown" in (one["chain"], other["chain"]))


def same_pool(told: Mapping[str, str], pool: Pool) -> bool:
    """Whether a record is of a pool; see `same_place`."""
    return same_place(told, place_of(pool))


def unwrapped(pair: str) -> str:
    """A pair with wrapped ether as ether."""
    return pair.upper().replace("WETH", "ETH")


ROOK_V4 = Pool(protocol="v4", token0=ETH, token1=USDC, base_is_token0=True)
"""The pool of ROOK's published data set: Uniswap v4 ETH/USDC 0.05%."""

MAINNET_USDC_WETH = {
    "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640": 500,
    "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8": 3000,
}
"""Well-known v3 pools by address, with their fee in pips."""

TICK_SPACING = {100: 1, 500: 10, 3000: 60, 10_000: 200}
"""Uniswap v3's tick spacing by fee."""


STABLECOINS = frozenset(
    {
        *("USDC", "USDC.E", "USDBC", "AXLUSDC", "USDT", "USDT.E", "USDT0", "USD₮", "USD₮0", "DAI", "DAI.E", "XDAI"),
        *("WXDAI", "SDAI", "USDS", "FRAX", "FRXUSD", "LUSD", "TUSD", "BUSD", "CRVUSD", "GHO", "PYUSD", "FDUSD"),
        *("USDE", "USDD", "USDB", "USDG", "RLUSD", "EURC", "EURS", "GUSD", "USDP", "SUSD", "MIM", "CUSD", "USD1"),
    }
)
"""Symbols, in capitals, of tokens that prices are given in where they are one of the pair."""

DOLLARS = frozenset(STABLECOINS - {"EURC", "EURS"})
"""Those of them that stand for a dollar."""

_FIRST_QUOTES = ("USDC", "USDT", "DAI")
_ETHER = ("WETH", "ETH")


def base_is_token0(symbol0: str, symbol1: str) -> bool:
    """Which of two tokens is the base, however the pool's log came in.

    The quote is a stablecoin if one of the two is (of two stablecoins USDC before USDT before DAI before
    the rest), else ether, else token1.
    """
    return _rank(symbol1) <= _rank(symbol0)


def _rank(symbol: str) -> int:
    """How much a token is taken for the quote, the least first."""
    name = symbol.upper()
    if name in _FIRST_QUOTES:
        return _FIRST_QUOTES.index(name)
    if name in STABLECOINS:
        return len(_FIRST_QUOTES)
    return len(_FIRST_QUOTES) + (1 if name in _ETHER else 2)


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

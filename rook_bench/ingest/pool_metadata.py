"""Pool metadata out of what a log says of its tokens."""

from __future__ import annotations

from rook_bench.market.pool import TICK_SPACING, Pool, Token, base_is_token0

MAINNET_TOKENS = {
    "0x0000000000000000000000000000000000000000": Token(symbol="ETH", decimals=18),
    "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2": Token(symbol="WETH", decimals=18),
    "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48": Token(symbol="USDC", decimals=6),
    "0xdac17f958d2ee523a2206206994597c13d831ec7": Token(symbol="USDT", decimals=6),
    "0x6b175474e89094c44da98b954eedeac495271d0f": Token(symbol="DAI", decimals=18),
    "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599": Token(symbol="WBTC", decimals=8),
    "0x1f9840a85d5af5bf1d1762f925bdaddc4201f984": Token(symbol="UNI", decimals=18),
    "0x514910771af9ca656af840dff83e8264ecf986ca": Token(symbol="LINK", decimals=18),
}
"""Well-known tokens of Ethereum by address; a PoolCreated event does not tell decimals."""


def pool_of(
    address: str,
    token0: Token | None,
    token1: Token | None,
    fee_pips: int | None,
    *,
    tick_spacing: int | None = None,
    protocol: str = "v3",
    chain: str = "unknown",
) -> Pool | None:
    """A pool's metadata, or None where the log does not tell all of it.

    Which token is the base `market.pool.base_is_token0` says.
    """
    spacing = tick_spacing or TICK_SPACING.get(fee_pips or 0)
    if token0 is None or token1 is None or token0 == token1 or fee_pips is None or spacing is None:
        return None
    if not 0 <= fee_pips < 1_000_000:  # v4 marks a fee that its hook sets by a number beyond
        return None
    return Pool(
        chain=chain,
        address=address.lower(),
        protocol="v4" if protocol == "v4" else "v3",
        fee_pips=fee_pips,
        tick_spacing=spacing,
        token0=token0,
        token1=token1,
        base_is_token0=base_is_token0(token0.symbol, token1.symbol),
    )


def mainnet_pool(
    address: str, token0: str, token1: str, fee_pips: int, tick_spacing: int | None = None, protocol: str = "v3"
) -> Pool | None:
    """A pool of two tokens of Ethereum given by address, or None where its fee is not one.

    A token that is not well known goes by its address and counts in smallest units (no decimals):
    its amounts are exact, and no price in human units is invented.
    """
    return pool_of(
        address,
        _token(token0),
        _token(token1),
        fee_pips,
        tick_spacing=tick_spacing,
        protocol=protocol,
        chain="ethereum",
    )


def _token(address: str) -> Token:
    unnamed = Token(symbol=f"{address[:6]}..{address[-4:]}".lower(), decimals=0)
    return MAINNET_TOKENS.get(address.lower(), unnamed)


def unit_notes(pool: Pool) -> tuple[str, ...]:
    """What to say of a pool with a token that is known by its address only."""
    unnamed = [token.symbol for token in (pool.token0, pool.token1) if token.symbol.startswith("0x")]
    if not unnamed:
        return ()
    return (f"{' and '.join(unnamed)} counts in smallest units, its decimals are not known (pass --pool FILE)",)

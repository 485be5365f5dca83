"""What a replay assumes besides the tape and the decisions."""

from __future__ import annotations

from pydantic import Field

from rook_bench.core import ConfigError
from rook_bench.core.config import Config
from rook_bench.execution.frictions import Frictions
from rook_bench.market.pool import Pool
from rook_bench.risk import RiskConfig


class Capital(Config):
    """What the run starts with.

    Attributes:
        quote_value: total value at the first row's price, in quote (USDC).
        base_share: share of it held in the base token.
    """

    quote_value: float = Field(default=10_000.0, gt=0, le=1e15)
    base_share: float = Field(default=0.5, ge=0, le=1)


class ReplayConfig(Config):
    """Everything a replay assumes besides the tape and the decisions.

    Attributes:
        pair: the pair the configuration is meant for ("ETH/USDC"); a tape of another one is refused.
        seed: of sources that draw random numbers.
    """

    pair: str | None = None
    seed: int = Field(default=0, ge=0)
    capital: Capital = Capital()
    risk: RiskConfig = RiskConfig()
    frictions: Frictions = Frictions()


def check_pair(pair: str | None, pool: Pool) -> None:
    """Refuse a configuration made for another pair (wrapped ether counts as ether)."""
    plain = pool.pair.replace("WETH", "ETH")
    if pair is not None and pair.upper().replace("WETH", "ETH") != plain:
        raise ConfigError(
            f"the configuration is for {pair}, the tape is {pool.pair}", where="pair", hint="use the tape's own"
        )

"""What a replay assumes besides the tape and the decisions."""

from __future__ import annotations

from pydantic import Field

from rook_bench.core import ConfigError
from rook_bench.core.config import Config
from rook_bench.execution.frictions import Frictions
from rook_bench.market.pool import Pool
from rook_bench.market.reference import same_pair
from rook_bench.risk import RiskConfig

MOST_SEED = 2**64 - 1


class Capital(Config):
    """What the run starts with.

    Attributes:
        quote_value: total value at the first row's price, in quote (USDC).
        value: the same in the numeraire, where the run has one; it overrules quote_value.
        base_share: share of it held in the base token.
    """

    quote_value: float = Field(default=10_000.0, ge=1e-9, le=1e15)
    value: float | None = Field(default=None, ge=1e-9, le=1e15)
    base_share: float = Field(default=0.5, ge=0, le=1)

    @property
    def said(self) -> bool:
        """Whether somebody said how much it is."""
        return bool({"quote_value", "value"} & self.model_fields_set)


class ReplayConfig(Config):
    """Everything a replay assumes besides the tape and the decisions.

    Attributes:
        pair: the pair the configuration is meant for ("ETH/USDC"); a tape of another one is refused.
        seed: of sources that draw random numbers.
        numeraire: the currency that capital and results are told in beside the quote ("USDC"): a token of the pool,
            or one that a reference tape prices (see `market.reference`).
    """

    pair: str | None = None
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    numeraire: str | None = None
    capital: Capital = Capital()
    risk: RiskConfig = RiskConfig()
    frictions: Frictions = Frictions()

    def on(self, pool: Pool) -> ReplayConfig:
        """The configuration on a pool: what nobody set is what the pool's chain is known for.

        With a numeraire the default capital counts in it, and not in whatever the quote is.
        """
        capital = self.capital
        if capital.value is not None and self.numeraire is None:
            raise ConfigError(
                "it counts in the numeraire, and none is set",
                where="capital.value",
                hint='set numeraire = "USDC", or give capital.quote_value',
            )
        if self.numeraire is not None and not capital.said:
            capital = capital.model_copy(update={"value": capital.quote_value})
        return self.model_copy(
            update={"frictions": self.frictions.on(pool.chain, pool.block_time_s), "capital": capital}
        )


def check_pair(pair: str | None, pool: Pool) -> None:
    """Refuse a configuration made for another pair (a wrapped coin counts as the coin)."""
    if pair is not None and not same_pair(pair, pool):
        raise ConfigError(
            f"the configuration is for {pair}, the tape is {pool.pair}", where="pair", hint="use the tape's own"
        )

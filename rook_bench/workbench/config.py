"""The configuration file of a run: TOML, YAML or JSON, ROOK's per-pair YAML included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from rook_bench.core import ConfigError
from rook_bench.core.config import Config, read_mapping
from rook_bench.core.shipped import find
from rook_bench.execution.frictions import Frictions
from rook_bench.metrics import Clock
from rook_bench.replay import Capital, ReplayConfig
from rook_bench.replay.config import MOST_SEED
from rook_bench.risk import RiskConfig


class RookPair(Config):
    """ROOK's trading configuration of one pair (the `rook_config` block of its YAML).

    Attributes:
        pair: the pair it is meant for.
        max_position_size: cap on any order, as a fraction of the available balance.
        max_slippage_bps: cap on the slippage limit of any order.
        confidence_threshold: decisions less confident than this are refused.
    """

    pair: str
    max_position_size: float = Field(default=0.1, gt=0, le=1)
    max_slippage_bps: float = Field(default=50.0, ge=0, le=10_000)
    confidence_threshold: float = Field(default=0.6, ge=0, le=1)


class BenchConfig(Config):
    """Every key a configuration file may hold; all have defaults.

    Attributes:
        pair: the pair it is meant for, "ETH/USDC"; another tape is refused.
        seed: of sources that draw random numbers.
        numeraire: the currency that capital and results are told in beside the quote.
        capital: what the replay begins with.
        risk: the sizer, the filters and the caps on an order.
        frictions: gas, latency, ordering and what a slippage limit does.
        clock: how returns are sampled.
        rook_config: ROOK's own block; where both set a limit, the tighter one holds.
    """

    pair: str | None = None
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    numeraire: str | None = None
    capital: Capital = Capital()
    risk: RiskConfig = RiskConfig()
    frictions: Frictions = Frictions()
    clock: Clock = Clock()
    rook_config: RookPair | None = None

    def replay(self) -> ReplayConfig:
        """What the replay needs, with ROOK's block merged in: the tighter limit wins."""
        risk, rook = self.risk, self.rook_config
        if rook is not None:
            slippage = (
                rook.max_slippage_bps
                if risk.max_slippage_bps is None
                else min(rook.max_slippage_bps, risk.max_slippage_bps)
            )
            risk = RiskConfig(
                sizer=risk.sizer,
                filters=({"name": "confidence_threshold", "minimum": rook.confidence_threshold}, *risk.filters),
                max_order_fraction=min(rook.max_position_size, risk.max_order_fraction),
                max_order_value=risk.max_order_value,
                max_slippage_bps=slippage,
            )
        pair = rook.pair if rook is not None else self.pair
        return ReplayConfig(
            pair=pair,
            seed=self.seed,
            numeraire=self.numeraire,
            capital=self.capital,
            risk=risk,
            frictions=self.frictions,
        )


def load_config(path: str | Path | None) -> BenchConfig:
    """Read a configuration, a file or one that goes by name (`bench`, `rook-eth-usdc`); None gives the defaults.

    Raises:
        ConfigError: unreadable file, unknown key (with the near name) or a value not allowed.
    """
    if path is None:
        return BenchConfig()
    path = find("config", path)
    return parse_config(read_mapping(path), path)


def parse_config(values: dict[str, Any], path: Path) -> BenchConfig:
    """The configuration that a file holds; ConfigError as `load_config`."""
    config = BenchConfig.parse(values, where=path)
    if config.rook_config is not None and config.pair not in (None, config.rook_config.pair):
        raise ConfigError(
            f"pair is {config.pair} and rook_config.pair is {config.rook_config.pair}", where=path, hint="keep one"
        )
    return config


def settings_of(config: BenchConfig | str | Path | None, seed: int | None = None) -> BenchConfig:
    """Settings, or those of a configuration file, with another seed if one is given."""
    settings = config if isinstance(config, BenchConfig) else load_config(config)
    return settings if seed is None else settings.model_copy(update={"seed": seed})

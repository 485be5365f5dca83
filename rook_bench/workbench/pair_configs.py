"""Configurations of several pools: one for each pair, from files of their own or from a list in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rook_bench.core import ConfigError
from rook_bench.core.config import read_mappings
from rook_bench.core.shipped import find
from rook_bench.market.pool import Pool
from rook_bench.market.reference import same_pair
from rook_bench.workbench.config import BenchConfig, parse_config, settings_of

Configs = BenchConfig | str | Path | Sequence[BenchConfig | str | Path] | None
"""Settings or files of them: one, or several of which each is for the pools of its pair."""


def all_settings(config: Configs, seed: int | None = None) -> list[BenchConfig]:
    """Settings of every configuration, those of a file that lists several in its order; the defaults of none.

    Args:
        config: of settings and files, one or several; seed: for all of them, if one is given.

    Raises:
        ConfigError: for a file that can't be read, as `load_config`.
    """
    given = [config] if config is None or isinstance(config, BenchConfig | str | Path) else list(config)
    return [settings_of(one, seed) for part in given for one in _listed(part)]


def each_for(settings: Sequence[BenchConfig], pools: Sequence[Pool]) -> list[BenchConfig]:
    """The settings of each pool: those meant for its pair, else those meant for any.

    Raises:
        ConfigError: where none is for a pool, or two are; where one is for none of them, but for the first, which may
            be there for what all pools share.
    """
    chosen = [_for_pool(pool, settings) for pool in pools]
    for place, one in enumerate(settings):
        pair = pair_of(one)
        if not any(one is other for other in chosen) and (pair is not None or place > 0):
            what = f"the one for {pair} is for none of the tapes" if pair else "two are for any pair"
            raise ConfigError(what, where="--config", hint="drop it, or give one for each pair and one without a pair")
    return chosen


def pair_of(settings: BenchConfig) -> str | None:
    """The pair that settings are meant for; None of those for any."""
    return settings.rook_config.pair if settings.rook_config is not None else settings.pair


def _listed(given: BenchConfig | str | Path | None) -> list[BenchConfig | None]:
    if given is None or isinstance(given, BenchConfig):
        return [given]
    path = find("config", given)
    return [parse_config(one, path) for one in read_mappings(path)]


def _for_pool(pool: Pool, settings: Sequence[BenchConfig]) -> BenchConfig:
    own = [one for one in settings if (pair := pair_of(one)) and same_pair(pair, pool)]
    if len(own) > 1:
        raise ConfigError(f"two configurations are for {pool.pair}", where="--config", hint="give one of them")
    rest = [one for one in settings if not pair_of(one)]
    if own or rest:
        return (own or rest)[0]
    pairs = ", ".join(str(pair_of(one)) for one in settings)
    raise ConfigError(
        f"no configuration is for {pool.pair} (they are for {pairs})",
        where="--config",
        hint="add one for it, or one without a pair",
    )

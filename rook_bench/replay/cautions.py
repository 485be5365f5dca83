"""What to say of a configuration on a tape before time is spent on it: each a line, none of them an error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.ranks import median
from rook_bench.execution.chain_presets import CHAINS, chain_of, native_coin
from rook_bench.market.features import compute_feature
from rook_bench.market.frame import SwapFrame
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.engine import opening_balances
from rook_bench.replay.run import Run
from rook_bench.risk.filters import read_by
from rook_bench.tapecheck.fees import said_of_fee

TYPICAL_ORDER = 0.05
"""Share of the opening cash that a typical order takes (ROOK's mean reversion)."""

TOO_DEEP_BPS = 50.0
"""A typical order that moves the price further than this is made with too much capital for the pool."""

EASY_BPS = 5.0

NEARLY_ALL = 0.9
"""A filter that refuses more than this share of the wishes is told of."""


def cautions(frame: SwapFrame, config: ReplayConfig) -> list[str]:
    """A fee that is not the stated one, capital too large for the pool's depth, what is assumed of an unnamed chain."""
    config = config.on(frame.pool)
    return [*_fee(frame, config), *_depth(frame, config), *_chain(frame, config)]


def _fee(frame: SwapFrame, config: ReplayConfig) -> list[str]:
    said = said_of_fee(frame) if config.frictions.fee_pips is None else None
    return [] if said is None else [said]


def refusals(run: Run) -> list[str]:
    """Filters that refuse nearly all wishes to trade, with what they look at and what they allow."""
    wishes = run.decided.tape.trades
    count = int(wishes.sum())
    lines = []
    specs = {spec.name: spec for spec in run.permitted.specs[1:]}
    for index, name in enumerate(run.permitted.filter_names):
        spec = specs[name]
        refused = int((run.permitted.refused_by[wishes] == index).sum())
        if count == 0 or refused <= NEARLY_ALL * count:
            continue
        feature = read_by(name)
        seen = ""
        if feature == "confidence":
            seen = _seen(feature, run.decided.tape.confidence[wishes])
        elif feature is not None:
            seen = _seen(feature, compute_feature(run.frame, feature)[wishes])
        params = ", ".join(f"{key} {value}" for key, value in spec.params.items())
        lines.append(f"filter {spec.name} ({params}) refuses {refused:,} of {count:,} wishes to trade{seen}")
    return lines


def _seen(feature: str, values: NDArray[np.float64]) -> str:
    defined = values[np.isfinite(values)]
    if not len(defined):
        return f": {feature} is undefined there"
    low, middle, high = np.quantile(defined, (0.01, 0.5, 0.99))
    return f": {feature} there is {middle:.3g} in the middle, {low:.3g} to {high:.3g} on 98% of them"


def _depth(frame: SwapFrame, config: ReplayConfig) -> list[str]:
    pool = frame.pool
    cash, base = (
        units / token.unit
        for units, token in zip(opening_balances(config, frame), (pool.quote, pool.base), strict=True)
    )
    order = TYPICAL_ORDER * max(cash, base * float(frame.price[0]))
    base_depth, price = frame.base_depth, frame.price
    depth = median(mapped.by_part(len(frame), lambda rows: base_depth[rows] * price[rows]))
    if depth <= 0 or order <= 0:
        return []
    moved = 2e4 * order / depth
    if moved <= TOO_DEEP_BPS:
        return []
    value, key = cash + base * float(frame.price[0]), "quote_value"
    if config.capital.value is not None:
        value, key = config.capital.value, "value"
    fitting = _two_digits(value * EASY_BPS / moved)
    return [
        f"the capital is large for this pool: an order of {TYPICAL_ORDER:.0%} of one side ({order:,.6g} "
        f"{pool.quote.symbol}) moves the price by {moved:,.0f} bps at its median depth; with capital.{key} = "
        f"{fitting:g} it would be {EASY_BPS:g}"
    ]


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")


def _chain(frame: SwapFrame, config: ReplayConfig) -> list[str]:
    gas, name = config.frictions.gas, config.frictions.chain or frame.pool.chain
    if name == "simulated":
        return []
    known = chain_of(name)
    coin = native_coin(name)[0]
    if known is None:
        called = "the pool's metadata names no chain" if name == "unknown" else f"nothing is known of chain '{name}'"
        if gas.flat_quote is not None:
            return []
        price = "gas as the tape tells it" if gas.gwei == "tape" else f"gas at {gas.gwei:g} gwei"
        wait = config.frictions.block_time_s or frame.pool.block_time_s
        presets = ", ".join(chain.name for chain in CHAINS)
        return [f"{called}: {price}, paid in {coin}, and blocks of {wait:g} s are assumed (known are {presets})"]
    if known.below and gas.l1_fee_quote == 0 and gas.flat_quote is None:
        return [
            f"{known.name} also charges for publishing on the chain below: none is counted (gas.l1_fee_quote, in "
            f"{frame.pool.quote.symbol})"
        ]
    return []

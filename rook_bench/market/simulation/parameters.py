"""Parameters of the pool simulator, each with where its default comes from.

"The 2024 tape" is the USDC/WETH 0.05% pool on Ethereum, 2024-01-05 (6,046 swaps). Where a value
can't be read off the log (the outside price, who is an arbitrageur) it is chosen so that the
simulated statistics come near the measured ones: see docs/explanation/simulator.md.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import AwareDatetime, Field

from rook_bench.core.config import Config


class Simulation(Config):
    """A pool against USDC, of WETH by default, with noise traders, arbitrageurs, sandwiches and moving liquidity.

    Shares are fractions of 1; `_bps` are 1e-4 of a price; `_usd` are whole USDC; times are
    seconds unless the name says otherwise.
    """

    # Where the tape starts. The day and the block number are arbitrary; the price and the depth
    # are near the 2024 tape's first price and median liquidity.
    base_symbol: str = Field(default="WETH", pattern=r"^[A-Za-z0-9.]{1,16}$")
    start_at: AwareDatetime = datetime(2025, 1, 1, tzinfo=UTC)
    first_block: int = Field(default=21_525_891, ge=0)
    start_price_usd: float = Field(default=2270.0, ge=1, le=1e6)
    liquidity: int = Field(default=11_000_000_000_000_000_000, ge=10**12, le=10**28)
    fee_pips: int = Field(default=500, ge=1, le=100_000)

    # The clock. 7,099 blocks in 7,200 slots of 12 s: 1.4% of the slots were missed.
    block_time_s: int = Field(default=12, ge=1, le=3600)
    missed_slot_share: float = Field(default=0.014, ge=0, lt=0.5)

    # The outside (efficient) price: a martingale whose log-volatility is a first-order
    # autoregression, plus rare jumps. The daily figure is a root mean square without the jumps,
    # chosen with their size to come near the 2024 tape's 5-minute moves (15.9 bps, half of them below
    # 7.4) and their excess kurtosis of 8; that day holds one fall of 127 bps inside a minute. A
    # little above the best fit, so that the shipped sample has trades enough: see that page.
    volatility_per_day: float = Field(default=0.0285, gt=0, le=0.5)
    log_volatility_std: float = Field(default=0.55, ge=0, le=2)
    volatility_half_life_s: float = Field(default=1800.0, gt=0)
    jumps_per_day: float = Field(default=1.0, ge=0, le=1000)
    jump_std_bps: float = Field(default=60.0, ge=0, le=2000)

    # Of a pool on a chain that others share (`simulation.chain`): the share of the variance of its outside price, jumps
    # aside, that moves all of them together. Chosen, not measured: hourly returns of the larger tokens against dollars
    # correlate by a half to nine tenths.
    common_share: float = Field(default=0.6, ge=0, le=1)

    # Noise traders. Sizes are log-normal: on the 2024 tape the swaps away from the top of a block
    # (transaction index above 6) have a median of 1,450 USD and a log standard deviation of 2.13.
    # Arrivals are Poisson in each block. Numbers and sizes rise with volatility to the power of
    # their elasticity (2024: correlation 0.52 between the number of swaps and the absolute move
    # of 5 minutes; log sizes correlate by 0.06 at lags of 5 to 20). Directions lean slowly to one
    # side and the other (2024: autocorrelation 0.03 over lags 1 to 10); no side is favoured
    # overall. No order may move the price by more than the largest impact (2024: 138 bps).
    orders_per_block: float = Field(default=0.72, ge=0.01, le=100)
    activity_elasticity: float = Field(default=0.45, ge=0, le=2)
    median_order_usd: float = Field(default=1500.0, gt=0, le=1e9)
    log_order_std: float = Field(default=2.13, ge=0, le=4)
    size_elasticity: float = Field(default=0.7, ge=0, le=3)
    largest_order_usd: float = Field(default=4e6, ge=1, le=1e12)
    largest_impact_bps: float = Field(default=140.0, gt=0, le=1000)
    imbalance_std: float = Field(default=0.22, ge=0, le=0.5)
    imbalance_half_life_s: float = Field(default=600.0, gt=0)

    # The share of an order's price move that the outside price follows, because orders carry
    # news. With 0 every large order is taken back; 2024: a tenth of a large move, after 10 swaps.
    permanent_impact_share: float = Field(default=0.3, ge=0, le=1)

    # Arbitrageurs bring the pool towards one fee from the outside price when the profit left
    # after the fee pays for gas and the bid for the place in the block. 2024: the median swap at
    # transaction index 0 is 136,000 USD, a move of 4.8 bps, which a cost of 13 USD explains. They
    # are missing from some blocks, often go part of the way only (large swaps at the top of
    # blocks correlate by 0.26 in direction), in 5% of their blocks come as two, and sometimes
    # follow an order inside the block.
    arbitrage_share: float = Field(default=0.9, ge=0, le=1)
    least_arbitrage_reach: float = Field(default=0.6, gt=0, le=1)
    arbitrage_split_share: float = Field(default=0.08, ge=0, le=1)
    backrun_share: float = Field(default=0.3, ge=0, le=1)
    median_arbitrage_cost_usd: float = Field(default=13.0, ge=0)
    log_arbitrage_cost_std: float = Field(default=1.0, ge=0, le=3)

    # Sandwiches: two swaps of a searcher around a large order. 2024: 14 in the day, front-runs of
    # 0.7 million USD in the median, and the reason why returns correlate by -0.17 at lag 2.
    sandwich_share: float = Field(default=0.25, ge=0, le=1)
    sandwich_least_usd: float = Field(default=170_000.0, ge=0)
    median_sandwich_usd: float = Field(default=700_000.0, gt=0, le=1e9)
    log_sandwich_std: float = Field(default=0.6, ge=0, le=2)

    # Liquidity stays the same between 89.4% of consecutive swaps. Else it takes a step (2024: 90%
    # of the depths lie between 9.3e18 and 12.5e18), or a narrow position comes into range for
    # about three swaps (39 times, factors from 1.5 to 90).
    liquidity_change_share: float = Field(default=0.093, ge=0, le=1)
    liquidity_std: float = Field(default=0.07, ge=0, le=0.5)
    narrow_position_share: float = Field(default=0.0064, ge=0, le=0.5)
    narrow_position_swaps: float = Field(default=3.0, ge=1, le=100)
    median_narrow_factor: float = Field(default=3.0, ge=1, le=100)
    log_narrow_factor_std: float = Field(default=1.0, ge=0, le=2)

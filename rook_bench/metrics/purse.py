"""What a purse came to: in all, by pool, by token, and which pool carries it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate, InputError
from rook_bench.core.hashing import sha256_json
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import names_apart
from rook_bench.metrics.clock import Borders, Clock
from rook_bench.metrics.means import mean_of
from rook_bench.replay.purse import PurseRun, without
from rook_bench.stats.lo import sharpe_interval
from rook_bench.stats.mean import mean_interval
from rook_bench.stats.measures import max_drawdown
from rook_bench.stats.multiple import Selection, stepwise_multiple_test

Floats = NDArray[np.float64]

NET = "net of fee, impact, gas and reverts, in the numeraire"


@dataclass(frozen=True, eq=False)
class _Covered:
    """The stretches of time that some pool's tape covers: what `Borders` asks of a tape.

    Attributes:
        at: beginning and end of each stretch in turn; holes: places of the beginnings after the first.
    """

    at: NDArray[np.datetime64]
    holes: NDArray[np.intp]

    @classmethod
    def by(cls, frames: Sequence[SwapFrame]) -> _Covered:
        """By any of these tapes; a hole of one that another covers is none."""
        begins = np.concatenate([frame.at[[0, *frame.holes]] for frame in frames]).astype("M8[ns]")
        ends = np.concatenate([frame.at[[*(frame.holes - 1), -1]] for frame in frames]).astype("M8[ns]")
        order = np.argsort(begins, kind="stable")
        begins, reach = begins[order], np.maximum.accumulate(ends[order])
        new = np.flatnonzero(begins[1:] > reach[:-1]) + 1
        edges = np.stack([begins[[0, *new]], reach[[*(new - 1), -1]]], axis=1).ravel()
        return cls(edges, np.arange(2, len(edges), 2))


@dataclass(frozen=True, eq=False, repr=False)
class PurseAnalysis:
    """A PurseRun sampled on a clock; every series is at the same borders, which all pools share.

    Attributes:
        run, clock: what is sampled, and how.
    """

    run: PurseRun
    clock: Clock

    def __repr__(self) -> str:
        return f"<PurseAnalysis of {self.run.name}: {len(self.at):,} samples>"

    @property
    def names(self) -> list[str]:
        """Of the pools; see `names_apart`."""
        return names_apart([leg.pool for leg in self.run.legs])

    @cached_property
    def at(self) -> NDArray[np.datetime64]:
        """Start, every full border, and end; UTC, shape (k,). No border lies where no pool's tape is."""
        borders = Borders(self._covered, self.clock).at
        return np.unique(np.concatenate([self._covered.at[:1], borders, self._covered.at[-1:]]))

    @cached_property
    def _covered(self) -> _Covered:
        return _Covered.by([leg.frame for leg in self.run.legs])

    @property
    def inner(self) -> slice:
        """The borders among `at`: returns are between full ones."""
        return slice(1, -1)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Of the stretches between full borders, those all of which some pool's tape covers, shape (buckets,).

        What happened in the others is not known, and no return reaches across them.
        """
        borders = self.at[self.inner]
        if len(borders) < 2:
            return np.zeros(0, dtype=bool)
        ends, begins = self._covered.at[1:-1:2], self._covered.at[2::2]
        # A hole touches a bucket if it begins before the bucket ends, and ends after it begins.
        touched = np.searchsorted(ends, borders[1:], side="left") > np.searchsorted(begins, borders[:-1], side="right")
        return np.asarray(~touched)

    @cached_property
    def rates(self) -> Floats:
        """What one of each token costs in the numeraire, shape (k, tokens)."""
        return self.run.rates_at(self.at)

    @cached_property
    def values(self) -> Floats:
        """What the purse holds of each token, in the numeraire, shape (k, tokens)."""
        return self.run.balances_at(self.at) * self.rates

    @cached_property
    def equity(self) -> Floats:
        """The whole purse in the numeraire, what is still to come in included, shape (k,); first before any order."""
        equity = self.values.sum(axis=1) + self.run.came_in_at(self.at)[1]
        equity[0] = self.hold[0]
        return np.asarray(equity)

    @cached_property
    def hold(self) -> Floats:
        """What came in would be worth, had it been kept, shape (k,)."""
        held, waiting = self.run.came_in_at(self.at)
        return np.asarray((held * self.rates).sum(axis=1) + waiting)

    @cached_property
    def by_pool(self) -> Floats:
        """What each pool's orders had added until then, at prices of then, shape (k, pools).

        Equity is `hold` and the sum of these: whatever is in the purse was there, or came from an order.
        """
        coins = self.run.coins
        columns = [
            (self.run.flows_at(leg, self.at) * self.rates[:, [coins.quote[leg], coins.base[leg]]]).sum(axis=1)
            for leg in range(len(self.run.legs))
        ]
        added = np.stack(columns, axis=1)
        added[0] = 0.0
        return added

    @cached_property
    def returns(self) -> Floats:
        """Simple returns of the known buckets."""
        return _returns(self.equity[self.inner])[self.known]

    @cached_property
    def gains(self) -> Floats:
        """What each pool's orders added by known bucket, as a fraction of the opening value, shape (buckets, pools)."""
        return np.asarray(np.diff(self.by_pool[self.inner], axis=0)[self.known] / self.hold[0])

    @cached_property
    def correlations(self) -> Floats:
        """Of the pools' gains by bucket, shape (pools, pools); NaN where a pool gained the same in each."""
        moved = self.gains.std(axis=0) > 0 if len(self.gains) > 1 else np.zeros(len(self.run.legs), bool)
        found = np.full((len(moved), len(moved)), np.nan)
        if moved.any():
            found[np.ix_(moved, moved)] = np.corrcoef(self.gains[:, moved].T)
        return found

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Measures of the whole purse by name."""
        return {name: measure(self) for name, measure in MEASURES.items()}

    def pool_gain(self, leg: int) -> Estimate:
        """What one pool's orders added to the purse, as a fraction of its opening value, with an interval.

        The interval is of the mean gain of a bucket, times the number of buckets.
        """
        total = float(self.by_pool[-1, leg] / self.hold[0])
        mean = mean_interval(self.gains[:, leg])
        how = f"{NET}, over the opening value; against holding what the purse opened with"
        if mean.value is None or mean.low is None or mean.high is None:
            return Estimate(total, len(self.gains), "fraction", how)
        half = (mean.high - mean.low) / 2 * len(self.gains)
        return Estimate(total, len(self.gains), "fraction", how, total - half, total + half, method=mean.method)

    @cached_property
    def left_out(self) -> Floats:
        """Closing equity of the same purse without the orders of each pool, shape (pools,): replayed, not subtracted.

        Without a pool the others find other balances, and size their orders from them.
        """
        closing = []
        for leg, one in enumerate(self.run.legs):
            other = self.run if not len(one.orders) else without(self.run, leg)
            closing.append(float((other.balances_at(self.at[-1:]) * self.rates[-1:]).sum()))
        return np.array(closing)

    def to_json(self) -> dict[str, Any]:
        """Measures of the purse, its pools and its tokens."""
        run, coins = self.run, self.run.coins
        opening, closing, rates = run.opening, run.closing, self.rates[-1]
        return {
            "numeraire": run.numeraire,
            "measures": {name: estimate.to_json() for name, estimate in self.estimates.items()},
            "pools": [
                {
                    "pair": leg.pool.pair,
                    "address": leg.pool.address,
                    "fee_pips": leg.pool.fee_pips,
                    "swaps": len(leg.frame),
                    "orders": len(leg.orders),
                    "fills": int(leg.orders.filled.sum()),
                    "gain": self.pool_gain(place).to_json(),
                    "return_without": float(self.left_out[place] / self.hold[0] - 1),
                }
                for place, leg in enumerate(run.legs)
            ],
            "tokens": [
                {
                    "token": name,
                    "opening": str(opening[place]),
                    "closing": str(closing[place]),
                    "decimals": coins.all[place].token.decimals,
                    "rate": float(rates[place]),
                    "gain": float((closing[place] - opening[place]) / coins.all[place].token.unit * rates[place]),
                }
                for place, name in enumerate(coins.names)
            ],
            "correlations": [[None if np.isnan(one) else float(one) for one in row] for row in self.correlations],
        }


def log_difference(mine: PurseAnalysis, theirs: PurseAnalysis) -> Floats:
    """Net log return of each known bucket, first minus second, shape (buckets,); NaN after a purse is empty.

    Raises:
        InputError: for purses over other tapes, or on another clock.
    """
    tapes = [[leg.frame.data_hash for leg in one.run.legs] for one in (mine, theirs)]
    if tapes[0] != tapes[1] or mine.clock != theirs.clock:
        where = f"{mine.run.name} and {theirs.run.name}"
        raise InputError("purses over different tapes or clocks can't be paired", where=where)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (np.diff(np.log(one.equity[one.inner]))[one.known] for one in (mine, theirs))
    return np.asarray(first - second)


def difference(mine: PurseAnalysis, theirs: PurseAnalysis) -> Estimate:
    """How much more one purse earned than another, bps per day, with its interval."""
    values, clock = log_difference(mine, theirs), mine.clock
    convention = f"mean per day of the net log-return differences of full {clock.label} buckets, paired"
    if not len(values):
        return Estimate.undefined("there is no full bucket", n=0, unit="bps", convention=convention)
    if not values.any():
        return Estimate(0.0, len(values), "bps", f"{convention}; the two purses are the same", low=0.0, high=0.0)
    return mean_of(values, unit="bps", convention=convention, factor=86_400 / clock.bucket_s * 1e4, lasting=True)


def surely_gained(analyses: Sequence[PurseAnalysis], *, size: float = 0.05) -> Selection:
    """Sources on pools whose orders gained over holding, with a chance of at most `size` that any is named by luck.

    A pool of a source counts as a candidate of its own: many pools are many tries (Romano, Wolf 2005). The generator of
    the bootstrap is seeded by what was decided, so that the same purses give the same answer.
    """
    panel = {
        f"{one.run.name} on {name}": one.gains[:, place]
        for one in analyses
        for place, name in enumerate(one.names)
        if one.gains[:, place].any()
    }
    seed = int(sha256_json([one.run.run_hash for one in analyses])[:16], 16)
    if not panel:
        return Selection((), {}, 0, None, "StepM (Romano, Wolf 2005)", "no pool's orders gained or lost anything")
    return stepwise_multiple_test(panel, rng=np.random.default_rng(seed), size=size)


def _returns(equity: Floats) -> Floats:
    return np.diff(equity) / equity[:-1] if len(equity) > 1 else np.empty(0)


def _total_return(one: PurseAnalysis) -> Estimate:
    return Estimate(float(one.equity[-1] / one.hold[0] - 1), len(one.at), "fraction", f"{NET}, first to last swap")


def _hold_return(one: PurseAnalysis) -> Estimate:
    how = "of keeping the opening balance of every token"
    return Estimate(float(one.hold[-1] / one.hold[0] - 1), len(one.at), "fraction", how)


def _excess_return(one: PurseAnalysis) -> Estimate:
    how = f"{NET}: closing value over that of the opening balances, minus one; its interval from log returns by bucket"
    total = float(one.equity[-1] / one.hold[-1] - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.diff(np.log(one.equity[one.inner] / one.hold[one.inner]))[one.known]
    mean = mean_interval(apart) if np.isfinite(apart).all() else None
    if mean is None or mean.value is None or mean.low is None or mean.high is None or total <= -1:
        return Estimate(total, len(apart), "fraction", how)
    half = (mean.high - mean.low) / 2 * len(apart)
    low, high = (float(np.expm1(np.log1p(total) + side * half)) for side in (-1, 1))
    return Estimate(total, len(apart), "fraction", how, low, high, method=mean.method)


def _sharpe(one: PurseAnalysis) -> Estimate:
    return sharpe_interval(one.returns, periods_per_year=one.clock.periods_per_year)


def _drawdown(one: PurseAnalysis) -> Estimate:
    how = f"deepest fall below the highest value so far, of samples every {one.clock.label}"
    return Estimate(float(max_drawdown(one.equity)), len(one.at), "fraction", how)


def _largest_share(one: PurseAnalysis) -> Estimate:
    how = "mean over the samples of the largest token's share of the purse"
    return Estimate(float((one.values.max(axis=1) / one.equity).mean()), len(one.at), "fraction", how)


def _leading_pool(one: PurseAnalysis) -> Estimate:
    how = "share of the pool that added most in what all pools that added something added"
    gains = one.by_pool[-1]
    above = gains[gains > 0].sum()
    if above <= 0:
        return Estimate.undefined("no pool added anything", n=len(gains), unit="fraction", convention=how)
    return Estimate(float(gains.max() / above), len(gains), "fraction", how)


def _fills(one: PurseAnalysis) -> Estimate:
    fills = sum(int(leg.orders.filled.sum()) for leg in one.run.legs)
    return Estimate(float(fills), sum(len(leg.orders) for leg in one.run.legs), "count", "orders that got something")


MEASURES: dict[str, Callable[[PurseAnalysis], Estimate]] = {
    "total_return": _total_return,
    "hold_return": _hold_return,
    "excess_return": _excess_return,
    "sharpe_ratio": _sharpe,
    "max_drawdown": _drawdown,
    "fills": _fills,
    "largest_token_share": _largest_share,
    "leading_pool_share": _leading_pool,
}
"""Measures of a purse, in the order of the page."""

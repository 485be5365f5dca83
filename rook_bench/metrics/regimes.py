"""When the return over hold was earned: by volatility, trend and time of day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.means import mean_of

LOOKBACK_S = 3600
"""Seconds of the past that a bucket's volatility and trend are taken from."""

FLAT = 0.43
"""A move below this many trailing deviations is flat: a third of all moves of a random walk."""

FEWEST = 12
"""Buckets below which a regime's mean is not stated."""


@dataclass(frozen=True)
class Regime:
    """The buckets of one kind.

    Attributes:
        group: "Volatility", "Trend" or "Time of day"; name: which of its kinds.
        buckets: how many there are.
        total: sum of their net log returns over hold; mean: per bucket, with its interval.
    """

    group: str
    name: str
    buckets: int
    total: Estimate
    mean: Estimate


@dataclass(frozen=True)
class Regimes:
    """Every regime of a run, and the buckets too early in the tape to have a volatility or trend."""

    rows: tuple[Regime, ...]
    without_past: int
    lookback_s: int


def regimes(sampled: Sampled, *, lookback_s: int = LOOKBACK_S) -> Regimes:
    """Net log return over hold per bucket, by what was known when the bucket began.

    The regime of a bucket comes from prices before it. Only the borders between low, middle and
    high volatility are those of the whole tape, since they only describe.
    """
    gain = np.log1p(sampled.returns) - np.log1p(sampled.hold_returns)
    back = max(2, lookback_s // sampled.clock.bucket_s)
    frame = sampled.run.frame
    trailing, move = _past(np.log(frame.price[sampled.rows]), back)
    if len(sampled.rows) > back:  # what lies across a hole is no past
        torn = frame.segment[sampled.rows][back:] != frame.segment[sampled.rows][:-back]
        trailing[back:][torn], move[back:][torn] = np.nan, np.nan
    groups = {
        "Volatility": _volatility(trailing[: len(gain)]),
        "Trend": _trend(trailing[: len(gain)], move[: len(gain)]),
        "Time of day": _hours(sampled.at[: len(gain)]),
    }
    rows = [
        Regime(group, name, int(members.sum()), *_measured(gain[members], sampled))
        for group, kinds in groups.items()
        for name, members in kinds
    ]
    return Regimes(tuple(rows), int(np.isnan(trailing[: len(gain)]).sum()), back * sampled.clock.bucket_s)


def _past(log_price: NDArray[np.float64], back: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Root of the summed squared moves, and the move, over the `back` buckets before each border; NaN without them."""
    trailing, move = np.full(len(log_price), np.nan), np.full(len(log_price), np.nan)
    if len(log_price) > back:
        squares = np.concatenate([[0.0], np.cumsum(np.diff(log_price) ** 2)])
        trailing[back:] = np.sqrt(np.maximum(squares[back:] - squares[:-back], 0.0))
        move[back:] = log_price[back:] - log_price[:-back]
    return trailing, move


Kinds = Iterator[tuple[str, NDArray[np.bool_]]]


def _volatility(trailing: NDArray[np.float64]) -> Kinds:
    known = trailing[~np.isnan(trailing)]
    low, high = np.quantile(known, (1 / 3, 2 / 3)) if len(known) else (np.nan, np.nan)
    yield "low", trailing <= low
    yield "middle", (trailing > low) & (trailing <= high)
    yield "high", trailing > high


def _trend(trailing: NDArray[np.float64], move: NDArray[np.float64]) -> Kinds:
    yield "down", move < -FLAT * trailing
    yield "flat", np.abs(move) <= FLAT * trailing
    yield "up", move > FLAT * trailing


def _hours(at: NDArray[np.datetime64]) -> Kinds:
    hour = at.astype("datetime64[h]").astype(np.int64) % 24
    for start in range(0, 24, 6):
        yield f"{start:02d}:00 to {start + 6:02d}:00", (hour >= start) & (hour < start + 6)


def _measured(gain: NDArray[np.float64], sampled: Sampled) -> tuple[Estimate, Estimate]:
    """Sum and mean of some buckets' returns over hold; the mean in bps with its interval."""
    count, convention = len(gain), f"net log return over hold of {sampled.clock.label} buckets"
    if count == 0:
        reason = "no such bucket"
        return (
            Estimate.undefined(reason, n=0, unit="fraction", convention=convention),
            Estimate.undefined(reason, n=0, unit="bps", convention=convention),
        )
    total = mean_of(gain, unit="fraction", convention=convention, factor=count)
    if count < FEWEST:
        reason = f"fewer than {FEWEST} such buckets"
        return total, Estimate.undefined(reason, n=count, unit="bps", convention=convention)
    convention += ", buckets of the kind put end to end"
    return total, mean_of(gain, unit="bps", convention=convention, factor=1e4)

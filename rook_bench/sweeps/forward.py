"""Choosing in one part of the tape and judging in another: walk-forward, and combinatorial purged splits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, Estimate, InputError
from rook_bench.metrics.action_value import HORIZON_S
from rook_bench.metrics.clock import Borders, Clock
from rook_bench.metrics.means import mean_of
from rook_bench.metrics.regimes import FEWEST, LOOKBACK_S
from rook_bench.stats.splits import PurgedSplits, combinatorial_purged
from rook_bench.sweeps.scores import By, Returns, best_of

MOST_SPLITS = 1_000
"""Splits of a purged cross-validation, at most."""

CONVENTION = "net log return over hold of full buckets"


@dataclass(frozen=True)
class Fold:
    """One stretch of a walk-forward.

    Attributes:
        first_at, last_at: of the stretch that is judged, UTC; what was chosen by ends before it.
        point: what was chosen, None where no point could be.
        inside, outside: what it was chosen by, in the stretch it was chosen on and in this one; None where undefined.
        over_hold: its net return over hold in this one, replayed from the opening balances.
        rank: its place among all points in this one, by their one replay of the whole tape, which nobody could know;
            1 is the best.
    """

    first_at: np.datetime64
    last_at: np.datetime64
    point: int | None
    inside: float | None
    outside: float | None
    over_hold: float | None
    rank: int | None


@dataclass(frozen=True)
class WalkForward:
    """What choosing again and again would have given.

    Attributes:
        folds: in order of time.
        per_day: mean per day of the chosen points' return over hold in the judged stretches, bps.
        ahead: folds whose return over hold is above zero.
        points: how many different points were chosen.
    """

    folds: tuple[Fold, ...]
    per_day: Estimate
    ahead: int
    points: int


@dataclass(frozen=True)
class Purged:
    """What choosing on some groups of the tape gave on the others, over every choice of them.

    Attributes:
        groups, held_out: how the tape was cut.
        splits: how many choices there are.
        outside: what was chosen by, on the held-out groups, of the point chosen on the rest; by split, NaN undefined.
        inside: the same on the rest.
        paths: the same of each path through the whole tape that the splits can be put together to.
        point: what was chosen most often; share: in how many of the splits.
        below_zero: share of the splits whose held-out value is not above zero, or undefined because equity is gone;
            None where no point could be chosen in any.
    """

    groups: int
    held_out: int
    splits: int
    outside: NDArray[np.float64]
    inside: NDArray[np.float64]
    paths: NDArray[np.float64]
    point: int | None
    share: float | None
    below_zero: float | None


Judge = Callable[[int, NDArray[np.intp]], tuple[float | None, NDArray[np.float64]]]
"""Replays a point on consecutive rows from the opening balances: what is chosen by, and its log returns over hold."""


def _left_out(bucket_s: int) -> tuple[int, int]:
    """Buckets before a judged stretch that nothing is chosen by, and after one."""
    return math.ceil(HORIZON_S / bucket_s), math.ceil(LOOKBACK_S / bucket_s)


def _no_parts(by: By) -> None:
    if by == "max_drawdown":
        hint = "choose by sharpe_ratio_excess, sharpe_ratio, excess_return or total_return"
        raise ConfigError("a drawdown of the whole tape has no parts", where="by", hint=hint)


def walk_forward(
    returns: Returns, borders: Borders, folds: int, by: By, honest: NDArray[np.bool_], judge: Judge
) -> WalkForward:
    """Choose on all that came before a stretch, and replay what was chosen on the stretch; `folds` times.

    The tape is cut into one more stretch than there are folds: the first is only chosen on. What is chosen on ends
    before the judged stretch begins by as long as what was done there takes to pay off.

    Raises:
        ConfigError: for fewer than one fold, or a metric that has no parts.
        InputError: for a tape too short for them.
    """
    n, bucket_s = returns.buckets, borders.clock.bucket_s
    purge, _ = _left_out(bucket_s)
    edges = edges_of(n, borders.clock, folds, by)
    inside, outside = np.zeros((2, folds, n), dtype=bool)
    for fold in range(folds):
        inside[fold, : edges[fold + 1] - purge] = True
        outside[fold, edges[fold + 1] : edges[fold + 2]] = True
    within, beyond = returns.scores(inside, by), returns.scores(outside, by)
    found, earned = [], []
    for fold in range(folds):
        start, stop = edges[fold + 1], edges[fold + 2]
        point = best_of(within[fold], by, honest)
        value, gain = (None, np.empty(0)) if point is None else judge(point, _rows(borders, start, stop))
        others = beyond[fold][honest & np.isfinite(beyond[fold])]
        own = np.nan if point is None else beyond[fold, point]
        found.append(
            Fold(
                first_at=borders.at[start],
                last_at=borders.at[stop],
                point=point,
                inside=None if point is None else float(within[fold, point]),
                outside=value,
                over_hold=math.expm1(gain.sum()) if len(gain) else None,
                rank=int((others > own).sum()) + 1 if np.isfinite(own) else None,
            )
        )
        earned.append(gain)
    whole = np.concatenate(earned)
    per_day = (
        mean_of(whole, unit="bps", convention=f"mean per day of the {CONVENTION}", factor=86_400 / bucket_s * 1e4)
        if len(whole)
        else Estimate.undefined("no point could be chosen in any fold", n=0, unit="bps", convention=CONVENTION)
    )
    chosen = {fold.point for fold in found if fold.point is not None}
    ahead = sum(fold.over_hold is not None and fold.over_hold > 0 for fold in found)
    return WalkForward(tuple(found), per_day, ahead, len(chosen))


def edges_of(n: int, clock: Clock, folds: int, by: By) -> list[int]:
    """Where the stretches of a walk-forward begin and end among n buckets; errors as `walk_forward`."""
    _no_parts(by)
    if folds < 1:
        raise ConfigError(f"{folds} folds", where="walk_forward", hint="give at least 1")
    purge, _ = _left_out(clock.bucket_s)
    edges = [place * n // (folds + 1) for place in range(folds + 2)]
    if edges[1] - purge < FEWEST:
        what = f"{n} buckets of {clock.label} are too few for {folds} folds of at least {FEWEST + purge}"
        raise InputError(what, where="walk_forward", hint="take fewer folds, a shorter bucket, or a longer tape")
    return edges


def _rows(borders: Borders, start: int, stop: int) -> NDArray[np.intp]:
    """The swaps between two borders."""
    first, last = np.searchsorted(borders.frame.at, borders.at[[start, stop]], side="right")
    return np.arange(first, last)


def purged(returns: Returns, bucket_s: int, groups: int, held_out: int, by: By, honest: NDArray[np.bool_]) -> Purged:
    """Choose on all but some groups of the tape, and look at those; for every choice of them.

    A point's returns are those of its one replay of the whole tape: it enters a group with what it held.

    Raises:
        ConfigError: for groups that can't be, or a metric that has no parts.
        InputError: for a tape too short for them.
    """
    found = splits_of(returns.buckets, bucket_s, groups, held_out, by)
    within, beyond = returns.scores(found.inside, by), returns.scores(found.outside, by)
    chosen = [best_of(row, by, honest) for row in within]
    at = lambda table, split: np.nan if chosen[split] is None else float(table[split, chosen[split]])  # noqa: E731
    outside = np.array([at(beyond, split) for split in range(len(chosen))])
    picked = [point for point in chosen if point is not None]
    most = max(sorted(set(picked)), key=picked.count) if picked else None
    judged = outside[[point is not None for point in chosen]]
    return Purged(
        groups=groups,
        held_out=held_out,
        splits=len(chosen),
        outside=outside,
        inside=np.array([at(within, split) for split in range(len(chosen))]),
        paths=_paths(returns, found.groups, found.paths, chosen, by),
        point=most,
        share=None if most is None else picked.count(most) / len(chosen),
        # Equity that is gone has no value there, and is no gain.
        below_zero=float((~(judged > 0)).mean()) if len(judged) else None,
    )


def splits_of(n: int, bucket_s: int, groups: int, held_out: int, by: By) -> PurgedSplits:
    """The splits of n buckets; errors as `purged`."""
    _no_parts(by)
    if groups < 2 or not 1 <= held_out < groups:
        hint = "write N,k with k below N, such as 6,2"
        raise ConfigError(f"{held_out} of {groups} groups can't be held out", where="purged", hint=hint)
    if math.comb(groups, held_out) > MOST_SPLITS:
        what = f"{math.comb(groups, held_out):,} splits; {MOST_SPLITS:,} are the most"
        raise ConfigError(what, where="purged", hint="take fewer groups")
    purge, embargo = _left_out(bucket_s)
    found = combinatorial_purged(n, groups=groups, held_out=held_out, purge=purge, embargo=embargo)
    if found is None or n // groups < FEWEST or int(found.inside.sum(axis=1).min()) < FEWEST:
        what = f"{n} buckets are too few for {groups} groups with {purge} and {embargo} left out around them"
        raise InputError(what, where="purged", hint="take fewer groups, a shorter bucket, or a longer tape")
    return found


def _paths(
    returns: Returns, groups: tuple[slice, ...], paths: NDArray[np.intp], chosen: list[int | None], by: By
) -> NDArray[np.float64]:
    """What is chosen by, over each path: every group with what was chosen in the path's split that holds it out."""
    excess, values = by in ("sharpe_ratio_excess", "excess_return"), np.full(len(paths), np.nan)
    for number, path in enumerate(paths):
        points = [chosen[split] for split in path]
        if any(point is None for point in points):
            continue
        parts = []
        for group, point in zip(groups, points, strict=True):
            assert point is not None
            series = returns.over_hold(point) if excess else np.asarray(returns.net[point])
            parts.append(series[group])
        whole = np.concatenate(parts)
        alone = Returns(whole[None, :], np.zeros((1, len(whole))), np.zeros(1, dtype=np.intp), returns.per_year)
        values[number] = alone.scores(np.ones((1, len(whole)), dtype=bool), by)[0, 0]
    return values

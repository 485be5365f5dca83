"""The question that decides: candidate minus champion, paired on the clock, net of every cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.core.hashing import sha256_json
from rook_bench.gates.check import Check, Power, Status
from rook_bench.gates.checks.bounds import no_champion
from rook_bench.gates.policy import Primary
from rook_bench.metrics import Analysis
from rook_bench.metrics.paired import days_needed
from rook_bench.stats.ledoit_wolf import sharpe_difference
from rook_bench.stats.power import detectable_effect, long_run_variance
from rook_bench.stats.spectra import lopsided, mean_over_spectra

UNIT = "bps per day"


def primary(asked: Primary, candidate: Analysis, champion: Analysis | None) -> Iterator[Check]:
    """The paired difference of net log returns, whole and without the market's part.

    Beside it, for information, the difference of Sharpe ratios.
    """
    title = f"net return vs champion ({asked.test})"
    if champion is None:
        yield no_champion(title, bound_of(asked))
        return
    mine, theirs = candidate.sampled.log_returns, champion.sampled.log_returns
    bucket_s = candidate.clock.bucket_s
    yield decide_difference(title, asked, mine - theirs, bucket_s)
    if asked.stretches > 1:
        yield from _stretches(asked, mine - theirs, bucket_s)
    if asked.market_taken_out:
        yield _without_market(asked, mine - theirs, candidate)
    estimate = sharpe_difference(
        mine,
        theirs,
        rng=generator(candidate, champion),
        periods_per_year=candidate.clock.periods_per_year,
        level=asked.level,
        replications=asked.replications,
    )
    interval = (
        "" if estimate.low is None else f", {asked.level:.0%} interval {estimate.low:+.3g} to {estimate.high:+.3g}"
    )
    detail = f"{estimate.value:+.3g}{interval}" if estimate.value is not None else str(estimate)
    yield Check("Sharpe ratio vs champion", "info", detail, estimate)


def decide_difference(title: str, asked: Primary, difference: NDArray[np.float64], bucket_s: int) -> Check:
    """Hold the interval of the mean difference against the policy's boundary.

    The interval allows for dependence that lasts (`stats.spectra`). Where the worst hour lies much further from the
    median one than the best, it is counted once more at the lower end: a source that sells tails had luck on most
    tapes. The same holds the other way round at the upper end.

    Args:
        difference: candidate minus champion log return by bucket, shape (n,).
        bucket_s: seconds in a bucket.
    """
    scale = 86_400 / bucket_s * 1e4
    boundary, bound = asked.boundary, bound_of(asked)
    if not np.isfinite(difference).all():
        reason = "equity fell to nothing, and has no logarithm there"
        estimate = Estimate.undefined(reason, n=len(difference), unit=UNIT)
        return Check(title, "fail", f"undefined: {reason}", estimate, bound, boundary)
    few = f"{len(difference)} buckets, {asked.min_buckets} asked" if len(difference) < asked.min_buckets else ""
    found = mean_over_spectra(difference, level=asked.level)
    per_bucket = found.estimate
    if per_bucket.value is None or per_bucket.low is None or per_bucket.high is None:
        reason = per_bucket.undefined_because or "no interval"
        estimate = Estimate.undefined(reason, n=per_bucket.n, unit=UNIT, convention=per_bucket.convention)
        # Where nothing ever differed the candidate is no worse, and no better; where little did, more tape may tell.
        never: Status = "pass" if boundary < 0 else "fail"
        undecided: Status = "inconclusive" if few or difference.any() else never
        return Check(title, undecided, few or f"undefined: {reason}", estimate, bound, boundary)
    down, up = lopsided(difference, max(1, 3600 // bucket_s))
    ends = (per_bucket.low - down, per_bucket.value, per_bucket.high + up)
    low, value, high = (number * scale for number in ends)
    convention = f"candidate minus champion, net log return, {per_bucket.convention}"
    estimate = Estimate(value, per_bucket.n, UNIT, convention, low, high, method=per_bucket.method)
    status: Status = "inconclusive"
    if not few:
        status = "pass" if low > boundary else "fail" if high < boundary else "inconclusive"
    power = resolve(asked, difference, bucket_s)
    detail = f"{value:+.1f} bps per day, {asked.level:.0%} interval {low:+.1f} to {high:+.1f}, {bound} asked"
    remarks = tuple(_shape(found.slow, down * scale, up * scale))
    if few:
        remarks = (*remarks, f"too few to say: {few}")
    elif status == "inconclusive":
        remarks = (*remarks, *_what_is_missing(power, value >= boundary))
    return Check(title, status, detail, estimate, bound, boundary, power, remarks=remarks)


def _shape(slow: float, down: float, up: float) -> Iterator[str]:
    """What the difference looks like where that makes the interval wider; bps per day."""
    if slow > 0.5:
        yield "the difference drifts for days, so that the tape holds few independent episodes"
    if down > 0:
        yield f"the worst hour lies far further out than the best, and counts twice at the lower end ({-down:+.1f})"
    if up > 0:
        yield f"the best hour lies far further out than the worst, and counts twice at the upper end ({up:+.1f})"


def _stretches(asked: Primary, difference: NDArray[np.float64], bucket_s: int) -> Iterator[Check]:
    """The same question on each of several stretches, with as long a gap between them."""
    title, parts = "net return vs champion, stretch", 2 * asked.stretches - 1
    length = len(difference) // parts
    for number in range(asked.stretches):
        part = difference[2 * number * length : (2 * number + 1) * length]
        days = length * bucket_s / 86_400
        name = f"{title} {number + 1} of {asked.stretches}"
        if days < asked.stretch_days:
            what = f"{days_text(days)} each with as long a gap between them, {days_text(asked.stretch_days)} asked"
            yield Check(name, "inconclusive", what, bound=bound_of(asked))
            continue
        yield decide_difference(name, asked, part, bucket_s)


def _without_market(asked: Primary, difference: NDArray[np.float64], candidate: Analysis) -> Check:
    """The difference less what it had from the market's own move: least squares on the pool's log return."""
    title, bucket_s = "net return vs champion, market taken out", candidate.clock.bucket_s
    moves = candidate.sampled.market_log_returns
    spread = moves - moves.mean() if len(moves) else moves
    power = float(spread @ spread)
    if not (np.isfinite(difference).all() and power > 0):
        return decide_difference(title, asked, difference, bucket_s)
    beta = float(spread @ difference) / power
    check = decide_difference(title, asked, difference - beta * moves, bucket_s)
    exposure = f"{beta:+.3f} of the pool's move was the market's"
    # What the tape can tell is said of the whole difference already.
    return replace(check, remarks=(exposure,), power=None)


def resolve(asked: Primary, difference: NDArray[np.float64], bucket_s: int) -> Power:
    """What a tape with these differences by bucket, shape (n,), can resolve."""
    variance = long_run_variance(difference)
    if not variance > 0:
        return Power(None, None, asked.power, asked.alpha)
    scale = 86_400 / bucket_s * 1e4
    least = detectable_effect(variance, len(difference), alpha=asked.alpha, power=asked.power) * scale
    days = days_needed(difference, bucket_s, boundary=asked.boundary, alpha=asked.alpha, power=asked.power)
    return Power(least, days.value, asked.power, asked.alpha)


def _what_is_missing(power: Power, above: bool) -> tuple[str, ...]:
    if power.detectable is None:
        return ("the difference hardly varies, so nothing can be said of its power",)
    least = f"this tape can tell {power.detectable:.0f} bps per day or more"
    if power.days_needed is None:
        return (least,)
    end = "promote" if above else "block"
    return (least, f"were the difference what it seems, about {days_text(power.days_needed)} of tape would {end}")


def days_text(days: float) -> str:
    """ "3.2 days", "40 days", "1,200 days (3.3 years)"."""
    if days < 10:
        return f"{days:.1f} days"
    return f"{days:,.0f} days" + (f" ({days / 365:,.1f} years)" if days >= 730 else "")


def bound_of(asked: Primary) -> str:
    """For example "above -5 bps per day"."""
    return f"above {asked.boundary + 0.0:g} bps per day"


def generator(candidate: Analysis, champion: Analysis) -> np.random.Generator:
    """Seeded by what was decided and on what, so that judging twice gives the same numbers."""
    runs = (candidate.run, champion.run)
    seed = sha256_json([candidate.run.frame.data_hash, *(run.decided.tape.content_hash for run in runs)])
    return np.random.default_rng(int(seed[:16], 16))


def shifted(asked: Primary, difference: NDArray[np.float64], bucket_s: int) -> NDArray[np.float64]:
    """The difference measured from the policy's boundary, so that the boundary is zero."""
    return difference - asked.boundary / (86_400 / bucket_s * 1e4)

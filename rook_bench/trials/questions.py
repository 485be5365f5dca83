"""What a judge asks the trial ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.trials.trial import Trial


@dataclass(frozen=True)
class Looks:
    """How often candidates were looked at on the market and time of a tape.

    Attributes:
        count: evaluations of candidates (benchmarks aside) on tapes that share swaps with this one, whatever
            their pool is called, or are of the same pool and time.
        candidates: different tries among them: another configuration or clock of the same decisions is one.
        first_at, last_at: when the first and the last of them were recorded, None where there is none.
    """

    count: int
    candidates: int
    first_at: str | None
    last_at: str | None


def looks_at(seen: Sequence[Trial]) -> Looks:
    """Count the looks among trials on the stretch (see `on_stretch`)."""
    times = sorted(trial.at for trial in seen)
    return Looks(
        count=len(seen),
        candidates=len({trial.identity for trial in seen}),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
    )


def _market(pool: dict[str, str]) -> list[str]:
    return sorted(pool["pair"].upper().replace("WETH", "ETH").split("/"))


def on_stretch(
    trials: Iterable[Trial],
    pool: dict[str, str],
    first_at: str,
    last_at: str,
    shares_swaps: Callable[[Trial], bool],
) -> list[Trial]:
    """The candidates' trials that looked at the same stretch of a market.

    Pools of one pair have one price, so that looking at one is looking at all. Simulated pools all start on the same
    day and have no address: only common swaps make them the same.

    Args:
        pool, first_at, last_at: of the tape.
        shares_swaps: whether a trial's tape holds swaps of it.
    """
    simulated = pool["chain"] == "simulated"

    def seen(trial: Trial) -> bool:
        same_time = _market(trial.pool) == _market(pool) and trial.first_at <= last_at and first_at <= trial.last_at
        return trial.role == "candidate" and ((same_time and not simulated) or shares_swaps(trial))

    return [trial for trial in trials if seen(trial)]


@dataclass(frozen=True, eq=False)
class Panel:
    """The different candidates tried on one tape and clock, side by side.

    Attributes:
        trials: the first evaluation of each candidate (by decisions and assumptions), in their order;
            candidates whose returns are undefined are left out.
        returns: their net log returns, float64, shape (n, k); column j belongs to `trials[j]`.
    """

    trials: list[Trial]
    returns: NDArray[np.float64]


def distinct(trials: list[Trial], data_hash: str, bucket_s: int) -> list[Trial]:
    """The first evaluation of each candidate on exactly this tape and clock."""
    first: dict[tuple[str, str, int], Trial] = {}
    for trial in trials:
        if trial.role == "candidate" and trial.data_hash == data_hash and trial.bucket_s == bucket_s:
            first.setdefault(trial.identity, trial)
    return list(first.values())

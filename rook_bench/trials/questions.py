"""What a judge asks the trial ledger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.trials.trial import Trial


@dataclass(frozen=True)
class Looks:
    """How often candidates were looked at on the market and time of a tape.

    Attributes:
        count: evaluations of candidates (benchmarks aside) on tapes of the same pool whose time
            overlaps this one's, whatever part of it they saw.
        candidates: different candidates among them (by their decisions).
        first_at, last_at: when the first and the last of them were recorded, None where there is none.
    """

    count: int
    candidates: int
    first_at: str | None
    last_at: str | None


def looks_at(trials: list[Trial], pool: dict[str, str], first_at: str, last_at: str, data_hash: str) -> Looks:
    """Count the looks among `trials`.

    Simulated pools all start on the same day and have no address: only the very same tape is the same stretch.
    """
    simulated = pool["chain"] == "simulated"
    seen = [
        trial
        for trial in trials
        if trial.role == "candidate"
        and trial.pool == pool
        and trial.first_at <= last_at
        and first_at <= trial.last_at
        and (not simulated or trial.data_hash == data_hash)
    ]
    times = sorted(trial.at for trial in seen)
    return Looks(
        count=len(seen),
        candidates=len({trial.decisions_hash for trial in seen}),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
    )


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
    first: dict[tuple[str, str], Trial] = {}
    for trial in trials:
        if trial.role == "candidate" and trial.data_hash == data_hash and trial.bucket_s == bucket_s:
            first.setdefault((trial.decisions_hash, trial.config_hash), trial)
    return list(first.values())

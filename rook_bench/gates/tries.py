"""What was tried before: what the gate takes from the trial ledger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Tries:
    """Evaluations up to one entry of the trial ledger.

    Attributes:
        head: hash of that entry.
        looks: evaluations of candidates whose tape overlaps this one in the same pool.
        candidates: different candidates among them.
        others: net log returns by bucket, shape (k,) each, of the other candidates that were tried
            on this very tape and clock.
        names: what a person calls those, in the same order; numbered where none are given.
        first_at, last_at: times of the first and the last look, ISO 8601.
    """

    head: str
    looks: int
    candidates: int
    others: tuple[NDArray[np.float64], ...] = ()
    first_at: str = ""
    last_at: str = ""
    names: tuple[str, ...] = ()

    @property
    def named(self) -> dict[str, NDArray[np.float64]]:
        """Returns of the other candidates by name."""
        names = self.names or tuple(f"try {number}" for number in range(1, len(self.others) + 1))
        return dict(zip(names, self.others, strict=True))

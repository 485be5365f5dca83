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
        looks: evaluations of candidates whose tape shares swaps with this one.
        candidates: different tries among them: another configuration or clock of the same decisions is one.
        others: net log returns less the champion's by bucket, shape (n,) each, of the other tries on this very
            tape; n is that of the try's own clock.
        names: what a person calls those, in the same order; numbered where none are given.
        unknown: how many other tries there are whose returns on this tape are not known.
        first_at, last_at: times of the first and the last look, ISO 8601.
    """

    head: str
    looks: int
    candidates: int
    others: tuple[NDArray[np.float64], ...] = ()
    first_at: str = ""
    last_at: str = ""
    names: tuple[str, ...] = ()
    unknown: int = 0

    @property
    def named(self) -> dict[str, NDArray[np.float64]]:
        """Differences of the other tries by name."""
        names = self.names or tuple(f"try {number}" for number in range(1, len(self.others) + 1))
        return dict(zip(names, self.others, strict=True))

"""The chance of a profit, told from a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rook_bench.core.config import Config


class Chance(Config):
    """The chance of a profit by score, a step function that rises: isotonic regression on the validation rows.

    Attributes:
        score, share: knots; between them the line, beyond them the ends.
    """

    score: list[float] = Field(min_length=1)
    share: list[float] = Field(min_length=1)

    @model_validator(mode="after")
    def _rising(self) -> Chance:
        rises = sorted(self.score) == self.score and sorted(self.share) == self.share
        if len(self.score) != len(self.share) or not rises or not (0 <= self.share[0] <= self.share[-1] <= 1):
            raise ValueError("the knots must rise, with shares from 0 to 1")
        return self

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance at each score, same shape; NaN where the score is."""
        return np.interp(score, self.score, self.share)

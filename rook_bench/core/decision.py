"""What a decision source wishes for: a side, a size, and under which limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from rook_bench.core.errors import InputError


class Side(IntEnum):
    """The three answers, coded as ROOK's train/val/test.csv codes them."""

    BUY = 0
    HOLD = 1
    SELL = 2


SIDE_NAMES = tuple(side.name for side in Side)


@dataclass(frozen=True, slots=True)
class Decision:
    """One wish at one swap. It is not an order: sizing and risk come after it.

    Attributes:
        side: BUY, SELL or HOLD; None when the answer could not be parsed, which is not a HOLD.
        size: wished fraction of the available balance, 0 to 1 (of quote for BUY, of base for SELL).
        slippage_bps: worst accepted price against the quote at decision time, in basis points.
        deadline_s: seconds after which the order must no longer execute.
        confidence: 0 to 1, or NaN where the source states none.
        reason: why, for a person (the rule that fired, say).
        raw_text: the answer as given, where a language model gave one.
    """

    side: Side | None
    size: float = 0.0
    slippage_bps: float = 50.0
    deadline_s: float = 300.0
    confidence: float = math.nan
    reason: str = ""
    raw_text: str = ""

    def __post_init__(self) -> None:
        if self.side is not None and not isinstance(self.side, Side):
            raise InputError(f"side must be a Side or None, not {self.side!r}", where="Decision")
        if not 0.0 <= self.size <= 1.0:
            raise InputError(f"size {self.size!r} is not between 0 and 1", where="Decision")
        if self.side in (Side.HOLD, None) and self.size != 0.0:
            raise InputError(f"a {self.side_name} has size 0, not {self.size!r}", where="Decision")
        if not 0.0 <= self.slippage_bps <= 10_000.0:
            raise InputError(f"slippage_bps {self.slippage_bps!r} is not between 0 and 10000", where="Decision")
        if not self.deadline_s >= 0.0:
            raise InputError(f"deadline_s {self.deadline_s!r} is negative or not a number", where="Decision")
        if not (math.isnan(self.confidence) or 0.0 <= self.confidence <= 1.0):
            raise InputError(f"confidence {self.confidence!r} is not between 0 and 1", where="Decision")

    @property
    def side_name(self) -> str:
        """BUY, HOLD, SELL or UNPARSED."""
        return "UNPARSED" if self.side is None else self.side.name

    @classmethod
    def hold(cls, reason: str = "", confidence: float = math.nan) -> Decision:
        """Do nothing, and say why."""
        return cls(Side.HOLD, reason=reason, confidence=confidence)

    @classmethod
    def unparsed(cls, raw_text: str, reason: str = "") -> Decision:
        """An answer that could not be read. It never trades and is counted apart from HOLD."""
        return cls(None, raw_text=raw_text, reason=reason)

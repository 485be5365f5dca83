"""What became of an order."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """The end of every order. Reverts and partial fills pay gas; rejections were never sent."""

    FILLED = 0
    PARTIAL = 1
    REJECTED = 2
    REVERTED_SLIPPAGE = 3
    REVERTED_DEADLINE = 4
    INSUFFICIENT_BALANCE = 5
    NO_LIQUIDITY = 6


OUTCOME_NAMES = tuple(outcome.name for outcome in Outcome)
